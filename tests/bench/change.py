"""
A night on which 1 % has changed, from the page to the proven kernel, beside a shell pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.lines import Cost, Found, LeftOut, Line, NotMeasured
from tests.bench.pairs import Pairs
from tests.bench.publishing import Feed, relay_feed
from tests.bench.setting import PEERS, Setting, find_peer
from tests.e2e.machine import Machine
from tests.e2e.servers import PAGE, SITE_PORT

_PIPELINE = Path(__file__).with_name("peers") / "night.sh"
_WORK = "1 % changed, iCloud size"


def measure(setting: Setting) -> Iterator[Found]:
    netaddr = (str(PEERS / "python"), str(_PIPELINE.with_name("by_netaddr.py")))
    with relay_feed(setting) as feed:
        feed.job("update", "--quiet").run()
        for program in ("curl", "iprange"):
            if find_peer(program) is None:
                yield LeftOut("change", _WORK, f"{program} is not installed")
                return
        if find_peer("python") is None:
            yield LeftOut("change", f"{_WORK}, IPv6 by netaddr", "netaddr is not in .venv/bench")
        else:
            pairs = _pairs(setting, feed, netaddr)
            _check_members(feed.machine)
            yield pairs.line("change", _WORK, "pipeline, IPv6 by netaddr", 1.5)
            yield _memory(pairs)
        pairs = _pairs(setting, feed, ("cat",))
        yield pairs.line(
            "change", _WORK, "pipeline, IPv6 not aggregated", note="it aggregates IPv4 only"
        )


def _pairs(setting: Setting, feed: Feed, aggregate: Sequence[str]) -> Pairs:
    ours = feed.job("update", "--quiet")
    url = f"http://127.0.0.1:{SITE_PORT}{PAGE}"
    theirs = feed.program("bash", str(_PIPELINE), url, *aggregate)

    def next_night() -> Cost:
        feed.next_night()
        return ours.run()

    return Pairs.measure(next_night, theirs.run, setting.pairs(3))


def _check_members(machine: Machine) -> None:
    for family in (4, 6):
        ours, theirs = (
            machine.members(f"proxyfeed_relay_{family}"),
            machine.members(f"admin{family}"),
        )
        if ours != theirs:
            what = f"{len(ours - theirs):,} only in ours, {len(theirs - ours):,} only in theirs"
            raise NotMeasured(f"the IPv{family} sets differ: {what}")


def _memory(pairs: Pairs) -> Line:
    return Line("change", f"{_WORK}, peak memory", "", pairs.ours.memory, "MiB", 200)
