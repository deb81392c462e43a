"""
Nights that happened: what real upstreams did, replayed on the real commands.

The bodies are in a folder beside the checkout; where it is absent, each story is told with a small
body of the same kind only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import netaddr
import pytest
from tests.commands.director import Director, outcomes

from proxyfeed.model import Outcome, Severity, UpdateResult
from proxyfeed.prefixes import PrefixSet

DATA = Path(__file__).parents[3] / "shared" / "data"
HOUR = timedelta(hours=1)

AWS = """
apply = "manual"
[feeds.aws]
url = "file:aws.json"
format = "json"
json = { paths = ["prefixes[].ip_prefix", "ipv6_prefixes[].ipv6_prefix"], stamp = "syncToken" }
[sets.aws]
feeds = ["aws"]
mark = 1
"""
LIST = """
apply = "manual"
[feeds.list]
url = "file:list.txt"
format = "text"
[sets.list]
feeds = ["list"]
mark = 1
"""


def real(name: str) -> bytes:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path.read_bytes()


def naive(prefixes: list[str]) -> list[str]:
    """
    An independent reading: netaddr, and nothing else.
    """
    return [str(one) for one in netaddr.cidr_merge([netaddr.IPNetwork(p).cidr for p in prefixes])]


def aws_prefixes(document: Any) -> list[str]:
    return [row["ip_prefix"] for row in document["prefixes"]] + [
        row["ipv6_prefix"] for row in document["ipv6_prefixes"]
    ]


def aws(token: int, *ipv4: str) -> bytes:
    """
    A small document of the same shape: 40 networks and what is given.
    """
    rows = [f"20.0.{number}.0/24" for number in range(40)]
    document = {
        "syncToken": str(token),
        "prefixes": [{"ip_prefix": prefix} for prefix in (*rows, *ipv4)],
        "ipv6_prefixes": [{"ipv6_prefix": "2600:1f00::/24"}],
    }
    return json.dumps(document).encode()


def night(director: Director, body: bytes, after: timedelta = 24 * HOUR) -> Outcome:
    (name,) = (Path(feed.urls[0]).name for feed in director.config.feeds.values())
    director.publish(to=name, body=body)
    director.now += after
    return director.update()


def rules(outcome: Outcome) -> set[str]:
    assert isinstance(outcome.result, UpdateResult)
    (report,) = outcome.result.feeds
    return {one.rule for one in report.findings if one.severity is not Severity.NOTE}


# ---------------------------------------------------------------- AWS, 2020-08-11


def bogon_nights(small: bool) -> Iterator[bytes]:
    """
    The list of the morning, the one of the afternoon with 252.0.0.0/10 and other changes, and the
    next day's without it.
    """
    if small:
        yield aws(1597119553)
        yield aws(1597162753, "20.1.0.0/24", "252.0.0.0/10")
        yield aws(1597259953, "20.1.0.0/24")
        return
    yield real("aws/ip-ranges-2020-08-11T0419-before.json")
    bogon = real("aws/ip-ranges-2020-08-11T1619-class-E-252.0.0.0-10.json")
    yield bogon
    document = json.loads(bogon)
    document["syncToken"] = str(int(document["syncToken"]) + 27 * 3600)
    document["prefixes"] = [
        row for row in document["prefixes"] if row["ip_prefix"] != "252.0.0.0/10"
    ]
    yield json.dumps(document).encode()


# Of the real night's 38 other new rows, all lie inside ranges that were there before.
@pytest.mark.parametrize(
    ("small", "next_outcome"), [(True, "new"), (False, "same content")], ids=["small", "real"]
)
def test_a_list_with_an_absurd_range_is_held_as_a_whole_and_its_withdrawal_is_no_loss(
    director: Director, small: bool, next_outcome: str
) -> None:
    director.configure(AWS)
    before, with_bogon, without = bogon_nights(small)
    night(director, before)
    old = director.desired("aws").prefixes

    evening = night(director, with_bogon)
    assert outcomes(evening) == {"aws": "held"}
    assert "special-purpose" in rules(evening)
    # Not one of that night's other changes: a list that is wrong in one place is not trusted.
    assert director.desired("aws").prefixes == old

    next_day = night(director, without)
    assert outcomes(next_day) == {"aws": next_outcome}
    assert rules(next_day) == set()
    assert list(director.desired("aws").prefixes.lines()) == naive(
        aws_prefixes(json.loads(without))
    )


# ---------------------------------------------------------------- AWS, 2026: a range that toggles


def flap(small: bool) -> tuple[bytes, bytes]:
    if small:
        return aws(1, "1.178.86.0/24"), aws(1)
    return (
        real("aws/ip-ranges-2026-08-22T1037-flap-on.json"),
        real("aws/ip-ranges-2026-08-22T1157-flap-off.json"),
    )


def toggled(director: Director, small: bool) -> list[str]:
    """
    What is desired after each of ten toggles, 80 minutes apart.
    """
    bodies = flap(small)
    found = []
    for number in range(10):
        document = json.loads(bodies[number % 2])
        document["syncToken"] = str(1787400000 + number)
        assert night(director, json.dumps(document).encode(), 80 * 60 * HOUR / 3600).exit_code == 0
        found.append(director.desired("aws").prefixes.digest)
    return found


@pytest.mark.parametrize("small", [True, False], ids=["small", "real"])
def test_a_range_that_toggles_is_followed_each_time(director: Director, small: bool) -> None:
    director.configure(AWS)

    found = toggled(director, small)

    assert found == found[:2] * 5
    assert found[0] != found[1]


@pytest.mark.parametrize("small", [True, False], ids=["small", "real"])
def test_a_range_that_toggles_changes_nothing_while_removals_wait(
    director: Director, small: bool
) -> None:
    director.configure(AWS.replace("[sets.aws]", 'hold_removals = "48h"\n[sets.aws]'))

    assert len(set(toggled(director, small))) == 1

    director.now += 48 * HOUR
    (gone,) = director.desired("aws").waiting or [None]
    assert gone is None
    assert "1.178.86.0/24" not in director.desired("aws").prefixes


# ---------------------------------------------------------------- iCloud Private Relay


def test_three_real_weeks_of_a_relay_are_accepted_and_read_to_the_last_address(
    director: Director,
) -> None:
    director.configure(LIST)
    for number, day in enumerate(("2026-08-03", "2026-08-10", "2026-08-17"), 1):
        ipv4 = real(f"icloud/ipv4-raw-{day}.txt")
        body = ipv4 + real(f"icloud/ipv6-collapsed-{day}.txt")

        outcome = night(director, body, 7 * 24 * HOUR)

        assert outcomes(outcome) == {"list": "new"}
        assert director.active("list") == number
        expected = naive(body.decode().split())
        assert list(director.desired("list").prefixes.lines()) == expected


# ---------------------------------------------------------------- Vultr, 2025-01-07

FEW = "2001:19f0:b400::/38\n2001:19f0:ffff::/48\n"
MANY = FEW + "".join(f"2a05:f480:{number:x}00::/38\n" for number in range(4, 255, 4))


@pytest.mark.parametrize("small", [True, False], ids=["small", "real"])
def test_a_list_cut_to_two_of_fifty_lines_is_held_until_it_is_whole_again(
    director: Director, small: bool
) -> None:
    director.configure(LIST)
    full = MANY.encode() if small else real("bad/vultr-ipv6-2025-01-07-full.txt")
    cut = FEW.encode() if small else real("bad/vultr-ipv6-2025-01-07-truncated.txt")
    night(director, full)
    before = director.desired("list").prefixes
    assert before == PrefixSet.parse(full.decode().split())

    noon = night(director, cut, 12 * HOUR)

    assert (outcomes(noon), rules(noon)) == ({"list": "held"}, {"shrink"})
    assert director.desired("list").prefixes == before
    assert outcomes(night(director, full, 12 * HOUR)) == {"list": "same content"}
    assert director.active("list") == 1
