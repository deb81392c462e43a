"""
What other chains of nftables do around our rule. Pure.

They are read as text: nft 1.0.6 prints broken JSON where any table of the host has a flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from proxyfeed.firewall.nft import CHAIN, OWN_PREFIX, PROTOCOL, table_of
from proxyfeed.model import Suspect

# IPVS looks a service up in the hook of input at this priority (NF_IP_PRI_NAT_SRC - 1).
_IPVS = 99
_HOOK = re.compile(r"type \w+ hook (\w+) (?:device .+ )?priority (-?\d+);")
_COUNTER = re.compile(r"counter packets (\d+) bytes \d+ ?")
_COMMENT = re.compile(r' comment "[^"]*"$')
_CONSTANT = re.compile(r"meta mark set (0x[0-9a-f]+)")
_JUMP = re.compile(r"\b(?:jump|goto) ([^\s,]+)")
# What ends the way of a packet through a chain, or may, and what does so whatever the packet is.
_MAY_END = re.compile(r"\b(?:accept|drop|queue|reject|return|goto|vmap)\b")
_ENDS = re.compile(r"accept|drop|queue|reject|return|goto \S+")
# Those of iptables are looked at by iptables.
_OF_IPTABLES = ("ip mangle", "ip6 mangle")


@dataclass
class _Chain:
    """
    *table* is like ``inet filter``; *hook* is "" for a chain that others jump to.
    """

    table: str
    name: str
    hook: str = ""
    priority: int = 0
    rules: list[str] = field(default_factory=list)


Ruleset = dict[tuple[str, str], _Chain]


def parse_ruleset(text: str) -> Ruleset:
    """
    Read the chains that ``nft --terse --numeric-priority list ruleset`` prints::

        table inet theirs {
            chain late {
                type filter hook prerouting priority -145; policy accept;
                tcp dport 80 counter packets 0 bytes 0 meta mark set 0x00000005
            }
        }
    """
    chains: Ruleset = {}
    table, chain = "", None
    for line in text.splitlines():
        bare = line.strip()
        depth = len(line) - len(line.lstrip("\t"))
        if depth == 0 and bare.startswith("table "):
            table = bare.removeprefix("table ").removesuffix(" {")
        elif depth == 1:
            chain = None
            if bare.startswith("chain "):
                name = bare.removeprefix("chain ").removesuffix(" {")
                chain = chains.setdefault((table, name), _Chain(table, name))
        elif depth == 2 and chain is not None:
            _take(chain, bare)
    return chains


def packets_of(ruleset: Ruleset, set_name: str, family: int) -> int | None:
    """
    How many packets the rule of our own table has marked.
    """
    own = ruleset.get((table_of(set_name), CHAIN))
    for rule in own.rules if own else ():
        counted = _COUNTER.search(rule)
        if counted and f"{PROTOCOL[family]} saddr " in rule:
            return int(counted[1])
    return None


def dropping(ruleset: Ruleset, family: int, priority: int) -> Iterator[Suspect]:
    """
    What drops every packet before a rule at *priority* sees it.
    """
    for chain in _base_chains(ruleset, family):
        if chain.hook == "prerouting" and chain.priority < priority:
            for rule, is_always in _met(chain):
                if _plain(rule) == "drop":
                    yield Suspect(_shown(chain, rule), is_always)


def overwriting(
    ruleset: Ruleset, family: int, priority: int, marks: Iterable[int], mask: int
) -> Iterator[Suspect]:
    """
    What changes a mark after a rule at *priority* has set it, and before a service is looked up.
    """
    wanted = tuple(marks)
    for chain in _base_chains(ruleset, family):
        is_later = chain.hook == "prerouting" and chain.priority >= priority
        if is_later or (chain.hook == "input" and chain.priority <= _IPVS):
            yield from _overwriting(ruleset, chain, wanted, mask, is_always=True)


def _take(chain: _Chain, line: str) -> None:
    hook = _HOOK.match(line)
    if hook:
        chain.hook, chain.priority = hook[1], int(hook[2])
    elif line != "}":
        chain.rules.append(line)


def _base_chains(ruleset: Ruleset, family: int) -> Iterator[_Chain]:
    for chain in ruleset.values():
        kind, _, name = chain.table.partition(" ")
        is_foreign = not name.startswith(OWN_PREFIX) and chain.table not in _OF_IPTABLES
        if kind in ("inet", PROTOCOL[family]) and is_foreign and chain.hook:
            yield chain


def _met(chain: _Chain) -> Iterator[tuple[str, bool]]:
    """
    The rules that a packet can meet, each with whether it surely does: what ends the way through a
    chain ends it for this chain alone.
    """
    is_always = True
    for rule in chain.rules:
        yield rule, is_always
        plain = _plain(rule)
        if _ENDS.fullmatch(plain):
            return
        is_always = is_always and not _MAY_END.search(plain)


def _overwriting(
    ruleset: Ruleset, chain: _Chain, marks: tuple[int, ...], mask: int, *, is_always: bool
) -> Iterator[Suspect]:
    for rule, is_met in _met(chain):
        plain = _plain(rule)
        if "meta mark set" in plain:
            constant = _CONSTANT.fullmatch(plain)
            is_harmless = _CONSTANT.search(plain) and all(
                (int(found, 16) ^ mark) & mask == 0
                for mark in marks
                for found in _CONSTANT.findall(plain)
            )
            if not is_harmless:
                certain = is_always and is_met and constant is not None
                yield Suspect(_shown(chain, rule), certain)
        certain = is_always and is_met and plain.startswith(("jump ", "goto "))
        for name in dict.fromkeys(_JUMP.findall(plain)):
            inner = ruleset.get((chain.table, name))
            if inner:
                yield from _overwriting(ruleset, inner, marks, mask, is_always=certain)


def _plain(rule: str) -> str:
    """
    A rule without its counter and its comment.
    """
    return _COUNTER.sub("", _COMMENT.sub("", rule)).strip()


def _shown(chain: _Chain, rule: str) -> str:
    return f"table {chain.table}, chain {chain.name}: {_COUNTER.sub('', rule)}"
