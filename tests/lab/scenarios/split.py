"""
A set that is split by country: each country has one mark, and each mark a server of its own.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from tests.lab.director import FOLDER, Director, change_table, configuration, load_table, table
from tests.lab.network import DIRECTOR, run_in
from tests.lab.traffic import Server, Traffic, ask_all

# A geofeed (RFC 8805): prefix, country. Of IPv4, 64 /24s; IPv6 is in the same proportion.
GEOFEED = {
    "64.12.96.0/20": "US",
    "64.12.128.0/21": "US",
    "195.93.64.0/21": "DE",
    "195.93.80.0/22": "DE",
    "205.188.112.0/21": "FR",
    "205.188.192.0/21": "GB",
    "207.200.112.0/22": "JP",
    "207.200.124.0/22": "NL",
    "152.163.240.0/23": "SE",
    "152.163.248.0/23": "PL",
    "2a02:26f7:c000::/36": "US",
    "2a02:26f7:d000::/37": "DE",
    "2a02:26f7:d800::/37": "FR",
    "2a02:26f7:e000::/37": "GB",
    "2a02:26f7:e800::/38": "JP",
}
# What the next version has of one country; another one, PL, is gone.
GROWN = {"207.200.112.0/21": "JP", "2a02:26f7:e800::/37": "JP"}
_LABELS = "csv = { label = { country = 2 } }"
MARKS = (11, 12, 13)
# A user for each /24 of a country, and so many requests of each, each from another prefix of it.
_USER, HOPS = 256, 4


def run(servers: dict[str, Server]) -> Any:
    director = Director()
    marks = f'split = {{ by = "country", marks = {list(MARKS)} }}'
    director.configure(configuration(marks=marks, form="csv", feed=_LABELS))
    director.publish(f"{prefix},{country},,," for prefix, country in GEOFEED.items())
    printed = director.proxyfeed("update").out
    load_table(director.render("ipvsadm"))
    found = {
        "printed": printed,
        "sets": run_in(DIRECTOR, "ipset", "save"),
        "rules": run_in(DIRECTOR, "iptables", "-t", "mangle", "-S", "PREROUTING"),
        "table": table(),
        "split": {4: _ask_users(4), 6: _ask_users(6)},
        "checked": director.proxyfeed("lvs", "check").out,
        "updated": _update_under_traffic(director),
    }
    change_table("-d", "-f", str(MARKS[1]), "-r", "192.0.2.12")
    found["home of a mark is out"] = _ask_users(4)
    # The control: all of them by one mark.
    (FOLDER / "proxyfeed.db").unlink()
    run_in(DIRECTOR, "iptables", "-t", "mangle", "-F")
    run_in(DIRECTOR, "ip6tables", "-t", "mangle", "-F")
    director.configure(configuration(form="csv", feed=_LABELS))
    director.proxyfeed("update")
    load_table(director.render("ipvsadm"))
    found["one mark"] = {4: _ask_users(4), 6: _ask_users(6)}
    return found


def _update_under_traffic(director: Director) -> dict[str, dict[str, int]]:
    """
    Let a version come in which one country has grown and another one is gone, and then the first
    one again, while users of the others ask.
    """
    staying = {each: country for each, country in GEOFEED.items() if country not in ("JP", "PL")}
    sources = [str(ipaddress.ip_network(prefix)[7]) for prefix in staying]
    with Traffic(sources) as traffic:
        for countries in ({**staying, **GROWN}, GEOFEED):
            director.publish(f"{prefix},{at},,," for prefix, at in countries.items())
            director.proxyfeed("update")
            traffic.pass_rounds()
    return {source: dict(found) for source, found in traffic.seen.items()}


def _ask_users(family: int) -> dict[str, list[dict[str, int]]]:
    """
    Let the users of each country ask, and return who answered each of them how often.
    """
    countries: dict[str, list[Any]] = {}
    for prefix, country in GEOFEED.items():
        network = ipaddress.ip_network(prefix)
        if network.version == family:
            countries.setdefault(country, []).append(network)
    return {country: _ask_country(networks) for country, networks in countries.items()}


def _ask_country(networks: list[Any]) -> list[dict[str, int]]:
    is_four = networks[0].version == 4
    users = sum(each.num_addresses for each in networks) // _USER if is_four else HOPS
    found = []
    for user in range(users):
        places = (networks[hop % len(networks)] for hop in range(HOPS))
        sources = [
            str(network[network.num_addresses * (user * HOPS + hop) // (users * HOPS)])
            for hop, network in enumerate(places)
        ]
        total: dict[str, int] = {}
        for answers in ask_all(sources).values():
            for server, count in answers.items():
                total[server] = total.get(server, 0) + count
        found.append(total)
    return found
