"""
The set-up of the article, made by the program alone: who lands where, and who moves with whom.
"""

from __future__ import annotations

from typing import Any

from tests.lab.director import Director, change_table, configuration, load_table, table
from tests.lab.network import address
from tests.lab.sources import ORDINARY, RANGES, edges, neighbours, of_family
from tests.lab.traffic import Server, ask_all, servers_of

# 19 sources of IPv4 and 15 of IPv6: at least 90 requests of a family.
_TIMES = 6


def run(servers: dict[str, Server]) -> Any:
    director = Director()
    director.configure(configuration())
    director.publish(RANGES)
    printed = director.proxyfeed("update").out
    rendered = director.render("ipvsadm")
    load_table(rendered)
    marked = edges()
    found = {
        "printed": printed,
        "rendered": rendered,
        "loaded": table(),
        "marked": ask_all(marked, times=2),
        "neighbours": ask_all(neighbours()),
        "ordinary": ask_all(ORDINARY),
        "together": {str(family): _move(of_family(family, marked), family) for family in (4, 6)},
    }
    director.proxyfeed("rule", "remove")
    load_table(rendered)
    found["without the rule"] = ask_all(marked)
    director.proxyfeed("rule", "install")
    director.configure(configuration(lvs="together = false"))
    load_table(director.render("ipvsadm"))
    found["together = false"] = ask_all(marked)
    return found


def _move(marked: list[str], family: int) -> dict[str, dict[str, int]]:
    """
    Take the server of the marked clients out, put it back, and let the next one have weight 0.
    """
    found = {"at first": servers_of(ask_all(marked, _TIMES))}
    words = ("-f", "1", *(("-6",) if family == 6 else ()))
    first = _real_server(found["at first"], family)
    change_table("-d", *words, "-r", first)
    found["taken out"] = servers_of(ask_all(marked, _TIMES))
    change_table("-a", *words, "-r", first, "-g")
    found["put back"] = servers_of(ask_all(marked, _TIMES))
    second = _real_server(found["put back"], family)
    change_table("-e", *words, "-r", second, "-g", "-w", "0")
    found["weight 0"] = servers_of(ask_all(marked, _TIMES))
    return found


def _real_server(answered: dict[str, int], family: int) -> str:
    return f"[{address(max(answered), family)}]:0" if family == 6 else address(max(answered), 4)
