"""
The README says what the program does: its session is run, its tables are compared with the code.
"""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from datetime import date
from pathlib import Path

import pytest
from tests.e2e.machine import Machine
from tests.kernel.conftest import director, equipped, missing
from tests.kernel.namespaces import Namespace

from proxyfeed import errors
from proxyfeed.cli.app import BUG, INTERRUPTED
from proxyfeed.config import parse
from proxyfeed.model import Problem
from proxyfeed.report.document import envelope
from proxyfeed.table import Table

__all__ = ["director", "equipped", "missing"]

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text("utf-8")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> dict[str, str]:
    """
    The table of a section: its first column to its second.
    """
    found = re.findall(r"^\| (.+?) \| (.+) \|$", section(title), re.MULTILINE)
    return dict(found[1:])


# ---------------------------------------------------------------- the session

_MASKS = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d UTC": "TIME",
    r"\d+\.\d\d s\b": "SECONDS",
    r"[\d,]+ bytes": "BYTES",
}


def normalised(text: str, folder: Path) -> list[str]:
    text = text.replace(str(folder), "/PLACE")
    for pattern, word in _MASKS.items():
        text = re.sub(pattern, word, text)
    return text.splitlines()


@pytest.mark.kernel
def test_the_session_prints_what_the_readme_says(director: Namespace, tmp_path: Path) -> None:
    configuration, session = re.findall(
        r"```(?:toml|console)\n(.*?)```", README.partition("<!-- the test of this file ")[2], re.S
    )
    machine = Machine(director, tmp_path)
    machine.configure(configuration)
    shutil.copy(ROOT / "fixtures/aol/br-list/body.html", tmp_path / "proxyinfo.html")
    shown = []

    with machine.session() as program:
        for command in re.findall(r"^\$ (.*)$", session, re.MULTILINE):
            name, *arguments = command.split()
            shown.append(f"$ {command}\n")
            if name == "proxyfeed":
                done = program.proxyfeed(*arguments)
                shown += [done.out, done.err]
            else:
                shown.append(director.run(name, *arguments).stdout)

    assert normalised("".join(shown), tmp_path) == normalised(session, Path("/PLACE"))


# ---------------------------------------------------------------- the tables


def test_the_exit_codes_are_those_of_the_code() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    expected = {
        error.exit_code
        for error in classes
        if issubclass(error, errors.ProxyfeedError) and error is not errors.ProxyfeedError
    }

    assert {int(code) for code in rows("Exit codes")} == expected | {0, 1, BUG, INTERRUPTED}


def test_the_keys_of_the_json_document_are_those_of_the_code() -> None:
    document = json.loads(envelope("x", None, (Problem("code", 3, "message"),), 3))

    table = rows("JSON")
    assert [key.strip("`") for key in table] == list(document)
    assert re.findall(r'"(\w+)"', table["`errors`"]) == list(document["errors"][0])


def keys_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """
    Every key that is asked for while a configuration is read, with the place of its table.
    """
    asked: set[tuple[str, str]] = set()

    def spy_on(name: str) -> None:
        method = getattr(Table, name)

        def spy(table: Table, key: str, *rest: object) -> object:
            asked.add((table.place.replace("name", "NAME"), key))
            return method(table, key, *rest)

        monkeypatch.setattr(Table, name, spy)

    for name in ("take", "table", "tables"):
        spy_on(name)
    lvs = {"servers": ["192.0.2.11", "2001:db8::11"]}
    marked = {"feeds": ["name"], "mark": 1, "lvs": lvs}
    split = {"feeds": ["name"], "split": {"by": "country", "marks": [11, 12]}}
    usual = {"url": "http://192.0.2.1/"}
    for feed in (
        {**usual, "format": "html", "html": {"heading": ["x"]}},
        {**usual, "format": "text"},
        {**usual, "format": "csv", "csv": {"label": {"country": 2}}},
        {**usual, "format": "json", "json": {"path": "x"}},
        {"format": "inline", "prefixes": ["20.0.0.0/24"], "dated": date(2026, 11, 1)},
    ):
        one = split if feed.get("format") == "csv" else marked
        tables = {"feeds": {"name": feed}, "sets": {"name": one}}
        parse(tables, "a test", Path("/"), Path("/"))
    return asked


def test_every_key_of_the_configuration_is_in_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    table = " ".join(f"{key} {text}" for key, text in rows("Configuration").items())
    asked = keys_of_the_configuration(monkeypatch)

    assert len({place for place, _ in asked}) == 11
    for place, key in sorted(asked):
        # A table is written with its brackets, `[sets.NAME]`, and a key as itself, `mark`.
        assert f"`{key}`" in table or re.search(rf"`\[(\w+\.)*{key}[].]", table), (place, key)


def test_every_key_that_the_readme_names_is_one_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = {key for _, key in keys_of_the_configuration(monkeypatch)}
    named = re.findall(r"`(\w+)`", " ".join(rows("Configuration")))

    assert len(named) > 15
    assert set(named) <= known


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split("[><=]", line)[0] for line in project["dependencies"]]

    assert sorted(key.strip("`") for key in rows("Dependencies")) == sorted(names)


# ---------------------------------------------------------------- what it points to


def test_the_line_for_cron_is_the_nightly_one_with_an_export_behind_it() -> None:
    nightly = ROOT.joinpath("cron/proxyfeed").read_text("utf-8").splitlines()[-1]

    assert re.search(rf"^    {re.escape(nightly)}; proxyfeed export --set ", README, re.MULTILINE)


def test_every_file_that_the_readme_names_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    names = re.findall(r"`((?:cron|tests|src|fixtures)/[\w./-]+)`", README)
    names += re.findall(r"\b[A-Z]+\.md\b|`(\w+\.lock)`", README)

    assert len(names) > 3
    assert [name for name in (*links, *filter(None, names)) if not (ROOT / name).exists()] == []


def test_every_target_of_make_that_the_readme_names_is_one() -> None:
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")
    targets = set(re.findall(r"^    make (\w+)", README, re.MULTILINE))

    assert {"run", "test"} <= targets
    assert targets <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
