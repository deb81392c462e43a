"""
The first run of a new director with a long list.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.bench.lines import Cost, Line
from tests.bench.publishing import relay_feed
from tests.bench.setting import Setting


def measure(setting: Setting) -> Iterator[Line]:
    with relay_feed(setting) as feed:

        def run() -> Cost:
            for path in feed.machine.folder.glob("proxyfeed.db*"):
                path.unlink()
            feed.machine.forget_kernel()
            return feed.job("update", "--quiet").run()

        costs = [run() for _ in range(setting.pairs(3))]
    typical = sorted(costs, key=lambda cost: cost.wall)[len(costs) // 2]
    seconds = median(cost.wall for cost in costs)
    yield Line(
        section="first",
        work="first run, iCloud size",
        beside="",
        value=seconds,
        unit="s",
        at_most=5,
        note="by the clock",
        pairs=len(costs),
        ours=typical,
    )
