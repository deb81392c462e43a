"""
Whatever command fails, and however it does: the kernel holds the old content or the new one, and
what `converge` says of it is true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import pytest
from tests.fake_kernel import FakeKernel, FakeSet, Fault, FaultyRunner
from tests.fake_nft import FakeNftSet
from tests.faults import (
    AFFECTED,
    HANDS,
    LASTING,
    NET,
    ONCE,
    TABLE,
    WHOLE,
    by_number,
    cannot_start,
    is_ipv6_rule_stream,
    is_missing,
    is_rule_stream,
    lasting_from,
    loses_an_entry,
    meddled_by,
    stops_at,
    times_out,
)
from tests.trial import Change, Trial

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.model import Backend, SetSpec, VirtualService
from proxyfeed.prefixes import PrefixSet

# Of blocks of one size, some stay, some go and some come, in both families.
OLD = PrefixSet.parse(
    [f"198.51.100.{n}/29" for n in (0, 16, 32, 64, 96)]
    + [f"2001:db8:{n:x}::/48" for n in (1, 3, 5, 7, 9)]
)
NEW = PrefixSet.parse(
    [f"198.51.100.{n}/29" for n in (0, 16, 32, 128, 160)]
    + [f"2001:db8:{n:x}::/48" for n in (5, 7, 9, 11, 13)]
)
# 198.51.100.0/29 becomes part of 198.51.100.0/28, and 2001:db8:5::/48 of 2001:db8:4::/47.
CUT_ANEW = OLD | PrefixSet.parse(["198.51.100.8/29", "2001:db8:4::/48"])
WEB = (VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 80))
DNS = (VirtualService(4, "192.0.2.53", 53, "udp"), VirtualService(6, "2001:db8::53", 53, "udp"))
PLAIN = SetSpec("aol", ("aol",), mark=1)
SERVED = replace(PLAIN, virtual=WEB)
NFT_PLAIN = replace(PLAIN, backend=Backend.NFTABLES)
NFT_SERVED = replace(SERVED, backend=Backend.NFTABLES)


def holding(spec: SetSpec, prefixes: PrefixSet) -> FakeKernel:
    kernel = FakeKernel()
    converge(Firewall(FaultyRunner(kernel=kernel)), spec, prefixes)
    return kernel


def full(kernel: FakeKernel, *families: int) -> FakeKernel:
    """
    Leave no room for two more entries, so that the set is filled aside and swapped.
    """
    for family in families:
        kernel.sets[NET[family]].max_entries = 6
    return kernel


def with_wrong_type() -> FakeKernel:
    kernel = full(holding(SERVED, OLD), 6)
    kernel.sets[NET[4]] = FakeSet("hash:ip", 4, 65_536, ["198.51.100.1"])
    return kernel


def with_left_over() -> FakeKernel:
    kernel = full(holding(PLAIN, OLD), 4, 6)
    for family, name in NET.items():
        kernel.sets[f"{name}_new"] = FakeSet("hash:net", family, 65_536, ["192.0.2.1"])
    return kernel


def cut_off_in_a_retype() -> FakeKernel:
    kernel = holding(PLAIN, OLD)
    kernel.sets[f"{NET[4]}_new"] = kernel.sets.pop(NET[4])
    kernel.rules["nft", 4] = [kernel.rules["nft", 4][0].replace(NET[4], f"{NET[4]}_new")]
    return kernel


def with_strays() -> FakeKernel:
    kernel = holding(PLAIN, OLD)
    for family in NET:
        kernel.rules["legacy", family] = list(kernel.rules["nft", family])
    return kernel


def with_odd_table() -> FakeKernel:
    kernel = holding(NFT_SERVED, OLD)
    kernel.tables[TABLE].chains["theirs"] = ""
    return kernel


def with_wrong_chain() -> FakeKernel:
    kernel = holding(NFT_PLAIN, OLD)
    kernel.tables[TABLE].chains["marking"] = "type filter hook prerouting priority 0; policy drop;"
    return kernel


def with_wrong_table_set() -> FakeKernel:
    kernel = holding(NFT_PLAIN, OLD)
    table = kernel.tables[TABLE]
    table.sets["addresses_4"] = FakeNftSet("ipv4_addr", [], ["198.51.100.1"])
    return kernel


def with_both(spec: SetSpec) -> FakeKernel:
    """
    A move from the other backend to that of *spec*, cut off before the former one went.
    """
    kernel = holding(replace(spec, backend=spec.backend.other), OLD)
    kernel.tables |= holding(replace(spec, backend=Backend.NFTABLES), OLD).tables
    ipset = holding(replace(spec, backend=Backend.IPSET), OLD)
    kernel.sets |= ipset.sets
    kernel.rules |= ipset.rules
    return kernel


NFT_CHANGES: dict[str, Callable[[], Change]] = {
    "nft-first": lambda: Change(FakeKernel(), NFT_SERVED, OLD),
    "nft-replace": lambda: Change(holding(NFT_PLAIN, OLD), NFT_PLAIN, NEW),
    "nft-services": lambda: Change(
        holding(NFT_SERVED, OLD), replace(NFT_PLAIN, virtual=WEB + DNS), OLD
    ),
    "nft-no-services": lambda: Change(holding(NFT_SERVED, OLD), NFT_PLAIN, NEW),
    "nft-mask": lambda: Change(holding(NFT_PLAIN, OLD), replace(NFT_SERVED, mask=0xFF), NEW),
    "nft-one-family": lambda: Change(
        holding(NFT_SERVED, OLD), replace(NFT_SERVED, families=(4,)), NEW
    ),
    "nft-odd": lambda: Change(with_odd_table(), NFT_SERVED, NEW),
    "nft-wrong-chain": lambda: Change(with_wrong_chain(), NFT_PLAIN, NEW),
    "nft-wrong-type": lambda: Change(with_wrong_table_set(), NFT_PLAIN, NEW),
    "to-nft": lambda: Change(holding(SERVED, OLD), NFT_SERVED, OLD),
    "to-nft-new": lambda: Change(holding(PLAIN, OLD), replace(NFT_PLAIN, mask=0xFF), NEW),
    "to-nft-cut-off": lambda: Change(with_both(NFT_SERVED), NFT_SERVED, NEW),
    "to-ipset": lambda: Change(holding(NFT_SERVED, OLD), SERVED, OLD),
    "to-ipset-new": lambda: Change(holding(NFT_PLAIN, OLD), replace(PLAIN, mask=0xFF), NEW),
    "to-ipset-cut-off": lambda: Change(with_both(SERVED), SERVED, NEW),
}
CHANGES: dict[str, Callable[[], Change]] = {
    "first": lambda: Change(FakeKernel(), SERVED, OLD),
    "delta": lambda: Change(holding(PLAIN, OLD), PLAIN, NEW),
    "replace": lambda: Change(full(holding(PLAIN, OLD), 4, 6), PLAIN, NEW),
    "mixed": lambda: Change(full(holding(PLAIN, OLD), 6), PLAIN, NEW),
    "cut-anew": lambda: Change(holding(PLAIN, OLD), PLAIN, CUT_ANEW),
    "services": lambda: Change(holding(SERVED, OLD), replace(PLAIN, virtual=WEB + DNS), OLD),
    "no-services": lambda: Change(holding(SERVED, OLD), PLAIN, NEW),
    "mask": lambda: Change(holding(PLAIN, OLD), replace(SERVED, mask=0xFF), NEW),
    "one-family": lambda: Change(holding(SERVED, OLD), replace(SERVED, families=(4,)), NEW),
    "wrong-type": lambda: Change(with_wrong_type(), SERVED, NEW),
    "left-over": lambda: Change(with_left_over(), PLAIN, NEW),
    "cut-off": lambda: Change(cut_off_in_a_retype(), PLAIN, OLD),
    "strays": lambda: Change(with_strays(), PLAIN, NEW),
    **NFT_CHANGES,
}


@pytest.fixture(params=list(CHANGES))
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    trial = Trial(CHANGES[request.param]())
    yield trial
    print(f"{request.param}: {trial.points} points")


def test_one_fault_anywhere_is_mended_or_comes_before_any_write(trial: Trial) -> None:
    for number, command in enumerate(trial.log):
        for fault in (*ONCE, *map(stops_at, range(len(command.lines)))):
            if fault is is_missing and trial.is_move and not command.writes:
                continue  # what is not installed has left nothing: so nothing is looked for
            # What is lost while a set is filled aside must never come into use.
            is_seamless = fault is not loses_an_entry or "create" in "".join(command.lines[:1])
            run = trial.run(by_number({number: fault}), is_seamless=is_seamless)
            assert run.error is None or not run.has_written or trial.is_done_but_for_former(run)
            trial.assert_truthful(run)
            trial.assert_mendable(run)


def test_what_another_hand_does_meanwhile_is_mended_if_it_can_be_seen(trial: Trial) -> None:
    for number, hand in product(range(len(trial.log)), HANDS):
        run = trial.run(by_number({number: meddled_by(hand)}), is_seamless=False)
        if run.error is not None:
            assert not run.has_written or trial.is_done_but_for_former(run)
        elif not trial.is_new(run):
            assert HANDS[hand] not in map(str, run.log[number:])
        trial.assert_mendable(run)


def test_a_fault_that_lasts_is_told_truly_and_the_next_run_mends_it(trial: Trial) -> None:
    # While a set of the wrong type is made anew, its family has no old content to return to: a
    # rule looks at the temporary set. In a table it is deleted.
    rules = [line for command in trial.log if is_rule_stream(command) for line in command.lines]
    is_retyped = any("_new " in line for line in rules) or trial.is_changed_by("_new ")
    for number, is_affected, fault in product(range(len(trial.log)), AFFECTED, LASTING):
        if is_affected(trial.log[number]):
            run = trial.run(lasting_from(number, is_affected, fault))
            trial.assert_truthful(run)
            if fault in WHOLE and not is_retyped and not trial.is_done_but_for_former(run):
                trial.assert_alike(run)
            trial.assert_mendable(run)


@pytest.mark.parametrize("name", ["first", "no-services", "mask", "one-family"])
def test_what_cannot_be_finished_is_put_back_as_it_was(name: str) -> None:
    trial = Trial(CHANGES[name]())

    run = trial.run(lasting_from(0, is_ipv6_rule_stream, cannot_start))

    assert run.error is not None
    assert run.error.message.endswith(
        "cannot be started: Cannot allocate memory; the old content is in place"
    )
    trial.assert_truthful(run)


# Those of ipset have all kinds of writes between them.
@pytest.mark.parametrize("name", ["mask", "replace", "nft-mask", "nft-odd"])
def test_two_faults_are_told_truly_and_the_next_run_mends_them(name: str) -> None:
    trial = Trial(CHANGES[name]())
    faults: tuple[Fault, ...] = (cannot_start, times_out)
    for first, fault in product(range(len(trial.log)), faults):
        once = trial.run(by_number({first: fault}))
        for second, other in product(range(first + 1, len(once.log)), faults):
            run = trial.run(by_number({first: fault, second: other}))
            trial.assert_truthful(run)
            trial.assert_mendable(run)
    print(f"{name}: {trial.points} points")
