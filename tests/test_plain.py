"""
Text from outside, made fit for terminals, mails and documents.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import pytest

from proxyfeed.model import Outcome, Problem
from proxyfeed.plain import plain
from proxyfeed.report import as_json


@pytest.mark.parametrize(
    ("char", "shown"),
    [
        ("\x1b", r"\x1b"),
        ("\x9b", r"\x9b"),
        ("\x7f", r"\x7f"),
        ("\r", r"\r"),
        ("\u2028", r"\u2028"),
        ("\u202e", r"\u202e"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_its_escape(char: str, shown: str) -> None:
    assert plain(f"a{char}b") == f"a{shown}b"


def test_text_that_can_be_printed_stays_as_it_is() -> None:
    assert plain("Köln 出口\tC:\\new\n") == "Köln 出口\tC:\\new\n"


def test_what_may_stay_is_said_by_the_caller() -> None:
    assert plain("a\tb\nc", keep="\t") == "a\tb\\nc"
    assert plain("a\tb\nc", keep="") == r"a\tb\nc"


def test_no_character_there_is_gets_through_that_cannot_be_printed() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))

    assert plain(everything, keep="").isprintable()


@dataclass(frozen=True)
class Found:
    text: str


def test_a_document_holds_nothing_that_jq_would_print_to_a_terminal_as_a_command() -> None:
    evil = "\x1b]0;owned\x07"
    outcome = Outcome("x", Found(evil), (Problem("x", 3, evil, evil),), (evil,))

    document = json.loads(as_json(outcome))

    (error,) = document["errors"]
    shown = r"\x1b]0;owned\x07"
    assert document["data"] == {"text": shown}
    assert (error["message"], error["hint"], document["warnings"]) == (shown, shown, [shown])
