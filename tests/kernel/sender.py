"""
Send the same frames round and round, as fast as it goes, until standard input is closed.

A script, started by `tests.kernel.packets.Flood` as ``sender.py FD``: *FD* is a packet socket that
is bound to its interface. The first line of standard input holds the frames in hexadecimal. It
prints one line when every frame was sent once, and how many were sent when it ends.
"""

from __future__ import annotations

import errno
import select
import socket
import sys

# Frames between two looks at standard input.
ROUND = 500


def main() -> None:
    frames = [bytes.fromhex(text) for text in sys.stdin.readline().split()]
    repeated = frames * max(1, ROUND // len(frames))
    with socket.socket(fileno=int(sys.argv[1])) as wire:
        sent = send_all(wire, frames)
        print("flowing", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            sent += send_all(wire, repeated)
    print(sent, flush=True)


def send_all(wire: socket.socket, frames: list[bytes]) -> int:
    """
    Send *frames* once and return how many the kernel took.
    """
    refused = 0
    for frame in frames:
        try:
            wire.send(frame)
        except OSError as exc:
            # The receiver's queue was full and the kernel says so: this frame was never sent.
            if exc.errno != errno.ENOBUFS:
                raise
            refused += 1
    return len(frames) - refused


if __name__ == "__main__":
    main()
