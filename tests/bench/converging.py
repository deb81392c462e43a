"""
A script: bring the kernel that it runs in to a pickled `PrefixSet`, and print what that cost.

    converging.py PREFIXES

It prints three costs as JSON: of the whole of it, of the writing with the reading back and the
proof, and of the writing alone. Reading the file and starting Python are in none.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from tests.bench.lines import Cost

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.model import Plan, SetSpec

SPEC = SetSpec("bench", (), 1)


class MeteredFirewall(Firewall):
    """
    A firewall that knows what its writing has cost, and tells what all has since it began.
    """

    has_written = False

    def write(self, plan: Plan) -> None:
        self.since_writing = meter()
        writing = meter()
        super().write(plan)
        self.writing = writing()
        self.has_written = True


def meter() -> Callable[[], Cost]:
    """
    Tell, as often as it is called, what this process and its ended children have cost from now on.
    """
    wall, cpu = time.perf_counter(), _cpu()

    def read() -> Cost:
        memory = max(getrusage(who).ru_maxrss for who in (RUSAGE_SELF, RUSAGE_CHILDREN)) / 1024
        return Cost(time.perf_counter() - wall, _cpu() - cpu, memory)

    return read


def _cpu() -> float:
    usages = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    desired = pickle.loads(Path(sys.argv[1]).read_bytes())
    firewall, whole, proven = MeteredFirewall(), meter(), list[Cost]()

    def clock() -> float:
        # `converge` asks for the time when it begins, and once more when all is proven.
        if firewall.has_written:
            proven.append(firewall.since_writing())
        return time.monotonic()

    converge(firewall, SPEC, desired, clock)
    print(json.dumps([asdict(cost) for cost in (whole(), *proven, firewall.writing)]))


if __name__ == "__main__":
    main()
