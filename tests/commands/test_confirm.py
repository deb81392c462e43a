"""
What is applied on trial, and how it is kept or taken back, on a kernel in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.commands.director import ALERTS, ONE_FEED, Director, read_config
from tests.fake_kernel import Command, FaultyRunner

from proxyfeed.commands.apply import apply
from proxyfeed.commands.confirm import confirm, expire, reject_unhealthy, revert
from proxyfeed.commands.decide import rollback
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.status import status
from proxyfeed.commands.taking_back import take_back_at_boot
from proxyfeed.commands.trial import begin
from proxyfeed.errors import CommandFailed, OperatorMistake, TimerFailed
from proxyfeed.firewall import Firewall
from proxyfeed.model import (
    AlertKind,
    ApplyResult,
    DecisionResult,
    Outcome,
    Problem,
    Stage,
    StatusResult,
    Uptime,
)

AUTOMATIC = ONE_FEED.replace('apply = "manual"', "") + ALERTS
TWO_SETS = (
    AUTOMATIC
    + """
[sets.second]
feeds = ["aol"]
mark = 2
"""
)
WITHIN = timedelta(minutes=10)
FIRST, SECOND = ["20.0.0.0/24", "20.0.2.0/24"], ["20.0.0.0/24", "20.0.4.0/24"]


@dataclass
class Timers:
    """
    Timers that only say which of them were started and stopped.
    """

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    watch: Callable[[], None] = lambda: None

    def start(self, token: str) -> str:
        self.watch()
        self.started.append(token)
        return f"process of {token}"

    def stop(self, token: str, timer: str) -> None:
        assert timer == f"process of {token}"
        self.stopped.append(token)


def protecting(prefix: str) -> str:
    return AUTOMATIC.replace("mark = 1", f'mark = 1\nprotect = ["{prefix}"]')


def no_timer() -> None:
    raise TimerFailed("no process can be started")


@dataclass
class Bench(Director):
    """
    A director with a kernel, whose set holds `FIRST` by version 1; version 2 is `SECOND`.
    """

    runner: FaultyRunner = field(default_factory=FaultyRunner)
    timers: Timers = field(default_factory=Timers)
    clock: Uptime = field(default_factory=lambda: Uptime("a boot", 1000.0))

    def doors(self) -> Doors:
        firewall = Firewall(self.runner)
        return replace(
            super().doors(), firewall=firewall, timer=self.timers, uptime=lambda: self.clock
        )

    def apply(self, within: timedelta | None = None, *, dry_run: bool = False) -> Outcome:
        return apply(self.config, self.doors(), (), dry_run=dry_run, within=within)

    def rollback(self, number: int, within: timedelta | None = WITHIN) -> Outcome:
        return rollback(self.config, self.doors(), number, reason=None, within=within)

    def confirm(self) -> Outcome:
        return confirm(self.config, self.doors())

    def revert(self) -> Outcome:
        return revert(self.doors())

    def wait(self, span: timedelta = WITHIN) -> None:
        self.now += span
        self.clock = self.clock.after(span.total_seconds())

    def held(self, name: str = "aol") -> list[str]:
        return sorted(self.runner.kernel.sets[f"proxyfeed_{name}_4"].members)

    def rule(self) -> str:
        return self.runner.kernel.rules["nft", 4][0]

    def stages(self) -> dict[str, Stage]:
        return {one.set_name: one.stage for one in self.store.confirmations.all()}

    def status(self) -> list[tuple[str, int]]:
        outcome = status(self.config, self.doors())
        return [(one.code, one.exit_code) for one in outcome.problems if one.code != "pinned"]


@pytest.fixture
def bench(tmp_path: Path, empty_database: Path) -> Iterator[Bench]:
    bench = Bench.start(tmp_path, empty_database)
    bench.configure(AUTOMATIC)
    yield bench
    bench.store.close()


@pytest.fixture
def running(bench: Bench) -> Bench:
    assert bench.night(*FIRST).problems == ()
    bench.sent.clear()
    return bench


@pytest.fixture
def ready(running: Bench) -> Bench:
    """
    Version 2 is accepted, and version 1 still in the kernel.
    """
    running.configure('apply = "manual"\n' + AUTOMATIC)
    # Held, as so many addresses change; the operator knows why.
    running.night(*SECOND)
    running.store.approve(running.store.version(2), by="ines", reason=None, now=running.now)
    running.configure(AUTOMATIC)
    running.sent.clear()
    return running


def no_write(_number: int, command: Command) -> Callable[[Command], str]:
    def refuse(_command: Command) -> str:
        raise CommandFailed("the kernel says no")

    return refuse if command.writes else Command.carry_out


class DiesAfterAWrite:
    """
    The kernel takes a stream of ipset, and from then on no program can be started.
    """

    is_dead = False

    def __call__(self, _number: int, command: Command) -> Callable[[Command], str]:
        if self.is_dead:
            return no_write(0, replace(command, lines=("any",)))
        self.is_dead = command.writes
        return Command.carry_out


# ---------------------------------------------------------------- before anything is applied


def test_where_nothing_was_ever_applied_there_is_nothing_to_go_back_to(bench: Bench) -> None:
    bench.configure('apply = "manual"\n' + AUTOMATIC)
    bench.night(*FIRST)

    with pytest.raises(OperatorMistake, match="set aol was never applied on this host") as caught:
        bench.apply(WITHIN)

    assert caught.value.hint == "without --confirm-within: proxyfeed apply aol"
    assert (bench.timers.started, bench.stages(), bench.runner.kernel.sets) == ([], {}, {})


def test_an_empty_kernel_is_not_what_anybody_has_confirmed(ready: Bench) -> None:
    ready.runner.kernel.sets.clear()
    ready.runner.kernel.rules["nft", 4].clear()
    ready.runner.kernel.rules["nft", 6].clear()

    with pytest.raises(OperatorMistake, match="does not hold proxyfeed_aol_4, proxyfeed_aol_6"):
        ready.apply(WITHIN)

    assert (ready.timers.started, ready.stages(), ready.runner.kernel.sets) == ([], {}, {})


def test_what_an_earlier_proxyfeed_applied_by_nobody_knows_what_is_no_way_back(
    ready: Bench,
) -> None:
    last = ready.store.last_application("aol")
    assert last is not None
    ready.store.applied(replace(last, spec=None))
    ready.configure(AUTOMATIC.replace("mark = 1", "mark = 7"))

    with pytest.raises(OperatorMistake, match="did not record by what"):
        ready.apply(WITHIN)

    assert (ready.timers.started, ready.stages(), ready.held()) == ([], {}, FIRST)
    ready.configure(AUTOMATIC)
    assert ready.apply(WITHIN).exit_code == 0
    assert ready.stages() == {"aol": Stage.PENDING}


def test_the_way_back_and_its_timer_stand_before_the_first_write(ready: Bench) -> None:
    known = len(ready.runner.log)
    seen: list[object] = []

    def look() -> None:
        seen.append(ready.stages())
        seen.append([one for one in ready.runner.log[known:] if one.writes])

    ready.timers.watch = look
    outcome = ready.apply(WITHIN)

    assert seen == [{"aol": Stage.PENDING}, []]
    (way,) = ready.store.confirmations.all()
    assert list(way.content.lines()) == FIRST
    assert (way.versions, way.action, way.by) == ((1,), "apply", "ines")
    assert way.until == ready.now + WITHIN
    assert way.due == Uptime("a boot", 1600.0)
    assert [way.token] == ready.timers.started
    assert way.timer == f"process of {way.token}"
    assert ready.held() == SECOND
    assert isinstance(outcome.result, ApplyResult)
    (trial,) = outcome.result.trials
    assert (trial.set, trial.seconds_left, outcome.exit_code) == ("aol", 600.0, 0)


def test_without_a_timer_nothing_is_applied(ready: Bench) -> None:
    ready.timers.watch = no_timer

    with pytest.raises(TimerFailed, match="no process can be started"):
        ready.apply(WITHIN)
    with pytest.raises(TimerFailed):
        ready.rollback(1)

    assert (ready.held(), ready.stages()) == (FIRST, {})
    assert ready.store.state("aol", ready.now).pin is None


def test_without_a_timer_what_was_taken_back_stays_so(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.timers.watch = no_timer

    with pytest.raises(TimerFailed):
        ready.apply(WITHIN)

    assert ready.stages() == {"aol": Stage.REVERTED}


def test_where_there_is_nothing_to_do_nothing_waits(running: Bench) -> None:
    outcome = running.apply(WITHIN)

    assert isinstance(outcome.result, ApplyResult)
    assert (outcome.result.trials, running.stages()) == ((), {})
    assert running.timers.stopped == running.timers.started != []


# ---------------------------------------------------------------- kept


def test_what_is_confirmed_stays_and_its_timer_ends(ready: Bench) -> None:
    ready.apply(WITHIN)

    outcome = ready.confirm()

    assert outcome.exit_code == 0
    assert (ready.held(), ready.stages()) == (SECOND, {})
    assert ready.timers.stopped == ready.timers.started
    assert ready.status() == []


def test_with_nothing_to_decide_on_a_word_is_a_mistake(ready: Bench) -> None:
    for word in (ready.confirm, ready.revert):
        with pytest.raises(OperatorMistake, match=r"^nothing waits for confirmation$"):
            word()


def test_a_word_after_the_revert_is_told_what_happened(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()

    with pytest.raises(OperatorMistake, match="any more: set aol: the apply by ines") as caught:
        ready.confirm()

    assert caught.value.hint == "proxyfeed diff, then: proxyfeed apply aol"


def test_a_confirmation_that_comes_too_late_takes_back(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.wait()

    outcome = ready.confirm()

    assert [(one.code, one.exit_code) for one in outcome.problems] == [("reverted", 5)]
    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})
    assert ready.timers.stopped == ready.timers.started


def test_a_confirmation_that_comes_too_late_confirms_nothing_that_cannot_be_taken_back(
    ready: Bench,
) -> None:
    ready.apply(WITHIN)
    ready.wait()
    ready.runner = replace(ready.runner, choose=no_write)

    outcome = ready.confirm()

    assert outcome.exit_code == 5
    assert "could not be brought back" in outcome.problems[0].message
    assert ready.stages() == {"aol": Stage.PENDING}
    # It goes on trying.
    assert ready.timers.stopped == []


def test_a_wall_clock_that_jumps_ends_no_period(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.now += timedelta(days=365)

    assert ready.confirm().exit_code == 0
    assert ready.held() == SECOND


# ---------------------------------------------------------------- taken back


def test_what_is_taken_back_is_content_and_mark_and_services(ready: Bench) -> None:
    before, rule = ready.runner.kernel.sets.keys(), ready.rule()
    other = ready.config.sets["aol"]
    changed = AUTOMATIC.replace("mark = 1", 'mark = 7\nvirtual = ["192.0.2.80:80"]\nfamilies = [4]')
    ready.configure(changed)
    ready.apply(WITHIN)
    assert "--set-xmark 0x7/" in ready.rule()
    assert "proxyfeed_aol_v4" in ready.runner.kernel.sets
    assert "proxyfeed_aol_6" not in ready.runner.kernel.sets

    outcome = ready.revert()

    assert outcome.exit_code == 0
    assert (ready.held(), ready.rule()) == (FIRST, rule)
    assert set(ready.runner.kernel.sets) == set(before) == {"proxyfeed_aol_4", "proxyfeed_aol_6"}
    last = ready.store.last_application("aol")
    assert last is not None
    assert (last.action, last.versions, last.spec) == ("revert", (1,), other)
    assert ready.timers.stopped == ready.timers.started


def test_the_nightly_update_does_not_apply_again_what_was_taken_back(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.wait()
    (token,) = ready.timers.started
    assert expire(ready.config, ready.doors(), token).exit_code == 0

    outcomes = [ready.night(*SECOND) for _ in range(8)]

    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})
    assert ready.status() == [("reverted", 5)]
    for outcome in outcomes:
        assert outcome.exit_code == 0
        assert "set aol: left as it is: the apply by ines" in outcome.warnings[0]
    # It is told once, and again after a week.
    assert [event.kind for event in ready.sent] == [AlertKind.REVERTED] * 2


def test_of_a_run_that_was_killed_before_it_applied_anything_nothing_remains(ready: Bench) -> None:
    begin(ready.doors(), [ready.config.sets["aol"]], "apply", WITHIN)
    ready.wait()

    outcome = expire(ready.config, ready.doors(), ready.timers.started[0])

    assert (outcome.exit_code, outcome.warnings) == (0, ())
    assert (ready.held(), ready.stages(), ready.sent) == (FIRST, {}, [])


def test_nothing_remains_of_it_also_where_another_hand_has_changed_the_kernel(ready: Bench) -> None:
    ready.runner.kernel.sets["proxyfeed_aol_4"].members.append("20.0.9.0/24")
    begin(ready.doors(), list(ready.config.sets.values()), "apply", WITHIN)
    ready.wait()

    ready.night()

    assert (ready.held(), ready.stages()) == (SECOND, {})


def test_a_set_that_is_configured_no_more_is_told_of_no_more(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.configure(AUTOMATIC.replace("[sets.aol]", "[sets.farm]"))

    ready.night()

    assert ready.sent == []
    # Whoever takes it back into the configuration has decided nothing by that.
    assert ready.stages() == {"aol": Stage.REVERTED}


def test_an_apply_without_a_period_decides_on_what_was_taken_back(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()

    assert ready.apply().exit_code == 0

    assert (ready.held(), ready.stages()) == (SECOND, {})
    assert ready.night(*SECOND).warnings == ()


def test_a_dry_run_decides_on_nothing(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.wait()
    ready.apply(dry_run=True)
    ready.update(dry_run=True)
    assert (ready.held(), ready.stages()) == (SECOND, {"aol": Stage.PENDING})
    ready.revert()

    ready.apply(dry_run=True)

    assert ready.stages() == {"aol": Stage.REVERTED}


def test_while_it_waits_the_set_is_nobody_elses(ready: Bench) -> None:
    ready.apply(WITHIN)

    outcome = ready.night(*FIRST)  # a day later by the wall clock, and no second by the other

    assert "waits for confirmation until" in outcome.warnings[0]
    for command in (ready.apply, lambda: ready.rollback(1), lambda: ready.rollback(1, None)):
        with pytest.raises(OperatorMistake, match="the apply by ines waits for conf") as caught:
            command()
        assert caught.value.hint == "proxyfeed confirm, or: proxyfeed revert"
    assert ready.held() == SECOND
    assert [one.id for one in ready.store.versions()] == [3, 2, 1]
    assert ready.store.state("aol", ready.now).pin is None


def test_a_rollback_that_is_taken_back_leaves_no_pin_and_the_nights_go_on(ready: Bench) -> None:
    ready.apply()
    ready.rollback(1)
    assert ready.held() == FIRST

    ready.revert()

    assert (ready.held(), ready.stages()) == (SECOND, {})
    assert ready.store.state("aol", ready.now).pin is None
    assert ready.night(*SECOND).warnings == ()


def test_a_rollback_that_is_taken_back_restores_the_pin_of_before(ready: Bench) -> None:
    ready.rollback(1, None)
    pin = ready.store.state("aol", ready.now).pin
    ready.wait(timedelta(hours=1))
    ready.rollback(2)
    assert ready.held() == SECOND

    ready.revert()

    assert ready.held() == FIRST
    assert ready.store.state("aol", ready.now).pin == pin is not None


def test_a_pin_that_was_lifted_meanwhile_stays_lifted(ready: Bench) -> None:
    ready.rollback(1, None)
    ready.wait(timedelta(hours=1))
    ready.rollback(2)
    ready.store.release("aol")

    ready.revert()

    assert ready.store.state("aol", ready.now).pin is None


def test_a_rollback_over_what_was_taken_back_goes_back_to_that(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.rollback(2)
    assert ready.held() == SECOND

    ready.revert()

    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})
    ready.night(*SECOND)
    assert ready.held() == FIRST


def test_a_timer_takes_back_its_own_and_only_when_it_is_due(ready: Bench) -> None:
    ready.apply(WITHIN)
    (token,) = ready.timers.started

    expire(ready.config, ready.doors(), token)
    ready.wait()
    expire(ready.config, ready.doors(), "another")
    assert (ready.held(), ready.sent) == (SECOND, [])
    outcome = expire(ready.config, ready.doors(), token)

    assert (outcome.exit_code, len(outcome.warnings)) == (0, 1)
    assert ready.held() == FIRST
    assert [event.kind for event in ready.sent] == [AlertKind.REVERTED]
    # It must not end itself.
    assert ready.timers.stopped == []
    assert expire(ready.config, ready.doors(), token).exit_code == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_a_killed_timer_left_is_taken_back_by_the_next_command(
    ready: Bench, number: int
) -> None:
    ready.apply(WITHIN)
    ready.wait()
    assert ready.status() == [("overdue", 5)]
    ready.configure('apply = "manual"\n' + AUTOMATIC)

    outcome = (ready.update, ready.apply, lambda: ready.rollback(1))[number]()

    assert any("was not confirmed, and was taken back" in text for text in outcome.warnings)
    actions = ready.store.last_application("aol")
    assert actions is not None
    assert actions.action == ("revert", "apply", "revert")[number]
    assert AlertKind.REVERTED in [event.kind for event in ready.sent]
    assert ready.timers.started[0] in ready.timers.stopped


def test_what_cannot_be_taken_back_stays_pending(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.wait()
    good, ready.runner = ready.runner, replace(ready.runner, choose=no_write)

    (token,) = ready.timers.started
    outcomes = [expire(ready.config, ready.doors(), token), ready.update()]

    assert [outcome.exit_code for outcome in outcomes] == [5, 5]
    assert ready.stages() == {"aol": Stage.PENDING}
    assert [event.kind for event in ready.sent] == [AlertKind.APPLY]
    ready.runner = good
    expire(ready.config, ready.doors(), token)
    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})


# ---------------------------------------------------------------- an apply that fails


def test_an_apply_that_fails_waits_for_nothing(ready: Bench) -> None:
    ready.configure(protecting("20.0.4.0/24"))

    outcome = ready.apply(WITHIN)

    assert outcome.exit_code == 5
    assert (ready.held(), ready.stages()) == (FIRST, {})
    assert ready.timers.stopped == ready.timers.started != []
    last = ready.store.last_application("aol")
    assert last is not None
    assert last.action == "update"


def test_an_apply_that_fails_over_what_was_taken_back_leaves_that_so(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.configure(protecting("20.0.4.0/24"))

    assert ready.apply(WITHIN).exit_code == 5

    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})


def test_it_leaves_that_so_also_where_another_hand_has_changed_the_kernel(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.runner.kernel.sets["proxyfeed_aol_4"].members.append("20.0.9.0/24")
    ready.configure(protecting("20.0.4.0/24"))

    assert ready.apply(WITHIN).exit_code == 5

    assert ready.stages() == {"aol": Stage.REVERTED}
    ready.configure(AUTOMATIC)
    ready.night()
    assert ready.held() == [*FIRST, "20.0.9.0/24"]


def test_a_kernel_that_takes_nothing_has_nothing_to_take_back(ready: Bench) -> None:
    ready.runner = replace(ready.runner, choose=no_write)

    assert ready.apply(WITHIN).exit_code == 5

    assert (ready.held(), ready.stages()) == (FIRST, {})
    assert ready.timers.stopped == ready.timers.started


def test_an_apply_of_which_nobody_knows_how_far_it_came_is_left_to_its_timer(ready: Bench) -> None:
    good, ready.runner = ready.runner, replace(ready.runner, choose=DiesAfterAWrite())

    outcome = ready.apply(WITHIN)

    messages = [one.message for one in outcome.problems]
    assert any("what the kernel holds now is not known" in one for one in messages)
    assert any("set aol could not be brought back to what it held" in one for one in messages)
    assert ready.stages() == {"aol": Stage.PENDING}
    assert ready.timers.stopped == []
    ready.runner = good
    assert ready.held() == SECOND
    ready.wait()
    assert expire(ready.config, ready.doors(), ready.timers.started[0]).exit_code == 0
    assert ready.held() == FIRST


def test_one_set_that_fails_stops_no_other(running: Bench) -> None:
    running.configure(TWO_SETS)
    running.update()
    running.configure('apply = "manual"\n' + TWO_SETS)
    running.night(*SECOND)
    running.store.approve(running.store.version(2), by="ines", reason=None, now=running.now)
    running.configure(TWO_SETS + 'protect = ["20.0.4.0/24"]')

    outcome = running.apply(WITHIN)

    assert outcome.exit_code == 5
    assert (running.held("aol"), running.held("second")) == (SECOND, FIRST)
    assert running.stages() == {"aol": Stage.PENDING}


def test_a_rollback_that_fails_in_one_set_is_taken_back_in_all(running: Bench) -> None:
    running.configure(TWO_SETS)
    running.night(*FIRST)
    running.configure('apply = "manual"\n' + TWO_SETS)
    running.night(*SECOND)
    running.store.approve(running.store.version(2), by="ines", reason=None, now=running.now)
    running.configure(TWO_SETS)
    running.apply()
    running.configure(TWO_SETS + 'protect = ["20.0.2.0/24"]')

    outcome = running.rollback(1)

    assert outcome.exit_code == 5
    assert isinstance(outcome.result, DecisionResult)
    assert outcome.result.note.endswith("failed: all is as it was before")
    assert (running.held("aol"), running.held("second")) == (SECOND, SECOND)
    assert running.stages() == {}
    assert running.store.state("aol", running.now).pin is None
    assert running.timers.stopped == running.timers.started


# ---------------------------------------------------------------- health


def test_what_is_not_healthy_is_taken_back(ready: Bench) -> None:
    outcome = ready.apply(WITHIN)
    assert isinstance(outcome.result, ApplyResult)
    failure = Problem("unhealthy", 5, "the health command failed: false exited with 1")

    told = reject_unhealthy(ready.doors(), outcome, outcome.result.trials, failure)

    assert (told.command, told.exit_code) == ("apply", 5)
    assert [one.message for one in told.problems] == [
        "taken back: set aol; the health command failed: false exited with 1"
    ]
    assert isinstance(told.result, ApplyResult)
    assert told.result.trials == ()
    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})
    assert ready.timers.stopped == ready.timers.started


def test_what_was_confirmed_while_its_health_was_asked_for_stays(ready: Bench) -> None:
    outcome = ready.apply(WITHIN)
    assert isinstance(outcome.result, ApplyResult)
    ready.confirm()
    failure = Problem("unhealthy", 5, "false exited with 1")

    told = reject_unhealthy(ready.doors(), outcome, outcome.result.trials, failure)

    assert (
        "nothing was taken back: somebody has decided on it meanwhile" in told.problems[0].message
    )
    assert (ready.held(), ready.stages()) == (SECOND, {})


# ---------------------------------------------------------------- a reboot


def reboot(bench: Bench) -> None:
    bench.runner.kernel.sets.clear()
    for rules in bench.runner.kernel.rules.values():
        rules.clear()
    bench.clock = Uptime("another boot", 7.0)


def test_a_boot_comes_up_with_what_was_confirmed(ready: Bench) -> None:
    ready.apply(WITHIN)
    reboot(ready)

    reports, problems = take_back_at_boot(ready.config, ready.doors())

    assert ([report.set for report in reports], problems) == (["aol"], ())
    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})
    assert "MARK" in ready.rule()

    reboot(ready)
    reports, problems = take_back_at_boot(ready.config, ready.doors())

    assert ([report.set for report in reports], problems) == (["aol"], ())
    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})


def test_a_boot_takes_a_rollback_back_with_its_pin(ready: Bench) -> None:
    ready.apply()
    ready.rollback(1)
    reboot(ready)

    take_back_at_boot(ready.config, ready.doors())

    assert (ready.held(), ready.stages()) == (SECOND, {})
    assert ready.store.state("aol", ready.now).pin is None


def test_after_a_reboot_no_period_goes_on(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.clock = Uptime("another boot", 1001.0)

    assert ready.confirm().exit_code == 5
    assert ready.held() == FIRST


# ---------------------------------------------------------------- status


def test_what_waits_is_no_problem_and_is_shown(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.wait(timedelta(minutes=4))

    outcome = status(ready.config, ready.doors())

    assert outcome.exit_code == 0
    assert isinstance(outcome.result, StatusResult)
    (trial,) = outcome.result.trials
    assert (trial.set, trial.stage, trial.by) == ("aol", Stage.PENDING, "ines")
    assert (trial.seconds_left, trial.timer) == (360.0, f"process of {trial.token}")


def test_the_spec_of_what_is_applied_is_recorded_also_where_nothing_changes(ready: Bench) -> None:
    ready.configure(protecting("198.51.100.0/24"))
    ready.apply()

    last = ready.store.last_application("aol")

    assert last is not None
    assert last.spec == ready.config.sets["aol"]
    assert read_config(AUTOMATIC, ready.folder).sets["aol"] != last.spec


# ---------------------------------------------------------------- what was taken back is kept right


def test_a_set_that_was_taken_back_is_filled_again_with_what_was_confirmed(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.night()
    ready.sent.clear()
    reboot(ready)
    ready.configure("heal = false\n" + AUTOMATIC)
    (lost,) = status(ready.config, ready.doors()).problems

    ready.night()

    assert lost.message.endswith(
        "taken back, and is no longer so: it was not in the kernel, as after a reboot"
    )
    assert (ready.held(), ready.stages()) == (FIRST, {"aol": Stage.REVERTED})
    assert "MARK" in ready.rule()
    assert [event.kind for event in ready.sent] == [AlertKind.MENDED]
    assert ready.status() == [("reverted", 5)]


@pytest.mark.parametrize(("heal", "holds"), [("true", FIRST), ("false", [])])
def test_what_another_hand_does_to_it_is_mended_if_that_is_wanted(
    ready: Bench, heal: str, holds: list[str]
) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.configure(f"heal = {heal}\n" + AUTOMATIC)
    ready.runner.kernel.sets["proxyfeed_aol_4"].members.clear()

    ready.night()

    assert (ready.held(), ready.stages()) == (holds, {"aol": Stage.REVERTED})
    (told,) = status(ready.config, ready.doors()).problems
    assert told.message.endswith("the kernel holds what it held before") == (heal == "true")


def test_what_was_taken_back_and_cannot_be_mended_is_told(ready: Bench) -> None:
    ready.apply(WITHIN)
    ready.revert()
    ready.night()
    ready.sent.clear()
    reboot(ready)
    ready.runner = replace(ready.runner, choose=no_write)

    outcome = ready.night()

    assert [one.hint for one in outcome.problems] == ["proxyfeed boot"]
    assert (outcome.exit_code, ready.stages()) == (5, {"aol": Stage.REVERTED})
    assert [event.kind for event in ready.sent] == [AlertKind.APPLY]
