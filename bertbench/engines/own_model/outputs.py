"""What a user's compiled loss says of labels and outputs: which form they have, and how to read scores off them."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.errors import EngineError

#: Keras clips probabilities here before their logarithm.
_EPSILON = 1e-7
#: Activations that make probabilities.
_TO_CHANCES = ("softmax", "sigmoid")
#: Losses of Keras that are functions of probabilities, and have no `from_logits`.
_OF_CHANCES = ("kldivergence", "kullbackleiblerdivergence", "kld")

#: Beginnings of the names of losses that compare outputs with a column for each class; a class's name, written in
#: snake case, may stand apart elsewhere than a function's: KLDivergence, kl_divergence.
_OF_COLUMNS = (
    "categorical",
    "binary",
    "kl",
    "kullback",
    "mean",
    "mse",
    "mae",
    "squared",
    "cosine",
    "huber",
    "logcosh",
    "poisson",
)


class Scores:
    """Reads logits off a model's outputs, and gives labels the form that its loss wants."""

    def __init__(self, model: Any, classes: int) -> None:
        """Look at the loss that *model* was compiled with.

        Args:
            model: Compiled, of Keras 3 or tf-keras, with one loss.
            classes: Of the data.

        Raises:
            EngineError: If it has several losses.
        """
        loss = model.loss
        if isinstance(loss, (list, tuple, dict)):
            if len(loss) != 1:
                raise EngineError(
                    f"the model is compiled with {len(loss)} losses, expected one, of a classification",
                    remedy="Return a model with a single output.",
                )
            loss = next(iter(loss.values() if isinstance(loss, dict) else loss))
        self._model, self._classes = model, classes
        self._name = _name_of(loss)
        self._are_logits = _from_logits(loss, self._name)

    def labels(self, labels: NDArray[np.int32], *, width: int) -> NDArray[Any]:
        """*labels* as the loss wants them: numbers, or a column for each class.

        Args:
            labels: int32 (rows,).
            width: Of the model's outputs.
        """
        if width == 1:
            return labels.astype(np.float32)[:, None]
        is_one_hot = self._name.replace("_", "").startswith(_OF_COLUMNS)
        return np.eye(self._classes, dtype=np.float32)[labels] if is_one_hot else labels

    def logits(self, outputs: NDArray[Any]) -> NDArray[np.float32]:
        """Class scores whose softmax is what the model believes.

        Args:
            outputs: (rows, classes), or (rows, 1) for the second of two classes.

        Returns:
            float32 (rows, classes).

        Raises:
            EngineError: If the outputs have another width.
        """
        outputs = np.array(outputs, np.float32)
        self.refuse_other_width(outputs.shape)
        if not self.are_logits(outputs.shape[1]):
            outputs = _log(outputs) if outputs.shape[1] > 1 else _log(outputs) - _log(1 - outputs)
        if outputs.shape[1] == 1:
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
        return outputs

    def are_logits(self, width: int) -> bool:
        """What the loss says; where it says nothing, what the activation of the last layer leaves no doubt of.

        The outputs themselves are not asked: logits between 0 and 1 look like probabilities.

        Args:
            width: Of the outputs.

        Raises:
            EngineError: If neither says it.
        """
        if self._are_logits is None:
            activation = _last_activation(self._model)
            if activation in _TO_CHANCES:
                self._are_logits = False
            elif activation == "linear" and width > 1:  # of one output, where the other class begins is not known
                self._are_logits = True
            else:
                last = f"{activation} of the last layer" if activation else "the last layer"
                raise EngineError(
                    f"the loss {self._name} does not say whether the model's outputs are logits or probabilities, and "
                    f"{last} does not either",
                    remedy="Compile with a loss of Keras that has from_logits, as in "
                    "SparseCategoricalCrossentropy(from_logits=True), or say it of your own: loss.from_logits = True.",
                )
        return self._are_logits

    def ranked(self, outputs: Any) -> Any:
        """A tensor (rows, classes) in which the largest of a row is its most likely class.

        Raises:
            EngineError: If nobody says whether a single output is a logit or a probability.
        """
        if outputs.shape[-1] != 1:
            return outputs
        return _two_columns(outputs, 0.0 if self.are_logits(1) else 0.5)

    def refuse_other_width(self, shape: tuple[int | None, ...]) -> None:
        """Raise if outputs of *shape* are no scores of the data's classes.

        Raises:
            EngineError: With both numbers.
        """
        two = 2
        if len(shape) == two and (shape[1] == self._classes or (shape[1] == 1 and self._classes == two)):
            return
        raise EngineError(
            f"the model's outputs have shape {shape}, and the data has {self._classes} classes: expected "
            f"(rows, {self._classes})",
            remedy="Give the last layer as many units as task.label_names has names.",
        )


def scores_in(outputs: Any) -> Any:
    """(rows, classes), in whatever a model's call returns: an array, or something with `logits`, or a dict of one."""
    if isinstance(outputs, dict):  # also the output classes of transformers
        return outputs["logits"] if "logits" in outputs else next(iter(outputs.values()))
    if isinstance(outputs, (list, tuple)):
        return outputs[0]
    return getattr(outputs, "logits", outputs)


def _two_columns(outputs: Any, middle: float) -> Any:
    """A score of the second class as scores of both, in either library."""
    zeros = outputs * 0.0 + middle
    if hasattr(outputs, "detach"):
        import torch

        return torch.cat([zeros, outputs], dim=-1)
    import tensorflow as tf

    return tf.concat([zeros, outputs], axis=-1)


def _log(values: Any) -> Any:
    """In float32, of probabilities as Keras clips them."""
    return np.log(np.clip(values, np.float32(_EPSILON), np.float32(1)))


def _name_of(loss: Any) -> str:
    """Snake case: `sparse_categorical_crossentropy`."""
    if isinstance(loss, str):
        return loss.lower()
    name = str(getattr(loss, "__name__", "") or type(loss).__name__)
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _from_logits(loss: Any, name: str) -> bool | None:
    """What the loss says of itself, or Keras of its losses by default. None if nothing."""
    if hasattr(loss, "get_config"):
        with contextlib.suppress(NotImplementedError, TypeError, AttributeError):  # a class of the user's own
            if (said := loss.get_config().get("from_logits")) is not None:
                return bool(said)
    if (said := getattr(loss, "from_logits", None)) is not None:
        return bool(said)
    of_keras = isinstance(loss, str) or _module_of(loss).startswith(("keras.", "tf_keras."))
    joined = name.replace("_", "")
    by_default = "crossentropy" in joined or joined == "bce" or joined in _OF_CHANCES
    return False if of_keras and by_default else None


def _module_of(loss: Any) -> str:
    """Where a function, or the class of an object, is written."""
    return str(getattr(loss if hasattr(loss, "__name__") else type(loss), "__module__", ""))


def _last_activation(model: Any) -> str:
    """Of the layer that gives the model's one output, such as `linear`; empty if that is not known for certain."""
    outputs = list(getattr(model, "outputs", None) or [])
    history = getattr(outputs[0], "_keras_history", None) if len(outputs) == 1 else None
    layer = getattr(history, "operation", None) or getattr(history, "layer", None)
    if layer is None:
        return ""
    if getattr(layer, "outputs", None):  # a model as the last layer of another
        return _last_activation(layer)
    if type(layer).__name__ == "Softmax":
        return "softmax"
    return str(getattr(getattr(layer, "activation", None), "__name__", ""))
