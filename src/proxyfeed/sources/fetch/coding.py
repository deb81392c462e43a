"""
Content codings: a body expanded while it arrives, never beyond its bound.
"""

from __future__ import annotations

import io
import zlib

from proxyfeed.errors import FetchError
from proxyfeed.model import FetchOutcome
from proxyfeed.sources.fetch.transport import one_line

# What `zlib` calls the formats: 15 bits of window; 16 more for the frame of gzip.
_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}

# A gzip bomb gives a thousand bytes for one; it is taken in spoons of this many expanded bytes.
_SPOON = 256 * 1024


class Decoder:
    """
    Takes a body as it is on the wire, gives it as it was meant.

    *received* counts the bytes on the wire, *size* those that they expand to; neither may exceed
    *max_bytes*. Everything that is wrong with the body is a `FetchError`.
    """

    def __init__(self, coding: str, max_bytes: int) -> None:
        self._coding = coding.strip().lower()
        if self._coding not in ("", "identity", *_WINDOW_BITS):
            raise FetchError(
                FetchOutcome.NOT_A_LIST,
                one_line(f"not asked for this Content-Encoding: {coding}"),
            )
        self._max_bytes = max_bytes
        self._stream = self._new_stream() if self._coding in _WINDOW_BITS else None
        self._content = io.BytesIO()
        self.received = 0
        self.size = 0

    def feed(self, data: bytes) -> None:
        self.received += len(data)
        if self.received > self._max_bytes:
            raise too_large(self._max_bytes)
        if self._stream is None:
            self._keep(data)
            return
        try:
            while data:
                data = self._expand(data)
        except zlib.error as error:
            raise FetchError(
                FetchOutcome.TRUNCATED, f"the {self._coding} body is damaged: {error}"
            ) from error

    def finish(self) -> bytes:
        """
        Return the whole content; a compressed body that stops in the middle is refused.
        """
        if self._stream is not None and self.received and not self._stream.eof:
            raise FetchError(
                FetchOutcome.TRUNCATED,
                f"the {self._coding} body stops in the middle, after {self.received} bytes",
            )
        return self._content.getvalue()

    def _expand(self, data: bytes) -> bytes:
        """
        Expand one spoon of *data*, and return what is left of it.
        """
        if self._stream is None or self._stream.eof:
            # Members follow one another, as in `cat a.gz b.gz`. Anything else after the end is
            # refused here as damaged, where gzip(1) ignores it: it may be half a member, and half
            # a list is not a list.
            self._stream = self._new_stream()
        self._keep(self._stream.decompress(data, _SPOON))
        return self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _keep(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise too_large(self._max_bytes)
        self._content.write(piece)

    def _new_stream(self) -> zlib._Decompress:
        return zlib.decompressobj(wbits=_WINDOW_BITS[self._coding])


def too_large(max_bytes: int) -> FetchError:
    return FetchError(FetchOutcome.TOO_LARGE, f"larger than the limit of {max_bytes} bytes")
