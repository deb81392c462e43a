"""
A change of the set while clients are connected: what ``diff --impact`` foretells, and what happens.
"""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

from tests.lab.director import Director, configuration, load_table
from tests.lab.network import CLIENTS, VIP, enter, listen
from tests.lab.sources import ORDINARY, RANGES, edges
from tests.lab.traffic import PORT, Server, ask_all

# Two ranges go and two come: each has clients that are connected when that happens.
GOING = ("64.12.96.0/19", "2a09:bac2::/32")
COMING = ("198.35.26.0/24", "2620:0:860::/48")
LOSERS = edges(GOING)
GAINERS = [ORDINARY[0], ORDINARY[12]]
FARM = edges(("207.200.112.0/21", "2606:54c0:7680::/44"))
STAYERS = [*FARM, ORDINARY[1], ORDINARY[13]]
_IP_TRANSPARENT = 19  # <linux/in.h>
_PATIENCE = 20.0


def run(servers: dict[str, Server]) -> Any:
    for server in servers.values():
        server.stop()
        _Patient(server.name)
    director = Director()
    director.configure(configuration())
    director.publish(RANGES)
    director.proxyfeed("update")
    load_table(director.render("ipvsadm"))
    everybody = [*LOSERS, *GAINERS, *STAYERS]
    found: dict[str, Any] = {"before": ask_all(everybody)}
    held = _in_clients(lambda: {source: _connect(source) for source in everybody})
    director.publish([*(one for one in RANGES if one not in GOING), *COMING])
    director.proxyfeed("update", "--no-apply")
    printed = director.proxyfeed("diff", "--impact", "--json").out
    (found["told"],) = json.loads(printed)["data"]["comparisons"]
    director.proxyfeed("apply")
    found["held"] = {source: _ask(client) for source, client in held.items()}
    found["after"] = ask_all(everybody)
    printed = director.proxyfeed("diff", "--impact", "--json").out
    (found["told after"],) = json.loads(printed)["data"]["comparisons"]
    return found


class _Patient:
    """
    A real server that waits for what a client will ask, however many others are connected.
    """

    def __init__(self, name: str) -> None:
        self._answer = f"HTTP/1.0 200 OK\r\n\r\n{name}".encode("ascii")
        self._listener = listen(name, PORT)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if client.recv(2048):
                client.sendall(self._answer)


def _in_clients(work: Any) -> Any:
    answers: list[Any] = []

    def inside() -> None:
        enter(CLIENTS)
        answers.append(work())

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    return answers[0]


def _connect(source: str) -> socket.socket:
    family = 6 if ":" in source else 4
    client = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
    client.settimeout(_PATIENCE)
    if family == 4:
        client.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)
    client.bind((source, 0))
    client.connect((VIP[family], PORT))
    return client


def _ask(client: socket.socket) -> str:
    with client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(2048), b""))
    return answer.rpartition(b"\r\n\r\n")[2].decode("ascii")
