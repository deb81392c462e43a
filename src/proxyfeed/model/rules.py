"""
How a body is to be read: one class of rules for each format.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class HtmlRules:
    """
    How to find the wanted list in a page; see `proxyfeed.sources.html` for what each means.

    *selector* is a CSS selector for the part of the page to read. *heading*, *exclude* and
    *ignore* are phrases, compared as whole words without regard to case.
    """

    format: ClassVar[str] = "html"
    label_name: ClassVar[str] = ""
    stamp: ClassVar[str] = ""

    selector: str | None = None
    heading: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRules:
    """
    One prefix a line; see `proxyfeed.sources.lists.text`.

    *stamp* is the phrase of a comment that upstream's time stands after, such as
    ``last_update:``. Up to *max_rejected* rows may be no prefixes.
    """

    format: ClassVar[str] = "text"
    label_name: ClassVar[str] = ""

    stamp: str = ""
    max_rejected: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column that carries a label: *name* says what the label is, such as ``country``; *place* is
    its number from 1 on, or its name in the header.
    """

    name: str
    place: int | str


@dataclass(frozen=True, slots=True)
class CsvRules:
    """
    Comma-separated rows, RFC 8805 geofeeds among them; see `proxyfeed.sources.lists.csv_rows`.

    *column* is where the prefix stands, by number from 1 on or by its name in the header. *stamp*
    and *max_rejected* are as in `TextRules`.
    """

    format: ClassVar[str] = "csv"

    column: int | str = 1
    header: bool = False
    delimiter: str = ","
    label: Column | None = None
    stamp: str = ""
    max_rejected: int = 0

    @property
    def label_name(self) -> str:
        return self.label.name if self.label else ""


@dataclass(frozen=True, slots=True)
class Query:
    """
    A label of JSON rows: *name* says what it is, *expression* where it stands in a row (JMESPath).
    """

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class JsonRules:
    """
    A JSON document, or JSON Lines; see `proxyfeed.sources.lists.json_rows`.

    Expressions are JMESPath. Each of *paths* gives a list of rows, and *prefix* what to take of a
    row that is an object. With *lines* each line is a document and a row; the last one, for which
    *metadata* is true, says how many rows (*records*) and bytes (*size*) came before it. *stamp*
    gives upstream's time, from that record or else from the document.
    """

    format: ClassVar[str] = "json"

    paths: tuple[str, ...] = ()
    prefix: str = ""
    label: Query | None = None
    lines: bool = False
    metadata: str = ""
    records: str = ""
    size: str = ""
    stamp: str = ""
    max_rejected: int = 0

    @property
    def label_name(self) -> str:
        return self.label.name if self.label else ""


@dataclass(frozen=True, slots=True)
class InlineRules:
    """
    A list that stands in the configuration, as it was published on *dated*.
    """

    format: ClassVar[str] = "inline"
    label_name: ClassVar[str] = ""
    stamp: ClassVar[str] = ""

    prefixes: tuple[str, ...] = ()
    dated: date | None = None


Rules = HtmlRules | TextRules | CsvRules | JsonRules | InlineRules
