"""
What other rules of a mangle table do around ours. Pure.

What cannot be told by reading, such as whether a match lets a packet of ours through, is a *may*.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxyfeed.model import Suspect

_OURS = "proxyfeed:"
_COUNTERS = re.compile(r" -c (\d+) (\d+)")
# After these no later rule of the table sees the packet; RETURN at least none of this chain.
_FINAL = frozenset({"ACCEPT", "DROP", "NFQUEUE", "QUEUE", "RETURN", "TPROXY"})
_ALL_BITS = "0xffffffff"


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One line of ``iptables -S``: *is_always* says that it has no match but a comment.
    """

    text: str
    comment: str
    target: str
    options: tuple[str, ...]
    is_goto: bool
    is_always: bool
    packets: int | None


Chains = dict[str, list[Rule]]


def parse_mangle(listing: str) -> Chains:
    """
    Read what ``iptables -t mangle -S -v`` prints::

        -P PREROUTING ACCEPT -c 0 0
        -N theirs
        -A PREROUTING -i eth0 -c 0 0 -g theirs
        -A PREROUTING -m comment --comment "proxyfeed:aol" -c 7 420 -j MARK --set-xmark 0x1/0xf
    """
    chains: Chains = {}
    for line in listing.splitlines():
        verb, _, rest = line.partition(" ")
        name = rest.split(" ", 1)[0]
        if verb in ("-P", "-N"):
            chains.setdefault(name, [])
        elif verb == "-A":
            chains.setdefault(name, []).append(_rule(line))
    return chains


def packets_of(chains: Chains, comment: str) -> int | None:
    """
    How many packets the rule of that *comment* has marked.
    """
    counts = [rule.packets for rule in chains.get("PREROUTING", ()) if rule.comment == comment]
    return counts[0] if counts else None


def shadowing(chains: Chains, comment: str) -> Iterator[Suspect]:
    """
    What stands before the rule of that *comment* and lets packets out of the chain.
    """
    rules = chains.get("PREROUTING", [])
    if not any(rule.comment == comment for rule in rules):
        return
    for rule in rules:
        if rule.comment == comment:
            return
        ends = _ends(chains, rule)
        if ends is not None:
            yield Suspect(rule.text, ends)


def dropping(chains: Chains) -> Iterator[Suspect]:
    """
    What drops every packet before any later table sees it.
    """
    is_always = True
    for rule in chains.get("PREROUTING", ()):
        if rule.target == "DROP" and rule.is_always:
            yield Suspect(rule.text, is_always)
        ends = _ends(chains, rule)
        if ends:
            return
        is_always = is_always and ends is None


def overwriting(chains: Chains, comment: str, marks: Iterable[int], mask: int) -> Iterator[Suspect]:
    """
    What comes after the rule of that *comment* and can turn bits of *mask*.
    """
    bits = _Bits(tuple(marks), mask)
    rules = chains.get("PREROUTING", [])
    places = [place for place, rule in enumerate(rules) if rule.comment == comment]
    after = rules[places[-1] + 1 :] if places else []
    yield from _overwriting(chains, after, bits, is_always=True)
    yield from overwriting_input(chains, marks, mask)


def overwriting_input(chains: Chains, marks: Iterable[int], mask: int) -> Iterator[Suspect]:
    """
    The same in the chain INPUT, which comes later, and before a virtual service is looked up.
    """
    bits = _Bits(tuple(marks), mask)
    yield from _overwriting(chains, chains.get("INPUT", []), bits, is_always=True)


@dataclass(frozen=True, slots=True)
class _Bits:
    marks: tuple[int, ...]
    mask: int

    def are_turned(self, value: int, mask: int) -> bool:
        """
        Whether ``--set-xmark value/mask`` makes another of a mark of ours.
        """
        return any((((m & ~mask) ^ value) ^ m) & self.mask for m in self.marks)


def _rule(line: str) -> Rule:
    counted = _COUNTERS.search(line)
    text = _COUNTERS.sub("", line, count=1)
    words = shlex.split(text)[2:]
    jump = next((place for place, word in enumerate(words) if word in ("-j", "-g")), len(words))
    matches, rest = words[:jump], words[jump:]
    comment = ""
    if "--comment" in matches[:-1]:
        place = matches.index("--comment")
        comment = matches[place + 1]
        is_negated = matches[place - 2 : place] != ["-m", "comment"]
        matches = matches if is_negated else [*matches[: place - 2], *matches[place + 2 :]]
    return Rule(
        text=text,
        comment=comment,
        target=rest[1] if len(rest) > 1 else "",
        options=tuple(rest[2:]),
        is_goto=rest[:1] == ["-g"],
        is_always=not matches,
        packets=int(counted[1]) if counted else None,
    )


def _ends(chains: Chains, rule: Rule) -> bool | None:
    """
    Whether the way of a packet through PREROUTING ends in *rule*: surely, perhaps (False), or not.
    """
    if rule.target in _FINAL or (rule.is_goto and rule.target in chains):
        return rule.is_always
    inner = _inner_ends(chains, chains.get(rule.target, []))
    return None if inner is None else rule.is_always and inner


def _inner_ends(chains: Chains, rules: Iterable[Rule]) -> bool | None:
    found: bool | None = None
    is_always = True
    for rule in rules:
        if rule.target == "RETURN":
            if rule.is_always:
                return found
            is_always = False
            continue
        ends = _ends(chains, rule)
        if ends is not None:
            found = bool(found) or (ends and is_always)
    return found


def _overwriting(
    chains: Chains, rules: Iterable[Rule], bits: _Bits, *, is_always: bool
) -> Iterator[Suspect]:
    for rule in rules:
        if rule.comment.startswith(_OURS):
            continue  # of another set, which has a mark for those who are in both
        certain = is_always and rule.is_always
        if rule.target in chains:
            yield from _overwriting(chains, chains[rule.target], bits, is_always=certain)
        elif _turns(rule, bits):
            # What the other targets write is not in the rule.
            yield Suspect(rule.text, certain and rule.target == "MARK")
        if rule.target in _FINAL:
            if rule.is_always:
                return
            is_always = False


def _turns(rule: Rule, bits: _Bits) -> bool:
    options = dict(zip(rule.options, (*rule.options[1:], ""), strict=False))
    if rule.target == "MARK":
        return bits.are_turned(*_pair(options.get("--set-xmark", "0x0/0x0")))
    if rule.target == "CONNMARK" and "--restore-mark" in options:
        masks = [int(options.get(one, _ALL_BITS), 16) for one in ("--nfmask", "--ctmask")]
        return bool((masks[0] | masks[1]) & bits.mask)
    if rule.target == "TPROXY":
        return bits.are_turned(*_pair(options.get("--tproxy-mark", "0x0/0x0")))
    return rule.target == "HMARK" or (rule.target == "SET" and "--map-mark" in options)


def _pair(text: str) -> tuple[int, int]:
    """
    Read ``0x1/0xff``; without a mask it is all bits.
    """
    value, _, mask = text.partition("/")
    return int(value, 16), int(mask or _ALL_BITS, 16)
