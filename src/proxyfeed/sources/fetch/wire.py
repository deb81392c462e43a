"""
One exchange over HTTP: redirects, limits and deadline included. Only this module knows httpx.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from proxyfeed.errors import FetchError
from proxyfeed.model import FetchLimits, FetchOutcome, Validators
from proxyfeed.redact import redact
from proxyfeed.sources.fetch import redirects
from proxyfeed.sources.fetch.connections import Meet, watch
from proxyfeed.sources.fetch.countdown import Countdown
from proxyfeed.sources.fetch.headers import conditions
from proxyfeed.sources.fetch.incoming import Incoming
from proxyfeed.sources.fetch.reason import reason_of, root_of
from proxyfeed.sources.fetch.resolver import ResolverLoop
from proxyfeed.sources.fetch.statuses import answer_without_list
from proxyfeed.sources.fetch.transport import Answer, Transport, one_line

# What an exception comes to while no answer has begun, and whether another try may end better. A
# subclass goes with its parent; a test fails if httpx raises something that is not covered here.
VERDICTS: dict[type[Exception], tuple[FetchOutcome, bool]] = {
    httpx.TimeoutException: (FetchOutcome.TIMED_OUT, True),
    httpx.NetworkError: (FetchOutcome.UNREACHABLE, True),
    httpx.ProxyError: (FetchOutcome.UNREACHABLE, True),
    httpx.RemoteProtocolError: (FetchOutcome.UNREACHABLE, True),
    # A damaged TLS record reaches us as the bare ssl.SSLError.
    OSError: (FetchOutcome.UNREACHABLE, True),
    # What `connect` raises besides OSError comes in a group: OverflowError for port 99999.
    ExceptionGroup: (FetchOutcome.UNREACHABLE, False),
    # The URL is at fault ...
    httpx.InvalidURL: (FetchOutcome.UNREACHABLE, False),
    httpx.UnsupportedProtocol: (FetchOutcome.UNREACHABLE, False),
    httpx.LocalProtocolError: (FetchOutcome.UNREACHABLE, False),
    ValueError: (FetchOutcome.UNREACHABLE, False),
    # ... and these come from what httpx is not asked to do here: to follow, judge, decode, keep
    # cookies, or read twice.
    httpx.TooManyRedirects: (FetchOutcome.BAD_REDIRECT, False),
    httpx.HTTPStatusError: (FetchOutcome.BAD_STATUS, False),
    httpx.DecodingError: (FetchOutcome.TRUNCATED, True),
    httpx.CookieConflict: (FetchOutcome.UNREACHABLE, False),
    httpx.StreamError: (FetchOutcome.UNREACHABLE, False),
}
_UNCOVERED = (FetchOutcome.UNREACHABLE, False)
_EXPECTED: tuple[type[Exception], ...] = (*VERDICTS, httpx.HTTPError)

_NO_TARGET = "the redirect does not say where to"


def ask(
    url: str,
    limits: FetchLimits,
    validators: Validators | None,
    transport: Transport,
    *,
    seconds: float,
    patience: float,
) -> Answer:
    """
    Ask for *url* once, within *seconds*, of which no more than *patience* may pass in silence.
    """
    exchange = _Exchange(url, limits, validators, transport)
    with asyncio.Runner(loop_factory=lambda: ResolverLoop(transport.resolve)) as runner:
        return runner.run(exchange.answer(seconds, patience))


class _Exchange:
    """
    One try in the making: its attributes tell how far it came when it was cut short.
    """

    def __init__(
        self, url: str, limits: FetchLimits, validators: Validators | None, transport: Transport
    ) -> None:
        self.url = url
        self.limits = limits
        self.transport = transport
        self.conditions = conditions(validators)
        self.redirected_to: httpx.URL | None = None
        self.status: int | None = None
        self.incoming: Incoming | None = None
        self.connections = AsyncExitStack()

    async def answer(self, seconds: float, patience: float) -> Answer:
        # One clock over everything: look-up, connect, TLS, request, headers, body. Only a piece of
        # the body counts as heard: headers that drip, or redirects that follow, do not.
        countdown = Countdown(seconds, patience)
        try:
            async with self.connections, countdown, _client(self.transport) as client:
                answer = await self._follow(client, countdown)
        except TimeoutError:
            answer = self._timed_out(countdown.elapsed)
        except FetchError as error:
            outcome = FetchOutcome(error.outcome)
            heals = outcome is FetchOutcome.TRUNCATED
            answer = Answer(outcome, detail=error.message, heals=heals)
        except _EXPECTED as error:
            answer = self._failed(error)
        return self._complete(answer)

    async def _follow(self, client: httpx.AsyncClient, countdown: Countdown) -> Answer:
        client.event_hooks = {"response": [self._note_status]}
        first = here = httpx.URL(self.url)
        border = redirects.Border(_host(first))
        meet: Meet = border.start_at
        for _ in range(self.limits.redirects + 1):
            self.status = None
            request = self._request(client, here, meet)
            response = await client.send(request, auth=_auth(first, here), stream=True)
            try:
                if response.status_code not in redirects.STATUSES:
                    return await self._judge(response, countdown)
                target = _target(here, response)
                border.check(_host(target))
                here, meet = target, border.check
                self.redirected_to = target
            finally:
                await response.aclose()
        raise FetchError(FetchOutcome.BAD_REDIRECT, f"more than {self.limits.redirects} redirects")

    def _request(self, client: httpx.AsyncClient, here: httpx.URL, meet: Meet) -> httpx.Request:
        headers = {
            "User-Agent": self.transport.user_agent,
            "Accept-Encoding": "gzip",
            "Connection": "close",
            **self.conditions,
        }
        return client.build_request(
            "GET",
            here.copy_with(userinfo=b""),
            headers=headers,
            extensions={"trace": watch(self.connections, _host(here), meet)},
        )

    async def _note_status(self, response: httpx.Response) -> None:
        self.status = response.status_code

    async def _judge(self, response: httpx.Response, countdown: Countdown) -> Answer:
        if response.status_code == HTTPStatus.OK:
            return await self._read(response, countdown)
        retry_after = response.headers.get("retry-after", "").strip()
        return answer_without_list(
            response.status_code, retry_after, is_conditional=bool(self.conditions)
        )

    async def _read(self, response: httpx.Response, countdown: Countdown) -> Answer:
        countdown.heard()
        self.incoming = Incoming(response.headers, self.limits.max_bytes)
        async for piece in response.aiter_raw():
            countdown.heard()
            self.incoming.decoder.feed(piece)
        return self.incoming.answer(self.url)

    def _timed_out(self, elapsed: float) -> Answer:
        detail = f"no answer after {elapsed:.1f} s"
        if self.incoming is not None:
            received = self.incoming.decoder.received
            detail = f"only {received} bytes of the body after {elapsed:.1f} s"
        return Answer(FetchOutcome.TIMED_OUT, detail=detail, heals=True)

    def _failed(self, error: Exception) -> Answer:
        if self.status in redirects.STATUSES:
            # httpx looks at the Location even if it is not to follow it.
            return Answer(FetchOutcome.BAD_REDIRECT, detail=_NO_TARGET)
        if isinstance(error, httpx.InvalidURL):
            # The message is not repeated: it may quote half a password.
            return Answer(FetchOutcome.UNREACHABLE, detail="httpx cannot make sense of this URL")
        detail = one_line(reason_of(error))
        if self.status == HTTPStatus.OK:
            return Answer(FetchOutcome.TRUNCATED, detail=detail, heals=True)
        outcome, heals = verdict_on(type(error))
        if isinstance(root_of(error), ssl.SSLCertVerificationError):
            heals = False
        return Answer(outcome, detail=detail, heals=heals)

    def _complete(self, answer: Answer) -> Answer:
        detail = answer.detail
        if self.redirected_to is not None:
            target = one_line(redact(str(self.redirected_to)))
            detail = f"{detail} (redirected to {target})".lstrip()
        size = self.incoming.decoder.size if self.incoming else 0
        return replace(answer, status=self.status, detail=detail, size=size)


def verdict_on(error: type[Exception]) -> tuple[FetchOutcome, bool]:
    return next((VERDICTS[kind] for kind in error.__mro__ if kind in VERDICTS), _UNCOVERED)


def _client(transport: Transport) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(
            verify=usual_authorities() if transport.verify is True else transport.verify,
            timeout=None,  # noqa: S113 - the countdown is over everything
            # A jar that takes nothing: a list is the same for everybody, or it is no list.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
    except OSError as error:
        raise FetchError(
            FetchOutcome.UNREACHABLE,
            f"no trusted certificates (SSL_CERT_FILE, SSL_CERT_DIR): {reason_of(error)}",
        ) from error
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        # The message is not repeated: it may quote the proxy with its password.
        raise FetchError(
            FetchOutcome.UNREACHABLE,
            "not a usable proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY)",
        ) from error


def usual_authorities() -> ssl.SSLContext:
    """
    Return what trusts the usual authorities, read from disk once, and again if others are named.
    """
    return _authorities(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=1)
def _authorities(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _auth(first: httpx.URL, here: httpx.URL) -> httpx.BasicAuth | None:
    """
    Return the credentials of the *first* URL, for its own origin only, whatever a Location says.
    """
    same_origin = (first.scheme, first.netloc) == (here.scheme, here.netloc)
    if not first.userinfo or not same_origin:
        return None
    return httpx.BasicAuth(first.username, first.password)


def _target(here: httpx.URL, response: httpx.Response) -> httpx.URL:
    locations = response.headers.get_list("location")
    if len(locations) != 1:
        raise FetchError(FetchOutcome.BAD_REDIRECT, _NO_TARGET)
    target = here.join(locations[0])
    redirects.check_scheme(here.scheme, target.scheme, one_line(redact(str(target))))
    if not target.host:
        raise FetchError(FetchOutcome.BAD_REDIRECT, _NO_TARGET)
    return target


def _host(url: httpx.URL) -> str:
    """
    Return the host as it is looked up: ``xn--bcher-kva.example``, ``::1`` without brackets.
    """
    return url.raw_host.decode("ascii")
