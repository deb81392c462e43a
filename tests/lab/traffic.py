"""
Who answers whom: real servers that say their names, and clients that ask from any address.

Each request is a TCP connection of its own, over HTTP; an answer is the name of the server that
gave it, or why there was none.
"""

from __future__ import annotations

import ipaddress
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.lab.network import CLIENTS, VIP, enter, listen

PORT = 80
ALIVE = "/alive"
# A packet that is lost is sent again by TCP after 1 s; an answer that takes longer is none.
_PATIENCE = 5.0
_BREATH = 0.005
_FAILED = "failed: "
# <linux/in.h>; with it a source needs no address of this machine. Of IPv6 a sysctl is enough.
_IP_TRANSPARENT = 19


class Server:
    """
    A real server: it gives its name, or "OK" to who asks for `ALIVE`.
    """

    def __init__(self, name: str, port: int = PORT) -> None:
        self.name = name
        self._port = port
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        listener = listen(self.name, self._port)
        self._listener = listener
        self._thread = threading.Thread(target=self._serve, args=(listener,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """
        Die: from now on a connection is refused.
        """
        assert self._listener
        assert self._thread
        # Closing alone would leave accept() asleep with the socket.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.settimeout(_PATIENCE)
                asked = connection.recv(2048)
                # A check that only connects says nothing.
                if asked:
                    connection.sendall(self._answer(asked.split()[1].decode("ascii")))

    def _answer(self, path: str) -> bytes:
        body = "OK" if path == ALIVE else self.name
        return (
            f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}"
        ).encode("ascii")


def ask(source: str, target: str | None = None, port: int = PORT) -> str:
    """
    Ask once from *source*, in a thread that is in the namespace of the clients.

    Without a *target* it is the VIP of the source's family.
    """
    family = ipaddress.ip_address(source).version
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    try:
        with socket.socket(kind, socket.SOCK_STREAM) as client:
            client.settimeout(_PATIENCE)
            if family == 4:
                client.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
            client.bind((source, 0))
            client.connect((target or VIP[family], port))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while part := client.recv(2048):
                answer += part
    except OSError as exc:
        return f"{_FAILED}{exc}"
    return answer.rpartition(b"\r\n\r\n")[2].decode("ascii") or f"{_FAILED}no answer"


def ask_all(sources: Iterable[str], times: int = 1) -> dict[str, dict[str, int]]:
    """
    Ask so many *times* from each of *sources* in turn, and return who answered each how often.
    """
    wanted = list(sources)
    tally: dict[str, Counter[str]] = {source: Counter() for source in wanted}

    def ask_each() -> None:
        for _ in range(times):
            for source in wanted:
                tally[source][ask(source)] += 1

    _in_clients(ask_each)
    return {source: dict(found) for source, found in tally.items()}


def servers_of(tally: dict[str, dict[str, int]]) -> dict[str, int]:
    """
    Sum up a *tally* by server.
    """
    total: Counter[str] = Counter()
    for found in tally.values():
        total.update(found)
    return dict(total)


@dataclass
class Traffic:
    """
    Requests from all of *sources*, by several clients at once, while a block lasts.

    *seen* says who answered each source how often. Sources are asked from in an order of their own,
    so that no step of a change always meets the same.
    """

    sources: Sequence[str]
    clients: int = 3
    seen: dict[str, Counter[str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.seen = {source: Counter() for source in self.sources}
        self._over = threading.Event()
        self._rounds = threading.Semaphore(0)
        self._threads = [
            threading.Thread(target=self._ask, args=(self.sources[place :: self.clients], place))
            for place in range(self.clients)
        ]
        for thread in self._threads:
            thread.start()
        self.pass_rounds()
        return self

    def count(self) -> int:
        """
        Return how many requests have been answered so far, or failed.
        """
        return sum(found.total() for found in self.seen.values())

    def pass_rounds(self, rounds: int = 1) -> None:
        """
        Wait until each client has been through all its sources again, *rounds* times on average.
        """
        while self._rounds.acquire(blocking=False):
            pass
        for _ in range(self.clients * (rounds + 1)):
            assert self._rounds.acquire(timeout=60), "the clients stand still"

    def _ask(self, sources: Sequence[str], seed: int) -> None:
        enter(CLIENTS)
        chance = random.Random(seed)
        order = list(sources)
        while not self._over.is_set():
            chance.shuffle(order)
            for source in order:
                self.seen[source][ask(source)] += 1
                # The guest has one processor, and what is watched needs a part of it.
                if self._over.wait(_BREATH):
                    return
            self._rounds.release()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def _in_clients(work: Callable[[], None]) -> None:
    """
    Do *work* in a thread in the namespace of the clients, and raise what it raises.
    """

    def enter_and_work() -> None:
        enter(CLIENTS)
        work()

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(enter_and_work).result()
