"""One table of words for a page and for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.table import Table
from rich.text import Text

from bertbench.report.name_table import NameTable

_LOUD_STYLE = "bold red"


class Loud(str):
    """A cell that stands out."""

    __slots__ = ()


@dataclass(frozen=True)
class WordTable:
    """What a table says, before anybody knows where it is shown.

    Attributes:
        headings: Of all columns.
        rows: As many cells each.
        names: Headings of the columns whose cells are names, which a terminal folds last.
        narrow: Headings of the columns that a terminal shows, since 80 characters have no room for more; all if None.
        styles: Of cells in a terminal, by their word; colour is never the only sign.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: Sequence[str] = ()
    narrow: Sequence[str] | None = None
    styles: Mapping[str, str] = field(default_factory=dict)

    def markdown(self) -> Iterator[str]:
        """All columns; a bar within a cell is no border."""
        yield _line(self.headings)
        yield "|---" * len(self.headings) + "|"
        yield from (_line(_escaped(cell) for cell in row) for row in self.rows)

    def in_terminal(self, title: str) -> Table:
        """The columns that there is room for, under *title*."""
        shown = [heading for heading in self.headings if self.narrow is None or heading in self.narrow]
        table = NameTable(shown, names=self.names)
        table.title, table.title_justify = Text(title, style="bold"), "left"
        for row in self.rows:
            cells = (cell for heading, cell in zip(self.headings, row, strict=True) if heading in shown)
            table.add_row(*(Text(cell, style=self._style(cell)) for cell in cells))
        return table

    def _style(self, cell: str) -> str:
        return _LOUD_STYLE if isinstance(cell, Loud) else self.styles.get(cell, "")


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(cell: str) -> str:
    text = cell.replace("|", "\\|").replace("\n", " ")
    return f"**{text}**" if isinstance(cell, Loud) else text
