"""
A set of the kernel of which 1 % changes, beside ``ipset restore`` of the whole set and a swap.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from tests.bench import converging
from tests.bench.inputs import disjoint, two_nights
from tests.bench.lines import Cost, Line, NotMeasured
from tests.bench.pairs import Pairs
from tests.bench.processes import Job
from tests.bench.setting import ROOT, SOURCE, Setting
from tests.e2e.machine import Machine

from proxyfeed.prefixes import FAMILIES, PrefixSet

_SIZES = (100_000, 300_000, 1_000_000)
_INET = {4: "inet", 6: "inet6"}
_BESIDE = "ipset restore of all + swap"


class Night(NamedTuple):
    """
    What one night of each way costs: *ours* in all, and of that what comes after the look at what
    is there, *proven*, and the *writing* alone; the restore of the *delta* by itself, and of the
    *whole* set aside with a swap.
    """

    ours: Cost
    proven: Cost
    writing: Cost
    delta: Cost
    whole: Cost


def measure(setting: Setting) -> Iterator[Line]:
    for size in map(setting.size, _SIZES):
        with setting.machine() as machine:
            ways = Ways(machine, two_nights(disjoint(size)))
            # The first fills the caches.
            nights = [ways.next_night() for _ in range(setting.pairs(3) + 1)][1:]
            ways.check()
        work = f"{size:,} entries, 1 % changed"
        writing = Pairs(tuple((night.writing, night.whole) for night in nights))
        yield writing.line("kernel", f"{work}: write", _BESIDE, 1 / 5)
        proven = Pairs(tuple((night.proven, night.whole) for night in nights))
        yield proven.line("kernel", f"{work}: write, read back", _BESIDE, 1 / 2)
        whole = Pairs(tuple((night.ours, night.whole) for night in nights))
        yield whole.line("kernel", f"{work}: look, write, read back", _BESIDE)
        delta = Pairs(tuple((night.delta, night.whole) for night in nights))
        yield delta.line("kernel", f"{work}: ipset restore of the delta", _BESIDE)


class Ways:
    """
    Three ways from night to night in the kernel of one *machine*: ours, and in sets called
    ``delta`` and ``whole`` those of ``ipset restore``.
    """

    def __init__(self, machine: Machine, nights: tuple[PrefixSet, PrefixSet]) -> None:
        self._machine = machine
        folders = [machine.folder / name for name in ("first", "second")]
        for folder, content, before in zip(folders, nights, reversed(nights), strict=True):
            _write_night(folder, content, before)
        self._nights = cycle(folders)
        # Everything begins with the content of the second night.
        for name in ("delta", "whole"):
            script = "".join(_filling(name, nights[1]))
            machine.namespace.run("ipset", "restore", input=script)
        self._converge(folders[1])

    def next_night(self) -> Night:
        folder = next(self._nights)
        costs = self._converge(folder)
        return Night(*costs, *(self._restore(folder / name) for name in ("delta", "whole")))

    def check(self) -> None:
        """
        Raises:
            NotMeasured: not all ways have led to the same sets.
        """
        for family in FAMILIES:
            ours = self._machine.members(f"proxyfeed_{converging.SPEC.name}_{family}")
            for name in ("delta", "whole"):
                if self._machine.members(f"{name}{family}") != ours:
                    raise NotMeasured(f"IPv{family}: the sets of ours and of {name} differ")

    def _converge(self, folder: Path) -> list[Cost]:
        machine = self._machine
        path = f"{SOURCE}{os.pathsep}{ROOT}"
        job = Job(
            (sys.executable, "-m", converging.__name__, str(folder / "content")),
            machine.folder,
            {**machine.environment, "PYTHONPATH": path},
            inside=machine.namespace.argv,
        )
        job.run()
        return [Cost(**cost) for cost in json.loads(job.printed())]

    def _restore(self, script: Path) -> Cost:
        machine = self._machine
        job = Job(
            ("ipset", "restore"),
            machine.folder,
            machine.environment,
            stdin=script,
            inside=machine.namespace.argv,
        )
        return job.run()


def _write_night(folder: Path, content: PrefixSet, before: PrefixSet) -> None:
    folder.mkdir()
    (folder / "content").write_bytes(pickle.dumps(content))
    come, gone = content - before, before - content
    delta = [*_entries("add delta", come), *_entries("del delta", gone)]
    (folder / "delta").write_text("".join(delta))
    aside = _filling("aside", content)
    swap = [f"swap aside{n} whole{n}\ndestroy aside{n}\n" for n in FAMILIES]
    (folder / "whole").write_text("".join([*aside, *swap]))


def _filling(name: str, content: PrefixSet) -> Iterator[str]:
    for family in FAMILIES:
        size = f"maxelem {2 * len(content)}"
        yield f"create {name}{family} hash:net family {_INET[family]} {size}\n"
    yield from _entries(f"add {name}", content)


def _entries(words: str, content: PrefixSet) -> Iterable[str]:
    for family in FAMILIES:
        yield from (f"{words}{family} {line}\n" for line in content.family(family).lines())
