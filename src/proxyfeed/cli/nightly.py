"""
What runs unattended, at night and at boot, and its alerts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from proxyfeed.cli.options import DryRun, Json, Quiet
from proxyfeed.cli.output import deliver
from proxyfeed.cli.surroundings import Surroundings, host_name, writing
from proxyfeed.errors import (
    Exposed,
    LockHeld,
    OperatorMistake,
    ProxyfeedError,
    StoreError,
    Unequipped,
)

if TYPE_CHECKING:
    from proxyfeed.config import Config

alerts = typer.Typer(help="Alerts: try whether they arrive.")


def add_to(app: typer.Typer) -> None:
    app.command()(update)
    app.command()(boot)
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


def boot(context: typer.Context, quiet: Quiet = False, json: Json = False) -> None:
    """
    Fill the sets from the local database, as at boot.

    Needs no network. What waits for confirmation is taken back first. Without a database that can
    be used, missing sets are made empty, so that saved rules which look at them can be restored.

    \b
    proxyfeed boot --quiet   the line of proxyfeed-boot.service
    """
    from proxyfeed.commands.boot import boot as command
    from proxyfeed.commands.boot import boot_without_database
    from proxyfeed.firewall import Firewall

    try:
        with writing(context.obj, "boot") as (config, doors):
            outcome = command(config, doors)
    except (StoreError, Exposed) as exc:
        outcome = boot_without_database(context.obj.config(), Firewall(), exc)
    raise typer.Exit(deliver(outcome, json=json, quiet=quiet))


@contextmanager
def _telling(around: Surroundings, *, dry_run: bool) -> Iterator[None]:
    """
    Tell of a run that could not even begin, or that a bug has ended.
    """
    try:
        yield
    except (Exposed, LockHeld, Unequipped) as exc:
        if not dry_run:
            # An exposed configuration is refused here once more: it names no target to believe.
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
    send(config.alerts.to, [event], host=host_name(), now=datetime.now(UTC))


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
