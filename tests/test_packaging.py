"""
What is built from a checkout works away from it, and what is locked is what is asked for.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.lock").read_text("ascii")

PIN = re.compile(r"([a-z0-9-]+)==(\S+)(?: ; .+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def run(*argv: str | Path, cwd: Path, **environ: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **{name: str(value) for name, value in environ.items()}}
    return subprocess.run(
        argv, cwd=cwd, env=environment, check=True, capture_output=True, text=True
    )


def build(target: str, source: Path, folder: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=source)
    (built,) = folder.iterdir()
    return built


def files_below(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The unpacked source distribution.
    """
    archive = build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))
    run("tar", "--extract", "--file", archive, cwd=archive.parent)
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The folder that the wheel is installed to, far from the checkout.
    """
    folder = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps")
    run(*pip, "--target", folder, wheel, cwd=folder)
    return folder


@pytest.mark.parametrize("folder", ["migrations", "cron", "fixtures/aol/br-list"])
def test_what_stands_beside_the_source_travels_in_the_wheel(folder: str, members: set[str]) -> None:
    wanted = {f"proxyfeed/{name}" for name in files_below(ROOT / folder)}

    assert wanted
    assert wanted <= members


def test_the_whole_package_travels_in_the_wheel(members: set[str]) -> None:
    wanted = {name.removeprefix("src/") for name in files_below(ROOT / "src/proxyfeed")}

    assert {"proxyfeed/py.typed", "proxyfeed/catalog.toml", "proxyfeed/example.toml"} < wanted
    assert wanted <= members


def test_the_wheel_holds_the_package_and_its_metadata_and_no_more(members: set[str]) -> None:
    tops = {name.partition("/")[0] for name in members}

    assert {re.sub(r"-[0-9.]+\.", ".", top) for top in tops} == {"proxyfeed", "proxyfeed.dist-info"}
    assert not [name for name in members if name.endswith(".pyc")]


def test_the_wheel_carries_its_licence(members: set[str]) -> None:
    assert [name for name in members if name.endswith("dist-info/licenses/LICENSE")]


def test_a_wheel_from_the_source_distribution_is_the_same(
    sdist: Path, members: set[str], tmp_path: Path
) -> None:
    with zipfile.ZipFile(build("wheel", sdist, tmp_path)) as archive:
        assert set(archive.namelist()) == members


def test_the_source_distribution_carries_what_proves_it(sdist: Path) -> None:
    for name in (
        "Makefile",
        "SECURITY.md",
        "requirements.lock",
        "tests/test_packaging.py",
        ".ci/run",
    ):
        assert (sdist / name).is_file()
    assert not (sdist / ".venv").exists()


def run_installed(installed: Path, folder: Path, *words: str) -> str:
    """
    Run what is *installed* in *folder*, with a configuration and a database of its own there.
    """
    done = run(
        # Not the working directory (-P); the checkout, if it is there at all, after PYTHONPATH.
        *(sys.executable, "-P", *words),
        cwd=folder,
        PYTHONPATH=installed,
        PROXYFEED_CONFIG=folder / "proxyfeed.toml",
        PROXYFEED_STATE=folder / "state",
    )
    return done.stdout


def test_an_installed_proxyfeed_runs_without_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run_installed(installed, tmp_path, "-c", "import proxyfeed; print(proxyfeed.__file__)")

    assert Path(where.strip()) == installed / "proxyfeed/__init__.py"


def test_an_installed_proxyfeed_finds_its_migrations(installed: Path, tmp_path: Path) -> None:
    run_installed(installed, tmp_path, "-m", "proxyfeed", "init")

    with closing(sqlite3.connect(tmp_path / "state/proxyfeed.db")) as database:
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    assert list((ROOT / "migrations/versions").glob(f"{revision}_*.py"))


def test_an_installed_proxyfeed_offers_its_own_files_for_cron(
    installed: Path, tmp_path: Path
) -> None:
    said = run_installed(installed, tmp_path, "-m", "proxyfeed", "init")

    assert f"install -m 644 {installed}/proxyfeed/cron/proxyfeed /etc/cron.d/proxyfeed" in said


def test_an_installed_proxyfeed_reads_its_own_saved_page(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "proxyfeed.toml").write_text('[sets.aol]\nfeeds = ["aol"]\nmark = 1\n')

    shown = json.loads(run_installed(installed, tmp_path, "-m", "proxyfeed", "config", "--json"))

    (feed,) = shown["data"]["feeds"]
    page = installed / "proxyfeed/fixtures/aol/br-list/body.html"
    assert page.is_file()
    assert feed["urls"][-1] == page.as_uri()


def read_lock() -> dict[str, list[tuple[str, int]]]:
    """
    The versions that are pinned of each package, each with the number of its hashes.

    A package may be pinned twice, under markers that exclude each other.
    """
    pins: dict[str, list[tuple[str, int]]] = {}
    name = ""
    for line in LOCK.splitlines():
        if pin := PIN.fullmatch(line):
            name = pin[1]
            pins.setdefault(name, []).append((pin[2], 0))
        elif HASH.fullmatch(line):
            version, hashes = pins[name].pop()
            pins[name].append((version, hashes + 1))
        else:
            assert line.lstrip().startswith("#"), f"neither a pin nor a hash: {line}"
    return pins


def direct_dependencies() -> list[str]:
    build_system = PROJECT["build-system"]["requires"]
    return [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *build_system,
    ]


@pytest.mark.parametrize("dependency", direct_dependencies())
def test_every_direct_dependency_is_locked_as_the_project_allows(dependency: str) -> None:
    wanted = Requirement(dependency)

    versions = [version for version, _ in read_lock()[canonicalize_name(wanted.name)]]

    assert versions
    assert all(wanted.specifier.contains(version) for version in versions)


def test_every_locked_package_has_its_hashes() -> None:
    assert not [name for name, pins in read_lock().items() for _, hashes in pins if not hashes]


def test_the_lock_names_no_index_and_no_folder() -> None:
    assert "/" not in LOCK
    assert "--index" not in LOCK
    assert "--find-links" not in LOCK


@pytest.mark.parametrize("dependency", PROJECT["project"]["dependencies"])
def test_every_dependency_has_its_reason_in_the_readme(dependency: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (section,) = re.findall(r"^## Dependencies\n(.*?)(?=^## |\Z)", readme, re.DOTALL | re.MULTILINE)

    assert re.search(rf"`{Requirement(dependency).name}`\W+\w", section)
