"""A record on a terminal of 80 columns, to the letter."""

from __future__ import annotations

import io
import math

import pytest
from record_maker import make_failed_record, make_failed_seed, make_quality, make_record, make_seed, make_spec
from rich.console import Console, RenderableType

from bertbench.record import EpochRow
from bertbench.report.epoch_table import best_epoch, epoch_table, run_summary, seeds_table


def printed(what: RenderableType, *, width: int = 80) -> str:
    """As text without colour, trailing blanks removed."""
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def test_the_epoch_table_has_the_four_columns_of_the_card():
    assert (
        printed(epoch_table(make_seed(0, epochs=3)))
        == """\
                                    seed 0

  epoch   train loss   train accuracy   validation loss   validation accuracy
 ─────────────────────────────────────────────────────────────────────────────
      0       1.0000           0.5000            0.5000                0.5000
      1       0.5000           0.7500            0.2500                0.7500
      2       0.3333           0.8333            0.1667                0.8333"""
    )


def test_a_seed_that_was_cut_off_says_so_under_its_epochs():
    assert (
        printed(epoch_table(make_failed_seed(1)))
        == """\
                                    seed 1

  epoch   train loss   train accuracy   validation loss   validation accuracy
 ─────────────────────────────────────────────────────────────────────────────
      0       2.0000           0.5000            1.5000                0.5000

failed in steps, seed 1, epoch 1, step 5: NonFiniteLossError: loss is nan
[MASK] <b>"""
    )


def test_only_completed_seeds_enter_the_mean():
    lines = printed(seeds_table(make_failed_record())).splitlines()
    assert lines[-3].split() == [
        "1",
        "0",
        "2.0000",
        "0.5000",
        "1.5000",
        "0.5000",
        "0.5000",
        "@0",
        "500",
        "ms",
        "failed",
    ]
    assert lines[-1].split() == ["mean", "0.0500", "0.9750", "0.0250", "0.9750", "0.9750", "10.0", "s", "1", "of", "2"]


def test_without_a_completed_seed_there_is_no_mean():
    failed = make_failed_record().model_copy(update={"seeds": (make_failed_seed(1),)})
    assert "mean" not in printed(seeds_table(failed))


def test_a_seed_without_an_epoch_is_a_row_of_dashes():
    nothing = make_failed_seed(1).model_copy(update={"epochs": (), "phases_seconds": {}})
    record = make_failed_record().model_copy(update={"seeds": (nothing,)})
    assert printed(seeds_table(record)).splitlines()[-1].split() == ["1", *"-------", "failed"]


def test_nan_is_shown_as_nan():
    row = EpochRow(
        epoch=0,
        train=make_quality(1.0, 0).model_copy(update={"loss": math.nan}),
        validation=make_quality(1.0, 0),
        steps_end=1,
        seconds=1.0,
    )
    failed = make_failed_seed(0).model_copy(update={"epochs": (row,)})
    assert printed(epoch_table(failed)).splitlines()[4].split()[:2] == ["0", "nan"]


def test_the_best_epoch_is_the_first_with_the_highest_validation_accuracy():
    seed = make_seed(0, epochs=3)
    last_again = seed.epochs[2].model_copy(update={"epoch": 3})
    assert best_epoch(seed.model_copy(update={"epochs": (*seed.epochs, last_again)})) == seed.epochs[2]
    assert best_epoch(seed.model_copy(update={"epochs": ()})) is None


SEEDS = """\
           train    train validation validation       best
seed last   loss accuracy       loss   accuracy     @epoch  steps outcome
───────────────────────────────────────────────────────────────────────────
   0   19 0.0500   0.9750     0.0250     0.9750 0.9750 @19 10.0 s completed
   1   19 0.1000   0.9750     0.0750     0.9750 0.9750 @19 10.0 s completed

mean      0.0750   0.9750     0.0500     0.9750     0.9750 10.0 s 2 of 2"""


def test_seeds_stand_beside_each_other_with_their_mean():
    assert printed(seeds_table(make_record())) == SEEDS


def test_the_summary_says_what_how_it_ended_how_long_and_what_was_seen():
    record = make_record()
    assert (
        printed(run_summary(record))
        == f"""\
benchmark    seed_card: the card's fine-tune
run          20300102T030405Z-abc, bertbench 0.1.0
outcome      completed
recipe       {record.spec_fingerprint[:12]}
checkpoint   embedded:minilm-l6 cccccccccccc
data         embedded:helpdesk dddddddddddd
rows         train 16, validation 49; 2 classes
environment  numerics aaaaaaaaaaaa, machine bbbbbbbbbbbb
weights      101010101010 111111111111
time         import 3.0 s   data 500 ms    tokenize 250 ms    build 1.0 s
             trace 6.0 s    steps 20.0 s   validation 2.5 s   save 1.0 s
             total 40.0 s
utilization  68.8% of this machine's matrix-product rate, 160 GFLOP/s
peak memory  1,025 MiB
finding      soft duplicates (train): 2 rows say the same: 'a | b' <c> [MASK]

{SEEDS}"""
    )


def test_the_summary_of_a_failed_run_says_why():
    because = next(line for line in printed(run_summary(make_failed_record())).splitlines() if "because" in line)
    assert because == "because      in steps, seed 1, epoch 1, step 5: NonFiniteLossError: loss is nan"


def test_a_run_that_broke_off_at_once_has_a_summary():
    early = make_failed_record().model_copy(
        update={"environment": None, "data": None, "checkpoint": None, "seeds": (), "phases_seconds": {}}
    )
    names = [line.split()[0] for line in printed(run_summary(early)).splitlines()]
    assert names == ["benchmark", "run", "outcome", "because", "recipe"]


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_line_is_wider_than_the_terminal_and_no_word_of_the_tables_is_cut(width: int):
    text = printed(run_summary(make_failed_record()), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text


def test_large_losses_and_long_runs_still_fit_into_80_columns():
    seed = make_seed(2_147_483_647, epochs=2, phases_seconds={"steps": 36_000.0})
    rows = tuple(
        row.model_copy(update={"train": row.train.model_copy(update={"loss": 12.3456})}) for row in seed.epochs
    )
    text = printed(seeds_table(make_record(seeds=(seed.model_copy(update={"epochs": rows}),))))
    assert "12.3456" in text
    assert "600.0 min" in text
    assert max(map(len, text.splitlines())) <= 80


def test_square_brackets_from_outside_are_no_markup():
    record = make_record(spec=make_spec(title="[bold]not bold[/bold] [/]"))
    assert "seed_card: [bold]not bold[/bold] [/]" in printed(run_summary(record))


@pytest.mark.parametrize(("no_color", "coloured"), [("1", False), ("", True)])
def test_no_color_is_honoured(no_color: str, coloured: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", no_color)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard", legacy_windows=False)
    console.print(run_summary(make_failed_record()))
    assert isinstance(console.file, io.StringIO)
    red = any(f"\x1b[{style}31m" in console.file.getvalue() for style in ("", "1;"))
    assert red is coloured
