"""
Another program that keeps the database locked: nothing is half done, and who only looks can look.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from tests.e2e.machine import Done, Machine
from tests.e2e.pages import GROWN, page
from tests.e2e.servers import PAGE, Site
from tests.failing.told import assert_told
from tests.servers import response

pytestmark = pytest.mark.kernel

# As the program is, but for the ten seconds that it waits for others.
IMPATIENT = (
    sys.executable,
    "-c",
    "import proxyfeed.store.engine as engine; engine._BUSY_MILLISECONDS = 1;"
    "from proxyfeed.cli import main; main()",
)
LOCKED = "another program keeps it locked (database is locked)"


@contextmanager
def locked(machine: Machine, *pragmas: str) -> Iterator[None]:
    with closing(sqlite3.connect(machine.database, isolation_level=None)) as other:
        for pragma in pragmas:
            other.execute(pragma)
        other.execute("BEGIN EXCLUSIVE")
        other.execute("UPDATE feeds SET name = 'somebody works here'")
        yield
        other.execute("ROLLBACK")


def type_in(machine: Machine, words: str) -> Done:
    return machine.proxyfeed(*words.split(), code=None, program=IMPATIENT)


def test_while_another_writes_nothing_is_written_and_everything_can_be_looked_at(
    running: Machine, site: Site
) -> None:
    live = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    with locked(running):
        for words in ("update", "rollback 1"):
            assert_told(type_in(running, words), 7, LOCKED)
            assert running.kernel() == live
        for words in ("status", "diff", "history", "apply"):
            assert type_in(running, words).code == 0
    assert running.kernel() == live
    assert running.versions() == [(1, "accepted")]

    assert running.proxyfeed("update").err == ""
    assert running.versions() == [(1, "accepted"), (2, "accepted")]


def test_what_is_applied_while_another_writes_is_in_the_kernel_and_that_it_is_unrecorded_is_told(
    running: Machine,
) -> None:
    live = running.members("proxyfeed_aol_4")
    running.namespace.run("ipset", "del", "proxyfeed_aol_4", "198.81.8.0/23")
    with locked(running):
        # Ten more seconds than others: what the program really waits.
        assert_told(running.proxyfeed("apply", code=7), 7, LOCKED)
    assert running.members("proxyfeed_aol_4") == live

    assert running.proxyfeed("status").err == ""


def test_a_database_that_another_keeps_to_itself_is_told_whatever_is_typed(
    running: Machine, site: Site
) -> None:
    live = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    with locked(running, "PRAGMA locking_mode = EXCLUSIVE"):
        for words in ("update", "apply", "rollback 1", "status", "diff"):
            assert_told(type_in(running, words), 7, LOCKED)
            assert running.kernel() == live

    assert running.proxyfeed("update").err == ""
    assert len(running.versions()) == 2
