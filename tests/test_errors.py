"""The exception tree is the one drawn at the top of its file, and every error carries what people need."""

from __future__ import annotations

import inspect
import re

import pytest

from bertbench import errors
from bertbench.errors import (
    BertbenchError,
    CheckpointAbsentError,
    CheckpointError,
    DataAbsentError,
    DataError,
    EngineError,
    NonFiniteLossError,
    RecordError,
    RecordWriteError,
)

TREE = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__module__ == errors.__name__
}


def drawn_tree() -> dict[str, str]:
    """Each drawn class and the one it hangs from."""
    drawn, above = {}, {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"^ {4}([│├└─ ]*)([A-Z]\w+Error)", line):
            depth = len(found[1]) // 4
            above[depth] = found[2]
            drawn[found[2]] = above.get(depth - 1, "Exception")
    return drawn


def test_drawing_shows_every_class_where_it_hangs() -> None:
    assert drawn_tree() == {name: kind.__base__.__name__ for name, kind in TREE.items()}


@pytest.mark.parametrize("kind", TREE.values(), ids=TREE.keys())
def test_every_class_says_when_it_is_raised(kind: type[BertbenchError]) -> None:
    assert kind.__doc__
    assert issubclass(kind, BertbenchError)


def test_remedy_stands_on_a_line_of_its_own() -> None:
    error = DataError("train.csv: no rows", remedy="give it some")
    assert (error.message, error.remedy) == ("train.csv: no rows", "give it some")
    assert str(error) == "train.csv: no rows\n  remedy: give it some"


def test_without_a_remedy_the_message_is_all() -> None:
    assert str(DataError("train.csv: no rows")) == "train.csv: no rows"


def test_non_finite_loss_says_where() -> None:
    error = NonFiniteLossError("loss is nan", seed=3, epoch=1, step=17, remedy="clip gradients")
    assert (error.seed, error.epoch, error.step) == (3, 1, 17)
    assert str(error) == "loss is nan\n  remedy: clip gradients"


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (DataAbsentError, DataError),
        (CheckpointAbsentError, CheckpointError),
        (NonFiniteLossError, EngineError),
        (RecordWriteError, RecordError),
    ],
)
def test_who_catches_the_wide_one_catches_the_narrow_one(narrow: type, wide: type) -> None:
    assert issubclass(narrow, wide)
