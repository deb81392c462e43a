"""
What a compromised child could do: each of these asks one from inside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kernel.conftest import director, missing
from tests.kernel.namespaces import Namespace
from tests.kernel.parts import skip_or_fail
from tests.sources.apart import probing
from tests.sources.apart.probing import LISTING, URL, explore_as_reader, said

from proxyfeed.errors import NoRights, ReadError
from proxyfeed.model import Body, Feed, FetchLimits, TextRules
from proxyfeed.sources.apart import Apart, Bounds, Identity, kernel
from proxyfeed.sources.apart.child import run_apart
from proxyfeed.sources.apart.provisions import provide_for_fetch

__all__ = ["director", "missing"]

NOBODY = Identity.of("nobody")
FEED = Feed("x", (URL,), TextRules())
# What is left where no user can be changed to: the same user, and no capability.
POWERLESS = {
    "capabilities": [0],
    "may gain more": False,
    "leads its session": True,
    "memory can be read": False,
    "may leave a core": False,
}


@pytest.fixture
def as_root() -> None:
    skip_or_fail([] if os.geteuid() == 0 else ["only root can become another user: run as root"])


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """
    A folder that everybody may write to.
    """
    folder = Path(tempfile.mkdtemp(prefix="proxyfeed-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def probe(*arguments: str | Path, prefix: tuple[str, ...] = ()) -> Any:
    done = subprocess.run(
        [*prefix, sys.executable, probing.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.kernel
def test_roots_fetcher_is_nobody_and_can_touch_nothing(
    as_root: None, director: Namespace, tmp_path: Path, open_folder: Path
) -> None:
    secrets = [tmp_path / "proxyfeed.db", tmp_path / "proxyfeed.db.lock"]
    for path in secrets:
        path.touch(0o600)
    anywhere = open_folder / "file"

    found = probe("nobody", *secrets, anywhere, prefix=director.argv)

    assert found["standing"] == {**POWERLESS, "users": [NOBODY.uid]}
    assert found["descriptors"] == ["/dev/null"] * 3 + ["pipe"]
    assert {found["read"][str(path)] for path in secrets} == {"EACCES"}
    assert {found["write"][str(path)] for path in secrets} == {"EACCES"}
    assert found["write"][str(anywhere)] == "EFBIG"
    assert "Operation not permitted" in found["ipset"]
    assert found["others"] == {
        "become root": "EPERM",
        "be in root's group": "EPERM",
        "end the parent": "EPERM",
        "read the parent": "EACCES",
        "use the terminal": "ENXIO",
    }
    assert director.run("ipset", "list", "-name").stdout == ""


def test_a_reader_opens_nothing_and_starts_nothing(as_root: None) -> None:
    child = Apart(NOBODY, reading=explore_as_reader)

    with pytest.raises(ReadError) as refusal:
        child.read(FEED, Body(b"20.0.0.0/24\n"))

    assert json.loads(refusal.value.message) == {
        "open a file": "EMFILE",
        "open a connection": "EMFILE",
        "start a process": "EAGAIN",
    }


@pytest.mark.kernel
def test_where_no_other_user_exists_the_fetcher_loses_its_capabilities(missing: list[str]) -> None:
    skip_or_fail(missing)

    found = probe("nobody", prefix=("unshare", "--user", "--map-root-user", "--net"))

    assert found["standing"] == {**POWERLESS, "users": [0]}
    assert "Operation not permitted" in found["ipset"]


def test_an_ordinary_users_fetcher_is_that_user_without_a_way_to_more(as_root: None) -> None:
    # A child that is nobody is an ordinary user, and one that may fork.
    def nested() -> bytes:
        child = Apart(None, fetching=lambda *_: said(probing.standing()))
        return child.fetch(URL, FetchLimits())[0].detail.encode()

    provide_for_fetch(URL)
    told = run_apart(nested, Bounds.of_fetch(FetchLimits()), NOBODY)

    assert json.loads(told) == {**POWERLESS, "users": [NOBODY.uid]}


def test_whoever_runs_it_fetches_and_reads_all_the_same() -> None:
    child = Apart(None, fetching=lambda *_: said("here"), reading=lambda *_: LISTING)

    assert child.fetch(URL, FetchLimits())[0].detail == '"here"'
    assert child.read(FEED, Body(b"20.0.0.0/24\n")) == LISTING


@pytest.mark.parametrize("name", ["setuid", "setgid", "kill"])
def test_root_without_the_capabilities_for_it_fetches_nothing(as_root: None, name: str) -> None:
    kind, message, hint = probe("nobody", prefix=("setpriv", f"--bounding-set=-{name}"))

    assert kind == "NoRights"
    assert message.endswith(f"as nobody: it lacks CAP_{name.upper()}")
    assert "set fetch_as to the user that it runs as" in hint


def test_root_without_those_capabilities_may_stay_root_without_any(as_root: None) -> None:
    found = probe("root", prefix=("setpriv", "--bounding-set=-setuid,-setgid,-kill,-setpcap"))

    assert found["standing"] == {**POWERLESS, "users": [0]}


@pytest.mark.parametrize("call", ["setgroups", "setresgid", "setresuid"])
def test_a_change_of_user_that_is_refused_ends_it_before_any_work(
    as_root: None, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, f"{call} is not permitted")

    monkeypatch.setattr(os, call, refuse)

    with pytest.raises(NoRights, match=f"as nobody: {call} is not permitted"):
        run_apart(lambda: b"done", Bounds.of_fetch(FetchLimits()), NOBODY)


@pytest.mark.parametrize(
    ("place", "call", "left"),
    [
        (os, "setresuid", r"it is still one of \[0, "),
        (os, "setresgid", r"it is still one of \[0, "),
        (kernel, "empty_capabilities", "CapPrm is still "),
        (kernel, "forbid_new_privileges", "new programs may still have more rights"),
    ],
)
def test_rights_that_are_left_though_nothing_was_refused_end_it_too(
    as_root: None, monkeypatch: pytest.MonkeyPatch, place: object, call: str, left: str
) -> None:
    monkeypatch.setattr(place, call, lambda *_: None)
    # With the user its capabilities go too, so this one has to stay who it is.
    identity = Identity.of("root") if call == "empty_capabilities" else NOBODY

    with pytest.raises(NoRights, match=left):
        run_apart(lambda: b"done", Bounds.of_fetch(FetchLimits()), identity)


def test_a_user_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(NoRights, match="there is no user 'none such'") as refusal:
        Identity.of("none such")

    assert "fetch_as" in refusal.value.hint


def test_the_probe_sees_what_somebody_with_rights_could_do(tmp_path: Path) -> None:
    path = str(tmp_path / "proxyfeed.db")

    tried = probing.try_each(
        {
            "write": lambda: probing.write(path),
            "read": lambda: Path(path).read_bytes(),
            "end": lambda: os.kill(os.getpid(), 0),
        }
    )

    assert tried == dict.fromkeys(("write", "read", "end"), "could")
