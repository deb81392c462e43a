"""
``lvs apply`` and ``lvs check`` on real IPVS: what they make of a table, and what they leave alone.
"""

from __future__ import annotations

import json
from typing import Any

from tests.lab.director import Director, change_table, configuration, table
from tests.lab.sources import RANGES, edges, of_family
from tests.lab.traffic import Server, ask_all, servers_of

# Of another hand: an ordinary service, and those of another mark.
_FOREIGN = (
    "-A -t 192.0.2.80:8080 -s rr",
    "-a -t 192.0.2.80:8080 -r 192.0.2.11:8080 -m -w 3",
    "-A -f 7 -s rr -p 60 -o",
    "-A -f 7 -6 -s wrr",
)
_SPOILED = (
    "-E -f 1 -s rr -p 60 -o",
    "-E -f 1 -6 -s sh -b sh-port -p 60 -M 64",
    "-d -f 1 -r 192.0.2.11:0",
    "-a -f 1 -r 192.0.2.99:0 -g",
    "-e -f 1 -r 192.0.2.12:0 -i -w 0",
    "-a -f 1 -r 192.0.2.12:80 -m -w 9",
)


def run(servers: dict[str, Server]) -> Any:
    director = Director()
    director.configure(configuration())
    director.publish(RANGES)
    director.proxyfeed("update")
    for line in _FOREIGN:
        change_table(*line.split())
    found = {"foreign": table(), "missing": _check(director)}
    found["first"] = _apply(director)
    found["well"] = _check(director)
    found["again"] = _apply(director)
    found["answered"] = {
        str(family): servers_of(ask_all(of_family(family, edges()))) for family in (4, 6)
    }
    for line in _SPOILED:
        change_table(*line.split())
    found["spoiled"] = _check(director)
    found["mended"] = _apply(director)
    found["well again"] = _check(director)
    with_split = 'split = { by = "country", marks = [11, 12, 13] }'
    director.configure(
        configuration(marks=with_split, form="csv", feed="csv = { label = { country = 1 } }")
    )
    found["split"] = _apply(director)
    return found


def _apply(director: Director) -> Any:
    done = director.proxyfeed("lvs", "apply", "--json", code=None)
    return {"document": json.loads(done.out), "table": table()}


def _check(director: Director) -> Any:
    done = director.proxyfeed("lvs", "check", "--json", code=None)
    return json.loads(done.out)
