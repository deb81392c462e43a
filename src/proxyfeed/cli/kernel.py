"""
Commands on the kernel and the way back: apply, rollback, release, approve, reject, rule, status.
"""

from __future__ import annotations

from typing import Annotated

import typer

from proxyfeed.cli.confirming import keep_if_healthy, read_condition
from proxyfeed.cli.options import (
    DryRun,
    Health,
    Json,
    Quiet,
    Reason,
    Sets,
    VersionNumber,
    Within,
)
from proxyfeed.cli.output import deliver
from proxyfeed.cli.surroundings import reading, writing

rules = typer.Typer(help="The MARK rule: show, install or remove it.")


def add_to(app: typer.Typer) -> None:
    for command in (apply, rollback, release, approve, reject, status):
        app.command()(command)
    app.add_typer(rules, name="rule")


def apply(
    context: typer.Context,
    sets: Sets = None,
    dry_run: DryRun = False,
    confirm_within: Within = None,
    health: Health = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """
    Bring the kernel to what is desired.

    Needs no network; the result is read back and proven. With --confirm-within it is taken back
    after that time, whatever becomes of your session, unless you type: proxyfeed confirm

    \b
    proxyfeed apply --dry-run              the plan
    proxyfeed apply                        carry it out, or mend what differs
    proxyfeed apply --confirm-within 10m   the same, on trial
    """
    from proxyfeed.commands.apply import apply as command

    on = read_condition(context.obj, confirm_within, health, dry_run=dry_run)
    with writing(context.obj, "apply", has_lock=not dry_run) as (config, doors):
        outcome = command(config, doors, tuple(sets or ()), dry_run=dry_run, within=on.within)
    outcome = keep_if_healthy(context.obj, outcome, on.health)
    raise typer.Exit(deliver(outcome, json=json, quiet=quiet))


def rollback(
    context: typer.Context,
    version: VersionNumber,
    reason: Reason = None,
    confirm_within: Within = None,
    health: Health = None,
    json: Json = False,
) -> None:
    """
    Go back to an accepted version.

    Its feed is pinned to it and the set is applied, in one step. The nightly update goes on
    recording what upstream publishes, and honours the pin. With --confirm-within all this is taken
    back after that time, unless you type: proxyfeed confirm

    \b
    proxyfeed rollback 12 --reason "users of VIP 80 lose their carts"
    proxyfeed rollback 12 --confirm-within 10m --health "curl -f http://192.0.2.80/"
    """
    from proxyfeed.commands.decide import rollback as command

    on = read_condition(context.obj, confirm_within, health)
    with writing(context.obj, f"rollback {version}") as (config, doors):
        outcome = command(config, doors, version, reason=reason, within=on.within)
    outcome = keep_if_healthy(context.obj, outcome, on.health)
    raise typer.Exit(deliver(outcome, json=json))


def release(
    context: typer.Context,
    feed: Annotated[str, typer.Argument(metavar="FEED")],
    json: Json = False,
) -> None:
    """
    Lift the pin of a feed.

    Shows what the next apply will then change.

    \b
    proxyfeed release aol
    proxyfeed apply
    """
    from proxyfeed.commands.decide import release as command

    with writing(context.obj, f"release {feed}") as (config, doors):
        outcome = command(config, doors, feed)
    raise typer.Exit(deliver(outcome, json=json))


def approve(
    context: typer.Context, version: VersionNumber, reason: Reason = None, json: Json = False
) -> None:
    """
    Accept a version that the guard holds. Nothing is applied yet.

    \b
    proxyfeed diff 14
    proxyfeed approve 14 --reason "announced by upstream"
    proxyfeed apply
    """
    from proxyfeed.commands.decide import approve as command

    with writing(context.obj, f"approve {version}") as (config, doors):
        outcome = command(config, doors, version, reason=reason)
    raise typer.Exit(deliver(outcome, json=json))


def reject(
    context: typer.Context, version: VersionNumber, reason: Reason = None, json: Json = False
) -> None:
    """
    Close a version that the guard holds. Nothing else changes.

    \b
    proxyfeed reject 14 --reason "a page of another site"
    """
    from proxyfeed.commands.decide import reject as command

    with writing(context.obj, f"reject {version}") as (_, doors):
        outcome = command(doors, version, reason=reason)
    raise typer.Exit(deliver(outcome, json=json))


def status(context: typer.Context, json: Json = False) -> None:
    """
    Show where everything stands.

    Feeds, versions, pins and ages; live against desired, member by member. The exit code is fit
    for monitoring.

    \b
    proxyfeed status          for people
    proxyfeed status --json   for monitoring
    """
    from proxyfeed.commands.status import status as command

    with reading(context.obj) as (config, doors):
        outcome = command(config, doors)
    raise typer.Exit(deliver(outcome, json=json))


@rules.command("show")
def rule_show(context: typer.Context, sets: Sets = None, json: Json = False) -> None:
    """
    Print the rule as it should be and as the kernel has it.

    \b
    proxyfeed rule show
    """
    from proxyfeed.commands.rule import rule

    with reading(context.obj) as (config, doors):
        outcome = rule(config, doors, "show", tuple(sets or ()))
    raise typer.Exit(deliver(outcome, json=json))


@rules.command("install")
def rule_install(context: typer.Context, sets: Sets = None, json: Json = False) -> None:
    """
    Put the rule in place; the set must be there already.

    \b
    proxyfeed rule install aol
    """
    _change_rule(context, "install", sets, json=json)


@rules.command("remove")
def rule_remove(context: typer.Context, sets: Sets = None, json: Json = False) -> None:
    """
    Take the rule out; the set stays.

    \b
    proxyfeed rule remove aol
    """
    _change_rule(context, "remove", sets, json=json)


def _change_rule(
    context: typer.Context, action: str, sets: list[str] | None, *, json: bool
) -> None:
    from proxyfeed.commands.rule import rule

    with writing(context.obj, f"rule {action}") as (config, doors):
        outcome = rule(config, doors, action, tuple(sets or ()))
    raise typer.Exit(deliver(outcome, json=json))
