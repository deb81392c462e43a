"""
Name look-ups that can be abandoned.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class ResolverLoop(asyncio.SelectorEventLoop):
    """
    An event loop that looks names up with *resolve*, in a thread that nobody waits for.

    The C library's ``getaddrinfo`` cannot be interrupted. asyncio calls it in a pool of threads
    that both ``asyncio.run`` and the end of the process wait for: with a name server that says
    nothing, a deadline of 10 s would last 30 s and more.
    """

    def __init__(self, resolve: Callable[..., list[Any]]) -> None:
        super().__init__()
        self._resolve = resolve

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name that callers use
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        found: Future[list[Any]] = Future()
        # Running, it cannot be cancelled: a late answer still finds a place to go.
        found.set_running_or_notify_cancel()

        def look_up() -> None:
            try:
                found.set_result(self._resolve(host, port, family, type, proto, flags))
            except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
                found.set_exception(error)

        threading.Thread(target=look_up, name=f"look up {host!r}", daemon=True).start()
        return await asyncio.wrap_future(found)
