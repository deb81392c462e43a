"""
Fixtures of the tests that run the real program in a network namespace of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.machine import CONFIGURATION, Machine, Session
from tests.e2e.pages import LIST, page
from tests.e2e.servers import PAGE, Site, Webhook
from tests.kernel.conftest import director, missing
from tests.kernel.namespaces import Namespace
from tests.kernel.parts import skip_or_fail
from tests.servers import response

__all__ = ["director", "missing"]


@pytest.fixture(scope="session")
def equipped(missing: list[str]) -> None:
    """
    Skip a test, or fail it, on a machine that lacks a part.
    """
    skip_or_fail(missing)


@pytest.fixture
def site(director: Namespace) -> Iterator[Site]:
    """
    The publisher, with the list of 2007 and no validators.
    """
    with Site(director) as site:
        site.pages[PAGE] = response(page(LIST))
        yield site


@pytest.fixture
def webhook(director: Namespace) -> Iterator[Webhook]:
    """
    Where alerts arrive, for a machine that is configured with `ALERTS`.
    """
    with Webhook(director) as webhook:
        yield webhook


@pytest.fixture
def machine(director: Namespace, tmp_path: Path, site: Site) -> Machine:
    """
    A director that takes the list from *site*, and has not run yet.
    """
    machine = Machine(director, tmp_path)
    machine.configure(CONFIGURATION)
    return machine


@pytest.fixture(scope="session")
def first_night(equipped: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """
    A director after its first night, to be copied.
    """
    with Namespace() as namespace, Site(namespace) as site:
        site.pages[PAGE] = response(page(LIST))
        machine = Machine(namespace, tmp_path_factory.mktemp("first-night"))
        machine.configure(CONFIGURATION)
        machine.proxyfeed("update")
        yield machine


@pytest.fixture
def running(machine: Machine, first_night: Machine) -> Machine:
    """
    A director after its first night: version 1 is applied.
    """
    machine.copy(first_night)
    return machine


@pytest.fixture
def session(running: Machine) -> Iterator[Session]:
    """
    One process that runs command after command on *running*.
    """
    with running.session() as session:
        yield session
