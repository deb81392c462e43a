"""
``[sets.NAME]``: what the kernel is to hold, and for which services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from proxyfeed.config.lvs import read_lvs
from proxyfeed.errors import BadPrefix
from proxyfeed.model import Backend, Feed, LvsSpec, SetSpec, Split, VirtualService
from proxyfeed.notation import number_to_text, read_address
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.table import (
    Table,
    Texts,
    at_least_one,
    flag,
    one_of,
    prefix_set,
    share,
    text,
    texts,
    whole,
)

# The kernel takes 31 characters for the name of an ipset: proxyfeed_<14>_v4_new.
_SET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,13}")
_SERVICE = re.compile(
    r"(?:\[(?P<v6>[^]]+)\]|(?P<v4>[^:]+)):(?P<port>[0-9]{1,5})(?:/(?P<protocol>\w+))?"
)
_ALL_BITS = 0xFFFFFFFF
_MOST_PREFIXES = 1 << 24
# How far a share that a float holds may be from the millionths that were written.
_ROUNDING = 1e-10
# In the place of one that is missing or mistaken; no set can have it.
_NO_MARK = 0


def read_sets(tables: Mapping[str, Table]) -> tuple[dict[str, SetSpec], dict[str, LvsSpec]]:
    """
    Read every set, and the LVS side of those that have one: its servers are never marked.
    """
    sides = {name: table.table("lvs") for name, table in tables.items() if table.has("lvs")}
    sets = {name: read_set(name, table) for name, table in tables.items()}
    lvs = {name: read_lvs(table, sets[name]) for name, table in sides.items()}
    for name, side in lvs.items():
        own = PrefixSet.parse(server.address for server in (*side.servers, *side.fallback))
        sets[name] = replace(sets[name], protect=sets[name].protect | own)
    return sets, lvs


def read_set(name: str, table: Table) -> SetSpec:
    """
    Read one set; what is mistaken is noted in *table* and gets a value that nobody uses.
    """
    if not _SET_NAME.fullmatch(name):
        table.mistakes.append(f"{table.place}: a set's name is 1 to 14 of a-z 0-9 -")
    feeds: Texts = table.take("feeds", at_least_one, ())
    if not table.has("feeds"):
        table.mistake("feeds", "is missing: at least one feed")
    split = _read_split(table.table("split")) if table.has("split") else None
    mark, mask = _read_mark(table, split)
    virtual: tuple[VirtualService, ...] = table.take("virtual", _services, ())
    real_servers = table.take("real_servers", prefix_set, PrefixSet())
    protect = table.take("protect", prefix_set, PrefixSet())
    exclude = table.take("exclude", prefix_set, PrefixSet())
    served = tuple(sorted({one.family for one in virtual})) or FAMILIES
    families = table.take("families", _families, served)
    if not set(families) <= set(served):
        table.mistake("families", "names a family without a virtual service")
    backend = Backend(table.take("backend", one_of(*Backend), "ipset"))
    install_rule = table.take("rule", flag, True)
    if not install_rule and backend is Backend.NFTABLES:
        table.mistake("rule", "must be true with nftables: a rule sees only the sets of its table")
    if split and backend is Backend.NFTABLES and mask != _ALL_BITS:
        table.mistake(
            "mask", "must be all bits with split and nftables, whose maps give whole marks"
        )
    max_prefixes, max_extra = _read_cover(table, split)
    table.close()
    return SetSpec(
        name=name,
        feeds=tuple(dict.fromkeys(feeds)),
        mark=mark,
        mask=mask,
        virtual=virtual,
        exclude=exclude,
        protect=protect | real_servers | PrefixSet.parse(service.address for service in virtual),
        families=families,
        install_rule=install_rule,
        backend=backend,
        split=split,
        max_prefixes=max_prefixes,
        max_extra=max_extra,
    )


def _read_cover(table: Table, split: Split | None) -> tuple[int | None, float | None]:
    """
    Read ``max_prefixes = 65536`` or ``max_extra = "1 %"``. What a cover adds has no label, and so
    could have no mark of a split.
    """
    most: int | None = table.take("max_prefixes", whole(1, _MOST_PREFIXES), None)
    extra: float | None = table.take("max_extra", _extra, None)
    given = [key for key in ("max_prefixes", "max_extra") if table.has(key)]
    if len(given) == 2:
        table.mistake("max_extra", "must not be given with max_prefixes: one of them decides")
    if split and given:
        table.mistake(
            given[0], "must not be given with split: what it adds has no label, and so no mark"
        )
    return most, extra


def _extra(value: object) -> float:
    # A cover counts in millionths, and `config` prints what counts.
    found = share(value)
    if abs(found - round(found, 6)) > _ROUNDING:
        raise ValueError('must have four decimals at most, such as "0.0001 %"')
    return found


def _read_mark(table: Table, split: Split | None) -> tuple[int, int]:
    """
    Read ``mark`` and ``mask``; the marks of a split are its own.
    """
    mask = table.take("mask", whole(1, _ALL_BITS), _ALL_BITS)
    mark = table.take("mark", whole(1, _ALL_BITS), _NO_MARK)
    if split:
        if table.has("mark"):
            table.mistake("mark", "must not be given with split, which has marks of its own")
        marks = split.marks or (_NO_MARK,)
    else:
        if not table.has("mark"):
            table.mistake("mark", "is missing: the firewall mark, for example 1")
        marks = (mark,)
    place = "split" if split else "mark"
    for one in marks:
        if one & ~mask:
            table.mistake(place, f"{one:#x} has bits outside the mask {mask:#x}")
    return marks[0], mask


def _read_split(table: Table) -> Split:
    """
    Read ``{ by = "country", marks = [11, 12, 13] }``.
    """
    for key, example in (("by", '"country"'), ("marks", "[11, 12, 13]")):
        if not table.has(key):
            table.mistake(key, f"is missing, for example {example}")
    split = Split(by=table.take("by", text, ""), marks=table.take("marks", _marks, ()))
    table.close()
    return split


def _marks(value: object) -> tuple[int, ...]:
    read = whole(1, _ALL_BITS)
    found = tuple(read(item) for item in value) if isinstance(value, list) else ()
    if len(found) < 2 or len(set(found)) < len(found):
        raise ValueError("must be a list of two or more different marks, such as [11, 12, 13]")
    return found


def _services(value: object) -> tuple[VirtualService, ...]:
    """
    Read ``["192.0.2.80:80", "[2001:db8::80]:443", "192.0.2.53:53/udp"]``.
    """
    return tuple(sorted({_service(row) for row in texts(value)}))


def _service(row: str) -> VirtualService:
    wanted = ValueError('must be a list of services such as "192.0.2.80:80", "[2001:db8::80]:80"')
    found = _SERVICE.fullmatch(row.strip())
    if not found:
        raise wanted
    port, protocol = int(found["port"]), found["protocol"] or "tcp"
    try:
        family, number = read_address(found["v6"] or found["v4"])
    except BadPrefix:
        raise wanted from None
    if not 0 < port < 2**16 or protocol not in ("tcp", "udp") or (family == 6) != bool(found["v6"]):
        raise wanted
    return VirtualService(family, number_to_text(family, number), port, protocol)


def _families(value: object) -> tuple[int, ...]:
    # By type too: 4.0 equals 4, and would make a set of the name proxyfeed_aol_4.0.
    found = value if isinstance(value, list) else []
    if not found or not all(type(one) is int and one in FAMILIES for one in found):
        raise ValueError("must be [4], [6] or [4, 6]")
    return tuple(sorted(set(found)))


def check_marks(sets: dict[str, SetSpec], mistakes: list[str]) -> None:
    """
    Note every mark that two sets share: nobody could tell their packets apart.
    """
    owner: dict[int, str] = {}
    for name, spec in sets.items():
        place = "split.marks" if spec.split else "mark"
        for mark in spec.marks:
            if mark in owner and mark != _NO_MARK:
                mistakes.append(f"sets.{name}.{place}: {mark} is a mark of sets.{owner[mark]}")
            owner.setdefault(mark, name)


def check_splits(
    sets: Mapping[str, SetSpec], feeds: Mapping[str, Feed], mistakes: list[str]
) -> None:
    """
    Note every set that is to be split by what none of its feeds says.
    """
    for name, spec in sets.items():
        if spec.split is None:
            continue
        labels = {feeds[feed].rules.label_name for feed in spec.feeds if feed in feeds}
        if labels and spec.split.by not in labels:
            mistakes.append(
                f"sets.{name}.split.by: no feed of this set has the label {spec.split.by!r}; "
                "a feed has one with: csv = { label = { country = 2 } }"
            )
