"""
Servers die and come back, and keepalived or ldirectord watches them by the rendered configuration.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.director import Director, await_that, configuration, load_table, table
from tests.lab.network import DIRECTOR, REAL_SERVERS, address, run_in
from tests.lab.sources import ORDINARY, RANGES, edges, of_family
from tests.lab.traffic import Server, ask_all, servers_of

_USUAL, _FALLBACK = ("rs1", "rs2"), "rs3"
_LVS = f"""\
fallback = ["{address(_FALLBACK, 4)}", "{address(_FALLBACK, 6)}"]
check = {{ type = "http", port = 80, path = "/alive", expect = "OK", every = "1s", timeout = "3s" }}
"""
_KEEPALIVED = Path("/run/keepalived.conf")
_LDIRECTORD = Path("/etc/ha.d/ldirectord.cf")


def keepalived(servers: Mapping[str, Server]) -> Any:
    director = _prepare()
    text = director.render("keepalived")
    _KEEPALIVED.write_text(text, "utf-8")
    tested = run_in(DIRECTOR, "keepalived", "--config-test", "--use-file", str(_KEEPALIVED))
    # The checkers alone and in the foreground, each file in a place of its own.
    argv = ("keepalived", "-C", "-n", "-l", "-D", "-f", str(_KEEPALIVED))
    with _running(*argv, "-p", "/run/keepalived.pid", "-c", "/run/checkers.pid"):
        found = _fail_over(servers)
    return {**found, "tested": tested, "unwatched": _unwatched(director, servers)}


def ldirectord(servers: Mapping[str, Server]) -> Any:
    director = _prepare()
    _LDIRECTORD.parent.mkdir(parents=True, exist_ok=True)
    _LDIRECTORD.write_text(director.render("ldirectord"), "utf-8")
    with _running("ldirectord", "-d", str(_LDIRECTORD), "start"):
        return _fail_over(servers)


def original(servers: Mapping[str, Server]) -> Any:
    """
    The form of the article, under ldirectord: the mark has one server, and another takes over that
    serves everybody else meanwhile.
    """
    alone, other = _USUAL
    marked = f'marked = ["{address(alone, 4)}", "{address(alone, 6)}"]\n'
    lvs = marked + _LVS.replace(address(_FALLBACK, 4), address(other, 4)).replace(
        address(_FALLBACK, 6), address(other, 6)
    )
    director = _prepare(REAL_SERVERS, lvs)
    _LDIRECTORD.parent.mkdir(parents=True, exist_ok=True)
    _LDIRECTORD.write_text(director.render("ldirectord"), "utf-8")
    found = {"order": [alone, other]}
    with _running("ldirectord", "-d", str(_LDIRECTORD), "start"):
        _await_served({alone}, {*REAL_SERVERS})
        found["healthy"] = _ask()
        servers[alone].stop()
        _await_served({other}, {*REAL_SERVERS} - {alone})
        found["died"] = _ask()
        servers[alone].start()
        _await_served({alone}, {*REAL_SERVERS})
        found["is back"] = _ask()
    return found


def _prepare(usual: Iterable[str] = _USUAL, lvs: str = _LVS) -> Director:
    director = Director()
    director.configure(configuration(usual, lvs))
    director.publish(RANGES)
    director.proxyfeed("update")
    return director


def _fail_over(servers: Mapping[str, Server]) -> dict[str, Any]:
    """
    Let the server of the marked clients die, then the other one, and let both come back.
    """
    _await_servers(*_USUAL)
    found = {"healthy": _ask(), "loaded": table()}
    # Of IPv4; IPv6 has a template of its own, and may have begun with the other one.
    first = _busiest(found["healthy"]["marked IPv4"])
    (second,) = set(_USUAL) - {first}
    found["order"] = [first, second, _FALLBACK]
    servers[first].stop()
    _await_servers(second)
    found["one died"] = _ask()
    servers[second].stop()
    _await_servers(_FALLBACK)
    found["both died"] = _ask()
    servers[first].start()
    _await_servers(first)
    found["one is back"] = _ask()
    servers[second].start()
    _await_servers(*_USUAL)
    found["both are back"] = _ask()
    return found


def _ask() -> dict[str, dict[str, int]]:
    return {
        "marked IPv4": servers_of(ask_all(of_family(4, edges()), times=2)),
        "marked IPv6": servers_of(ask_all(of_family(6, edges()), times=2)),
        "ordinary": servers_of(ask_all(ORDINARY)),
    }


def _busiest(answered: dict[str, int]) -> str:
    return max(answered, key=answered.__getitem__)


def _await_servers(*names: str) -> None:
    """
    Wait until every service, of both families, has just the servers of these *names*.
    """
    _await_served({*names}, {*names})


def _await_served(marked: set[str], others: set[str]) -> None:
    """
    The same where the services of the mark have other servers than the ordinary ones.
    """
    what = f"the mark is served by {sorted(marked)}, and all else by {sorted(others)}"
    await_that(lambda: _is_served_by(marked, others), what)


def _is_served_by(marked: set[str], others: set[str]) -> bool:
    services: dict[str, set[str]] = {}
    for line in table().splitlines():
        # "-A -f 1 -6 -s wlc -p 3600 -M 1", "-a -f 1 -6 -r [2001:db8::11]:0 -g -w 1"
        verb, _, rest = line.partition(" ")
        if verb == "-A":
            services[rest.partition(" -s ")[0]] = set()
            continue
        service, _, real = rest.partition(" -r ")
        if not real.endswith(" -w 0"):
            services[service].add(real.split()[0].rpartition(":")[0].strip("[]"))
    return len(services) == 4 and all(
        found
        == {
            address(name, 6 if "-6" in service or "[" in service else 4)
            for name in (marked if service.startswith("-f ") else others)
        }
        for service, found in services.items()
    )


def _unwatched(director: Director, servers: Mapping[str, Server]) -> dict[str, dict[str, int]]:
    """
    Let the server of the marked clients die in a table that nobody changes.
    """
    load_table(director.render("ipvsadm"))
    serving = _busiest(_ask()["marked IPv4"])
    servers[serving].stop()
    return _ask()


@contextmanager
def _running(*argv: str) -> Iterator[None]:
    """
    Let a program run on the director for the time of a block, and print what it said.
    """
    log = Path("/tmp/said")
    with log.open("wb") as said:
        program = subprocess.Popen(
            ["ip", "netns", "exec", DIRECTOR, *argv],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    except RuntimeError:
        print(log.read_text("utf-8", "replace")[-8000:], flush=True)
        raise
    finally:
        program.terminate()
        program.wait()
