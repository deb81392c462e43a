"""
The ``csv`` format: comma-separated rows (RFC 4180), geofeeds (RFC 8805) among them.

Each line is a row by itself: a quoted field may hold the delimiter and never a line end. Blank
lines and lines that begin with ``#`` are no rows, and blanks round a field mean nothing, though
none may follow a closing quote. Columns are found by their number, or by their name where the first
row is a header.

A row without the wanted columns is rejected, and so is a last line without a line end that has
fewer fields than the row before it: of ``104.28.28.0/32,AU,,,`` it may have kept ``104.28.28.0/3``.
A list of one column has no such sign; there it is as in `proxyfeed.sources.lists.text`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxyfeed.errors import CutShort, EmptyList, ReadError
from proxyfeed.model import CsvRules, Listing
from proxyfeed.notation import is_prefix
from proxyfeed.sources.lists.body import blocks, find_stamp, numbered_lines, read_lines_body
from proxyfeed.sources.lists.rows import Rows

_MARK = "#"
_SHOWN = 200  # characters of a header, in a message


def read_csv(content: bytes, content_type: str, rules: CsvRules) -> Listing:
    """
    Read the prefixes of one column, and the labels of another if *rules* name one.

    Raises:
        EmptyList: there is no row but a header.
        ReadError: it is not, with certainty, the list that it should be.
    """
    text = read_lines_body(content, content_type)
    columns, width, heading = _read_header(_lines(numbered_lines(text)), rules)
    unended = text.count("\n") + 1  # the number of the line after the last line end
    rows = Rows("line", rules.max_rejected, rules.label_name)
    for first, block in blocks(text):
        lines = block.split("\n")
        last = first + len(lines) - 1
        # A header is not simple either: it holds no prefix. A comment may: "#DE,192.0.2.0/24".
        is_simple = last < unended and '"' not in block and _MARK not in block
        if is_simple and _take_plain(rows, lines, columns, rules):
            width = len(lines[-1].split(rules.delimiter))
            continue
        for number, line in _lines(enumerate(lines, first)):
            if number <= heading:
                continue
            try:
                fields = _split(line, rules.delimiter)
            except csv.Error as exc:
                rows.reject(number, line, f"is no row of CSV: {exc}")
                continue
            if number == unended and len(fields) < width:
                why = "is cut: fewer fields than the row before, and no line end"
                if rows.has_any:
                    raise CutShort(f"line {number}: {line[:_SHOWN]!r} {why}")
                rows.reject(number, line, why)
            else:
                _take(rows, number, line, fields, columns)
            width = len(fields)
    return rows.listing(find_stamp(text, _MARK, rules.stamp))


def _take_plain(rows: Rows, lines: list[str], columns: _Columns, rules: CsvRules) -> bool:
    """
    Take lines without quotes and comments of which nothing is to be said; False, and none is taken,
    if one is no such line.
    """
    delimiter, last = rules.delimiter, columns.last
    fields = [line.split(delimiter, last) for line in lines]
    if min(map(len, fields)) < last:
        return False
    texts = [row[columns.prefix - 1] for row in fields]
    if not columns.label:
        return rows.take_plain({"": texts})
    by_label = defaultdict(list)
    for row, text in zip(fields, texts, strict=True):
        by_label[row[columns.label - 1].strip()].append(text)
    return rows.take_plain(by_label)


def _take(rows: Rows, number: int, line: str, fields: list[str], columns: _Columns) -> None:
    if len(fields) < columns.last:
        rows.reject(number, line, f"has no column {columns.last}")
    else:
        label = fields[columns.label - 1].strip() if columns.label else ""
        rows.take(number, fields[columns.prefix - 1], label, row=line)


@dataclass(frozen=True, slots=True)
class _Columns:
    """
    The numbers, from 1 on, of the columns that are read; *label* is 0 where there is none.
    """

    prefix: int
    label: int

    @property
    def last(self) -> int:
        return max(self.prefix, self.label)


def _lines(numbered: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for number, line in numbered:
        start = line.lstrip()
        if start and not start.startswith(_MARK):
            yield number, line


def _split(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True))


def _read_header(lines: Iterable[tuple[int, str]], rules: CsvRules) -> tuple[_Columns, int, int]:
    """
    Return the columns, how wide the header was and the number of its line: 0 where *rules* expect
    none.
    """
    label = rules.label.place if rules.label else 0
    number, header = 0, list[str]()
    if rules.header or isinstance(rules.column, str) or isinstance(label, str):
        number, header = _take_header(lines, rules.delimiter)
    return _Columns(_find(rules.column, header), _find(label, header)), len(header), number


def _take_header(lines: Iterable[tuple[int, str]], delimiter: str) -> tuple[int, list[str]]:
    """
    Return the first line and its number. One with a prefix is no header, and would be a row lost in
    silence.
    """
    for number, line in lines:
        shown = repr(line[:_SHOWN])
        try:
            header = [field.strip() for field in _split(line, delimiter)]
        except csv.Error as exc:
            raise ReadError(f"the header in line {number} is no CSV: {shown}: {exc}") from exc
        if any(map(is_prefix, header)):
            raise ReadError(f"line {number} should be a header, and holds a prefix: {shown}")
        return number, header
    raise EmptyList("the list is there, and holds neither a header nor a row")


def _find(place: int | str, header: list[str]) -> int:
    if isinstance(place, int):
        return place
    if header.count(place) == 1:
        return header.index(place) + 1
    count = "more than one" if place in header else "no"
    names = ", ".join(map(repr, header))[:_SHOWN]
    raise ReadError(f"the header has {count} column {place!r}, it has {names}")
