"""
The nightly job and its alerts.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from proxyfeed.cli.options import DryRun, Json, Quiet
from proxyfeed.cli.output import deliver
from proxyfeed.cli.surroundings import Surroundings, writing
from proxyfeed.config import Config
from proxyfeed.errors import LockHeld, OperatorMistake, ProxyfeedError, Unequipped

alerts = typer.Typer(help="Alerts: try whether they arrive.")


def add_to(app: typer.Typer) -> None:
    app.command()(update)
    app.add_typer(alerts, name="alert")


def update(
    context: typer.Context,
    feeds: Annotated[list[str] | None, typer.Argument(metavar="FEED", show_default=False)] = None,
    dry_run: DryRun = False,
    no_apply: Annotated[
        bool, typer.Option("--no-apply", help="Record versions, leave the kernel alone.")
    ] = False,
    force_fetch: Annotated[
        bool, typer.Option("--force-fetch", help="Ask, also what is not due (min_interval).")
    ] = False,
    jitter: Annotated[
        str, typer.Option(metavar="TIME", help="Wait a random while first, at most 30m, say.")
    ] = "0s",
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """
    Fetch, judge, record and apply.

    What fails or is held keeps its last accepted version.

    \b
    proxyfeed update                       all feeds, now
    proxyfeed update aol --dry-run         what would happen, and nothing else
    proxyfeed update --quiet --jitter 30m  the line for cron
    """
    from proxyfeed.commands.update import update as command

    _wait(jitter)
    with _telling(context.obj, dry_run=dry_run):
        writes = not dry_run
        with writing(context.obj, "update", may_create=writes, has_lock=writes) as (config, doors):
            outcome = command(
                config,
                doors,
                tuple(feeds or ()),
                dry_run=dry_run,
                skip_apply=no_apply,
                force_fetch=force_fetch,
            )
    raise typer.Exit(deliver(outcome, json=json, quiet=quiet))


@contextmanager
def _telling(around: Surroundings, *, dry_run: bool) -> Iterator[None]:
    """
    Tell of a run that could not even begin, or that a bug has ended.
    """
    try:
        yield
    except (LockHeld, Unequipped) as exc:
        if not dry_run:
            tell_unrecorded(around.config(), exc)
        raise
    except OperatorMistake:
        raise
    except Exception as exc:
        if not dry_run:
            what = f"a bug in proxyfeed ended it: {type(exc).__name__}"
            tell_unrecorded(around.config(), ProxyfeedError(what, hint="proxyfeed update"))
        raise


def tell_unrecorded(config: Config, exc: ProxyfeedError) -> None:
    """
    Tell of a run that could not even begin; without a database it cannot be remembered.
    """
    from proxyfeed.alert import send
    from proxyfeed.model import AlertKind, Event

    body = f"{exc.message}\ntry: {exc.hint}"
    event = Event(AlertKind.FAILED, "update", exc.code, f"update did not run: {exc.message}", body)
    send(config.alerts.to, [event], host=socket.gethostname(), now=datetime.now(UTC))


@alerts.command("test")
def alert_test(context: typer.Context, json: Json = False) -> None:
    """
    Send one test message to every target of the configuration.

    \b
    proxyfeed alert test
    """
    from proxyfeed.commands.alert import send_test

    with writing(context.obj, "alert test", may_create=True) as (config, doors):
        outcome = send_test(config, doors)
    raise typer.Exit(deliver(outcome, json=json))


def _wait(jitter: str) -> None:
    import random
    import time

    from proxyfeed.table import duration

    try:
        longest = duration(jitter).total_seconds()
    except ValueError as exc:
        raise OperatorMistake(
            f"--jitter {exc}, and is {jitter!r}", hint="proxyfeed update --jitter 30m"
        ) from exc
    time.sleep(random.uniform(0, longest))  # noqa: S311 - no secret, only spread
