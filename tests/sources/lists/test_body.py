from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.errors import ReadError
from proxyfeed.sources.lists import body
from proxyfeed.sources.lists.body import (
    blocks,
    find_stamp,
    numbered_lines,
    read_lines_body,
    read_text_body,
)


def refusal(content: bytes, content_type: str = "text/plain") -> str:
    with pytest.raises(ReadError) as caught:
        read_text_body(content, content_type)
    return caught.value.message


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/html", "application/json", "image/png", "text/plain; charset=utf-16"],
)
def test_what_the_bytes_are_decides_and_not_what_the_server_calls_them(content_type: str) -> None:
    assert read_text_body(b"192.0.2.0/24\n", content_type) == "192.0.2.0/24\n"


def test_a_byte_order_mark_is_no_part_of_the_first_row() -> None:
    assert read_text_body(b"\xef\xbb\xbf192.0.2.0/24\n", "") == "192.0.2.0/24\n"


def test_utf8_is_read_as_such_where_the_server_names_latin1() -> None:
    body = "192.0.2.0/24,BR,,São Paulo,\n"
    assert read_text_body(body.encode(), "text/csv; charset=ISO-8859-1") == body


@pytest.mark.parametrize(
    ("content", "charset", "text"),
    [
        (b"192.0.2.0\x96192.0.2.9", "iso-8859-1", "192.0.2.0–192.0.2.9"),
        (b"192.0.2.0\x96192.0.2.9", "us-ascii", "192.0.2.0–192.0.2.9"),
        (b"192.0.2.0/24,S\xe3o", '"Windows-1252"', "192.0.2.0/24,São"),
        (b"192.0.2.0/24,\xa4", "iso-8859-15", "192.0.2.0/24,€"),
        (b"192.0.2.0/24,\xeb", "koi8-r", "192.0.2.0/24,К"),
    ],
)
def test_what_is_not_utf8_is_read_in_the_encoding_that_is_named(
    content: bytes, charset: str, text: str
) -> None:
    assert read_text_body(content, f"text/csv; charset={charset}") == text


def test_what_is_not_utf8_is_refused_where_no_encoding_is_named() -> None:
    assert refusal(b"192.0.2.0/24\n# S\xe3o\n") == (
        "the body is not UTF-8: line 2 holds the byte 0xe3, and the server names no other encoding"
    )


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-7", "utf-16", "rot13", "shift_jis", "cp037", "klingon", "a" * 500]
)
def test_what_is_not_utf8_is_refused_in_an_encoding_that_may_change_digits(charset: str) -> None:
    message = refusal(b"192.0.2.0/24\n\xe3", f"text/plain; charset={charset}")
    assert "line 2 holds the byte 0xe3, and as" in message
    assert charset[:40] in message
    assert len(message) < 200


def test_a_byte_that_the_named_encoding_does_not_have_is_refused() -> None:
    assert "'windows-1252'" in refusal(b"192.0.2.0/24 # \x81", "text/plain; charset=windows-1252")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("192.0.2.0/24\n".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + "192.0.2.0/24\n".encode("utf-16-be"), "UTF-16"),
        ("192.0.2.0/24\n".encode("utf-32"), "UTF-32"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"PK\x03\x04", "zip archive"),
    ],
)
def test_a_body_of_another_kind_is_refused_by_its_name(content: bytes, kind: str) -> None:
    message = refusal(content, "text/plain; charset=utf-16")
    assert kind in message
    assert "a list is text in UTF-8" in message


# ---------------------------------------------------------------- binary data


@pytest.mark.parametrize(
    ("char", "what"),
    [
        ("\0", "a NUL"),
        ("\r", "a carriage return that ends no line"),
        ("\x0b", r"'\x0b'"),
        ("\x0c", r"'\x0c'"),
        ("\x1a", r"'\x1a'"),
        ("\x1b", r"'\x1b'"),
        ("\x7f", r"'\x7f'"),
        ("\x85", r"'\x85'"),
        ("\u2028", r"'\u2028'"),
        ("\u2029", r"'\u2029'"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_control_character_is_refused_with_its_line(char: str, what: str, end: str) -> None:
    message = refusal(f"192.0.2.0/24{end}# note{char}198.51.100.0/24\n".encode())
    assert message.startswith(f"the body is no plain text: line 2 holds {what}")


def test_utf16_without_a_byte_order_mark_is_refused_for_its_nuls() -> None:
    assert "UTF-16" in refusal("192.0.2.0/24\n".encode("utf-16-le"))


@pytest.mark.parametrize("end", ["\r", "\r\r\n"])
def test_a_carriage_return_that_ends_no_line_is_refused(end: str) -> None:
    assert "line 1 holds a carriage return" in refusal(f"192.0.2.0/24{end}192.0.2.0/24".encode())


def test_tabs_and_the_line_ends_of_unix_and_windows_are_text() -> None:
    body = "192.0.2.0/24\t\r\n198.51.100.0/24\n"
    assert read_text_body(body.encode(), "") == body


# ---------------------------------------------------------------- pages and JSON


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html><p>192.0.2.0/24</html>", "HTML"),
        (b"\r\n \t<!DOCTYPE html><title>1.0.1.1</title>", "HTML"),
        (b"<!doctype HTML PUBLIC>", "HTML"),
        (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml">', "HTML"),
        (b"<!-- 192.0.2.0/24 --><body>", "HTML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>ServerBusy</Code></Error>', "XML"),
        (b"<svg>1.0.1.1</svg>", "markup"),
        (b"<192.0.2.0/24>\n192.0.2.0/24\n", "markup"),
        (b"<caf\xe9>", "markup"),
    ],
)
def test_a_page_is_refused_by_its_name_whatever_numbers_it_holds(content: bytes, kind: str) -> None:
    message = refusal(content)
    assert message.startswith(f"the body is {kind} where a list is due: it starts with '<")


@pytest.mark.parametrize("content", [b'{"prefixes": []}', b'\xef\xbb\xbf\n [\n"192.0.2.0/24",\n'])
def test_json_is_text_and_yet_no_list_of_lines(content: bytes) -> None:
    read_text_body(content, "")
    with pytest.raises(ReadError, match="the body is JSON where lines are due: it starts with"):
        read_lines_body(content, "text/plain")


def test_a_list_of_lines_may_hold_what_json_begins_with() -> None:
    assert read_lines_body(b"# [1]\n192.0.2.0/24\n", "") == "# [1]\n192.0.2.0/24\n"


def text_or_refusal(content: bytes, content_type: str) -> str:
    try:
        return f"text {read_text_body(content, content_type)}"
    except ReadError as exc:
        return f"refused {exc.message}"


@given(content=st.binary(), content_type=st.text())
def test_any_bytes_are_text_or_refused_in_one_sentence(content: bytes, content_type: str) -> None:
    verdict, _, rest = text_or_refusal(content, content_type).partition(" ")
    if verdict == "text":
        assert "\0" not in rest
        assert not rest.lstrip().startswith("<")
    else:
        assert len(rest) < 300


# ---------------------------------------------------------------- lines


def test_lines_are_numbered_from_one_and_lose_their_ends() -> None:
    assert list(numbered_lines("a\r\n\nb")) == [(1, "a"), (2, ""), (3, "b")]


def test_only_a_line_feed_ends_a_line() -> None:
    assert list(numbered_lines("a\x0b\x0c\x1c\x85\u2028b")) == [(1, "a\x0b\x0c\x1c\x85\u2028b")]


@given(st.text(alphabet="ab\n", max_size=60), st.integers(0, 9))
def test_wherever_blocks_end_the_lines_are_those_of_the_text(text: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body, "_BLOCK", size)
        for written in (text, text.replace("\n", "\r\n")):
            found = [
                (first + place, line)
                for first, block in blocks(written)
                for place, line in enumerate(block.split("\n"))
            ]
            lines = text.removesuffix("\n").split("\n") if text else []
            assert found == list(enumerate(lines, 1))


# ---------------------------------------------------------------- stamps

TIME = datetime(2026, 2, 6, 20, 44, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("comments", "phrase"),
    [
        ("; Last-Modified: Fri, 06 Feb 2026 20:44:02 GMT\n", "Last-Modified:"),
        ("; Last-Modified: Fri, 06 Feb 2026 20:44:02 GMT\n", "last-modified:"),
        ("# last_update: 2026-02-06T20:44:02Z", "LAST_UPDATE:"),
        ("192.0.2.0/24\n \t#last_update:\t2026-02-06T20:44:02Z \t\r\n", "last_update:"),
        ("# Feed,lastupdated (rfc3339): 2026-02-06T12:44:02-08:00\n", "lastupdated (rfc3339):"),
        ("# at 2026-02-06T20:44:02Z\n# at 2027-01-01T00:00:00Z\n", "at "),
        ("last_update: 2027-01-01\n# last_update: 2026-02-06T20:44:02Z\n", "last_update:"),
        ("192.0.2.0/24 # at 2027-01-01\n# at 2026-02-06T20:44:02Z\n", "at"),
    ],
)
def test_a_stamp_is_what_follows_its_phrase_in_the_first_comment_that_holds_it(
    comments: str, phrase: str
) -> None:
    assert find_stamp(comments, "#;", phrase) == TIME


@pytest.mark.parametrize(
    ("comments", "phrase"),
    [
        ("# 2026-02-06T20:44:02Z\n", ""),
        ("# last_update: 2026-02-06T20:44:02Z\n", "last.update:"),
        ("# last_update: some day\n# last_update: 2026-02-06T20:44:02Z\n", "last_update:"),
        ("# at at 2026-02-06T20:44:02Z\n", "at"),
        ("# last_update:\n2026-02-06T20:44:02Z\n", "last_update:"),
        ("last_update: 2026-02-06T20:44:02Z\n", "last_update:"),
        ("#\nlast_update: 2026-02-06T20:44:02Z\n", "last_update:"),
        ("; last_update: 2026-02-06T20:44:02Z\n", "last_update:"),
    ],
)
def test_a_list_that_gives_no_time_has_no_stamp(comments: str, phrase: str) -> None:
    assert find_stamp(comments, "#", phrase) is None
