"""Training steps of the native engine beside a plain PyTorch loop: same rows, same order, same machine, in turn.

    python benchmarks/compare_step.py [--rounds 12] [--steps 6] [--threads 2] [--batch-size 32]
    python benchmarks/compare_step.py --sides native "native on JAX" "native on PyTorch"

Needs PyTorch and transformers beside bertbench (the `parity` environment). Each library computes in a process of its
own, and only one of them at a time: rounds of a few steps take turns, in an order that changes from round to round, and
what counts is the ratio within a round. Rows are random WordPieces with the lengths of short messages (12.5 tokens on
average, as in SNIPS) out of a vocabulary of 9,480.

The PyTorch side is what people run: `BertForSequenceClassification`, batches padded to their longest row, Adam.
Run it on a machine that does nothing else: PyTorch's threads wait for each other by spinning, and where a core is taken
away from them they lose many times what the same load costs TensorFlow.
On a busy machine the ratio of processor time with `--threads 1` is still worth something.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from rich.console import Console
from rich.table import Table

from bertbench.checkpoints import open_checkpoint
from bertbench.data.batches import PackedBatch
from bertbench.spec import CheckpointSpec, RuntimeSpec, Spec

CLASSES = 7
VOCABULARY = 9_480
WORDS = np.concatenate([[0, 100, 101, 102, 103], np.arange(1000, 1000 + VOCABULARY - 5)]).astype(np.int32)
#: Length of a row: [CLS], [SEP], one word, and a negative binomial number of others; mean 12.5, spread 4.1.
MEAN_OTHERS, DISPERSION = 9.5, 12
WARM_UP_STEPS = 5
PROBE_SIZE = 1024


class Side(Protocol):
    """One library."""

    def step(self, batch: PackedBatch) -> float:
        """One training step; returns the loss."""


class Native:
    """The native engine, as `bertbench run` sets it up."""

    def __init__(self, threads: int, *, backend: Any = "tensorflow", onednn: bool = True) -> None:
        from bertbench import runtime
        from bertbench.engines import Task, create_engine

        spec = Spec(name="compare", runtime=RuntimeSpec(backend=backend, threads=threads, onednn=onednn, device="cpu"))
        runtime.configure(spec.runtime)
        checkpoint = open_checkpoint(spec.checkpoint, base_folder=Path())
        names = tuple(f"class {number}" for number in range(CLASSES))
        lengths = row_lengths(np.random.default_rng(1), 13_784)  # as many as SNIPS has, for JAX' shapes
        self._engine = create_engine(Task(spec, checkpoint, names, WORDS, 10_000, 64, train_lengths=lengths))
        self._engine.prepare(0)
        first = next(batches(spec.training.batch_size))
        self._engine.trace(first, first)

    def step(self, batch: PackedBatch) -> float:
        """One training step; returns the loss."""
        return self._engine.train_step(batch).loss

    def flops(self, batches: list[PackedBatch]) -> float:
        """Operations that training steps on *batches* need."""
        return sum(self._engine.flops(batch) for batch in batches)

    def sgemm(self) -> float:
        """Operations per second of one large product."""
        seconds = statistics.median(self._engine.matmul_seconds(PROBE_SIZE) for _ in range(9))
        return 2.0 * PROBE_SIZE**3 / seconds


class PyTorch:
    """BertForSequenceClassification in the loop that everybody writes."""

    def __init__(self, threads: int) -> None:
        import torch
        from transformers import BertForSequenceClassification

        torch.set_num_threads(threads)
        folder = open_checkpoint(CheckpointSpec(), base_folder=Path()).folder
        self._torch = torch
        self._model = BertForSequenceClassification.from_pretrained(folder, num_labels=CLASSES)
        self._model.train()
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=3e-5, eps=1e-7)

    def step(self, batch: PackedBatch) -> float:
        """One training step; returns the loss."""
        lengths = np.diff(batch.offsets)
        mask = np.arange(lengths.max()) < lengths[:, None]
        token_ids = np.zeros(mask.shape, np.int64)
        token_ids[mask] = batch.token_ids
        tensor = self._torch.as_tensor
        self._optimizer.zero_grad()
        output = self._model(
            input_ids=tensor(token_ids),
            attention_mask=tensor(mask.astype(np.int64)),
            labels=tensor(batch.labels.astype(np.int64)),
        )
        output.loss.backward()
        self._optimizer.step()
        return float(output.loss.item())


def row_lengths(generator: np.random.Generator, rows: int) -> Any:
    """Tokens of each row, as those of short messages; int64 (rows,)."""
    return np.minimum(3 + generator.negative_binomial(DISPERSION, DISPERSION / (DISPERSION + MEAN_OTHERS), rows), 64)


def batches(size: int) -> Iterator[PackedBatch]:
    """Endless random batches, the same for everybody."""
    generator = np.random.default_rng(0)
    while True:
        lengths = row_lengths(generator, size)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
        token_ids = generator.choice(WORDS[5:], offsets[-1])
        token_ids[offsets[:-1]], token_ids[offsets[1:] - 1] = 101, 102  # [CLS], [SEP]
        positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        yield PackedBatch(
            token_ids=token_ids,
            segment_ids=np.zeros_like(token_ids),
            positions=positions.astype(np.int32),
            offsets=offsets,
            labels=generator.integers(0, CLASSES, size).astype(np.int32),
            row_weights=np.ones(size, np.float32),
            rows=np.arange(size),
        )


def work(side: Side, size: int) -> None:
    """Answer each line of the input, a number of steps, with a line that says what they took."""
    rows = batches(size)
    for line in sys.stdin:
        taken = [next(rows) for _ in range(int(line))]
        began, spent = time.perf_counter(), time.process_time()
        losses = [side.step(batch) for batch in taken]
        seconds = time.perf_counter() - began
        answer: dict[str, Any] = {
            "seconds_per_step": seconds / len(taken),
            "processor_seconds_per_step": (time.process_time() - spent) / len(taken),
            "loss": losses[-1],
        }
        if isinstance(side, Native):
            answer["utilization"] = side.flops(taken) / seconds / side.sgemm()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


#: What can be compared.
SIDES: dict[str, Callable[[int], Side]] = {
    "pytorch": PyTorch,
    "native": Native,
    "native, oneDNN off": lambda threads: Native(threads, onednn=False),
    "native on JAX": lambda threads: Native(threads, backend="jax"),
    "native on PyTorch": lambda threads: Native(threads, backend="torch"),
}


class Worker:
    """A side in a process of its own, idle until asked."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        command = [sys.executable, __file__, "--side", name, "--threads", str(options.threads)]
        command += ["--batch-size", str(options.batch_size)]
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.rounds: list[dict[str, float]] = []

    def run(self, steps: int) -> dict[str, float]:
        """Train *steps* steps and wait for the end."""
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        if pipe_in is None or pipe_out is None:
            raise RuntimeError("a worker without pipes")
        pipe_in.write(f"{steps}\n")
        pipe_in.flush()
        answer: dict[str, float] = json.loads(pipe_out.readline())
        return answer

    def stop(self) -> None:
        """Let the process end."""
        self._process.communicate()


def compare(options: argparse.Namespace) -> None:
    """Take turns, then print a line for each side."""
    workers = {name: Worker(name, options) for name in options.sides}
    for worker in workers.values():
        worker.run(WARM_UP_STEPS)
    for number in range(options.rounds):
        turn = list(workers.values())
        for worker in turn if number % 2 else turn[::-1]:
            worker.rounds.append(worker.run(options.steps))
    for worker in workers.values():
        worker.stop()

    title = f"{options.rounds} rounds of {options.steps} steps of {options.batch_size} rows, {options.threads} threads"
    table = Table("", "rows/s", "times as fast", "range", "by processor time", "utilization", title=title)
    reference = workers[options.sides[0]].rounds
    for name, worker in workers.items():
        seconds = [answer["seconds_per_step"] for answer in worker.rounds]
        ratios = _ratios(reference, worker.rounds, "seconds_per_step")
        processor_ratios = _ratios(reference, worker.rounds, "processor_seconds_per_step")
        utilization = [answer["utilization"] for answer in worker.rounds if "utilization" in answer]
        table.add_row(
            name,
            f"{options.batch_size / statistics.median(seconds):.1f}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{statistics.median(processor_ratios):.2f}",
            f"{statistics.median(utilization):.1%}" if utilization else "",
        )
    Console().print(table)


def _ratios(reference: list[dict[str, float]], rounds: list[dict[str, float]], quantity: str) -> list[float]:
    """How many times less of *quantity* than the reference, round by round."""
    return [theirs[quantity] / ours[quantity] for theirs, ours in zip(reference, rounds, strict=True)]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES)[:3], help="the first is divided by")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        work(SIDES[options.side](options.threads), options.batch_size)
    else:
        compare(options)


if __name__ == "__main__":
    main()
