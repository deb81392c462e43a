"""
Commands that only look: diff, history, show, lookup.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from proxyfeed.cli.options import Json, Prefixes, Stat, VersionNumber, detail_of
from proxyfeed.cli.output import deliver, write
from proxyfeed.cli.surroundings import reading
from proxyfeed.errors import OperatorMistake


def add_to(app: typer.Typer) -> None:
    for command in (diff, history, fetches, show, lookup):
        app.command()(command)


def diff(
    context: typer.Context,
    versions: Annotated[
        list[int] | None, typer.Argument(metavar="VERSION", show_default=False)
    ] = None,
    stat: Stat = False,
    prefixes: Prefixes = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if there is a difference.")
    ] = False,
    impact: Annotated[
        bool, typer.Option("--impact", help="Count the connections of now that it concerns.")
    ] = False,
    json: Json = False,
) -> None:
    """
    Show what would change, in address space.

    \b
    proxyfeed diff               live against what apply would make it
    proxyfeed diff 14            the active version against version 14
    proxyfeed diff 12 14         version 12 against version 14
    proxyfeed diff 14 --impact   and who of those who are connected would change server
    """
    from proxyfeed.commands.diff import diff as command
    from proxyfeed.commands.impact import add_impact

    if len(versions or ()) > 2:
        raise OperatorMistake("diff takes two versions at most", hint="proxyfeed diff 12 14")
    detail = detail_of(stat=stat, prefixes=prefixes)
    with reading(context.obj) as (config, doors):
        outcome = command(config, doors, tuple(versions or ()), detail=detail, exit_code=exit_code)
        if impact:
            outcome = add_impact(config, doors, outcome)
    raise typer.Exit(deliver(outcome, json=json))


def history(
    context: typer.Context,
    feed: Annotated[str | None, typer.Argument(metavar="FEED", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    json: Json = False,
) -> None:
    """
    List the versions, the newest first.

    \b
    proxyfeed history
    proxyfeed history aol --limit 5
    """
    from proxyfeed.commands.history import history as command

    with reading(context.obj) as (config, doors):
        outcome = command(config, doors, feed, limit)
    raise typer.Exit(deliver(outcome, json=json))


def fetches(
    context: typer.Context,
    feed: Annotated[str, typer.Argument(metavar="FEED")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    body: Annotated[
        int | None,
        typer.Option("--body", metavar="FETCH", min=1, help="Print the bytes that one gave."),
    ] = None,
    json: Json = False,
) -> None:
    """
    List the attempts at a feed, the newest first.

    \b
    proxyfeed fetches aol
    proxyfeed fetches aol --body 31 > page.html   the page that was refused
    """
    from proxyfeed.commands import history as commands

    with reading(context.obj) as (config, doors):
        if body is not None:
            raise typer.Exit(_write_body(commands.fetched_body(doors, body)))
        outcome = commands.fetches(config, doors, feed, limit)
    raise typer.Exit(deliver(outcome, json=json))


def show(
    context: typer.Context,
    version: VersionNumber,
    stat: Stat = False,
    prefixes: Prefixes = False,
    body: Annotated[
        bool, typer.Option("--body", help="Print the bytes that it was read from.")
    ] = False,
    json: Json = False,
) -> None:
    """
    Show one version and what it changed.

    \b
    proxyfeed show 12
    proxyfeed show 12 --body > page.html   the page that it was read from
    """
    from proxyfeed.commands import history as commands

    if body and json:
        raise OperatorMistake(
            "--body prints the very bytes, which are no JSON",
            hint=f"proxyfeed show {version} --body",
        )
    with reading(context.obj) as (config, doors):
        if body:
            raise typer.Exit(_write_body(commands.body(doors, version)))
        detail = detail_of(stat=stat, prefixes=prefixes)
        outcome = commands.show(config, doors, version, detail=detail)
    raise typer.Exit(deliver(outcome, json=json))


def lookup(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    json: Json = False,
) -> None:
    """
    Tell where an address is and was.

    In which set and feed it is now, since which version, and when it came and went before.

    \b
    proxyfeed lookup 64.12.96.1
    """
    from proxyfeed.commands.history import lookup as command

    with reading(context.obj) as (config, doors):
        outcome = command(config, doors, address)
    raise typer.Exit(deliver(outcome, json=json))


def _write_body(content: bytes) -> int:
    """
    The very bytes into a file or a pipe; on a terminal nothing that it would obey.
    """
    from proxyfeed.plain import plain

    return write(plain(content.decode("utf-8", "replace")) if sys.stdout.isatty() else content)
