"""
Many packets in one call, so that what is measured is the kernel and not Python.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Sequence


class _Vector(ctypes.Structure):
    # struct iovec
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    # struct mmsghdr: a struct msghdr, and how many bytes of it were sent
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint),
    )


_LIBC = ctypes.CDLL(None, use_errno=True)


class Volley:
    """
    *frames* that are sent in one call of the kernel, or in a few.
    """

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._kept = [ctypes.create_string_buffer(frame, len(frame)) for frame in frames]
        self._vectors = (_Vector * len(frames))()
        self._messages = (_Message * len(frames))()
        for place, frame in enumerate(self._kept):
            self._vectors[place] = _Vector(ctypes.addressof(frame), len(frame))
            self._messages[place].vectors = ctypes.pointer(self._vectors[place])
            self._messages[place].count = 1

    def send(self, wire: socket.socket) -> None:
        size, sent = ctypes.sizeof(_Message), 0
        # The kernel takes 1,024 messages at most in one call.
        while sent < len(self):
            place = ctypes.byref(self._messages, sent * size)
            taken = _LIBC.sendmmsg(wire.fileno(), place, len(self) - sent, 0)
            if taken < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            sent += taken

    def __len__(self) -> int:
        return len(self._messages)
