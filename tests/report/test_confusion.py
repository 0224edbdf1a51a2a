"""The confusion matrix as a picture: the right colour in the right place, labels that do not overlap."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bertbench.errors import ReportError
from bertbench.report.confusion import Picture, _plan, confusion_picture

CLASS_COUNTS = (2, 3, 7, 20, 64, 150)


def names(classes: int) -> list[str]:
    """Names as people give them: some long, one of another script, one with a line break."""
    odd = ["a", "a name much longer than anybody will ever want to read", "计费", "two\nlines"]
    return [odd[number] if number < len(odd) else f"class {number}" for number in range(classes)]


def diagonal(classes: int, count: int) -> list[list[int]]:
    """All rows right."""
    return [[count if row == column else 0 for column in range(classes)] for row in range(classes)]


def opened(picture: Picture) -> Image.Image:
    """The picture as a reader sees it."""
    image = Image.open(io.BytesIO(picture.png))
    assert image.format == "PNG"
    assert image.size == (picture.width, picture.height)
    return image.convert("RGB")


def colour_of(image: Image.Image, label_names: list[str], row: int, column: int) -> tuple[int, ...]:
    """Of a cell, near its corner, where no count is written."""
    left, top, _, _ = _plan(label_names).box(row, column)
    pixel = image.getpixel((left + 2, top + 2))
    assert isinstance(pixel, tuple)
    return pixel


@pytest.mark.parametrize("classes", CLASS_COUNTS)
def test_right_rows_are_blue_and_empty_cells_white(classes: int):
    label_names = names(classes)
    image = opened(confusion_picture(diagonal(classes, 7), label_names))
    last = classes - 1
    for cell in (0, last):
        red, _, blue = colour_of(image, label_names, cell, cell)
        assert blue > red + 100
    assert colour_of(image, label_names, 0, last) == (255, 255, 255)
    assert colour_of(image, label_names, last, 0) == (255, 255, 255)


@pytest.mark.parametrize("classes", CLASS_COUNTS)
def test_wrong_rows_are_red_at_the_truth_downwards_and_the_prediction_to_the_right(classes: int):
    label_names = names(classes)
    counts = diagonal(classes, 7)
    counts[0] = [0] * classes
    counts[0][classes - 1] = 5
    image = opened(confusion_picture(counts, label_names))
    red, _, blue = colour_of(image, label_names, 0, classes - 1)
    assert red > blue + 100
    assert colour_of(image, label_names, classes - 1, 0) == (255, 255, 255)


def test_a_single_error_among_a_thousand_can_be_told_from_none():
    image = opened(confusion_picture([[999, 1], [0, 1000]], ["yes", "no"]))
    assert colour_of(image, ["yes", "no"], 0, 1) != (255, 255, 255)


@pytest.mark.parametrize("classes", CLASS_COUNTS)
def test_every_label_has_ink_of_its_own_beside_and_below_the_matrix(classes: int):
    label_names = names(classes)
    image = opened(confusion_picture(diagonal(classes, 1), label_names))
    plan = _plan(label_names)
    bottom = plan.top + classes * plan.cell
    for number in range(classes):
        left, top, right, low = plan.box(number, number)
        beside = image.crop((0, top + 1, plan.left - 1, low - 1))
        below = image.crop((left + 1, bottom + 2, right - 1, plan.height))
        assert min(beside.convert("L").getextrema()[:1]) < 128
        assert min(below.convert("L").getextrema()[:1]) < 128
        # a blank line between one label and the next: they do not run into each other
        assert image.crop((0, low, plan.left - 1, low + 1)).convert("L").getextrema()[0] > 128


@pytest.mark.parametrize("classes", CLASS_COUNTS)
def test_nothing_is_drawn_over_the_edge(classes: int):
    image = opened(confusion_picture(diagonal(classes, 12_345), names(classes))).convert("L")
    for edge in (
        (0, 0, image.width, 1),
        (0, image.height - 1, image.width, image.height),
        (0, 0, 1, image.height),
        (image.width - 1, 0, image.width, image.height),
    ):
        assert image.crop(edge).getextrema() == (255, 255)


def test_a_class_without_rows_is_white_and_no_error():
    image = opened(confusion_picture([[0, 0], [0, 9]], ["absent", "present"]))
    assert colour_of(image, ["absent", "present"], 0, 0) == (255, 255, 255)


def test_the_same_counts_give_the_same_bytes():
    assert confusion_picture(diagonal(7, 3), names(7)) == confusion_picture(diagonal(7, 3), names(7))


def test_other_counts_give_another_picture():
    assert confusion_picture([[9, 1], [1, 9]], names(2)) != confusion_picture([[8, 2], [1, 9]], names(2))


@pytest.mark.parametrize(
    ("counts", "label_names"),
    [([], []), ([[1, 2]], ["a"]), ([[1, 2], [3]], ["a", "b"]), ([[1, 2], [3, 4]], ["a", "b", "c"])],
    ids=["empty", "wide", "ragged", "too many names"],
)
def test_counts_and_names_that_do_not_fit_are_refused(counts: list[list[int]], label_names: list[str]):
    with pytest.raises(ReportError, match="as many rows, columns and names"):
        confusion_picture(counts, label_names)
