"""
Redirects across the border, in a network namespace where 11.0.0.1 is an address of this machine.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.servers import listen_inside
from tests.kernel.namespaces import Namespace
from tests.kernel.parts import missing_parts, skip_or_fail
from tests.servers import HttpServer, redirect, response

import proxyfeed

pytestmark = pytest.mark.kernel

PUBLIC, PUBLIC_V6 = "11.0.0.1", "2a00::1"
LOOPBACK, INTRANET, CLOUD = "127.0.0.1", "10.0.0.1", "169.254.169.254"
NAMES = {
    "lists.example": [PUBLIC],
    "mirror.example": [PUBLIC_V6],
    "inside.example": [INTRANET],
    "localhost": [LOOPBACK],
}
OK = response(b"192.0.2.0/24\n")

# Fetch argv[1]; argv[2] maps a name to its addresses, one for each look-up, the last for ever.
PROGRAM = """
import json, socket, sys
from proxyfeed.model import FetchLimits
from proxyfeed.sources.fetch import Transport, fetch

names = json.loads(sys.argv[2])

def resolve(host, *rest):
    name = host.decode() if isinstance(host, bytes) else host
    given = names.get(name, [name])
    return socket.getaddrinfo(given.pop(0) if len(given) > 1 else given[0], *rest)

limits = FetchLimits(deadline=20, attempts=1)
(attempt,) = fetch(sys.argv[1], limits, transport=Transport(resolve=resolve, verify=False))
print(json.dumps([attempt.outcome, attempt.status, attempt.detail]))
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    skip_or_fail(missing_parts())
    with Namespace() as namespace:
        for address in (PUBLIC, CLOUD, INTRANET):
            namespace.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        namespace.run("ip", "address", "add", f"{PUBLIC_V6}/128", "dev", "lo", "nodad")
        yield namespace


def ask(
    network: Namespace, url: str, names: Mapping[str, list[str]] = NAMES, **env: str
) -> list[Any]:
    """
    Fetch *url* inside; return the outcome, the status and the detail.
    """
    environment = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "no_proxy"), "")
    environment |= {name.upper(): "" for name in environment}
    environment |= {"PYTHONPATH": str(Path(proxyfeed.__file__).parents[1]), **env}
    argv = (sys.executable, "-W", "error", "-c", PROGRAM, url, json.dumps(names))
    done = network.run(*argv, env=environment)
    # Python tells here of a connection that nobody closed.
    assert done.stderr == ""
    answer: list[Any] = json.loads(done.stdout)
    return answer


def serve(network: Namespace, host: str, *answers: bytes) -> HttpServer:
    return HttpServer(*answers, listener=listen_inside(network, 0, host))


def url_of(listener: socket.socket, host: str, scheme: str = "http") -> str:
    return f"{scheme}://{host}:{listener.getsockname()[1]}/"


def was_sent(listener: socket.socket) -> bytes | None:
    """
    What the first caller sent before it went away; None if nobody called.
    """
    listener.setblocking(False)
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return None
    with connection:
        connection.setblocking(False)
        return connection.recv(1000)


def refusal(where: str, target: str = "") -> list[Any]:
    reason = f"never from a public address to {where}, which is in special-purpose space"
    if target:
        return ["bad redirect", None, f"{reason} (redirected to {target})"]
    return ["bad redirect", 302, reason]


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("listens", "address", "scheme"),
    [
        (LOOPBACK, LOOPBACK, "http"),
        (LOOPBACK, LOOPBACK, "https"),
        ("::1", "::1", "http"),
        (CLOUD, CLOUD, "http"),
        (INTRANET, INTRANET, "https"),
    ],
)
def test_a_private_address_behind_a_name_is_sent_not_one_byte(
    network: Namespace, listens: str, address: str, scheme: str
) -> None:
    names = {**NAMES, "inside.example": [address]}
    with listen_inside(network, 0, listens) as inside:
        target = url_of(inside, "inside.example", scheme)
        with serve(network, PUBLIC, redirect(target)) as outside:
            answer = ask(network, outside.named("lists.example"), names)
        assert was_sent(inside) == b""
    assert answer == refusal(address, target)


def test_an_ipv4_address_inside_ipv6_is_judged_as_ipv4(network: Namespace) -> None:
    names = {
        **NAMES,
        "inside.example": [f"::ffff:{LOOPBACK}"],
        "mirror.example": [f"::ffff:{PUBLIC}"],
    }
    with listen_inside(network, 0) as inside, serve(network, PUBLIC, OK) as mirror:
        target = url_of(inside, "inside.example")
        with serve(
            network, PUBLIC, redirect(target), redirect(mirror.named("mirror.example"))
        ) as outside:
            refused = ask(network, outside.named("lists.example"), names)
            taken = ask(network, outside.named("lists.example"), names)
        assert was_sent(inside) == b""
    assert refused == refusal(f"::ffff:{LOOPBACK}", target)
    assert taken[0] == "new"


def test_a_name_that_changes_its_address_between_two_requests_is_found_out(
    network: Namespace,
) -> None:
    with (
        serve(network, PUBLIC, redirect("/there")) as outside,
        listen_inside(network, outside.port, INTRANET) as inside,
    ):
        names = {"lists.example": [PUBLIC, INTRANET]}
        answer = ask(network, outside.named("lists.example"), names)
        assert was_sent(inside) == b""
    assert answer == refusal(INTRANET, f"{outside.named('lists.example')}there")


def test_the_border_holds_after_any_number_of_redirects(network: Namespace) -> None:
    with listen_inside(network, 0, INTRANET) as inside:
        target = url_of(inside, "inside.example")
        with serve(network, PUBLIC_V6, redirect(target)) as mirror:
            with serve(network, PUBLIC, redirect(mirror.named("mirror.example"))) as outside:
                answer = ask(network, outside.named("lists.example"))
            assert len(mirror.requests) == 1
        assert was_sent(inside) == b""
    assert answer == refusal(INTRANET, target)


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("listens", "host", "named"),
    [
        (LOOPBACK, LOOPBACK, LOOPBACK),
        (LOOPBACK, "2130706433", "2130706433"),
        (LOOPBACK, "localhost", "localhost"),
        (LOOPBACK, "[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("::1", "[::1]", "::1"),
        (CLOUD, CLOUD, CLOUD),
        (INTRANET, INTRANET, INTRANET),
    ],
)
def test_a_private_address_that_is_written_out_is_not_even_called(
    network: Namespace, listens: str, host: str, named: str
) -> None:
    with listen_inside(network, 0, listens) as inside:
        with serve(network, PUBLIC, redirect(url_of(inside, host))) as outside:
            answer = ask(network, outside.named("lists.example"))
        assert was_sent(inside) is None
    assert answer == refusal(named)


# ---------------------------------------------------------------- what is allowed


@pytest.mark.parametrize(("host", "target"), [(PUBLIC, PUBLIC), (PUBLIC_V6, PUBLIC)])
def test_a_redirect_from_public_to_public_is_followed(
    network: Namespace, host: str, target: str
) -> None:
    with (
        serve(network, target, OK) as mirror,
        serve(network, host, redirect(mirror.url)) as outside,
    ):
        assert ask(network, outside.url)[0] == "new"


@pytest.mark.parametrize("target", [LOOPBACK, "localhost", "inside.example"])
@pytest.mark.parametrize("feed", [INTRANET, "inside.example"])
def test_a_feed_inside_is_followed_inside(network: Namespace, feed: str, target: str) -> None:
    names = {"inside.example": [INTRANET], "localhost": [INTRANET]}
    listens = LOOPBACK if target == LOOPBACK else INTRANET
    with (
        serve(network, listens, OK) as there,
        serve(network, INTRANET, redirect(there.named(target))) as here,
    ):
        assert ask(network, here.named(feed), names)[0] == "new"


# ---------------------------------------------------------------- proxies


def test_a_proxy_inside_may_follow_a_redirect_to_a_name(network: Namespace) -> None:
    with serve(network, LOOPBACK, redirect("http://mirror.example/"), OK) as proxy:
        answer = ask(network, "http://lists.example/", http_proxy=proxy.url)
    assert answer[0] == "new"
    assert [request.target for request in proxy.requests] == [
        "http://lists.example/",
        "http://mirror.example/",
    ]


def test_a_proxy_is_not_asked_for_a_private_address(network: Namespace) -> None:
    with serve(network, LOOPBACK, redirect(f"http://{CLOUD}/"), OK) as proxy:
        answer = ask(network, "http://lists.example/", http_proxy=proxy.url)
    assert answer == refusal(CLOUD)
    assert len(proxy.requests) == 1


def test_a_feed_behind_a_proxy_is_not_redirected_past_it_to_a_private_address(
    network: Namespace,
) -> None:
    with listen_inside(network, 0, INTRANET) as inside:
        target = url_of(inside, "inside.example")
        with serve(network, LOOPBACK, redirect(target)) as proxy:
            answer = ask(
                network,
                "http://lists.example/",
                http_proxy=proxy.url,
                no_proxy="inside.example",
            )
        assert was_sent(inside) == b""
    assert answer == refusal(INTRANET, target)


def test_a_redirect_from_the_internet_to_what_goes_through_a_proxy_is_followed(
    network: Namespace,
) -> None:
    with (
        serve(network, INTRANET, response(status=407)) as proxy,
        serve(network, PUBLIC, redirect("https://mirror.example/")) as outside,
    ):
        ask(network, outside.named("lists.example"), https_proxy=proxy.url)
    assert [request.method for request in proxy.requests] == ["CONNECT"]
