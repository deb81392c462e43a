"""
Long lists, aggregated from standard input to standard output, beside four other programs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.inputs import registry_rows, relay_rows, shapes
from tests.bench.lines import Found, LeftOut, Line, NotMeasured
from tests.bench.pairs import Pairs
from tests.bench.processes import Job
from tests.bench.setting import PEERS, Setting, find_peer
from tests.e2e.pages import LIST

_SCRIPTS = Path(__file__).with_name("peers")
_OURS = (sys.executable, str(_SCRIPTS / "ours.py"))
# The aims are for lists of 300,000 and more; below that a process is mostly its imports.
_LONG = 200_000
# As much as the peers in Python need for 300,000 prefixes.
_MEMORY = 130


@dataclass(frozen=True, slots=True)
class Peer:
    """
    Another program: *needs* is what must be installed for it, *at_most* our share of its time.
    """

    name: str
    needs: str
    argv: Sequence[str]
    at_most: float


_PYTHON = str(PEERS / "python")
_NETADDR = Peer("netaddr", "python", (_PYTHON, str(_SCRIPTS / "by_netaddr.py")), 1 / 7)
_IPADDRESS = Peer("ipaddress", "python", (_PYTHON, str(_SCRIPTS / "by_ipaddress.py")), 1 / 20)
_AGGREGATE6 = Peer("aggregate6", "aggregate6", (str(PEERS / "aggregate6"),), 1 / 20)
# It knows IPv4 only.
_IPRANGE = Peer("iprange", "iprange", ("iprange",), 4)


def measure(setting: Setting) -> Iterator[Found]:
    relay = [row.partition(",")[0] for row in relay_rows()]
    published = {"AOL": list(LIST), "iCloud": relay, "registries": registry_rows()}
    for name, rows in published.items():
        ipv4 = [row for row in rows if ":" not in row]
        yield from _beside(setting, f"{name}, {len(rows):,}", rows, _NETADDR)
        yield from _beside(setting, f"{name}, {len(ipv4):,} of IPv4", ipv4, _IPRANGE)
    for size in map(setting.size, (300_000, 1_000_000)):
        for shape, rows in shapes(size, (4,)).items():
            yield from _beside(setting, f"{size:,} of IPv4, {shape}", rows, _IPRANGE)
        for shape, rows in shapes(size, (4, 6)).items():
            yield from _of_both_families(setting, f"{size:,} {shape}", rows)


def _of_both_families(setting: Setting, work: str, rows: list[str]) -> Iterator[Found]:
    # A million takes netaddr half a minute, and the others several.
    is_main, is_million = "shuffled" in work, len(rows) > 300_000
    if is_main or not is_million:
        yield from _beside(setting, work, rows, _NETADDR)
    if is_main and not is_million:
        for peer in (_IPADDRESS, _AGGREGATE6):
            yield from _beside(setting, work, rows, peer)
        ours = Job(_OURS, setting.new_folder(), stdin=_write(setting, rows)).run()
        note = "the peers in Python need 130 MiB"
        yield Line("aggregate", f"{work}, peak memory", "", ours.memory, "MiB", _MEMORY, note)


def _beside(setting: Setting, work: str, rows: Sequence[str], peer: Peer) -> Iterator[Found]:
    if find_peer(peer.needs) is None:
        yield LeftOut("aggregate", f"{work}, beside {peer.name}", f"no {peer.needs} here")
        return
    source = _write(setting, rows)
    ours = Job(_OURS, setting.new_folder(), stdin=source)
    theirs = Job(peer.argv, setting.new_folder(), stdin=source)
    is_slow = peer is not _IPRANGE and len(rows) >= _LONG
    count = setting.pairs(1 if is_slow else 3)
    pairs = Pairs.measure(ours.run, theirs.run, count, warm_up=not is_slow)
    check(ours.printed(), theirs.printed(), peer.name)
    aim = peer.at_most if len(rows) >= _LONG else None
    yield pairs.line("aggregate", work, peer.name, aim)


def _write(setting: Setting, rows: Sequence[str]) -> Path:
    path = setting.new_folder() / "list"
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def check(ours: str, theirs: str, name: str) -> None:
    """
    Raises:
        NotMeasured: these are not the same prefixes, so whatever they cost is no comparison.
    """
    # iprange prints a single address without its length.
    left, right = (
        {row if "/" in row else f"{row}/32" for row in printed.split()}
        for printed in (ours, theirs)
    )
    if left != right:
        example = min(left ^ right)
        raise NotMeasured(f"{name} and we print other prefixes, such as {example}")
