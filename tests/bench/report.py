"""
The findings as text and as JSON.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from tests.bench.lines import Cost, Found, LeftOut, Line

_UNITS = {"times": "x", "fold": "x", "s": " s", "MiB": " MiB", "bytes": " bytes"}
_HEAD = (
    *("section", "work", "beside", "measured", "at most", "", "ours", "theirs"),
    *("by the clock", "pairs", "note"),
)


def machine() -> str:
    release = platform.release().partition("-")[0]
    return f"Python {platform.python_version()}, Linux {release}, {os.cpu_count()} CPUs"


def text(found: Sequence[Found]) -> str:
    """
    A table, with a blank line after each section, and below it what was left out.
    """
    rows = [_HEAD, *(_row(one) for one in found if isinstance(one, Line))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "Measured is CPU time of whole processes with their children, ours as a share of theirs:",
        "the median of the ratios of pairs that ran one right after the other.",
        machine(),
        "",
    ]
    before = _HEAD[0]
    for row in rows:
        if row[0] != before:
            lines.append("")
            before = row[0]
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    lines += [""] * any(isinstance(one, LeftOut) for one in found)
    for one in found:
        if isinstance(one, LeftOut):
            word = "FAILED" if one.is_failure else "left out"
            lines.append(f"{word}: {one.section}: {one.work}: {one.why}")
    return "".join(f"{line}\n" for line in lines)


def document(found: Iterable[Found]) -> str:
    """
    The same as JSON: ``lines`` with costs in seconds and MiB, and ``left_out``.
    """
    lines, left_out = [], []
    for one in found:
        if isinstance(one, Line):
            lines.append({**asdict(one), "is_met": one.is_met})
        else:
            left_out.append(asdict(one))
    whole = {"machine": machine(), "lines": lines, "left_out": left_out}
    return json.dumps(whole, indent=2) + "\n"


def _row(line: Line) -> tuple[str, ...]:
    unit = _UNITS[line.unit]
    return (
        line.section,
        line.work,
        line.beside,
        f"{_short(line.value)}{unit}",
        "" if line.at_most is None else f"{_short(line.at_most)}{unit}",
        {None: "", True: "met", False: "MISSED"}[line.is_met],
        _cost(line.ours),
        _cost(line.theirs),
        "" if line.wall is None else f"{_short(line.wall)}x",
        str(line.pairs),
        line.note,
    )


def _cost(cost: Cost | None) -> str:
    return f"{cost.cpu:.3f} s {cost.memory:,.0f} MiB" if cost else ""


def _short(number: float) -> str:
    """
    Two decimals below ten, none from a hundred on: 0.14, 4, 12.5, 287.
    """
    decimals = 2 if number < 10 else 1 if number < 100 else 0
    text = f"{number:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
