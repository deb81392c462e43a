"""
What is rendered, to the letter; what would be silently wrong is an error; the real programs take
it.

After a change of words the expected texts are made anew by hand: look at what has changed in them.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kernel.namespaces import SYSTEM_PATH
from tests.kernel.parts import skip_or_fail
from tests.lvs.sides import AOL, RELAY, read, rendered

from proxyfeed.commands.lvs import sides
from proxyfeed.errors import Inexpressible
from proxyfeed.lvs.render import FORMATS, render
from proxyfeed.lvs.render.sheet import Marked, fill
from proxyfeed.lvs.table import parse_table
from proxyfeed.model import LiveServer, LiveService

GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = {"aol": AOL, "relay": RELAY}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("form", FORMATS)
def test_the_examples_are_rendered_to_the_letter(form: str, name: str) -> None:
    shown = rendered(form, EXAMPLES[name])

    assert shown.document == (GOLDEN / f"{name}.{form}").read_text("ascii")
    notes = GOLDEN / f"{name}.{form}.notes"
    assert "".join(f"{note}\n" for note in shown.notes) == (
        notes.read_text("ascii") if notes.exists() else ""
    )


@pytest.mark.parametrize("form", FORMATS)
def test_several_sets_are_one_file(form: str) -> None:
    shown = rendered(form, AOL + RELAY.replace('/alive" }', '/alive", every = "2s" }'))

    text = "\n".join((shown.document, *shown.notes))
    assert "sets aol, relay" in text
    for title in ("set aol, mark 1, IPv6:", "set relay, mark 13, IPv4:", "192.0.2.81:443/udp"):
        assert title in text


# ---------------------------------------------------------------- services of several sets

OTHER = """
[sets.other]
feeds = ["zscaler"]
mark = 2
virtual = ["192.0.2.80:80"]
[sets.other.lvs]
servers = ["192.0.2.11", "192.0.2.12 weight 2"]
fallback = ["192.0.2.13"]
check = { type = "http", path = "/alive", expect = "OK", every = "2s", timeout = "3s" }
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_virtual_service_of_two_sets_is_rendered_once(form: str) -> None:
    shown = rendered(form, AOL + OTHER)

    text = "\n".join((shown.document, *shown.notes))
    assert text.count("everybody else at 192.0.2.80:80 (set aol, other)") == 1
    assert text.count("everybody else at 192.0.2.80:80") == 1


@pytest.mark.parametrize(
    "change",
    [
        ('"192.0.2.12 weight 2"', '"192.0.2.12"'),
        ('fallback = ["192.0.2.13"]', ""),
        ('"/alive"', '"/"'),
        ("[sets.other.lvs]", '[sets.other.lvs]\npersistence = "2h"'),
    ],
)
def test_a_virtual_service_that_two_sets_want_differently_is_an_error(
    change: tuple[str, str],
) -> None:
    with pytest.raises(Inexpressible) as caught:
        rendered("ipvsadm", AOL + OTHER.replace(*change))

    assert caught.value.message == (
        "sets.other.lvs and sets.aol.lvs differ for 192.0.2.80:80, the virtual service of both, "
        "which can be only one"
    )
    assert caught.value.exit_code == 2


# ---------------------------------------------------------------- what else is said


def test_a_mask_that_leaves_bits_to_others_is_remarked_upon() -> None:
    shown = rendered("keepalived", AOL.replace("mark = 1", "mark = 1\nmask = 0xff"))

    assert "# the rule sets the bits 0xff alone, and IPVS compares all 32:" in shown.document


def test_a_rule_that_the_operator_keeps_is_not_promised() -> None:
    shown = rendered("keepalived", AOL.replace("mark = 1", "mark = 1\nrule = false"))

    assert "# - the marks of set aol: the rule is yours, proxyfeed keeps its ranges" in (
        shown.document.splitlines()
    )


@pytest.mark.parametrize(
    ("forwarding", "words"),
    [
        ("dr", "on lo of each real server"),
        ("tun", "on the tunnel (tunl0, ip6tnl0)"),
        ("nat", "net.ipv4.ip_forward=1"),
    ],
)
def test_what_the_forwarding_expects_around_it_is_said(forwarding: str, words: str) -> None:
    shown = rendered("keepalived", f'{AOL}forwarding = "{forwarding}"\n')

    assert words in shown.document


def test_a_table_says_that_it_watches_nothing() -> None:
    notes = rendered("ipvsadm", AOL).notes

    assert "# Not in it, for the same reason: fallback 192.0.2.13 of aol" in notes
    assert all(note.startswith("#") for note in notes)


@pytest.mark.parametrize(
    ("form", "line"),
    [("keepalived", 'regex "v1[.]0: <b>OK"'), ("ldirectord", 'receive = "v1[.]0: <b>OK"')],
)
def test_what_is_expected_is_looked_for_as_it_is_written(form: str, line: str) -> None:
    shown = rendered(form, AOL.replace('"OK"', '"v1.0: <b>OK"'))

    assert line in map(str.strip, shown.document.splitlines())


# ---------------------------------------------------------------- what ldirectord has no words for


def test_ldirectord_has_one_interval_for_all() -> None:
    with pytest.raises(Inexpressible) as caught:
        rendered("ldirectord", AOL + RELAY)

    assert caught.value.message == (
        "ldirectord asks all servers at one interval, and sets.aol.lvs.check.every is 2s, "
        "sets.relay.lvs.check.every 5s"
    )
    assert rendered("keepalived", AOL + RELAY).document


def test_ldirectord_would_not_recognise_a_mark_that_the_kernel_shows_as_negative() -> None:
    text = AOL.replace("mark = 1", "mark = 0x80000000")

    with pytest.raises(Inexpressible, match=r"^sets\.aol\.mark: .* the mark 0x80000000 in the k"):
        rendered("ldirectord", text)
    assert rendered("ldirectord", AOL.replace("mark = 1", "mark = 0x7fffffff")).document
    assert "virtual_server fwmark 2147483648 {" in rendered("keepalived", text).document


def test_ldirectord_would_ping_where_a_udp_service_is_to_be_connected_to() -> None:
    text = RELAY.replace(
        '{ type = "https", port = 443, host = "www.example.net", path = "/alive" }', "{ port = 80 }"
    )

    with pytest.raises(Inexpressible, match=r"^sets\.relay\.lvs\.check: for 192\.0\.2\.81:443/udp"):
        rendered("ldirectord", text)
    assert "protocol = udp" in rendered("ldirectord", RELAY).document


# ---------------------------------------------------------------- the real programs

CHECKS = {
    "none": '{ type = "none" }',
    "connect": "{ port = 8080 }",
    "http": '{ type = "http", path = "/a/b.cgi?x=1&y=~%20z", expect = "OK a.b/c: <x>=1-2" }',
    "https": '{ type = "https", host = "www.example.net", port = 8443, every = "1h" }',
}


def needs(program: str) -> None:
    is_there = shutil.which(program, path=SYSTEM_PATH)
    skip_or_fail([] if is_there else [f"{program} is not installed (Debian package {program})"])


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        env={"PATH": SYSTEM_PATH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def variants(form: str) -> list[str]:
    """
    Every kind of check by every kind of forwarding, with and without one template for all.
    """
    plain = AOL.partition("fallback")[0]
    found = [
        f'{plain}forwarding = "{way}"\ntogether = {together}\ncheck = {check}\n'
        for way in ("dr", "tun", "nat")
        for together in ("true", "false")
        for check in CHECKS.values()
    ]
    marks = {"ldirectord": "0x7fffffff"}.get(form, "0xffffffff")
    highest = AOL.replace("mark = 1", f"mark = {marks}") + 'persistence = "31d"\nscheduler = "mh"\n'
    return [*found, highest, *EXAMPLES.values(), AOL + OTHER]


def test_keepalived_takes_what_is_rendered(tmp_path: Path) -> None:
    needs("keepalived")
    file = tmp_path / "keepalived.conf"

    for text in variants("keepalived"):
        file.write_text(rendered("keepalived", text).document)
        done = run("keepalived", "--config-test", "--log-console", "--use-file", file)
        assert (done.returncode, done.stderr) == (0, ""), text


def test_keepalived_would_have_refused_a_mistake(tmp_path: Path) -> None:
    needs("keepalived")
    file = tmp_path / "keepalived.conf"
    file.write_text(rendered("keepalived", AOL).document.replace("retry 1", "retry 0"))

    assert run("keepalived", "--config-test", "--log-console", "--use-file", file).returncode == 5


# With -d it logs to standard error instead of a file; `status` reads the configuration first.
LDIRECTORD_STOPPED, LDIRECTORD_REFUSES = 3, 2


def test_ldirectord_takes_what_is_rendered(tmp_path: Path) -> None:
    needs("ldirectord")
    file = tmp_path / "proxyfeed-test.cf"

    for text in variants("ldirectord"):
        file.write_text(rendered("ldirectord", text).document)
        done = run("ldirectord", "-d", file, "status")
        assert done.returncode == LDIRECTORD_STOPPED, (done.stderr, text)
        assert "Error" not in done.stderr
        assert "Warning" not in done.stderr


@pytest.mark.parametrize("mistake", [("gate", "gote"), ("netmask = 1", "netmask = 0")])
def test_ldirectord_would_have_refused_a_mistake(tmp_path: Path, mistake: tuple[str, str]) -> None:
    needs("ldirectord")
    file = tmp_path / "proxyfeed-test.cf"
    file.write_text(rendered("ldirectord", AOL).document.replace(*mistake))

    assert run("ldirectord", "-d", file, "status").returncode == LDIRECTORD_REFUSES


# ---------------------------------------------------------------- read back

ADDRESSES = st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True)
WEIGHTS = st.integers(1, 65_535)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """
    Any set with real servers in both families.
    """
    hosts = draw(ADDRESSES)
    servers = [
        f"{prefix}{host} weight {draw(WEIGHTS)}"
        for prefix in ("192.0.2.", "2001:db8::")
        for host in hosts
    ]
    ports = draw(st.lists(st.integers(1, 65_535), min_size=1, max_size=3, unique=True))
    virtual = [
        f"{host}:{port}{draw(st.sampled_from(['', '/udp']))}"
        for host in ("192.0.2.180", "[2001:db8::180]")
        for port in ports
    ]
    return f"""
        [sets.x]
        feeds = ["aol"]
        mark = {draw(st.integers(1, 2**32 - 1))}
        virtual = {virtual}
        [sets.x.lvs]
        servers = {servers}
        scheduler = "{draw(st.sampled_from(["wlc", "rr", "mh", "fo"]))}"
        persistence = "{draw(st.integers(1, 99_999))}s"
        forwarding = "{draw(st.sampled_from(["dr", "tun", "nat"]))}"
        together = {draw(st.sampled_from(["true", "false"]))}
    """


@given(configurations())
def test_what_is_rendered_for_ipvsadm_is_what_was_wanted(text: str) -> None:
    chosen = sides(read(text), ())

    document = render("ipvsadm", chosen).document

    # An empty line between two services is for people.
    lines = [line for line in document.splitlines() if line]
    assert parse_table("\n".join(lines)) == tuple(map(wanted, fill(chosen).entries))


def wanted(entry: object) -> LiveService:
    service = entry.service  # type: ignore[attr-defined]
    is_marked = isinstance(entry, Marked)
    return LiveService(
        protocol="fwm" if is_marked else service.protocol,
        family=service.family,
        mark=service.mark if is_marked else 0,
        address="" if is_marked else service.address,
        port=0 if is_marked else service.port,
        scheduler=service.scheduler,
        persistence=service.persistence,
        granularity=service.granularity if is_marked else {4: 32, 6: 128}[service.family],
        servers=tuple(
            LiveServer(
                family=one.server.family,
                address=one.server.address,
                port=one.port,
                forwarding=service.forwarding,
                weight=one.weight,
            )
            for one in service.destinations
        ),
    )
