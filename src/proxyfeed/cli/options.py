"""
Options that several commands share, each written once.
"""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the document as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing on success, for cron.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan and write nothing.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why, for whoever comes after you.")]
Within = Annotated[
    str | None,
    typer.Option(
        "--confirm-within", metavar="TIME", help="Take it back after that, unless it is confirmed."
    ),
]
Health = Annotated[
    str | None, typer.Option("--health", help="Take it back at once if this command fails.")
]
VersionNumber = Annotated[int, typer.Argument(metavar="VERSION", min=1)]
Sets = Annotated[list[str] | None, typer.Argument(metavar="SET", show_default=False)]
Stat = Annotated[bool, typer.Option("--stat", help="Counts only.")]
Prefixes = Annotated[bool, typer.Option("--prefixes", help="Whole lines of the lists.")]


def detail_of(*, stat: bool, prefixes: bool) -> str:
    return "prefixes" if prefixes else "stat" if stat else ""
