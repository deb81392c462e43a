"""
Whatever a foreign function raises at an edge becomes a message with a place and a hint.

The exceptions of a library are found by looking, so that those of its next release are tried too.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import io
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import apprise
import pytest
from alembic import command as alembic_command
from sqlalchemy import exc as sqlalchemy_exc
from sqlalchemy.engine.default import DefaultDialect
from tests.failing.edges import always, fail, is_file, kinds_of, made
from tests.failing.told import Met, assert_told

from proxyfeed.cli import app
from proxyfeed.cli.app import run
from proxyfeed.errors import CommandFailed
from proxyfeed.firewall import Runner

CONFIGURATION = """
database = "sqlite:///proxyfeed.db"
apply = "manual"

[feeds.relay]
url = "file:relay.txt"
format = "text"

[sets.relay]
feeds = ["relay"]
mark = 1
"""
OS_ERRORS = [OSError(number, os.strerror(number)) for number in sorted(errno.errorcode)]
# One for each exception that Python makes of them, for places that differ in nothing else.
OF_EACH_KIND = [*{type(error): error for error in OS_ERRORS}.values()]

Command = Callable[[str, BaseException], Met]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A folder with a configuration, a saved page, and a database with version 1 in it.
    """
    folder = tmp_path_factory.mktemp("recorded")
    folder.joinpath("proxyfeed.toml").write_text(CONFIGURATION, "utf-8")
    folder.joinpath("relay.txt").write_text("20.0.0.0/24\n20.0.2.0/24\n", "utf-8")
    assert run(["-c", str(folder / "proxyfeed.toml"), "update", "--quiet"]) == 0
    return folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """
    A copy of it, for a program that finds every tool and starts none: the host's own kernel is
    never touched.
    """
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("PROXYFEED_CONFIG", str(tmp_path / "proxyfeed.toml"))
    monkeypatch.setenv("PROXYFEED_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(shutil, "which", lambda program, path: f"/{program}")
    fail(monkeypatch, subprocess, "run", AssertionError("a program would have been started"))
    return tmp_path


@pytest.fixture
def proxyfeed(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """
    Run a command in this process, and say which error it is to meet.
    """

    def command(words: str, error: BaseException) -> Met:
        return Met(run(words.split()), *capsys.readouterr(), error)

    return command


# ---------------------------------------------------------------- the operating system


@dataclass(frozen=True)
class Edge:
    """
    A function of the system that *command* calls, and the codes and words of its failure.
    """

    module: object
    name: str
    command: str
    codes: set[int]
    word: str
    is_meant: Callable[..., bool] = always
    errors: Sequence[OSError] = tuple(OS_ERRORS)


CONFIG, DATABASE = is_file("proxyfeed.toml"), is_file("proxyfeed.db")
PAGE, LOCK = is_file("relay.txt"), is_file(".lock")
NO_LOCK = "proxyfeed.db.lock cannot be taken: "
NO_START = "ipset cannot be started: "
SYSTEM = {
    "looks for the configuration": Edge(os, "stat", "history", {2}, "proxyfeed.toml", CONFIG),
    "looks for the database": Edge(os, "stat", "history", {7}, "proxyfeed.db", DATABASE),
    "opens the lock": Edge(os, "open", "apply", {7}, NO_LOCK, LOCK),
    "takes the lock": Edge(fcntl, "flock", "apply", {6, 7}, "proxyfeed.db.lock"),
    "empties the lock": Edge(
        os, "ftruncate", "apply", {6, 7}, "proxyfeed.db.lock", errors=OF_EACH_KIND
    ),
    "writes to the lock": Edge(
        os, "pwrite", "apply", {6, 7}, "proxyfeed.db.lock", errors=OF_EACH_KIND
    ),
    "opens a saved page": Edge(os, "open", "update", {3}, "feed relay: no file: ", PAGE),
    "looks at a saved page": Edge(
        os, "fstat", "update", {3}, "feed relay: no file: ", PAGE, OF_EACH_KIND
    ),
    "makes a file in memory": Edge(os, "memfd_create", "apply", {5}, NO_START),
    "rewinds a file in memory": Edge(os, "lseek", "apply", {5}, NO_START, errors=OF_EACH_KIND),
    "starts a program": Edge(subprocess, "run", "apply", {5}, NO_START),
    "asks for the host's name": Edge(socket, "gethostname", "history", {7}, "name of this host"),
}


@pytest.mark.parametrize("edge", SYSTEM.values(), ids=SYSTEM)
def test_whatever_the_system_refuses_is_told(proxyfeed: Command, edge: Edge) -> None:
    for error in edge.errors:
        with pytest.MonkeyPatch.context() as patch:
            fail(patch, edge.module, edge.name, error, edge.is_meant)
            assert_told(proxyfeed(edge.command, error), edge.codes, edge.word)


def test_a_lock_whose_holder_cannot_be_read_is_held_all_the_same(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, fcntl, "flock", BlockingIOError(errno.EAGAIN, "try again"))
    error = OSError(errno.EIO, "Input/output error")
    fail(monkeypatch, os, "pread", error)

    assert_told(proxyfeed("apply", error), 6, "it cannot be read who (Input/output error)")


def test_a_file_in_memory_that_takes_nothing_is_told_and_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = [*Path("/proc/self/fd").iterdir()]
    monkeypatch.setattr(shutil, "which", lambda program, path: f"/{program}")
    monkeypatch.setattr(os, "memfd_create", lambda _name: os.open("/dev/full", os.O_RDWR))

    with pytest.raises(CommandFailed, match="ipset cannot be started: No space left on device"):
        Runner().run(["ipset", "restore"], "add proxyfeed_relay_4 20.0.0.0/24\n")

    assert [*Path("/proc/self/fd").iterdir()] == before


def test_a_program_that_takes_too_long_is_told(proxyfeed: Command) -> None:
    error = subprocess.TimeoutExpired(["ipset"], 120)
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, subprocess, "run", error)
        said = proxyfeed("apply", error)

    assert_told(said, {5}, "ipset list -n was not done after 120 s and was killed")


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 4711"), *OS_ERRORS[:3]])
def test_whoever_has_no_name_goes_by_a_number(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    fail(monkeypatch, getpass, "getuser", error)

    assert proxyfeed("history", error).code == 0


@pytest.mark.parametrize("variable", ["SUDO_USER", "LOGNAME"])
def test_a_name_that_is_not_utf_8_is_recorded_with_its_escapes(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch, folder: Path, variable: str
) -> None:
    for other in ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(variable, os.fsdecode(b"in\xe9s"))
    folder.joinpath("relay.txt").write_text("20.0.0.0/24\n", "utf-8")
    held = proxyfeed("update", ValueError("a surrogate"))
    approved = proxyfeed("approve 2", ValueError("a surrogate"))

    assert (held.code, approved.code) == (4, 0), approved
    assert "in\\udce9s" in proxyfeed("show 2", ValueError("a surrogate")).out


def test_a_user_without_a_home_is_told_what_to_name_instead(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROXYFEED_CONFIG", "PROXYFEED_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    error = RuntimeError("Could not determine home directory.")
    fail(monkeypatch, Path, "home", error)

    assert_told(proxyfeed("history", error), {2}, "has no home folder")


def test_a_working_folder_that_is_gone_is_told(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXYFEED_STATE", "state")
    error = FileNotFoundError(errno.ENOENT, "No such file or directory")
    fail(monkeypatch, os, "getcwd", error)

    assert_told(proxyfeed("history", error), {2}, "PROXYFEED_STATE=state")


def test_memory_that_runs_out_is_no_bug(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = MemoryError()
    fail(monkeypatch, DefaultDialect, "do_execute", error)

    assert_told(proxyfeed("update", error), {7}, "memory ran out")


def test_where_no_memory_is_left_for_its_words_that_is_said(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = MemoryError()
    fail(monkeypatch, app, "fail", error)

    assert_told(proxyfeed("update FEED", error), {7}, "memory ran out")


def test_a_broken_pipe_that_is_not_ours_is_no_success(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = BrokenPipeError(errno.EPIPE, "Broken pipe")
    fail(monkeypatch, DefaultDialect, "do_execute", error)

    assert_told(proxyfeed("update", error), 7, "the system refused what is needed: Broken pipe")


def test_a_bug_is_still_one(proxyfeed: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    error = ZeroDivisionError("division by zero")
    fail(monkeypatch, DefaultDialect, "do_execute", error)

    said = proxyfeed("history", error)

    assert said.code == 70
    assert said.err.startswith("Traceback (most recent call last):")


# ---------------------------------------------------------------- standard streams


class Broken(io.TextIOWrapper):
    """
    A stream that cannot be written; its descriptor is another one's copy, which may be given up.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(io.FileIO(os.open(os.devnull, os.O_WRONLY), "w"), "utf-8")
        self._error = error

    def write(self, _text: str) -> int:
        raise self._error


@pytest.mark.parametrize(
    "words", ["history", "--help", "update --help", "--version", "show 1 --json"]
)
def test_a_standard_output_that_cannot_be_written_is_told(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    for error in OS_ERRORS if words == "history" else OF_EACH_KIND:
        with Broken(error) as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            said = proxyfeed(words, error)
        if isinstance(error, BrokenPipeError):
            assert (said.code, said.err) == (0, ""), said
        else:
            assert_told(said, {7}, os.strerror(error.errno or 0))


def test_a_standard_error_that_cannot_be_written_changes_no_exit_code(
    proxyfeed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in OF_EACH_KIND:
        with Broken(error) as stream:
            monkeypatch.setattr(sys, "stderr", stream)
            assert proxyfeed("show 99", error).code == 2


# ---------------------------------------------------------------- libraries


BASES = (sqlalchemy_exc.SQLAlchemyError, sqlalchemy_exc.DBAPIError, sqlite3.Error)


def of_database() -> Iterator[Exception]:
    """
    All that SQLAlchemy and the driver may raise, also without a word.
    """
    of_driver = [*kinds_of(sqlite3.Error), *kinds_of(sqlite3.Warning)]
    for kind in (*kinds_of(sqlalchemy_exc.SQLAlchemyError), *of_driver):
        # Some come without a word.
        for words in ("as if it had failed", *([""] if kind in BASES else [])):
            statement = ("SELECT 1", {}, sqlite3.OperationalError(words))
            is_of_statement = issubclass(kind, sqlalchemy_exc.DBAPIError)
            ways = [statement] if is_of_statement else [(words,), (words, *statement)]
            yield made(kind, *ways)


def test_the_exceptions_of_the_database_were_found() -> None:
    found = {type(error) for error in of_database()}

    assert {sqlalchemy_exc.OperationalError, sqlalchemy_exc.NoResultFound} < found
    assert {sqlite3.OperationalError, sqlite3.DatabaseError, sqlite3.Warning} < found


@pytest.mark.parametrize(
    ("words", "step"),
    [
        *product(("history", "update", "init"), ("connect", "do_execute")),
        ("update", "do_commit"),
    ],
)
def test_whatever_the_database_raises_is_told(proxyfeed: Command, words: str, step: str) -> None:
    for error in of_database():
        with pytest.MonkeyPatch.context() as patch:
            fail(patch, DefaultDialect, step, error)
            assert_told(proxyfeed(words, error), 7, "proxyfeed.db: ")


def of_alembic() -> list[type[Exception]]:
    found = [kind for kind in kinds_of(Exception) if kind.__module__.startswith("alembic.")]
    assert {"CommandError", "MultipleHeads"} < {kind.__name__ for kind in found}
    return found


def test_whatever_a_migration_raises_is_told_and_the_database_is_as_it_was(
    proxyfeed: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(folder / "proxyfeed.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    before = dump(folder / "proxyfeed.db")

    for kind in of_alembic():
        error = made(kind, ("as if it had failed",))
        with pytest.MonkeyPatch.context() as patch:
            fail(patch, alembic_command, "upgrade", error)
            said = proxyfeed("init", error)

        assert_told(said, {7}, "proxyfeed.db is as it was and cannot be upgraded: ")
        assert dump(folder / "proxyfeed.db") == before


def dump(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def of_apprise() -> list[type[Exception]]:
    found = [kind for kind in kinds_of(Exception) if kind.__module__.startswith("apprise.")]
    assert "AppriseException" in {kind.__name__ for kind in found}
    return [*found, OSError, RuntimeError, UnicodeError, TypeError, ImportError]


@pytest.mark.parametrize("step", ["add", "notify"])
def test_whatever_a_target_of_alerts_raises_fails_no_night(
    proxyfeed: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    alerts = '[alerts]\nto = ["json://127.0.0.1:1/"]\n'
    folder.joinpath("proxyfeed.toml").write_text(f"{CONFIGURATION}\n{alerts}", "utf-8")
    for kind in of_apprise():
        error = made(kind, ("as if it had failed",))
        folder.joinpath("relay.txt").unlink(missing_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            fail(patch, apprise.Apprise, step, error)
            assert_told(proxyfeed("update", error), {3}, "feed relay: no file")
        assert kind.__name__ in delivery(folder / "proxyfeed.db")


def test_a_thread_that_cannot_be_started_fails_no_night(
    proxyfeed: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = '[alerts]\nto = ["json://127.0.0.1:1/"]\n'
    folder.joinpath("proxyfeed.toml").write_text(f"{CONFIGURATION}\n{alerts}", "utf-8")
    folder.joinpath("relay.txt").unlink()
    error = RuntimeError("can't start new thread")
    fail(monkeypatch, threading.Thread, "start", error)

    assert_told(proxyfeed("update", error), {3}, "feed relay: no file")
    assert "can't start new thread" in delivery(folder / "proxyfeed.db")


def delivery(database: Path) -> str:
    """
    What ``status`` will show of the last message to the only target.
    """
    with closing(sqlite3.connect(database)) as connection:
        ((error,),) = connection.execute("SELECT error FROM deliveries").fetchall()
    return str(error)
