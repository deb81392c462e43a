"""
What a content must be to be believed: each rule at its limit, in both families.
"""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import netaddr
import netaddr.ip
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.guard import (
    believed_stamp,
    judge,
    judge_set,
    judge_stamp,
    notes_on,
    special_purpose,
)
from proxyfeed.model import Finding, Limits, Listing, RejectedRow, SetSpec, Severity
from proxyfeed.prefixes import FAMILIES, PrefixSet

PUBLISHED = Path(__file__).parents[2] / "shared" / "data"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published lists in {PUBLISHED}")

NOTHING = PrefixSet()
USUAL = Limits()
# 2**16 addresses of IPv4, 2**96 of IPv6.
HEALTHY = ("64.12.0.0/16", "2600::/32")


def content(*rows: str) -> PrefixSet:
    return PrefixSet.parse(rows)


def verdict(
    new: PrefixSet,
    limits: Limits = USUAL,
    protected: PrefixSet = NOTHING,
    earlier: tuple[tuple[str, PrefixSet], ...] = (),
) -> list[str]:
    return [finding.rule for finding in judge(new, limits, protected, earlier)]


def compare(old: PrefixSet, new: PrefixSet, limits: Limits = USUAL) -> tuple[Finding, ...]:
    return judge(new, limits, NOTHING, (("version 7", old),))


# ---------------------------------------------------------------- nothing, and everything


def test_a_healthy_first_version_has_nothing_against_it() -> None:
    assert judge(content(*HEALTHY), Limits(), NOTHING) == ()


def test_a_content_without_an_address_is_refused() -> None:
    (finding,) = judge(NOTHING, Limits(), NOTHING)

    assert (finding.rule, finding.severity) == ("nothing-left", Severity.ABSOLUTE)


@pytest.mark.parametrize(
    "half", ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1"]
)
def test_the_default_route_and_its_halves_are_refused_whatever_is_allowed(half: str) -> None:
    limits = Limits(widest_ipv4=0, widest_ipv6=0, allow=content("0.0.0.0/0", "::/0"))

    assert verdict(content(half), limits) == ["default-route"]


def test_the_default_route_is_recognised_in_any_number_of_pieces() -> None:
    pieces = [f"{n * 16}.0.0.0/4" for n in range(16)]

    assert "default-route" in verdict(content(*pieces))


@pytest.mark.parametrize("quarter", ["128.0.0.0/2", "64.0.0.0/2", "2000::/2"])
def test_a_quarter_of_the_address_space_is_too_wide(quarter: str) -> None:
    assert "too-wide" in verdict(content(quarter))
    assert "default-route" not in verdict(content(quarter))


# ---------------------------------------------------------------- special-purpose space


# The IANA special-purpose address registries, with multicast and what lies outside 2000::/3.
NOT_FOR_THE_INTERNET = {
    "0.0.0.0/8": "this network, RFC 791",
    "10.0.0.0/8": "private use, RFC 1918",
    "100.64.0.0/10": "shared address space, RFC 6598",
    "127.0.0.0/8": "loopback, RFC 1122",
    "169.254.0.0/16": "link local, RFC 3927",
    "172.16.0.0/12": "private use, RFC 1918",
    "192.0.0.0/24": "IETF protocol assignments, RFC 6890",
    "192.0.2.0/24": "documentation, RFC 5737",
    "192.88.99.0/24": "deprecated 6to4 relay anycast, RFC 7526",
    "192.168.0.0/16": "private use, RFC 1918",
    "198.18.0.0/15": "benchmarking, RFC 2544",
    "198.51.100.0/24": "documentation, RFC 5737",
    "203.0.113.0/24": "documentation, RFC 5737",
    "224.0.0.0/4": "multicast, RFC 5771",
    "240.0.0.0/4": "reserved, RFC 1112",
    "255.255.255.255/32": "limited broadcast, RFC 8190",
    "::/128": "unspecified, RFC 4291",
    "::1/128": "loopback, RFC 4291",
    "::ffff:0:0/96": "IPv4-mapped, RFC 4291",
    "64:ff9b::/96": "IPv4-IPv6 translation, RFC 6052",
    "64:ff9b:1::/48": "IPv4-IPv6 translation, RFC 8215",
    "100::/64": "discard only, RFC 6666",
    "100:0:0:1::/64": "dummy prefix, RFC 9780",
    "2001::/23": "IETF protocol assignments, RFC 2928",
    "2001::/32": "Teredo, RFC 4380",
    "2001:2::/48": "benchmarking, RFC 5180",
    "2001:10::/28": "ORCHID, RFC 4843",
    "2001:20::/28": "ORCHIDv2, RFC 7343",
    "2001:30::/28": "drone remote identification, RFC 9374",
    "2001:db8::/32": "documentation, RFC 3849",
    "2002::/16": "6to4, RFC 3056",
    "3fff::/20": "documentation, RFC 9637",
    "5f00::/16": "segment routing, RFC 9602",
    "fc00::/7": "unique local, RFC 4193",
    "fe80::/10": "link local, RFC 4291",
    "fec0::/10": "site local, RFC 3879",
    "ff00::/8": "multicast, RFC 4291",
}
# In the same registries, and globally reachable.
FOR_THE_INTERNET = {
    "192.31.196.0/24": "AS112-v4, RFC 7535",
    "192.52.193.0/24": "AMT, RFC 7450",
    "192.175.48.0/24": "direct delegation AS112, RFC 7534",
    "2620:4f:8000::/48": "direct delegation AS112, RFC 7534",
}


@pytest.mark.parametrize("block", NOT_FOR_THE_INTERNET)
def test_a_block_of_the_registries_is_refused_up_to_its_last_address(block: str) -> None:
    network = ipaddress.ip_network(block)

    for row in (block, str(network[0]), str(network[-1])):
        assert "special-purpose" in verdict(content(*HEALTHY, row))


def test_the_table_is_that_of_the_registries_and_no_wider() -> None:
    registered = content(*NOT_FOR_THE_INTERNET)
    rest_of_ipv6 = content("::/0") - content("2000::/3")

    assert special_purpose() == registered | rest_of_ipv6


def test_what_the_registries_call_globally_reachable_is_let_through() -> None:
    assert verdict(content(*HEALTHY, *FOR_THE_INTERNET)) == []


@pytest.mark.parametrize(
    "neighbour",
    ["9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
     "198.17.255.255", "198.20.0.0", "223.255.255.255", "1.0.0.0", "126.255.255.255", "128.0.0.0",
     "2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "3ffe:ffff::",
     "3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
)  # fmt: skip
def test_the_address_beside_a_special_block_is_let_through(neighbour: str) -> None:
    assert verdict(content(*HEALTHY, neighbour)) == []


def test_whatever_netaddr_calls_reserved_is_in_the_table() -> None:
    named = [
        *netaddr.ip.IPV4_RESERVED, *netaddr.ip.IPV6_RESERVED,
        *netaddr.ip.IPV4_PRIVATE_USE, netaddr.ip.IPV6_UNIQUE_LOCAL,
        *netaddr.ip.IPV4_NOT_GLOBALLY_REACHABLE, *netaddr.ip.IPV6_NOT_GLOBALLY_REACHABLE,
        netaddr.ip.IPV4_LOOPBACK, netaddr.ip.IPV6_LOOPBACK,
        netaddr.ip.IPV4_LINK_LOCAL, netaddr.ip.IPV6_LINK_LOCAL,
        netaddr.ip.IPV4_MULTICAST, netaddr.ip.IPV6_MULTICAST, netaddr.ip.IPV4_6TO4,
    ]  # fmt: skip

    for block in named:
        assert content(f"{block[0]}-{block[-1]}") in special_purpose()


@given(st.ip_addresses())
@settings(deadline=None)
def test_whatever_the_standard_library_calls_special_is_in_the_table(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    special = (
        address.is_private, address.is_reserved, address.is_loopback, address.is_multicast,
        address.is_link_local, address.is_unspecified,
    )  # fmt: skip

    assert not any(special) or str(address) in special_purpose()


def test_the_finding_names_what_is_special_and_what_could_admit_it() -> None:
    (finding,) = judge(content(*HEALTHY, "10.1.0.0/16", "64.12.0.0/8"), Limits(), NOTHING)

    assert finding.severity is Severity.ABSOLUTE
    assert "10.1.0.0/16" in finding.what
    assert "64.12" not in finding.what
    assert "`allow`" in finding.what


def test_a_finding_names_three_prefixes_and_counts_the_rest() -> None:
    (finding,) = judge(content(*(f"10.{n}.0.0/24" for n in range(1, 6))), Limits(), NOTHING)

    assert "10.1.0.0/24, 10.2.0.0/24, 10.3.0.0/24 and 2 more" in finding.what


@pytest.mark.parametrize("block", ["10.20.0.0/16", "fd00:20::/32", "192.0.2.0/24", "2001:db8::/32"])
def test_what_the_feed_may_hold_all_the_same_is_let_through(block: str) -> None:
    assert verdict(content(*HEALTHY, block), Limits(allow=content(block))) == []


def test_an_allowance_is_good_for_its_own_addresses_only() -> None:
    limits = Limits(allow=content("10.20.0.0/16"))

    assert verdict(content("10.20.0.0/17", "10.20.255.255"), limits) == []
    assert verdict(content("10.20.0.0/15"), limits) == ["special-purpose"]
    assert verdict(content("10.21.0.0/32"), limits) == ["special-purpose"]


def test_class_e_space_that_a_cloud_once_published_is_refused_whatever_its_share() -> None:
    old = content("16.0.0.0/5", "64.0.0.0/3")
    limits = Limits(growth=10.0, shrink=1.0, widest_ipv4=2)

    findings = compare(old, old | content("252.0.0.0/10"), limits)

    assert [finding.rule for finding in findings] == ["special-purpose"]
    assert "252.0.0.0/10" in findings[0].what


@published
def test_the_day_when_a_cloud_published_class_e_space_is_held_and_the_day_before_is_not() -> None:
    days = "0419-before", "1619-class-E-252.0.0.0-10"
    before, after = (
        content(*(row["ip_prefix"] for row in json.loads(path.read_bytes())["prefixes"]))
        for path in (PUBLISHED / "aws" / f"ip-ranges-2020-08-11T{when}.json" for when in days)
    )

    assert verdict(before) == []
    assert [f.rule for f in compare(before, after)] == ["special-purpose"]
    assert compare(before, before) == ()


# ---------------------------------------------------------------- width, and what is ours


@pytest.mark.parametrize(
    ("limits", "widest", "wider"),
    [
        (Limits(), "64.0.0.0/8", "64.0.0.0/7"),
        (Limits(), "2600::/19", "2600::/18"),
        (Limits(widest_ipv4=16), "64.12.0.0/16", "64.12.0.0/15"),
        (Limits(widest_ipv6=32), "2600::/32", "2600::/31"),
    ],
)
def test_a_prefix_is_believed_up_to_the_widest(limits: Limits, widest: str, wider: str) -> None:
    assert verdict(content(widest), limits) == []

    (finding,) = judge(content(widest, wider), limits, NOTHING)

    assert (finding.rule, finding.severity) == ("too-wide", Severity.ABSOLUTE)
    assert wider in finding.what


def test_two_halves_of_what_is_too_wide_are_too_wide() -> None:
    halves = content("64.12.0.0/16", "64.13.0.0/16")

    assert verdict(halves, Limits(widest_ipv4=16)) == ["too-wide"]


def test_the_width_of_one_family_says_nothing_of_the_other() -> None:
    assert verdict(content("2600::/20", "64.12.0.0/16"), Limits(widest_ipv4=16)) == []


@pytest.mark.parametrize("own", ["64.12.96.80", "2600:0:1::80"])
def test_own_addresses_are_never_in_a_set(own: str) -> None:
    family = 6 if ":" in own else 4
    (finding,) = judge(content(*HEALTHY), Limits(), content(own))

    assert (finding.rule, finding.severity) == ("protected", Severity.ABSOLUTE)
    assert f"{own}/{32 if family == 4 else 128}" in finding.what


def test_what_lies_beside_own_addresses_is_let_through() -> None:
    own = content("64.11.255.255", "64.13.0.0", "2600:1::", "203.0.113.80")

    assert verdict(content(*HEALTHY), protected=own) == []


def test_no_allowance_excuses_own_addresses() -> None:
    own = content("10.20.0.1")
    limits = Limits(allow=content("10.0.0.0/8"))

    assert verdict(content("10.20.0.0/16"), limits, own) == ["protected"]


def test_absolute_findings_come_before_relative_ones_and_all_are_told() -> None:
    new = content("0.0.0.0/0")
    own = content("64.12.96.80")

    rules = verdict(new, Limits(), own, (("version 7", content(*HEALTHY)),))

    assert rules == [
        "default-route",
        "special-purpose",
        "protected",
        "too-wide",
        "growth",
        "shrink",
    ]


# ---------------------------------------------------------------- a whole set


@pytest.mark.parametrize(
    ("desired", "rules"),
    [
        (HEALTHY, []),
        ((), ["nothing-left"]),
        (("0.0.0.0/2", "64.0.0.0/2"), ["default-route"]),
        ((*HEALTHY, "203.0.113.0/24"), ["protected"]),
        (("203.0.113.0/24", "::/0"), ["default-route", "protected"]),
        # The limits of its feeds were looked at when each was fetched.
        (("64.0.0.0/7", "10.0.0.0/8"), []),
    ],
)
def test_a_whole_set_is_judged_once_more(desired: tuple[str, ...], rules: list[str]) -> None:
    spec = SetSpec("aol", ("aol",), 1, protect=content("203.0.113.80"))

    found = judge_set(spec, content(*desired))

    assert [finding.rule for finding in found] == rules
    assert all(finding.severity is Severity.ABSOLUTE for finding in found)


# ---------------------------------------------------------------- nothing, on purpose


def test_a_feed_that_may_be_empty_has_nothing_against_it_when_it_is() -> None:
    limits = Limits(may_be_empty=True)

    assert verdict(NOTHING, limits) == []
    assert verdict(content("10.0.0.0/8"), limits) == ["special-purpose"]


def test_its_becoming_empty_is_a_loss_like_any_other() -> None:
    old = content(*HEALTHY)

    findings = compare(old, NOTHING, Limits(may_be_empty=True, shrink=0.99))

    assert [(f.rule, f.severity) for f in findings] == [("shrink", Severity.RELATIVE)] * 2
    assert compare(old, NOTHING, Limits(may_be_empty=True, shrink=1.0)) == ()


def test_what_comes_after_an_empty_list_appears_and_waits_for_an_operator() -> None:
    findings = compare(NOTHING, content(*HEALTHY), Limits(may_be_empty=True, growth=1000.0))

    assert [finding.rule for finding in findings] == ["growth", "growth"]


def test_an_empty_set_is_let_through_where_it_may_be_empty_and_nothing_else_is() -> None:
    spec = SetSpec("aol", ("aol",), 1, protect=content("203.0.113.80"))

    assert judge_set(spec, NOTHING, may_be_empty=True) == ()
    findings = judge_set(spec, content("::/0", "203.0.113.0/24"), may_be_empty=True)
    assert [finding.rule for finding in findings] == ["default-route", "protected"]


# ---------------------------------------------------------------- upstream's own time

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def test_a_list_is_older_from_one_second_before_the_newest_that_was_seen() -> None:
    assert judge_stamp(NOON, NOON) == ()
    assert judge_stamp(NOON + SECOND, NOON) == ()
    assert [finding.rule for finding in judge_stamp(NOON - SECOND, NOON)] == ["older"]


def test_an_older_list_may_be_approved_and_both_times_are_told() -> None:
    (finding,) = judge_stamp(NOON - DAY, NOON)

    assert finding.severity is Severity.RELATIVE
    assert finding.what == (
        "upstream's own time, 2026-10-31 12:00 UTC, is older than 2026-11-01 12:00 UTC, seen before"
    )


@pytest.mark.parametrize(("stamp", "seen"), [(None, NOON), (NOON, None), (None, None)])
def test_nothing_is_older_where_one_of_the_times_is_not_known(
    stamp: datetime | None, seen: datetime | None
) -> None:
    assert judge_stamp(stamp, seen) == ()


def test_a_time_is_believed_up_to_a_day_ahead_of_our_own_clock() -> None:
    assert believed_stamp(NOON - 9999 * DAY, NOON) == NOON - 9999 * DAY
    assert believed_stamp(NOON + DAY, NOON) == NOON + DAY
    assert believed_stamp(NOON + DAY + SECOND, NOON) is None
    assert believed_stamp(None, NOON) is None


# ---------------------------------------------------------------- what is told and holds nothing


def notes(listing: Listing, *, has_stamp: bool = False) -> list[tuple[str, str]]:
    found = notes_on(listing, NOON, has_stamp=has_stamp)
    assert all(finding.severity is Severity.NOTE for finding in found)
    return [(finding.rule, finding.what) for finding in found]


def test_of_a_list_without_a_fault_there_is_nothing_to_tell() -> None:
    assert notes(Listing(content(*HEALTHY), rows=2, stamp=NOON)) == []
    assert notes(Listing(content(*HEALTHY), rows=2, stamp=NOON + DAY)) == []


def test_rows_that_were_left_out_are_told_with_their_place_and_number() -> None:
    row = RejectedRow("line 2", "208.54.144/32", "is not a full IPv4 or IPv6 address")
    one = Listing(content(*HEALTHY), rows=3, rejected=(row,), rejections=1)

    assert notes(one) == [
        (
            "rejected-rows",
            "left out 1 of 3 rows, which are no prefixes: line 2: '208.54.144/32' is not a full "
            "IPv4 or IPv6 address",
        )
    ]
    ((_, many),) = notes(Listing(content(*HEALTHY), rows=50, rejected=(row, row), rejections=30))
    assert many.startswith("left out 30 of 50 rows, which are no prefixes: line 2: ")
    assert many.count("208.54.144/32") == 2
    assert many.endswith("; and 28 more")


def test_rows_whose_host_bits_were_cleared_are_told_three_of_them_as_they_stood() -> None:
    masked = tuple(f"line {number}: 172.44.{number}.0/21" for number in range(1, 6))
    listing = Listing(content(*HEALTHY), rows=90, masked=masked, maskings=70)

    ((rule, what),) = notes(listing)

    assert rule == "host-bits"
    assert what == (
        "cleared the host bits of 70 rows, the first: line 1: 172.44.1.0/21; "
        "line 2: 172.44.2.0/21; line 3: 172.44.3.0/21"
    )


def test_a_time_that_was_not_believed_is_told() -> None:
    listing = Listing(content(*HEALTHY), rows=2, stamp=NOON + DAY + SECOND)

    assert notes(listing) == [
        (
            "future-stamp",
            "did not believe upstream's time, 2026-11-02 12:00 UTC, which is still to come",
        )
    ]


def test_a_time_that_is_missing_is_told_of_a_feed_that_gives_one() -> None:
    undated, dated = Listing(content(*HEALTHY), rows=2), Listing(content(*HEALTHY), stamp=NOON)

    assert [rule for rule, _ in notes(undated, has_stamp=True)] == ["no-stamp"]
    assert notes(dated, has_stamp=True) == []
    assert notes(undated) == []


def test_everything_there_is_to_tell_is_told() -> None:
    listing = Listing(
        content(*HEALTHY),
        rows=4,
        rejected=(RejectedRow("line 2", "x", "is not an address"),),
        rejections=1,
        masked=("line 3: 172.44.1.0/21",),
        maskings=1,
        stamp=NOON + 2 * DAY,
    )

    assert [rule for rule, _ in notes(listing)] == ["rejected-rows", "host-bits", "future-stamp"]


# ---------------------------------------------------------------- against what there was

FIRST = {4: "64.12.0.0", 6: "2600::"}


def run_of(family: int, count: int) -> PrefixSet:
    """
    The first *count* addresses of a public block.
    """
    first = ipaddress.ip_address(FIRST[family])
    return content(f"{first}-{first + (count - 1)}")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("share", "limit"),
    [(0.10, 100), (0.29, 290), (0.07, 70), (0.333, 333), (0.0, 0), (1.0, 1000), (12.5, 12500)],
)
def test_growth_is_let_through_up_to_its_limit(family: int, share: float, limit: int) -> None:
    limits = Limits(growth=share, shrink=0.0)

    def rules(count: int) -> list[str]:
        return [f.rule for f in compare(run_of(family, 1000), run_of(family, count), limits)]

    assert rules(1000 + limit) == []
    assert rules(1000 + limit + 1) == ["growth"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("share", "limit"), [(0.10, 100), (0.29, 290), (0.07, 70), (0.333, 333), (0.0, 0), (0.998, 998)]
)
def test_shrinking_is_let_through_up_to_its_limit(family: int, share: float, limit: int) -> None:
    limits = Limits(growth=0.0, shrink=share)

    def rules(count: int) -> list[str]:
        return [f.rule for f in compare(run_of(family, 1000), run_of(family, count), limits)]

    assert rules(1000 - limit) == []
    assert rules(1000 - limit - 1) == ["shrink"]


def test_one_address_of_ipv6_above_the_limit_is_not_lost_in_rounding() -> None:
    old, tenth = run_of(6, 2**64), 2**64 // 10

    assert compare(old, run_of(6, 2**64 + tenth)) == ()
    assert [f.rule for f in compare(old, run_of(6, 2**64 + tenth + 1))] == ["growth"]


def test_what_comes_does_not_make_up_for_what_goes() -> None:
    old, new = content("64.12.0.0/17"), content("64.12.128.0/17")

    findings = compare(old, new)

    assert [finding.rule for finding in findings] == ["shrink", "growth"]
    assert {finding.severity for finding in findings} == {Severity.RELATIVE}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_judged_by_its_own_addresses(family: int) -> None:
    other = 10 - family
    old = run_of(family, 1000) | run_of(other, 1000)
    new = run_of(family, 1000) | run_of(other, 100)

    (finding,) = compare(old, new)

    assert finding.rule == "shrink"
    assert finding.what.startswith(f"IPv{other}: 900 addresses leave, 90.0% of the 1,000")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_vanishes_has_shrunk_by_the_whole_of_it(family: int) -> None:
    old = content(*HEALTHY)

    (finding,) = compare(old, old.family(10 - family), Limits(shrink=0.99))

    assert finding.rule == "shrink"
    assert "100.0%" in finding.what
    assert compare(old, old.family(10 - family), Limits(shrink=1.0)) == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_appears_waits_for_an_operator_however_much_may_grow(family: int) -> None:
    new = content(*HEALTHY)

    (finding,) = compare(new.family(10 - family), new, Limits(growth=1000.0))

    assert (finding.rule, finding.severity) == ("growth", Severity.RELATIVE)
    assert finding.what.startswith(f"IPv{family} appears with ")
    assert finding.what.endswith("where version 7 has none")


def test_every_earlier_content_is_compared_with_and_named() -> None:
    old, older = run_of(4, 1000), run_of(4, 1250)

    findings = judge(run_of(4, 920), Limits(), NOTHING, (("version 9", old), ("version 3", older)))

    assert [finding.rule for finding in findings] == ["shrink"]
    assert "330 addresses leave, 26.4% of the 1,250 of version 3" in findings[0].what


def test_nine_percent_a_night_is_found_to_be_a_bleed() -> None:
    nights = [run_of(4, 100_000)]
    while not compare(nights[0], nights[-1]):
        nights.append(run_of(4, nights[-1].addresses * 91 // 100))
        assert compare(nights[-2], nights[-1]) == ()

    assert len(nights) == 3


def test_the_sentence_has_the_number_and_its_limit() -> None:
    shrunk, grown = compare(run_of(4, 2000), content("64.12.0.0-64.12.5.219", "64.13.0.0/22"))

    assert shrunk.what == (
        "IPv4: 500 addresses leave, 25.0% of the 2,000 of version 7; the limit is 10.0%"
    )
    assert grown.what == (
        "IPv4: 1,024 addresses come, 51.2% of the 2,000 of version 7; the limit is 10.0%"
    )


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 100), st.integers(0, 100))
@settings(deadline=None)
def test_a_relative_rule_speaks_exactly_beyond_its_share(
    before: int, after: int, growth: int, shrink: int
) -> None:
    limits = Limits(growth=growth / 100, shrink=shrink / 100)
    wanted = []
    if (before - after) * 100 > before * shrink:
        wanted.append("shrink")
    if (after - before) * 100 > before * growth:
        wanted.append("growth")

    assert [f.rule for f in compare(run_of(4, before), run_of(4, after), limits)] == wanted


# ---------------------------------------------------------------- addresses, never lines


def test_a_list_with_seventy_percent_fewer_entries_and_the_same_addresses_raises_nothing() -> None:
    entries = [f"64.12.{n}.{half}/25" for n in range(100) for half in (0, 128)]
    recut = ["64.12.0.0/18", "64.12.64.0/19", "64.12.96.0/22"]

    assert len(recut) < 0.3 * len(entries)
    assert compare(content(*entries), content(*recut), Limits(growth=0.0, shrink=0.0)) == ()


def test_a_list_that_lost_half_of_its_lines_and_few_of_its_addresses_is_let_through() -> None:
    wide, narrow = ["64.12.0.0/16"], [f"65.0.{n}.1" for n in range(100)]

    assert compare(content(*wide, *narrow), content(*wide, *narrow[50:])) == ()


def test_a_list_that_lost_one_line_and_half_of_its_addresses_is_held() -> None:
    wide, narrow = ["64.12.0.0/16"], [f"65.0.{n}.1" for n in range(100)]

    findings = compare(content(*wide, *narrow), content("64.12.0.0/17", *narrow))

    assert [finding.rule for finding in findings] == ["shrink"]


@published
def test_the_list_of_2009_is_held_against_that_of_2007() -> None:
    old, new = (
        content(*(PUBLISHED / "aol/versions" / name).read_text("ascii").split())
        for name in ("C-21cidr-2007-02-03.txt", "D-14cidr-f5-builtin.txt")
    )

    (finding,) = compare(old, new, Limits(widest_ipv4=16))

    assert finding.what == (
        "IPv4: 10,368 addresses leave, 18.4% of the 56,452 of version 7; the limit is 10.0%"
    )


@published
def test_three_weeks_of_a_large_list_are_let_through() -> None:
    weeks = [
        content(
            *(PUBLISHED / f"icloud/ipv4-raw-{week}.txt").read_text("ascii").split(),
            *(PUBLISHED / f"icloud/ipv6-collapsed-{week}.txt").read_text("ascii").split(),
        )
        for week in ("2026-08-03", "2026-08-10", "2026-08-17")
    ]

    assert verdict(weeks[0]) == []
    assert compare(weeks[0], weeks[1]) == ()
    assert judge(weeks[2], Limits(), NOTHING, (("a", weeks[1]), ("b", weeks[0]))) == ()


@published
def test_a_truncated_list_is_held() -> None:
    full, cut = (
        content(*(PUBLISHED / f"bad/vultr-ipv6-2025-01-07-{name}.txt").read_text("ascii").split())
        for name in ("full", "truncated")
    )

    assert [finding.rule for finding in compare(full, cut)] == ["shrink"]
