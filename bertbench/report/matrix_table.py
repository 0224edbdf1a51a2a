"""A matrix for people: one line for each environment, why what is not a pass is not, and what sets the groups apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from bertbench.matrix.choosing import told
from bertbench.matrix.fields import Cell, Matrix
from bertbench.quantities import BUDGETS, QUALITY
from bertbench.report.verdict_table import outcome_text
from bertbench.report.wording import counted, with_next_step

#: Before what is not as in the reference; colour is never the only sign.
_MARK = "*"
_HEADINGS = ("environment", "promises", "accuracy", "seeds", "quality", "step", "ratio", "bits")
_NUMBERS = ("accuracy", "seeds", "step", "ratio")


def matrix_table(matrix: Matrix) -> Table:
    """One line for each environment, the reference first; what differs from it has a star."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    table.title, table.title_justify = title(matrix), "left"
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", overflow="fold")
    for cell in matrix.cells:
        name, promises, accuracy, seeds, quality, step, ratio, bits = row(cell)
        table.add_row(
            Text(name, style="bold" if cell.is_reference else ""),
            outcome_text(promises),
            accuracy,
            seeds,
            Text(quality) if cell.quality is None else Text(quality, style=outcome_text(cell.outcome).style),
            step,
            ratio,
            Text(bits, style="yellow" if bits.startswith(_MARK) else ""),
        )
    return table


def title(matrix: Matrix) -> str:
    """What ran, at which commit, in how many environments."""
    return f"{matrix.benchmark}, {told(matrix.revision)}: {counted(len(matrix.cells), 'environment')}"


def row(cell: Cell) -> tuple[str, ...]:
    """The words and numbers of one line, in the order of the headings."""
    return (
        cell.name,
        cell.promises_outcome,
        QUALITY["accuracy"].format(cell.accuracy),
        str(cell.seeds),
        _quality(cell),
        BUDGETS["step_seconds"].format(cell.step_seconds),
        "-" if cell.step_ratio is None else f"{cell.step_ratio:.2f}",
        f"{_MARK if cell.differs else ''}{cell.group or '-'}",
    )


def _quality(cell: Cell) -> str:
    if cell.is_reference:
        return "reference"
    if cell.quality is None:
        return "-"
    outcome = "undecided" if cell.quality.outcome == "no_baseline" else cell.quality.outcome
    if cell.quality.observed == "unchanged":
        return "equal bits"
    said = cell.quality.observed if "drop_points" in cell.quality.numbers else ""
    return f"{_MARK}{outcome}{f': {said}' if said else ''}"


def matrix_lines(matrix: Matrix) -> Iterator[str]:
    """Below the table: what failed or is not decided, what sets the groups apart, what the speed is worth."""
    for cell in matrix.cells:
        for check in cell.promises:
            if check.outcome != "pass" and (cell.completed or check is cell.promises[0]):
                reason = " ".join(check.reason.split())  # a message may have its remedy on a line of its own
                yield f"{cell.name}: {check.name}: {check.outcome}: {with_next_step(reason, check.next_step)}"
    yield from _undecided_and_worse(matrix)
    for said in matrix.separations:
        yield f"bits: {said}."
    if any(cell.step_ratio is not None and not cell.is_reference for cell in matrix.cells):
        yield (
            "Steps were not timed in turn, so their ratios decide nothing; this does: "
            "bertbench ab --base PYTHON --cand PYTHON SPEC"
        )
    for run_id, why in matrix.left_out.items():
        yield f"left out: {run_id}: {why}."


def _undecided_and_worse(matrix: Matrix) -> Iterator[str]:
    """Why quality did not pass; environments of which the same is said are told together.

    What differs between the environments is left to the sentences on bits, and to the file.
    """
    named: dict[str, list[str]] = {}
    for cell in matrix.cells:
        if cell.completed and cell.quality is not None and cell.quality.outcome != "pass":
            reason = cell.quality.reason.partition(" Baseline: ")[0]
            said = f"quality: {cell.outcome}: {with_next_step(reason, cell.quality.next_step)}"
            named.setdefault(said, []).append(cell.name)
    for said, names in named.items():
        yield f"{', '.join(names)}: {said}"


def markdown(matrices: Sequence[Matrix]) -> str:
    """The same as a page."""
    lines: list[str] = []
    for matrix in matrices:
        lines += [f"## {title(matrix)}", ""]
        lines.append("| " + " | ".join(_HEADINGS) + " |")
        lines.append("|" + "|".join("---:" if heading in _NUMBERS else "---" for heading in _HEADINGS) + "|")
        lines += ["| " + " | ".join(_escaped(part) for part in row(cell)) + " |" for cell in matrix.cells]
        lines += ["", *(f"- {_escaped(line)}" for line in matrix_lines(matrix)), ""]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Nothing that somebody else wrote ends a cell or begins emphasis."""
    for sign in ("\\", "|", "*", "<", "_"):
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
