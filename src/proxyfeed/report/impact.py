"""
Whom of those who are connected a difference concerns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from proxyfeed.model import Impact


def impact_lines(impacts: Iterable[Impact]) -> Iterator[str]:
    """
    One line for each set, and one for each real server that somebody may leave.
    """
    for one in impacts:
        total = f"{one.connections:,} connections and {one.templates:,} persistence templates"
        shared = f", {one.shared:,} more templates are for all clients" if one.shared else ""
        touched = sum(tally.connections for tally in one.tallies)
        remembered = sum(tally.templates for tally in one.tallies)
        yield (
            f"  impact     set {one.set}: of {total} now, {touched:,} and {remembered:,} are of "
            f"addresses whose mark changes{shared}"
        )
        for tally in one.tallies:
            yield (
                f"    {tally.server}: {tally.clients:,} clients, each {tally.fate}: "
                f"{tally.connections:,} connections, {tally.templates:,} templates"
            )
        if one.tallies:
            yield "    a connection stays where it is; the next one of its client may go elsewhere"
