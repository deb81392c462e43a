"""
The set changes under traffic, by the program and, for comparison, by a refill in place.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tests.lab.director import Director, configuration, load_table
from tests.lab.network import DIRECTOR, run_in
from tests.lab.sources import ORDINARY, RANGES, edges, neighbours
from tests.lab.traffic import Server, Traffic

# Marked clients have rs1 and nobody else has, so that each packet without its mark is seen. The
# services have no persistence: each connection is decided anew.
_TABLE = """\
-A -f 1 -s rr
-a -f 1 -r 192.0.2.11:0 -g
-A -f 1 -6 -s rr
-a -f 1 -6 -r [2001:db8::11]:0 -g
-A -t 192.0.2.80:80 -s rr
-a -t 192.0.2.80:80 -r 192.0.2.12:80 -g
-a -t 192.0.2.80:80 -r 192.0.2.13:80 -g
-A -t [2001:db8::80]:80 -s rr
-a -t [2001:db8::80]:80 -r [2001:db8::12]:80 -g
-a -t [2001:db8::80]:80 -r [2001:db8::13]:80 -g
"""
# They come and go with every second version.
_LEAVING = ("152.163.240.0/21", "2a04:4e41::/32")
# Nobody asks from there: so many that a set is made anew aside and swapped, or a part of them.
_BULK = [f"8.{second}.{third}.0/24" for second in range(2) for third in range(0, 256, 2)]
_FEW = {"with": (*RANGES, *_LEAVING, *_BULK), "without": (*RANGES, *_BULK[:-40])}
_MANY = {"with": (*RANGES, *_LEAVING), "without": (*RANGES, *_BULK)}


def run(servers: dict[str, Server]) -> Any:
    director = Director()
    director.configure(configuration(servers=["rs1"]))
    director.publish(_FEW["with"])
    director.proxyfeed("update")
    load_table(_TABLE)
    return {
        "few": _watch(lambda: _publish(director, _FEW)),
        "many": _watch(lambda: _publish(director, _MANY)),
        "rolled back": _watch(lambda: _roll_back(director)),
        "refilled in place": _watch(_refill_in_place),
    }


def _watch(change: Callable[[], Iterable[str]]) -> dict[str, Any]:
    """
    Make a change while everybody asks, and say who was answered by whom, and what was printed.
    """
    leaving = [*edges(_LEAVING)]
    staying = edges()
    ordinary = [*neighbours(), *ORDINARY]
    began = time.monotonic()
    with Traffic([*staying, *leaving, *ordinary]) as traffic:
        before = traffic.count()
        printed = list(change())
        during = traffic.count() - before
        traffic.pass_rounds()
    print(f"{time.monotonic() - began:.1f} s, {during} requests, {len(printed)} steps", flush=True)
    groups = {"staying": staying, "leaving": leaving, "ordinary": ordinary}
    found: dict[str, Any] = {name: _sum(traffic, each) for name, each in groups.items()}
    return {**found, "printed": printed, "during": during}


def _sum(traffic: Traffic, sources: Iterable[str]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for source in sources:
        total.update(traffic.seen[source])
    return dict(total)


def _publish(director: Director, lists: dict[str, Iterable[str]]) -> Iterable[str]:
    for name in ("without", "with"):
        director.publish(lists[name])
        yield director.proxyfeed("update").out


def _roll_back(director: Director) -> Iterable[str]:
    for version in ("1", "2"):
        yield director.proxyfeed("rollback", version, "--reason", "the lab").out
    yield director.proxyfeed("release", "farm").out
    yield director.proxyfeed("apply").out


def _refill_in_place() -> Iterable[str]:
    """
    Empty each set and fill it again, as a script does that knows no better.
    """
    for family in (4, 6):
        name = f"proxyfeed_farm_{family}"
        entries = [
            line
            for line in run_in(DIRECTOR, "ipset", "save", name).splitlines()
            if line.startswith("add ")
        ]
        for _ in range(3):
            run_in(DIRECTOR, "ipset", "flush", name)
            run_in(DIRECTOR, "ipset", "restore", input="\n".join(entries) + "\n")
            yield name
