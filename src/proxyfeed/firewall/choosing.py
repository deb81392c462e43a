"""
What is to be done to one set of the kernel: nothing, a small change in place, or all of it aside.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection

from proxyfeed.firewall.ipset import MARKED, NET, SERVICE, fits, temporary
from proxyfeed.firewall.layout import ADDRESS_KINDS, Change, Target, compare
from proxyfeed.firewall.members import by_kind, in_order
from proxyfeed.firewall.rule import looks_at
from proxyfeed.model import Action, Live, LiveSet, Member, SetPlan
from proxyfeed.prefixes import PrefixSet

# A delta costs its entries and a swap costs the whole set; below this many a delta always wins.
_SMALL_DELTA = 64
_DELTA_SHARE = 4


def plan_set(target: Target, live: Live, *, afresh: bool) -> SetPlan:
    held = live.sets.get(target.name)
    change: Change | None = None
    if held and (held.type, held.family) == (target.type, target.family):
        change = compare(held, target.entries)
        action, why = _choose(target, held, change, afresh=afresh)
    else:
        action, why = _choose_other(held)
    if any(looks_at(line, temporary(target.name)) for line in live.rules.get(target.family, ())):
        action, why = Action.RETYPE, "a run ended while its rule looked at the temporary set"
    add: tuple[Member, ...] = ()
    delete: tuple[Member, ...] = ()
    if change and action is Action.DELTA:
        add, delete = in_order(change.add), in_order(change.delete)
    return SetPlan(
        target.name, target.type, target.family, action, why, target.members, add, delete
    )


def _choose_other(held: LiveSet | None) -> tuple[Action, str]:
    if held is None:
        return Action.CREATE, "it does not exist"
    family = f"family IPv{held.family}" if held.family else "no family of ours"
    return Action.RETYPE, f"it is of type {held.type}, {family}"


def _choose(target: Target, held: LiveSet, change: Change, *, afresh: bool) -> tuple[Action, str]:
    if change.odd:
        return Action.REPLACE, f"it holds what proxyfeed never writes: {change.odd[0]}"
    if _is_same(target, change):
        return Action.NOTHING, "it holds what it should"
    adds, deletes = len(change.add), len(change.delete)
    counts = f"{adds:,} to add, {deletes:,} to delete"
    is_table = target.type not in (NET, MARKED, SERVICE)
    if afresh:
        return Action.RETYPE if is_table else Action.REPLACE, f"{counts}; made anew"
    if is_table:
        return Action.REPLACE, f"{counts}; in one transaction"
    if target.type == MARKED:
        # In place, an entry would have no mark between its deletion and its addition.
        return Action.REPLACE, f"{counts}; all marks change at once"
    if not fits(len(held.entries) + adds, held):
        return Action.REPLACE, f"{counts}; too many for its maxelem of {held.max_entries:,}"
    if adds + deletes > max(_SMALL_DELTA, len(target.members) // _DELTA_SHARE):
        return Action.REPLACE, counts
    if target.type == NET and not _is_seamless(target, change):
        return Action.REPLACE, f"{counts}; in place a packet could be missed"
    return Action.DELTA, counts


def _is_same(target: Target, change: Change) -> bool:
    """
    Whether the set holds what it should. The same addresses, cut in another way, are the same: no
    write for nothing.

    The prefixes of a target do not overlap, so that a new one covers nothing of those that stay:
    its addresses must be among those of the gone ones, or something differs. That look at the
    change alone is enough on most nights; to aggregate both sets of 1,000,000 takes 1.6 s.
    """
    if not change.add and not change.delete:
        return True
    if target.type not in ADDRESS_KINDS:
        return False
    came, gone = _addresses(target, change.add), _addresses(target, change.delete)
    return not came - gone and not gone - _addresses(target, target.members)


def _is_seamless(target: Target, change: Change) -> bool:
    """
    Whether every packet is seen right while entries are added and then deleted in place.

    The kernel tries one prefix length after another, the longest first, and takes no lock for it.
    With the last entry of a length that length goes out of its list and the shorter ones move up,
    so that a packet under way skips one: 64.12.96.0/19 is missed while the only /30 is deleted.
    And where a /19 becomes two /20, a packet may look for the /20 too early and the /19 too late.
    """
    is_cut_anew = _addresses(target, change.delete) & _addresses(target, change.add)
    return _lengths(change.delete) <= _lengths(target.members) and not is_cut_anew


def _lengths(members: Collection[Member]) -> set[int]:
    return {key & 0xFF for key in by_kind(members).keys}


def _addresses(target: Target, members: Collection[Member]) -> PrefixSet:
    keys = by_kind(members).keys
    return PrefixSet.from_keys(keys) if target.family == 4 else PrefixSet.from_keys((), keys)
