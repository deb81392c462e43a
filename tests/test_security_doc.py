"""
SECURITY.md claims nothing that no test tries.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = ROOT.joinpath("SECURITY.md").read_text("utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)


def test_every_test_that_stands_behind_a_claim_exists() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in NAMED
        if not (ROOT / path).is_file()
        or f"\ndef {name}(" not in ROOT.joinpath(path).read_text("utf-8")
    ]

    assert missing == []


def test_every_attacker_has_a_test_behind_what_is_claimed_of_him() -> None:
    _, *sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    unproven = [
        title
        for title, _, text in (section.partition("\n") for section in sections)
        if "tests/" not in text and "test_hostile.py" not in text
    ]

    assert len(sections) == 7
    assert unproven == []


def test_every_test_is_named_in_full() -> None:
    # "`tests/x.py::" with a blank or another sign in it would be overlooked by the test above.
    assert len(NAMED) == TEXT.count("`tests/") > 25


def test_the_page_invents_no_address_to_write_to() -> None:
    assert "@" not in TEXT
    assert "://" not in TEXT
