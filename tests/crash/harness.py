"""
Kill a command at one step after the other, and look at what is left.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tests.crash.kernels import Contents, Held, other_than
from tests.crash.scenarios import Scenario
from tests.crash.stage import Stage, Start
from tests.e2e.servers import Message

# What SQLite keeps beside a database while it is open; a run that is killed leaves it there.
_OF_SQLITE = {"proxyfeed.db-wal", "proxyfeed.db-shm"}


@dataclass(frozen=True, slots=True)
class Course:
    """
    A run that nobody disturbed: its *steps*, the *points* at which to kill another one, and what
    it left.

    A kill leaves what is on the disk and in the kernel, and programs at work. So kills at two steps
    leave the same if neither disk nor kernel has changed in between, and *points* are the first
    step, each that finds a change, and the one before it where a program was at work.
    """

    steps: tuple[str, ...]
    points: tuple[int, ...]
    end: Held
    files: frozenset[str]
    alerts: frozenset[str]
    accepted: tuple[frozenset[str], frozenset[str]]


class Harness:
    """
    One *scenario* on one *stage*.
    """

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self._stage = stage
        self._scenario = scenario
        scenario.prepare(stage)
        self._start: Start = stage.save()
        before, after = scenario.services
        former = other_than(stage.backend) if scenario.moves else stage.backend
        self._old: Contents = {}
        self._new: Contents = {}
        if scenario.old is not None:
            self._old = former.expected(scenario.old, before)
        if scenario.new is not None:
            self._new = stage.backend.expected(scenario.new, after)
        self._settled = self._new
        if scenario.settled is not None:
            self._settled = stage.backend.expected(scenario.settled, after)

    def follow(self) -> Course:
        """
        Let the command run to its end, and note where the disk or the kernel changes.
        """
        stage = self._stage
        stage.restore(self._start)
        before = stage.database().accepted()
        assert stage.kernel.read().sets == self._old
        steps: list[str] = []
        states: list[str] = []
        kernel = ""

        def watch(number: int, step: str) -> bool:
            nonlocal kernel
            if not kernel or stage.kernel.may_change_at(step):
                kernel = stage.kernel.read().text
            steps.append(step)
            states.append(_digest(kernel, stage.files()))
            return True

        done = stage.killer.step_through(self._scenario.command, watch)
        assert done is not None
        done.expect(self._scenario.code)
        end = stage.kernel.read()
        assert (end.sets, end.left_over) == (self._new, frozenset())
        changes = [n for n in range(1, len(states)) if states[n] != states[n - 1]]
        at_work = {n - 1 for n in changes if steps[n - 1].startswith("started ")}
        points = {0, *changes, *at_work}
        return Course(
            steps=tuple(steps),
            points=tuple(sorted(points)),
            end=end,
            files=frozenset(stage.files()),
            alerts=frozenset(_titles(stage.webhook.take())),
            accepted=(before, stage.database().accepted()),
        )

    def kill_at(self, number: int, course: Course) -> list[str]:
        """
        Start anew, kill the command at the step of that *number*, and return all that is wrong.
        """
        stage = self._stage
        stage.restore(self._start)

        def watch(now: int, step: str) -> bool:
            assert step == course.steps[now], f"step {now} is another than it was"
            return now < number

        assert stage.killer.step_through(self._scenario.command, watch) is None
        wrong = self._wrong_when_killed(course)
        # A program that was at work is done: this is what is mended at the next step.
        if number + 1 not in course.points or not course.steps[number].startswith("started "):
            wrong += self._wrong_when_mended(course)
        return [f"killed at step {number}, {course.steps[number]!r}: {each}" for each in wrong]

    def _wrong_when_killed(self, course: Course) -> list[str]:
        held, database = self._stage.kernel.read(), self._stage.database()
        wrong = database.complaints()
        if not wrong and database.accepted() not in course.accepted:
            wrong.append("the newest accepted version is neither the old one nor the new one")
        if not self._is_old_or_new(held.sets):
            wrong.append(f"the kernel holds neither the old nor the new: {held.sets}")
        before = self._start.held.rules
        # One set that moves is looked at by two programs, of which one at least must see its rule.
        if any(before.values()) and not any(held.rules.values()):
            wrong.append("no rule is left")
        for program, rules in held.rules.items():
            if rules not in (before[program], course.end.rules[program]):
                wrong.append(f"the rules of {program} are neither the old nor the new: {rules}")
        files = set(self._stage.files()) - course.files - _OF_SQLITE
        return [*wrong, *(f"{name} is left over" for name in files)]

    def _is_old_or_new(self, sets: Contents) -> bool:
        """
        Whether it is exactly one of them; beside the whole new there may be what is left of the
        old, under names that the new does not use.
        """
        unused = {name: sets[name] for name in sets.keys() - self._new.keys()}
        is_new = {name: sets[name] for name in sets.keys() - unused.keys()} == self._new
        return sets == self._old or (is_new and unused.items() <= self._old.items())

    def _wrong_when_mended(self, course: Course) -> list[str]:
        wrong = []
        for mending in self._scenario.all_mending:
            done = self._stage.killer.attempt(*mending.arguments)
            if done.code not in mending.codes:
                wrong.append(f"{mending.arguments} then exits {done.code}: {done.out}{done.err}")
        held = self._stage.kernel.read()
        if held.sets != self._settled:
            wrong.append(f"then the kernel holds {held.sets}")
        if held.left_over:
            wrong.append(f"then {set(held.left_over)} are left over in the kernel")
        if held.rules != course.end.rules:
            wrong.append(f"then the rules are {held.rules}")
        if (files := frozenset(self._stage.files())) != course.files:
            wrong.append(f"then the files are {sorted(files)}")
        told = _titles(self._stage.webhook.take())
        wrong += [f"nobody was told: {title}" for title in course.alerts - told]
        return [*wrong, *self._stage.database().complaints(), *self._changes_by_one_more(held)]

    def _changes_by_one_more(self, held: Held) -> list[str]:
        decided = self._stage.database().decisions()
        last = self._scenario.all_mending[-1]
        done = self._stage.killer.attempt(*last.arguments)
        wrong = []
        if done.code not in last.codes:
            wrong.append(f"one more {last.arguments} exits {done.code}: {done.err}")
        if self._stage.kernel.read().text != held.text:
            wrong.append("one more run writes to the kernel again")
        if self._stage.database().decisions() != decided:
            wrong.append("one more run decides something else")
        return wrong


def _titles(messages: list[Message]) -> set[str]:
    return {message.title for message in messages}


def _digest(kernel: str, files: dict[str, bytes]) -> str:
    digest = hashlib.sha256(kernel.encode())
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()
