"""
The TCP connections of one try, as httpcore's ``trace`` extension tells of them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

Meet = Callable[[str], None]
Trace = Callable[[str, Mapping[str, Any]], Coroutine[Any, Any, None]]


def watch(connections: AsyncExitStack, host: str, meet: Meet) -> Trace:
    """
    Return a ``trace`` for a request to *host* that leaves its connection in *connections*.

    *meet* is told the address at the other end before a byte is sent to it, and may raise. It is
    the socket's word: a name may stand for another address each time it is looked up. The address
    of a proxy says nothing about *host*, and is not told.
    """
    is_direct = True

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        nonlocal is_direct
        if event == "connection.connect_tcp.started":
            is_direct = info["host"] == host
        elif event == "connection.connect_tcp.complete":
            stream = info["return_value"]
            # httpcore leaves it open if the countdown ends in the midst of a TLS handshake.
            connections.push_async_callback(stream.aclose)
            if is_direct:
                meet(stream.get_extra_info("socket").getpeername()[0])

    return trace
