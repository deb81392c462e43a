import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.store.readings import open_store

from proxyfeed.store import Store, create_or_upgrade


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A database as the migrations make it; each test takes a copy.
    """
    path = tmp_path_factory.mktemp("migrated") / "proxyfeed.db"
    create_or_upgrade(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path))


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with closing(open_store(database)) as store:
        yield store
