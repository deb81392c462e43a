"""
What one try at a URL needs from the world, and what it brings.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxyfeed import __version__
from proxyfeed.model import Body, FetchOutcome

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Transport:
    """
    The effects of a fetch.

    *verify* is what decides on certificates: True for the usual authorities (``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR`` name others), or a context of one's own. *random* gives numbers from 0 to below
    1 for the jitter, *now* is the wall clock in seconds since 1970.
    """

    user_agent: str = f"proxyfeed/{__version__}"
    verify: ssl.SSLContext | bool = True
    resolve: Callable[..., list[Any]] = socket.getaddrinfo
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What one try brought, before it is timed and recorded as an `Attempt`.

    *heals* says whether another try may end better; *retry_after* is that header as it came.
    """

    outcome: FetchOutcome
    status: int | None = None
    detail: str = ""
    size: int = 0
    body: Body | None = None
    heals: bool = False
    retry_after: str = ""


def one_line(text: str, longest: int = 200) -> str:
    """
    Make *text* from upstream fit for a report: ``a\\x1b[31mb`` would colour a terminal.
    """
    line = "".join(char if char.isprintable() else "?" for char in text)
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
