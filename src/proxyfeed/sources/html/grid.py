"""
Tables as they are seen: which cell covers which column in each row.
"""

from __future__ import annotations

from proxyfeed.errors import ReadError
from proxyfeed.sources.html.blocks import Cell, Table

# A page may say colspan="1000" a hundred thousand times, or rowspan="60000" once for a long text.
_MOST_SLOTS = 200_000
_MOST_TEXT = 20_000_000
# A wider table is no list.
_WIDEST = 40


# The cell that covers each column, in the order of the columns. Blank cells are left out, and so
# are images, unless they are all there is in the row.
Row = dict[int, Cell]


def lay_out(table: Table) -> list[Row]:
    """
    Put the cells of *table* where they are seen, those that span several rows into each of them.
    """
    grid: list[Row] = []
    pending: dict[int, tuple[Cell, int]] = {}
    slots = text = 0
    sizes = {cell: sum(len(line.text) for line in cell.lines) for cell in table.cells}
    for cells in table.rows:
        row = {column: cell for column, (cell, _) in pending.items()}
        pending = {c: (cell, left - 1) for c, (cell, left) in pending.items() if left > 1}
        column = 0
        for cell in cells:
            while column in row:
                column += 1
            for place in range(column, column + cell.columns):
                row[place] = cell
                if cell.rows > 1:
                    pending[place] = (cell, cell.rows - 1)
            column += cell.columns
        slots += len(row)
        text += sum(sizes[cell] for cell in distinct(row))
        if slots > _MOST_SLOTS or text > _MOST_TEXT:
            raise ReadError("a table of the page is too large to be a list")
        row = {place: row[place] for place in sorted(row) if row[place].blocks}
        grid.append({place: cell for place, cell in row.items() if not cell.is_blank} or row)
    return grid


def is_layout(grid: list[Row]) -> bool:
    """
    Tell whether the cells are pieces of page, and not labels, notes and ranges.
    """
    if any(len(distinct(row)) > _WIDEST for row in grid):
        return True
    return any(cell.is_mixed for cell in {cell for row in grid for cell in row.values()})


def has_one_column(grid: list[Row]) -> bool:
    """
    Tell whether every row has one cell at most, and all of them one above the other.
    """
    rows = [row for row in grid if row]
    if any(len(distinct(row)) > 1 for row in rows):
        return False
    return not rows or bool(set.intersection(*map(set, rows)))


def distinct(row: Row) -> list[Cell]:
    return list(dict.fromkeys(row.values()))
