#!/usr/bin/env python3
"""Records histories of the court's model, for tests/model.rs.

    python3 court/tests/histories/record.py [COUNT [SEED]] > court/tests/histories/recorded.txt

The model (court/model) plays the rules as a program of its own, in phases and without blocks. Each history is what the parties
did and what each won or lost in the end. Where the model is coarser than the rules, a history is left out:

* sides go out undefended in rounds without boards only, and outsiders attack what opened lately: the model has no clock;
* who is out by its clock shows no false step later;
* ten at most cannot fetch, and nobody is drawn while five in a row could not;

or only its end is compared and not all amounts:

* drawn seats earn what an honest run costs, whatever they claim;
* who proves a step against a right report gets its bond back;
* no round ends with seats that cannot fetch where others of their kind could.
"""
import pathlib, random, sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "model"))
from court import FIXES, Court, World
from chance import Brain, Sample
from search import SEEDS


class Pairs(Sample):
    """Random answers, of which one is written down."""

    pair = False

    def pick(self, kind, options):
        answer = super().pick(kind, options)
        self.pair |= kind == "pair" and answer
        return answer


class Recorded(Court):
    """A history that writes down what happens."""

    def __init__(self, *args):
        super().__init__(*args)
        self.events, self.left_out = [], False
        self.dead_since, self.calls = None, 0

    def acct(self, name, bad=False):
        """Accounts of seats in the order of their numbers."""
        if name[0] in "sAF" and name[1:].isdigit():
            name = f"{int(name[1:]):02}{name[0]}"
        return super().acct(name, bad)

    def tell(self, *words):
        self.events.append(" ".join(map(str, words)))

    @staticmethod
    def words(report):
        return "".join(report.outs), report.claim

    def seal_drawn(self, seat, copy_from, point):
        self.left_out |= self.streak >= 5
        what = super().seal_drawn(seat, copy_from, point)
        self.calls += what == "unavailable"
        self.left_out |= self.calls > 10
        self.left_out |= what == "unavailable" and self.streak >= 5 and any(s.seal and s.kind == seat.kind for s in self.seats)
        state = what if what in ("silent", "unavailable") else "sealed"
        self.tell("drawn", seat.acct, seat.kind, state, *(self.words(seat.seal) if seat.seal else ()))
        if seat.tasks:
            self.sample = seat.tasks
        return what

    def tell_reveals(self, seats):
        told = [(seat.acct, "never" if not seat.opened else "late" if seat.late else "early")
                for seat in seats if seat.seal and seat.stand != "Away"]
        for when in ("early", "late", "never"):
            for name, how in told:
                if how == when:
                    self.tell("reveal", name, how)

    def reveals(self):
        super().reveals()
        self.tell_reveals(self.seats)

    def recompute(self):
        before = len(self.seats)
        goes_on = super().recompute()
        self.tell_reveals(self.seats[before:] if goes_on else ())
        return goes_on

    def close(self, board):
        out = not isinstance(board.by, str) and board.by.stand == "OutByClock"
        self.left_out |= out and board.loser == "by" and board.how == "OutByStep"
        super().close(board)

    def attack_round(self):
        start, before = len(self.boards), {s.acct for s in self.seats if s.standing()}
        opened = len(self.seats)
        changed = super().attack_round()
        new = self.boards[start:]
        for board in new:
            by = board.by if isinstance(board.by, str) else board.by.acct
            self.tell("board", by, board.target.acct, {"by": "by", "target": "target"}.get(board.loser, "-"), {"OutByStep": "step"}.get(board.how, "clock"))
            if isinstance(board.by, str) and self.dead_since is not None and self.seats.index(board.target) < self.dead_since:
                self.left_out = True
        self.tell("round", len(new))
        lost = {board.target.acct if board.loser == "target" else board.by if isinstance(board.by, str) else board.by.acct
                for board in new if board.loser in ("by", "target")}
        for seat in self.seats:
            if seat.acct in before and not seat.standing() and seat.acct not in lost:
                self.tell("dead", seat.acct)
                self.left_out |= bool(new)
                self.dead_since = opened
        return changed

    def finish(self, rstar, kind):
        end = super().finish(rstar, kind)
        right = lambda s: rstar is not None and (s.seal == rstar if s.tasks is None else self.audit_agrees(s, rstar))
        drawn = [s for s in self.seats if s.kind != "Primary" and s.seal and s.standing() and (rstar is None or right(s))]
        self.money = (
            all(s.seal.true() or (s.tasks and all(s.seal.outs[t] == "T" for t in s.tasks)) for s in drawn)
            and not any(isinstance(b.by, str) and b.target.stand == "OutByStep" and right(b.target) for b in self.boards)
            and not any(s.seal and s.kind == caller.kind for caller in self.callers for s in self.seats)
        )
        return end


def history(rng):
    r, n = rng.choice((1, 2, 2, 3)), rng.choice((1, 1, 6))
    world = World(
        r=r, n=n, p=rng.choice((1 / 32, 1 / 4)), C=1_200_000, P=rng.choice((600_000, 1_200_000, 150_000)),
        bad=tuple(rng.random() < 0.6 for _ in range(r)), client_bad=rng.random() < 0.4, client_serves=rng.random() < 0.8,
        outsiders=rng.choice((0, 1, 2)), watcher=rng.random() < 0.3, flood=rng.random() < 0.3, tx=0, fixes=FIXES,
    )
    brain = Brain(rng)
    if rng.random() < 0.5:
        brain.persona = dict(rng.choice(SEEDS))
    court = Recorded(world, brain, Pairs(rng, rng.choice((0.1, 0.3, 0.5)), rng.choice((0.25, 0.6, 1.0)), 0.5, min(4, n) / n))
    end = court.run()
    return world, court, end


def main():
    count, seed = (int(word) for word in (sys.argv[1:] + ["400", "1"][len(sys.argv) - 1 :]))
    rng, shapes, written = random.Random(seed), {}, 0
    while written < count:
        world, court, end = history(rng)
        if court.left_out or end.kind == "not started":
            continue
        # As many of each kind of end and course as there are, up to a few.
        course = tuple(sorted({tuple(e.split()[i] for i in (0, -1)) for e in court.events if not e.startswith(("round", "drawn"))}))
        shape = (end.kind, court.drawn, end.wrong, len(end.guilty), course)
        shapes[shape] = shapes.get(shape, 0) + 1
        if shapes[shape] > 1:
            continue
        written += 1
        print("history", world.n, int(1 / world.p), world.C, world.P, world.r, int(bool(court.drawn)), int(court.chance.pair),
              ",".join(map(str, getattr(court, "sample", ()))) or "-")
        for seat in court.seats:
            if seat.kind == "Primary" and seat.seal:
                print("sealed", seat.acct, *court.words(seat.seal))
        print(*court.events, sep="\n")
        print("end", end.kind.replace(" ", "-"), "".join(end.rstar.outs) if end.rstar else "-", int(court.money),
              ",".join(sorted(end.guilty)) or "-")
        for name, amount in sorted(court.bal.items()):
            if amount and name not in ("burn", "escrow", "slash"):
                print("net", name, amount)


if __name__ == "__main__":
    main()
