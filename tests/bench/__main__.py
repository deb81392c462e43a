"""
Measure the product beside the best of others, into a table, JSON and a plot in build/bench.

    make bench
    make bench ARGS="aggregate night --quick"
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import aggregate, change, commands, first, growth, kernel, night, report
from tests.bench.lines import Found, LeftOut, NotMeasured
from tests.bench.setting import PEERS, ROOT, Setting

OUTPUT = ROOT / "build/bench"
_SECTIONS: dict[str, Callable[[Setting], Iterator[Found]]] = {
    "aggregate": aggregate.measure,
    "night": night.measure,
    "change": change.measure,
    "kernel": kernel.measure,
    "growth": growth.measure,
    "first": first.measure,
    "commands": commands.measure,
}
_PLOT = Path(__file__).with_name("plot.py")
_WITHOUT_KERNEL = {"aggregate", "growth"}


def main() -> int:
    """
    Return 0 when everything was measured that can be here, whether or not the aims are met.
    """
    chosen, is_quick = _arguments()
    found: list[Found] = []
    with tempfile.TemporaryDirectory(prefix="proxyfeed-bench-") as folder:
        setting = Setting(Path(folder), is_quick)
        for name in chosen:
            began = time.monotonic()
            found += _section(name, setting)
            # A run that is cut off has written down what it found.
            _write(found)
            print(f"== {name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(report.text(found), end="")
    _draw()
    return int(any(isinstance(one, LeftOut) and one.is_failure for one in found))


def _arguments() -> tuple[list[str], bool]:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(_SECTIONS))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    read = parser.parse_args()
    for name in read.sections:
        if name not in _SECTIONS:
            parser.error(f"there is no section {name!r}; there are: {', '.join(_SECTIONS)}")
    return read.sections or list(_SECTIONS), read.quick


def _section(name: str, setting: Setting) -> Iterator[Found]:
    """
    Measure one section; what ends it early is a line too, and the next sections have their turn.
    """
    if setting.no_kernel and name not in _WITHOUT_KERNEL:
        yield LeftOut(name, "all of it", setting.no_kernel)
        return
    try:
        yield from _SECTIONS[name](setting)
    except (NotMeasured, OSError, subprocess.SubprocessError) as exc:
        yield LeftOut(name, "the rest of it", str(exc), is_failure=True)


def _write(found: list[Found]) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "report.txt").write_text(report.text(found))
    (OUTPUT / "report.json").write_text(report.document(found))


def _draw() -> None:
    if not (PEERS / "python").exists():
        print("no plot: .venv/bench is not there", file=sys.stderr)
        return
    drawn = [PEERS / "python", _PLOT, OUTPUT / "report.json", OUTPUT / "plot.svg"]
    subprocess.run(drawn, check=False)
    print(f"see report.txt, report.json and plot.svg in {OUTPUT}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
