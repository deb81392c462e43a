import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pages import SHARED
from tests.sources.lists.naive import merged

from proxyfeed.errors import CutShort, EmptyList, ReadError
from proxyfeed.model import JsonRules, Listing, Query
from proxyfeed.sources.lists.json_rows import read_json

PLAIN = JsonRules(paths=("cidr",), lines=True)
SPAMHAUS = JsonRules(
    paths=("cidr",),
    label=Query("registry", "rir"),
    lines=True,
    metadata="type == 'metadata'",
    records="records",
    size="size",
    stamp="timestamp",
)

# The first lines of the list of 2026-07-20.
ROWS = b"""\
{"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}
{"cidr":"1.19.0.0/16","sblid":"SBL434604","rir":"apnic"}
{"cidr":"2.26.75.0/24","sblid":"SBL698389","rir":"ripencc"}
"""
PREFIXES = ["1.10.16.0/20", "1.19.0.0/16", "2.26.75.0/24"]


def metadata(rows: bytes, **other: object) -> bytes:
    """
    The record that Spamhaus would end *rows* with, its values replaced by *other*.
    """
    record = {"type": "metadata", "timestamp": 1784540642, "size": len(rows)}
    return json.dumps(record | {"records": rows.count(b"\n")} | other).encode() + b"\n"


WHOLE = ROWS + metadata(ROWS)


def read(content: bytes, rules: JsonRules = SPAMHAUS) -> Listing:
    return read_json(content, "", rules)


def lines(content: bytes, rules: JsonRules = SPAMHAUS) -> list[str]:
    return list(read(content, rules).prefixes.lines())


def refusal(content: bytes, rules: JsonRules = SPAMHAUS, kind: type = ReadError) -> str:
    with pytest.raises(ReadError) as caught:
        read(content, rules)
    assert type(caught.value) is kind, caught.value
    return caught.value.message


def records_of(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


# ---------------------------------------------------------------- what is read


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("day", ["2026-07-20", "2026-07-23"])
def test_a_published_body_is_read_to_the_set_of_a_naive_reading(day: str) -> None:
    body = (SHARED / "spamhaus" / f"drop_v4-{day}.json").read_bytes()
    *rows, last = records_of(body)
    listing = read(body)
    assert list(listing.prefixes) == merged(row["cidr"] for row in rows)
    assert (listing.rows, listing.rejections) == (last["records"], 0)
    assert listing.stamp == datetime.fromtimestamp(last["timestamp"], UTC)
    assert {label: list(part) for label, part in listing.labels.parts} == {
        rir or "": merged(row["cidr"] for row in rows if row["rir"] == rir)
        for rir in {row["rir"] for row in rows}  # None for 23.143.16.0/24 on the second day
    }


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("path", sorted((SHARED / "bad").glob("*")), ids=lambda path: path.name)
@pytest.mark.parametrize("rules", [PLAIN, SPAMHAUS])
def test_what_was_once_served_in_place_of_a_list_is_refused(path: Any, rules: JsonRules) -> None:
    with pytest.raises(ReadError) as caught:
        read(path.read_bytes(), rules)
    assert not isinstance(caught.value, CutShort)


def test_each_line_is_a_row() -> None:
    assert lines(WHOLE) == lines(ROWS, PLAIN) == PREFIXES
    assert lines(b'"192.0.2.0/24"\n', replace(PLAIN, paths=("@",))) == ["192.0.2.0/24"]
    assert lines(b'["192.0.2.0/24"]\n', replace(PLAIN, paths=("[0]",))) == ["192.0.2.0/24"]


def test_blank_lines_are_no_rows() -> None:
    assert read(b"\n" + ROWS.replace(b"\n", b"\r\n \t\r\n"), PLAIN).rows == 3


def test_the_last_line_needs_no_line_end() -> None:
    assert lines(ROWS.rstrip(), PLAIN) == lines(WHOLE.rstrip()) == PREFIXES


def test_blank_lines_after_the_metadata_record_change_nothing() -> None:
    assert read(WHOLE + b"\r\n \n") == read(WHOLE)


def test_the_declared_size_is_without_byte_order_mark_and_with_every_line_end() -> None:
    assert read(b"\xef\xbb\xbf" + WHOLE) == read(WHOLE)
    rows = ROWS.replace(b"\n", b"\r\n")
    assert read(rows + metadata(rows)) == read(WHOLE)


def test_the_declared_size_is_that_of_the_bytes_that_came_and_not_of_their_characters() -> None:
    rows = '{"cidr":"192.0.2.0/24","place":"São Paulo"}\n'
    for encoding in ("utf-8", "iso-8859-1"):
        sent = rows.encode(encoding)
        content_type = f"application/json; charset={encoding}"
        assert read_json(sent + metadata(sent), content_type, SPAMHAUS).rows == 1
        with pytest.raises(CutShort):
            read_json(sent + metadata(sent, size=len(sent) + 1), content_type, SPAMHAUS)


def test_without_declared_metadata_there_is_neither_a_check_nor_a_stamp() -> None:
    assert read(ROWS, replace(PLAIN, stamp="timestamp")).stamp is None
    assert "line 4: " in refusal(WHOLE, PLAIN)


def test_metadata_without_a_stamp_expression_gives_none() -> None:
    assert read(WHOLE, replace(SPAMHAUS, stamp="")).stamp is None


def test_a_row_that_is_no_prefix_is_rejected_by_its_line() -> None:
    rows = ROWS.replace(b"1.19.0.0/16", b"1.19/16")
    assert "line 2: '1.19/16' is not" in refusal(rows + metadata(rows))
    listing = read(rows + metadata(rows), replace(SPAMHAUS, max_rejected=1))
    assert list(listing.prefixes.lines()) == ["1.10.16.0/20", "2.26.75.0/24"]
    assert [str(row)[:6] for row in listing.rejected] == ["line 2"]


def test_a_key_renamed_upstream_is_refused_and_named() -> None:
    rows = ROWS.replace(b"cidr", b"range")
    message = refusal(rows + metadata(rows))
    assert "'cidr'" in message
    assert '"range"' in message


# ---------------------------------------------------------------- what is missing


def test_a_list_without_its_metadata_record_is_cut_short() -> None:
    message = refusal(ROWS, kind=CutShort)
    assert '"type == \'metadata\'" is true: line 3 is \'{"cidr":"2.26.75.0/24"' in message


@pytest.mark.parametrize("length", range(1, len(WHOLE) - 1))
def test_a_list_cut_at_any_byte_is_refused(length: int) -> None:
    # Half of a first line may be anything: an error, for one.
    kind = ReadError if length < ROWS.index(b"\n") else CutShort
    refusal(WHOLE[:length], kind=kind)


def test_lines_that_are_missing_are_noticed_by_their_count() -> None:
    rows = ROWS[ROWS.index(b"\n") + 1 :]
    assert refusal(rows + metadata(ROWS), replace(SPAMHAUS, size=""), CutShort) == (
        "the metadata says 3 rows at 'records', and 2 came before it"
    )


def test_bytes_that_are_missing_are_noticed_by_their_count() -> None:
    rows = ROWS.replace(b"/20", b"/2")
    assert refusal(rows + metadata(ROWS), kind=CutShort) == (
        f"the metadata says {len(ROWS)} bytes at 'size', and {len(ROWS) - 1} came before it"
    )


def test_a_line_too_many_is_noticed_too() -> None:
    rows = ROWS + b'{"cidr":"10.0.0.0/8"}\n'
    refusal(rows + metadata(ROWS), replace(SPAMHAUS, size=""), CutShort)
    refusal(rows + metadata(ROWS), replace(SPAMHAUS, records=""), CutShort)


@pytest.mark.parametrize("value", [None, "3", True, [3], {}])
@pytest.mark.parametrize("key", ["records", "size"])
def test_metadata_that_counts_nothing_is_refused(key: str, value: object) -> None:
    message = refusal(ROWS + metadata(ROWS, **{key: value}))
    assert f"at '{key}', where the number of" in message


def test_only_the_counts_that_are_declared_in_the_rules_are_checked() -> None:
    content = ROWS + metadata(ROWS, records=1, size=1)
    assert lines(content, replace(SPAMHAUS, records="", size="")) == PREFIXES


def test_the_metadata_record_comes_last_and_once() -> None:
    record = metadata(ROWS)
    rules = replace(SPAMHAUS, records="", size="")
    assert "line 1 is the metadata, and should be the last" in refusal(record + ROWS, rules)
    assert "line 4 is the metadata" in refusal(WHOLE + WHOLE, rules)


@pytest.mark.parametrize("expression", ["type", "records", "'metadata'", "@"])
def test_a_record_is_the_metadata_by_a_plain_true_only(expression: str) -> None:
    refusal(WHOLE, replace(SPAMHAUS, metadata=expression), CutShort)


def test_a_list_of_metadata_alone_is_an_empty_list() -> None:
    for content in (metadata(b""), b"\n" + metadata(b"\n", records=0)):
        assert "holds no row" in refusal(content, kind=EmptyList)
    refusal(metadata(ROWS), kind=CutShort)


def test_no_bytes_are_an_empty_list_and_blank_lines_are_a_cut_one() -> None:
    assert "not one byte" in refusal(b"", kind=EmptyList)
    assert "no line at all" in refusal(b"\n\n", kind=CutShort)
    assert "holds no row" in refusal(b"\n\n", PLAIN, EmptyList)


# ---------------------------------------------------------------- what is no JSON


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"cidr":"192.0.2.0/24"', "line 2 is no JSON: line 2, column 23: "),
        (b'{"cidr":"192.0.2.0/24"}{}', "line 2 is no JSON: line 2, column 24: "),
        (b"; a comment", "line 2 is no JSON: line 2, column 1: "),
        (b'{"cidr":"192.0.2.0/24","cidr":"198.51.100.0/24"}', "line 2 holds the key 'cidr' twice"),
        (b'{"cidr":"192.0.2.0/24","ttl":NaN}', "line 2 holds NaN"),
        (b'{"cidr":"192.0.2.0/24","ttl":' + b"1" * 5000 + b"}", "line 2 holds a number of 5,000"),
        (b"[" * 100_000, "line 2 is nested too deeply"),
    ],
)
def test_a_line_that_is_no_json_is_refused_with_its_place(line: bytes, why: str) -> None:
    first, _, rest = ROWS.partition(b"\n")
    content = first + b"\n" + line + b"\n" + rest
    for rules in (PLAIN, SPAMHAUS):
        assert refusal(content, rules).startswith(why)


def test_a_document_on_several_lines_is_no_json_lines() -> None:
    indented = json.dumps({"rows": PREFIXES}, indent=2).encode()
    for rules in (PLAIN, SPAMHAUS):
        assert "line 1 is no JSON" in refusal(indented, rules)


# ---------------------------------------------------------------- whatever comes


@given(kept=st.sets(st.integers(0, 3)))
def test_only_the_whole_list_is_read(kept: set[int]) -> None:
    whole = WHOLE.splitlines(keepends=True)
    content = b"".join(line for number, line in enumerate(whole) if number in kept)
    if len(kept) == len(whole):
        assert lines(content) == PREFIXES
    else:
        refusal(content, kind=CutShort if content else EmptyList)
