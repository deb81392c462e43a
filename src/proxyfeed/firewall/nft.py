"""
One table of nftables for each set, ``inet proxyfeed_aol``, in the words of ``nft``.

::

    table inet proxyfeed_aol {
        set services_4 { type ipv4_addr . inet_proto . inet_service; elements = { ... } }
        set addresses_4 { type ipv4_addr; flags interval; elements = { ... } }
        chain marking {
            type filter hook prerouting priority -149; policy accept;
            ip daddr . meta l4proto . th dport @services_4 ip saddr @addresses_4
                counter meta mark set meta mark & 0x0 ^ 0x1
        }
    }

With a split a map gives each address its mark::

        map marks_4 { type ipv4_addr : mark; flags interval; elements = { ... } }
        ... meta mark set ip saddr map @marks_4 counter

A whole file is one transaction: a chain sees all of it or nothing. Sets are flushed and filled
anew, because for any smaller change nft (1.0.6) first reads all sets, and takes longer: 19 s for
one element of 300,000, where flush and fill take 5 s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from proxyfeed.firewall.members import by_kind, in_order
from proxyfeed.model import Action, Member, Plan, SetPlan, SetSpec
from proxyfeed.notation import keys_to_text

OWN_PREFIX = "proxyfeed_"
CHAIN = "marking"
# Right after the mangle table of iptables (-150), as its last rule would be. At the same priority
# the younger chain is first, and a rule there that restores marks would undo ours.
HOOK = ("filter", "prerouting", -149)
ADDRESSES = {4: "ipv4_addr interval", 6: "ipv6_addr interval"}
MARKED = {4: "ipv4_addr : mark interval", 6: "ipv6_addr : mark interval"}
SERVICES = {
    4: "ipv4_addr . inet_proto . inet_service",
    6: "ipv6_addr . inet_proto . inet_service",
}
PROTOCOL = {4: "ip", 6: "ip6"}
_ALL_BITS = 0xFFFFFFFF
_BESIDE = "_new"


def table_of(set_name: str) -> str:
    return f"inet {OWN_PREFIX}{set_name}"


def bridge_of(set_name: str) -> str:
    """
    Name the table that marks while that of the set is made anew: ``inet proxyfeed_aol_new``.
    """
    return table_of(f"{set_name}{_BESIDE}")


def address_set(set_name: str, family: int) -> str:
    """
    Name a set as ``nft list set`` takes it: ``inet proxyfeed_aol addresses_4``.
    """
    return f"{table_of(set_name)} addresses_{family}"


def marked_set(set_name: str, family: int) -> str:
    return f"{table_of(set_name)} marks_{family}"


def service_set(set_name: str, family: int) -> str:
    return f"{table_of(set_name)} services_{family}"


def wanted_rule(spec: SetSpec, family: int) -> str:
    """
    The rule that should stand in the chain, with the bits that are kept and those that are turned.
    """
    words = []
    if any(service.family == family for service in spec.virtual):
        words.append(services_match(family, f"@services_{family}"))
    if spec.split:
        return " ".join([*words, map_statement(family, f"@marks_{family}"), "counter"])
    words.append(source_match(family, f"@addresses_{family}"))
    return " ".join([*words, mark_statement(_ALL_BITS ^ spec.mask, spec.mark)])


def services_match(family: int, looked_at: str) -> str:
    return f"{PROTOCOL[family]} daddr . meta l4proto . th dport {looked_at}"


def source_match(family: int, looked_at: str) -> str:
    return f"{PROTOCOL[family]} saddr {looked_at}"


def mark_statement(kept: int, turned: int) -> str:
    return f"counter meta mark set meta mark & {kept:#x} ^ {turned:#x}"


def map_statement(family: int, looked_at: str) -> str:
    """
    Set the mark of an address that is in the map; any other ends the rule there (nft(8), MAPS).
    """
    return f"meta mark set {PROTOCOL[family]} saddr map {looked_at}"


def transactions(plan: Plan) -> Iterator[str]:
    """
    Write what brings a table from whatever it holds to what *plan* wants: one transaction, if what
    is there can stay.

    Where a table is made anew a second one, ``inet proxyfeed_aol_new``, marks meanwhile: a packet
    on its way may have passed the new chain too early, and then finds the old one emptied.

    Where rules come to look at other sets those are filled before, and what they looked at goes
    after, by `removal`: packets see the new rules an instant before the new elements
    (`nf_tables_commit` in nf_tables_api.c). In one transaction 60 such changes lost 139 of 1.8
    million packets.
    """
    beside = bridge_of(plan.set_name)
    if not _is_made_anew(plan):
        yield from map(_script, _changed_lines(plan))
    else:
        if not plan.temporaries:
            yield _script(_whole_lines(_bridge(plan)))
        yield _script(_whole_lines(plan))
    if _is_made_anew(plan) or plan.temporaries:
        yield _script(delete_lines(beside))


def removal(plan: Plan) -> str:
    """
    Write what deletes the sets that no rule looks at any more, "" for none.
    """
    gone = [] if _is_made_anew(plan) else [one for one in plan.sets if one.action is Action.REMOVE]
    return _script(f"delete {_kind_word(one)} {one.name}" for one in gone)


def rules_transaction(set_name: str, rules: Iterable[str]) -> str:
    """
    Write one transaction that makes *rules* the only ones of the chain.
    """
    wanted = list(_rule_lines(set_name, rules))
    # To take rules out, the chain need not be as it should.
    emptied = _empty_chain(set_name) if wanted else [_flush_chain(set_name)]
    return _script((*emptied, *wanted))


def delete_lines(table: str) -> tuple[str, str]:
    """
    Delete a table, whether it is there or not.
    """
    return f"add table {table}", f"delete table {table}"


def _is_made_anew(plan: Plan) -> bool:
    # Nobody else has any business in it. And a set that a rule looks at has its type for good.
    return bool(plan.odd) or any(one.action is Action.RETYPE for one in plan.sets)


def _bridge(plan: Plan) -> Plan:
    old, new = f"{table_of(plan.set_name)} ", f"{bridge_of(plan.set_name)} "
    sets = tuple(replace(one, name=one.name.replace(old, new)) for one in plan.sets)
    return replace(plan, set_name=f"{plan.set_name}{_BESIDE}", sets=sets)


def _script(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _whole_lines(plan: Plan) -> Iterator[str]:
    yield from delete_lines(table_of(plan.set_name))
    yield f"add table {table_of(plan.set_name)}"
    yield from _empty_chain(plan.set_name)
    for planned in plan.sets:
        if planned.action is not Action.REMOVE:
            yield from _set_lines(planned)
    yield from _rule_lines(plan.set_name, (rule.wanted for rule in plan.rules))


def _changed_lines(plan: Plan) -> Iterator[list[str]]:
    """
    The lines of each transaction.
    """
    new = [one for one in plan.sets if one.action is Action.CREATE]
    changed = [one for one in plan.sets if one.action in (Action.DELTA, Action.REPLACE)]
    has_gone = any(one.action is Action.REMOVE for one in plan.sets)
    is_marking = any(rule.present for rule in plan.rules)
    first = [f"add table {table_of(plan.set_name)}"]
    if new and is_marking:
        yield first + [line for one in new for line in _set_lines(one)]
        new = []
    filled = [line for one in (*new, *changed) for line in _set_lines(one)]
    if has_gone or not all(rule.is_nothing for rule in plan.rules):
        rules = _rule_lines(plan.set_name, (rule.wanted for rule in plan.rules))
        filled = [*_empty_chain(plan.set_name), *filled, *rules]
    yield first + filled


def _empty_chain(set_name: str) -> Iterator[str]:
    kind, hook, priority = HOOK
    form = f"type {kind} hook {hook} priority {priority}; policy accept;"
    yield f"add chain {table_of(set_name)} {CHAIN} {{ {form} }}"
    yield _flush_chain(set_name)


def _flush_chain(set_name: str) -> str:
    return f"flush chain {table_of(set_name)} {CHAIN}"


def _rule_lines(set_name: str, rules: Iterable[str | None]) -> Iterator[str]:
    for rule in rules:
        if rule:
            yield f"add rule {table_of(set_name)} {CHAIN} {rule}"


def _set_lines(planned: SetPlan) -> Iterator[str]:
    kind, interval, _ = planned.type.partition(" interval")
    flags = " flags interval;" if interval else ""
    word = _kind_word(planned)
    yield f"add {word} {planned.name} {{ type {kind};{flags} }}"
    yield f"flush {word} {planned.name}"
    members = in_order(planned.target)
    if members:
        elements = ", ".join(element_texts(planned.family, members))
        yield f"add element {planned.name} {{ {elements} }}"


def _kind_word(planned: SetPlan) -> str:
    return "map" if " : " in planned.type else "set"


def element_texts(family: int, members: Collection[Member]) -> list[str]:
    """
    Print prefixes, with their marks where they have one, and ``192.0.2.80,tcp:80`` as
    ``192.0.2.80 . tcp . 80``.
    """
    kinds = by_kind(members)
    prefixes = keys_to_text(family, [one.key for one in kinds.marked])
    marked = [f"{text} : {one.mark:#x}" for text, one in zip(prefixes, kinds.marked, strict=True)]
    return [*keys_to_text(family, kinds.keys), *marked, *map(_service_text, kinds.texts)]


def _service_text(member: str) -> str:
    address, _, service = member.rpartition(",")
    protocol, _, port = service.partition(":")
    return f"{address} . {protocol} . {port}"
