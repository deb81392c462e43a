"""
The published page with other lists in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "aol"

# The list of February 2007 as it stands on the page: not sorted, and neighbours are not joined.
LIST = (
    *("64.12.96.0/19", "149.174.160.0/20", "152.163.240.0/21", "152.163.248.0/22"),
    *("152.163.252.0/23", "152.163.96.0/22", "152.163.100.0/23", "195.93.32.0/22"),
    *("195.93.48.0/22", "195.93.64.0/19", "195.93.96.0/19", "195.93.16.0/20"),
    *("198.81.0.0/22", "198.81.16.0/20", "198.81.8.0/23", "202.67.64.128/25"),
    *("205.188.192.0/20", "205.188.208.0/23", "205.188.112.0/20", "205.188.146.144/30"),
    "207.200.112.0/21",
)
# 512 of 56,452 addresses more, 0.9 %; and 9,216 less, 16.3 %, which the guard holds.
GROWN = (*LIST, "198.81.12.0/23")
SHRUNK = tuple(row for row in LIST if not row.startswith(("152.163.", "149.174.")))
# The same addresses in other rows and another order, one of them twice.
RECUT = (
    *reversed(LIST[:9]),
    *("195.93.64.0/18", "195.93.64.0/24", "195.93.16.0/21", "195.93.24.0/21"),
    *LIST[12:],
)

_BODY = FIXTURES.joinpath("br-list", "body.html").read_text("utf-8")


def page(rows: Iterable[str]) -> bytes:
    """
    Return the page of 2007 with *rows* in the place of its list.
    """
    before, _, rest = _BODY.partition(LIST[0])
    after = rest.partition(LIST[-1])[2]
    return "".join([before, "<br>\n".join(rows), after]).encode()
