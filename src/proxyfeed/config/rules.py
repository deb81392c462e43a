"""
``[feeds.NAME.FORMAT]``: how a body is to be read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxyfeed.errors import BadPrefix
from proxyfeed.model import (
    Column,
    CsvRules,
    HtmlRules,
    InlineRules,
    JsonRules,
    Query,
    Rules,
    TextRules,
)
from proxyfeed.notation import read_prefix
from proxyfeed.table import (
    Table,
    Texts,
    Unshown,
    at_least_one,
    day,
    flag,
    one_of,
    text,
    texts,
    whole,
)

_MOST_COLUMNS = 1000


def read_rules(table: Table) -> Rules:
    """
    Read the ``format`` of a feed and the table of that name; those of other formats are mistakes.
    """
    kind = table.take("format", one_of(*_READERS), "")
    if not table.has("format"):
        table.mistake("format", f"is missing; one of {', '.join(_READERS)}")
    for other in _READERS:
        if kind and other != kind and table.has(other):
            table.table(other)
            table.mistake(other, f"is of format {other}, and the format is {kind}")
    return _READERS.get(kind, _read_nothing)(table)


def _read_html(feed: Table) -> HtmlRules:
    table = feed.table("html")
    rules = HtmlRules(
        selector=table.take("selector", text, "") or None,
        heading=table.take("heading", texts, ()),
        exclude=table.take("exclude", texts, ()),
        ignore=table.take("ignore", texts, ()),
    )
    table.close()
    if not (rules.selector or rules.heading):
        feed.mistake("html", "needs `heading` or `selector` to tell the list from the page")
    return rules


def _read_text(feed: Table) -> TextRules:
    table = feed.table("text")
    rules = TextRules(stamp=table.take("stamp", text, ""), max_rejected=_max_rejected(feed))
    table.close()
    return rules


def _read_csv(feed: Table) -> CsvRules:
    table = feed.table("csv")
    label = table.take("label", _label(_column, "{ country = 2 }"), None)
    first: int | str = 1
    rules = CsvRules(
        column=table.take("column", _column, first),
        header=table.take("header", flag, False),
        delimiter=table.take("delimiter", one_of(",", ";", "|", "\t"), ","),
        label=Column(*label) if label else None,
        stamp=table.take("stamp", text, ""),
        max_rejected=_max_rejected(feed),
    )
    table.close()
    return rules


def _read_json(feed: Table) -> JsonRules:
    table = feed.table("json")
    several: Texts = table.take("paths", _expressions, ())
    one = table.take("path", _expression, "")
    if table.has("path") == table.has("paths"):
        table.mistake("path", "is needed, or paths: what gives the rows, such as `prefixes[].cidr`")
    label = table.take("label", _label(_expression, '{ region = "region" }'), None)
    rules = JsonRules(
        paths=several or ((one,) if one else ()),
        prefix=table.take("prefix", _expression, ""),
        label=Query(*label) if label else None,
        lines=table.take("lines", flag, False),
        metadata=table.take("metadata", _expression, ""),
        records=table.take("records", _expression, ""),
        size=table.take("size", _expression, ""),
        stamp=table.take("stamp", _expression, ""),
        max_rejected=_max_rejected(feed),
    )
    _check_lines(table, rules)
    table.close()
    return rules


def _check_lines(table: Table, rules: JsonRules) -> None:
    if rules.lines and len(rules.paths) > 1:
        table.mistake("paths", "has several expressions, and with lines each line is one row")
    if rules.lines and rules.prefix:
        table.mistake("prefix", "has no use with lines: `path` gives the prefix of each line")
    if rules.lines and rules.stamp and not rules.metadata:
        table.mistake("stamp", "needs `metadata`, which says where it stands")
    if rules.metadata and not rules.lines:
        table.mistake("metadata", "needs `lines = true`")
    for key, value in (("records", rules.records), ("size", rules.size)):
        if value and not rules.metadata:
            table.mistake(key, "needs `metadata`, which says where it stands")
    if rules.label and not (rules.prefix or rules.lines):
        table.mistake("label", "needs `prefix`: rows that are texts carry no label")


def _read_inline(feed: Table) -> InlineRules:
    rows: Texts = feed.take("prefixes", _prefixes, ())
    dated = feed.take("dated", day, None)
    if not feed.has("prefixes"):
        feed.mistake("prefixes", "is missing: the list itself")
    if not feed.has("dated"):
        feed.mistake("dated", "is missing: the day of the list, such as 2026-08-17")
    return InlineRules(rows, dated)


def _read_nothing(feed: Table) -> HtmlRules:
    """
    Take the tables of every format, so that none is called unknown for want of a format.
    """
    for kind in _READERS:
        feed.table(kind)
    return HtmlRules()


_READERS: dict[str, Callable[[Table], Rules]] = {
    "html": _read_html,
    "text": _read_text,
    "csv": _read_csv,
    "json": _read_json,
    "inline": _read_inline,
}
FORMATS = tuple(_READERS)


def _max_rejected(feed: Table) -> int:
    return feed.take("max_rejected", whole(0, 1_000_000), 0)


def _column(value: object) -> int | str:
    if isinstance(value, str) and value.strip():
        return value
    try:
        return whole(1, _MOST_COLUMNS)(value)
    except ValueError:
        raise ValueError("must be a column's number from 1 on, or its name") from None


def _label(place: Callable[[object], Any], example: str) -> Callable[[object], tuple[str, Any]]:
    def read(value: object) -> tuple[str, Any]:
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError(f"must be one name and where it stands, such as {example}")
        name, where = next(iter(value.items()))
        if not (name.strip() and name.isprintable() and len(name) <= 64):
            raise ValueError("must have a name of 1 to 64 printable characters")
        return name, place(where)

    return read


def _expressions(value: object) -> Texts:
    return tuple(_expression(one) for one in at_least_one(value))


def _expression(value: object) -> str:
    import jmespath
    from jmespath.exceptions import JMESPathError

    expression = text(value)
    try:
        jmespath.compile(expression)
    except JMESPathError as exc:
        # Its message goes on with a picture of where.
        why = str(exc).splitlines()[0].rstrip(":")
        raise Unshown(f"is no JMESPath expression: {expression!r}: {why}") from exc
    return expression


def _prefixes(value: object) -> Texts:
    rows: Texts = at_least_one(value)
    for row in rows:
        try:
            read_prefix(row)
        except BadPrefix as exc:
            raise Unshown(f"must be a list of prefixes: {exc.message}") from exc
    return rows
