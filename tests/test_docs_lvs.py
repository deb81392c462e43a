"""
docs/lvs.md says what the program does: what it shows is rendered anew, what it tells to type is a
command, and its picture is one.
"""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.commands import commands

from proxyfeed.cli.app import run

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "lvs.md").read_text("utf-8")


def sessions() -> Iterator[tuple[str, str, str]]:
    """
    Each command with the configuration above it and what it is said to print.
    """
    configuration = ""
    for kind, block in re.findall(r"```(toml|console)\n(.*?)```", PAGE, re.DOTALL):
        if kind == "toml":
            configuration = block
            continue
        for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            yield configuration, command, shown


SESSIONS = list(sessions())


def is_shown_by(printed: str, shown: str) -> bool:
    """
    Whether *shown* is what was printed; a line of three dots stands for any lines.
    """
    parts = re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)
    pattern = r"(?:.*\n)*?".join(map(re.escape, parts))
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize(("configuration", "command", "shown"), SESSIONS)
def test_what_the_page_shows_is_what_is_printed(
    configuration: str,
    command: str,
    shown: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "proxyfeed.toml"
    file.write_text(configuration)
    program, *words = shlex.split(command)
    assert program == "proxyfeed"

    code = run(["--config", str(file), *words])

    said = capsys.readouterr()
    assert code == 0
    # The talk comes before the document.
    assert is_shown_by(said.err + said.out, shown)


def test_a_difference_would_be_seen() -> None:
    assert len(SESSIONS) == 5
    assert is_shown_by("a\nb\nc\nd\n", "a\n...\nc\nd\n")
    assert is_shown_by("a\nb\n", "...\nb\n...\n")
    assert not is_shown_by("a\nb\nc\n", "a\nc\n")
    assert not is_shown_by("a\nb\nc\n", "...\nb\n")


def test_every_command_of_ours_that_the_page_names_is_one() -> None:
    named = re.findall(r"(?:^    |`|\| )proxyfeed ([a-z-]+(?: [a-z-]+)?)", PAGE, re.MULTILINE)

    assert len(named) > 5
    known = set(commands())
    assert [name for name in named if name not in known and name.split()[0] not in known] == []


def test_every_format_is_told_of() -> None:
    from proxyfeed.lvs.render import FORMATS

    for form in FORMATS:
        assert f"\n## With {form}\n" in PAGE


def test_every_key_that_the_page_names_is_one_of_the_configuration() -> None:
    named = set(re.findall(r"`(?:check\.)?([a-z]+)(?: = [^`]*)?`", PAGE))

    readme = DOCS.parent.joinpath("README.md").read_text("utf-8")
    keys = {"virtual", "servers", "fallback", "persistence", "together", "mask", "every", "timeout"}
    assert keys <= named
    assert all(f"`{key}`" in readme for key in keys)


# ---------------------------------------------------------------- the picture


def test_the_picture_is_whole_and_needs_nothing_from_elsewhere() -> None:
    text = (DOCS / "packet.svg").read_text("utf-8")
    root = ET.fromstring(text)

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None
    tags = {one.tag.partition("}")[2] for one in root.iter()}
    assert not tags & {"script", "image", "foreignObject", "use"}
    assert re.findall(r"(?:href|src)=|url\((?!#)|@import|@font-face", text) == []


def test_the_picture_is_legible_on_dark_paper_too() -> None:
    assert "prefers-color-scheme: dark" in (DOCS / "packet.svg").read_text("utf-8")


def test_every_marker_and_class_of_the_picture_is_defined() -> None:
    text = (DOCS / "packet.svg").read_text("utf-8")
    root = ET.fromstring(text)

    ids = {one.get("id") for one in root.iter()}
    assert set(re.findall(r"url\(#([\w-]+)\)", text)) <= ids
    classes = {name for one in root.iter() for name in (one.get("class") or "").split()}
    assert classes <= set(re.findall(r"\.([a-z-]+)\b", text.partition("</style>")[0]))


def test_the_page_and_the_readme_lead_to_each_other() -> None:
    readme = DOCS.parent.joinpath("README.md").read_text("utf-8")

    assert "docs/lvs.md" in readme
    assert "](packet.svg)" in PAGE
