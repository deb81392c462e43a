import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.errors import FetchError
from proxyfeed.model import FetchOutcome
from proxyfeed.sources.fetch.coding import Decoder

PACKERS = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}


def decoded(coding: str, *pieces: bytes, max_bytes: int = 1_000_000) -> bytes:
    decoder = Decoder(coding, max_bytes)
    for piece in pieces:
        decoder.feed(piece)
    return decoder.finish()


def refusal(coding: str, *pieces: bytes, max_bytes: int = 1_000_000) -> str:
    with pytest.raises(FetchError) as caught:
        decoded(coding, *pieces, max_bytes=max_bytes)
    return caught.value.outcome


def split(data: bytes, at: list[int]) -> list[bytes]:
    cuts = sorted({cut % (len(data) + 1) for cut in at})
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(st.sampled_from(sorted(PACKERS)), st.binary(max_size=400), st.lists(st.integers(0, 500)))
def test_a_body_is_the_same_however_it_is_cut_on_the_wire(
    coding: str, content: bytes, cuts: list[int]
) -> None:
    assert decoded(coding, *split(PACKERS[coding](content), cuts)) == content


@given(st.sampled_from(["gzip", "deflate"]), st.binary(max_size=400), st.integers(0, 500))
def test_no_part_of_a_compressed_body_passes_for_the_whole(
    coding: str, content: bytes, cut: int
) -> None:
    whole = PACKERS[coding](content)
    part = whole[: 1 + cut % (len(whole) - 1)]
    assert refusal(coding, part) == FetchOutcome.TRUNCATED


@given(st.lists(st.binary(max_size=50), max_size=5), st.lists(st.integers(0, 500)))
def test_gzip_members_follow_one_another(contents: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(map(gzip.compress, contents))
    assert decoded("gzip", *split(wire, cuts)) == b"".join(contents)


@pytest.mark.parametrize("garbage", [b"\0", b"\x1f", b"\x1f\x8b\x08", b"192.0.2.0/24"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_follows_the_end_is_refused(coding: str, garbage: bytes) -> None:
    assert refusal(coding, PACKERS[coding](b"x") + garbage) == FetchOutcome.TRUNCATED


def test_a_damaged_checksum_is_refused() -> None:
    damaged = bytearray(gzip.compress(b"192.0.2.0/24"))
    damaged[-5] ^= 1
    assert refusal("gzip", bytes(damaged)) == FetchOutcome.TRUNCATED


@pytest.mark.parametrize("coding", sorted(PACKERS))
def test_a_body_of_exactly_the_limit_is_taken(coding: str) -> None:
    content = bytes(range(100))
    wire = PACKERS[coding](content)
    limit = max(len(content), len(wire))
    assert decoded(coding, wire, max_bytes=limit) == content
    assert refusal(coding, wire, max_bytes=limit - 1) == FetchOutcome.TOO_LARGE


def test_expansion_stops_within_a_spoon_of_the_limit() -> None:
    decoder = Decoder("gzip", max_bytes=100_000)
    with pytest.raises(FetchError):
        decoder.feed(gzip.compress(bytes(50_000_000)))
    assert decoder.size <= 100_000 + 256 * 1024


def test_more_than_a_spoon_is_expanded_whole() -> None:
    content = bytes(1_000_000)
    assert decoded("gzip", gzip.compress(content)) == content


@pytest.mark.parametrize("coding", ["", "identity", "gzip", "deflate"])
def test_no_bytes_are_an_empty_body(coding: str) -> None:
    assert decoded(coding) == b""


def test_an_unknown_coding_is_refused_without_its_control_characters() -> None:
    with pytest.raises(
        FetchError, match=r"not asked for this Content-Encoding: \?\[31mbr"
    ) as caught:
        Decoder("\x1b[31mbr", 1)
    assert caught.value.outcome == FetchOutcome.NOT_A_LIST
