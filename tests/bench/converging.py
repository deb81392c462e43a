"""
A script: bring the kernel that it runs in to a pickled `PrefixSet`, and print what that cost.

    converging.py PREFIXES

It prints two costs as JSON, of the whole of it and of the writing alone; reading the file and
starting Python are in neither.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from tests.bench.lines import Cost

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.model import Plan, SetSpec

SPEC = SetSpec("bench", (), 1)


class TimedFirewall(Firewall):
    """
    A firewall that knows what its writing has cost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writing: list[Cost] = []

    def write(self, plan: Plan) -> None:
        with measured(self.writing):
            super().write(plan)


@contextmanager
def measured(costs: list[Cost]) -> Iterator[None]:
    """
    Add to *costs* what the block costs this process and the children that it waits for.
    """
    wall, cpu = time.perf_counter(), _cpu()
    yield
    memory = max(getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)) / 1024
    costs.append(Cost(time.perf_counter() - wall, _cpu() - cpu, memory))


def _cpu() -> float:
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    desired = pickle.loads(Path(sys.argv[1]).read_bytes())
    firewall, whole = TimedFirewall(), list[Cost]()
    with measured(whole):
        converge(firewall, SPEC, desired)
    print(json.dumps([asdict(cost) for cost in (*whole, *firewall.writing)]))


if __name__ == "__main__":
    main()
