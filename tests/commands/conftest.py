"""
Fixtures of the tests that run commands without a kernel.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.commands.director import Director

from proxyfeed.store import create_or_upgrade


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    A database as the migrations make it; each test takes a copy.
    """
    path = tmp_path_factory.mktemp("empty") / "proxyfeed.db"
    create_or_upgrade(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def director(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Director]:
    """
    A director with one feed, a page in a file, and ``apply = "manual"``.
    """
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    director = Director.start(tmp_path, empty_database)
    yield director
    director.store.close()
