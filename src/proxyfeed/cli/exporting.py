"""
``export``: a list for another program, on standard output or in a file of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proxyfeed.cli.options import Json, Quiet
from proxyfeed.cli.output import deliver, write
from proxyfeed.cli.surroundings import Surroundings, reading, writing
from proxyfeed.errors import OperatorMistake

if TYPE_CHECKING:
    from proxyfeed.model import Outcome

# A reload is done in seconds, or it hangs.
_RELOAD_SECONDS = 120.0
# A nightly line may come while an update is at work.
_PATIENCE = 60.0


def add_to(app: typer.Typer) -> None:
    app.command()(export)


def export(
    context: typer.Context,
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", min=1, show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option("--set", help="What this set should hold, of all its feeds.")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="One of plain, haproxy, haproxy-map, nginx, nft, ipset, csv, json.",
        ),
    ] = "plain",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Keep it in this file, replaced whole if it differs."),
    ] = None,
    reload: Annotated[
        str | None, typer.Option("--reload", help="Run this command after the file has changed.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change in the file.")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """
    Print a version or a set as a list for another program.

    With --output it is kept in a file, which is replaced whole, and only if it differs.

    haproxy is a file for an ACL, haproxy-map one for map_ip, nginx one to include in geo; nft is
    one to include, ipset a script for ipset restore. The value of an address is its mark where
    the set has several, and 1 where not.

    \b
    proxyfeed export 12 > list.txt
    proxyfeed export --set aol --format nginx
    proxyfeed export --set aol --format haproxy --output /etc/haproxy/proxies.lst --dry-run
    proxyfeed export --set aol --format haproxy --output /etc/haproxy/proxies.lst --reload "systemctl reload haproxy"
    """  # noqa: E501 - a line to copy
    from proxyfeed.commands import export as commands
    from proxyfeed.health import read_command

    if (version is None) == (name is None):
        raise OperatorMistake(
            "export takes a version, or a set by --set NAME", hint="proxyfeed export --set aol"
        )
    source = commands.Source(version or 0, name or "")
    around: Surroundings = context.obj
    if output is None:
        _refuse_without_file(reload=reload, dry_run=dry_run, json=json)
        with reading(around) as (config, doors):
            document = commands.export(config, doors, source, form)
        raise typer.Exit(write(document))
    words = () if reload is None else read_command(reload, around.search_path, "--reload")
    opened = writing(around, "export", has_lock=not dry_run, patience=_PATIENCE)
    with opened as (config, doors):
        outcome = commands.export_to_file(
            config, doors, source, form, output, dry_run=dry_run, will_reload=bool(words)
        )
    if not dry_run:
        outcome = _tell(around, outcome, words)
    raise typer.Exit(deliver(outcome, json=json, quiet=quiet))


def _refuse_without_file(*, reload: str | None, dry_run: bool, json: bool) -> None:
    given = {"--reload": reload is not None, "--dry-run": dry_run, "--json": json}
    for option, is_given in given.items():
        if is_given:
            raise OperatorMistake(
                f"{option} is about the file of --output, and none is named",
                hint="--format json" if option == "--json" else "--output FILE",
            )


def _tell(around: Surroundings, outcome: Outcome, words: tuple[str, ...]) -> Outcome:
    """
    Tell the program that reads the file. No lock is held meanwhile.
    """
    from proxyfeed.commands.export import note_reload
    from proxyfeed.health import check
    from proxyfeed.model import ExportResult

    result = outcome.result
    if not isinstance(result, ExportResult) or not result.needs_reload:
        return outcome
    wrong = check(words, _RELOAD_SECONDS, {**around.environ, "PATH": around.search_path})
    return note_reload(result, wrong)
