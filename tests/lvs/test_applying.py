"""
``lvs apply`` against an ipvsadm that fails: what is tried, and what is said.

`FakeIpvsadm` keeps a table and takes the lines that are really sent. The lab does the same with the
real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.lvs.sides import AOL, RELAY, read
from tests.lvs.test_changing import FOREIGN, carried_out

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.lvs_apply import apply
from proxyfeed.errors import CommandFailed, ToolMissing, Unequipped
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.lvs.ipvs import Ipvs
from proxyfeed.lvs.processes import Daemon
from proxyfeed.model import LvsApplyResult, Outcome
from proxyfeed.report import as_text
from proxyfeed.store import Store, connect, create_or_upgrade


@dataclass(frozen=True)
class FakeIpvsadm(Runner):
    """
    *refuse* is asked of each line whether it fails, and *forgets* whether it does nothing.
    """

    table: list[str] = field(default_factory=lambda: [FOREIGN])
    log: list[str] = field(default_factory=list)
    refuse: Callable[[str], bool] = lambda line: False
    forgets: Callable[[str], bool] = lambda line: False

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        words = " ".join(argv[1:])
        if words == "--save --numeric":
            return self.table[0]
        if words == "--restore":
            self.log.append("restore")
            done = [self._carry_out(line) for line in (script or "").splitlines()]
            # As the real one: its exit code is that of the last line.
            if not done[-1]:
                raise CommandFailed("ipvsadm --restore failed: it was the last line")
            return ""
        if not self._carry_out(words):
            raise CommandFailed(f"ipvsadm {words} failed: Memory allocation problem")
        return ""

    def _carry_out(self, line: str) -> bool:
        self.log.append(line)
        name = line.partition(" ")[2].partition(" -s ")[0].partition(" -r ")[0]
        is_there = f"-A {name} -s " in self.table[0]
        if self.refuse(line) or is_there is line.startswith("-A"):
            return False
        if not self.forgets(line):
            self.table[0] = carried_out(self.table[0], [line])
        return True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = f"sqlite:///{tmp_path / 'proxyfeed.db'}"
    create_or_upgrade(database).dispose()
    store = Store(connect(database), host="director")
    yield store
    store.close()


def doors_to(store: Store, runner: Runner) -> Doors:
    unused: Any = None
    return Doors(
        store=store,
        firewall=Firewall(runner),
        take_in=unused,
        send=unused,
        now=datetime(2026, 11, 22, tzinfo=UTC),
        host="director",
        who="ines",
        ipvs=Ipvs(runner),
    )


def apply_by(store: Store, runner: Runner, text: str = AOL, **how: Any) -> Outcome:
    return apply(read(text), doors_to(store, runner), (), **how)


def result(outcome: Outcome) -> LvsApplyResult:
    assert isinstance(outcome.result, LvsApplyResult)
    return outcome.result


def test_each_service_is_one_restore_and_a_second_apply_writes_nothing(store: Store) -> None:
    runner = FakeIpvsadm()

    first = apply_by(store, runner, AOL + RELAY)
    typed = list(runner.log)
    again = apply_by(store, runner, AOL + RELAY)

    assert first.exit_code == again.exit_code == 0
    # Two families of one mark, and three marks of one family.
    assert typed.count("restore") == 5
    assert runner.log == typed
    assert runner.table[0].startswith(FOREIGN)
    assert [change.lines for change in result(again).changes] == [()] * 5
    assert len(first.warnings) == 2
    assert "nobody checks its servers" in first.warnings[0]
    assert again.warnings == ()


def test_a_dry_run_shows_the_lines_and_types_none(store: Store) -> None:
    runner = FakeIpvsadm()

    outcome = apply_by(store, runner, dry_run=True, daemons=(Daemon("keepalived", 7),))

    assert outcome.exit_code == 0
    assert runner.log == []
    text = as_text(outcome)
    assert "  ipvsadm -A -f 1 -s wlc -p 3600 -M 0.0.0.0\n" in text
    assert "would be typed" in text


@pytest.mark.parametrize("place", ["-A -f 1 -6", "-a -f 1 -r 192.0.2.11", "-a -f 1 -6 -r"])
def test_a_line_that_is_refused_is_named_with_what_ipvsadm_said(store: Store, place: str) -> None:
    runner = FakeIpvsadm(refuse=lambda line: line.startswith(place))

    outcome = apply_by(store, runner)

    (problem,) = outcome.problems
    assert problem.exit_code == 5
    assert problem.message.startswith(f"ipvsadm {place}")
    assert "Memory allocation problem" in problem.message
    assert not result(outcome).is_proven
    assert "not done, or not all of it" in as_text(outcome)


def test_a_line_that_fails_once_is_typed_again(store: Store) -> None:
    failures = iter([True])
    runner = FakeIpvsadm(refuse=lambda line: "192.0.2.12" in line and next(failures, False))

    outcome = apply_by(store, runner)

    assert outcome.exit_code == 0
    assert apply_by(store, runner).exit_code == 0
    assert "-r 192.0.2.12:0" in runner.table[0]


def test_what_reads_back_otherwise_is_not_called_done(store: Store) -> None:
    outcome = apply_by(store, FakeIpvsadm(forgets=lambda line: "192.0.2.12" in line))

    (problem,) = outcome.problems
    assert (problem.code, problem.exit_code) == ("not-proven", 5)
    assert "ipvsadm -a -f 1 -r 192.0.2.12:0 -g -w 2 is still to be done" in problem.message
    assert problem.hint.endswith("proxyfeed lvs check aol")


def test_beside_a_daemon_that_keeps_the_table_nothing_is_written(store: Store) -> None:
    runner = FakeIpvsadm()

    outcome = apply_by(store, runner, daemons=(Daemon("keepalived", 7),))

    (problem,) = outcome.problems
    assert problem.exit_code == 2
    assert "keepalived (process 7) keeps the virtual services here" in problem.message
    assert problem.hint.endswith("proxyfeed lvs apply --force")
    assert runner.log == []
    assert result(outcome).changes


def test_where_nothing_is_to_be_done_a_daemon_is_no_hindrance(store: Store) -> None:
    runner = FakeIpvsadm()
    apply_by(store, runner)

    assert apply_by(store, runner, daemons=(Daemon("ldirectord", 7),)).exit_code == 0


@dataclass(frozen=True)
class Failing(Runner):
    failure: Unequipped | CommandFailed | None = None

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        assert self.failure
        raise self.failure


@pytest.mark.parametrize(
    "failure",
    [
        ToolMissing("ipvsadm is not installed", hint="apt-get install ipvsadm"),
        Unequipped("this kernel cannot do it", hint="modprobe ip_vs"),
        CommandFailed("ipvsadm was killed"),
    ],
)
def test_a_table_that_cannot_be_read_is_written_by_nobody(
    store: Store, failure: Unequipped | CommandFailed
) -> None:
    (problem,) = apply_by(store, Failing(failure=failure)).problems

    assert (problem.message, problem.exit_code) == (failure.message, failure.exit_code)
    assert problem.hint == failure.hint


def test_the_module_to_load_is_that_of_the_scheduler_that_is_missing() -> None:
    missing = Unequipped("this kernel cannot do it: Scheduler or persistence engine not found")

    with pytest.raises(Unequipped) as raised:
        Ipvs(Failing(failure=missing)).type("-A -f 1 -s mh -p 3600")

    assert raised.value.hint == "modprobe ip_vs_mh"


def test_without_real_servers_there_is_nothing_to_apply(store: Store) -> None:
    text = AOL.partition("[sets.aol.lvs]")[0]

    (problem,) = apply_by(store, FakeIpvsadm(), text).problems

    assert problem.exit_code == 2
    assert "has real servers" in problem.message
