"""How long a training step, a validation pass and tokenization take, by pytest-benchmark, on helpdesk's own rows.

Quality travels with the times in `extra_info`. Nothing here passes or fails by time: budgets and comparisons do that.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from bertbench import runtime
from bertbench.data import epoch_batches, load_tokenizer, row_order, tokenize
from bertbench.engines import create_engine
from bertbench.engines.protocol import Engine
from bertbench.fine_tuning import first_batches
from bertbench.spec import Spec, read_spec
from bertbench.training import Inputs, read_inputs

SPEC_FILE = Path(__file__).parent / "specs" / "helpdesk.toml"
SEED = 0


class Bench(NamedTuple):
    """A traced engine and what it is fed from."""

    spec: Spec
    inputs: Inputs
    engine: Engine


@pytest.fixture(scope="module")
def bench() -> Bench:
    """The native engine under helpdesk.toml, traced, with pretrained weights."""
    spec = read_spec(SPEC_FILE)
    inputs = read_inputs(spec, base_folder=SPEC_FILE.parent)
    runtime.configure(spec.runtime)
    engine = create_engine(inputs.task(spec))
    engine.prepare(SEED)
    engine.trace(*first_batches(inputs.rows, spec, SEED))
    return Bench(spec, inputs, engine)


def test_training_step(benchmark, bench: Bench) -> None:
    """One update on one batch; the loss of the last tells that it really learns."""
    train = bench.inputs.rows.train
    order = row_order(SEED, 0, train.rows, shuffle=True)
    weights = np.ones(train.rows, np.float32)
    batches = itertools.cycle(epoch_batches(train, order, bench.spec.training.batch_size, row_weights=weights))
    bench.engine.prepare(SEED)
    first = bench.engine.train_step(next(batches)).loss

    result = benchmark.pedantic(lambda: bench.engine.train_step(next(batches)), rounds=40, warmup_rounds=2)

    benchmark.extra_info["loss"] = result.loss
    assert result.loss < first


def test_validation_pass(benchmark, bench: Bench) -> None:
    """Logits of all 300 validation rows."""
    validation = bench.inputs.rows.validation
    weights = np.ones(validation.rows, np.float32)
    batches = list(epoch_batches(validation, np.arange(validation.rows), 32, row_weights=weights))

    logits = benchmark.pedantic(
        lambda: np.concatenate([bench.engine.logits(batch) for batch in batches]), rounds=5, warmup_rounds=1
    )

    benchmark.extra_info["accuracy"] = float((logits.argmax(axis=1) == validation.labels).mean())
    assert logits.shape == (300, 6)
    assert np.isfinite(logits).all()


def test_tokenization(benchmark, bench: Bench) -> None:
    """All 600 messages to WordPieces, nothing cached."""
    tokenizer = load_tokenizer(bench.inputs.checkpoint.folder)
    length = bench.spec.data.max_length_tokens

    result = benchmark(lambda: tokenize(bench.inputs.dataset, tokenizer, max_length_tokens=length, cache_folder=None))

    benchmark.extra_info["tokens"] = sum(len(split.token_ids) for split in result.splits.values())
    assert result.sha256 == bench.inputs.tokenized.sha256
