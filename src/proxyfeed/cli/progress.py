"""
A word on a terminal when something takes over a second; nothing under cron.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import TracebackType

_PATIENCE = 1.0
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """
    Shows the running step on standard error, if that is a terminal, once it lasts over a second.
    """

    def __init__(self) -> None:
        self._is_wanted = sys.stderr.isatty()
        self._timer: threading.Timer | None = None
        self._is_shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def step(self, what: str) -> None:
        if not self._is_wanted:
            return
        self._end()
        self._timer = threading.Timer(_PATIENCE, self._show, [what])
        self._timer.daemon = True
        # A signal goes to any thread that does not block it: one that comes here would end half of
        # a restore, while the main thread has it wait.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._timer.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _show(self, what: str) -> None:
        self._is_shown = True
        sys.stderr.write(f"{_CLEAR_LINE}{what} ...")
        sys.stderr.flush()

    def _end(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        if self._is_shown:
            self._is_shown = False
            sys.stderr.write(_CLEAR_LINE)
            sys.stderr.flush()
