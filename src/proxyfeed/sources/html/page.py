"""
A parsed page as lines and tables, as they are seen.

Block elements and ``<br>`` end a line; the text of inline elements is joined without a separator,
so that ``<b>64.12</b>.96.0/19`` is one prefix. An element that is not known to be inline ends a
line: at worst an address is cut in two, and its pieces are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bs4 import Tag
from bs4.element import NavigableString, PreformattedString

from proxyfeed.sources.html.blocks import IMAGE, RULE, Block, Cell, Group, Line, Table
from proxyfeed.sources.html.look import APART, INLINE, Look
from proxyfeed.sources.html.row import fold, has_address

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CELLS = frozenset({"td", "th"})
_NEVER_SEEN = frozenset({"script", "style", "title"})
_WORD = re.compile(r"[^\W\d_]{2}")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_MOST_COLUMNS, _MOST_ROWS = 1000, 65534  # that one cell spans, as in browsers


def read_page(tag: Tag) -> list[Block]:
    """
    Return what is seen of *tag*, which may be the whole page.
    """
    look = Look()
    for parent in reversed(list(tag.parents)):
        look = look.within(parent)
    walk = _Walk()
    if tag.name in _CELLS:
        walk.children(tag, look.within(tag))
        walk.end_line()
    else:
        walk.element(tag, look)
    return walk.flow


@dataclass(slots=True)
class _OpenTable:
    outer: list[Block]
    rows: list[list[Cell]]
    caption: list[Block]


class _Walk:
    """
    Goes through a tree once and writes the lines and tables that it sees to *flow*.
    """

    def __init__(self) -> None:
        self.flow: list[Block] = []
        self._pieces: list[tuple[str, Look]] = []
        self._images: list[str] = []
        self._heading = 0
        self._tables: list[_OpenTable] = []

    def element(self, tag: Tag, around: Look) -> None:
        name, look = tag.name, around.within(tag)
        if name in _NEVER_SEEN:
            return
        if name in INLINE:
            self.children(tag, look)
        elif name == "img":
            self._pieces.append((" ", look))
            self._images += _text_of(tag)
        elif name in APART:
            self._pieces.append((" ", look))
            self.children(tag, look)
            self._pieces.append((" ", look))
        elif name in _HEADINGS:
            self._read_heading(tag, look)
        else:
            self.end_line()
            self._read_block(tag, look)
            self.end_line()

    def children(self, tag: Tag, look: Look) -> None:
        for node in tag.children:
            if isinstance(node, Tag):
                self.element(node, look)
            elif isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
                self._read_text(node, look)

    def end_line(self) -> None:
        """
        End the line, but for a heading, which is one line whatever it is made of.
        """
        if self._heading:
            self._pieces.append((" ", Look()))
        else:
            self._write_line()

    def _read_block(self, tag: Tag, look: Look) -> None:
        name = tag.name
        if self._heading:
            self.children(tag, look)
        elif name == "table":
            self._read_table(tag, look)
        elif name in _CELLS and not self._tables:
            # As a stray </p> leaves them, which ends the table with all that is open in it.
            self.children(tag, replace(look, flaw="stands in a table cell outside of a table"))
        elif name in _CELLS:
            self._read_cell(tag, look)
        elif name == "caption" and self._tables:
            self._read_into(self._tables[-1].caption, tag, look)
        elif name == "tr" and self._tables:
            self._tables[-1].rows.append([])
            self.children(tag, look)
        elif name == "hr":
            self.flow.append(Line(RULE))
        else:
            self._read_group(tag, look)

    def _read_text(self, text: str, look: Look) -> None:
        if not look.is_preformatted:
            self._pieces.append((text, look))
            return
        first, *others = _NEWLINE.split(text)
        self._pieces.append((first, look))
        for line in others:
            self.end_line()
            self._pieces.append((line, look))

    def _read_heading(self, tag: Tag, look: Look) -> None:
        self._write_line()
        before, self._heading = self._heading, _HEADINGS[tag.name]
        self.children(tag, look)
        self._write_line()
        self._heading = before

    def _read_group(self, tag: Tag, look: Look) -> None:
        outer, group = self.flow, Group([])
        self.flow = group.blocks
        self.children(tag, look)
        self.end_line()
        self.flow = outer
        if group.blocks:
            self.flow.append(group)

    def _read_table(self, tag: Tag, look: Look) -> None:
        """
        Read a table; text in it that stands in no cell goes before it, as in browsers.
        """
        table = _OpenTable(self.flow, [], [])
        self._tables.append(table)
        self.children(tag, look)
        self.end_line()
        self._tables.pop()
        self.flow = table.outer
        if table.caption or any(cell.blocks for row in table.rows for cell in row):
            self.flow.append(Table(table.rows, table.caption))

    def _read_cell(self, tag: Tag, look: Look) -> None:
        table = self._tables[-1]
        if not table.rows:
            table.rows.append([])
        cell = Cell([], _span(tag, "colspan", _MOST_COLUMNS), _span(tag, "rowspan", _MOST_ROWS))
        # Before its text is read: a cell that is left open holds the next one.
        table.rows[-1].append(cell)
        self._read_into(cell.blocks, tag, look)

    def _read_into(self, blocks: list[Block], tag: Tag, look: Look) -> None:
        self.flow = blocks
        self.children(tag, look)
        self.end_line()
        self.flow = self._tables[-1].outer

    def _write_line(self) -> None:
        pieces, images = self._pieces, self._images
        self._pieces, self._images = [], []
        text = fold("".join(piece for piece, _ in pieces))
        alternatives = " ".join(image for image in images if image != IMAGE).strip()
        looks = [look for piece, look in pieces if fold(piece)] or [look for _, look in pieces]
        flaw = next((look.flaw for look in looks if look.flaw), "")
        if not text:
            text = alternatives or (IMAGE if IMAGE in images else "")
            flaw = flaw or ("is the text of an image" if has_address(text) else "")
        elif _WORD.search(alternatives):
            flaw = flaw or f"stands beside an image that reads {alternatives!r}"
        if any(map(str.isalnum, text)) or "*." in text:
            self.flow.append(
                Line(
                    text,
                    level=self._heading,
                    is_marked=any(look.is_marked for look in looks)
                    or all(look.is_bold for look in looks),
                    is_link=all(look.is_link for look in looks),
                    flaw=flaw,
                )
            )


def _text_of(image: Tag) -> list[str]:
    """
    Return what is read in place of an image: nothing for one that only fills a gap.
    """
    if "1" in (image.get("width"), image.get("height")):
        return []
    return [fold(str(image["alt"])) if image.has_attr("alt") else IMAGE]


def _span(tag: Tag, name: str, most: int) -> int:
    """
    Read ``colspan="2"`` as browsers do: ``100%`` is 100, and ``rowspan="0"`` all rows below.
    """
    found = re.match(r"\s*(\d{1,5})", str(tag.get(name, "1")))
    number = int(found[1]) if found else 1
    return min(number or (most if name == "rowspan" else 1), most)
