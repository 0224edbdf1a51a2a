"""What a fault on purpose is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

from bertbench.data import Dataset, TokenizedDataset, Tokenizer
from bertbench.engines import Engine
from bertbench.spec import Spec

#: Where a fault acts: on the spec as executed, on rows between reading and training, on the harness around the engine,
#: on the weights before the first step, on the network, on the optimizer, on nothing but time and memory.
Place = Literal["spec", "rows", "harness", "weights", "network", "optimizer", "machine"]


def _any_spec(_spec: Spec) -> None:
    """Whatever a spec says, it leaves room."""


def _same_spec(spec: Spec) -> Spec:
    return spec


def _same_rows(tokenized: TokenizedDataset, _dataset: Dataset, _tokenizer: Tokenizer) -> TokenizedDataset:
    return tokenized


def _same_engine(engine: Engine) -> Engine:
    return engine


@dataclass(frozen=True)
class Fault:
    """One thing done wrong on purpose. What is not given stays as it is.

    Attributes:
        name: Stable, in kebab-case.
        does: What it does, one sentence.
        place: Where it acts.
        changes_numbers: Whether losses, weights or predictions of a run change; else time or memory alone.
        median_step_slower_by: Share by which the median step, which is all that speed is gated by, takes longer with
            it; 0.05 is 5 %, 0 for a fault that slows it by nothing or is not meant to.
        spec: The spec as executed, from the spec as written, which is what the record keeps.
        rows: The rows as trained and validated on, from the rows as read and recorded.
        engine: The engine as run, from one just built and not yet traced.
        in_force: Replaces parts of the program from before the engine is built until after the last seed.
        check_spec: Raises a `FaultError` if the spec as written shows by itself that this would do nothing, so that it
            can be refused before any process is started. What only rows, checkpoint or engine show is refused by those
            above while the run goes on.
    """

    name: str
    does: str
    place: Place
    changes_numbers: bool = True
    median_step_slower_by: float = 0.0
    spec: Callable[[Spec], Spec] = _same_spec
    rows: Callable[[TokenizedDataset, Dataset, Tokenizer], TokenizedDataset] = _same_rows
    engine: Callable[[Engine], Engine] = _same_engine
    in_force: Callable[[], AbstractContextManager[None]] = nullcontext
    check_spec: Callable[[Spec], None] = _any_spec

    @property
    def slows_median_step(self) -> bool:
        """Whether pairs of processes can see it: they are asked of these alone."""
        return self.median_step_slower_by > 0


#: What a run without a fault has.
NOTHING = Fault(name="", does="Leaves everything as it is.", place="machine", changes_numbers=False)
