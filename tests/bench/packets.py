"""
What a packet of an ordinary client costs, whose address is in no set, by what it has to pass.

    .venv/bin/python -m tests.bench.packets [LIST ...]

Each director is a pair of network namespaces with the product's own set and rule in it, or with
none. Volleys of packets go to one director after the other, round after round, and what a volley
costs is compared with that of the same round to the director without a rule; the medians of these
differences are printed. A LIST, one prefix a line, is measured as it is and as FireHOL's
``ipset_reduce`` would cut it.

The clock is the sender's own CPU time: over a veth pair the kernel takes a packet through the other
namespace's PREROUTING within the very call that sends it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Self

from tests.bench.reduction import most, reduced
from tests.bench.volley import Volley
from tests.kernel.frames import build_frame
from tests.kernel.namespaces import Lab
from tests.kernel.packets import open_wire

from proxyfeed.command import Runner
from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.model import Backend, SetSpec
from proxyfeed.notation import BITS, make_key, number_to_text
from proxyfeed.prefixes import FAMILIES, PrefixSet

PORT, SOURCE_PORT = 80, 9
# As many clients as there are packets in a volley: in sets of 300,000 they meet cold cache lines.
CLIENTS = 8_192
# Where clients and prefixes are, and the longest prefix: 0.0.0.0/1 with /32, 2000::/3 with /64.
SPACE = {4: (0, 31, 32), 6: (0x2000 << 112, 125, 64)}
ROUNDS = 40
SIZES = (10_000, 300_000)
LENGTHS = (1, 4, 8, 24)
IPTABLES = {4: "iptables", 6: "ip6tables"}
# Right after the mangle table; what is counted here has passed it unmarked, and goes no further.
_END = f"""
table inet end {{
    counter unmarked {{ }}
    chain end {{
        type filter hook prerouting priority -140
        udp sport {SOURCE_PORT} meta mark 0 counter name unmarked drop
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Way:
    """
    What stands in the way of a packet of one *family*: by *backend* a set of *prefixes* and its
    rule; without a backend a rule that looks at no set, or with *is_free* none at all.
    """

    name: str
    family: int
    prefixes: PrefixSet = PrefixSet()
    backend: Backend | None = None
    is_free: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """
    *more* is the median of what a packet costs beyond one that meets no rule, in microseconds;
    half of all rounds lie within *spread* of each other.
    """

    way: Way
    more: float
    spread: float


class Director:
    """
    One director with *way* in its kernel, and the wire to it.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self._sent = 0
        with ExitStack() as on_failure:
            self._lab = on_failure.enter_context(Lab())
            self.wire = on_failure.enter_context(open_wire(self._lab))
            self._make_ready()
            self._cleanup = on_failure.pop_all()

    def _make_ready(self) -> None:
        way, director = self.way, self._lab.director
        director.run("nft", "-f", "-", input=_END)
        if way.backend:
            spec = SetSpec("bench", (), 1, families=(way.family,), backend=way.backend)
            converge(Firewall(Runner(prefix=director.argv)), spec, way.prefixes)
        elif not way.is_free:
            words = "-t mangle -A PREROUTING -p tcp --dport 9 -j MARK --set-mark 1"
            director.run(IPTABLES[way.family], *words.split())

    def take(self, volley: Volley) -> float:
        """
        Take one volley, and return the microseconds of each of its packets.
        """
        started = time.process_time_ns()
        volley.send(self.wire)
        spent = time.process_time_ns() - started
        self._sent += len(volley)
        return spent / 1000 / len(volley)

    def check(self) -> None:
        """
        Raises:
            AssertionError: not every packet came through unmarked, so nothing was measured.
        """
        listed = self._lab.director.run("nft", "list", "counter", "inet", "end", "unmarked").stdout
        assert f"packets {self._sent} " in listed, f"{self._sent} were sent: {listed}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()


def volley_of(family: int, sets: Sequence[PrefixSet]) -> Volley:
    """
    One packet from each of many clients that are in none of *sets*.
    """
    return Volley(
        [
            build_frame(client, PORT, protocol="udp", source_port=SOURCE_PORT)
            for client in islice(_clients(family, sets), CLIENTS)
        ]
    )


def _clients(family: int, sets: Sequence[PrefixSet]) -> Iterator[str]:
    first, bits, _ = SPACE[family]
    chance = random.Random(1)
    while True:
        number = first + chance.getrandbits(bits)
        if not any(one.holds(family, number) for one in sets):
            yield number_to_text(family, number)


def spread_out(family: int, size: int, lengths: int) -> PrefixSet:
    """
    *size* prefixes of so many *lengths*: one of each, side by side, and all others of the longest,
    evenly over the rest of the space.
    """
    place, bits, longest = SPACE[family]
    end, keys = place + (1 << bits), []
    for length in range(longest - lengths + 1, longest):
        keys.append(make_key(family, place, length))
        place += 1 << (BITS[family] - length)
    left = size - len(keys)
    keys += [make_key(family, place + (end - place) * n // left, longest) for n in range(left)]
    return PrefixSet.from_keys(**{f"ipv{family}": keys})


def generated() -> Iterator[Way]:
    """
    The ways of `SIZES` and `LENGTHS`. To nftables all lengths are the same, which two will show.
    """
    for family in FAMILIES:
        yield Way("no rule", family, is_free=True)
        yield Way("a rule that looks at no set", family)
        for backend, tried in (
            (Backend.IPSET, LENGTHS),
            (Backend.NFTABLES, LENGTHS[:1] + LENGTHS[-1:]),
        ):
            for size in SIZES:
                for lengths in tried:
                    yield _way("spread", family, spread_out(family, size, lengths), backend)


def of_list(path: Path) -> Iterator[Way]:
    whole = PrefixSet.parse(row for row in path.read_text("utf-8").split() if row[:1] != "#")
    for family in FAMILIES:
        keys = whole.keys(family)
        for name, cut, backend in (
            ("as it is", keys, Backend.IPSET),
            ("reduced, a fifth more", reduced(family, keys, len(keys) * 6 // 5), Backend.IPSET),
            ("reduced, as FireHOL does", reduced(family, keys, most(keys)), Backend.IPSET),
            ("as it is", keys, Backend.NFTABLES),
        ):
            # Not aggregated, which would undo the reduction.
            prefixes = PrefixSet(**{f"ipv{family}": cut})
            if cut:
                yield _way(f"{path.name} {name}", family, prefixes, backend)


def _way(name: str, family: int, prefixes: PrefixSet, backend: Backend) -> Way:
    lengths = len(prefixes.lengths(family))
    shown = f"{backend}, {name}, {len(prefixes):,} prefixes, lengths: {lengths}"
    return Way(shown, family, prefixes, backend)


def measure(ways: Iterable[Way], rounds: int = ROUNDS) -> list[Cost]:
    """
    Measure all *ways* side by side. The first of each family is what the others are compared with.
    """
    ways = tuple(ways)
    volleys = {
        family: volley_of(family, [way.prefixes for way in ways if way.family == family])
        for family in FAMILIES
    }
    with ExitStack() as stack:
        directors = []
        for way in ways:
            print(f"making ready: IPv{way.family}, {way.name}", file=sys.stderr)
            directors.append(stack.enter_context(Director(way)))
        taken = [[one.take(volleys[one.way.family]) for one in directors] for _ in range(rounds)]
        for one in directors:
            one.check()
    families = [one.way.family for one in directors]
    costs = []
    for place, director in enumerate(directors):
        without = families.index(director.way.family)
        more = sorted(one[place] - one[without] for one in taken)
        spread = more[3 * rounds // 4] - more[rounds // 4]
        costs.append(Cost(director.way, median(more), spread))
    return costs


def main(arguments: Sequence[str]) -> None:
    ways = [*generated(), *(way for path in arguments for way in of_list(Path(path)))]
    for cost in measure(ways):
        figures = f"{cost.more:+6.2f} us  ±{cost.spread / 2:.2f}"
        print(f"IPv{cost.way.family}  {cost.way.name:<75} {figures}")


if __name__ == "__main__":
    main(sys.argv[1:])
