"""
What Linux keeps of a process besides its user, and the calls for it that Python has no name for.
"""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from pathlib import Path

# <linux/prctl.h>
_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_DROP_FROM_BOUNDING_SET = 24
_SET_NO_NEW_PRIVILEGES = 38
_AMBIENT, _CLEAR_ALL = 47, 4
# <linux/capability.h>: two words of 32 bits for each of effective, permitted and inheritable.
_CAPABILITY_VERSION = 0x20080522
CAP_KILL, CAP_SETGID, CAP_SETUID = 5, 6, 7

_SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
# Its symbols are those of the C library that Python itself runs on.
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    A process by the kernel's word: its real, effective, saved and file system ids, the groups
    besides, its capabilities by the name of their set, and whether a program that it starts could
    have more rights than it.
    """

    uids: frozenset[int]
    gids: frozenset[int]
    groups: frozenset[int]
    capabilities: dict[str, int]
    has_no_new_privileges: bool

    @classmethod
    def now(cls) -> Standing:
        # Uid:	65534	65534	65534	65534
        lines = Path("/proc/self/status").read_text("utf-8", "replace").splitlines()
        said = {name: value for name, _, value in (line.partition(":") for line in lines)}
        return cls(
            frozenset(map(int, said["Uid"].split())),
            frozenset(map(int, said["Gid"].split())),
            frozenset(map(int, said["Groups"].split())),
            {name: int(said[name], 16) for name in _SETS},
            said["NoNewPrivs"].strip() == "1",
        )

    def may(self, capability: int) -> bool:
        return bool(self.capabilities["CapEff"] >> capability & 1)


def forbid_new_privileges() -> None:
    """
    See to it that no program started from here on has more rights than this process.
    """
    _prctl(_SET_NO_NEW_PRIVILEGES, 1)


def empty_bounding_set() -> None:
    """
    Let no program started from here on have a capability.

    Without CAP_SETPCAP the set stays as it is, which opens nothing after `forbid_new_privileges`.
    """
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text("utf-8"))
    for capability in range(last + 1):
        try:
            _prctl(_DROP_FROM_BOUNDING_SET, capability)
        except PermissionError:
            return


def empty_capabilities() -> None:
    """
    Give up every capability of this process, for ever.
    """
    _prctl(_AMBIENT, _CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _check(_libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def hide_memory() -> None:
    """
    Let no other process of the same user read this one's memory: it is a copy of its parent's.
    """
    _prctl(_SET_DUMPABLE, 0)


def end_with_parent(signal_number: int) -> None:
    """
    Have the kernel send *signal_number* when the parent dies. A change of user takes that back.
    """
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal_number)


def maps_user(uid: int) -> bool:
    """
    Whether this user namespace knows *uid*; after ``unshare -rn`` it knows only root.
    """
    return _is_mapped(uid, "uid_map")


def maps_group(gid: int) -> bool:
    return _is_mapped(gid, "gid_map")


def _is_mapped(number: int, name: str) -> bool:
    # inside, outside, how many:          0       1000          1
    for line in Path("/proc/self", name).read_text("utf-8").splitlines():
        first, _, count = map(int, line.split())
        if first <= number < first + count:
            return True
    return False


def _prctl(option: int, argument: int) -> None:
    # The kernel refuses some options if what is unused is not 0.
    words = [ctypes.c_ulong(word) for word in (argument, 0, 0, 0)]
    _check(_libc.prctl(ctypes.c_int(option), *words), f"prctl({option}, {argument})")


def _check(result: int, call: str) -> None:
    if result:
        number = ctypes.get_errno() or errno.EINVAL
        raise OSError(number, f"{call}: {os.strerror(number)}")
