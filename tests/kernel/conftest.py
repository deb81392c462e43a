"""
Fixtures of the tests that use the real kernel; each test makes its own network namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from tests.kernel.backends import IpsetBackend, KernelBackend, NftBackend
from tests.kernel.directing import KernelDirector, Start
from tests.kernel.namespaces import Lab, Namespace
from tests.kernel.parts import link_variant, missing_parts, missing_variant, skip_or_fail
from tests.kernel.product import path_with

from proxyfeed.store import create_or_upgrade

_missing_variant = cache(missing_variant)


@pytest.fixture(scope="session")
def missing() -> list[str]:
    """
    What the kernel tests lack on this machine.
    """
    return missing_parts()


@pytest.fixture
def equipped(missing: list[str]) -> None:
    """
    Skip a test that uses none of the fixtures below, or fail it, where a part is missing.
    """
    skip_or_fail(missing)


@pytest.fixture
def director(missing: list[str]) -> Iterator[Namespace]:
    """
    A namespace alone: a kernel of its own for sets and rules, without packets.
    """
    skip_or_fail(missing)
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def lab(missing: list[str]) -> Iterator[Lab]:
    """
    A client and a director, joined by a wire.
    """
    skip_or_fail(missing)
    with Lab() as lab:
        yield lab


@pytest.fixture(params=["nft", "legacy"])
def variant(request: pytest.FixtureRequest, missing: list[str], tmp_path: Path) -> Path:
    """
    A directory to put first in PATH: in it every iptables program is that of one variant.
    """
    skip_or_fail(missing or _missing_variant(request.param))
    return link_variant(request.param, tmp_path / f"iptables-{request.param}")


@pytest.fixture(params=["ipset+iptables-nft", "ipset+iptables-legacy", "nftables"])
def backend(request: pytest.FixtureRequest, missing: list[str], tmp_path: Path) -> KernelBackend:
    """
    What holds the set and marks; ``ipset`` alone goes with the iptables of this machine.
    """
    skip_or_fail(missing)
    if request.param == "nftables":
        return NftBackend()
    if request.param == "ipset":
        return IpsetBackend()
    kind = request.param.removeprefix("ipset+iptables-")
    skip_or_fail(_missing_variant(kind))
    return IpsetBackend(path_with(link_variant(kind, tmp_path / f"iptables-{kind}")))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "proxyfeed.db"
    create_or_upgrade(f"sqlite:///{path}").dispose()
    return path


@pytest.fixture
def start(tmp_path: Path, empty_database: Path, backend: KernelBackend) -> Iterator[Start]:
    made = KernelDirector.start(tmp_path, empty_database)
    assert isinstance(made, KernelDirector)
    made.backend = backend

    def configured(toml: str, namespace: Namespace) -> KernelDirector:
        made.namespace = namespace
        made.configure(toml)
        return made

    with closing(made.store):
        yield configured
