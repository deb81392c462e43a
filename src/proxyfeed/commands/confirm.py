"""
``confirm`` and ``revert``: what becomes of that which was applied with ``--confirm-within``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.taking_back import (
    pending,
    reverted_problem,
    stop_idle_timers,
    take_all_back,
    take_back_unwatched,
    take_overdue_back,
    to_trial,
    undone,
)
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import (
    ApplyResult,
    ConfirmResult,
    DecisionResult,
    Outcome,
    Problem,
    RevertResult,
    Trial,
)


def confirm(config: Config, doors: Doors) -> Outcome:
    """
    Keep all that waits for it.

    Raises:
        OperatorMistake: nothing does.
    """
    late, problems = take_overdue_back(config, doors)
    problems = (*(reverted_problem(one) for one in late), *problems)
    now = doors.uptime()
    kept = [one for one in pending(doors) if not one.is_overdue(now)]
    if not kept and not problems:
        raise _nothing_waits(doors)
    doors.store.confirmations.forget(one.set_name for one in kept)
    stop_idle_timers(doors, kept)
    result = ConfirmResult(tuple(to_trial(doors, one) for one in kept))
    return Outcome("confirm", result, problems)


def revert(doors: Doors) -> Outcome:
    """
    Take back now all that waits to be confirmed.

    Raises:
        OperatorMistake: nothing does.
    """
    waiting = pending(doors)
    if not waiting:
        raise _nothing_waits(doors)
    reports, problems = take_all_back(doors, waiting)
    stop_idle_timers(doors, waiting)
    return Outcome("revert", RevertResult(reports), problems)


def expire(config: Config, doors: Doors, token: str) -> Outcome:
    """
    Take back what is still pending under *token*, if it is due: the work of its timer.
    """
    now = doors.uptime()
    due = [one for one in pending(doors) if one.token == token and one.is_overdue(now)]
    reports, problems = take_back_unwatched(config, doors, due)
    done = tuple(reverted_problem(one).message for one in undone(due, reports))
    return Outcome("revert", RevertResult(reports), problems, done)


def reject_unhealthy(
    doors: Doors, outcome: Outcome, trials: Sequence[Trial], failure: Problem
) -> Outcome:
    """
    Take back what an ``apply`` or a ``rollback`` did, for *failure* of the health command.
    """
    tokens = {one.token for one in trials}
    mine = [one for one in pending(doors) if one.token in tokens]
    reports, problems = take_all_back(doors, mine)
    stop_idle_timers(doors, mine)
    back = ", ".join(report.set for report in reports if not report.failed)
    end = f"taken back: set {back}" if back else "nothing was taken back"
    if not mine:
        end += ": somebody has decided on it meanwhile"
    told = replace(failure, message=f"{end}; {failure.message}")
    result = outcome.result
    assert isinstance(result, ApplyResult | DecisionResult)  # noqa: S101 - these can be on trial
    left = tuple(one for one in result.trials if one.set not in back.split(", "))
    return replace(
        outcome,
        result=replace(result, trials=left if mine else ()),
        problems=(*outcome.problems, told, *problems),
    )


def _nothing_waits(doors: Doors) -> OperatorMistake:
    for one in doors.store.confirmations.all():
        return OperatorMistake(
            f"nothing waits for confirmation any more: {reverted_problem(one).message}",
            hint=reverted_problem(one).hint,
        )
    return OperatorMistake("nothing waits for confirmation", hint="proxyfeed status")
