"""
The command line as such: its help, its start, and that the README knows all of it.
"""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from tests.e2e.commands import commands

import proxyfeed
from proxyfeed import errors, timer
from proxyfeed.cli import waiting
from proxyfeed.cli.app import run
from proxyfeed.cli.surroundings import Surroundings
from proxyfeed.config import load
from proxyfeed.errors import StoreError
from proxyfeed.model import Uptime

README = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")


COMMANDS = list(commands())


def printed_help(capsys: pytest.CaptureFixture[str], command: str, option: str = "--help") -> str:
    code = run([*command.split(), option])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    return said.out


def test_there_are_as_many_commands_as_were_counted_by_hand() -> None:
    assert len(COMMANDS) == 29


@pytest.mark.parametrize("command", ["", "rule", "lvs", "alert", *COMMANDS])
def test_help_has_two_spellings_and_both_succeed(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    long = printed_help(capsys, command)

    assert long.startswith(f"Usage: proxyfeed {command}".rstrip())
    assert printed_help(capsys, command, "-h") == long


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_what_it_does_and_shows_an_example(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    _usage, _, sentence, *lines = printed_help(capsys, command).splitlines()

    assert re.match(r"  [A-Z][a-z].*\.", sentence)
    assert any(re.match(rf"  proxyfeed (--config \S+ )?{command}\b", line) for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_explains_every_option(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    options = printed_help(capsys, command).partition("Options:\n")[2].splitlines()

    assert all(
        re.match(r"  (-\w, )?--[a-z-]+( <[^>]+>| TIME| FETCH)?  +[A-Z]\w+", line)
        for line in options
        if line.startswith("  -")
    ), options
    assert any("--help" in line for line in options)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`proxyfeed {command}" in README


def test_every_option_that_the_readme_gives_a_command_is_one_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = re.findall(r"^\| (`proxyfeed .*?) \| (.*) \|$", README, re.MULTILINE)
    assert len(rows) > 10
    for names, text in rows:
        known = "".join(
            printed_help(capsys, command)
            for name in re.findall(r"`proxyfeed ([a-z ]+)`", names)
            for command in COMMANDS
            if command == name or command.startswith(f"{name} ")
        )
        for option in re.findall(r"`(?:\w+ )?(--[a-z-]+)", text):
            assert f"{option} " in known, (names, option)


def test_nothing_at_all_is_a_request_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    whole = printed_help(capsys, "")

    assert run([]) == 0
    assert capsys.readouterr().out == whole


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"proxyfeed {proxyfeed.__version__}\n"


def test_the_help_names_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(printed_help(capsys, "").split()).partition("Exit codes: ")[2]
    named = {int(code) for code in re.findall(r"(?:^|, )(\d+) ", text)}

    assert named == {0, 1, 70} | {error.exit_code for error in expected_errors()}


def expected_errors() -> Iterator[type[errors.ProxyfeedError]]:
    for value in vars(errors).values():
        is_error = isinstance(value, type) and issubclass(value, errors.ProxyfeedError)
        if is_error and value is not errors.ProxyfeedError:
            yield value


HEAVY = {"alembic", "apprise", "asyncio", "bs4", "httpx", "netaddr", "rich", "sqlalchemy"}


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from proxyfeed.cli.app import run\n"
        "code = run(['update', '--help'])\n"
        "print(code, *sorted(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(Path(proxyfeed.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )

    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert "typer" in modules
    assert HEAVY.intersection(modules) == set()


def test_a_command_without_a_configuration_does_not_reach_for_the_database(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "proxyfeed.toml"

    code = run(["--config", str(missing), "status"])

    assert code == 2
    assert capsys.readouterr().err.splitlines() == [
        f"proxyfeed: there is no configuration at {missing}",
        f"try: proxyfeed --config {missing} init",
    ]
    assert list(tmp_path.iterdir()) == []


def test_running_a_command_leaves_its_arguments_alone() -> None:
    arguments = ["--config", "/nowhere/proxyfeed.toml", "status"]

    assert run(arguments) == run(arguments) == 2
    assert len(arguments) == 3


def test_init_writes_a_configuration_for_its_owner_alone_and_says_what_is_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXYFEED_STATE", str(tmp_path / "state"))
    chosen = tmp_path / "etc" / "proxyfeed.toml"
    command = ["--config", str(chosen), "init"]

    assert run([*command]) == 0
    first = capsys.readouterr().out.splitlines()
    written = chosen.read_text()
    chosen.write_text(f"{written}# mine\n")
    assert run([*command]) == 0
    second = capsys.readouterr().out.splitlines()

    assert chosen.stat().st_mode & 0o777 == 0o600
    assert first[0] == f"configuration {chosen}: written"
    check = f"proxyfeed --config {chosen} config"
    assert first[2:4] == ["next:", f"  edit {chosen}, then check it: {check}"]
    assert second[0] == f"configuration {chosen}: there already, left as it is"
    assert chosen.read_text() == f"{written}# mine\n"
    assert run(["--config", str(chosen), "config"]) == 0


def test_what_tries_for_a_day_to_take_back_collects_its_cycles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    Each try opens the database anew, and a store is a cycle.
    """

    def refuse(*_: object, **__: object) -> NoReturn:
        raise StoreError("the disk is full")

    seen = []
    monkeypatch.setattr(waiting, "writing", refuse)
    monkeypatch.setattr(waiting, "_TRIES", 2)
    monkeypatch.setattr(waiting, "_log", lambda _line: None)
    monkeypatch.setattr(waiting.time, "sleep", lambda _seconds: seen.append(gc.isenabled()))
    monkeypatch.setattr(timer, "wait_until", lambda _due: None)
    around = Surroundings(None, {}, is_root=False)
    gc.disable()
    try:
        code = waiting._take_back(around, load(None, tmp_path), "token", Uptime("boot", 0.0))
    finally:
        gc.enable()

    assert (code, seen) == (StoreError.exit_code, [True, True])
