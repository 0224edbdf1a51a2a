"""Which bar is shown while a run goes on, here or in another process."""

from __future__ import annotations

import io
from typing import Any

import pytest
from record_maker import make_failed_seed, make_record, make_seed, make_spec
from rich.console import Console

from bertbench.report import run_progress
from bertbench.report.run_progress import RecordProgress, RunProgress


class Bar:
    """Writes down what it is told."""

    told: list[Any]

    def __init__(self, _console: Console) -> None:
        self.told = []
        BARS.append(self)

    def start(self, total_steps: int | None, description: str) -> None:
        self.told.append(("start", total_steps, description))

    def advance(self, n: int = 1, **fields: float) -> None:
        self.told.append(("advance", n, fields))

    def stop(self) -> None:
        self.told.append("stop")


BARS: list[Bar] = []


@pytest.fixture(autouse=True)
def _bars_that_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    BARS.clear()
    monkeypatch.setattr(run_progress, "ProgressBar", Bar)


def console() -> Console:
    return Console(file=io.StringIO())


def going(*steps: int, **more: Any) -> Any:
    """A record that goes on, with seeds of so many steps."""
    seeds = tuple(
        make_seed(number, epochs=max(count // 4, 1)).model_copy(update={"outcome": "running", "digests": None})
        if count
        else make_seed(number).model_copy(
            update={"outcome": "running", "epochs": (), "steps": make_failed_seed(0).steps}
        )
        for number, count in enumerate(steps)
    )
    spec = make_spec(training={"epochs": 20, "batch_size": 8, "seeds": list(range(len(steps) or 1))})
    return make_record(spec=spec, seeds=seeds, outcome="running", finished_at=None, **more)


# In this process


def test_a_bar_for_what_cannot_be_counted_then_one_for_each_seed() -> None:
    with RunProgress(console()) as progress:
        progress.run_changed(going())
        progress.run_changed(going())
        for seed in (3, 4):
            progress.seed_started(seed, 2)
            progress.step_finished(seed, 0, 0.75)
            progress.step_finished(seed, 1, 0.5)
        progress.run_changed(make_record())
    (bar,) = BARS
    assert bar.told == [
        ("start", None, "seed_card: reading, building, tracing"),
        ("start", 2, "seed 3"),
        ("advance", 1, {"loss": 0.75}),
        ("advance", 1, {"loss": 0.5}),
        ("start", 2, "seed 4"),
        ("advance", 1, {"loss": 0.75}),
        ("advance", 1, {"loss": 0.5}),
        "stop",
        "stop",
    ]


def test_the_bar_goes_whatever_happens() -> None:
    with pytest.raises(KeyboardInterrupt), RunProgress(console()):
        raise KeyboardInterrupt
    assert BARS[0].told == ["stop"]


# In another process


def test_a_run_elsewhere_is_counted_over_all_its_seeds() -> None:
    progress = RecordProgress(console())
    progress(going(data=None))
    progress(going(4, 4))
    progress(going(8, 4))
    progress(going(8, 4))
    progress.stop()
    (bar,) = BARS
    # 16 rows in batches of 8, 20 epochs, two seeds.
    assert [told for told in bar.told if told != "stop"] == [
        ("start", None, "seed_card"),
        ("start", 80, "seed_card"),
        ("advance", 8, {"loss": 0.25}),
        ("advance", 4, {"loss": 0.25}),
    ]
    assert bar.told[-1] == "stop"


def test_a_repeat_is_a_bar_of_its_own_and_says_so() -> None:
    progress = RecordProgress(console())
    progress(going(8))
    progress(going(4, run_id="20300102T030406Z-def", repeats="20300102T030405Z-abc"))
    starts = [told for told in BARS[0].told if told[0] == "start"]
    assert starts == [("start", 40, "seed_card"), ("start", 40, "seed_card again")]


def test_a_seed_that_has_no_step_yet_is_no_fault() -> None:
    """It may have failed before its first; the losses shown are then those of the seed before."""
    first = make_seed(0, epochs=1)
    no_step = make_failed_seed(1).model_copy(update={"epochs": (), "steps": type(first.steps)()})
    progress = RecordProgress(console())
    progress(make_record(outcome="failed", seeds=(first, no_step), failure=no_step.failure))
    assert BARS[0].told[-1] == ("advance", 4, {"loss": 0.25})
