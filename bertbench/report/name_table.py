"""A table of names and words: where not everything fits, words fold before names do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import measure_renderables
from rich.table import Column, Table


class NameTable(Table):
    """Names stay in one piece wherever there is room for them; on a narrower terminal they fold, and nothing is lost.

    Columns are one space apart: with two, the names of usual promises do not fit into 80 columns.
    """

    def __init__(self, headings: Sequence[str], *, names: Sequence[str]) -> None:
        """A table without lines.

        Args:
            headings: Of the columns.
            names: Those of them whose cells are names.
        """
        super().__init__(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
        for heading in headings:
            self.add_column(heading, overflow="fold")
        self._names = frozenset(names)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich does, once it is known whether the names fit."""
        gaps = len(self.columns) - 1
        needed = gaps + sum(self._needed(column, console, options) for column in self.columns)
        for column in self.columns:
            column.no_wrap = column.header in self._names and needed <= options.max_width
        return super().__rich_console__(console, options)

    def _needed(self, column: Column, console: Console, options: ConsoleOptions) -> int:
        """Characters: the longest name, or of words the longest one."""
        measured = measure_renderables(console, options, [column.header, *column.cells])
        return measured.maximum if column.header in self._names else measured.minimum
