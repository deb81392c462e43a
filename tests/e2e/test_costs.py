"""
What a command costs, counted: statements, programs, kernel entries, heavy imports.

Counts do not depend on the machine, as times do. Whoever makes a command cost more changes the
table below, and so says it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.e2e import counting
from tests.e2e.machine import Machine
from tests.e2e.servers import SITE_PORT, Site, versioned
from tests.kernel.namespaces import Namespace
from tests.store.readings import new, open_store

pytestmark = pytest.mark.kernel

PATH = "/relay.txt"
CONFIGURATION = f"""\
database = "sqlite:///proxyfeed.db"

[feeds.relay]
url = "http://127.0.0.1:{SITE_PORT}{PATH}"
format = "text"
max_growth = "50 %"
max_shrink = "50 %"

[sets.relay]
feeds = ["relay"]
mark = 1
virtual = ["192.0.2.80:80", "[2001:db8::80]:80"]
"""
LONG_AGO = datetime(2024, 1, 1, 3, 30, tzinfo=UTC)
CHANGED = "update, 1 % changed"


@dataclass(frozen=True)
class Cost:
    """
    *heavy* are the packages that are imported, *programs* how often each is started; the rest is as
    in `tests.e2e.counting.Counts`.
    """

    heavy: str
    statements: int = 0
    commits: int = 0
    programs: str = ""
    children: int = 0
    entries: int = 0


# What one look at a set of both families starts, where iptables is iptables-nft.
LOOK = "2 cat, 2 ip6tables, 1 ipset list, 4 ipset save, 2 iptables, 1 nft list"
LOOK_AND_ORPHANS = LOOK.replace("1 ipset", "2 ipset").replace("1 nft", "2 nft")
LOOKS_AND_A_DELTA = (
    "4 cat, 3 ip6tables, 2 ipset list, 1 ipset restore, 8 ipset save, 3 iptables, 2 nft list"
)
# What a command imports that uses the database, and what one that fetches does besides.
BASE = "asyncio pydantic sqlalchemy typer"
FETCHING = "anyio asyncio httpx pydantic rich sqlalchemy typer"
WRITING = "anyio asyncio httpx netaddr pydantic rich sqlalchemy typer"
# On a director with one feed of 20 prefixes, half of each family, one command after the other.
COSTS = {
    "--help": Cost("typer"),
    "--version": Cost("typer"),
    "config": Cost(BASE),
    "status": Cost(BASE, statements=32, programs=LOOK_AND_ORPHANS),
    "diff": Cost(BASE, statements=26, programs=LOOK),
    "lookup 20.0.0.1": Cost(BASE, statements=27),
    "show N": Cost(BASE, statements=35),
    "apply": Cost(BASE, statements=36, programs=LOOK),
    "update": Cost(FETCHING, statements=56, commits=1, programs=LOOK, children=1),
    CHANGED: Cost(
        WRITING, statements=73, commits=2, programs=LOOKS_AND_A_DELTA, children=2, entries=1
    ),
}


def rows(count: int) -> list[str]:
    """
    So many prefixes that cannot be joined, half of each family in turn.
    """
    pairs = ((f"20.{n >> 7}.{n % 128 * 2}.0/24", f"2a00:1:{2 * n:x}::/48") for n in range(count))
    return [row for pair in pairs for row in pair][:count]


def listing(prefixes: Sequence[str]) -> bytes:
    return "".join(f"{prefix}\n" for prefix in prefixes).encode()


def cost_of(machine: Machine, *arguments: str) -> Cost:
    file = machine.folder / "counts.json"
    machine.proxyfeed(*arguments, program=(sys.executable, counting.__file__, str(file)))
    found = json.loads(file.read_text())
    programs = Counter(found.pop("programs"))
    return Cost(
        heavy=" ".join(found.pop("heavy")),
        programs=", ".join(f"{count} {name}" for name, count in sorted(programs.items())),
        **found,
    )


def costs_of(machine: Machine, site: Site, prefixes: int) -> dict[str, Cost]:
    """
    Let two nights bring so many *prefixes*, type the commands, and let another bring 1 % more, of
    20 prefixes one.
    """
    counts = (prefixes - 2, prefixes, prefixes + max(1, prefixes // 100))
    first, second, third = (versioned(listing(rows(count)), f'"{count}"') for count in counts)
    for page in (first, second):
        site.pages[PATH] = page
        machine.proxyfeed("update")
    (newest,) = machine.rows("SELECT max(id) FROM versions")[0]
    typed = [command for command in COSTS if command != CHANGED]
    found = {one: cost_of(machine, *one.replace("N", str(newest)).split()) for one in typed}
    site.pages[PATH] = third
    return {**found, CHANGED: cost_of(machine, "update")}


@contextmanager
def start(folder: Path) -> Iterator[tuple[Machine, Site]]:
    with Namespace() as namespace, Site(namespace) as site:
        machine = Machine(namespace, folder)
        machine.configure(CONFIGURATION)
        yield machine, site


@pytest.fixture(scope="module")
def with_few(equipped: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """
    With 20 prefixes.
    """
    with start(tmp_path_factory.mktemp("few")) as (machine, site):
        return costs_of(machine, site, 20)


@pytest.fixture(scope="module")
def with_many(equipped: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """
    With 2,000 prefixes.
    """
    with start(tmp_path_factory.mktemp("many")) as (machine, site):
        return costs_of(machine, site, 2_000)


@pytest.fixture(scope="module")
def with_a_past(equipped: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """
    With 20 prefixes, and behind them 1,000 versions, of which each brought one and dropped one.
    """
    with start(tmp_path_factory.mktemp("past")) as (machine, site):
        machine.proxyfeed("init")
        store = open_store(machine.database)
        for number in range(1_000):
            reading = new(*rows(20), f"20.9.{number % 256}.0/24", feed="relay")
            store.record([reading], LONG_AGO + number * timedelta(hours=12))
        store.close()
        return costs_of(machine, site, 20)


@pytest.fixture(scope="module")
def by_nft(equipped: None) -> None:
    with Namespace() as namespace:
        if "nf_tables" not in namespace.run("iptables", "--version").stdout:
            pytest.skip("the table is that of iptables-nft, and iptables is iptables-legacy here")


@pytest.mark.usefixtures("by_nft")
@pytest.mark.parametrize("command", COSTS)
def test_a_command_costs_what_the_table_says(with_few: dict[str, Cost], command: str) -> None:
    assert with_few[command] == COSTS[command]


@pytest.mark.parametrize("command", COSTS)
def test_a_hundred_times_the_prefixes_cost_no_more_but_their_entries(
    with_few: dict[str, Cost], with_many: dict[str, Cost], command: str
) -> None:
    entries = 20 * with_few[command].entries

    assert with_many[command] == replace(with_few[command], entries=entries)


@pytest.mark.parametrize("command", COSTS)
def test_a_thousand_versions_behind_it_cost_a_command_nothing(
    with_few: dict[str, Cost], with_a_past: dict[str, Cost], command: str
) -> None:
    assert with_a_past[command] == with_few[command]


def test_of_a_list_that_changes_by_one_prefix_one_entry_is_written(
    with_few: dict[str, Cost],
) -> None:
    assert with_few[CHANGED].entries == 1
