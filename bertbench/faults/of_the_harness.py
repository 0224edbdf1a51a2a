"""Faults of what stands around the engine: batches and seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from bertbench import fine_tuning
from bertbench.data import PackedBatch
from bertbench.engines import Engine
from bertbench.errors import FaultError
from bertbench.faults.fault import Fault
from bertbench.faults.patching import replaced
from bertbench.faults.wrapping import WrappedEngine
from bertbench.spec import Spec

#: Whatever seed is asked for.
_ALWAYS_SEED = 0


def faults_of_the_harness() -> tuple[Fault, ...]:
    """All of them."""
    return (
        Fault(
            "last-batch-dropped",
            "Leaves out the last training batch of every epoch that has two or more.",
            "harness",
            in_force=_dropping_last,
        ),
        Fault(
            "seeds-all-the-same",
            f"Draws everything from seed {_ALWAYS_SEED}, whichever seed is asked for.",
            "harness",
            engine=_OneSeedEngine,
            in_force=_one_row_order,
            check_spec=_refuse_that_seed_alone,
        ),
    )


def _refuse_that_seed_alone(spec: Spec) -> None:
    if set(spec.training.seeds) == {_ALWAYS_SEED}:
        raise FaultError(
            f"seeds-all-the-same: draws everything from seed {_ALWAYS_SEED}, and {spec.name} runs no other",
            remedy="give other seeds, such as --seeds 1,2, or use another fault",
        )


def _dropping_last() -> AbstractContextManager[None]:
    def wrap(batches_of: Callable[..., Iterator[PackedBatch]]) -> Callable[..., Iterator[PackedBatch]]:
        def batches(*given: Any, **named: Any) -> Iterator[PackedBatch]:
            whole = list(batches_of(*given, **named))
            yield from whole[:-1] or whole

        return batches

    return replaced(fine_tuning, "_training_batches", wrap)


def _one_row_order() -> AbstractContextManager[None]:
    def wrap(row_order: Callable[..., Any]) -> Callable[..., Any]:
        return lambda _seed, *given, **named: row_order(_ALWAYS_SEED, *given, **named)

    return replaced(fine_tuning, "row_order", wrap)


class _OneSeedEngine(WrappedEngine):
    """Begins every seed as one and the same."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)

    def prepare(self, seed: int) -> None:
        """Prepare for another seed than asked for."""
        del seed
        self._engine.prepare(_ALWAYS_SEED)
