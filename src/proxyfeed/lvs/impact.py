"""
Whom of those who are connected a change of a set concerns. Pure.

A connection stays on its server until it ends, whatever becomes of its client's mark: the kernel
finds its entry by addresses and ports alone. The next one of the same client goes by the new mark.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from proxyfeed.marked import union
from proxyfeed.model import Connection, Diff, Fate, Impact, SetSpec, Tally
from proxyfeed.notation import Host, read_address

# What the widest masks of persistence leave of a client: 0.0.0.0, and of IPv6 (/1) one of two.
_NOBODY = frozenset([(4, 0), (6, 0), (6, 1 << 127)])


def impact_on(spec: SetSpec, diff: Diff, connections: Iterable[Connection]) -> Impact:
    """
    Count the connections and the templates of a set's services, by what *diff* does to the client.

    Each address is looked up by bisection, so that a full table takes no longer than its reading.
    """
    belongs = _belonging(spec)
    fate_of = _fates(diff)
    totals: Counter[str] = Counter()
    kinds: Counter[tuple[Fate, str, bool]] = Counter()
    clients: dict[tuple[Fate, str], set[Host]] = defaultdict(set)
    for one in connections:
        if not belongs(one):
            continue
        if one.is_template and one.client in _NOBODY:
            totals["shared"] += 1
            continue
        totals["templates" if one.is_template else "connections"] += 1
        if fate := fate_of(one.client):
            kinds[fate, one.server, one.is_template] += 1
            clients[fate, one.server].add(one.client)
    tallies = tuple(
        Tally(fate, server, len(found), kinds[fate, server, False], kinds[fate, server, True])
        for (fate, server), found in sorted(clients.items())
    )
    return Impact(spec.name, totals["connections"], totals["templates"], totals["shared"], tallies)


def _belonging(spec: SetSpec) -> Callable[[Connection], bool]:
    """
    Whether an entry is of the set's own services: of its marks, or of what its rule looks at.
    """
    services = {(one.protocol, read_address(one.address), one.port) for one in spec.virtual}
    # A persistent service of every port has templates with port 0.
    services |= {(protocol, address, 0) for protocol, address, _ in services}
    marks = frozenset(spec.marks)

    def belongs(one: Connection) -> bool:
        if one.client[0] not in spec.families:
            return False
        if one.mark:
            return one.mark in marks
        return not services or (one.protocol, one.virtual, one.virtual_port) in services

    return belongs


def _fates(diff: Diff) -> Callable[[Host], Fate | None]:
    parts = (
        (Fate.GAINS, diff.added),
        (Fate.LOSES, diff.removed),
        (Fate.CHANGES, union(one.prefixes for one in diff.remarked)),
    )

    def fate_of(host: Host) -> Fate | None:
        return next((fate for fate, part in parts if part.holds(*host)), None)

    return fate_of
