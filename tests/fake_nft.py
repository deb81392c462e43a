"""
Tables of nftables in memory: the part of ``nft`` that the product uses.

It takes the very transactions that are sent, all of one or nothing, and prints what nft 1.0.6
prints. ``tests/kernel/test_fake_kernel.py`` holds it against the program that it stands for.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from proxyfeed.errors import CommandFailed

FORM = "type filter hook prerouting priority -149; policy accept;"
_MARK = {"meta": {"key": "mark"}}
_WORDS = re.compile(
    r"(?P<service>ip6? daddr \. meta l4proto \. th dport @\w+) ?"
    r"|(?P<source>ip6? saddr @\w+) ?"
    r"|(?P<counter>counter) ?"
    r"|meta mark set meta mark & (?P<kept>0x[0-9a-f]+) \^ (?P<turned>0x[0-9a-f]+)"
)


@dataclass
class FakeNftSet:
    """
    One set of a table: *type* is ``ipv4_addr`` with *flags* ``["interval"]``.
    """

    type: str
    flags: list[str]
    elements: list[str] = field(default_factory=list)


@dataclass
class FakeTable:
    """
    A table: its sets, its chains by what stands between the braces, and the rules of each.
    """

    sets: dict[str, FakeNftSet] = field(default_factory=dict)
    chains: dict[str, str] = field(default_factory=dict)
    rules: dict[str, list[str]] = field(default_factory=dict)


Tables = dict[str, FakeTable]


def run_nft(tables: Tables, arguments: Sequence[str], lines: Sequence[str]) -> tuple[Tables, str]:
    """
    Carry out ``nft`` with *arguments* and the script in *lines*: the tables afterwards, and what is
    printed.

    Raises:
        CommandFailed: as nft does; nothing has changed then.
    """
    try:
        match list(arguments):
            case ["-f", "-"]:
                return _transaction(tables, lines), ""
            case ["list", "tables"]:
                return tables, "".join(f"table {name}\n" for name in tables)
            case ["-j", "list", "table", "inet", name]:
                return tables, _listing(name, _found(tables, f"inet {name}"))
    except _Refused as exc:
        command = " ".join(["nft", *arguments])
        raise CommandFailed(f"{command} failed: Error: {exc}") from None
    raise AssertionError(f"the fake nft does not know {arguments}")


class _Refused(Exception):
    pass


def _found(things: dict[str, Any], name: str) -> Any:
    if name not in things:
        raise _Refused("No such file or directory")
    return things[name]


def _transaction(tables: Tables, lines: Sequence[str]) -> Tables:
    transaction = _Transaction(copy.deepcopy(tables))
    for line in lines:
        verb, kind, family, name, *rest = line.split()
        carry_out = getattr(transaction, f"{verb}_{kind}")
        carry_out(f"{family} {name}", *rest)
    return transaction.tables


@dataclass
class _Transaction:
    """
    What each line does, such as ``add set inet proxyfeed_aol addresses_4 { type ipv4_addr; }``.
    """

    tables: Tables

    def add_table(self, table: str) -> None:
        self.tables.setdefault(table, FakeTable())

    def delete_table(self, table: str) -> None:
        _found(self.tables, table)
        del self.tables[table]

    def add_chain(self, table: str, name: str, *words: str) -> None:
        found = _found(self.tables, table)
        if found.chains.setdefault(name, _in_braces(words)) != _in_braces(words):
            raise _Refused("Could not process rule: Operation not supported")
        found.rules.setdefault(name, [])

    def flush_chain(self, table: str, name: str) -> None:
        _found(_found(self.tables, table).rules, name).clear()

    def add_rule(self, table: str, chain: str, *words: str) -> None:
        found = _found(self.tables, table)
        if not set_names(" ".join(words)) <= found.sets.keys():
            raise _Refused("No such file or directory")
        _found(found.rules, chain).append(" ".join(words))

    def add_set(self, table: str, name: str, *words: str) -> None:
        made = _new_set(_in_braces(words))
        there = _found(self.tables, table).sets.setdefault(name, made)
        if (there.type, there.flags) != (made.type, made.flags):
            raise _Refused("Could not process rule: File exists")

    def delete_set(self, table: str, name: str) -> None:
        found = _found(self.tables, table)
        _found(found.sets, name)
        if any(name in set_names(rule) for rules in found.rules.values() for rule in rules):
            raise _Refused("Could not process rule: Device or resource busy")
        del found.sets[name]

    def flush_set(self, table: str, name: str) -> None:
        _found(_found(self.tables, table).sets, name).elements.clear()

    def add_element(self, table: str, name: str, *words: str) -> None:
        found = _found(_found(self.tables, table).sets, name)
        for element in _in_braces(words).split(", "):
            plain = re.sub(r"/(32|128)$", "", element)
            if plain in found.elements:
                raise _Refused("interval overlaps with an existing one")
            found.elements.append(plain)


def _in_braces(words: Sequence[str]) -> str:
    return " ".join(words).removeprefix("{").removesuffix("}").strip()


def _new_set(form: str) -> FakeNftSet:
    # type ipv4_addr; flags interval;
    options = dict(part.strip().split(" ", 1) for part in form.split(";") if part.strip())
    return FakeNftSet(options["type"], options.get("flags", "").replace(",", "").split())


def set_names(rule: str) -> set[str]:
    return set(re.findall(r"@(\w+)", rule))


# ------------------------------------------------------------------ what is printed


def _listing(name: str, table: FakeTable) -> str:
    of_table = {"family": "inet", "table": name}
    objects: list[dict[str, Any]] = [
        {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": name, "handle": 1}},
        *({"set": {**of_table, **_set(each, one)}} for each, one in table.sets.items()),
        *({"chain": {**of_table, **_chain(each, form)}} for each, form in table.chains.items()),
    ]
    for chain, rules in table.rules.items():
        objects += [
            {"rule": {**of_table, "chain": chain, "handle": 5, "expr": list(_expressions(rule))}}
            for rule in rules
        ]
    return json.dumps({"nftables": objects})


def _set(name: str, found: FakeNftSet) -> dict[str, Any]:
    types = found.type.split(" . ")
    printed: dict[str, Any] = {"name": name, "type": types if len(types) > 1 else types[0]}
    if found.flags:
        printed["flags"] = found.flags
    if found.elements:
        printed["elem"] = [_element(one) for one in found.elements]
    return printed


def _element(element: str) -> Any:
    if " . " in element:
        address, protocol, port = element.split(" . ")
        return {"concat": [address, protocol, int(port)]}
    address, slash, length = element.partition("/")
    return {"prefix": {"addr": address, "len": int(length)}} if slash else address


def _chain(name: str, form: str) -> dict[str, Any]:
    words = re.fullmatch(r"type (\w+) hook (\w+) priority (-?\d+); policy (\w+);", form)
    if words is None:
        return {"name": name}
    kind, hook, priority, policy = words.groups()
    return {"name": name, "type": kind, "hook": hook, "prio": int(priority), "policy": policy}


def _expressions(rule: str) -> Any:
    for found in _WORDS.finditer(rule):
        if match := found["service"] or found["source"]:
            protocol, what, *_ = match.split()
            field_of = {"payload": {"protocol": protocol, "field": what}}
            left: Any = field_of
            if what == "daddr":
                dport = {"payload": {"protocol": "th", "field": "dport"}}
                left = {"concat": [field_of, {"meta": {"key": "l4proto"}}, dport]}
            yield {"match": {"op": "==", "left": left, "right": f"@{match.rpartition('@')[2]}"}}
        elif found["counter"]:
            yield {"counter": {"packets": 0, "bytes": 0}}
        else:
            # As nft puts it: the bits of the mark are kept with those outside the mask, and set.
            kept, turned = int(found["kept"], 16), int(found["turned"], 16)
            value = {"|": [{"&": [_MARK, kept | turned]}, turned]}
            yield {"mangle": {"key": _MARK, "value": value}}
