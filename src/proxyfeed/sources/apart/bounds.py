"""
How much a child may take before it is ended: far more than any list needs.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from proxyfeed.model import Feed, FetchLimits, HtmlRules

_MIB = 2**20
# What two million prefixes take, the most that a reader gives; the stack of a thread besides.
_PREFIXES = 512 * _MIB
_ANSWER = 128 * _MIB
# Measured, for each byte of a body: 160 as the tree of a page that is nothing but <br>, 30 as the
# objects of a JSON document that is nothing but []. And the seconds for each MiB: 8 and 0.3; a
# small old machine takes four times as long.
_MEMORY_PER_BYTE = {True: 192, False: 48}
_SECONDS_PER_MIB = {True: 30, False: 5}
# SIGXCPU can be ignored; what comes so many seconds later cannot.
_LAST_SECONDS = 5
_HIGHEST = 2**62


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    Of one child, called *role* in messages: *seconds* until it is ended, *processor* seconds,
    *memory* in bytes beyond what it inherits, so many *descriptors*, and bytes in its *answer*.
    With *may_fork* it may start threads and processes.
    """

    role: str
    seconds: float
    processor: int
    memory: int
    answer: int
    descriptors: int = 0
    may_fork: bool = False

    @classmethod
    def of_fetch(cls, limits: FetchLimits) -> Bounds:
        """
        A fetch ends by itself at its deadline; it looks names up in a thread.
        """
        patience = ceil(limits.deadline) + 30
        memory = 256 * _MIB + 8 * limits.max_bytes
        return cls(
            "fetcher", patience, patience, memory, _MIB + limits.max_bytes, 64, may_fork=True
        )

    @classmethod
    def of_reading(cls, feed: Feed) -> Bounds:
        """
        A reader computes, and nothing else: it opens no file, no connection and no process.
        """
        is_page = isinstance(feed.rules, HtmlRules)
        size = feed.fetch.max_bytes
        processor = 60 + _SECONDS_PER_MIB[is_page] * ceil(size / _MIB)
        memory = _PREFIXES + _MEMORY_PER_BYTE[is_page] * size
        return cls("reader", 2.0 * processor, processor, memory, _ANSWER)

    def impose(self) -> None:
        """
        Hold this process to them from here on, with no way back.
        """
        # VmSize in pages is the first word.
        inherited = int(Path("/proc/self/statm").read_text("utf-8").split()[0])
        memory = inherited * resource.getpagesize() + self.memory
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, 0)
        _limit(resource.RLIMIT_CPU, self.processor, self.processor + _LAST_SECONDS)
        _limit(resource.RLIMIT_AS, memory)
        if not self.may_fork:
            _limit(resource.RLIMIT_NPROC, 0)
        # Last: whoever may open nothing cannot look into /proc either.
        _limit(resource.RLIMIT_NOFILE, self.descriptors)


def _limit(which: int, soft: int, hard: int | None = None) -> None:
    """
    Lower a limit; one that is lower already stays.
    """
    standing = resource.getrlimit(which)
    wanted = (_lower(soft, standing[0]), _lower(soft if hard is None else hard, standing[1]))
    resource.setrlimit(which, wanted)


def _lower(wanted: int, standing: int) -> int:
    wanted = min(wanted, _HIGHEST)
    return wanted if standing == resource.RLIM_INFINITY else min(wanted, standing)
