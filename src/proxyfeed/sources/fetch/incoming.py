"""
The body of a 200 while it comes in, held to what its headers announce.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxyfeed.errors import FetchError
from proxyfeed.model import Body, FetchOutcome
from proxyfeed.sources.fetch.coding import Decoder, too_large
from proxyfeed.sources.fetch.headers import validators_in
from proxyfeed.sources.fetch.transport import Answer


class Incoming:
    """
    One body of at most *max_bytes*, whose *decoder* counts what has come so far.

    Raises:
        FetchError: the *headers* announce more than that, or a coding that was not asked for.
    """

    def __init__(self, headers: Mapping[str, str], max_bytes: int) -> None:
        self._headers = headers
        self._announced = headers.get("content-length")
        self.decoder = Decoder(headers.get("content-encoding", ""), max_bytes)
        if self._announced is not None and int(self._announced) > max_bytes:
            raise too_large(max_bytes)

    def answer(self, url: str) -> Answer:
        """
        Return what *url* gave, once the last byte of it is in.
        """
        received = self.decoder.received
        # In a chunked answer nobody else compares the two.
        if self._announced is not None and int(self._announced) != received:
            raise FetchError(
                FetchOutcome.TRUNCATED, f"{received} bytes came, {self._announced} were announced"
            )
        body = Body(
            self.decoder.finish(),
            content_type=self._headers.get("content-type", ""),
            validators=validators_in(self._headers, url),
        )
        if body.content:
            return Answer(FetchOutcome.NEW, body=body)
        if not received and not self._says_where_it_ends:
            return Answer(FetchOutcome.EMPTY, detail="200 OK and nothing more, not even a length")
        return Answer(FetchOutcome.EMPTY, detail="200 OK with an empty body", body=body)

    @property
    def _says_where_it_ends(self) -> bool:
        """
        Without either header the body ends with the connection, and one that was cut looks empty.
        """
        return "content-length" in self._headers or "transfer-encoding" in self._headers
