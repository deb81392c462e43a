"""
A publisher that fails at random, the same way for the same seed.

A script: ``publisher.py SEED`` prints its port and serves until its standard input ends. It is a
process of its own, because the director that asks it forks.
"""

from __future__ import annotations

import gzip
import random
import select
import socket
import struct
import sys
from collections.abc import Callable

# Prefixes that are in every list, and how many come and go.
CORE = 60
CHANGING = 8


def rows(number: int) -> list[str]:
    """
    The list of so many changes: 68 prefixes of both families, of which one goes and one comes.
    """
    core = [f"20.0.{n}.0/24" for n in range(CORE // 2)]
    core += [f"2a00:1:{n:x}::/48" for n in range(CORE // 2)]
    young = range(number, number + CHANGING // 2)
    return core + [f"20.1.{n % 250}.0/24" for n in young] + [f"2a00:2:{n:x}::/48" for n in young]


def listing(number: int) -> bytes:
    return "".join(f"{row}\n" for row in rows(number)).encode()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


class Publisher:
    """
    *number* is that of the list that stands at the moment.
    """

    def __init__(self, seed: int) -> None:
        self.number = 0
        self.chance = random.Random(seed)
        self.answers: list[tuple[int, Callable[[], bytes]]] = [
            (30, self._same),
            (30, self._next),
            (4, lambda: b""),
            (4, lambda: whole(b"")),
            (4, lambda: whole(b"busy", "500 Internal Server Error")),
            (4, lambda: whole(b"gone", "404 Not Found")),
            (2, lambda: whole(b"", "302 Found", "Location: http://127.0.0.1:1/")),
            (4, lambda: whole(b"<html><title>Just a moment...</title>1.0.1.1</html>")),
            (4, lambda: whole(listing(self.number)[:-9] + b"20.1/16\n")),
            (4, self._cut),
            (4, self._half),
            (2, lambda: whole(listing(self.number) + b"10.0.0.0/8\n")),
            (2, lambda: whole(self.chance.randbytes(3_000))),
            (2, lambda: whole(gzip.compress(listing(self.number))[:-7], "200 OK", _GZIP)),
            (2, lambda: whole(b"0.0.0.0/1\n")),
        ]

    def answer(self) -> bytes:
        weights, answers = zip(*self.answers, strict=True)
        return self.chance.choices(answers, weights)[0]()

    def _same(self) -> bytes:
        return whole(listing(self.number))

    def _next(self) -> bytes:
        self.number += 1
        return whole(listing(self.number))

    def _cut(self) -> bytes:
        whole_answer = whole(listing(self.number))
        return whole_answer[: self.chance.randrange(len(whole_answer))]

    def _half(self) -> bytes:
        """
        A whole answer of a part of the list, as Vultr served for half a day.
        """
        kept = self.chance.sample(rows(self.number), CORE // 2)
        return whole("".join(f"{row}\n" for row in kept).encode())


_GZIP = "Content-Encoding: gzip"


def serve(publisher: Publisher, listener: socket.socket) -> None:
    while True:
        if sys.stdin in select.select([sys.stdin, listener], [], [])[0]:
            return
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                connection.recv(65_536)
                answer = publisher.answer()
                connection.sendall(answer)
                if not answer:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            except OSError:
                continue  # the client has gone


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        serve(Publisher(int(sys.argv[1])), listener)


if __name__ == "__main__":
    main()
