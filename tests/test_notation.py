"""
Every way in which lists write a prefix, and what only looks like one.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

import netaddr
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxyfeed.errors import BadPrefix
from proxyfeed.notation import (
    BITS,
    key_to_text,
    keys_from_bytes,
    keys_to_bytes,
    keys_to_text,
    make_key,
    number_to_text,
    read_plain,
    read_prefix,
)
from proxyfeed.prefixes import FAMILIES, PrefixSet

PUBLISHED = Path(__file__).parents[2] / "shared" / "data"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published lists in {PUBLISHED}")


def read(text: str) -> list[str]:
    written = read_prefix(text)
    family, keys = written.family, written.keys
    return [key_to_text(family, key) for key in keys]


# ---------------------------------------------------------------- what is accepted


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("64.12.96.0/19", ["64.12.96.0/19"]),
        ("64.12.96.1", ["64.12.96.1/32"]),
        ("64.12.127.255/19", ["64.12.96.0/19"]),
        ("0.0.0.0/0", ["0.0.0.0/0"]),
        ("64.12.96.0/255.255.224.0", ["64.12.96.0/19"]),
        ("64.12.96.0/255.255.255.255", ["64.12.96.0/32"]),
        ("64.12.0.0-64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.0.0 - 64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.0.0–64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.0.0 — 64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.0.0‑64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.96.0-64.12.98.255", ["64.12.96.0/23", "64.12.98.0/24"]),
        ("64.12.96.1-64.12.96.1", ["64.12.96.1/32"]),
        ("0.0.0.0-255.255.255.255", ["0.0.0.0/0"]),
        ("64.12.*.*", ["64.12.0.0/16"]),
        ("64.12.96-127.*", ["64.12.96.0/19"]),
        ("64.12.96.4-8", ["64.12.96.4/30", "64.12.96.8/32"]),
        ("2001:db8::/32", ["2001:db8::/32"]),
        ("2001:DB8:0:0:0:0:0:1", ["2001:db8::1/128"]),
        ("2001:db8::1/32", ["2001:db8::/32"]),
        ("::/0", ["::/0"]),
        ("2001:db8::-2001:db8::ffff", ["2001:db8::/112"]),
        ("2001:db8::1–2001:db8::2", ["2001:db8::1/128", "2001:db8::2/128"]),
        ("::ffff:64.12.96.1", ["::ffff:64.12.96.1/128"]),
        ("  64.12.96.0/19 \t\r\n", ["64.12.96.0/19"]),
        ("\u00a064.12.96.0/19\u00a0", ["64.12.96.0/19"]),
    ],
)
def test_a_notation_that_lists_use_is_read(text: str, prefixes: list[str]) -> None:
    assert read(text) == prefixes


def test_a_list_in_any_notation_is_the_same_list() -> None:
    notations = [
        "64.12.96.0/19",
        "64.12.96.0/255.255.224.0",
        "64.12.96.0-64.12.127.255",
        "64.12.96-127.*",
    ]

    assert {PrefixSet.parse([text]).digest for text in notations} == {
        PrefixSet.parse(["64.12.96.0/20", "64.12.112.0/20"]).digest
    }


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "why"),
    [
        # T-Mobile's geofeed; inet_aton reads the first as 208.54.0.144.
        ("208.54.144/32", "full IPv4 or IPv6"),
        ("172.44.0/21", "full IPv4 or IPv6"),
        ("2607:fb90:c00:/44", "full IPv4 or IPv6"),
        # Lists that were joined where the first has no line end, and cells without a blank.
        ("131.0.72.0/222400:cb00::/32", "readable prefix length"),
        ("64.12.96.0/19149.174.160.0/20", "full IPv4 or IPv6"),
        ("131.0.72.02400:cb00::", "full IPv4 or IPv6"),
        # What other readers take for octal, and this one for nothing.
        ("064.12.96.0/19", "full IPv4 or IPv6"),
        ("64.12.096.0/19", "full IPv4 or IPv6"),
        ("064.12.*.*", "address wildcard"),
        ("64.12.096-127.*", "address wildcard"),
        ("01.2.3.4-8", "full IPv4 or IPv6"),
        ("64.12.96.0/019", "readable prefix length"),
        ("64.12.96.0/00", "readable prefix length"),
        ("64.12.96.0/255.255.224.00", "full IPv4 or IPv6"),
        # Digits of other scripts, which int() would read.
        ("٦٤.١٢.٩٦.٠/١٩", "full IPv4 or IPv6"),
        ("64.12.96.0/１９", "readable prefix length"),
        ("64.12.96.0/²", "readable prefix length"),
        ("٦٤.12.*.*", "address wildcard"),
        ("6_4.12.*.*", "address wildcard"),
        ("+64.12.*.*", "address wildcard"),
        ("64.12.96.0/+19", "readable prefix length"),
        ("64.12.96.0/1_9", "readable prefix length"),
        ("64.12.96.0/19.0", "full IPv4 or IPv6"),
        ("64.12.96.0/0x13", "readable prefix length"),
        ("64.12.96.0/ 19", "readable prefix length"),
        ("64.12.96.0 /19", "full IPv4 or IPv6"),
        ("64.12.96.0/", "readable prefix length"),
        ("64.12.96.0/-1", "full IPv4 or IPv6"),
        ("64.12.96.0/33", "prefix length above 32"),
        ("2001:db8::/129", "prefix length above 128"),
        ("64.12.96.0/99999999999999999999", "prefix length above 32"),
        ("64.12.96.0/19/19", "readable prefix length"),
        ("/19", "full IPv4 or IPv6"),
        ("64.12.96.0\x00/19", "full IPv4 or IPv6"),
        ("64.12.96.0/19\x00", "readable prefix length"),
        ("64.12.96.*\x00", "address wildcard"),
        ("64.12.\ud80096.0", "full IPv4 or IPv6"),
        # A zone, a host mask as in Cisco's access lists, a mask with a hole.
        ("fe80::1%eth0", "full IPv4 or IPv6"),
        ("fe80::%eth0/64", "full IPv4 or IPv6"),
        ("64.12.96.0/0.0.31.255", "netmask with holes"),
        ("64.12.96.0/255.0.255.0", "netmask with holes"),
        ("64.12.96.0/255.255.224", "full IPv4 or IPv6"),
        ("2001:db8::/255.255.0.0", "readable prefix length"),
        ("2001:db8::/ffff:ffff::", "readable prefix length"),
        ("64.12.255.255-64.12.0.0", "ends before it begins"),
        ("2001:db8::2-2001:db8::1", "ends before it begins"),
        ("64.12.96.0-2001:db8::1", "across two address families"),
        ("::-255.255.255.255", "across two address families"),
        ("64.12.96.0-", "full IPv4 or IPv6"),
        ("-64.12.96.0", "full IPv4 or IPv6"),
        ("64.12.96.0-64.12.97.0-64.12.98.0", "full IPv4 or IPv6"),
        ("64.12.96.0/24-64.12.97.0/24", "full IPv4 or IPv6"),
        ("64.12.96.8-4", "address wildcard"),
        ("64.12.*.0", "address wildcard"),
        ("*.12.96.0", "address wildcard"),
        ("64.12.*", "address wildcard"),
        ("64.12.96.*/24", "address wildcard"),
        ("256.12.*.*", "address wildcard"),
        ("*", "address wildcard"),
        ("64.12.96.256", "full IPv4 or IPv6"),
        ("64.12.96", "full IPv4 or IPv6"),
        ("64.12.96.0.0/19", "full IPv4 or IPv6"),
        ("1078747136", "full IPv4 or IPv6"),
        ("0x400c6000", "full IPv4 or IPv6"),
        ("2001:db8:::/32", "full IPv4 or IPv6"),
        ("2001:db8::1::/64", "full IPv4 or IPv6"),
        ("[2001:db8::]/32", "full IPv4 or IPv6"),
        # Beside the list on its page, and in place of it.
        ("Velocity/3.1.1.5", "full IPv4 or IPv6"),
        ("Traffic-Server/6.1.5", "full IPv4 or IPv6"),
        ("cache-dtc-ab01.proxy.aol.com[CDBC7441]", "full IPv4 or IPv6"),
        ("64.12.96.0/19 ; SBL123", "readable prefix length"),
        ("64.12.96.0/19,US,,,", "readable prefix length"),
        ("# 64.12.96.0/19", "full IPv4 or IPv6"),
        ("<b>64.12</b>.96.0/19", "full IPv4 or IPv6"),
        ("64.12.96.0/19 149.174.160.0/20", "full IPv4 or IPv6"),
        ("default", "full IPv4 or IPv6"),
        ("", "not an address"),
        (" \t\n", "not an address"),
        pytest.param("1" * 1_000_000, "not an address", id="a-million-digits"),
        pytest.param("64.12.96.0/" + "9" * 1_000_000, "not an address", id="a-length-of-a-million"),
    ],
)
def test_what_only_looks_like_a_prefix_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadPrefix, match=why):
        read_prefix(text)


def test_the_refusal_names_what_was_read_and_no_more_of_it_than_a_line() -> None:
    for text in ("<html>" * 10_000, " " * 100_000 + "172.44.0/21"):
        with pytest.raises(BadPrefix) as caught:
            read_prefix(text)

        assert caught.value.value in text
        assert caught.value.value.strip() != ""
        assert len(str(caught.value)) < 200


# ---------------------------------------------------------------- anything at all


# What is in prefixes, and what other readers forgive.
NEARLY = st.text("0123456789.:/-*abf%+_x \u2013\u0663\x00", max_size=30)


@given(
    st.sampled_from(["64.12.96.0/19", "64.12.*.*", "64.12.0.0-64.12.9.9", "2001:db8::/32"]),
    st.integers(0, 20),
    NEARLY.map(lambda text: text[:2]),
)
@settings(max_examples=300, deadline=None)
@example("64.12.*.*", 0, "0")
def test_whatever_is_read_is_read_as_netaddr_reads_it(text: str, place: int, typo: str) -> None:
    mistyped = text[:place] + typo + text[place:]
    try:
        written = read_prefix(mistyped)
        family, keys = written.family, written.keys
    except BadPrefix:
        return

    row = mistyped.strip().replace("\u2013", "-")
    if netaddr.valid_glob(row):
        meant = netaddr.glob_to_cidrs(row)
    elif "-" in row:
        meant = netaddr.iprange_to_cidrs(*(side.strip() for side in row.split("-")))
    else:
        meant = [netaddr.IPNetwork(row).cidr]
    assert [netaddr.IPNetwork(key_to_text(family, key)) for key in keys] == meant


@given(NEARLY | st.text(max_size=40))
@settings(deadline=None)
def test_no_text_is_more_than_read_or_refused(text: str) -> None:
    try:
        written = read_prefix(text)
        family, keys = written.family, written.keys
    except BadPrefix:
        return

    assert keys == [make_key(family, key >> 8, key & 0xFF) for key in keys]


PLAIN = st.builds(
    lambda n, length: f"{number_to_text(4, n >> 32 - length << 32 - length)}/{length}",
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
) | st.sampled_from(["2a02:26f7::/64", "::/0", "::1", "192.0.2.1", "2001:DB8:0:0::/48"])


@given(st.lists(PLAIN, max_size=8), st.lists(NEARLY | st.text(max_size=40), max_size=1))
@settings(deadline=None)
def test_rows_that_are_read_at_once_are_what_each_of_them_is(
    plain: list[str], other: list[str]
) -> None:
    rows = plain + other
    found = read_plain(rows)
    if found is None:
        assert other
        return
    each = [read_prefix(row) for row in rows]
    assert not any(one.is_masked for one in each)
    for family in FAMILIES:
        assert found[family] == [key for one in each if one.family == family for key in one.keys]


@pytest.mark.parametrize(
    "row",
    [
        "",
        " 192.0.2.0/24",
        "192.0.2.0/24 ",
        "192.0.2.1/24",
        "192.0.2.0/",
        "192.0.2.0/024",
        "192.0.2/24",
        "192.0.2.0/33",
        "::/129",
        "::1/64",
        "192.0.2.0-192.0.2.3",
        "192.0.2.*",
        "192.0.2.0/+24",
        "192.0.2.0/255.255.255.0",
        "192.0.2.0/24/24",
        "192.0.2.0/٢٤",
        "192.0.2.0/24\x00",
    ],
)
def test_one_row_that_is_not_plain_keeps_all_from_being_read_at_once(row: str) -> None:
    assert read_plain(["192.0.2.0/24", "2001:db8::/32"]) == {
        4: [0xC0000200_18],
        6: [(0x20010DB8 << 96) << 8 | 32],
    }
    assert read_plain(["192.0.2.0/24", row, "2001:db8::/32"]) is None


@given(st.sampled_from(FAMILIES), st.data())
@settings(deadline=None)
def test_many_keys_are_printed_and_packed_as_each_of_them(family: int, data: st.DataObject) -> None:
    numbers = st.integers(0, 2 ** BITS[family] - 1)
    lengths = st.integers(0, BITS[family])
    keys = data.draw(st.lists(st.builds(make_key, st.just(family), numbers, lengths), max_size=5))
    assert keys_to_text(family, keys) == [key_to_text(family, key) for key in keys]
    assert keys_from_bytes(family, keys_to_bytes(family, keys)) == keys


@pytest.mark.parametrize(
    ("family", "data", "why"),
    [
        (4, "c0000200", "half a prefix"),
        (4, "c000020021", "0xc000020021 is no prefix"),
        (4, "c000020117", "0xc000020117 is no prefix"),
        (6, "20010db8000000000000000000000000ff", "is no prefix"),
    ],
)
def test_bytes_that_are_no_keys_are_refused(family: int, data: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        keys_from_bytes(family, bytes.fromhex(data))


@given(st.sampled_from(FAMILIES), st.data())
@settings(deadline=None)
def test_host_bits_are_cleared_as_the_standard_library_does(
    family: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, 2 ** BITS[family] - 1))
    length = data.draw(st.integers(0, BITS[family]))
    text = f"{number_to_text(family, number)}/{length}"

    network = ipaddress.ip_network(text, strict=False)

    assert [ipaddress.ip_network(prefix) for prefix in read(text)] == [network]
    if family == 4:
        address = number_to_text(4, number)
        assert read(f"{address}/{network.netmask}") == read(text)


@given(st.sampled_from(FAMILIES), st.data())
@settings(deadline=None)
def test_keys_sort_in_address_order_and_wide_before_narrow(
    family: int, data: st.DataObject
) -> None:
    bits = BITS[family]
    pairs = st.tuples(st.integers(0, 2**bits - 1), st.integers(0, bits))
    keys = [make_key(family, *pair) for pair in data.draw(st.lists(pairs, max_size=8))]

    networks = [netaddr.IPNetwork(key_to_text(family, key)) for key in sorted(keys)]

    assert networks == sorted(networks, key=lambda n: (n.first, n.prefixlen))


# ---------------------------------------------------------------- bodies as they were served


@published
@pytest.mark.parametrize(
    "name",
    [
        "azure-2023-01-19-bom-xml-serverbusy.xml",
        "cloudflare-ips-v4-2023-09-19-soft404-react.html",
        "cloudflare-ips-v4-2023-09-22-502.html",
        "cloudflare-ips-v4-2026-01-02-just-a-moment-sorted.html",
        "github-meta-2025-02-06-504.html",
        "spamhaus-edrop-2026-02-06-comments-only.txt",
    ],
)
def test_no_row_of_an_error_page_is_a_prefix(name: str) -> None:
    rows = (PUBLISHED / "bad" / name).read_text("utf-8").split()

    assert rows
    for row in rows:
        with pytest.raises(BadPrefix):
            read_prefix(row)


@published
def test_the_malformed_rows_of_a_real_geofeed_are_the_only_ones_refused() -> None:
    refused = set()
    for path in sorted((PUBLISHED / "tmobile").iterdir()):
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("#") or not line.strip():
                continue
            try:
                read_prefix(line.split(",")[0])
            except BadPrefix as exc:
                refused.add(exc.value)

    assert refused == {"208.54.144/32", "172.44.0/21", "2607:fb90:c00:/44"}
