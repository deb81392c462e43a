"""
Run a program for which this kernel has no netfilter: its sockets fail, as on a kernel that was
built without it or does not load modules.

A script: ``deny.py EPROTONOSUPPORT ipset list``. What it starts is denied the same.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

AF_NETLINK, NETLINK_NETFILTER = 16, 12
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
ALLOW, FAIL_WITH = 0x7FFF0000, 0x00050000
# The number of socket(2), and the architecture that has it, <linux/audit.h>.
SOCKET = {"x86_64": (41, 0xC000003E), "aarch64": (198, 0xC00000B7)}
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
# Where <linux/seccomp.h> has the number, the architecture and the first and third argument.
NUMBER, ARCHITECTURE, FAMILY, PROTOCOL = 0, 4, 16, 32


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def instructions(error: int) -> bytes:
    number, architecture = SOCKET[platform.machine()]
    wanted = {
        ARCHITECTURE: architecture,
        NUMBER: number,
        FAMILY: AF_NETLINK,
        PROTOCOL: NETLINK_NETFILTER,
    }
    steps = []
    for left, (field, value) in zip((7, 5, 3, 1), wanted.items(), strict=True):
        steps += [(LOAD, 0, 0, field), (JUMP_IF_EQUAL, 0, left, value)]
    steps += [(RETURN, 0, 0, FAIL_WITH | error), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def deny(error: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(instructions(error))
    program = Program(len(code) // 8, ctypes.addressof(code))
    for option in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, FILTER, ctypes.byref(program))):
        if library.prctl(*option, 0, 0):
            raise OSError(ctypes.get_errno(), "no seccomp here")


if __name__ == "__main__":
    deny(getattr(errno, sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
