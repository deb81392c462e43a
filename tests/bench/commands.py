"""
Commands that an operator waits for, beside the smallest program that typer makes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.lines import Line
from tests.bench.pairs import Pairs
from tests.bench.publishing import aol_feed
from tests.bench.setting import Setting

_TYPER = str(Path(__file__).with_name("peers") / "by_typer.py")
_BESIDE = "python + typer"


def measure(setting: Setting) -> Iterator[Line]:
    with aol_feed(setting) as feed:
        feed.job("update", "--quiet").run()
        for command, other in (("--help", "--help"), ("status", "one"), ("diff", "one")):
            ours, theirs = feed.job(command), feed.program(sys.executable, _TYPER, other)
            pairs = Pairs.measure(ours.run, theirs.run, setting.pairs(7))
            yield pairs.line("commands", f"{command}, AOL", f"{_BESIDE}: {other}", 2)
