"""
What ``nft -j list table`` prints of a table of ours, read into the values of `proxyfeed.model`.

The form is that of libnftables-json(5). What is there and not of that form is an error, or it is
odd: a part that was not understood is never taken for one that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from proxyfeed.errors import BadPrefix, CommandFailed
from proxyfeed.firewall.members import to_entries
from proxyfeed.firewall.nft import ADDRESSES, CHAIN, HOOK, MARKED, SERVICES, table_of
from proxyfeed.firewall.nft_rule import read_rule
from proxyfeed.model import Live, LiveSet, MarkedKey, Member
from proxyfeed.notation import read_prefix
from proxyfeed.prefixes import FAMILIES

# Where /etc/protocols is missing, nft prints the number.
_PROTOCOLS = {6: "tcp", 17: "udp", "6": "tcp", "17": "udp"}
# What a set of ours never has: it would merge entries, lose them, or refuse them when it is full.
_UNWANTED = ("auto-merge", "timeout", "gc-interval", "size", "stmt")
_KNOWN = ("metainfo", "table", "set", "map", "chain", "rule")
_ALL_BITS = 0xFFFFFFFF
_FAMILY_OF = {
    kind.removesuffix(" interval"): family
    for kinds in (ADDRESSES, MARKED, SERVICES)
    for family, kind in kinds.items()
}
# No set of ours has any other.
_NO_FAMILY = 0
# What reading raises of text that is no listing, or one of another form.
_NOT_OF_THE_FORM = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_Objects = Sequence[tuple[str, Any]]


def parse_table(text: str, set_name: str) -> Live:
    """
    Read one table. A rule of ours comes out as `proxyfeed.firewall.nft.wanted_rule` writes it, any
    other as the JSON that nft printed.

    Raises:
        CommandFailed: it is no listing of that table.
    """
    table = table_of(set_name)
    try:
        objects = _objects(text)
        _prove_ours(objects, table)
        return _read_table(objects, table)
    except _NOT_OF_THE_FORM as exc:
        raise CommandFailed(
            f"nft printed something else than table {table}", hint=f"nft list table {table}"
        ) from exc


def parse_names(text: str) -> tuple[str, ...]:
    """
    Read the names of all tables of the family inet that ``nft list tables`` prints.

    ::

        table ip mangle
        table inet proxyfeed_aol
    """
    names = []
    for line in text.splitlines():
        word, family, name = line.split() if line.count(" ") == 2 else ("", "", "")
        if word != "table":
            what = f"nft list tables printed something else than tables: {line[:80]}"
            raise CommandFailed(what, hint="nft list tables")
        if family == "inet":
            names.append(name)
    return tuple(names)


def _objects(text: str) -> _Objects:
    """
    Read ``{"nftables": [{"table": {...}}, {"set": {...}}, ...]}``, one kind to each object.
    """
    objects = []
    for one in json.loads(text)["nftables"]:
        ((kind, found),) = one.items()
        objects.append((kind, found))
    return objects


def _prove_ours(objects: _Objects, table: str) -> None:
    """
    Raises:
        ValueError: the listing is of another table, of several, of none, or of one with flags,
            which 1.0.6 prints from memory that it has freed already.
    """
    family, name = table.split()
    tables = [(found["family"], found["name"]) for kind, found in objects if kind == "table"]
    others = {
        (found["family"], found["table"])
        for kind, found in objects
        if kind in ("set", "map", "chain", "rule")
    }
    has_flags = any("flags" in found for kind, found in objects if kind == "table")
    if tables != [(family, name)] or not others <= set(tables) or has_flags:
        raise ValueError(tables, others)


def _read_table(objects: _Objects, table: str) -> Live:
    sets = [_read_set(table, found) for kind, found in objects if kind in ("set", "map")]
    odd = list(_odd_objects(objects))
    rules: dict[int, tuple[str, ...]] = dict.fromkeys(FAMILIES, ())
    for kind, found in objects:
        if kind == "rule" and found["chain"] == CHAIN:
            family, line = read_rule(found.get("expr"))
            if family:
                rules[family] += (line,)
            else:
                odd.append(f"rule {line}")
    kinds = ("addresses", "marks", "services")
    ours = {f"{table} {kind}_{family}" for kind in kinds for family in FAMILIES}
    by_name = {one.name: one for one in sets}
    if len(by_name) != len(sets):
        raise ValueError("two sets of one name")
    odd += sorted(
        f"{'map' if ' : ' in one.type else 'set'} {name.removeprefix(table + ' ')}"
        for name, one in by_name.items()
        if name not in ours
    )
    return Live(sets=by_name, rules=rules, odd=tuple(odd))


def _odd_objects(objects: _Objects) -> Iterator[str]:
    kind, hook, priority = HOOK
    wanted = {"type": kind, "hook": hook, "prio": priority, "policy": "accept"}
    for kind, found in objects:
        if kind == "chain":
            if found["name"] != CHAIN:
                yield f"chain {found['name']}"
            elif {key: found.get(key) for key in wanted} != wanted:
                yield f"chain {CHAIN} of another type, hook, priority or policy"
        elif kind not in _KNOWN:
            yield f"{kind} {found['name']}" if "name" in found else kind


def _read_set(table: str, found: dict[str, Any]) -> LiveSet:
    base = " . ".join(_several(found["type"]))
    is_address = base in ("ipv4_addr", "ipv6_addr")
    base += f" : {found['map']}" if "map" in found else ""
    features = [*_several(found.get("flags", [])), *(key for key in _UNWANTED if found.get(key))]
    family = _FAMILY_OF.get(base, _NO_FAMILY)
    elements = found.get("elem", [])
    if not isinstance(elements, list):
        raise TypeError(elements)
    members: list[Member] = []
    odd = []
    for element in elements:
        try:
            if "map" in found:
                members += _read_marked(element, family)
                continue
            value, is_plain = _unwrapped(element)
            members += _read_keys(value, family) if is_address else [_read_service(value)]
        except (BadPrefix, ValueError):
            is_plain = False
        if not is_plain:
            odd.append(json.dumps(element))
    kind = " ".join([base, *features])
    name = f"{table} {found['name']}"
    return LiveSet(name, kind, family, 0, frozenset(to_entries(family, members)), tuple(odd))


def _several(value: object) -> list[str]:
    """
    Read ``["interval"]``; newer versions of nft print one flag without the brackets.
    """
    several = value if isinstance(value, list) else [value]
    words = [one for one in several if isinstance(one, str)]
    if len(words) != len(several):
        raise TypeError(value)
    return words


def _unwrapped(element: Any) -> tuple[Any, bool]:
    """
    Take ``{"elem": {"val": "192.0.2.1", "comment": "x"}}`` apart; it is not as we write it.
    """
    match element:
        case {"elem": {"val": value}}:
            return value, False
    return element, True


def _read_keys(element: Any, family: int) -> list[int]:
    """
    Read ``"192.0.2.1"``, ``{"prefix": {"addr": "192.0.2.0", "len": 24}}`` or ``{"range": [...]}``.
    """
    match element:
        case str(row):
            pass
        case {"prefix": {"addr": str(address), "len": int(length)}}:
            row = f"{address}/{length}"
        case {"range": [str(first), str(last)]}:
            row = f"{first}-{last}"
        case _:
            raise ValueError(element)
    written = read_prefix(row)
    if written.family != family or written.is_masked:
        raise ValueError(row)
    return written.keys


def _read_marked(element: Any, family: int) -> list[MarkedKey]:
    """
    Read ``[{"prefix": {"addr": "192.0.2.0", "len": 24}}, 11]``.
    """
    match element:
        case [value, int(mark)]:
            return [MarkedKey(key, mark, _ALL_BITS) for key in _read_keys(value, family)]
    raise ValueError(element)


def _read_service(element: Any) -> str:
    """
    Read ``{"concat": ["192.0.2.80", "tcp", 80]}`` as ``192.0.2.80,tcp:80``.
    """
    match element:
        case {"concat": [str(address), str() | int() as protocol, int(port)]}:
            return f"{address},{_PROTOCOLS.get(protocol, protocol)}:{port}"
    raise ValueError(element)
