"""
Commands for the first day: init and config.
"""

from __future__ import annotations

import typer

from proxyfeed.cli.options import Json
from proxyfeed.cli.output import deliver
from proxyfeed.cli.surroundings import Surroundings


def add_to(app: typer.Typer) -> None:
    app.command()(init)
    app.command()(config)


def init(context: typer.Context, json: Json = False) -> None:
    """
    Make a configuration and a database.

    The configuration is commented; one that is there already stays as it is. A database of an
    older version is upgraded.

    \b
    proxyfeed init
    proxyfeed --config ./proxyfeed.toml init
    """
    from proxyfeed.commands.setup import init as command

    around: Surroundings = context.obj
    outcome = command(
        around.chosen or around.usual_config,
        around.usual_config,
        around.state_folder,
        around.lock_path,
    )
    raise typer.Exit(deliver(outcome, json=json))


def config(context: typer.Context, json: Json = False) -> None:
    """
    Check the configuration and print it.

    Every mistake is reported at once. Secrets are not printed.

    \b
    proxyfeed config
    proxyfeed --config ./proxyfeed.toml config
    """
    from proxyfeed.commands.setup import show_config

    outcome = show_config(context.obj.config())
    raise typer.Exit(deliver(outcome, json=json))
