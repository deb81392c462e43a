"""
Commands on the virtual services that a mark leads to: lvs render, lvs check and lvs apply.
"""

from __future__ import annotations

from typing import Annotated

import typer

from proxyfeed.cli.options import DryRun, Json, Sets
from proxyfeed.cli.output import deliver, say, write
from proxyfeed.cli.surroundings import reading, writing

services = typer.Typer(help="The virtual services that the marks lead to.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(services, name="lvs")


@services.command("render")
def lvs_render(
    context: typer.Context,
    sets: Sets = None,
    form: Annotated[
        str, typer.Option("--format", help="One of ipvsadm, keepalived, ldirectord.")
    ] = "ipvsadm",
) -> None:
    """
    Print the virtual services in the words of the tool that runs them.

    Needs no database and no kernel. What a tool cannot express is an error, with its place. What
    ipvsadm takes has no comments: they go to standard error.

    \b
    proxyfeed lvs render | ipvsadm --restore
    proxyfeed lvs render --format keepalived > /etc/keepalived/proxyfeed.conf
    proxyfeed lvs render --format ldirectord aol > /etc/ha.d/ldirectord.cf
    """
    from proxyfeed.commands.lvs import render

    rendered = render(context.obj.config(), form, tuple(sets or ()))
    for note in rendered.notes:
        say(note)
    raise typer.Exit(write(rendered.document))


@services.command("check")
def lvs_check(
    context: typer.Context,
    sets: Sets = None,
    real_server: Annotated[
        bool, typer.Option("--real-server", help="Check this machine as a real server instead.")
    ] = False,
    json: Json = False,
) -> None:
    """
    Check the way of a marked packet, link by link.

    The set, the rule and the rules of others around it, the virtual service of each mark, the
    settings of the kernel. Changes nothing. A server that is missing is a warning: a health check
    may have taken it out. On a real server, --real-server looks at its addresses and ARP settings.

    \b
    proxyfeed lvs check
    proxyfeed lvs check aol --json
    proxyfeed lvs check --real-server
    """
    from proxyfeed.commands.lvs_check import check, check_real_server
    from proxyfeed.lvs.ipvs import Ipvs
    from proxyfeed.lvs.sysctls import Sysctls

    names = tuple(sets or ())
    if real_server:
        outcome = check_real_server(context.obj.config(), Ipvs(), Sysctls(), names)
    else:
        with reading(context.obj) as (config, doors):
            outcome = check(config, doors, names)
    raise typer.Exit(deliver(outcome, json=json))


@services.command("apply")
def lvs_apply(
    context: typer.Context,
    sets: Sets = None,
    dry_run: DryRun = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where keepalived or ldirectord runs.")
    ] = False,
    json: Json = False,
) -> None:
    """
    Bring the virtual services of the marks into IPVS.

    Only those of the marks: all others stay as they are. The result is read back and proven. It
    adds no health checks, and so no fallback: for those, see lvs render.

    \b
    proxyfeed lvs apply --dry-run
    proxyfeed lvs apply aol
    """
    from proxyfeed.commands.lvs_apply import apply
    from proxyfeed.lvs.processes import daemons

    beside = () if force else daemons()
    with writing(context.obj, "lvs apply", has_lock=not dry_run) as (config, doors):
        outcome = apply(config, doors, tuple(sets or ()), dry_run=dry_run, daemons=beside)
    raise typer.Exit(deliver(outcome, json=json))
