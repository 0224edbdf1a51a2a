"""A confusion matrix as a picture: readable with 2 classes and with 150."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from bertbench.errors import ReportError

_WHITE, _GRID, _INK = (255, 255, 255), (220, 220, 220), (30, 30, 30)
_RIGHT, _WRONG = (33, 102, 172), (178, 24, 43)  # blue and red that also differ for the colour-blind

_MATRIX_PIXELS = 640  # aimed at; many classes take more, few take less
_CELL_PIXELS = (16, 72)  # smallest with room for a label of 12 pixels; largest
_LABEL_PIXELS = 13
_LABEL_CHARACTERS = 28
_MARGIN = 10
_DARK = 0.5  # from this share on, ink on a cell is white

Colour = tuple[int, int, int]
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Picture:
    """An image.

    Attributes:
        png: The file's bytes.
        width: Pixels.
        height: Pixels.
    """

    png: bytes
    width: int
    height: int


def confusion_picture(counts: Sequence[Sequence[int]], label_names: Sequence[str]) -> Picture:
    """Draw *counts*: truth downwards, prediction to the right.

    A cell's shade is its share of the row, blue on the diagonal, red beside it; its count is written where it fits.
    The same input gives the same bytes.

    Args:
        counts: (classes, classes), rows are true classes.
        label_names: (classes,), in the order of the class numbers.

    Raises:
        ReportError: If *counts* is empty or not square, or the names are not as many as the classes.
    """
    _check(counts, label_names)
    plan = _plan(label_names)
    image = Image.new("RGB", (plan.width, plan.height), _WHITE)
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN, _MARGIN), _heading(counts), fill=_INK, font=plan.font)
    _draw_cells(draw, counts, plan)
    _draw_labels(image, draw, plan)
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return Picture(stream.getvalue(), plan.width, plan.height)


@dataclass(frozen=True)
class _Plan:
    """Where things go, in pixels."""

    labels: tuple[str, ...]
    font: _Font
    cell: int
    left: int  # of the matrix
    top: int
    width: int  # of the picture
    height: int

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of a cell."""
        left, top = self.left + column * self.cell, self.top + row * self.cell
        return left, top, left + self.cell, top + self.cell


def _plan(label_names: Sequence[str]) -> _Plan:
    classes = len(label_names)
    smallest, largest = _CELL_PIXELS
    cell = max(smallest, min(largest, _MATRIX_PIXELS // classes))
    font = ImageFont.load_default(_LABEL_PIXELS if cell > smallest else _LABEL_PIXELS - 1)
    labels = tuple(_label(number, name) for number, name in enumerate(label_names))
    label_room = max(_text_width(font, label) for label in labels) + _MARGIN
    left, top = _MARGIN + label_room, 2 * _MARGIN + 2 * _LABEL_PIXELS
    heading_room = _text_width(font, "prediction to the right: 00000 of 00000 right") + 2 * _MARGIN
    width = max(left + classes * cell + _MARGIN, heading_room)
    height = top + classes * cell + label_room + _MARGIN
    return _Plan(labels, font, cell, left, top, width, height)


def _check(counts: Sequence[Sequence[int]], label_names: Sequence[str]) -> None:
    widths = {len(row) for row in counts}
    if not counts or widths != {len(counts)} or len(label_names) != len(counts):
        raise ReportError(
            f"confusion matrix: {len(counts)} rows of {sorted(widths)} counts with {len(label_names)} class names; "
            "expected as many rows, columns and names as there are classes"
        )


def _label(number: int, name: str) -> str:
    """Number and name: the number can be read even where the font lacks the letters of the name."""
    words = " ".join(name.split())
    short = words if len(words) <= _LABEL_CHARACTERS else f"{words[: _LABEL_CHARACTERS - 3]}..."
    return f"{number} {short}"


def _heading(counts: Sequence[Sequence[int]]) -> str:
    rows = sum(map(sum, counts))
    right = sum(row[number] for number, row in enumerate(counts))
    return f"truth downwards,\nprediction to the right: {right} of {rows} right"


def _draw_cells(draw: ImageDraw.ImageDraw, counts: Sequence[Sequence[int]], plan: _Plan) -> None:
    for row, row_counts in enumerate(counts):
        total = sum(row_counts)
        for column, count in enumerate(row_counts):
            share = count / total if total else 0.0
            box = plan.box(row, column)
            draw.rectangle(box, fill=_shade(_RIGHT if row == column else _WRONG, share), outline=_GRID)
            if count and _text_width(plan.font, str(count)) <= plan.cell - 4:
                middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
                ink = _WHITE if share >= _DARK else _INK
                draw.text(middle, str(count), fill=ink, font=plan.font, anchor="mm")


def _draw_labels(image: Image.Image, draw: ImageDraw.ImageDraw, plan: _Plan) -> None:
    bottom = plan.top + len(plan.labels) * plan.cell
    for number, label in enumerate(plan.labels):
        middle = plan.box(number, number)[1] + plan.cell / 2
        draw.text((plan.left - _MARGIN / 2, middle), label, fill=_INK, font=plan.font, anchor="rm")
        upright = _upright(label, plan.font)
        place = plan.box(number, number)[0] + (plan.cell - upright.width) // 2
        image.paste(upright, (place, bottom + _MARGIN // 2))


def _upright(label: str, font: _Font) -> Image.Image:
    """The label turned, to be read from below."""
    flat = Image.new("RGB", (_text_width(font, label) + 2, _LABEL_PIXELS + 3), _WHITE)
    ImageDraw.Draw(flat).text((flat.width, flat.height / 2), label, fill=_INK, font=font, anchor="rm")
    return flat.rotate(90, expand=True)


def _text_width(font: _Font, text: str) -> int:
    return int(font.getlength(text)) + 1


def _shade(colour: Colour, share: float) -> Colour:
    """White for 0, *colour* for 1; a share that is small but not zero can still be told from white."""
    strength = 0.12 + 0.88 * share if share else 0.0
    red, green, blue = (round(255 + strength * (part - 255)) for part in colour)
    return red, green, blue
