"""
From what the kernel holds to what it should hold: the choice of the way, and each step of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.firewall.ipset import (
    NET,
    SERVICE,
    commit_lines,
    fill_lines,
    member_texts,
    net_set,
    parse_save,
    service_set,
    temporary,
)
from proxyfeed.firewall.layout import compare, read_members, targets
from proxyfeed.firewall.members import read_entries, to_entries
from proxyfeed.firewall.rule import wanted_rule
from proxyfeed.marked import MarkedSet
from proxyfeed.model import (
    Action,
    Backend,
    Live,
    LiveSet,
    MarkedKey,
    Member,
    Plan,
    SetPlan,
    SetSpec,
    Split,
    VirtualService,
)
from proxyfeed.notation import make_key, read_prefix
from proxyfeed.planning import held_before, held_prefixes, make_plan, served
from proxyfeed.prefixes import FAMILIES, PrefixSet

SPEC = SetSpec("aol", ("aol",), 1)
VIRTUAL = (VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 443))
BALANCED = replace(SPEC, virtual=VIRTUAL)
SPLIT = replace(SPEC, split=Split("country", (11, 12)))
NET4, NET6 = (net_set("aol", family) for family in FAMILIES)
DESIRED = PrefixSet.parse(["64.12.96.0/19", "195.93.64.0/18", "2600::/32"])
NOBODY: frozenset[Member] = frozenset()


def singles(numbers: Iterable[int], family: int = 4) -> frozenset[Member]:
    """
    Every second address, so that no two of them aggregate.
    """
    bits = 32 if family == 4 else 128
    return frozenset(make_key(family, 2 * number, bits) for number in numbers)


def as_set(family: int, members: Iterable[Member]) -> PrefixSet:
    keys = [member for member in members if isinstance(member, int)]
    return PrefixSet.from_keys(*((keys, ()) if family == 4 else ((), keys)))


def holding(spec: SetSpec, desired: PrefixSet) -> Live:
    """
    What the kernel holds after *desired* was applied.
    """
    kernel = Kernel()
    kernel.carry_out(make_plan(spec, desired, Live()))
    rules = {family: (wanted_rule(spec, family),) for family in spec.families}
    return Live(kernel.live().sets, rules={**rules})


def listed(spec: SetSpec, content: PrefixSet) -> Live:
    """
    The same, of any type of set, without the streams that would make it.
    """
    sets = {
        one.name: LiveSet(one.name, one.type, one.family, 65_536, one.entries)
        for one in targets(spec, content)
    }
    return Live(sets, rules={family: (wanted_rule(spec, family),) for family in spec.families})


def changed(live: Live, name: str, **changes: object) -> Live:
    held: LiveSet = replace(live.sets[name], **changes)  # type: ignore[arg-type]
    return replace(live, sets={**live.sets, name: held})


def step(plan: Plan, name: str) -> SetPlan:
    return next(planned for planned in plan.sets if planned.name == name)


def lengths(members: Iterable[Member]) -> set[int]:
    return {member & 0xFF for member in members if isinstance(member, int)}


class Refused(Exception):
    """
    What ipset would have said.
    """


class Kernel:
    """
    A model of ipset that reads what is really sent, and is as strict.
    """

    def __init__(self) -> None:
        self.headers: dict[str, tuple[str, int]] = {}
        self.members: dict[str, list[str]] = {}

    def restore(self, lines: Iterable[str]) -> None:
        for line in lines:
            verb, name, *rest = line.split(" ")
            getattr(self, f"_{verb}")(name, rest)

    def carry_out(self, plan: Plan) -> None:
        """
        Do what is planned, in the order in which it is done.
        """
        for _ in self.steps(plan):
            pass

    def steps(self, plan: Plan) -> Iterator[None]:
        """
        Stop after each line that something may look at meanwhile.
        """
        for name in plan.temporaries:
            self._destroy(name, [])
        aside = [p for p in plan.sets if p.action in (Action.CREATE, Action.REPLACE)]
        for planned in aside:
            self.restore(fill_lines(temporary(planned.name), planned))
        yield
        for line in commit_lines(plan.sets):
            self.restore([line])
            yield
        for planned in aside:
            if planned.action is Action.REPLACE:
                self._destroy(temporary(planned.name), [])
        for planned in plan.sets:
            if planned.action is Action.REMOVE:
                self._destroy(planned.name, [])
        yield

    def live(self) -> Live:
        names = [name for name in self.headers if not name.endswith("_new")]
        return Live(
            sets={name: parse_save(self.save(name), name) for name in names},
            temporaries=tuple(name for name in self.headers if name.endswith("_new")),
        )

    def save(self, name: str) -> str:
        header, room = self.headers[name]
        lines = [f"create {name} {header} hashsize 1024 maxelem {room} bucketsize 12"]
        lines += [f"add {name} {member}" for member in self.members[name]]
        return "".join(f"{line}\n" for line in lines)

    def holds(self, family: int) -> PrefixSet:
        return PrefixSet.parse(self.members[net_set("aol", family)])

    def _create(self, name: str, rest: list[str]) -> None:
        kind, _, family, *_, room = rest
        if name in self.headers or len(name) > 31:
            raise Refused(f"create {name}")
        self.headers[name] = (f"{kind} family {family}", int(room))
        self.members[name] = []

    def _add(self, name: str, rest: list[str]) -> None:
        member = self._printed(name, rest)
        if member in self.members[name] or member.endswith("/0"):
            raise Refused(f"add {name} {member}")
        if len(self.members[name]) == self.headers[name][1]:
            raise Refused(f"{name} is full")
        self.members[name].append(member)

    def _del(self, name: str, rest: list[str]) -> None:
        self.members[name].remove(self._printed(name, rest))

    def _printed(self, name: str, rest: list[str]) -> str:
        # A single address without its length.
        return rest[0].removesuffix("/128" if "inet6" in self.headers[name][0] else "/32")

    def _swap(self, name: str, rest: list[str]) -> None:
        (other,) = rest
        if self.headers[name][0] != self.headers[other][0]:
            raise Refused(f"swap {name} {other}")
        headers, members = self.headers, self.members
        headers[name], headers[other] = headers[other], headers[name]
        members[name], members[other] = members[other], members[name]

    def _rename(self, name: str, rest: list[str]) -> None:
        (other,) = rest
        if other in self.headers:
            raise Refused(f"rename {name} {other}")
        self.headers[other] = self.headers.pop(name)
        self.members[other] = self.members.pop(name)

    def _destroy(self, name: str, rest: list[str]) -> None:
        del self.headers[name], self.members[name]


# ---------------------------------------------------------------- the choice


def test_on_an_empty_kernel_every_set_is_created_and_every_rule_is_missing() -> None:
    plan = make_plan(BALANCED, DESIRED, Live(rules={4: (), 6: ()}))

    assert {(p.name, p.type, p.family): frozenset(p.target) for p in plan.sets} == {
        ("proxyfeed_aol_4", NET, 4): frozenset(DESIRED.ipv4),
        ("proxyfeed_aol_6", NET, 6): frozenset(DESIRED.ipv6),
        ("proxyfeed_aol_v4", SERVICE, 4): frozenset({"192.0.2.80,tcp:80"}),
        ("proxyfeed_aol_v6", SERVICE, 6): frozenset({"2001:db8::80,tcp:443"}),
    }
    assert {planned.action for planned in plan.sets} == {Action.CREATE}
    assert {rule.family: rule.wanted for rule in plan.rules} == {
        family: wanted_rule(BALANCED, family) for family in FAMILIES
    }
    assert not plan.is_nothing


def test_a_kernel_that_holds_what_it_should_is_left_alone() -> None:
    plan = make_plan(BALANCED, DESIRED, holding(BALANCED, DESIRED))

    assert {planned.action for planned in plan.sets} == {Action.NOTHING}
    assert list(commit_lines(plan.sets)) == []
    assert plan.is_nothing


@pytest.mark.parametrize("afresh", [False, True])
@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        (NET4, ["64.12.96.0/20", "64.12.112.0/20", "195.93.64.0/18"]),
        (NET4, ["64.12.96.0/19", "195.93.64.0/18", "195.93.64.1/32"]),
        (NET6, ["2600::/33", "2600:0:8000::/33"]),
    ],
)
def test_the_same_addresses_in_other_cuts_are_no_change(
    name: str, cuts: list[str], afresh: bool
) -> None:
    members = frozenset(key for row in cuts for key in read_prefix(row).keys)
    family = 4 if name == NET4 else 6
    entries = frozenset(to_entries(family, members))
    live = changed(holding(SPEC, DESIRED), name, entries=entries)

    assert make_plan(SPEC, DESIRED, live, afresh=afresh).is_nothing


@pytest.mark.parametrize("family", FAMILIES)
def test_a_small_change_is_mended_in_place(family: int) -> None:
    old = as_set(family, singles(range(10), family))
    new = as_set(family, singles(range(2, 13), family))

    planned = step(make_plan(SPEC, new, holding(SPEC, old)), net_set("aol", family))

    assert planned.action is Action.DELTA
    assert frozenset(planned.add) == singles((10, 11, 12), family)
    assert frozenset(planned.delete) == singles((0, 1), family)
    assert planned.why == "3 to add, 2 to delete"


@pytest.mark.parametrize(
    ("held", "target", "action"),
    [
        # Up to 64 entries in any case,
        (range(32), range(32, 64), Action.DELTA),
        (range(32), range(32, 65), Action.REPLACE),
        # and up to a quarter of a larger set.
        (range(400), range(50, 450), Action.DELTA),
        (range(400), range(51, 451), Action.REPLACE),
    ],
)
def test_a_change_is_made_aside_when_it_costs_more_than_a_swap(
    held: range, target: range, action: Action
) -> None:
    live = holding(SPEC, as_set(4, singles(held)))

    planned = step(make_plan(SPEC, as_set(4, singles(target)), live), NET4)

    assert planned.action is action
    assert (planned.add != ()) is (action is Action.DELTA)


def test_a_delta_that_would_overflow_on_its_way_is_made_aside() -> None:
    held, target = as_set(4, singles(range(10))), as_set(4, singles(range(5, 15)))
    live = holding(SPEC, held)

    def action(room: int) -> Action:
        return step(make_plan(SPEC, target, changed(live, NET4, max_entries=room)), NET4).action

    # Fifteen at once, between the adding and the deleting.
    assert action(15) is Action.DELTA
    assert action(14) is Action.REPLACE


@pytest.mark.parametrize(
    ("held", "target", "action"),
    [
        # The only /30 goes, and with it the length: a packet under way could skip another one.
        (["64.12.96.0/19", "205.188.146.144/30"], ["64.12.96.0/19"], Action.REPLACE),
        (
            ["64.12.96.0/19", "205.188.146.144/30", "205.188.146.152/30"],
            ["64.12.96.0/19", "205.188.146.152/30"],
            Action.DELTA,
        ),
        (["64.12.96.0/19"], ["64.12.96.0/19", "205.188.146.144/30"], Action.DELTA),
        # A /19 becomes half of it, or the other way: a packet seeks the one too early or too late.
        (
            ["64.12.96.0/19", "195.93.64.0/19", "207.200.112.0/20"],
            ["64.12.96.0/20", "195.93.64.0/19", "207.200.112.0/20"],
            Action.REPLACE,
        ),
        (
            ["64.12.96.0/20", "195.93.64.0/19", "207.200.112.0/20"],
            ["64.12.96.0/19", "195.93.64.0/19", "207.200.112.0/20"],
            Action.REPLACE,
        ),
        (
            ["64.12.96.0/20", "195.93.64.0/19", "207.200.112.0/20"],
            ["64.12.96.0/20", "195.93.64.0/19", "207.200.96.0/20"],
            Action.DELTA,
        ),
    ],
)
def test_a_change_in_which_a_packet_could_be_missed_is_made_aside(
    held: list[str], target: list[str], action: Action
) -> None:
    live = holding(SPEC, PrefixSet.parse(held))

    assert step(make_plan(SPEC, PrefixSet.parse(target), live), NET4).action is action


@pytest.mark.parametrize("odd", ["10.1.0.0/16 nomatch", "64.12.96.0/19 timeout 299"])
def test_entries_that_proxyfeed_never_writes_have_the_set_made_anew(odd: str) -> None:
    live = changed(holding(SPEC, DESIRED), NET4, odd=(odd,))

    planned = step(make_plan(SPEC, DESIRED, live), NET4)

    assert planned.action is Action.REPLACE
    assert odd in planned.why


@pytest.mark.parametrize("changes", [{"type": "hash:ip"}, {"family": 6}])
def test_a_set_of_another_type_or_family_is_put_right_and_not_trusted(
    changes: dict[str, object],
) -> None:
    live = changed(holding(SPEC, DESIRED), NET4, **changes)

    planned = step(make_plan(SPEC, DESIRED, live), NET4)

    assert (planned.action, planned.type, planned.family) == (Action.RETYPE, NET, 4)
    assert planned.target == DESIRED.ipv4


def test_the_addresses_of_a_set_of_another_type_are_not_taken_for_held() -> None:
    live = changed(holding(SPEC, DESIRED), NET4, type="hash:ip")

    assert held_prefixes(SPEC, live) == DESIRED.family(6)


@pytest.mark.parametrize("name", [NET4, service_set("aol", 4)])
def test_a_rule_that_looks_at_a_temporary_set_is_brought_back_first(name: str) -> None:
    live = holding(BALANCED, DESIRED)
    left = live.rules[4][0].replace(f" {name} ", f" {temporary(name)} ")
    live = replace(live, rules={**live.rules, 4: (left,)}, temporaries=(temporary(name),))

    plan = make_plan(BALANCED, DESIRED, live)

    assert {p.name for p in plan.sets if p.action is Action.RETYPE} == {name}
    assert {p.action for p in plan.sets if p.name != name} == {Action.NOTHING}


def test_made_afresh_nothing_is_mended_in_place() -> None:
    live = holding(SPEC, DESIRED)
    larger = DESIRED | PrefixSet.parse(["207.200.112.0/21"])

    mended, made = (make_plan(SPEC, larger, live, afresh=afresh) for afresh in (False, True))

    assert (step(mended, NET4).action, step(made, NET4).action) == (Action.DELTA, Action.REPLACE)
    assert step(made, NET6).action is Action.NOTHING


def test_services_are_compared_as_they_are_written() -> None:
    more = (*VIRTUAL, VirtualService(4, "192.0.2.80", 443))

    planned = step(
        make_plan(replace(SPEC, virtual=more), DESIRED, holding(BALANCED, DESIRED)),
        service_set("aol", 4),
    )

    assert (planned.action, planned.add) == (Action.DELTA, ("192.0.2.80,tcp:443",))


# ---------------------------------------------------------------- what is served


def test_a_family_that_is_not_served_is_neither_held_nor_wanted() -> None:
    only_ipv4 = replace(SPEC, families=(4,))

    assert served(only_ipv4, DESIRED) == DESIRED.family(4)
    assert held_prefixes(only_ipv4, holding(SPEC, DESIRED)) == DESIRED.family(4)
    assert served(SPEC, DESIRED) == held_prefixes(SPEC, holding(SPEC, DESIRED)) == DESIRED


def test_what_is_no_longer_served_is_removed_with_its_rule() -> None:
    plan = make_plan(replace(SPEC, families=(4,)), DESIRED, holding(BALANCED, DESIRED))

    assert {p.name: p.action for p in plan.sets if p.action is not Action.NOTHING} == {
        NET6: Action.REMOVE,
        service_set("aol", 4): Action.REMOVE,
        service_set("aol", 6): Action.REMOVE,
    }
    assert {rule.family: rule.wanted for rule in plan.rules} == {4: wanted_rule(SPEC, 4), 6: None}


def test_an_absent_family_is_an_empty_set_and_not_an_absent_one() -> None:
    plan = make_plan(SPEC, DESIRED.family(4), Live())

    assert step(plan, NET6).action is Action.CREATE
    assert step(plan, NET6).target == ()


def test_what_a_run_left_behind_is_cleaned_up() -> None:
    live = replace(holding(SPEC, DESIRED), temporaries=(temporary(NET4),))

    plan = make_plan(SPEC, DESIRED, live)

    assert plan.temporaries == ("proxyfeed_aol_4_new",)
    assert not plan.is_nothing


@pytest.mark.parametrize(
    ("rules", "strays"),
    [
        ((), ()),
        ((wanted_rule(SPEC, 4),) * 2, ()),
        ((wanted_rule(replace(SPEC, mark=2), 4),), ()),
        ((wanted_rule(SPEC, 4),), (wanted_rule(SPEC, 4),)),
    ],
)
def test_a_rule_that_is_missing_doubled_wrong_or_astray_is_something_to_do(
    rules: tuple[str, ...], strays: tuple[str, ...]
) -> None:
    live = holding(SPEC, DESIRED)
    live = replace(live, rules={**live.rules, 4: rules}, strays={4: strays})

    plan = make_plan(SPEC, DESIRED, live)

    assert {rule.family: rule.is_nothing for rule in plan.rules} == {4: False, 6: True}
    assert not plan.is_nothing


def test_where_the_operator_keeps_the_rule_nothing_is_said_of_it() -> None:
    spec = replace(SPEC, install_rule=False)

    assert make_plan(spec, DESIRED, replace(holding(spec, DESIRED), rules={})).rules == ()


# ---------------------------------------------------------------- the way


def drawn(family: int) -> st.SearchStrategy[PrefixSet]:
    """
    Contents of few addresses close together, and of enough entries to be made aside.
    """
    bits = 32 if family == 4 else 128
    prefixes = st.builds(
        lambda number, length: make_key(family, number << 8, length),
        st.integers(1, 40),
        st.integers(bits - 12, bits),
    )
    few = st.frozensets(prefixes, max_size=8)
    many = st.sampled_from([0, 3, 66, 70]).map(
        lambda count: singles(range(999, 999 + count), family)
    )
    return st.builds(lambda a, b: as_set(family, a | b), few, many)


CONTENTS = st.builds(lambda v4, v6: v4 | v6, drawn(4), drawn(6))
FAMILIES_SERVED = st.sampled_from([(4,), (6,), (4, 6)])
SPECS = st.builds(
    lambda families, virtual: replace(
        SPEC, families=families, virtual=tuple(v for v in virtual if v.family in families)
    ),
    FAMILIES_SERVED,
    st.lists(st.sampled_from(VIRTUAL), unique=True),
)


@given(SPECS, CONTENTS, SPECS, CONTENTS)
@settings(deadline=None)
def test_a_plan_leads_from_any_content_to_exactly_the_one_that_is_desired(
    before: SetSpec, old: PrefixSet, after: SetSpec, new: PrefixSet
) -> None:
    kernel = Kernel()
    kernel.carry_out(make_plan(before, old, kernel.live()))
    assert held_prefixes(before, kernel.live()) == served(before, old)

    kernel.carry_out(make_plan(after, new, kernel.live()))

    assert held_prefixes(after, kernel.live()) == served(after, new)
    assert make_plan(after, new, kernel.live()).is_nothing
    assert set(kernel.headers) == {planned.name for planned in make_plan(after, new, Live()).sets}


@given(CONTENTS, CONTENTS, st.booleans())
@settings(max_examples=50, deadline=None)
def test_what_is_in_both_is_held_after_every_single_line(
    old: PrefixSet, new: PrefixSet, afresh: bool
) -> None:
    kernel = Kernel()
    kernel.carry_out(make_plan(SPEC, old, kernel.live()))

    for _ in kernel.steps(make_plan(SPEC, new, kernel.live(), afresh=afresh)):
        for family in FAMILIES:
            held = kernel.holds(family)
            assert (old & new).family(family) in held
            assert held in (old | new).family(family)


@given(st.sampled_from(FAMILIES), st.data())
@settings(deadline=None)
def test_a_set_in_strange_cuts_is_brought_to_the_content_all_the_same(
    family: int, data: st.DataObject
) -> None:
    cuts, new = data.draw(st.frozensets(st.integers(0, 255), max_size=40)), data.draw(CONTENTS)
    bits = 32 if family == 4 else 128
    name = net_set("aol", family)
    members: frozenset[Member] = frozenset(
        make_key(family, number << 8, bits - number % 12) for number in cuts
    )
    kernel = Kernel()
    kernel.carry_out(make_plan(SPEC, PrefixSet(), kernel.live()))
    kernel.restore(f"add {name} {text}" for text in member_texts(family, members))
    common = as_set(family, members) & new

    for _ in kernel.steps(make_plan(SPEC, new, kernel.live())):
        assert common in kernel.holds(family)

    assert held_prefixes(SPEC, kernel.live()) == new


@settings(deadline=None)
@given(CONTENTS, CONTENTS)
def test_in_place_every_address_of_both_has_an_entry_that_stays(
    old: PrefixSet, new: PrefixSet
) -> None:
    live = holding(SPEC, old)

    for planned in make_plan(SPEC, new, live).sets:
        if planned.action is Action.DELTA:
            found = live.sets[planned.name]
            held = frozenset(read_members(found, found.entries)[0])
            target = frozenset(planned.target)
            assert as_set(planned.family, held & target) == (old & new).family(planned.family)
            assert lengths(held) <= lengths(target)


# Blocks of lengths 20 to 32 in one /20, nested and beside each other, as another hand may add them.
NESTED = st.frozensets(
    st.builds(make_key, st.just(4), st.integers(0x400C6000, 0x400C6FFF), st.integers(20, 32)),
    max_size=30,
)


@settings(deadline=None)
@given(NESTED, NESTED)
def test_nothing_is_done_exactly_where_the_same_addresses_are_held(
    held: frozenset[int], wanted: frozenset[int]
) -> None:
    # Joined with what is held, it often is the same in other cuts.
    for new in (PrefixSet.from_keys(held), PrefixSet.from_keys(held | wanted)):
        live = changed(holding(SPEC, new), NET4, entries=frozenset(to_entries(4, held)))

        planned = step(make_plan(SPEC, new, live), NET4)

        is_same = PrefixSet.from_keys(held) == new
        assert (planned.action is Action.NOTHING) is is_same


@settings(deadline=None)
@given(NESTED, CONTENTS)
def test_what_was_held_before_a_plan_is_told_from_the_plan(
    held: frozenset[int], new: PrefixSet
) -> None:
    live = changed(holding(SPEC, new), NET4, entries=frozenset(to_entries(4, held)))
    plan = make_plan(SPEC, new, live)

    assert held_before(plan, SPEC, new, live) == held_prefixes(SPEC, live)


@pytest.mark.parametrize("lost", [None, 4])
def test_what_a_split_set_held_before_a_plan_has_its_marks(lost: int | None) -> None:
    """
    Also where the set holds what it should and only its rule is missing.
    """
    new = MarkedSet.of({11: PrefixSet.parse(["20.0.0.0/24"]), 12: PrefixSet.parse(["2600::/32"])})
    live = listed(SPLIT, new)
    if lost:
        live = replace(live, rules={**live.rules, lost: ()})
    plan = make_plan(SPLIT, new, live)

    assert plan.is_nothing is (lost is None)
    assert held_before(plan, SPLIT, new, live) == held_prefixes(SPLIT, live) == new


def test_what_was_held_before_by_the_other_backend_too_is_told() -> None:
    new = PrefixSet.parse(["20.0.0.0/24"])
    former = listed(SPEC, PrefixSet.parse(["20.0.2.0/24"]))
    spec = replace(SPEC, backend=Backend.NFTABLES)
    live = replace(listed(spec, new), former=former)
    plan = make_plan(spec, new, live)

    assert {one.action for one in plan.sets} == {Action.NOTHING}
    assert held_before(plan, spec, new, live) == held_prefixes(spec, live)
    assert held_prefixes(spec, live) == PrefixSet.parse(["20.0.0.0/24", "20.0.2.0/24"])


def test_an_entry_that_is_written_in_another_way_is_the_same() -> None:
    live = holding(SPEC, PrefixSet.parse(["64.12.96.1", "2600::1"]))
    live = changed(live, NET4, entries=frozenset({"64.12.96.1/32"}))
    live = changed(live, NET6, entries=frozenset({"2600:0:0::1"}))

    assert compare(live.sets[NET4], frozenset({"64.12.96.1"})).is_nothing
    assert compare(live.sets[NET6], frozenset({"2600::1"})).is_nothing
    assert make_plan(SPEC, PrefixSet.parse(["64.12.96.1", "2600::1"]), live).is_nothing


@settings(deadline=None)
@given(st.sampled_from(FAMILIES), st.data())
def test_marked_entries_are_listed_as_they_are_read(family: int, data: st.DataObject) -> None:
    bits = 32 if family == 4 else 128
    words = st.integers(0, 0xFFFFFFFF)
    keys = st.builds(make_key, st.just(family), st.integers(0, 2**bits - 1), st.integers(1, bits))
    members = data.draw(st.frozensets(st.builds(MarkedKey, keys, words, words)))

    read, odd = read_entries(family, to_entries(family, members), is_marked=True)

    assert (frozenset(read), odd) == (members, ())
