"""
The program looks at the live chain, mends its services, and finds each thing that another breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.lab.director import Director, change_table, configuration, load_table, table
from tests.lab.network import DIRECTOR, address, run_in, set_sysctls
from tests.lab.sources import ORDINARY, RANGES, edges, of_family
from tests.lab.traffic import Server, Traffic, ask_all, servers_of

# A service of somebody else's, which stays as it is whatever is applied.
_FOREIGN = "-A -f 99 -s rr -p 60\n-a -f 99 -r 192.0.2.13:0 -g -w 7\n"


def run(servers: dict[str, Server]) -> Any:
    director = Director()
    director.configure(configuration())
    director.publish(RANGES)
    director.proxyfeed("update")
    # All but the services of the mark: they come first in what is rendered.
    _, start, ordinary = director.render("ipvsadm").partition("-A -t ")
    load_table(f"{_FOREIGN}{start}{ordinary}")
    found = {
        "at first": table(),
        "nothing applied": director.proxyfeed("lvs", "check", code=None)._asdict(),
        "dry run": director.proxyfeed("lvs", "apply", "--dry-run")._asdict(),
        "after the dry run": table(),
        "applied": director.proxyfeed("lvs", "apply")._asdict(),
        "after the apply": table(),
        "applied again": director.proxyfeed("lvs", "apply")._asdict(),
        "after the second apply": table(),
        "marked": {
            "IPv4": servers_of(ask_all(of_family(4, edges()))),
            "IPv6": servers_of(ask_all(of_family(6, edges()))),
        },
        "ordinary": servers_of(ask_all(ORDINARY)),
        "healthy": director.proxyfeed("lvs", "check", code=None)._asdict(),
        "doctor": director.proxyfeed("doctor", code=None)._asdict(),
    }
    found["broken"] = {
        **{name: _break_service(director, way) for name, way in _SERVICES.items()},
        **{name: _break_rule(director, way) for name, way in _RULES.items()},
        "sysctl": _break_sysctl(director),
    }
    found["mended under traffic"] = _mend_under_traffic(director)
    return found


def _edit(*words: str) -> Callable[[], None]:
    return lambda: change_table(*words)


def _no_weights() -> None:
    for name in ("rs1", "rs2", "rs3"):
        change_table("-e", "-f", "1", "-r", address(name, 4), "-g", "-w", "0")


def _shadow() -> None:
    words = ["-t", "mangle", "-I", "PREROUTING", "1", "-s", "64.12.96.0/19", "-j", "ACCEPT"]
    run_in(DIRECTOR, "iptables", *words)


def _overwrite() -> None:
    words = ["-t", "mangle", "-A", "PREROUTING", "-j", "MARK", "--set-mark", "7"]
    run_in(DIRECTOR, "iptables", *words)


def _flush_rules() -> None:
    for program in ("iptables", "ip6tables"):
        run_in(DIRECTOR, program, "-t", "mangle", "-F", "PREROUTING")


# One thing each, as another hand might do it.
_SERVICES: dict[str, Callable[[], None]] = {
    "service deleted": _edit("-D", "-f", "1"),
    "service of IPv6 deleted": _edit("-D", "-f", "1", "-6"),
    "not persistent": _edit("-E", "-f", "1", "-s", "wlc"),
    "other timeout": _edit("-E", "-f", "1", "-s", "wlc", "-p", "60", "-M", "0.0.0.0"),
    "no common template": _edit("-E", "-f", "1", "-s", "wlc", "-p", "3600"),
    "other scheduler": _edit("-E", "-f", "1", "-s", "rr", "-p", "3600", "-M", "0.0.0.0"),
    "no weights": _no_weights,
    "server deleted": _edit("-d", "-f", "1", "-r", "192.0.2.11"),
    "other forwarding": _edit("-e", "-f", "1", "-r", "192.0.2.11", "-m"),
}
_RULES: dict[str, Callable[[], None]] = {
    "rule deleted": _flush_rules,
    "rule shadowed": _shadow,
    "mark overwritten": _overwrite,
}


def _break_service(director: Director, way: Callable[[], None]) -> dict[str, Any]:
    """
    Break one thing, ask what is wrong, and let the program mend it.
    """
    way()
    done = director.proxyfeed("lvs", "check", code=None)
    director.proxyfeed("lvs", "apply")
    return {**done._asdict(), "mended": table()}


def _break_rule(director: Director, way: Callable[[], None]) -> dict[str, Any]:
    way()
    done = director.proxyfeed("lvs", "check", code=None)
    _flush_rules()
    director.proxyfeed("apply")
    return done._asdict()


def _break_sysctl(director: Director) -> dict[str, Any]:
    set_sysctls(DIRECTOR, {"net.ipv4.vs.expire_nodest_conn": 0})
    done = director.proxyfeed("lvs", "check", code=None)
    set_sysctls(DIRECTOR, {"net.ipv4.vs.expire_nodest_conn": 1})
    return done._asdict()


def _mend_under_traffic(director: Director) -> Any:
    """
    Let the configuration get another scheduler and timeout while marked clients ask.
    """
    with Traffic(of_family(4, edges())) as traffic:
        for lvs in ('scheduler = "wrr"\npersistence = "2h"', ""):
            director.configure(configuration(lvs=lvs))
            director.proxyfeed("lvs", "apply")
    return {source: dict(found) for source, found in traffic.seen.items()}
