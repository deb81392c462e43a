from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pages import SHARED
from tests.sources.lists.naive import merged, text_rows

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.guard import judge
from proxyfeed.model import Limits, Listing, TextRules
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.lists.text import read_text

RULES = TextRules()

# As published by Cloudflare, whose last line has no end.
CLOUDFLARE_IPV6 = b"2400:cb00::/32\n2606:4700::/32\n2803:f800::/32\n2405:b500::/32"
SPAMHAUS_DROP = b"""\
; Spamhaus DROP List 2026/02/06 - (c) 2026 The Spamhaus Project SLU <https://www.spamhaus.org>
; Last-Modified: Fri, 06 Feb 2026 20:44:02 GMT
1.10.16.0/20 ; SBL256894
1.19.0.0/16;SBL434604
"""
SPAMHAUS_EDROP = b"; This list has been merged into drop.txt\n; 10.0.0.0/8 was never in it\n; EOF\n"
TOR = b"101.99.84.87\r\n101.99.92.179\r\n2001:db8::1\r\n"


def read(content: bytes | str, rules: TextRules = RULES) -> Listing:
    return read_text(content if isinstance(content, bytes) else content.encode(), "", rules)


def lines(content: bytes | str) -> list[str]:
    return list(read(content).prefixes.lines())


def refusal(content: bytes | str, rules: TextRules = RULES) -> str:
    with pytest.raises(ReadError) as caught:
        read(content, rules)
    assert not isinstance(caught.value, EmptyList)
    return caught.value.message


# ---------------------------------------------------------------- what a row is


@pytest.mark.parametrize(
    ("row", "prefixes"),
    [
        ("64.12.96.0/19", ["64.12.96.0/19"]),
        ("64.12.96.0/255.255.224.0", ["64.12.96.0/19"]),
        ("64.12.0.0-64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.0.0 – 64.12.255.255", ["64.12.0.0/16"]),
        ("64.12.*.*", ["64.12.0.0/16"]),
        ("64.12.96.1", ["64.12.96.1/32"]),
        ("2001:db8::/32", ["2001:db8::/32"]),
        ("2001:DB8::1", ["2001:db8::1/128"]),
        ("1.10.16.0/20 ; SBL256894", ["1.10.16.0/20"]),
        ("1.10.16.0/20;SBL256894", ["1.10.16.0/20"]),
        ("1.10.16.0/20 # as of today; maybe", ["1.10.16.0/20"]),
        ("1.10.16.0/20#", ["1.10.16.0/20"]),
        ("1.10.16.0/20 # not 1.10.32.0/20", ["1.10.16.0/20"]),
        (" \t1.10.16.0/20\t \u00a0", ["1.10.16.0/20"]),
    ],
)
def test_a_row_is_a_prefix_in_any_notation_and_maybe_a_note(row: str, prefixes: list[str]) -> None:
    assert lines(row) == prefixes


@pytest.mark.parametrize(
    "row",
    [
        "1.2.3.0/24 US",
        "1.2.3.0/24,",
        "1.2.3.0/24,US",
        '"1.2.3.0/24"',
        "deny 1.2.3.4",
        "deny 1.2.3.4;",
        "1.2.3.4 1.2.3.5",
        "1.2.3.0/24 2.3.4.0/24",
        "// comment",
        "// 1.2.3.0/24",
        "-- 1.2.3.0/24",
        "! 1.2.3.0/24",
        "Your address 1.2.3.4 was blocked.",
        "131.0.72.0/222400:cb00::/32",
        "208.54.144/32",
        "2607:fb90:c00:/44",
        "1.2.3.0/33",
        "1.2.3.0/",
        "/24",
        "1.2.3.0 /24",
        "01.2.3.0/24",
        "16909060",
        "1.2.3.4:80",
        "[2001:db8::1]",
        "fe80::1%eth0",
        "example.net",
        "\ufeff1.2.3.0/24",
        "1.2.3.0\u200b/24",
        "１.2.3.0/24",
        "1.2.3.0/24\u00a01.2.4.0/24",
    ],
)
def test_anything_else_is_no_row_of_a_list(row: str) -> None:
    message = refusal(f"192.0.2.0/24\n{row}\n198.51.100.0/24\n")
    assert message.startswith("1 of 3 rows are no prefixes")
    assert "line 2: " in message


def test_a_rejected_row_is_reported_with_its_line_and_text() -> None:
    listing = read("# list\n\n192.0.2.0/24\n208.54.144/32 ; NAT\n", TextRules(max_rejected=1))
    assert [str(one) for one in listing.rejected] == [
        "line 4: '208.54.144/32 ; NAT' is not a full IPv4 or IPv6 address"
    ]
    assert (listing.rows, listing.rejections) == (2, 1)


def test_one_row_more_than_the_budget_refuses_the_list() -> None:
    assert "2 of 3 rows" in refusal("192.0.2.0/24\nx\ny\n", TextRules(max_rejected=1))


# ---------------------------------------------------------------- comments and line ends


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\n",
        b"\r\n \t\r\n",
        b"# nothing",
        b" \t; nothing\n",
        b"#\n;\n",
        SPAMHAUS_EDROP,
    ],
)
def test_a_list_of_nothing_but_comments_and_blank_lines_is_empty(content: bytes) -> None:
    with pytest.raises(EmptyList):
        read(content)


def test_comments_and_blank_lines_are_no_rows() -> None:
    listing = read("# one\n\n  ; 10.0.0.0/8\n192.0.2.0/24\n \t\n;\n")
    assert listing.rows == 1
    assert list(listing.prefixes.lines()) == ["192.0.2.0/24"]


def test_the_last_line_needs_no_line_end() -> None:
    assert lines(CLOUDFLARE_IPV6) == lines(CLOUDFLARE_IPV6 + b"\n")
    assert len(lines(CLOUDFLARE_IPV6)) == 4


def test_lists_joined_without_a_line_end_are_refused() -> None:
    message = refusal(b"104.16.0.0/13\n131.0.72.0/22" + CLOUDFLARE_IPV6)
    assert "line 2: '131.0.72.0/222400:cb00::/32'" in message


def test_lines_may_end_as_on_windows() -> None:
    assert lines(TOR) == ["101.99.84.87/32", "101.99.92.179/32", "2001:db8::1/128"]


def test_a_lone_carriage_return_neither_ends_a_comment_nor_a_row() -> None:
    refusal("# 192.0.2.0/24\r10.0.0.0/8\n")
    refusal("192.0.2.0/24\r198.51.100.0/24\n")


def test_notes_and_a_stamp_are_read_as_spamhaus_writes_them() -> None:
    listing = read(SPAMHAUS_DROP, TextRules(stamp="last-modified:"))
    assert list(listing.prefixes.lines()) == ["1.10.16.0/20", "1.19.0.0/16"]
    assert listing.stamp == datetime(2026, 2, 6, 20, 44, 2, tzinfo=UTC)
    assert read(SPAMHAUS_DROP).stamp is None


# ---------------------------------------------------------------- what is reported


def test_host_bits_are_masked_and_reported() -> None:
    listing = read("172.44.1.0/21 # NAT\n")
    assert list(listing.prefixes.lines()) == ["172.44.0.0/21"]
    assert listing.masked == ("line 1: 172.44.1.0/21",)


def test_both_families_and_duplicates_are_one_set() -> None:
    assert lines("2001:db8::/32\n192.0.2.0/25\n192.0.2.0/25\n192.0.2.128/25\n") == [
        "192.0.2.0/24",
        "2001:db8::/32",
    ]


# ---------------------------------------------------------------- what comes in place of a list


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("<html><body><h1>502 Bad Gateway</h1>\n1.0.1.1\n</body></html>", "HTML"),
        ('\ufeff<?xml version="1.0"?><Error><Code>ServerBusy</Code></Error>', "XML"),
        ("1.0.1.1\n<br>1.2.1.1\n", "markup"),
        ("Just a moment\n<p>1.0.1.1</p>\n1.2.1.1\n", "markup"),
        ('["192.0.2.0/24"]', "JSON"),
        ("You can only fetch the data every 30 minutes\n", "1 of 1 rows"),
        ("cidr,country\n192.0.2.0/24,SE\n", "2 of 2 rows"),
    ],
)
@pytest.mark.parametrize("max_rejected", [0, 9])
def test_what_is_no_list_is_refused_whatever_the_budget(
    content: str, why: str, max_rejected: int
) -> None:
    assert why in refusal(content, TextRules(max_rejected=max_rejected))


def published(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in SHARED.glob(pattern))


GOOD = published(
    "aol/versions/*.txt", "big/*.txt", "cloudflare/*.txt", "icloud/*.txt", "starlink/*.txt",
    "tor/*.lst", "bad/vultr*.txt",
)  # fmt: skip
BAD = published("bad/azure*", "bad/cloudflare*", "bad/github*")
needs_published_lists = pytest.mark.skipif(not GOOD, reason="the published lists are not here")


@needs_published_lists
@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_published_list_is_read_as_netaddr_reads_it(path: Path) -> None:
    content = path.read_bytes()
    rows = list(text_rows(content))
    listing = read(content)
    assert list(listing.prefixes) == merged(rows)
    assert (listing.rows, listing.rejections) == (len(rows), 0)


@needs_published_lists
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_what_was_once_served_in_place_of_a_list_is_refused(path: Path) -> None:
    message = refusal(path.read_bytes(), TextRules(max_rejected=10_000))
    assert message.startswith(("the body is HTML", "the body is XML"))


@needs_published_lists
@pytest.mark.parametrize("name", ["spamhaus-edrop-2026-02-06-comments-only.txt"])
def test_the_published_list_of_comments_is_empty(name: str) -> None:
    with pytest.raises(EmptyList):
        read((SHARED / "bad" / name).read_bytes())


# ---------------------------------------------------------------- what was cut


@pytest.mark.parametrize(
    "content",
    [
        CLOUDFLARE_IPV6,
        SPAMHAUS_DROP,
        TOR,
        b"205.188.192.0/20\n198.81.8.0/23\n",
        b"64.12.0.0-64.12.255.255\n195.93.16.0/255.255.240.0\n207.200.112.*\n",
        b"2001:db8:0:0:1::/112\n8.0.0.0/9\n",
    ],
)
def test_a_list_cut_at_any_byte_gains_at_most_an_address_unless_the_guard_holds_it(
    content: bytes,
) -> None:
    whole = read(content).prefixes
    seen = set()
    for size in range(len(content)):
        try:
            gained = read(content[:size]).prefixes - whole
        except ReadError:
            seen.add("refused")
            continue
        rules = {finding.rule for finding in judge(gained, Limits(), PrefixSet())}
        seen.add("held" if rules & {"too-wide", "default-route"} else "read")
        assert gained.addresses <= 1 or rules & {"too-wide", "default-route"}
    assert seen >= {"refused", "read"}


# ---------------------------------------------------------------- properties

PREFIXES = st.one_of(
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 128)),
    st.ip_addresses().map(str),
)
NOTES = st.text("<#;/., 0123456789:", max_size=20).flatmap(
    lambda note: st.sampled_from(["", " ", "\t", f"#{note}", f" ; {note}"])
)
NO_ROWS = st.sampled_from(["", "  ", "#", "; 192.0.2.0/24", "\t# note"])
REJECTED = st.sampled_from(["208.54.144/32", "1.2.3.0/24 US", "1.2.3.0/24,", "x", "1.2.3.4/-1"])


@given(
    entries=st.lists(
        st.one_of(
            st.tuples(st.just("row"), PREFIXES, NOTES),
            st.tuples(st.just("rejected"), REJECTED, NOTES.filter(lambda note: "<" not in note)),
            st.tuples(st.just("none"), NO_ROWS, st.just("")),
        )
    ).filter(lambda entries: any(kind == "row" for kind, _, _ in entries)),
    end=st.sampled_from(["\n", "\r\n"]),
    has_last_end=st.booleans(),
)
def test_the_set_is_what_netaddr_reads_in_the_rows_that_are_not_rejected(
    entries: list[tuple[str, str, str]], end: str, has_last_end: bool
) -> None:
    content = end.join(text + note for _, text, note in entries) + end * has_last_end
    listing = read(content, TextRules(max_rejected=len(entries)))
    assert list(listing.prefixes) == merged(text for kind, text, _ in entries if kind == "row")
    kinds = [kind for kind, _, _ in entries]
    assert listing.rejections == kinds.count("rejected")
    assert listing.rows - listing.rejections == kinds.count("row")


def read_or_refuse(content: bytes, rules: TextRules) -> Listing | str:
    try:
        return read_text(content, "text/plain", rules)
    except ReadError as exc:
        return exc.message


BUDGETS = st.integers(0, 3)


@given(content=st.binary() | st.text("0123./:-*,;#<\"'\n\r\t ab").map(str.encode), budget=BUDGETS)
def test_any_bytes_are_a_list_or_refused_in_one_message(content: bytes, budget: int) -> None:
    outcome = read_or_refuse(content, TextRules(stamp="a", max_rejected=budget))
    if isinstance(outcome, Listing):
        assert outcome.prefixes
        assert outcome.rejections <= budget
    else:
        assert len(outcome) < 1000
