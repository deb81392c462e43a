"""
Commit-confirm: ``confirm``, ``revert``, and on what condition a change is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from proxyfeed.cli.options import Json
from proxyfeed.cli.output import deliver, say
from proxyfeed.cli.surroundings import Surroundings, writing
from proxyfeed.cli.waiting import LONG_WAIT, wait_and_take_back
from proxyfeed.errors import OperatorMistake, ProxyfeedError

if TYPE_CHECKING:
    from proxyfeed.model import Outcome, Problem, Trial

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=1)
# Whoever is at the keyboard waits so long for another run to end.
_SHORT_WAIT = 20.0
_INTERRUPTED = 130


def add_to(app: typer.Typer) -> None:
    app.command()(confirm)
    app.command()(revert)


def confirm(context: typer.Context, json: Json = False) -> None:
    """
    Keep what was applied with --confirm-within.

    \b
    proxyfeed apply --confirm-within 10m
    proxyfeed confirm
    """
    from proxyfeed.commands.confirm import confirm as command

    with writing(context.obj, "confirm", patience=_SHORT_WAIT) as (config, doors):
        outcome = command(config, doors)
    raise typer.Exit(deliver(outcome, json=json))


def revert(
    context: typer.Context,
    overdue: Annotated[str, typer.Option(metavar="TOKEN", hidden=True)] = "",
    json: Json = False,
) -> None:
    """
    Take back now what was applied with --confirm-within.

    \b
    proxyfeed revert
    """
    from proxyfeed.commands.confirm import revert as command

    if overdue:
        raise typer.Exit(wait_and_take_back(context.obj, overdue))
    with writing(context.obj, "revert", patience=_SHORT_WAIT) as (_, doors):
        outcome = command(doors)
    raise typer.Exit(deliver(outcome, json=json))


# ---------------------------------------------------------------- on what condition


@dataclass(frozen=True, slots=True)
class Condition:
    """
    What keeps a change: a word *within* that time, and before it the *health* command.
    """

    within: timedelta | None = None
    health: tuple[str, ...] = ()


def read_condition(
    around: Surroundings, within: str | None, health: str | None, *, dry_run: bool = False
) -> Condition:
    """
    Raises:
        OperatorMistake: the options make no sense, or not together.
    """
    from proxyfeed.health import read_command

    if within is None:
        if health is None:
            return Condition()
        raise OperatorMistake(
            "--health decides whether a change is taken back, which needs --confirm-within",
            hint="--confirm-within 10m",
        )
    if dry_run:
        raise OperatorMistake(
            "--dry-run changes nothing that could be confirmed",
            hint="leave out --dry-run, or --confirm-within",
        )
    words = () if health is None else read_command(health, around.search_path)
    return Condition(_read_period(within), words)


def _read_period(text: str) -> timedelta:
    from proxyfeed.table import duration

    hint = "--confirm-within 10m"
    try:
        period = duration(text)
    except ValueError as exc:
        raise OperatorMistake(f"--confirm-within {exc}, and is {text!r}", hint=hint) from exc
    if not SHORTEST <= period <= LONGEST:
        raise OperatorMistake(
            f"--confirm-within is {text}; it must be at least {SHORTEST.seconds} seconds, and at "
            f"most {LONGEST.days} day",
            hint=hint,
        )
    return period


def keep_if_healthy(around: Surroundings, outcome: Outcome, health: tuple[str, ...]) -> Outcome:
    """
    Ask the health command about what an apply or a rollback did, and take it back if that fails.

    No lock is held meanwhile, so that a confirmation from elsewhere, or a nightly update, need not
    wait. Whatever ends this process, the timer still stands.
    """
    from proxyfeed.commands.confirm import reject_unhealthy

    result: Any = outcome.result
    trials: tuple[Trial, ...] = result.trials
    failure = _ask(around, health, trials[0].seconds_left) if health and trials else None
    if failure is None:
        return outcome
    try:
        with writing(around, "revert", patience=LONG_WAIT) as (_, doors):
            return reject_unhealthy(doors, outcome, trials, failure)
    except ProxyfeedError as exc:
        later = f"it could not be taken back at once ({exc.message}), and its timer tries again"
        say(f"proxyfeed: {failure.message}; {later}")
        raise


def _ask(around: Surroundings, health: tuple[str, ...], seconds: float) -> Problem | None:
    from proxyfeed.health import check
    from proxyfeed.model import Problem

    hint = "proxyfeed status"
    try:
        wrong = check(health, seconds, {**around.environ, "PATH": around.search_path})
    except KeyboardInterrupt:
        return Problem("interrupted", _INTERRUPTED, "the health command was interrupted", hint)
    if not wrong:
        return None
    return Problem("unhealthy", 5, f"the health command failed: {wrong}", hint)
