"""
The guest itself: what it says of its command is believed, and it leaves nothing behind.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab.boot import BootError, boot, missing_parts

pytestmark = pytest.mark.usefixtures("equipped")


def test_the_status_of_the_command_is_handed_out() -> None:
    assert boot(["sh", "-c", "exit 7"], timeout=60).code == 7


def test_what_the_guest_writes_stays_in_the_guest(tmp_path: Path) -> None:
    inside = tmp_path / "written"
    script = f"mkdir -p {tmp_path} && echo x > {inside} && cat {inside} && rm /etc/passwd && id -u"
    guest = boot(["sh", "-c", script], timeout=60)
    assert "x\n0\n" in guest.printed
    assert not inside.exists()
    assert Path("/etc/passwd").exists()


@pytest.fixture
def few_files() -> Iterator[int]:
    """
    A login that allows fewer open files than a guest looks at: so many, which is enough for this
    process.
    """
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
    yield few
    resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def test_a_guest_looks_at_more_files_than_a_login_may_open(few_files: int) -> None:
    count = few_files + 200
    files = f"find /usr/lib -type f -perm -o=r -print0 | head -z -n {count}"
    script = f"{files} | xargs -0 cat >/dev/null"

    assert boot(["sh", "-c", script], timeout=60).code == 0


def test_a_guest_that_never_says_how_it_ended_is_a_failure() -> None:
    with pytest.raises(BootError, match="never came to its end"):
        boot(["busybox", "poweroff", "-f"], timeout=60)


def test_a_guest_that_takes_too_long_is_killed() -> None:
    with pytest.raises(BootError, match="after 8 s the guest still ran"):
        boot(["sleep", "1000"], timeout=8)


def test_what_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    missing = missing_parts(path=str(tmp_path))
    assert "linux.uml is not installed (Debian package user-mode-linux)" in missing
    assert "ldirectord is not installed (Debian package ldirectord)" in missing
