"""
What a child sends, as bytes: a header in JSON, and blobs. Nothing in it is believed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from proxyfeed.plain import plain

_COUNT = 8
# What SQLite can hold.
LARGEST = 2**63 - 1


class Malformed(Exception):
    """
    Bytes that no reader of ours would have sent; the message says where.
    """


def pack(header: dict[str, Any], blobs: Sequence[bytes]) -> bytes:
    """
    Return the length of the header in 8 bytes, the header with the sizes of *blobs*, and those.
    """
    text = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode("ascii")
    return b"".join([len(text).to_bytes(_COUNT, "big"), text, *blobs])


def unpack(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """
    Return header and blobs, that is all of *data* and nothing besides.
    """
    end = _COUNT + int.from_bytes(data[:_COUNT], "big")
    try:
        header = json.loads(data[_COUNT:end].decode("ascii"))
    except (ValueError, RecursionError) as exc:
        raise Malformed("its header is no JSON") from exc
    if type(header) is not dict:
        raise Malformed("its header is no object")
    blobs = []
    for size in items(header.pop("blobs", None), len(data)):
        start, end = end, end + whole(size)
        blobs.append(data[start:end])
    if end != len(data):
        raise Malformed(f"it has {len(data)} bytes and should have {end}")
    return header, blobs


def record(value: object, *names: str) -> list[Any]:
    """
    The values of an object that has exactly these *names*.
    """
    if type(value) is not dict or value.keys() != set(names):
        raise Malformed(f"no object of {', '.join(names)}")
    return [value[name] for name in names]


def items(value: object, most: int) -> list[Any]:
    if type(value) is not list or len(value) > most:
        raise Malformed(f"no list of at most {most}")
    return value


def text(value: object, longest: int) -> str:
    """
    A text, made fit for a terminal.
    """
    if type(value) is not str or len(value) > longest:
        raise Malformed(f"no text of at most {longest} characters")
    return plain(value)


def whole(value: object, most: int = LARGEST) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise Malformed(f"no whole number up to {most}")
    return value


def number(value: object, most: float) -> float:
    if (type(value) is not int and type(value) is not float) or not 0 <= value <= most:
        raise Malformed(f"no number up to {most:g}")
    return float(value)
