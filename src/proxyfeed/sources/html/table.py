"""
Tables: read by columns where the columns have telling labels, else by rows.

A table whose cells hold sections of their own lays out the page and is no list: each of its cells
is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from proxyfeed.errors import ReadError
from proxyfeed.sources.html.blocks import IMAGE, Block, Cell, Line, Table
from proxyfeed.sources.html.grid import Row, distinct, has_one_column, is_layout, lay_out
from proxyfeed.sources.html.outline import Outline
from proxyfeed.sources.html.row import is_bare, is_netmask, read_row
from proxyfeed.sources.html.titles import Verdict

_MANY_COLUMNS = "stands in a table that has ranges in more than one column"


def read_blocks(blocks: Iterable[Block], outline: Outline) -> None:
    for block in blocks:
        if isinstance(block, Line):
            outline.read(block)
        elif isinstance(block, Table):
            _read_table(block, outline)
        else:
            with outline.block():
                read_blocks(block.blocks, outline)


def _read_table(table: Table, outline: Outline) -> None:
    grid = lay_out(table)
    if has_one_column(grid) and not table.caption:
        # A heading in a coloured bar is such a table, and its section goes on below it.
        with outline.block():
            _read_column(grid, outline)
        return
    with outline.aside():
        read_blocks(table.caption, outline)
        if has_one_column(grid):
            _read_column(grid, outline)
        elif is_layout(grid):
            _read_layout(table, outline)
        elif (header := _find_header(grid, outline)) is not None:
            _read_by_columns(grid, header, outline)
        else:
            _read_by_rows(grid, outline)


def _read_column(grid: list[Row], outline: Outline) -> None:
    for cell in dict.fromkeys(cell for row in grid for cell in row.values()):
        with outline.block():
            read_blocks(cell.blocks, outline)


def _read_layout(table: Table, outline: Outline) -> None:
    """
    Read each cell by itself: what one opens does not reach the next, and ranges are wanted only
    under a title in their own cell.
    """
    for cell in table.cells:
        with outline.aside():
            outline.doubt("a column of a layout table")
            read_blocks(cell.blocks, outline)


def _find_header(grid: list[Row], outline: Outline) -> int | None:
    """
    Find the row above all ranges that labels several columns, one of them tellingly.
    """
    for index, row in enumerate(grid):
        cells = distinct(row)
        if any(cell.has_ranges for cell in cells):
            return None
        if len(cells) > 1 and any(_is_telling(cell, outline) for cell in cells):
            return index
    return None


def _read_by_columns(grid: list[Row], header: int, outline: Outline) -> None:
    """
    Read the column, or the columns, under each telling label as a section of its own.
    """
    for row in grid[:header]:
        _read_cells(distinct(row), outline)
    labels, body = grid[header], grid[header + 1 :]
    told = [cell for cell in distinct(labels) if _is_telling(cell, outline)]
    is_needed = outline.is_wanted or any(
        outline.titles.judge(_joined([cell])) is not Verdict.EXCLUDED for cell in told
    )
    for row in body:
        for place, cell in row.items():
            if is_needed and cell.has_ranges and labels.get(place) not in told:
                raise ReadError(
                    f"a table has {cell.lines[0].text!r} in a column whose heading does not say "
                    f"whose it is, beside a column headed {_joined(told[:1]).text!r}"
                )
    for label in told:
        with outline.aside():
            outline.read(_joined([label]))
            for row in body:
                places = {place for place in row if labels.get(place) is label}
                notes = [cell for place, cell in row.items() if labels.get(place) not in told]
                _read_part(row, places, notes, outline)


def _read_part(row: Row, places: set[int], notes: list[Cell], outline: Outline) -> None:
    cells = distinct({place: row[place] for place in row if place in places})
    others = [cell for place, cell in row.items() if place not in places]
    flaw = "stands across several columns" if any(cell in others for cell in cells) else ""
    _read_cells(cells, outline, flaw, _joined(notes).text)


def _read_by_rows(grid: list[Row], outline: Outline) -> None:
    """
    Read row by row a table whose ranges stand in one column, beside labels or notes.
    """
    starts = [next((c for c, cell in row.items() if cell.has_ranges), None) for row in grid]
    home = next((column for column in starts if column is not None), None)
    is_above = home is not None
    for row, start in zip(grid, starts, strict=True):
        cells = distinct(row)
        is_above = is_above and start is None
        if is_above and len(cells) > 1:
            # Of the headings "Network" and "Location", only the first is about the ranges.
            cells = [cell for column, cell in row.items() if column == home]
        _read_cells(cells, outline, "" if start in (None, home) else _MANY_COLUMNS)


def _read_cells(cells: list[Cell], outline: Outline, flaw: str = "", beside: str = "") -> None:
    """
    Read one row: a label, ranges, notes on them; or words alone.
    """
    ranges = [cell for cell in cells if cell.has_ranges]
    if not ranges:
        if len(cells) == 1:
            read_blocks(cells[0].blocks, outline)
        elif cells:
            outline.read(_joined(cells))
        return
    start = cells.index(ranges[0])
    label = _joined(cells[:start])
    notes = " ".join(_joined([cell]).text for cell in cells[start:] if cell not in ranges)
    notes = f"{notes} {beside}".strip()
    with outline.aside():
        if any(map(str.isalpha, label.text)):
            outline.read(label)
        for line in _pair(ranges):
            doubt = line.flaw or flaw or _flaw_beside(line, notes)
            outline.read(replace(line, beside=notes, flaw=doubt))


def _flaw_beside(line: Line, notes: str) -> str:
    """
    Doubt the width of ``64.12.96.0`` if ``19`` stands in the next column.
    """
    if any(map(str.isdigit, notes)) and any(map(is_bare, read_row(line.text))):
        return f"has no length, and {notes!r} beside it may be one"
    return ""


def _pair(cells: list[Cell]) -> list[Line]:
    """
    Join the lines of two cells that hold addresses and their netmasks.
    """
    if len(cells) == 2 and _are_netmasks(cells[1]) and len(cells[0].lines) == len(cells[1].lines):
        return [
            replace(line, text=f"{line.text} {mask.text}", flaw=line.flaw or mask.flaw)
            for line, mask in zip(cells[0].lines, cells[1].lines, strict=True)
        ]
    flaw = "" if len(cells) == 1 else _MANY_COLUMNS
    return [replace(line, flaw=line.flaw or flaw) for cell in cells for line in cell.lines]


def _are_netmasks(cell: Cell) -> bool:
    return all(is_netmask(line.text) for line in cell.lines)


def _is_telling(cell: Cell, outline: Outline) -> bool:
    return outline.titles.judge(_joined([cell])).is_decisive


def _joined(cells: list[Cell]) -> Line:
    """
    Return the text of *cells* as one label.
    """
    lines = [line for cell in cells for line in cell.lines]
    return Line(
        " ".join(line.text for line in lines) or (IMAGE if cells else ""),
        is_marked=True,
        is_link=all(line.is_link for line in lines),
        flaw=next((line.flaw for line in lines if line.flaw), ""),
    )
