"""
Commands on what is known by name: feeds, feeds show, feeds try.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from proxyfeed.cli.options import Json
from proxyfeed.cli.output import deliver
from proxyfeed.cli.surroundings import apart
from proxyfeed.errors import OperatorMistake

feeds = typer.Typer(invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    app.add_typer(feeds, name="feeds")


@feeds.callback()
def feeds_list(context: typer.Context, json: Json = False) -> None:
    """
    List the feeds that are known by name, and what they are good for.

    Those of a CDN hold everyone behind it, and belong only to a set whose services it fronts.

    \b
    proxyfeed feeds
    proxyfeed feeds show icloud-private-relay
    proxyfeed feeds try zscaler
    """
    if context.invoked_subcommand is not None:
        return
    from proxyfeed.commands.feeds import list_feeds

    raise typer.Exit(deliver(list_feeds(context.obj.config()), json=json))


@feeds.command("show")
def feeds_show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    json: Json = False,
) -> None:
    """
    Show all that is known of one feed.

    Where it is, how it is read, what would be absurd in it, where the facts are from.

    \b
    proxyfeed feeds show icloud-private-relay
    """
    from proxyfeed.commands.feeds import show_feed

    raise typer.Exit(deliver(show_feed(context.obj.config(), name), json=json))


@feeds.command("try")
def feeds_try(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="NAME|URL")],
    form: Annotated[
        str, typer.Option("--format", help="One of html, text, csv, json; guessed without.")
    ] = "",
    path: Annotated[
        list[str] | None, typer.Option("--path", help="JMESPath of the rows (json).")
    ] = None,
    prefix: Annotated[str, typer.Option("--prefix", help="What to take of a row (json).")] = "",
    column: Annotated[str, typer.Option("--column", help="Its number or name (csv).")] = "",
    heading: Annotated[
        list[str] | None, typer.Option("--heading", help="Title of the wanted list (html).")
    ] = None,
    selector: Annotated[str, typer.Option("--selector", help="CSS selector (html).")] = "",
    json: Json = False,
) -> None:
    """
    Fetch and read a feed, and store nothing.

    Shows counts, coverage, rejected rows and what the guard would say. For a URL that no feed has,
    the table to write is printed too.

    \b
    proxyfeed feeds try zscaler
    proxyfeed feeds try https://proxy.example.net/egress.csv
    proxyfeed feeds try https://proxy.example.net/egress.json --path 'ranges[].cidr'
    """
    from proxyfeed.commands.feeds import try_feed

    written = _written(form, path, prefix, column, heading, selector)
    config = context.obj.config()
    child = apart(config, context.obj)
    outcome = try_feed(config, child.fetch, child.read, datetime.now(UTC), target, written)
    raise typer.Exit(deliver(outcome, json=json))


def _written(
    form: str,
    path: list[str] | None,
    prefix: str,
    column: str,
    heading: list[str] | None,
    selector: str,
) -> dict[str, Any]:
    """
    The options as the keys of a feed's table; each belongs to one format.
    """
    rules: dict[str, dict[str, Any]] = {
        "json": {"paths": path, "prefix": prefix},
        "csv": {"column": int(column) if column.isdecimal() else column},
        "html": {"heading": heading, "selector": selector},
    }
    given = {
        kind: {key: value for key, value in keys.items() if value} for kind, keys in rules.items()
    }
    kinds = [kind for kind, keys in given.items() if keys]
    if len(kinds) > 1 or (form and kinds and kinds != [form]):
        raise OperatorMistake(
            f"these options are of several formats: {', '.join({*kinds, form} - {''})}",
            hint="proxyfeed feeds try --help",
        )
    kind = form or (kinds[0] if kinds else "")
    return {"format": kind, **({kind: given[kind]} if kinds else {})} if kind else {}
