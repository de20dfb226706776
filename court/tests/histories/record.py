#!/usr/bin/env python3
"""Records histories of the court's model, for tests/model.rs.

    python3 court/tests/histories/record.py FOLDER_OF_THE_MODEL [COUNT [SEED]] > court/tests/histories/recorded.txt

The model plays the rules as a program of its own, in phases and without blocks; see docs/court.md. Each history is what the
parties did and what each won or lost in the end. Where the model is coarser than the rules, it is brought to their letter
here, or the history is left out, or only its end is compared:

* a board ends when its target is out by another one; who is out by its clock already shows no false step;
* claims are those of whole reports, late ones change no liability, and a seal that was never opened differs from everything;
* sides go out undefended in rounds without boards only, whose times the model does not compare;
* ten at most cannot fetch, and nobody is drawn while five in a row could not; outsiders attack what opened lately;
* amounts are compared if drawn seats earn what an honest run costs and at most one seat pays for being missing,
  and if no round ends with seats that cannot fetch where others of their kind could.
"""
import random, sys

sys.path.insert(0, sys.argv[1])
from court import FIXES, Court, Report, World, make_report
from chance import Brain, Sample
from search import SEEDS


class Recorded(Court):
    """A history that writes down what happens."""

    def __init__(self, *args):
        super().__init__(*args)
        self.events, self.left_out, self.sided, self.number = [], False, False, 0
        self.dead_since, self.revealing, self.calls = None, False, 0

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

    def pstar(self):
        claims = [s.seal.claim for s in self.seats if s.opened and s.tasks is None and not (self.revealing and s.late)]
        return min(self.w.C, max([self.w.C // 8] + claims))

    def differ(self, a, b):
        return super().differ(a, b) if a.opened and b.opened else 0

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
        self.revealing = True
        super().reveals()
        self.revealing = False
        self.tell_reveals(self.seats)

    def recompute(self):
        before = len(self.seats)
        goes_on = super().recompute()
        self.tell_reveals(self.seats[before:] if goes_on else ())
        return goes_on

    def close(self, board):
        seat = not isinstance(board.by, str)
        self.left_out |= seat and board.loser == "by" and board.how == "OutByStep" and board.by.stand == "OutByClock"
        if board.target.standing():
            super().close(board)
            return
        board.loser = ""
        if seat:
            self.must[frozenset((self.side(board.by), self.side(board.target)))] = self.side(board.target)

    def attack_round(self):
        start, before = len(self.boards), {s.acct for s in self.seats if s.standing()}
        opened = len(self.seats)
        changed = super().attack_round()
        new = self.boards[start:]
        for board in new:
            by = board.by if isinstance(board.by, str) else board.by.acct
            self.tell("board", by, board.target.acct, board.loser or "-", {"OutByStep": "step"}.get(board.how, "clock"))
            if isinstance(board.by, str) and self.dead_since is not None and self.seats.index(board.target) < self.dead_since:
                self.left_out = True
        self.tell("round", len(new))
        lost = {board.target.acct if board.loser == "target" else board.by if isinstance(board.by, str) else board.by.acct
                for board in new if board.loser}
        for seat in self.seats:
            if seat.acct in before and not seat.standing() and seat.acct not in lost:
                self.tell("dead", seat.acct)
                self.left_out |= bool(new)
                self.dead_since = opened
        return changed

    def finish(self, rstar, kind):
        self.kind, self.rstar_ = kind, rstar
        end = super().finish(rstar, kind)
        right = lambda s: rstar is not None and (s.seal == rstar if s.tasks is None else self.audit_agrees(s, rstar))
        drawn = [s for s in self.seats if s.kind != "Primary" and s.seal and s.standing() and (rstar is None or right(s))]
        owing = [s for s in self.seats if s.seal and s.acct not in end.guilty and s.stand in ("Silent", "OutByClock")]
        self.money = (
            all(s.seal.true() or (s.tasks and all(s.seal.outs[t] == "T" for t in s.tasks)) for s in drawn)
            and (len(owing) < 2 or not any(s.kind == "Fresh" for s in drawn))
            and not any(isinstance(b.by, str) and b.target.stand == "OutByStep" and right(b.target) for b in self.boards)
            and not (kind == "no data" and end.guilty)
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
    court = Recorded(world, brain, Sample(rng, rng.choice((0.1, 0.3, 0.5)), rng.choice((0.25, 0.6, 1.0)), 0.5, min(4, n) / n))
    end = court.run()
    return world, court, end


def main():
    count, seed = (int(word) for word in (sys.argv[2:] + ["400", "1"][len(sys.argv) - 2:]))
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
        pair = sum(s.kind == "Audit" for s in court.seats) > 1 and court.pair
        print("history", world.n, int(1 / world.p), world.C, world.P, world.r, int(bool(court.drawn)), int(bool(pair)),
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


class Pairs(Sample):
    pass


_pick = Sample.pick


def pick(self, kind, options):
    answer = _pick(self, kind, options)
    if kind == "pair":
        self.pair = answer
    return answer


Sample.pick = pick
Recorded.pair = property(lambda self: getattr(self.chance, "pair", False))

if __name__ == "__main__":
    main()
