"""
A child needs nothing of Python's files: all that it imports was imported before.

On a machine whose Python lies where only root can look, such as under /root, these tests as root
are the thing itself.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.servers import (
    Call,
    Certificate,
    HttpServer,
    make_certificate,
    redirect,
    response,
)
from tests.sources.apart import late

PAGES = {
    "html": b"<html><body><p>20.0.*.*</p><ul><li>20.1.0.0/24</li></ul></body></html>",
    "text": b"# as of 2026-01-02T03:04:05Z\n20.0.*.*\n",
    "csv": b"# as of Fri, 31 Dec 1999 23:59:59 GMT\n20.0.*.*,x\n",
    "json": b'{"as_of": "2026-01-02", "rows": [{"cidr": "20.0.*.*"}]}',
    "json lines": b'{"cidr": "20.0.*.*"}\n{"cidr": "20.1.0.0/24"}\n',
}
LIST = PAGES["text"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def take_in(url: str, form: str = "text", env: Mapping[str, str] | None = None) -> str:
    """
    What came of it, in a fresh process.
    """
    done = subprocess.run(
        [sys.executable, late.__file__, url, form],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("form", PAGES)
def test_each_format_is_fetched_and_read(form: str) -> None:
    modified = "Fri, 06 Feb 2026 20:44:02 GMT"
    with HttpServer(response(PAGES[form], last_modified=modified, etag='"1-2"')) as server:
        assert take_in(server.named("localhost"), form) == "new"


@pytest.mark.parametrize("charset", ["windows-1252", "koi8-r", "ISO-8859-15", "no-such-charset"])
def test_every_encoding_that_is_believed_can_be_read(charset: str) -> None:
    body = LIST + b"# \xe9\n"
    with HttpServer(response(body, content_type=f"text/plain; charset={charset}")) as server:
        outcome = take_in(server.url)

    assert outcome.startswith("not a list" if charset == "no-such-charset" else "new")


def test_a_compressed_body_behind_a_redirect_is_read() -> None:
    packed = response(gzip.compress(LIST), content_encoding="gzip")
    with HttpServer(redirect("/there"), packed) as server:
        assert take_in(server.url).startswith("new (redirected to ")


def test_a_certificate_is_checked_by_authorities_that_only_root_can_read(
    certificate: Certificate,
) -> None:
    certificate.path.chmod(0o600)
    trusted = {"SSL_CERT_FILE": str(certificate.path)}
    with (
        HttpServer(response(LIST), tls=certificate.for_server()) as safe,
        HttpServer(redirect(safe.url)) as plain,
    ):
        assert take_in(safe.url, env=trusted) == "new"
        assert take_in(plain.url, env=trusted).startswith("new (redirected to https:")


def test_without_authorities_the_failure_is_told(tmp_path: Path) -> None:
    missing = {"SSL_CERT_FILE": str(tmp_path / "none.pem")}
    with HttpServer(response(LIST)) as server:
        assert take_in(server.url, env=missing).startswith("unreachable no trusted certificates")


def cut_short(call: Call) -> None:
    call.send(response(LIST, length=10_000))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (response(status=503, retry_after="Fri, 31 Dec 1999 23:59:59 GMT"), "bad status"),
        (response(b"\x1f\x8bno gzip", content_encoding="gzip"), "truncated"),
        (response(LIST, content_encoding="br"), "not a list"),
        (response(b"<html>no list</html>"), "not a list"),
        (response(b""), "empty"),
        (redirect("file:///etc/passwd"), "bad redirect"),
        (b"no HTTP at all\r\n\r\n", "unreachable"),
        (cut_short, "truncated"),
        (Call.reset, "unreachable"),
    ],
)
def test_every_failure_is_told_too(answer: bytes, outcome: str) -> None:
    with HttpServer(answer) as server:
        assert take_in(server.url).startswith(outcome)


def test_a_port_where_nobody_listens_is_told() -> None:
    with HttpServer(response(LIST)) as server:
        url = server.url

    assert take_in(url).startswith("unreachable")


def test_a_stranger_to_all_authorities_is_told(certificate: Certificate) -> None:
    with HttpServer(response(LIST), tls=certificate.for_server()) as server:
        assert "not trusted" in take_in(server.url)
