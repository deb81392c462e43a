"""
What a body that nobody has described is taken for, so that a look at it can begin.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.config.rules import FORMATS
from proxyfeed.sources.guess import guess_format, outline_of

HTML = {"format": "html", "html": {"selector": "html"}}
DOCUMENT: dict[str, Any] = {"format": "json", "json": {}}
LINES = {"format": "json", "json": {"lines": True}}
TEXT = {"format": "text"}
CSV: dict[str, Any] = {"format": "csv", "csv": {}}
WITH_HEADER = {"format": "csv", "csv": {"header": True}}


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>20.0.0.0/24</body></html>",
        b"\n\t <ul><li>20.0.0.0/24</ul>",
        b"<?xml version='1.0'?><list/>",
    ],
)
def test_markup_is_a_page(body: bytes) -> None:
    assert guess_format(body) == HTML


@pytest.mark.parametrize(
    "body",
    [
        b'{"ranges": ["20.0.0.0/24"]}',
        b'{"ranges": ["20.0.0.0/24"]}\n',
        b' \r\n{\n  "ranges": [\n    "20.0.0.0/24"\n  ]\n}\n',
        b'{\n "a": {"b": 1},\n "c": {"d": 2}}\n',
        b'{"a":\n{"b": 1}}\n',
        b'{"a": {}\n, "b": {}}\n',
        b'["20.0.0.0/24", "20.0.1.0/24"]',
        b'[\n  {"cidr": "20.0.0.0/24"}\n]\n',
    ],
)
def test_an_object_or_a_list_is_a_json_document(body: bytes) -> None:
    assert guess_format(body) == DOCUMENT


@pytest.mark.parametrize(
    "body",
    [
        b'{"cidr": "20.0.0.0/24"}\n{"cidr": "20.0.1.0/24"}\n',
        b'{"cidr": "20.0.0.0/24"}\r\n\r\n{"type": "metadata"}',
        b'{"cidr": "20.0.0.0/24"} \n{"cidr": "20.0.1.0/24"}\n{"cidr": "20.0.2.0/24"}\n{"cut": ',
    ],
)
def test_an_object_on_each_of_several_lines_is_json_lines(body: bytes) -> None:
    assert guess_format(body) == LINES


@pytest.mark.parametrize(
    "body",
    [
        b"20.0.0.0/24\n20.0.1.0/24\n",
        b"# prefix, country\n; and, more\n\n  \n20.0.0.0/24\n",
        b"1.10.16.0/20 ; SBL256894\n",
        b"no list at all",
        b"# nobody, tonight\n",
        b" \n",
        b"",
    ],
)
def test_lines_without_a_comma_are_text(body: bytes) -> None:
    assert guess_format(body) == TEXT


@pytest.mark.parametrize(
    "body",
    [
        b"20.0.0.0/24,US,US-CA,,\n",
        b"# prefix,country\n20.0.0.0/24,US\n",
        b"\n  20.0.0.0/24 , US\n",
        b'"20.0.0.0/24","US"\n',
        b"2a00::/32,DE\nno prefix,DE\n",
    ],
)
def test_a_comma_after_a_prefix_is_csv(body: bytes) -> None:
    assert guess_format(body) == CSV


@pytest.mark.parametrize(
    "body", [b"prefix,country\n20.0.0.0/24,US\n", b"208.54.144/32,US\n", b",20.0.0.0/24\n"]
)
def test_a_comma_after_anything_else_is_the_header_of_csv(body: bytes) -> None:
    assert guess_format(body) == WITH_HEADER


@pytest.mark.parametrize(
    ("body", "guess"),
    [
        (b"<html>", HTML),
        (b'{"a": 1}', DOCUMENT),
        (b"# one, two\n20.0.0.0/24\n", TEXT),
        (b"20.0.0.0/24,US\n", CSV),
    ],
)
def test_a_byte_order_mark_changes_nothing(body: bytes, guess: dict[str, object]) -> None:
    assert guess_format(b"\xef\xbb\xbf" + body) == guess


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text('{}[]<>",;#\n 0./:a\ufeff').map(str.encode))
def test_any_bytes_are_taken_for_one_of_the_formats(body: bytes) -> None:
    guess = guess_format(body)

    assert guess["format"] in FORMATS
    assert set(guess) <= {"format", guess["format"]}


# ---------------------------------------------------------------- where its rows may be


@pytest.mark.parametrize(
    ("body", "outline"),
    [
        (b'{"syncToken": "1", "prefixes": []}', "its keys are 'syncToken', 'prefixes'"),
        (b'\xef\xbb\xbf{"prefixes": []}', "its keys are 'prefixes'"),
        (b'{"cidr": "20.0.0.0/24"}\n{"cidr": "20.0.1.0/24"}\n', "its keys are 'cidr'"),
        (b'["20.0.0.0/24", "20.0.1.0/24"]', "it is a list of 2"),
        (b'{"prefixes": [', "and it cannot be parsed"),
        (b"[" * 100_000, "and it cannot be parsed"),
        (b"\xff\xfe{", "and it cannot be parsed"),
        (b"", "and it cannot be parsed"),
    ],
)
def test_what_a_json_body_has_at_its_top_is_told(body: bytes, outline: str) -> None:
    assert outline_of(body) == outline


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]",:01e. \n').map(str.encode))
def test_any_bytes_have_an_outline(body: bytes) -> None:
    assert outline_of(body)
