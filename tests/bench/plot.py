"""
A script of the peers' Python: the ratios of a report in JSON as bars beside their aims.

    .venv/bench/bin/python plot.py REPORT.json PLOT.svg
"""

import json
import sys
from pathlib import Path

import pygal
from pygal.style import Style


def main() -> None:
    report, plot = map(Path, sys.argv[1:])
    lines = [one for one in json.loads(report.read_text())["lines"] if one["unit"] == "times"]
    # The first line at the top.
    lines.reverse()
    chart = pygal.HorizontalBar(
        style=Style(font_family="sans-serif", colors=("#2b6cb0", "#cbd5e0")),
        title="CPU time beside others', as a ratio: shorter is faster",
        logarithmic=True,
        width=1200,
        height=160 + 34 * len(lines),
        legend_at_bottom=True,
        # The drawing is one file: no script from elsewhere.
        js=(),
    )
    chart.x_labels = [f"{one['section']}: {one['work']} / {one['beside']}" for one in lines]
    chart.add("measured", [one["value"] for one in lines])
    chart.add("aim, at most", [one["at_most"] for one in lines])
    chart.render_to_file(str(plot))


if __name__ == "__main__":
    main()
