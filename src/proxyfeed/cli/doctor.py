"""
The command for a bad day: doctor.
"""

from __future__ import annotations

import typer

from proxyfeed.cli.options import Json
from proxyfeed.cli.output import deliver
from proxyfeed.cli.surroundings import reading


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(context: typer.Context, json: Json = False) -> None:
    """
    Examine everything between the page and the packet.

    Tools, database, feeds, sets, rules, virtual services, settings of the kernel, alerts. What is
    wrong comes with what to type; the exit code is that of the worst. Changes nothing.

    \b
    proxyfeed doctor
    """
    from functools import partial

    from proxyfeed.commands.doctor import doctor as command
    from proxyfeed.firewall import Firewall
    from proxyfeed.lvs.processes import daemons

    opening = partial(reading, context.obj)
    outcome = command(context.obj.config(), opening, Firewall(), daemons())
    raise typer.Exit(deliver(outcome, json=json))
