"""
A deadline that also loses patience with silence.
"""

from __future__ import annotations

import asyncio
from types import TracebackType


class Countdown:
    """
    Ends its block with `TimeoutError` after *seconds*, or after *patience* without a `heard()`.
    """

    def __init__(self, seconds: float, patience: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._end = self._began + seconds
        self._patience = patience
        self._timer = asyncio.timeout_at(self._next_end())

    @property
    def elapsed(self) -> float:
        return self._now() - self._began

    def heard(self) -> None:
        if not self._timer.expired():
            self._timer.reschedule(self._next_end())

    def _next_end(self) -> float:
        return min(self._end, self._now() + self._patience)

    async def __aenter__(self) -> Countdown:
        await self._timer.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._timer.__aexit__(kind, error, traceback)
