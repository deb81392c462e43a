"""
A publisher that has turned against its reader: every run fails in time and within its memory, and
the kernel holds what it held.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from gzip import compress
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.e2e.machine import Machine
from tests.e2e.pages import GROWN, LIST, page
from tests.e2e.servers import PAGE, SITE_PORT, Site, listen_inside
from tests.kernel.namespaces import Namespace
from tests.servers import (
    Call,
    Certificate,
    HttpServer,
    Script,
    make_certificate,
    make_expired_certificate,
    redirect,
    response,
)

pytestmark = pytest.mark.kernel

MIB = 2**20
# A run needs less than half of this, the limit of a body is 1 MiB, and what is sent is more.
MEMORY = 192 * MIB
SENT = 512 * MIB
# Ended by force after 30 s, which are there for a slow machine: the feed's own deadline is 2 s.
BOUNDED = (
    *("timeout", "--signal=KILL", "30", sys.executable, "-c"),
    "import random, resource; random.random = lambda: 0.0; "
    f"resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY}, {MEMORY})); "
    "from proxyfeed.cli import main; main()",
)
# A public address; in the namespace it is one of the machine's own.
PUBLIC, LOOPBACK, CLOUD = "11.0.0.1", "127.0.0.1", "169.254.169.254"


class Format(NamedTuple):
    """
    One feed for each format: its name, its settings, and a list in that format.
    """

    feed: str
    settings: str
    write: Callable[[tuple[str, ...]], bytes]

    def configuration(self, url: str) -> str:
        return f"""\
database = "sqlite:///proxyfeed.db"

[feeds.{self.feed}]
url = "{url}"
deadline = "2s"
max_bytes = "1 MiB"
{self.settings}

[sets.{self.feed}]
feeds = ["{self.feed}"]
mark = 1
virtual = ["192.0.2.80:80", "192.0.2.80:443"]
"""


class Case(NamedTuple):
    """
    What the server makes of a good *answer*'s body, and what the run says of it.

    *certificate* is the one that the server has, "" for none and plain HTTP.
    """

    answer: Callable[[bytes], bytes | Script]
    outcome: str
    says: str
    certificate: str = ""
    scheme: str = ""
    host: str = LOOPBACK
    greeting: bytes = b""


def endless_body(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(SENT // MIB):
        call.send(b"192.0.2.0/24\n" * (MIB // 13))


def endless_chunks(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % SENT)
    for _ in range(SENT // MIB):
        call.send(bytes(MIB))


def endless_headers(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\n")
    for number in range(SENT // 1000):
        call.send(b"X-%d: %b\r\n" % (number, b"x" * 1000))


def endless_hints(call: Call) -> None:
    call.drip(itertools.repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n"))


def one_byte_a_second(call: Call) -> None:
    call.send(response(length=1000))
    while not call.stopping.wait(1):
        call.send(b"<")


def cut_in_a_chunk(call: Call) -> None:
    call.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n192.0.2.0/24\n")


def bomb(_: bytes) -> bytes:
    # Members of a thousand bytes, each of which is a million zeros.
    return response(compress(bytes(MIB)) * (SENT // MIB), content_encoding="gzip")


def half(body: bytes) -> bytes:
    """
    Return the part of a list that ends in the midst of ``205.188.146.144/30``.
    """
    return body[: body.index(b"205.188.146.144") + len(b"205.188.1")]


CUT = "peer closed connection without sending complete message body"
SELF = "not trusted: self-signed certificate"
NAME = "not trusted: IP address mismatch"
DATE = "not trusted: certificate has expired"
SITE = f"http://{LOOPBACK}:{SITE_PORT}{PAGE}"
PRIVATE = "never from a public address to"
CASES = {
    "an endless body": Case(lambda _: endless_body, "too large", "larger than the limit of"),
    "endless chunks": Case(lambda _: endless_chunks, "too large", "larger than the limit of"),
    "a length beyond reason": Case(
        lambda _: response(length=10**18), "too large", "larger than the limit of"
    ),
    "a gzip bomb": Case(bomb, "too large", "larger than the limit of"),
    "one byte a second": Case(lambda _: one_byte_a_second, "timed out", "bytes of the body after"),
    "silence": Case(lambda _: Call.say_nothing, "timed out", "no answer after"),
    "early hints for ever": Case(lambda _: endless_hints, "timed out", "no answer after"),
    "endless headers": Case(lambda _: endless_headers, "unreachable", "Receive buffer too long"),
    "one huge header": Case(
        lambda body: response(body, x="x" * MIB), "unreachable", "Receive buffer too long"
    ),
    "a length that is too long": Case(
        lambda body: response(body, length=len(body) + 1), "truncated", CUT
    ),
    "a length that is too short": Case(
        lambda body: response(body, length=len(half(body))), "not a list", ""
    ),
    "a cut in the middle of a chunk": Case(lambda _: cut_in_a_chunk, "truncated", CUT),
    "a cut in the middle of the body, in TLS": Case(
        lambda body: response(half(body), length=len(body)), "truncated", CUT, "good"
    ),
    "a redirect to itself": Case(
        lambda _: redirect("?again"), "bad redirect", "more than 5 redirects"
    ),
    "a redirect to a file": Case(
        lambda _: redirect("file:///etc/passwd"), "bad redirect", "never from http to file:"
    ),
    "a redirect from https to http": Case(
        lambda _: redirect(SITE), "bad redirect", "never from https to http:", "good"
    ),
    "a redirect to a private address": Case(
        lambda _: redirect(SITE), "bad redirect", f"{PRIVATE} {LOOPBACK}", host=PUBLIC
    ),
    "a redirect to the machine itself": Case(
        lambda _: redirect(SITE.replace(LOOPBACK, "localhost")),
        "bad redirect",
        f"{PRIVATE} localhost",
        host=PUBLIC,
    ),
    "a redirect to the secrets of a cloud": Case(
        lambda _: redirect(f"http://{CLOUD}/latest/meta-data/"),
        "bad redirect",
        f"{PRIVATE} {CLOUD}",
        host=PUBLIC,
    ),
    "a self-signed certificate": Case(response, "unreachable", SELF, "unknown"),
    "the certificate of another": Case(response, "unreachable", NAME, "other"),
    "an expired certificate": Case(response, "unreachable", DATE, "expired"),
    "no TLS behind https": Case(
        response, "unreachable", "TLS failed", scheme="https", greeting=response(status=400)
    ),
    "a TLS handshake without an answer": Case(
        response, "timed out", "no answer after", scheme="https"
    ),
}  # fmt: skip


def text(rows: tuple[str, ...]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()


FORMATS = {"html": Format("aol", "", page), "text": Format("farm", 'format = "text"', text)}


class Authorities(NamedTuple):
    """
    The servers' certificates by name, and the *bundle* of those that a director trusts.
    """

    certificates: dict[str, Certificate]
    bundle: Path


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Authorities:
    def folder(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    trusted = {
        "good": make_certificate(folder("good")),
        "other": make_certificate(folder("other"), names="IP:192.0.2.1,DNS:lists.example.net"),
        "expired": make_expired_certificate(folder("expired")),
    }
    bundle = folder("trusted") / "bundle.pem"
    bundle.write_text("".join(each.path.read_text() for each in trusted.values()))
    return Authorities({**trusted, "unknown": make_certificate(folder("unknown"))}, bundle)


class Victim(NamedTuple):
    """
    A director that holds a list in *form* from *site*, where another list lies now.
    """

    machine: Machine
    form: Format
    site: Site


@pytest.fixture(scope="module", params=FORMATS)
def victim(
    request: pytest.FixtureRequest, equipped: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Victim]:
    form = FORMATS[request.param]
    with Namespace() as namespace, Site(namespace) as site:
        for address in (PUBLIC, CLOUD):
            namespace.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        machine = Machine(namespace, tmp_path_factory.mktemp("hostile"))
        machine.configure(form.configuration(SITE))
        site.pages[PAGE] = response(form.write(LIST))
        machine.proxyfeed("update", program=BOUNDED)
        site.pages[PAGE] = response(form.write(GROWN))
        site.requests.clear()
        yield Victim(machine, form, site)


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_server_fails_its_feed_and_changes_nothing(
    victim: Victim, authorities: Authorities, name: str
) -> None:
    case, machine, feed = CASES[name], victim.machine, victim.form.feed
    tls = authorities.certificates[case.certificate].for_server() if case.certificate else None
    answer = case.answer(victim.form.write(LIST))
    before = machine.kernel()

    with HttpServer(
        answer,
        tls=tls,
        greeting=case.greeting,
        listener=listen_inside(machine.namespace, 0, case.host),
    ) as server:
        url = server.url.replace("http:", f"{case.scheme or 'http'}:")
        machine.configure(victim.form.configuration(f"{url}/list"))
        trusted = {"SSL_CERT_FILE": str(authorities.bundle)}
        done = machine.proxyfeed("update", "--quiet", code=3, program=BOUNDED, env=trusted)

    (complaint,) = done.complaints
    assert complaint.startswith(f"proxyfeed: feed {feed}: {case.outcome}: ")
    assert case.says in complaint
    assert complaint.endswith("; version 1 stays active")
    assert machine.kernel() == before
    assert len(machine.members(f"proxyfeed_{feed}_4")) == 20
    assert victim.site.requests == []


def test_what_is_sent_does_not_fit_into_the_memory_of_a_run(victim: Victim) -> None:
    *prefix, program = BOUNDED
    greedy = program.replace("from proxyfeed.cli import main; main()", f"bytearray({SENT})")

    done = victim.machine.proxyfeed(code=1, program=(*prefix, greedy))

    assert "MemoryError" in done.err
