"""How a batch becomes what a user's model takes: by the names of its inputs, or by a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.data.batches import PackedBatch
from bertbench.engines.padding import pad
from bertbench.errors import EngineError

#: What others call the three parts of a batch; the first name is ours, and KerasHub's.
NAMES = {
    "token_ids": ("token_ids", "input_ids", "input_word_ids", "word_ids", "ids", "tokens"),
    "segment_ids": ("segment_ids", "token_type_ids", "input_type_ids", "type_ids"),
    "padding_mask": ("padding_mask", "attention_mask", "input_mask", "mask"),
}
_PART_OF = {name: part for part, names in NAMES.items() for name in names}

Arrays = dict[str, NDArray[Any]]
#: From the three parts, int32 (rows, longest) each, to whatever the model takes.
Function = Callable[[Arrays], Any]


@dataclass(frozen=True)
class Input:
    """One input of a model.

    Attributes:
        name: As the model has it.
        part: `token_ids`, `segment_ids` or `padding_mask`.
        dtype: Of the array that is fed.
        length: Tokens per row; None for any number.
    """

    name: str
    part: str
    dtype: str = "int32"
    length: int | None = None


class Feeding:
    """Turns batches into a model's inputs."""

    def __init__(
        self, inputs: tuple[Input, ...] = (), *, shape: str = "dict", function: Function | None = None
    ) -> None:
        """Know what the model takes.

        Args:
            inputs: Of the model, in its order.
            shape: `dict`, `list` or `single`, as the model takes them.
            function: Makes the inputs instead.
        """
        self._inputs = inputs
        self._shape = shape
        self._function = function
        self._length = next((given.length for given in inputs if given.length is not None), None)

    def __call__(self, batch: PackedBatch) -> Any:
        """*batch* as the model takes it, padded to its longest row, or to the length that the model wants.

        Raises:
            EngineError: If a row is longer than the model takes.
        """
        parts = self._parts(batch)
        if self._function is not None:
            made = self._function(parts)
            return tuple(made) if isinstance(made, list) else made  # tf.data takes a list for one array
        arrays = {given.name: parts[given.part].astype(given.dtype) for given in self._inputs}
        if self._shape == "dict":
            return arrays
        return tuple(arrays.values()) if self._shape == "list" else next(iter(arrays.values()))

    def _parts(self, batch: PackedBatch) -> Arrays:
        padded = pad(batch)
        parts = {
            "token_ids": padded.input_ids,
            "segment_ids": padded.token_type_ids,
            "padding_mask": padded.attention_mask,
        }
        missing = 0 if self._length is None else self._length - padded.input_ids.shape[1]
        if missing < 0:
            raise EngineError(
                f"data.max_length_tokens: a row has {padded.input_ids.shape[1]} tokens, and the model takes "
                f"{self._length}",
                remedy=f"Write max_length_tokens = {self._length} under [data].",
            )
        return {name: np.pad(values, ((0, 0), (0, missing))).astype(np.int32) for name, values in parts.items()}


def feeding_of(model: Any, given: Mapping[str, str] | Function | None) -> Feeding:
    """What *model* takes.

    Args:
        model: Of Keras 3 or tf-keras.
        given: What the factory said of it: part of the batch by name of the input, or a function; None if nothing.

    Raises:
        EngineError: If that cannot be known, or is not understood.
    """
    if callable(given):
        return Feeding(function=given)
    declared = _declared(model)
    if given is None:
        if declared is None:
            raise EngineError(
                f"{type(model).__name__} does not say which inputs it takes",
                remedy="Return (model, {'input_ids': 'token_ids', 'attention_mask': 'padding_mask'}) from the factory: "
                "the model's names, and ours.",
            )
        given = {name: _part_of(name, alone=len(declared[1]) == 1) for name in declared[1]}
    if unknown := sorted({part for part in given.values() if part not in NAMES}):
        raise EngineError(
            f"inputs of {type(model).__name__}: unknown part {unknown[0]!r}; known: {', '.join(NAMES)}",
        )
    if declared is None:
        return Feeding(tuple(Input(name, part) for name, part in given.items()))
    shape, tensors = declared
    if missing := [name for name in tensors if name not in given]:
        raise EngineError(f"inputs of {type(model).__name__}: nothing is given for {', '.join(missing)}")
    inputs = tuple(_input(name, given[name], tensor) for name, tensor in tensors.items())
    return Feeding(inputs, shape=shape)


def _declared(model: Any) -> tuple[str, dict[str, Any]] | None:
    """Shape of the inputs and each by name, of a model that was made from them; None for any other."""
    try:
        inputs = model.input
    except (AttributeError, ValueError):  # a subclass of Model has none, before or after its first call
        return None
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        return "dict", dict(inputs)
    if isinstance(inputs, (list, tuple)):
        return "list", {_bare_name(tensor): tensor for tensor in inputs}
    return "single", {_bare_name(inputs): inputs}


def _bare_name(tensor: Any) -> str:
    return str(tensor.name).partition(":")[0]


def _part_of(name: str, *, alone: bool) -> str:
    if name in _PART_OF:
        return _PART_OF[name]
    if alone:  # whatever it is called, what else could it be
        return "token_ids"
    known = "; ".join(f"{part}: {', '.join(names)}" for part, names in NAMES.items())
    raise EngineError(
        f"input {name!r} of the model is none of the known names ({known})",
        remedy=f"Return (model, {{{name!r}: 'token_ids', ...}}) from the factory: the model's names, and ours.",
    )


def _input(name: str, part: str, tensor: Any) -> Input:
    """What a declared tensor takes.

    Raises:
        EngineError: If it takes text, or a fixed number of rows.
    """
    dtype = str(getattr(tensor.dtype, "name", tensor.dtype))
    if dtype == "string":
        raise EngineError(
            f"input {name!r} of the model takes text, and bertbench feeds WordPiece ids",
            remedy="Return the part of the model that comes after its tokenizer.",
        )
    shape = tuple(tensor.shape)
    if shape and shape[0] is not None:
        raise EngineError(
            f"input {name!r} of the model takes exactly {shape[0]} rows, and the last batch may be smaller",
            remedy="Leave the batch size open: keras.Input((None,)).",
        )
    return Input(name, part, dtype, shape[1] if len(shape) > 1 else None)
