"""The clock, the trace, the faults and the scheduler. Exactly one actor runs at any time.

Writers are tasks of one event loop in virtual time. Compactors, collectors and readers are plain
code: each runs in its own thread, which returns control to the loop at every operation on storage.
The loop's timers are the only queue, so the order of everything follows from the seed.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from tests._support.virtual_time import VirtualTimeLoop
from tests.verification.simulation.scenario import Scenario

T = TypeVar("T")

START = dt.datetime(2013, 1, 31, 22, tzinfo=dt.UTC)  # two hours before a day and a month end

_IDS = re.compile(r"([0-9a-f]{4})[0-9a-f]{28}")


class Killed(BaseException):
    """The process of this actor is dead: nothing it does has an effect any more."""


class Violation(Exception):
    """An invariant is violated."""


class Loop(VirtualTimeLoop):
    """Virtual time. A thread may advance it when nothing else is due, which saves switches."""

    _ready: Any
    _scheduled: Any

    def skip(self, seconds: float) -> bool:
        """Moves the time on, if nothing is due until then; whether it did."""
        due_s = self.time() + seconds
        if self._ready or (self._scheduled and self._scheduled[0].when() <= due_s):
            return False
        self._jumping.now_s = due_s
        return True


class World:
    """One run."""

    def __init__(self, scenario: Scenario, loop: Loop) -> None:
        self.scenario = scenario
        self.loop = loop
        self.is_calm = False
        """No faults any more."""
        self.is_ending = False
        """No new rounds any more."""
        self.points: list[str] = []
        """Where a process may die: before or after which operation."""
        self.late_effects = 0
        self.fired: list[str] = []
        self.violations: list[str] = []
        self.turn = threading.Lock()
        self.turn.acquire()
        self._trace: list[tuple[float, str, str]] = []

    def note(self, who: str, what: str) -> None:
        self._trace.append((self.loop.time(), who, what))

    def violate(self, what: str) -> None:
        self.note("LAW", what)
        self.violations.append(what)

    def wall(self, skew_s: float = 0.0) -> dt.datetime:
        return START + dt.timedelta(seconds=self.loop.time() + skew_s)

    def later(self, delay_s: float, effect: Callable[[], object], what: str) -> None:
        """An effect after its caller was told that it failed; its own failure goes unnoticed."""

        def take_place() -> None:
            self.late_effects -= 1
            try:
                effect()
                self.note("late", what)
            except Exception as error:  # noqa: BLE001
                self.note("late", f"{what}: {type(error).__name__}")

        self.late_effects += 1
        self.loop.call_later(delay_s, take_place)

    def is_out(self, what: str) -> bool:
        now = self.loop.time()
        return not self.is_calm and any(o.what == what and o.start_s <= now < o.end_s for o in self.scenario.outages)

    def lines(self) -> list[str]:
        """The trace, readable."""
        return [f"{at:9.3f} {who:<12} " + _IDS.sub(r"~\1", what) for at, who, what in self._trace]


class Actor:
    """An actor whose operations can fail, with its own randomness."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.rng = random.Random(f"{world.scenario.seed} {name}")
        self.is_dead = False
        self._draws = 0
        self.skew_s = self.rng.uniform(-1, 1) * world.scenario.skew_h * 3600

    def random_id(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def now(self) -> dt.datetime:
        return self.world.wall(self.skew_s)

    def chance(self, rate: float) -> bool:
        """Whether a fault happens now; numbered, so that it can be left out in another run."""
        self._draws += 1
        value = self.rng.random()
        if self.world.is_calm or value >= rate:
            return False
        fault = f"{self.name}:{self._draws}"
        if self.world.scenario.only_faults is not None and fault not in self.world.scenario.only_faults:
            return False
        self.world.fired.append(fault)
        return True

    def delay_s(self) -> float:
        """How long the next operation takes to reach the other side: mostly a moment, sometimes very long."""
        pace_s = self.world.scenario.pace_s
        usual = self.rng.uniform(0.2, 1.8) * pace_s
        is_slow = self.chance(self.world.scenario.slow_rate)
        slow = self.rng.uniform(0.1, 1.0) * self.world.scenario.slow_s
        return slow if is_slow else usual

    def point(self, where: str) -> None:
        """A place where the process may die."""
        if self.is_dead:
            raise Killed
        number = len(self.world.points)
        self.world.points.append(where)
        if self.chance(self.world.scenario.kill_rate) or number in self.world.scenario.kill_at:
            self.world.note(self.name, f"KILLED {where} (point {number})")
            self.kill()
            raise Killed

    def kill(self) -> None:
        self.is_dead = True

    def perform(self, what: str, effect: Callable[[], T], faults: Sequence[str], fail: Fail, side: str) -> T:
        """One operation at the moment when it reaches the other side."""
        self.point(f"before {what}")
        fault = self.rng.choice(faults)
        delay_s = self.rng.uniform(0.05, 1.0) * self.world.scenario.slow_s
        if not self.chance(self.world.scenario.fault_rate):
            fault = "unavailable" if self.world.is_out(side) else ""
        if fault in ("unavailable", "refused", "unknown"):
            self._fail(what, fault, fail)
        if fault == "late":
            self.world.later(delay_s, effect, f"{self.name}: {what}")
            self._fail(what, fault, fail)
        try:
            result = effect()
        except Exception as error:
            self.world.note(self.name, f"{what}: {type(error).__name__}")
            raise
        self.world.note(self.name, what if not fault else f"{what}: done, answer {fault}")
        self.point(f"after {what}")
        if fault:
            fail(fault)
        return result

    def _fail(self, what: str, fault: str, fail: Fail) -> NoReturn:
        self.world.note(self.name, f"{what}: FAULT {fault}")
        fail(fault)
        raise AssertionError("a fault must raise")


Fail = Callable[[str], Any]
"""Raises what the caller is told of a fault."""


class ThreadActor(Actor):
    """Plain code in a thread, one operation at a time, started again after a kill."""

    def __init__(self, world: World, name: str, body: Callable[[ThreadActor], None]) -> None:
        super().__init__(world, name)
        self._body = body
        self._go = threading.Lock()
        self._go.acquire()
        self._wait_s: float | None = None
        self.is_running = False

    def start(self, after_s: float = 0.0) -> None:
        self.is_running = True
        self.world.loop.call_later(after_s, self._launch)

    def pause(self, seconds: float) -> None:
        """Lets others run until `seconds` have passed."""
        if self.is_dead:
            raise Killed
        if self.world.loop.skip(seconds):
            return  # no other actor would have had a turn
        self._wait_s = seconds
        self.world.turn.release()
        self._go.acquire()
        self._wait_s = None
        if self.is_dead:
            raise Killed

    def reach(self) -> None:
        """The time that an operation takes to reach the other side."""
        self.pause(self.delay_s())

    def abandon(self) -> None:
        """Ends the thread, wherever it is."""
        if self._wait_s is not None:
            self.is_dead = True
            self._go.release()
            self.world.turn.acquire()
            self.is_running = False

    def _launch(self) -> None:
        if self.world.is_ending and self.name != "last":
            self.is_running = False
            return
        self.is_dead = False
        threading.Thread(target=self._run, name=self.name, daemon=True).start()
        self._resume()

    def _resume(self) -> None:
        self._go.release()
        self.world.turn.acquire()
        if self._wait_s is not None:
            self.world.loop.call_later(self._wait_s, self._resume)
        elif self.is_dead:
            self.start(self.rng.uniform(0.1, 3.0))
        else:
            self.is_running = False

    def _run(self) -> None:
        self._go.acquire()
        try:
            self._body(self)
        except Killed:
            pass
        except Violation as error:
            self.world.violate(str(error))
        except BaseException as error:  # noqa: BLE001
            self.world.violate(f"{self.name}: {error!r}")
        finally:
            self._wait_s = None
            self.world.turn.release()
