#!/usr/bin/env python3
"""Executable model of the court (docs/court.md, the twelve rules): one shard, integers, no clock ticks.

A reference and an oracle.  `Court(world, brain, chance).run()` plays one history and returns an `End`.
* Chance is an object: `Enumerate` walks *every* random path (draw, pair, types of drawn seats, coverage)
  with its probability, so expectations are exact, no sampling noise.  The payoff of a path does not depend
  on f and eta, only its weight does: one enumeration serves the whole (f, eta) table.
* Adversary decisions are a table (point, context) -> option, filled at random, mutated by `search`.
* Honest parties follow section 7.  "Live" honest accounts are checked at every end (`check_end`).
Time is counted in market blocks per phase; moves on a board are abstracted to how it ends (rule 6).
Choices made where the rules are silent are marked CHOICE n.
"""
import random, sys
from dataclasses import dataclass, field
from chance import Enumerate, Sample, weight, Brain

# ---------------------------------------------------------------- parameters (section 4, 9.4)
MILL = 1_000_000                       # plancks of this model per MILL
FIXES = frozenset({"prover", "burn unpaid", "thin guilt", "caller stays", "late heals", "silent burns", "three of five", "client step"})   # the third round's repairs

@dataclass(frozen=True)
class World:
    """Constants of one shard and who belongs to the coalition."""
    r: int = 2
    n: int = 1
    p: float = 1 / 32
    C: int = 1_200_000                 # cap of the shard, 10-minute job
    P: int = 600_000                   # honest claim
    m: int = 8
    bad: tuple = (True, True)          # which primary seats the coalition holds
    client_bad: bool = False
    client_serves: bool = True         # an honest client may be offline after the hand-over
    outsiders: int = 1                 # coalition accounts outside the shard (bond B a board)
    watcher: bool = False              # one honest outsider re-executes and attacks what is false
    flood: bool = False                # the coalition can flood honest parties (they are then not "live")
    own_share: float = 1.0             # part of a reserve above L2 that is own bond, the rest is backing
    fixes: frozenset = FIXES           # all on = court.md; frozenset() = the rules before the third round
    MIN: int = 2 * MILL
    RHO: int = 6
    seat_fee: int = 10_000
    tx: int = 2_000                    # fees of one board, a side
    T: int = 667; W: int = 700; a: int = 1000
    @property
    def inv_p(self): return round(1 / self.p)
    def L1(self): return max(self.m * self.C * self.inv_p, 28 * self.C, self.MIN)      # rule 1
    def L2(self, pstar): return max(28 * pstar, max(self.MIN, 28 * -(-3 * self.C // 8)) + 3 * self.seat_fee)   # rule 4: a replay and a recomputation, though the liar claims nothing
    def L2C(self): return max(self.MIN, 28 * self.C)       # of drawn seats
    def late_slash(self): return self.L2C() // 20          # CHOICE: 5 %, court.md names no share

TRUE, FALSE_ALL, FALSE_B, FALSE_ONE = "T", "a", "b", "x"

@dataclass(frozen=True)
class Report:
    """Outcomes of all tasks and the claimed pay; equal reports are one side (rule 5)."""
    outs: tuple
    claim: int
    def true(self): return all(o == TRUE for o in self.outs)

def make_report(world, what):
    """'T' truth; 'a','b' forge all with claim C; 'a0' forges all with claim 0; 'x' forges task 0 only."""
    n, C, P = world.n, world.C, world.P
    if what == "T": return Report((TRUE,) * n, P)
    if what == "a0": return Report(("a",) * n, 0)
    if what == "x": return Report(("x",) + (TRUE,) * (n - 1), P + (C - P) // n)
    return Report((what,) * n, C)

@dataclass
class Seat:
    kind: str                          # Primary | Audit | Fresh
    acct: str
    bad: bool
    live: bool = True                  # honest, on line, computes (False: flooded or lazy)
    own: int = 0; backing: int = 0     # rule 1: a slash takes from these two numbers only
    seal: object = None
    opened: bool = False
    late: bool = False
    stand: str = "Sealed"              # Standing | Silent | OutByClock | OutByStep | Away
    tasks: tuple = None                # audit: sampled tasks; None: all
    opened_at: int = 0
    def standing(self): return self.stand == "Standing"

@dataclass
class Board:
    by: object                         # Seat or name of an outside account
    target: Seat
    bond: int
    by_true: bool                      # is the author's claim at the leaf true
    tgt_true: bool
    loser: str = ""                    # "by" | "target" | "" (ended by another board)
    how: str = ""

@dataclass
class End:
    rstar: object; kind: str; time: int; wrong: bool
    gain: int                          # coalition: money minus work
    live: dict = field(default_factory=dict)     # live honest account -> (money change, work)
    guilty: dict = field(default_factory=dict)
    log: list = field(default_factory=list)

# ---------------------------------------------------------------- the court
class Court:
    def __init__(self, world, brain, chance, trace=False):
        self.w, self.brain, self.chance = world, brain, chance
        self.bal, self.work, self.bad_accts = {}, {}, set()
        self.seats, self.boards, self.time, self.rounds = [], [], 0, 0
        self.fresh_used, self.drawn, self.thin, self.pstar_set = 0, None, False, None
        self.log = [] if trace else None
        self.callers, self.streak, self.knows = [], 0, False
        self.revealing = False
        self.most = 5 if "three of five" in world.fixes else 6
        self.must = {}                                  # (side, side) -> side that must open the next board
    # -- money: every planck moves between named accounts, the sum never changes
    def acct(self, name, bad=False):
        if name not in self.bal:
            self.bal[name] = 0; self.work[name] = 0
            if bad: self.bad_accts.add(name)
        return name
    def pay(self, a, b, x):
        assert x >= 0, (a, b, x)
        self.bal[a] -= x; self.bal[b] = self.bal.get(b, 0) + x
    def say(self, *x):
        if self.log is not None: self.log.append(" ".join(map(str, x)))
    def computes(self, seat):
        """Work of computing the shard: P; a coalition computes once for all of its accounts."""
        if seat.bad:
            if self.knows: return
            self.knows = True
        share = len(seat.tasks) / self.w.n if seat.tasks else 1
        self.work[seat.acct] += int(self.w.P * share)

    # -- rule 1, 2
    def run(self):
        w = self.w
        self.chance.start()
        self.acct("client", w.client_bad); self.acct("burn"); self.acct("escrow")
        advance = 4 * (w.C + w.C // 20) + 5 * w.seat_fee
        self.pay("client", "escrow", w.r * (w.C + w.C // 20 + w.seat_fee) + advance)
        for i in range(w.r):
            s = Seat("Primary", self.acct(f"s{i}", w.bad[i]), w.bad[i])
            self.reserve(s, w.L1()); self.seats.append(s)
            what = "T"
            if s.bad: what = self.brain.ask("seal", (i,), ["T", "a", "a", "a", "b", "a0", "away"] + (["x"] if w.n > 1 else []))
            if what == "away":
                s.stand = "Away"; self.take(s, w.late_slash()); continue
            s.seal = make_report(w, what)
            if what in "Tx": self.computes(s)
            self.say("seal", s.acct, what)
        self.time += w.a
        prim = [s for s in self.seats if s.seal]
        if not prim: return self.finish(None, "not started")
        self.drawn = self.chance.pick("draw", [False, True])
        self.say("drawn", self.drawn)
        if self.drawn and not self.audit(): return self.no_data()
        self.reveals()
        kind = self.dispute()
        return self.no_data() if kind == "no data" else self.finish(self.rstar, kind)
    def reserve(self, s, amount):
        own = min(amount, int(max(self.w.L2C(), self.w.own_share * amount)))   # rule 1: own covers L2
        s.own, s.backing = own, amount - own
        if s.bad: self.acct(s.acct, True)
    def take(self, s, x, to="burn"):
        """Slash from this seat's own two numbers only (rule 1); returns (own, backing) taken."""
        o = min(x, s.own); b = min(x - o, s.backing)
        s.own -= o; s.backing -= b
        self.pay(s.acct, to, o); self.pay(s.acct, "burn", b)
        return o, b

    def lose(self, s, x, work):
        """Burns an amount, of which the recomputation that is still unpaid is paid first; returns how much of it was."""
        part = min(s.own, x, work)
        s.own -= part; self.pay(s.acct, "escrow", part)
        self.take(s, x - part)
        return part

    # -- data (rule 11)
    def data(self):
        """Can an honest drawn seat fetch?  From the client or from any live honest seat (section 7)."""
        if not self.w.client_bad and (self.w.client_serves or "caller stays" in self.w.fixes): return True
        if any(not s.bad and s.live and s.seal for s in self.seats): return True
        return self.brain.ask("serve", (bool(self.drawn), self.fresh_used > 0), [True, False])
    def draw_seat(self, kind):
        """A seat of the wide pool: the coalition's (f), an honest one who computes, or a lazy one."""
        t = self.chance.pick("pool", ["good", "lazy", "bad"])
        s = Seat(kind, self.acct(f"{kind[0]}{len(self.seats)}", t == "bad"), t == "bad", live=t == "good")
        self.reserve(s, self.w.L2C()); self.seats.append(s)
        return s
    def seal_drawn(self, s, copy_from, point):
        """What a drawn seat does: seals truth, copies, calls `unavailable`, or stays silent."""
        w = self.w
        if s.bad:
            lie = copy_from is not None and not copy_from.true()
            what = self.brain.ask(point, (bool(self.drawn), lie, any(p.bad for p in self.seats if p.kind == "Primary")),
                                  ["T", "copy", "copy", "b", "silent", "unavailable"])
        elif s.live:
            what = "T" if self.data() else "unavailable"
            if w.flood and self.brain.ask("flood " + point, (bool(self.drawn),), [False, True]): what, s.live = "silent", False
        else: what = "copy"
        if what == "copy" and copy_from is None: what = "T"
        if what == "copy": s.seal = copy_from
        elif what in "Tb": s.seal = make_report(w, what)
        if what == "T": self.computes(s)
        if what == "unavailable": s.stand = "Away"; self.callers.append(s); self.streak += 1
        elif what == "silent": s.stand = "Away"; self.take(s, w.late_slash())
        else: self.streak = 0
        self.say(point, s.acct, "bad" if s.bad else "live" if s.live else "lazy", what)
        return what

    # -- rule 3
    def audit(self):
        """True: sealed or failed, the reveals open.  False: five `unavailable` in a row (rule 11)."""
        w = self.w
        first = 2 if self.chance.pick("pair", [False, True]) else 1
        prim = next(s for s in self.seats if s.seal)
        asked, sealed = 0, []
        tasks = tuple(range(min(4, w.n)))
        if w.n > 4 and not self.chance.pick("cover", [False, True]): tasks = tuple(range(1, 5))   # task 0 not sampled
        for wave in (first, 2, 1):
            wave = min(wave, 4 - asked)
            asked += wave
            for _ in range(wave):
                while True:                              # CHOICE 1: `unavailable` is replaced and not counted
                    s = self.draw_seat("Audit"); s.tasks = tasks
                    self.time += w.a
                    if self.seal_drawn(s, prim.seal, "audit") != "unavailable": break
                    if self.streak >= 5: break
                if s.seal: sealed.append(s)
                if self.streak >= 5 and not sealed: return False    # CHOICE 7: five in a row while nobody sealed
            if sealed: break
        if sealed: self.callers_pay()
        else: self.thin = True
        return True
    def callers_pay(self):
        """Rule 11: "if a later one can fetch, the callers pay late_slash"; fix: a seat fee, as who declines."""
        for s in self.callers: self.take(s, self.w.seat_fee if "caller stays" in self.w.fixes else self.w.late_slash())
        self.callers = []
    def no_data(self):
        """Rule 11: client refunded, seats unpaid; in a drawn shard C/p of each that sealed, burned (`undecided`)."""
        return self.finish(None, "no data")

    # -- rule 4
    def reveals(self):
        w = self.w
        others = any(s.kind == "Audit" and s.seal and not s.bad for s in self.seats)
        for s in self.seats:
            if not s.seal or s.stand == "Away": continue
            how = "early"
            if s.bad: how = self.brain.ask("reveal", (s.kind, s.seal.true(), bool(self.drawn), others), ["early", "early", "late", "never"])
            elif s.live and w.flood and s.kind == "Primary" and self.brain.ask("flood reveal", (bool(self.drawn), others), [False, True]):
                how, s.live = "late", False
            s.opened, s.late = how != "never", how == "late"
            s.stand = "Standing" if how == "early" else "Silent"
            s.opened_at = self.time
            self.say("reveal", s.acct, how)
        self.time += 600
        self.revealing = True; self.pstar_set = self.pstar(); self.revealing = False      # late claims change no liability
        if not self.drawn:                               # L1 becomes L2; CHOICE 2: P* of this moment sizes it
            for s in self.seats:
                if s.kind == "Primary" and s.seal:
                    self.reserve(s, min(s.own + s.backing, w.L2(self.pstar_set)))
    def pstar(self):
        sample = lambda s: sum((self.w.P if s.seal.outs[t] == TRUE else self.w.C) // self.w.n for t in s.tasks)   # an audit's, for its tasks
        claims = [sample(s) if s.tasks else s.seal.claim for s in self.seats if s.opened and not (self.revealing and s.late)]
        return min(self.w.C, max([self.w.C // 8] + claims))

    # -- rules 5 to 9
    def differ(self, a, b):
        """First task where two seats' seals differ (audit seats speak about their tasks only); a seal that is not open differs."""
        if not a.opened or not b.opened: return 0
        for t in range(self.w.n):
            if (a.tasks is None or t in a.tasks) and (b.tasks is None or t in b.tasks) and a.seal.outs[t] != b.seal.outs[t]: return t
        if a.tasks is None and b.tasks is None and a.seal.claim != b.seal.claim: return 0
        return None
    def side(self, s): return (s.seal, s.tasks)
    def sides(self):
        d = {}
        for s in self.seats:
            if s.standing(): d.setdefault(self.side(s), []).append(s)
        return d
    def dispute(self):
        self.rstar = None
        for self.rounds in range(1, 60):
            changed = self.attack_round()
            if changed or self.heals(): continue
            r = self.try_rstar()
            if r: self.rstar = r; return "accepted"
            if self.fresh_used >= self.most or not self.need_fresh(): break
            if not self.recompute(): return "no data"
        else: raise AssertionError("no way on: more than 60 rounds")
        standing = {s.seal for s in self.seats if s.standing() and s.tasks is None}   # rule 9's end
        if len(standing) == 1:
            r = next(iter(standing))
            doubt = any(s.kind == "Primary" and s.opened and s.seal != r and s.stand == "Silent" for s in self.seats)
            if not ("thin guilt" in self.w.fixes and doubt): self.rstar = r; return "paid thin"      # fix: a late blind seal that differs
        return "Unresolved"
    def attack_round(self):
        """Boards of one window; returns whether anything happened."""
        w, start, changed = self.w, len(self.boards), False
        sides = self.sides(); keys = list(sides)
        dead = []
        for i, x in enumerate(keys):
            for y in keys[i + 1:]:
                t = self.differ(sides[x][0], sides[y][0])
                if t is None: continue
                if "prover" in w.fixes and (self.spoken_for(x, y, sides) or self.spoken_for(y, x, sides)): continue
                must = self.must.get(frozenset((x, y)), "both")
                b = None
                for sx, sy in ((x, y), (y, x)):
                    if must not in ("both", sx): continue
                    mover = next((s for s in sides[sx] if self.attacks(s, sides[sy][0], t)), None)
                    if mover:
                        tgt = sides[sy][0]
                        if mover.bad and len(sides[sy]) > 1 and self.brain.ask("which", (tgt.bad,), [0, 1]): tgt = sides[sy][-1]
                        b = Board(mover, tgt, 0, mover.seal.outs[t] == TRUE, tgt.seal.outs[t] == TRUE); break
                if b: self.boards.append(b)
                else: dead += ([x, y] if must == "both" else [must])
                changed = True
        if self.rounds <= 8:                             # outside attackers of the coalition, one board a pair of accounts
            for k in range(w.outsiders):
                name = self.acct(f"x{k}", True)
                for s in list(self.seats):
                    if s.standing() and not any(b.by == name and b.target is s for b in self.boards):
                        ctx = (k, s.bad, s.kind, s.seal.true(), bool(self.drawn))
                        act = self.brain.ask("outsider", ctx, ["no", "no", "lie", "truth"])
                        if act == "no" or (act == "truth" and s.seal.true()): continue
                        bond = w.L2(self.pstar()); self.pay(name, "escrow", bond)
                        self.boards.append(Board(name, s, bond, act == "truth", act == "lie" and s.seal.outs[0] == TRUE)); changed = True
        if w.watcher:               # an honest watcher attacks one false report a side
            for key, ss in sides.items():
                if not key[0].true() and key[1] is None and not any(b.target in ss and b.loser != "by" for b in self.boards):
                    self.acct("watcher"); bond = w.L2(self.pstar()); self.pay("watcher", "escrow", bond)
                    self.boards.append(Board("watcher", ss[0], bond, True, False)); changed = True
        for b in self.boards[start:]: self.play(b)
        for b in self.boards[start:]: self.close(b)
        for x in dead:
            for s in self.sides().get(x, []): self.out(s, "OutByClock", "nobody defends")
        if changed: self.time += w.W + 2 * w.T
        return changed
    def spoken_for(self, x, y, sides):
        """Fix: an audit seat is on the side of a standing report that equals it on its tasks; that one plays first."""
        return x[1] is not None and any(z[1] is None and z != y and all(z[0].outs[t] == x[0].outs[t] for t in x[1]) and (
            y[1] is not None or any(z[0].outs[t] != y[0].outs[t] for t in range(self.w.n))) for z in sides)
    def attacks(self, s, target, t):
        """Does this seat open the board?  Honest: yes (section 7).  Lazy: only with the truth."""
        if s.bad: return self.brain.ask("attack", (s.kind, s.seal.outs[t] == TRUE, target.bad, target.kind), [True, False])
        if s.live and self.w.flood and s.kind == "Primary" and self.brain.ask("flood board", (bool(self.drawn),), [False, True]): s.live = False; return False
        return s.seal.outs[t] == TRUE
    def play(self, b):
        """Rule 6, abstract: both act; who stops, shows a false step or cannot open loses."""
        by_bad = b.by in self.bad_accts if isinstance(b.by, str) else b.by.bad
        by_live = isinstance(b.by, str) or b.by.live
        name = b.by if isinstance(b.by, str) else b.by.acct
        acts = {}
        for who, bad, live, true, other_bad in (("by", by_bad, by_live, b.by_true, b.target.bad), ("target", b.target.bad, b.target.live, b.tgt_true, by_bad)):
            if bad: acts[who] = self.brain.ask("move", (who, true, other_bad, isinstance(b.by, str), bool(self.drawn)), ["move", "stall", "err"] if true else ["stall", "step", "clock"])
            else:
                acts[who] = "move" if true else "stall"
                if who == "target" and b.target.live and self.w.flood and b.target.kind != "Audit" and self.brain.ask("flood target", (b.target.kind, bool(self.drawn)), [False, True]):
                    b.target.live = False; acts[who] = "stall"
        true = [x for x in ("by", "target") if (b.by_true if x == "by" else b.tgt_true)]
        played = lambda x: self.work.__setitem__(name if x == "by" else b.target.acct, self.work[name if x == "by" else b.target.acct] + self.w.RHO * self.w.P)
        if true:
            t = true[0]; o = "target" if t == "by" else "by"
            if acts[t] == "move":
                b.loser, b.how = o, "OutByStep" if acts[o] == "step" else "OutByClock"
                if acts[o] != "stall": played(t)
            elif acts[t] == "err": b.loser, b.how = t, "OutByStep"
            else: b.loser, b.how = ("target" if acts[o] == "stall" else t), "OutByClock"
        else:                                            # two lies: whoever stalls; else the target, by a step if it likes
            b.loser = "by" if acts["by"] == "stall" != acts["target"] else "target"
            b.how = "OutByStep" if acts[b.loser] == "step" else "OutByClock"
        for x in (name, b.target.acct): self.pay(x, "burn", self.w.tx)
        self.say("board", name, "->", b.target.acct, acts, "loser", b.loser, b.how)
    def close(self, b):
        if not b.target.standing():                      # rule 6: target out by another board
            b.how, b.loser = ("", "") if isinstance(b.by, str) else ("", "ended")
        elif b.loser == "target": self.out(b.target, b.how, b)
        elif isinstance(b.by, Seat) and b.by.standing(): self.out(b.by, b.how, b)
        if isinstance(b.by, Seat):
            x, y = self.side(b.by), self.side(b.target)
            self.must[frozenset((x, y))] = x if b.loser == "by" else y
    def out(self, s, how, why):
        if s.stand == "OutByStep" or not s.standing(): return
        s.stand = how; self.say("out", s.acct, how)
        for key in [k for k in self.must if self.side(s) in k]: pass
    def heals(self):
        """Rule 8: a late seal was blind; if all say the same, all stand, and may be attacked."""
        seats = [s for s in self.seats if s.stand != "Away"]
        if "late heals" not in self.w.fixes or self.boards or self.fresh_used or not any(s.stand == "Silent" for s in seats): return False
        known = {s.seal for s in seats if s.opened and s.tasks is None}
        if len(known) != 1 or not all(s.opened for s in seats) or not all(self.audit_agrees(s, next(iter(known))) for s in seats): return False
        for s in seats: s.stand = "Standing"
        return True
    def need_fresh(self):
        """Rule 8."""
        seats = [s for s in self.seats if s.stand != "Away"]
        full = {s.seal for s in seats if s.standing() and s.tasks is None}
        if self.fresh_used: return True
        if any(s.stand in ("Silent", "OutByClock") for s in seats) or not full: return True
        return any(s.stand in ("OutByClock", "OutByStep") and s.seal in full for s in seats)
    def try_rstar(self):
        """Rule 9: the only standing report, audit not against it, two fresh seats if rule 8 applied."""
        need = self.need_fresh()
        full = {s.seal for s in self.seats if s.standing() and s.tasks is None}
        if len(full) != 1: return None
        r = next(iter(full))
        if not need: return r
        votes = sum(s.kind == "Fresh" and s.standing() and s.seal == r for s in self.seats)
        votes += any(self.audit_confirms(s, r) for s in self.seats)
        need = 3 if "three of five" in self.w.fixes and self.fresh_used > 3 else 2      # fix: replaced seats cost a third vote
        return r if votes >= need and self.fresh_used else None
    def audit_agrees(self, s, r): return s.tasks is None or all(s.seal.outs[t] == r.outs[t] for t in s.tasks)
    def audit_confirms(self, s, r):
        """CHOICE 3: one vote in all, of an audit seat standing, equal to r, differing from a removed or silent report."""
        return s.kind == "Audit" and s.standing() and all(s.seal.outs[t] == r.outs[t] for t in s.tasks) and any(
            o.kind == "Primary" and o.seal and o.opened and any(o.seal.outs[t] != r.outs[t] for t in s.tasks) for o in self.seats)
    def recompute(self):
        """Rule 8: three, then one by one, six in all; False if five in a row cannot fetch."""
        n = 3 if not self.fresh_used else 1
        self.streak = 0                                  # each round counts its own
        shown = next((s.seal for s in self.seats if s.standing() and s.tasks is None), None) or next((s.seal for s in self.seats if s.opened and s.tasks is None), None)
        new = []
        while n and self.fresh_used < self.most:
            s = self.draw_seat("Fresh")
            what = self.seal_drawn(s, shown, "fresh")
            if what == "unavailable":
                if self.streak >= 5:
                    if not any(x.seal for x in new): return False
                    break
                continue
            self.fresh_used += 1; n -= 1                 # CHOICE 4: a silent one is one of the six
            if what == "silent": n += 1; continue
            new.append(s)
        for s in new:
            how = self.brain.ask("open", (s.seal.true(), bool(self.drawn)), ["early", "early", "never"]) if s.bad else "early"
            s.opened = how == "early"; s.stand = "Standing" if s.opened else "Silent"
        if any(s.seal for s in new): self.callers_pay()
        self.time += self.w.a + self.w.W
        return True

    # -- rule 10
    def finish(self, rstar, kind):
        w = self.w; r = rstar; proven = r is not None and kind in ("accepted",)
        ps = min(w.C, max(self.pstar(), r.claim if r else 0))
        seats = [s for s in self.seats if s.seal and s.stand != "Away"]
        guilty = {}
        right = lambda s: r is not None and (s.seal == r if s.tasks is None else all(s.seal.outs[t] == r.outs[t] for t in s.tasks))
        for s in seats:
            step = s.stand == "OutByStep"
            if proven: bad = step or not s.opened or not right(s)
            elif kind == "no data": bad = step
            else: bad = step or (not s.opened and bool(self.drawn))
            if bad: guilty[s.acct] = (s, w.L1() if s.kind == "Primary" and self.drawn else w.L2C() if s.kind != "Primary" else w.L2(ps))
        # who is paid for drawn work
        costs = []
        for s in seats:
            if s.kind == "Primary" or s.acct in guilty or not s.standing(): continue
            if proven and not right(s): continue
            costs.append((s, int(w.P * (len(s.tasks) / w.n if s.tasks else 1)) + w.seat_fee))
        fresh_cost = sum(c for s, c in costs if s.kind == "Fresh")
        paid = 0                                         # part of the recomputation already covered
        # slashes, waterfall
        for name, (s, amount) in sorted(guilty.items()):
            o, b = self.take(s, amount, "slash" if "slash" in self.bal else self.acct("slash"))
            winners, is_audit, replayed = self.provers(s, guilty, right)
            kept = min(7 * ps, o) if replayed else 0         # a replay is paid whole, whatever the recomputation costs
            x = min(o - kept, fresh_cost - paid); paid += x; self.pay("slash", "escrow", x); o -= x
            step = s.stand == "OutByStep"
            cap = o if step else 7 * ps
            quarter = min((o + b) // 4, o) if is_audit else min(max(o // 4, 7 * ps), cap, o)
            if "silent burns" in w.fixes and not step and not any(b.loser and s in (b.by, b.target) for b in self.boards):
                cap = 0; quarter = quarter if is_audit else 0            # fix: who was never on a board enriches nobody but the audit
            owed = {v: 7 * ps for v in replayed}             # replays first; who has more as a prover has that
            for v in winners: owed[v] = max(owed.get(v, 0), quarter // len(winners))
            for v, amount in owed.items(): self.pay("slash", v, min(amount, self.bal["slash"]))
            self.pay("slash", "client", 0 if "client step" in w.fixes and not step else min(o // 4, cap, self.bal["slash"]))
            self.pay("slash", "burn", self.bal["slash"])
        lose = lambda s, amount: self.lose(s, amount, fresh_cost - paid)
        if not proven and "thin guilt" in w.fixes:       # fix: who lost a board by clock to one that stands pays it 7 P*
            for bd in self.boards:
                how = bd.target.stand if bd.loser == "ended" else bd.how         # or was out by another clock while that one played it
                if how != "OutByClock" or not bd.loser: continue
                win, lost = (bd.target, bd.by) if bd.loser == "by" else (bd.by, bd.target)
                if not isinstance(win, Seat) or not win.standing() or (r is None and win.kind != "Audit"): continue
                if not isinstance(lost, str) and lost.acct in guilty: continue
                wn = win.acct
                if isinstance(lost, str): x = min(7 * ps, bd.bond // 4); self.pay("escrow", wn, x); bd.bond -= x
                else: self.take(lost, min(7 * ps, lost.own), wn)
        for s in seats if not proven else ():            # what burns pays for the recomputation first
            if s.acct in guilty: continue
            against = any(v.kind == "Audit" and v.standing() and self.differ(v, s) is not None for v in seats)
            if s.kind == "Primary" and kind == "no data" and self.drawn: paid += lose(s, w.C * w.inv_p)
            elif s.kind == "Primary" and kind in ("Unresolved", "paid thin") and self.drawn and s.stand in ("OutByClock", "Silent") and s.opened and against:
                paid += lose(s, w.L1())                  # fix: the audit differed and still stands
            elif s.kind != "Primary" and s.stand == "Silent" and not s.opened: paid += lose(s, w.late_slash())   # as who never sealed
        # bonds of outside attackers: B a board
        for bd in self.boards:
            if not isinstance(bd.by, str): continue
            false = (proven and right(bd.target)) or (bd.loser == "by" and bd.how == "OutByStep")
            if not false: self.pay("escrow", bd.by, bd.bond); continue
            # CHOICE 5: B first pays a recomputation only if the attack removed a right report; the target is the prover
            x = min(bd.bond, fresh_cost - paid) if bd.loser == "target" else 0
            paid += x; rest = bd.bond - x; tgt = bd.target.acct
            replay = min(7 * ps, bd.bond // 4)               # P* may have grown since
            part = rest // 4 if bd.how == "OutByStep" and bd.loser == "by" else min(rest // 4, replay)
            mine = min(max(part, replay), rest) if tgt not in guilty else 0      # a replay is paid whole
            part = min(part, rest - mine)
            self.pay("escrow", tgt, mine); self.pay("escrow", "client", part); self.pay("escrow", "burn", rest - part - mine)
        # (2) silent and out by clock, at most 4 P* each
        owing = [s for s in seats if s.acct not in guilty and s.stand in ("Silent", "OutByClock")]
        owing.sort(key=lambda s: min(4 * ps, s.own))     # what a purse lacks the others pay
        for k, s in enumerate(owing):
            x = min(4 * ps, s.own, -(-(fresh_cost - paid) // (len(owing) - k))); paid += x
            s.own -= x; self.pay(s.acct, "escrow", x)
        for s, c in costs: self.pay("escrow", s.acct, c - w.seat_fee); self.pay("escrow", "burn", w.seat_fee)
        if r is not None:
            for s in seats:
                if s.kind == "Primary" and s.acct not in guilty and s.standing() and s.seal == r:
                    self.pay("escrow", s.acct, r.claim); self.pay("escrow", "burn", r.claim // 20)
                elif s.kind == "Primary" and "burn unpaid" in w.fixes and s.acct not in guilty and s.opened and s.seal == r and s.stand != "Away":
                    self.pay("escrow", "burn", r.claim + r.claim // 20)      # fix: right but silent: nobody gains its pay
        for s in self.seats:
            if s.kind == "Primary" and s.stand != "Away": self.pay("escrow", "burn", w.seat_fee)
        self.time += 7 * 28_800 if guilty else 0
        self.pay("escrow", "client", self.bal["escrow"]) if self.bal["escrow"] >= 0 else None
        return self.check_end(rstar, kind, guilty)
    def provers(self, s, guilty, right):
        """Rule 10's order; 'fix prover' puts the seat that played before the fresh seats."""
        ok = lambda v: v.acct not in guilty and right(v) and v.opened
        fixed = "prover" in self.w.fixes
        audits = [v.acct for v in self.seats if (s.kind == "Primary" or not fixed) and v.kind == "Audit" and v.seal and v.standing() and ok(v) and v is not s and (s.tasks or self.differ(v, s) is not None)]
        fresh = [v.acct for v in self.seats if v.kind == "Fresh" and v.seal and v.standing() and ok(v) and v is not s]
        had = [x.acct for b in self.boards for x in ((b.by,) if b.target is s else (b.target,) if b.by is s else ()) if isinstance(x, Seat) and ok(x)]
        ended = [b.by.acct for b in self.boards if b.target is s and b.loser == "ended" and b.by.acct not in guilty and b.by.standing()]
        step = [b.by for b in self.boards if b.target is s and isinstance(b.by, str) and b.loser == "target" and b.how == "OutByStep"]
        won = [x.acct for b in self.boards for x in ((b.by,) if b.target is s and b.loser == "target" else (b.target,) if b.by is s and b.loser == "by" else ())
               if isinstance(x, Seat) and x.acct not in guilty and x.standing()]
        if fixed:                                        # fix: who *won* the board, or was playing it; a step needs no R*
            some = won if s.stand == "OutByStep" else []
            had = [a for a in won if a in had] or some or [a for a in ended if a in had] or (ended if s.stand == "OutByStep" else [])
        replayed = (had[:1] if fixed else []) + step     # fix: the seat that played gets 7 P*
        if audits: return audits[:2], True, replayed
        fresh.sort(key=lambda a: a not in had)           # CHOICE 6: the fresh seat that played; else the first to open
        fresh = fresh[:1]
        first, second = (had[:1], fresh) if fixed else (fresh, had[:1])
        if first or second: return first or second, False, replayed
        for how in ("OutByStep", "OutByClock"):
            for b in self.boards:
                if b.target is s and isinstance(b.by, str) and b.loser == "target" and b.how == how: return [b.by], False, replayed
        return [], False, replayed
    def check_end(self, rstar, kind, guilty):
        """Invariants of section 8.2 that hold on every path."""
        assert sum(self.bal.values()) == 0, ("money", self.bal)
        assert self.bal["escrow"] == 0, ("escrow short or left", self.bal["escrow"], kind)
        assert self.fresh_used <= 6, "fresh"
        gain = sum(self.bal[a] - self.work[a] for a in self.bad_accts)
        live = {s.acct: (self.bal[s.acct], self.work[s.acct]) for s in self.seats if not s.bad and s.live}
        if "watcher" in self.bal: live["watcher"] = (self.bal["watcher"], self.work["watcher"])
        for s in self.seats:
            if not s.bad and s.live and s.seal: assert s.stand not in ("OutByStep", "OutByClock", "Silent") or kind == "no data", ("live honest out", s)
        wrong = rstar is not None and not rstar.true()
        assert not (wrong and any(s.kind == "Primary" and not s.bad and s.live and s.seal for s in self.seats)), ("lie beside a live honest seat", self.log)
        return End(rstar, kind, self.time, wrong, gain, live, {k: v[1] for k, v in guilty.items()}, self.log)

# ---------------------------------------------------------------- evaluation and search
def walk(world, brain, limit=0):
    """All random paths of one strategy: list of (counts, End)."""
    ch, out = Enumerate(), []
    while True:
        out.append((Court(world, brain, ch).run(), ch.counts()))
        if not ch.next(): return out
        if limit and len(out) > limit: return None

def expect(paths, world, f, eta, what):
    cover = min(4, world.n) / world.n
    return sum(weight(c, f, eta, world.p, cover) * what(e) for e, c in paths)

GRID = [(f, e) for f in (.1, .3, .5) for e in (.25, .6, 1.0)]

if __name__ == "__main__":                              # smoke test: 2,000 random strategies, every invariant
    rng, kinds = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1), {}
    for _ in range(2000):
        r, n = rng.choice((1, 2, 3)), rng.choice((1, 6))
        w = World(r=r, n=n, p=rng.choice((1 / 32, 1 / 4)), bad=tuple(rng.random() < .6 for _ in range(r)), client_bad=rng.random() < .4,
                  client_serves=rng.random() < .8, watcher=rng.random() < .3, flood=rng.random() < .3, fixes=rng.choice((frozenset(), FIXES)))
        e = Court(w, Brain(rng), Sample(rng, *rng.choice(GRID), .5, min(4, n) / n)).run()
        kinds[e.kind] = kinds.get(e.kind, 0) + 1
    print("2000 histories, invariants held:", kinds)
