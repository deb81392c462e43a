"""
The format of a body that nobody has described yet, for trying it out.
"""

from __future__ import annotations

import codecs
import json
from itertools import islice

from proxyfeed.notation import is_prefix

_SHOWN = 12


def guess_format(content: bytes) -> dict[str, object]:
    """
    Return the keys of a feed's table that a person would write after a look at *content*.

    Only for a look: what is kept is read by rules that an operator has written down.
    """
    start = content.removeprefix(codecs.BOM_UTF8).lstrip()
    if start[:1] == b"<":
        return {"format": "html", "html": {"selector": "html"}}
    if start[:1] in (b"{", b"["):
        return {"format": "json", "json": {"lines": True} if _has_json_lines(start) else {}}
    row = _first_row(start)
    if "," not in row:
        return {"format": "text"}
    first = row.split(",")[0].strip(' "')
    return {"format": "csv", "csv": {} if is_prefix(first) else {"header": True}}


def outline_of(content: bytes) -> str:
    """
    Say in words what a JSON document has at its top, or the first line of JSON Lines.
    """
    for part in (content, content.split(b"\n", 1)[0]):
        try:
            document = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            names = ", ".join(map(repr, islice(document, _SHOWN)))
            return f"its keys are {names}" + (" and more" if len(document) > _SHOWN else "")
        return f"it is a list of {len(document)}" if isinstance(document, list) else "it is a value"
    return "and it cannot be parsed"


def _has_json_lines(start: bytes) -> bool:
    lines = [line for line in start.splitlines()[:3] if line.strip()]
    return len(lines) > 1 and all(line[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines)


def _first_row(content: bytes) -> str:
    for line in content.decode("utf-8", "replace").splitlines():
        if line.strip() and line.lstrip()[0] not in "#;":
            return line
    return ""
