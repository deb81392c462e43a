"""
Killed at any step of an apply on trial, what is in the kernel is confirmed, or somebody takes it
back.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import Engine, event
from tests.kernel.namespaces import Namespace
from tests.kernel.product import NEW, OLD, held, mark_rules

from proxyfeed.commands.apply import apply
from proxyfeed.commands.confirm import expire
from proxyfeed.commands.decide import rollback
from proxyfeed.commands.doors import Doors
from proxyfeed.config import Config, parse
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import Attempt, FetchOutcome, Reading, Stage, Status, Uptime
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store, connect, create_or_upgrade

pytestmark = pytest.mark.kernel

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
WITHIN = timedelta(minutes=10)
URL = "https://aol.example/proxies.html"


def configured(mark: int) -> Config:
    feed = {"url": URL, "format": "html", "html": {"heading": ["proxies"]}}
    virtual = ["192.0.2.80:80", "[2001:db8::80]:80"]
    sets = {"aol": {"feeds": ["aol"], "mark": mark, "virtual": virtual}}
    return parse({"feeds": {"aol": feed}, "sets": sets}, "the tests", Path("/"), Path("/"))


@dataclass
class Steps:
    """
    Counts the steps of this process, and kills it instead of the one with the number *last*.
    """

    last: int = -1
    done: int = 0

    def take(self, *_: object) -> None:
        if self.done == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.done += 1


@dataclass(frozen=True, slots=True)
class SteppingRunner(Runner):
    steps: Steps = field(default_factory=Steps)

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        self.steps.take()
        return Runner.run(self, argv, script)


@dataclass(frozen=True, slots=True)
class NotedTimer:
    """
    A timer that is no more than a file with its token.
    """

    path: Path
    steps: Steps

    def start(self, token: str) -> str:
        self.steps.take()
        self.path.write_text(token)
        self.steps.take()
        return "a file"

    def stop(self, token: str, timer: str) -> None:
        self.steps.take()
        self.path.unlink()


@dataclass
class Bench:
    """
    A director whose kernel holds `OLD` by version 1; version 2 is `NEW`, and accepted.
    """

    namespace: Namespace
    folder: Path
    database: Path = Path()

    @contextmanager
    def doors(self, steps: Steps, uptime: float = 1000.0) -> Iterator[Doors]:
        store = Store(connect(f"sqlite:///{self.database}"), host="director")
        runner = SteppingRunner(prefix=self.namespace.argv, steps=steps)
        event.listen(Engine, "commit", steps.take)
        try:
            yield Doors(
                store=store,
                firewall=Firewall(runner),
                take_in=nothing,
                send=lambda targets, events: (),
                now=NOW,
                host="director",
                who="ines",
                timer=NotedTimer(self.timer, steps),
                uptime=lambda: Uptime("a boot", uptime),
            )
        finally:
            event.remove(Engine, "commit", steps.take)
            store.close()

    @property
    def timer(self) -> Path:
        return self.folder / "timer"

    def kernel(self) -> tuple[PrefixSet, list[str]]:
        return held(self.namespace), mark_rules(self.namespace, "iptables")


def nothing(*_: object) -> NoReturn:
    raise AssertionError("no feed is asked here")


def accept(database: Path, content: PrefixSet) -> None:
    store = Store(connect(f"sqlite:///{database}"), host="director")
    attempt = Attempt(URL, FetchOutcome.NEW, status=200, size=1, seconds=0.1)
    store.record([Reading("aol", (attempt,), URL, "", content, Status.ACCEPTED)], NOW)
    store.close()


@pytest.fixture
def bench(director: Namespace, tmp_path: Path) -> Bench:
    bench = Bench(director, tmp_path, tmp_path / "start.db")
    create_or_upgrade(f"sqlite:///{bench.database}").dispose()
    accept(bench.database, OLD)
    with bench.doors(Steps()) as doors:
        assert apply(configured(mark=1), doors, (), dry_run=False).exit_code == 0
    accept(bench.database, NEW)
    return bench


def on_trial(doors: Doors) -> object:
    return apply(configured(mark=7), doors, (), dry_run=False, within=WITHIN)


def back_on_trial(doors: Doors) -> object:
    return rollback(configured(mark=1), doors, 2, reason=None, within=WITHIN)


def in_child(work: Callable[[], object]) -> int:
    """
    Do *work* in a process of its own, and return how that ended.
    """
    child = os.fork()
    if child == 0:
        end_with(work)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def end_with(work: Callable[[], object]) -> NoReturn:
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.parametrize("command", [on_trial, back_on_trial], ids=lambda each: each.__name__)
def test_killed_at_any_step_it_leaves_nothing_that_is_not_confirmed_or_armed(
    bench: Bench, command: Callable[[Doors], object]
) -> None:
    before = bench.kernel()
    start = bench.database
    applied = armed = steps = 0

    def run(last: int) -> int:
        with bench.doors(counted := Steps(last)) as doors:
            command(doors)
        return counted.done

    for number in range(200):
        bench.database = Path(shutil.copy(start, bench.folder / f"{number}.db"))
        bench.timer.unlink(missing_ok=True)
        ended = in_child(lambda last=number: run(last))
        has_timer = bench.timer.exists()
        with bench.doors(Steps(), uptime=1000.0 + WITHIN.total_seconds()) as doors:
            waiting = [one.token for one in doors.store.confirmations.all()]
            if bench.kernel() != before:
                assert waiting == [bench.timer.read_text()]
                applied += 1
            armed += has_timer
            for token in waiting:
                assert expire(configured(mark=7), doors, token).exit_code == 0
            state = doors.store.state("aol", NOW)
            left = doors.store.confirmations.all()
        assert bench.kernel() == before
        assert state.pin is None
        assert all(one.stage is Stage.REVERTED for one in left)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        steps += 1

    # It came to its end at last, by way of all that there is to be seen.
    assert ended == 0
    assert steps > armed > applied > 3
