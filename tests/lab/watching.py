"""
What must be true of a fail-over, whichever program watches the servers.
"""

from __future__ import annotations

from typing import Any

PHASES = ("healthy", "one died", "both died", "one is back", "both are back")


def assert_fail_over(found: Any) -> None:
    """
    Assert that in each phase all marked clients of a family were on one living server, and that all
    clients were answered, the ordinary ones by every server that lived.
    """
    first, second, fallback = found["order"]
    alone = [{second}, {fallback}, {first}]
    for kind in ("marked IPv4", "marked IPv6"):
        healthy, *later = [set(found[phase][kind]) for phase in PHASES]
        assert len(healthy) == 1, kind
        assert healthy <= {first, second}, kind
        # In the end they stay where they are: a server that is back gets nobody back.
        assert later == [*alone, {first}], kind
    healthy, *later, _ = [set(found[phase]["ordinary"]) for phase in PHASES]
    assert [healthy, *later] == [{first, second}, *alone]
