"""
Every way in which a page can fail: one feed and one set for each, good, broken twice, and mended.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.e2e.machine import IMPATIENT, Machine
from tests.e2e.pages import FIXTURES, LIST, page
from tests.e2e.servers import SITE_PORT, WEBHOOK_PORT, Message, Site, Webhook
from tests.kernel.namespaces import Namespace
from tests.servers import Call, Script, redirect, response

from proxyfeed.catalog import catalog

pytestmark = pytest.mark.kernel

# Bodies that publishers have served in place of a list, where they lie beside this checkout.
COLLECTED = Path(__file__).parents[3] / "shared" / "data" / "bad"


class Case(NamedTuple):
    """
    What is served on the bad nights, and the outcome that is recorded of it.
    """

    answer: bytes | Script
    outcome: str
    deadline: str = "20s"

    @property
    def exit_code(self) -> int:
        return 4 if self.outcome == "held" else 3


def reset(call: Call) -> None:
    call.reset()


def say_nothing(call: Call) -> None:
    call.say_nothing()


def drip(call: Call) -> None:
    call.send(response(length=1_000_000))
    call.drip(b"<" for _ in range(1_000_000))


BOMB = response(gzip.compress(bytes(4 * 2**20)), content_encoding="gzip")
FAULTS = {
    "not found": Case(response(b"<h1>Not Found</h1>", 404), "bad status"),
    "a list under 404": Case(response(page(LIST), 404), "bad status"),
    "a server error": Case(response(b"oops", 500), "bad status"),
    "forbidden": Case(response(b"no robots", 403), "refused"),
    "too many requests": Case(response(b"later", 429, retry_after="3600"), "refused"),
    "not modified, unasked": Case(response(status=304), "bad status"),
    "silence": Case(say_nothing, "timed out", "1s"),
    "a body that drips": Case(drip, "timed out", "1s"),
    "half of the body": Case(response(page(LIST)[:900], length=len(page(LIST))), "truncated"),
    "an empty body": Case(response(), "empty"),
    "a gzip bomb": Case(BOMB, "too large"),
    "half of a gzip": Case(response(gzip.compress(page(LIST))[:500], content_encoding="gzip"),
                           "truncated"),
    "too large": Case(response(page(LIST) + b" " * 2**21), "too large"),
    "a redirect to nobody": Case(redirect("http://127.0.0.1:1/"), "unreachable"),
    "a redirect to a parking page": Case(redirect("/parked"), "not a list"),
    "a redirect to itself": Case(redirect("?again"), "bad redirect"),
    "a redirect to a file": Case(redirect("file:///etc/passwd"), "bad redirect"),
    "a reset": Case(reset, "unreachable"),
    "no HTTP": Case(b"SSH-2.0-OpenSSH_9.2p1\r\n", "unreachable"),
    "binary": Case(response(bytes(range(256)) * 40), "not a list"),
    "a list in a script": Case(response(b"<script>var a='64.12.96.0/19'</script>"), "not a list"),
}  # fmt: skip
LISTS = {
    "half of the list": LIST[:10],
    "twice the list": (*LIST, "198.18.0.0/16", "64.13.0.0/16"),
    "the default route": (*LIST, "0.0.0.0/0"),
    "half of the Internet": (*LIST, "0.0.0.0/1"),
    "private space": (*LIST, "10.1.0.0/24"),
    "a prefix too wide": (*LIST, "64.0.0.0/12"),
    "an own service": (*LIST, "192.0.2.80/32"),
}
CASES = {
    **FAULTS,
    **{name: Case(response(page(rows)), "held") for name, rows in LISTS.items()},
    **{
        error.parent.name: Case(
            response(error.with_name("body.html").read_bytes(), content_type="text/html"),
            "empty" if error.parent.name == "empty-proxy-section" else "not a list",
        )
        for error in sorted(FIXTURES.glob("*/expected-error.txt"))
    },
    **{
        body.name: Case(
            response(body.read_bytes()), "not a list" if body.stat().st_size else "empty"
        )
        for body in sorted(COLLECTED.glob("*"))
    },
}
NAMES = {case: f"f{number}" for number, case in enumerate(CASES)}


def configuration() -> str:
    rules = catalog()["aol"]["html"]
    lines = [
        'database = "sqlite:///proxyfeed.db"',
        "[alerts]",
        f'to = ["json://127.0.0.1:{WEBHOOK_PORT}/hook"]',
        'repeat_after = "7d"',
    ]
    for mark, (case, name) in enumerate(NAMES.items(), 1):
        lines += [
            f"[feeds.{name}]",
            f'url = "http://127.0.0.1:{SITE_PORT}/{name}"',
            'format = "html"',
            "widest_ipv4 = 16",
            'max_bytes = "1 MiB"',
            f'deadline = "{CASES[case].deadline}"',
            *(f"html.{key} = {json.dumps(value)}" for key, value in rules.items()),
            f"[sets.{name}]",
            f'feeds = ["{name}"]',
            f"mark = {mark}",
            "families = [4]",
            "rule = false",
            'protect = ["192.0.2.80/32"]',
        ]
    return "\n".join(lines)


@dataclass(frozen=True)
class Night:
    """
    What was seen after one run.
    """

    code: int
    document: Any
    messages: list[Message]
    kernel: str
    versions: list[tuple[str, str]]

    def problem(self, feed: str) -> Any:
        (found,) = [e for e in self.document["errors"] if e["subject"] == f"feed {feed}"]
        return found

    def told(self, feed: str) -> list[str]:
        """
        The titles of what was sent of one feed, without the host.
        """
        titles = (message.title.partition(": ")[2] for message in self.messages)
        return [title for title in titles if feed in title.replace(":", " ").split()]


@dataclass(frozen=True)
class Nights:
    good: Night
    broken: Night
    still_broken: Night
    mended: Night
    machine: Machine
    status: tuple[int, str]


@pytest.fixture(scope="module")
def nights(equipped: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    with Namespace() as namespace, Site(namespace) as site, Webhook(namespace) as webhook:
        machine = Machine(namespace, tmp_path_factory.mktemp("failing"))
        machine.configure(configuration())
        site.pages["/parked"] = response(b"<h1>This domain is for sale</h1> 1.2.3.4/24")

        def night(answer: Callable[[str], bytes | Script]) -> Night:
            for case, name in NAMES.items():
                site.pages[f"/{name}"] = answer(case)
            # One of them asks to be left alone for a while.
            done = machine.proxyfeed(
                "update", "--force-fetch", "--json", code=None, program=IMPATIENT
            )
            query = "SELECT name, status FROM versions JOIN feeds ON feeds.id = feed_id"
            versions = machine.rows(query)
            return Night(done.code, done.document, webhook.take(), machine.kernel(), versions)

        good = night(lambda _: response(page(LIST)))
        broken = night(lambda case: CASES[case].answer)
        still_broken = night(lambda case: CASES[case].answer)
        status = machine.proxyfeed("status", code=None)
        mended = night(lambda _: response(page(LIST)))
        yield Nights(good, broken, still_broken, mended, machine, (status.code, status.out))


def live_set(kernel: str, feed: str) -> list[str]:
    return [line for line in kernel.splitlines() if f" proxyfeed_{feed}_4 " in line]


each_case = pytest.mark.parametrize("case", CASES)


@each_case
def test_a_broken_page_leaves_its_live_set_as_it_was(nights: Nights, case: str) -> None:
    before = live_set(nights.good.kernel, NAMES[case])

    assert len(before) == 21  # the set itself, and 20 prefixes in it
    assert live_set(nights.broken.kernel, NAMES[case]) == before
    assert live_set(nights.still_broken.kernel, NAMES[case]) == before


def test_the_nights_of_broken_pages_write_nothing_to_the_kernel(nights: Nights) -> None:
    assert nights.good.kernel == nights.broken.kernel == nights.still_broken.kernel
    assert nights.mended.kernel == nights.good.kernel


@each_case
def test_a_broken_page_fails_its_feed_with_a_code_and_a_reason(nights: Nights, case: str) -> None:
    problem = nights.broken.problem(NAMES[case])

    assert problem["exit_code"] == CASES[case].exit_code
    assert f"feed {NAMES[case]}: " in problem["message"]
    assert problem["hint"].startswith("proxyfeed ")


def test_the_exit_code_is_the_highest_of_all_feeds(nights: Nights) -> None:
    codes = (nights.good.code, nights.broken.code, nights.still_broken.code, nights.mended.code)

    assert codes == (0, 4, 4, 0)


@each_case
def test_a_broken_page_is_recorded_with_its_outcome(nights: Nights, case: str) -> None:
    found = nights.machine.rows(
        "SELECT outcome, version_id IS NOT NULL FROM fetches JOIN feeds ON feeds.id = feed_id "
        f"WHERE name = '{NAMES[case]}' ORDER BY fetches.id"
    )

    outcome = CASES[case].outcome
    assert found[0] == ("new", 1)
    assert found[-1] == ("same content", 1)
    assert set(found[1:-1]) == {(outcome, int(outcome == "held"))}


@each_case
def test_a_broken_page_makes_no_version_but_a_held_one(nights: Nights, case: str) -> None:
    mine = [status for name, status in nights.mended.versions if name == NAMES[case]]

    assert mine == ["accepted", "held"] if CASES[case].outcome == "held" else ["accepted"]


@each_case
def test_a_broken_page_is_told_once_and_so_is_its_end(nights: Nights, case: str) -> None:
    name, outcome = NAMES[case], CASES[case].outcome

    (told,) = nights.broken.told(name)
    assert outcome in told
    assert nights.still_broken.told(name) == []
    recovered = [] if outcome == "held" else [f"feed {name} recovered (failed)"]
    assert nights.mended.told(name) == recovered


def test_status_says_of_every_feed_why_it_failed(nights: Nights) -> None:
    code, text = nights.status

    assert code == 4
    for section in text.split("feed f")[1:]:
        case = next(case for case, name in NAMES.items() if name == f"f{section.split()[0]}")
        outcome = CASES[case].outcome
        assert f"UTC, {outcome}" in section
        assert ("  held       version " in section) == (outcome == "held")


def test_one_failing_page_is_two_lines_and_exit_code_3(running: Machine, site: Site) -> None:
    held = running.kernel()
    site.pages.clear()

    night = running.proxyfeed("update", "--quiet", code=3)
    status = running.proxyfeed("status", code=3)

    assert night.err.splitlines() == [
        "proxyfeed: feed aol: bad status: 404 Not Found; version 1 stays active",
        "try: proxyfeed status",
    ]
    assert status.err.splitlines() == [
        "proxyfeed: feed aol: the last fetch failed: bad status: 404 Not Found",
        "try: proxyfeed update",
    ]
    assert "  live       equals desired" in status.out
    assert running.kernel() == held
