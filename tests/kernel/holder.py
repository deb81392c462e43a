"""
Hold a network namespace open, and open sockets in it for the process that started this one.

A script, started by `tests.kernel.namespaces.Namespace` with one end of a Unix socket pair as its
standard input. Each request is *family, type, protocol, option*; the answer is an errno and, when
that is 0, the socket itself. It ends when the other end is closed, so that nothing is left behind
even by a test run that was killed.
"""

from __future__ import annotations

import socket
import struct

REQUEST = struct.Struct("=4i")
ANSWER = struct.Struct("=i")
READY = b"ready"


def main() -> None:
    with socket.socket(fileno=0) as door:
        door.send(READY)
        while request := door.recv(REQUEST.size):
            answer(door, *REQUEST.unpack(request))


def answer(door: socket.socket, family: int, kind: int, protocol: int, option: int) -> None:
    """
    Open one socket, switch its *option* of SOL_SOCKET on (0 is none) and pass it through *door*.
    """
    try:
        with socket.socket(family, kind, protocol) as opened:
            if option:
                opened.setsockopt(socket.SOL_SOCKET, option, 1)
            socket.send_fds(door, [ANSWER.pack(0)], [opened.fileno()])
    except OSError as exc:
        door.send(ANSWER.pack(exc.errno or -1))


if __name__ == "__main__":
    main()
