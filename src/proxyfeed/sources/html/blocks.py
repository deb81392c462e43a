"""
What a page is made of, as it is seen: lines, groups of them, and tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from proxyfeed.sources.html.row import has_address

# What is seen and says nothing: an image without a text, and a rule from side to side.
IMAGE, RULE = "[an image]", "[a horizontal rule]"
_LONGEST_LABEL = 6  # words


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line, folded.

    *level* is 1 to 6 in a heading. *is_marked* means that it is set apart, as bold text is. *flaw*
    says why an address in it proves nothing, such as "is struck out". *beside* is what stands in
    the same row of a table.
    """

    text: str
    level: int = 0
    is_marked: bool = False
    is_link: bool = False
    flaw: str = ""
    beside: str = ""

    @property
    def is_wordless(self) -> bool:
        return self.text in (IMAGE, RULE)

    @property
    def is_label(self) -> bool:
        return not self.is_wordless and (not self.is_sentence or self.text.endswith(":"))

    @property
    def is_sentence(self) -> bool:
        return not self.is_marked and len(self.text.split()) > _LONGEST_LABEL


@dataclass(frozen=True, slots=True)
class Group:
    """
    The content of one block element, such as a paragraph or a list.
    """

    blocks: list[Block]


# Compared by identity, as two cells may both read "Proxies".
@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """
    A cell of a table and how many columns and rows it spans.
    """

    blocks: list[Block]
    columns: int = 1
    rows: int = 1

    @property
    def lines(self) -> list[Line]:
        """
        Its lines but for wordless ones and those of tables inside.
        """
        return [line for line in _lines_of(self.blocks) if not line.is_wordless]

    @property
    def is_blank(self) -> bool:
        return not self.lines and not _has_table(self.blocks)

    @property
    def has_ranges(self) -> bool:
        return any(has_address(line.text) for line in self.lines)

    @property
    def is_mixed(self) -> bool:
        """
        Whether it is more than a label, a note or some ranges: a piece of page by itself.
        """
        lines = self.lines
        if _has_table(self.blocks) or len({has_address(line.text) for line in lines}) > 1:
            return True
        return len(lines) > 1 and any(line.level for line in lines)


@dataclass(frozen=True, slots=True)
class Table:
    rows: list[list[Cell]]
    caption: list[Block]

    @property
    def cells(self) -> list[Cell]:
        return [cell for row in self.rows for cell in row]


Block = Line | Group | Table


def _lines_of(blocks: Iterable[Block]) -> Iterator[Line]:
    for block in blocks:
        if isinstance(block, Line):
            yield block
        elif isinstance(block, Group):
            yield from _lines_of(block.blocks)


def _has_table(blocks: Iterable[Block]) -> bool:
    return any(
        isinstance(block, Table) or (isinstance(block, Group) and _has_table(block.blocks))
        for block in blocks
    )
