"""
JSON Lines: each line is a JSON document and a row, and blank lines are none.

The last one may be a record of its own that counts what came before it, and so shows a list that
was cut short. Spamhaus ends its list with
``{"type":"metadata","timestamp":1784540642,"size":101696,"records":1667}``.
"""

from __future__ import annotations

import codecs

from proxyfeed.errors import CutShort, ReadError
from proxyfeed.model import JsonRules, Listing
from proxyfeed.sources.lists.body import numbered_lines
from proxyfeed.sources.lists.json_text import load
from proxyfeed.sources.lists.json_values import Expression, ValueRows, in_words, is_number
from proxyfeed.sources.stamps import parse_stamp

_BLANK = " \t\r\n"


def read_lines(content: bytes, text: str, rules: JsonRules) -> Listing:
    """
    Read the rows of *text*, which is *content* decoded; the one path finds the prefix of each.

    Raises:
        EmptyList: there is no row.
        CutShort: the metadata record is not there, or counts more or less than came.
        ReadError: a line is no JSON, or more rows than may be are no prefixes.
    """
    (path,) = rules.paths
    rows = ValueRows("line", path, rules)
    lines = [(number, line) for number, line in numbered_lines(text) if line.strip(_BLANK)]
    if not rules.metadata:
        for number, line in lines:
            rows.take_value(number, load(line, number))
        return rows.listing()
    is_metadata = Expression(rules.metadata)
    for number, line in lines[:-1]:
        record = load(line, number)
        if is_metadata.search(record) is True:
            raise ReadError(f"line {number} is the metadata, and should be the last: {line[:80]!r}")
        rows.take_value(number, record)
    metadata = _read_metadata(lines, is_metadata)
    size = content.removeprefix(codecs.BOM_UTF8).rstrip(_BLANK.encode()).rfind(b"\n") + 1
    _check_count(rules.records, metadata, rows.count, "rows")
    _check_count(rules.size, metadata, size, "bytes")
    stamp = Expression(rules.stamp).search(metadata) if rules.stamp else None
    return rows.listing(parse_stamp(stamp))


def _read_metadata(lines: list[tuple[int, str]], is_metadata: Expression) -> object:
    """
    Read the last line, which is another record where the list was cut short, or half of one.
    """
    missing = f"the last line is not the record for which {is_metadata.text!r} is true"
    if not lines:
        raise CutShort(f"{missing}: there is no line at all")
    number, line = lines[-1]
    try:
        metadata = load(line, number)
    except ReadError as exc:
        if len(lines) == 1:  # no list at all, such as the text of an error
            raise
        raise CutShort(f"{missing}: {exc.message}") from exc
    if is_metadata.search(metadata) is not True:
        raise CutShort(f"{missing}: line {number} is {line[:80]!r}")
    return metadata


def _check_count(expression: str, metadata: object, count: int, unit: str) -> None:
    if not expression:
        return
    declared = Expression(expression).search(metadata)
    if not is_number(declared):
        raise ReadError(
            f"the metadata has {in_words(declared)} at {expression!r}, "
            f"where the number of {unit} is due"
        )
    if declared != count:
        raise CutShort(
            f"the metadata says {declared:,} {unit} at {expression!r}, and {count:,} came before it"
        )
