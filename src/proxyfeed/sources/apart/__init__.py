"""
Fetching and reading in children that have no rights.

What upstream sends is first touched by a process that is nobody, holds no descriptor but a pipe and
cannot go back: the fetcher talks to the server, the reader may not even open a connection. The
parent, which holds the database and may write to the kernel, believes nothing of what they say but
by strict decoding, and decides by itself what it comes to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxyfeed.errors import FetchError
from proxyfeed.model import Attempt, Body, Feed, FetchLimits, FetchOutcome, Listing, Validators
from proxyfeed.redact import redact
from proxyfeed.sources import Fetch, Intake, Read, read, take_in
from proxyfeed.sources.apart.attempts import decode_attempts, encode_attempts
from proxyfeed.sources.apart.bounds import Bounds
from proxyfeed.sources.apart.child import BugApart, run_apart
from proxyfeed.sources.apart.listings import decode_reading, encode_reading
from proxyfeed.sources.apart.parcel import Malformed
from proxyfeed.sources.apart.provisions import provide_for_fetch, provide_for_reading
from proxyfeed.sources.apart.rights import Identity
from proxyfeed.sources.fetch import fetch

__all__ = ["Apart", "Bounds", "BugApart", "Identity"]

_NONSENSE = "makes no sense"


@dataclass(frozen=True, slots=True)
class Apart:
    """
    Fetches and reads in children that become *identity*; None: they stay who we are.

    *fetching* and *reading* are what is done there, and *fetch_bounds* and *read_bounds* what it
    may take.
    """

    identity: Identity | None
    fetching: Fetch = fetch
    reading: Read = read
    fetch_bounds: Callable[[FetchLimits], Bounds] = Bounds.of_fetch
    read_bounds: Callable[[Feed], Bounds] = Bounds.of_reading

    def take_in(self, feed: Feed, urls: Sequence[str], validators: Validators | None) -> Intake:
        return take_in(feed, urls, validators, self.fetch, self.read)

    def fetch(
        self, url: str, limits: FetchLimits, validators: Validators | None = None
    ) -> tuple[Attempt, ...]:
        """
        Fetch *url*. A saved page is read here: it may be one that only root can read.
        """
        if url.partition(":")[0].lower() == "file":
            return self.fetching(url, limits, validators)
        if validators is not None and validators.url != url:
            validators = None
        provide_for_fetch(url)
        began = time.monotonic()
        try:
            answer = run_apart(
                lambda: encode_attempts(self.fetching(url, limits, validators)),
                self.fetch_bounds(limits),
                self.identity,
            )
            return decode_attempts(answer, url, limits, validators)
        except FetchError as exc:
            outcome, detail = FetchOutcome(exc.outcome), exc.message
        except MemoryError:
            outcome = FetchOutcome.TOO_LARGE
            detail = "it cannot be fetched in the memory that there is: lower max_bytes"
        except Malformed as exc:
            outcome, detail = FetchOutcome.NOT_A_LIST, f"the fetcher sent what {_NONSENSE}: {exc}"
        seconds = time.monotonic() - began
        return (Attempt(redact(url), outcome, None, 0, seconds, detail),)

    def read(self, feed: Feed, body: Body) -> Listing:
        """
        Read *body* in the format of *feed*.

        Raises:
            ReadError: it is not, with certainty, the list that it should be.
            FetchError: the reader did not come to its end, or makes no sense.
            MemoryError: there was not enough of it.
        """
        provide_for_reading(feed)
        answer = run_apart(
            lambda: encode_reading(lambda: self.reading(feed, body)),
            self.read_bounds(feed),
            self.identity,
        )
        try:
            return decode_reading(answer, feed)
        except Malformed as exc:
            raise FetchError(
                FetchOutcome.NOT_A_LIST, f"the reader sent what {_NONSENSE}: {exc}"
            ) from exc
