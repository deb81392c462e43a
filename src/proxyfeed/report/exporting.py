"""
What became of a file that ``export`` keeps.
"""

from __future__ import annotations

from collections.abc import Iterator

from proxyfeed.model import ExportResult, Writing
from proxyfeed.report.words import change, diff_body


def export_lines(result: ExportResult) -> Iterator[str]:
    """
    What differs, as ``diff`` shows it, and what was done about it.
    """
    if result.writing is not Writing.UNCHANGED:
        yield f"--- {result.path}"
        yield f"+++ {result.subject}"
        yield from diff_body(result.change)
        yield f"    {change(result.change)}"
    if result.revalued:
        yield f"    {result.revalued.addresses:,} addresses have another value"
    what = f"{result.prefixes:,} prefixes of {result.subject}, format {result.format}"
    yield f"{result.path}: {result.writing}, {what}{_reload(result)}"


def _reload(result: ExportResult) -> str:
    if result.reloaded:
        return "; reloaded"
    if not result.needs_reload:
        return ""
    return "; to be reloaded" if result.writing is Writing.WOULD_WRITE else "; not reloaded yet"
