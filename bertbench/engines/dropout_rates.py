"""Dropout rates of the three kinds of places where BERT drops, from the spec and the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from bertbench.checkpoints import BertConfig
from bertbench.spec import ModelSpec


@dataclass(frozen=True)
class DropoutRates:
    """Chances of an element to be set to zero in training.

    Attributes:
        hidden: After embeddings, attention output and feed-forward.
        attention: On attention probabilities.
        classifier: Before the classifying layer.
    """

    hidden: float
    attention: float
    classifier: float


def dropout_rates(model: ModelSpec, config: BertConfig) -> DropoutRates:
    """Dropout rates of the spec, where it has none those of the checkpoint."""

    def first(*rates: float | None) -> float:
        return next(rate for rate in rates if rate is not None)

    hidden = first(model.hidden_dropout_rate, config.hidden_dropout_prob)
    return DropoutRates(
        hidden=hidden,
        attention=first(model.attention_dropout_rate, config.attention_probs_dropout_prob),
        classifier=first(model.classifier_dropout_rate, config.classifier_dropout, hidden),
    )
