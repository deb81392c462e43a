"""
Every way in which a list can fail: one feed and one set for each format, and night after night
another body in the place of the list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.e2e.machine import Machine
from tests.e2e.servers import SITE_PORT, Site
from tests.kernel.namespaces import Namespace
from tests.servers import response

pytestmark = pytest.mark.kernel

# Bodies that publishers have served in place of a list, where they lie beside this checkout.
COLLECTED = Path(__file__).parents[3] / "shared" / "data" / "bad"

# 12,288 and 2 * 2^80 addresses; no two prefixes are neighbours.
IPV4 = [f"20.0.{number}.0/24" for number in range(0, 96, 2)]
IPV6 = ["2600:1f00::/48", "2600:1f00:2::/48"]
LIST = [*IPV4, *IPV6]


class Format(NamedTuple):
    """
    How a feed of this format is configured, and how its publisher writes a list.
    """

    settings: str
    write: Callable[[Sequence[str]], bytes]


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def write_text(rows: Sequence[str]) -> bytes:
    return lines("# egress ranges", *rows)


def write_csv(rows: Sequence[str]) -> bytes:
    return lines(*(f"{row},US,US-CA,," for row in rows))


def write_json(rows: Sequence[str], key: str = "ip_prefix") -> bytes:
    prefixes = [{key: row, "region": "eu-west-1"} for row in rows]
    return json.dumps({"prefixes": prefixes}, indent=1).encode()


def write_records(rows: Sequence[str], key: str = "cidr") -> bytes:
    return lines(*(json.dumps({key: row}) for row in rows))


def write_json_lines(rows: Sequence[str], key: str = "cidr", **counts: int) -> bytes:
    """
    Write records and then the one that counts them; *counts* are what it says wrongly.
    """
    body = write_records(rows, key)
    metadata = {"type": "metadata", "records": len(rows), "size": len(body), **counts}
    return body + lines(json.dumps(metadata))


FORMATS = {
    "text": Format('format = "text"', write_text),
    "csv": Format('format = "csv"', write_csv),
    "json": Format(
        'format = "json"\njson = { path = "prefixes[]", prefix = "ip_prefix" }', write_json
    ),
    "json-lines": Format(
        'format = "json"\n'
        'json = { lines = true, path = "cidr", records = "records", size = "size", '
        "metadata = \"type == 'metadata'\" }",
        write_json_lines,
    ),
}

# What each format's publisher serves instead of a list, and the outcome that is recorded of it.
Bodies = dict[str, bytes]
Night = dict[str, tuple[bytes, str]]
NOT_A_LIST = dict.fromkeys(FORMATS, "not a list")
EMPTY = dict.fromkeys(FORMATS, "empty")
HELD = dict.fromkeys(FORMATS, "held")


def everywhere(body: bytes) -> Bodies:
    return dict.fromkeys(FORMATS, body)


def listing(*rows: str) -> Bodies:
    return {name: form.write(rows) for name, form in FORMATS.items()}


def changed(change: Callable[[bytes], bytes]) -> Bodies:
    return {name: change(body) for name, body in listing(*LIST).items()}


def night(bodies: Bodies, outcomes: dict[str, str]) -> Night:
    """
    Pair *bodies* and *outcomes*; the formats that are not in *bodies* serve their good list.
    """
    return {name: (body, outcomes[name]) for name, body in bodies.items()}


CHALLENGE = """\
<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body>
<script src="/cdn-cgi/challenge-platform/orchestrate?v=1.0.1.1-abc"></script>
<span class="v">1.0.1.1</span> <span>1.2.1.1</span></body></html>
"""
SOFT_404 = '<!DOCTYPE html><html><svg><path d="M20.0.2.0 8.8.8.8/32"/></svg>20.0.4.0/24</html>'
BUSY = '\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code></Error>'
TIME_OUT = "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond.\n</body></html>\n"
THROTTLE = "Umm... You can only fetch the data every 30 minutes - sorry.\n"

PAGES = {
    "an HTML error page": b"<html><head><title>502 Bad Gateway</title></head></html>\n",
    "a bot challenge": CHALLENGE.encode(),
    "a soft 404": SOFT_404.encode(),
    "an error in XML": BUSY.encode(),
    "a gateway time-out": TIME_OUT.encode(),
    "a throttle text": THROTTLE.encode(),
    "NUL bytes": bytes(500),
}
NIGHTS: dict[str, Night] = {
    **{name: night(everywhere(body), NOT_A_LIST) for name, body in PAGES.items()},
    # The one line there is might be the last of many, and does not count them.
    "an error in JSON": night(
        everywhere(b'{"message": "rate limit exceeded for 20.0.2.0/24"}\n'),
        NOT_A_LIST | {"json-lines": "truncated"},
    ),
    "no bytes": night(everywhere(b""), EMPTY),
    # "#" is a comment in text and in CSV.
    "only comments": night(
        everywhere(b"# merged into another list\n# EOF\n"),
        NOT_A_LIST | {"text": "empty", "csv": "empty"},
    ),
    "no rows": night(
        {
            "text": b"\n\n",
            "csv": b"\n\n",
            "json": write_json([]),
            "json-lines": write_json_lines([]),
        },
        EMPTY,
    ),
    "a NUL in the list": night(
        changed(lambda body: body.replace(b"20.0.2.0", b"20.0.2.0\0")), NOT_A_LIST
    ),
    "UTF-16": night(changed(lambda body: body.decode().encode("utf-16")), NOT_A_LIST),
    "two lines fused": night(listing(*IPV4[:-1], IPV4[-1] + IPV6[0], IPV6[1]), NOT_A_LIST),
    "a short dotted quad": night(listing(*LIST, "208.54.144/32"), NOT_A_LIST),
    # "2600:1f00:2::/48" in the last line becomes "2600:1f00:2::/4", which is for the guard to see.
    "the end cut off": night(
        {
            **changed(lambda body: body[:-3]),
            "text": write_text(LIST)[:-2],
        },
        {"text": "held", "csv": "truncated", "json": "not a list", "json-lines": "truncated"},
    ),
    "private space": night(listing(*LIST, "10.1.0.0/24"), HELD),
    "half of the Internet": night(listing(*LIST, "0.0.0.0/1"), HELD),
    "class E": night(listing(*LIST, "252.0.0.0/10"), HELD),
    "4 % of the list": night(listing(*LIST[:2]), HELD),
    "no IPv6": night(listing(*IPV4), HELD),
    "4 % of the records": night(
        {"json-lines": write_json_lines(LIST[:2], records=len(LIST))}, {"json-lines": "truncated"}
    ),
    "a wrong count of records": night(
        {"json-lines": write_json_lines(LIST, records=len(LIST) + 1)}, {"json-lines": "truncated"}
    ),
    "a wrong count of bytes": night(
        {"json-lines": write_json_lines(LIST, size=len(write_records(LIST)) - 1)},
        {"json-lines": "truncated"},
    ),
    "no metadata": night({"json-lines": write_records(LIST)}, {"json-lines": "truncated"}),
    "a renamed list": night(
        {"json": write_json(LIST).replace(b'"prefixes"', b'"ranges"')}, NOT_A_LIST
    ),
    "a renamed key": night(
        {"json": write_json(LIST, "prefix"), "json-lines": write_json_lines(LIST, "prefix")},
        NOT_A_LIST,
    ),
    "a key twice": night(
        {
            "json": write_json(LIST).replace(
                b'"region": "eu-west-1"', b'"ip_prefix": "20.1.0.0/16"'
            ),
            "json-lines": write_json_lines(LIST).replace(b"{", b'{"cidr": "20.1.0.0/16", '),
        },
        NOT_A_LIST,
    ),
}
REASONS = {
    "the end cut off": "holds special-purpose addresses",
    "private space": "holds special-purpose addresses: 10.1.0.0/24",
    "half of the Internet": "holds 0.0.0.0/0 or a half of it",
    "class E": "holds special-purpose addresses: 252.0.0.0/10",
    "4 % of the list": "IPv4: 11,776 addresses leave, 95.8% of the 12,288",
    "no IPv6": "addresses leave, 100.0% of the",
}
# Most are no list in any format; the last two are whole lists of another family.
COLLECTED_OUTCOMES = {
    "azure-2023-01-19-bom-xml-serverbusy.xml": NOT_A_LIST,
    "cloudflare-ips-v4-2023-09-19-soft404-react.html": NOT_A_LIST,
    "cloudflare-ips-v4-2023-09-22-502.html": NOT_A_LIST,
    "cloudflare-ips-v4-2026-01-02-just-a-moment-sorted.html": NOT_A_LIST,
    "fastly-2024-10-08-empty.json": EMPTY,
    "github-meta-2025-02-06-504.html": NOT_A_LIST,
    "spamhaus-edrop-2026-02-06-comments-only.txt": NOT_A_LIST | {"text": "empty"},
    "vultr-ipv6-2025-01-07-full.txt": NOT_A_LIST | {"text": "held", "csv": "held"},
    "vultr-ipv6-2025-01-07-truncated.txt": NOT_A_LIST | {"text": "held", "csv": "held"},
}
NIGHTS |= {
    name: night(everywhere((COLLECTED / name).read_bytes()), outcomes)
    for name, outcomes in COLLECTED_OUTCOMES.items()
    if (COLLECTED / name).exists()
}


def configuration() -> str:
    parts = ['database = "sqlite:///proxyfeed.db"\n']
    for mark, (name, form) in enumerate(FORMATS.items(), 1):
        parts += [
            f'[feeds.{name}]\nurl = "http://127.0.0.1:{SITE_PORT}/{name}"\n{form.settings}\n',
            f'[sets.{name}]\nfeeds = ["{name}"]\nmark = {mark}\n',
        ]
    return "".join(parts)


@dataclass(frozen=True)
class Seen:
    """
    One run, and the kernel before and after it.
    """

    code: int
    document: Any
    before: str
    after: str

    def outcome(self, name: str) -> str:
        (found,) = [feed["outcome"] for feed in self.document["data"]["feeds"]
                    if feed["feed"] == name]  # fmt: skip
        return str(found)

    def problems(self, name: str) -> list[Any]:
        return [one for one in self.document["errors"] if one["subject"] == f"feed {name}"]


@dataclass(frozen=True)
class Failures:
    """
    The *good* night, each of the bad ones, and one that is good again.
    """

    good: Seen
    bad: dict[str, Seen]
    mended: Seen
    machine: Machine


@pytest.fixture(scope="module")
def failures(equipped: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failures]:
    with Namespace() as namespace, Site(namespace) as site:
        machine = Machine(namespace, tmp_path_factory.mktemp("failing-lists"))
        machine.configure(configuration())
        with machine.session() as session:

            def run(bodies: Bodies) -> Seen:
                for name, body in (listing(*LIST) | bodies).items():
                    site.pages[f"/{name}"] = response(body)
                before = machine.kernel()
                done = session.proxyfeed("update", "--json", code=None)
                return Seen(done.code, done.document, before, machine.kernel())

            good = run({})
            bad = {
                case: run({name: body for name, (body, _) in night.items()})
                for case, night in NIGHTS.items()
            }
            yield Failures(good, bad, run({}), machine)


each_night = pytest.mark.parametrize("case", NIGHTS)
each_body = pytest.mark.parametrize(
    ("case", "name"), [(case, name) for case, night in NIGHTS.items() for name in night]
)


def test_each_format_fills_its_set_before_anything_fails(failures: Failures) -> None:
    assert failures.good.code == 0
    for name in FORMATS:
        assert failures.machine.members(f"proxyfeed_{name}_4") == set(IPV4)
        assert failures.machine.members(f"proxyfeed_{name}_6") == set(IPV6)
        assert failures.good.after.count(f"add proxyfeed_{name}_") == len(LIST)


@each_night
def test_a_night_of_bad_bodies_leaves_the_kernel_as_it_was(failures: Failures, case: str) -> None:
    assert failures.bad[case].before == failures.good.after
    assert failures.bad[case].after == failures.good.after


@each_body
def test_a_bad_body_fails_its_feed_with_a_code_and_a_reason(
    failures: Failures, case: str, name: str
) -> None:
    outcome = NIGHTS[case][name][1]
    seen = failures.bad[case]

    assert seen.outcome(name) == outcome
    (problem,) = seen.problems(name)
    assert problem["exit_code"] == (4 if outcome == "held" else 3)
    assert problem["message"].startswith(f"feed {name}: ")
    assert ("is held: " if outcome == "held" else f": {outcome}: ") in problem["message"]
    assert problem["hint"].startswith("proxyfeed ")


@pytest.mark.parametrize("case", REASONS)
def test_the_guard_names_what_it_holds_a_list_for(failures: Failures, case: str) -> None:
    for name, (_, outcome) in NIGHTS[case].items():
        if outcome == "held":
            (problem,) = failures.bad[case].problems(name)
            assert REASONS[case] in problem["message"]


@each_night
def test_the_exit_code_is_that_of_the_worst_feed(failures: Failures, case: str) -> None:
    outcomes = {outcome for _, outcome in NIGHTS[case].values()}

    assert failures.bad[case].code == (4 if "held" in outcomes else 3)


@pytest.mark.parametrize("case", [case for case in NIGHTS if len(NIGHTS[case]) < len(FORMATS)])
def test_the_feeds_beside_a_bad_one_are_not_troubled(failures: Failures, case: str) -> None:
    for name in FORMATS.keys() - NIGHTS[case].keys():
        assert failures.bad[case].outcome(name) == "same content"
        assert failures.bad[case].problems(name) == []


def test_a_good_list_after_them_is_no_news_and_no_version(failures: Failures) -> None:
    assert failures.mended.code == 0
    assert {failures.mended.outcome(name) for name in FORMATS} == {"same content"}
    assert failures.mended.after == failures.good.after
    accepted = [one for one in failures.machine.versions() if one[1] == "accepted"]
    assert len(accepted) == len(FORMATS)


def test_every_collected_body_is_tried() -> None:
    if not COLLECTED.exists():
        pytest.skip(f"{COLLECTED} is not there")
    assert {path.name for path in COLLECTED.iterdir()} == COLLECTED_OUTCOMES.keys()
