"""
What a child sends comes back as it was, or is refused: there is nothing in between.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxyfeed.errors import CutShort, EmptyList, ReadError
from proxyfeed.model import (
    Attempt,
    Body,
    Column,
    CsvRules,
    Feed,
    FetchLimits,
    FetchOutcome,
    Labels,
    Listing,
    RejectedRow,
    TextRules,
    Validators,
)
from proxyfeed.notation import BITS, make_key
from proxyfeed.plain import plain
from proxyfeed.prefixes import PrefixSet
from proxyfeed.redact import redact
from proxyfeed.sources.apart.attempts import decode_attempts, encode_attempts
from proxyfeed.sources.apart.listings import decode_reading, encode_reading
from proxyfeed.sources.apart.parcel import Malformed, pack, unpack

URL = "https://user:secret@lists.example.net/list?key=secret"
LIMITS = FetchLimits(max_bytes=1000)
KNOWN = Validators(URL, '"1"', None)
FEED = Feed("x", (URL,), CsvRules(label=Column("country", 2)))
UNLABELLED = Feed("x", (URL,), TextRules())
FAILURES = [
    FetchOutcome.NOT_A_LIST,
    FetchOutcome.TOO_LARGE,
    FetchOutcome.TRUNCATED,
    FetchOutcome.TIMED_OUT,
    FetchOutcome.UNREACHABLE,
    FetchOutcome.REFUSED,
    FetchOutcome.BAD_STATUS,
    FetchOutcome.BAD_REDIRECT,
    FetchOutcome.NO_FILE,
]

# ---------------------------------------------------------------- whatever a child may send

plain_texts = st.text(max_size=60).map(plain)
printable = st.text(string.ascii_letters + string.digits + " éß東", max_size=20)
headers = st.none() | st.text(string.ascii_letters + string.punctuation, min_size=1, max_size=40)
counts = st.integers(0, 2**63 - 1)


@st.composite
def prefix_sets(draw: st.DrawFn, least: int = 0) -> PrefixSet:
    def keys(family: int, least: int) -> list[int]:
        pairs = st.tuples(st.integers(0, 2 ** BITS[family] - 1), st.integers(0, BITS[family]))
        drawn = draw(st.lists(pairs, min_size=least, max_size=5))
        return [make_key(family, *pair) for pair in drawn]

    return PrefixSet.from_keys(keys(4, least), keys(6, 0))


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    names = draw(st.none() | st.lists(printable, unique=True, max_size=4))
    prefixes, labels = draw(prefix_sets()), Labels()
    if names is not None:
        parts = [(name, draw(prefix_sets(least=1))) for name in names]
        labels = Labels.of("country", parts)
        prefixes = PrefixSet()
        for _, part in parts:
            prefixes |= part
    rejected = st.builds(RejectedRow, plain_texts, plain_texts, plain_texts)
    stamps = st.datetimes(datetime(1995, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
    return Listing(
        prefixes,
        labels,
        draw(counts),
        tuple(draw(st.lists(rejected, max_size=3))),
        draw(counts),
        tuple(draw(st.lists(plain_texts, max_size=3))),
        draw(counts),
        draw(st.none() | stamps),
    )


@st.composite
def attempts_at_url(draw: st.DrawFn) -> tuple[Attempt, ...]:
    def attempt(outcome: FetchOutcome, body: Body | None = None) -> Attempt:
        return Attempt(
            redact(URL),
            outcome,
            draw(st.none() | st.integers(100, 599)),
            draw(counts),
            draw(st.floats(0, 1e9)),
            draw(plain_texts),
            body,
            draw(st.floats(0, 7 * 24 * 3600)),
        )

    earlier = [attempt(draw(st.sampled_from(FAILURES))) for _ in range(draw(st.integers(0, 2)))]
    content = draw(st.binary(max_size=1000))
    known = draw(st.none() | st.builds(Validators, st.just(URL), headers, headers))
    body = Body(content, draw(plain_texts), known)
    kinds = {
        FetchOutcome.NEW if content else FetchOutcome.EMPTY: body,
        FetchOutcome.NOT_MODIFIED: None,
        draw(st.sampled_from(FAILURES)): None,
    }
    outcome = draw(st.sampled_from(list(kinds)))
    return (*earlier, attempt(outcome, kinds[outcome]))


@given(attempts_at_url())
def test_attempts_come_back_as_they_were(attempts: tuple[Attempt, ...]) -> None:
    assert decode_attempts(encode_attempts(attempts), URL, LIMITS, KNOWN) == attempts


@given(listings())
def test_a_listing_comes_back_as_it_was(listing: Listing) -> None:
    assert decode_reading(encode_reading(lambda: listing), FEED) == listing


@pytest.mark.parametrize("kind", [ReadError, EmptyList, CutShort])
def test_a_refusal_comes_back_as_it_was(kind: type[ReadError]) -> None:
    def refuse() -> Listing:
        raise kind("no list")

    with pytest.raises(kind, match=r"^no list$") as caught:
        decode_reading(encode_reading(refuse), FEED)

    assert type(caught.value) is kind


# ---------------------------------------------------------------- and what it must not

mutations = st.lists(
    st.tuples(st.integers(0, 2**16), st.integers(0, 3), st.binary(min_size=1, max_size=4)),
    min_size=1,
    max_size=4,
)


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, cut, put in changes:
        start = place % (len(data) + 1)
        data = data[:start] + put + data[start + cut :]
    return data


@given(listings(), mutations)
def test_a_damaged_listing_is_refused_or_another_listing(
    listing: Listing, changes: list[tuple[int, int, bytes]]
) -> None:
    data = mutated(encode_reading(lambda: listing), changes)
    try:
        found = decode_reading(data, FEED)
    except (Malformed, ReadError):
        return
    assert found.prefixes == PrefixSet.from_keys(found.prefixes.ipv4, found.prefixes.ipv6)


@given(attempts_at_url(), mutations)
def test_damaged_attempts_are_refused_or_other_attempts(
    attempts: tuple[Attempt, ...], changes: list[tuple[int, int, bytes]]
) -> None:
    data = mutated(encode_attempts(attempts), changes)
    try:
        found = decode_attempts(data, URL, LIMITS, KNOWN)
    except Malformed:
        return
    assert {attempt.url for attempt in found} == {redact(URL)}


@given(st.binary(max_size=200))
@example((20).to_bytes(8, "big") + b"[" * 20)
@example(b"\xff" * 8)
@example((100_000).to_bytes(8, "big") + b"[" * 100_000)
@example((6000).to_bytes(8, "big") + b"9" * 6000)
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_attempts(data, URL, LIMITS, None)
    with pytest.raises(Malformed):
        decode_reading(b"L" + data, FEED)


NEW = (Attempt(redact(URL), FetchOutcome.NEW, 200, 3, 0.1, body=Body(b"abc", "text/plain", KNOWN)),)
LISTING = Listing(
    PrefixSet.parse(["20.0.0.0/24", "2001:db8::/32"]),
    Labels.of("country", [("AT", PrefixSet.parse(["20.0.0.0/24", "2001:db8::/32"]))]),
    rows=2,
)


def altered(data: bytes, change: Callable[[dict[str, Any], list[bytes]], object]) -> bytes:
    header, blobs = unpack(data)
    change(header, blobs)
    return pack(header, blobs)


OTHERS = [one for one in FetchOutcome if one is not FetchOutcome.NEW]


def in_attempt(**values: object) -> Callable[[dict[str, Any], list[bytes]], object]:
    return lambda header, _: header["attempts"][0].update(values)


def in_body(**values: object) -> Callable[[dict[str, Any], list[bytes]], object]:
    return lambda header, _: header["body"].update(values)


def twice(header: dict[str, Any], _: list[bytes]) -> None:
    header["attempts"] *= 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        *((in_attempt(outcome=one.value), "does not go with") for one in OTHERS),
        (in_attempt(outcome="fine"), "no outcome"),
        (in_attempt(outcome=["new"]), "no outcome"),
        (in_attempt(status=True), "no whole number"),
        (in_attempt(status=1000), "no whole number"),
        (in_attempt(status=200.0), "no whole number"),
        (in_attempt(size=-1), "no whole number"),
        (in_attempt(size=2**63), "no whole number"),
        (in_attempt(seconds=float("nan")), "no number"),
        (in_attempt(seconds=float("inf")), "no number"),
        (in_attempt(seconds=-0.1), "no number"),
        (in_attempt(seconds="1"), "no number"),
        (in_attempt(retry_after=8 * 24 * 3600), "no number"),
        (in_attempt(detail=None), "no text"),
        (in_attempt(detail="x" * 4001), "no text"),
        (in_attempt(url="http://elsewhere/"), "no object of"),
        (lambda header, _: header["attempts"].clear(), "no attempt"),
        (lambda header, _: header.update(attempts={}), "no list"),
        (lambda header, _: header.update(more=1), "no object of"),
        (lambda header, _: header.update(body=None), "1 bodies came"),
        (lambda _, blobs: blobs.clear(), "0 bodies came"),
        (lambda _, blobs: blobs.append(b""), "2 bodies came"),
        (lambda _, blobs: blobs.__setitem__(0, b""), "does not go with"),
        (lambda _, blobs: blobs.__setitem__(0, b"x" * 1001), "larger than 1000 bytes"),
        (in_body(content_type="x" * 401), "no text"),
        (in_body(validators={"etag": "a\r\nb: c", "last_modified": None}), "cannot be sent back"),
        (in_body(validators={"etag": "x" * 1025, "last_modified": None}), "cannot be sent back"),
        (in_body(validators={"etag": 1, "last_modified": None}), "cannot be sent back"),
        (in_body(validators={"etag": None, "last_modified": "ß"}), "cannot be sent back"),
        (twice, "after it had an answer"),
    ],
)  # fmt: skip
def test_an_attempt_that_no_fetch_could_have_made_is_refused(
    change: Callable[[dict[str, Any], list[bytes]], object], why: str
) -> None:
    assert decode_attempts(encode_attempts(NEW), URL, LIMITS, None) == NEW

    with pytest.raises(Malformed, match=why):
        decode_attempts(altered(encode_attempts(NEW), change), URL, LIMITS, None)


def test_not_modified_is_an_answer_only_to_whoever_asked_for_it() -> None:
    unchanged = (Attempt(redact(URL), FetchOutcome.NOT_MODIFIED, 304, 0, 0.1),)
    data = encode_attempts(unchanged)

    assert decode_attempts(data, URL, LIMITS, KNOWN) == unchanged
    with pytest.raises(Malformed, match="does not go with"):
        decode_attempts(data, URL, LIMITS, None)


def test_more_attempts_than_were_allowed_are_refused() -> None:
    failed = replace(NEW[0], outcome=FetchOutcome.TIMED_OUT, body=None)

    with pytest.raises(Malformed, match="no list of at most 3"):
        decode_attempts(encode_attempts([failed] * 4), URL, LIMITS, None)


IPV4 = (20 << 24).to_bytes(4, "big")


def put(place: int, blob: bytes) -> Callable[[dict[str, Any], list[bytes]], object]:
    return lambda _, blobs: blobs.__setitem__(place, blob)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (put(0, IPV4 + bytes([33])), "0x1400000021 is no prefix"),
        (put(0, IPV4 + bytes([3])), "0x1400000003 is no prefix"),
        (put(1, bytes(15) + b"\x01" + bytes([127])), "0x17f is no prefix"),
        (put(1, bytes(16) + bytes([129])), "0x81 is no prefix"),
        (put(0, IPV4), "half a prefix"),
        (put(0, IPV4 + bytes([25])), "labels hold other addresses"),
        (put(0, IPV4 + bytes([24]) + IPV4[:3] + b"\x80" + bytes([25])), None),
        (lambda _, blobs: blobs.pop(), "3 sets of prefixes"),
        (lambda header, _: header["labels"].append("AT"), "a label twice"),
        (lambda header, _: header.update(labels=["a\nb"]), "no short text"),
        (lambda header, _: header.update(labels=["x" * 65]), "no short text"),
        (lambda header, _: header.update(labels=[1]), "no short text"),
        (lambda header, _: header.update(labels=None), "4 sets of prefixes"),
        (lambda header, _: header.update(rows=-1), "no whole number"),
        (lambda header, _: header.update(rows=True), "no whole number"),
        (lambda header, _: header.update(rejected=[["a", "b"]]), "no rejected row"),
        (lambda header, _: header.update(rejected=[["a", "b", 1]]), "no text"),
        (lambda header, _: header.update(masked=["x"] * 101), "no list of at most 100"),
        (lambda header, _: header.update(stamp="yesterday"), "a stamp that is no time"),
        (lambda header, _: header.update(stamp="9999-12-31T23:59:59-23:59"), "no time"),
        (lambda header, _: header.update(stamp=1), "no text"),
        (lambda header, _: header.pop("stamp"), "no object of"),
    ],
)
def test_a_listing_that_no_reader_could_have_made_is_refused(
    change: Callable[[dict[str, Any], list[bytes]], object], why: str | None
) -> None:
    data = altered(encode_reading(lambda: LISTING)[1:], change)

    if why is None:
        # Other words for the same addresses.
        assert decode_reading(b"L" + data, FEED) == LISTING
        return
    with pytest.raises(Malformed, match=why):
        decode_reading(b"L" + data, FEED)


def test_labels_of_a_feed_that_declares_none_are_refused() -> None:
    with pytest.raises(Malformed, match="declares none"):
        decode_reading(encode_reading(lambda: LISTING), UNLABELLED)


@pytest.mark.parametrize("header", [{"code": "bug", "message": ""}, {"code": [], "message": ""}])
def test_a_refusal_without_a_name_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="without a name"):
        decode_reading(b"E" + pack(header, []), FEED)


def test_a_header_that_promises_more_bytes_than_there_are_is_refused() -> None:
    text = json.dumps({"blobs": [2**40]}).encode()

    with pytest.raises(Malformed, match="and should have"):
        unpack(len(text).to_bytes(8, "big") + text)


def test_what_a_terminal_would_obey_is_escaped_on_the_way() -> None:
    (attempt,) = NEW
    hostile = replace(
        attempt, detail="\x1b[2J\u202e", body=replace(NEW[0].body, content_type="a\x9b")
    )

    (found,) = decode_attempts(encode_attempts([hostile]), URL, LIMITS, None)

    assert found.detail == r"\x1b[2J\u202e"
    assert found.body is not None
    assert found.body.content_type == r"a\x9b"
