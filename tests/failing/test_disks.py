"""
A disk that is full or read-only: nothing is half done, the kernel keeps what it holds, and the
next run on a healthy disk needs no repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.e2e.machine import Done, Machine
from tests.e2e.pages import GROWN, LIST, page
from tests.e2e.servers import PAGE, Site
from tests.failing.disks import Disk
from tests.failing.told import assert_told
from tests.servers import response

pytestmark = pytest.mark.kernel

LISTS = (GROWN, LIST)
COMMANDS = ("update", "apply", "rollback 1", "init", "status", "diff", "history")
FULL = "its disk is full"
Spoil = Callable[[Disk], None]


@pytest.fixture
def disk(running: Machine) -> Iterator[Disk]:
    with Disk(running) as disk:
        yield disk


def versions(disk: Disk) -> int:
    """
    How many versions there are in a database that is in order.
    """
    assert disk.rows("PRAGMA integrity_check") == [("ok",)]
    return len(disk.rows("SELECT id FROM versions"))


def test_however_full_the_disk_is_a_night_is_recorded_whole_or_not_at_all(
    running: Machine, disk: Disk, site: Site
) -> None:
    codes = []
    for free in count():
        site.pages[PAGE] = response(page(LISTS[free % 2]))
        live, known = running.kernel(), versions(disk)

        disk.fill(free)
        night = disk.proxyfeed("update", "--quiet")
        disk.empty()

        codes.append(night.code)
        if night.code:
            assert_told(night, 7, FULL)
        # What could not be recorded is not applied; what was recorded is.
        assert (running.kernel() == live) == (versions(disk) == known)
        # What was applied and could not be written down is so now.
        assert disk.proxyfeed("update", "--quiet") == Done(0, "", "")
        assert versions(disk) == known + 1
        if codes[-3:] == [0, 0, 0]:
            break
    assert codes[:10] == [7] * 10
    assert sorted(codes, reverse=True) == codes


def fill(disk: Disk) -> None:
    disk.fill(0)


def fill_and_unlock(disk: Disk) -> None:
    disk.folder.joinpath("proxyfeed.db.lock").unlink()
    disk.fill(0)


def mount_read_only(disk: Disk) -> None:
    disk.remount("ro")


def take_every_inode(disk: Disk) -> None:
    disk.remount("nr_inodes=5")


SPOILED: dict[str, tuple[Spoil, str]] = {
    "full": (fill, FULL),
    "full, and without a lock": (fill_and_unlock, "try: df -h; df -i"),
    "read-only": (mount_read_only, "ead-only"),
    "without an inode": (take_every_inode, "its disk has no room for another file"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_whatever_is_typed_on_a_spoiled_disk_is_refused_with_its_cause(
    running: Machine, disk: Disk, site: Site, how: str
) -> None:
    spoil, word = SPOILED[how]
    site.pages[PAGE] = response(page(GROWN))
    live, known = running.kernel(), versions(disk)
    spoil(disk)

    for words in COMMANDS:
        done = disk.proxyfeed(*words.split())
        assert_told(done, 7, word)
        assert done.out == ""
        assert running.kernel() == live
    disk.remount("rw,nr_inodes=0")
    disk.folder.joinpath("filler").unlink(missing_ok=True)

    assert versions(disk) == known
    for words in COMMANDS:
        assert disk.proxyfeed(*words.split()).code == 0
    assert disk.proxyfeed("status").code == 0
