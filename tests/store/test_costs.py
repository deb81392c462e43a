"""
What the database costs, in what can be counted: statements, and instructions of SQLite's machine.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from tests.store.readings import DAY, HOST, NOW, attempt, open_engine

from proxyfeed.model import FetchOutcome, Labels, Reading, Status
from proxyfeed.notation import make_key
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store

SIZE = 200
CHANGE = 5
FEW, MANY = 10, 1_000


def night(number: int) -> Reading:
    """
    A list of *SIZE* prefixes with labels, of which *CHANGE* are others than the night before.
    """
    first = number * CHANGE
    keys = [make_key(4, (20 << 24) + (one << 9), 24) for one in range(first, first + SIZE)]
    content = PrefixSet(tuple(keys))
    labels = Labels.of("country", [("DE", content)])
    verdict = attempt(FetchOutcome.NEW, f"{number}".encode())
    return Reading("aol", (verdict,), "", "reader", content, Status.ACCEPTED, labels=labels)


@pytest.fixture(scope="module")
def databases(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """
    The same feed after *FEW* and after *MANY* versions.
    """
    folder = tmp_path_factory.mktemp("costs")
    growing = Path(shutil.copy(migrated, folder / "growing.db"))
    found = {}
    engine = open_engine(growing)
    with closing(Store(engine, host=HOST)) as store:
        for number in range(1, MANY + 1):
            store.record([night(number)], NOW + number * DAY / 10)
            if number in (FEW, MANY):
                with closing(engine.raw_connection()) as connection:
                    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
                found[number] = Path(shutil.copy(growing, folder / f"{number}.db"))
    return found


class Cost:
    """
    *statements* as SQLAlchemy sends them, and what SQLite does for them, in tens of instructions.
    """

    def __init__(self) -> None:
        self.statements = 0
        self.steps = 0

    def tick(self) -> int:
        self.steps += 1
        return 0


@contextmanager
def counting(engine: Engine) -> Iterator[Cost]:
    cost = Cost()

    def count(*_: object) -> None:
        cost.statements += 1

    with closing(engine.raw_connection()) as connection:
        connection.driver_connection.set_progress_handler(cost.tick, 10)
    event.listen(engine, "before_cursor_execute", count)
    yield cost
    event.remove(engine, "before_cursor_execute", count)
    with closing(engine.raw_connection()) as connection:
        connection.driver_connection.set_progress_handler(None, 0)


def cost_after(database: Path, ask: Callable[[Store], object], tmp_path: Path) -> Cost:
    engine = open_engine(Path(shutil.copy(database, tmp_path / database.name)))
    with closing(Store(engine, host=HOST)) as store, counting(engine) as cost:
        ask(store)
    return cost


def latest(store: Store) -> int:
    newest = store.state("aol", NOW + 1_000 * DAY).latest
    assert newest is not None
    return newest.id


def read_where_it_stands(store: Store) -> None:
    assert store.state("aol", NOW + 1_000 * DAY).latest is not None


def read_newest(store: Store) -> None:
    assert len(store.content(store.version(latest(store)))) == SIZE


def read_newest_labels(store: Store) -> None:
    assert len(store.labels(store.version(latest(store))).parts[0][1]) == SIZE


def compare_newest(store: Store) -> None:
    number = latest(store)
    new, old = (store.content(store.version(one)) for one in (number, number - 1))
    assert len(old - new) == CHANGE


def look_up(store: Store) -> None:
    assert store.lives("aol", "20.0.44.1") == ((1, 5),)


def read_what_departed(store: Store) -> None:
    since = NOW + (latest(store) - 2) * DAY / 10
    assert [len(gone) for _, gone in store.departed("aol", since)] == [CHANGE, CHANGE]


def record_nothing_new(store: Store) -> None:
    same = Reading("aol", (attempt(FetchOutcome.SAME),), "", "reader", version=latest(store))
    store.record([same], NOW + 1_000 * DAY)


def record_a_change(store: Store) -> None:
    store.record([night(latest(store) + 1)], NOW + 1_000 * DAY)


READING = (read_where_it_stands, read_newest, read_newest_labels, compare_newest, look_up)
LOOKING_AT_THE_PAST = (read_what_departed, record_nothing_new, record_a_change)


# One test, as the thousand versions are what takes its time.
def test_after_a_thousand_versions_all_costs_what_it_did_after_ten(
    databases: dict[int, Path], tmp_path: Path
) -> None:
    asked = (*READING, *LOOKING_AT_THE_PAST)
    few, many = (
        {ask: cost_after(databases[number], ask, tmp_path) for ask in asked}
        for number in (FEW, MANY)
    )

    for ask in asked:
        assert 0 < many[ask].statements <= few[ask].statements, ask
    for ask in READING:
        assert 0 < many[ask].steps <= 1.1 * few[ask].steps, ask
    # A list of versions or attempts is gone through: some instructions for each of its rows.
    for ask in LOOKING_AT_THE_PAST:
        assert 10 * (many[ask].steps - few[ask].steps) <= 6 * (MANY - FEW), ask
