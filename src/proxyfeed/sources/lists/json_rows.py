"""
The ``json`` format: one JSON document, or JSON Lines (see `proxyfeed.sources.lists.json_lines`).

Each path of the rules gives a list of rows, as ``prefixes`` does in
``{"prefixes": [{"ip_prefix": "3.4.12.4/32", "region": "eu-west-1"}]}``; what ``prefix`` finds in a
row must then be a text that is a prefix. Nothing else in the document is looked at, so that a new
key changes nothing and a renamed one is refused.

A path that goes on to the texts itself, ``prefixes[].ip_prefix``, is read as well. JMESPath drops
the rows that have no such key, so only ``prefix`` notices a key that is missing from a few of them.
"""

from __future__ import annotations

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import JsonRules, Listing
from proxyfeed.sources.lists.body import read_text_body
from proxyfeed.sources.lists.json_lines import read_lines
from proxyfeed.sources.lists.json_text import load
from proxyfeed.sources.lists.json_values import Expression, ValueRows, in_words
from proxyfeed.sources.stamps import parse_stamp


def read_json(content: bytes, content_type: str, rules: JsonRules) -> Listing:
    """
    Read the prefixes, and their labels if *rules* name one.

    Raises:
        EmptyList: the list is there, and is empty.
        CutShort: JSON Lines say themselves that some are missing.
        ReadError: it is not, with certainty, the list that it should be.
    """
    if not content:
        raise EmptyList("the body is empty: not one byte of JSON")
    text = read_text_body(content, content_type)
    return read_lines(content, text, rules) if rules.lines else _read_document(text, rules)


def _read_document(text: str, rules: JsonRules) -> Listing:
    document = load(text)
    paths = [Expression(path) for path in rules.paths]
    found = [_rows_at(path, document) for path in paths]
    if not all(found):
        raise _nothing_at(paths, found, document)
    rows = ValueRows("item", rules.prefix or "@", rules)
    for path, values in zip(paths, found, strict=True):
        of_path = f" of {path.text}" if len(paths) > 1 else ""
        for number, value in enumerate(values, 1):
            rows.take_value(f"{number}{of_path}", value)
    stamp = Expression(rules.stamp).search(document) if rules.stamp else None
    return rows.listing(parse_stamp(stamp))


def _rows_at(path: Expression, document: object) -> list[object]:
    found = path.search(document)
    if not isinstance(found, list):
        raise ReadError(
            f"{path.text!r} gives {in_words(found)} where a list of rows is due: "
            f"the document is {in_words(document)}"
        )
    return found


def _nothing_at(paths: list[Expression], found: list[list[object]], document: object) -> ReadError:
    """
    Tell a list that is empty from one that is not where it should be.
    """
    rows = {path.text: len(values) for path, values in zip(paths, found, strict=True)}
    empty = [path for path in paths if not rows[path.text]]
    for path in empty:
        if origin := path.origin(document):
            return ReadError(f"{path.text!r} gives nothing of {_with_first(origin)}")
    if full := [path for path in paths if rows[path.text]]:
        other = full[0].text
        return ReadError(
            f"{empty[0].text!r} gives nothing while {other!r} gives {rows[other]:,} rows"
        )
    return EmptyList(f"the list is there, and is empty: {', '.join(map(repr, rows))}")


def _with_first(origin: object) -> str:
    if not isinstance(origin, list):
        return in_words(origin)
    return f"{in_words(origin)}, of which the first is {in_words(origin[0])}"
