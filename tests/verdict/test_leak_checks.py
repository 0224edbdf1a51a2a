"""What comes with 'better than chance explains': each check found something, found nothing, or does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from baseline_examples import BANK, ROWS, baseline_of, run_of
from hypothesis import given
from hypothesis import strategies as st
from record_maker import ROWS_SHA256, make_evidence

from bertbench.record import FindingRow, RunRecord
from bertbench.spec import build_spec
from bertbench.verdict import Candidate, Check, compare
from bertbench.verdict.leak_checks import LeakCheck, leak_checks, leak_checks_told, loss_told
from bertbench.verdict.quality_gate import quality_gate
from bertbench.verdict.rows_drifts import rows_drifts

LEAK = FindingRow(
    name="leak",
    severity="soft",
    split="validation",
    message="2 of 300 rows also in train, case and spacing ignored: 1 of them to the letter, 0 under another class",
    rows=("7", "9"),
)


def better(*, first: int = 0, run_id: str = "run-1", **evidence: Any) -> RunRecord:
    """Four seeds, seven rows better each, with what the engine was given written down."""
    record = run_of({seed: BANK[seed] + 7 for seed in range(first, first + 4)}, bits=1, run_id=run_id)
    runs = [
        run.model_copy(update={"evidence": make_evidence(record.spec, run.seed).model_copy(update=evidence)})
        for run in record.seeds
    ]
    return record.model_copy(update={"seeds": tuple(runs)})


def with_data(record: RunRecord, **changes: Any) -> RunRecord:
    assert record.data is not None
    return record.model_copy(update={"data": record.data.model_copy(update=changes)})


def other(split: str, *parts: str) -> dict[str, str]:
    """Digests of the rows of a split, as if some parts had been others."""
    return {part: "f" * 16 if part in parts else digest for part, digest in ROWS_SHA256[split].items()}


def checks_of(*records: RunRecord) -> tuple[LeakCheck, ...]:
    return leak_checks(Candidate(records), baseline_of())


def results(*records: RunRecord) -> list[str]:
    """Of both splits, labels, rows given, the baseline's data."""
    return [check.result for check in checks_of(*records)]


def quality_of(*records: RunRecord) -> Check:
    return compare(Candidate(records), baseline_of(), name="rolling", gate=quality_gate(ROWS))[1]


CLEAN = (
    "Checked: no row is in both splits; labels as read; the rows given to the engine are those read; the data are the "
    "baseline's."
)


def test_a_clean_run_says_what_was_checked() -> None:
    assert leak_checks_told(checks_of(better())) == CLEAN


def test_the_notice_comes_with_the_checks_and_the_change_of_validation_loss() -> None:
    check = quality_of(better())
    assert check.outcome == "pass"
    assert (
        "Notice: better than chance explains; make sure that no validation row leaked into training. "
        f"{CLEAN} Validation loss, which shows a leak sooner, fell by 2.6667 nats (3.3333 to 0.6667)." in check.reason
    )


def test_the_loss_is_of_the_seeds_of_the_look_and_not_of_those_beyond() -> None:
    both = quality_of(better(), better(first=4, run_id="run-2"))
    assert both.numbers["look_seeds"] == 4
    assert "(3.3333 to 0.6667)" in both.reason


def test_a_row_in_both_splits_is_named_and_fails_nothing() -> None:
    record = better()
    assert record.data is not None
    record = with_data(record, findings=(*record.data.findings, LEAK))
    assert results(record) == ["found", "checked", "checked", "checked"]
    check = quality_of(record)
    assert check.outcome == "pass"
    assert f"Found: validation: {LEAK.message} (7, 9). Checked: labels as read; " in check.reason


def test_a_row_of_training_that_is_in_the_test_rows_is_no_leak_into_validation() -> None:
    record = better()
    assert results(with_data(record, findings=(LEAK.model_copy(update={"split": "test"}),)))[0] == "checked"


@pytest.mark.parametrize("split", ["train", "validation"])
def test_shifted_labels_are_named_with_seed_and_run(split: str) -> None:
    record = better(**{f"{split}_rows": other(split, "labels")})
    assert results(record) == ["checked", "found", "checked", "checked"]
    assert leak_checks_told(checks_of(record)).startswith(
        f"Found: labels of the {split} rows given to the engine are not those read (seed 0, 1, 2, 3; recipe_lock fails "
        "on it: bertbench show run-1). Checked: no row is in both splits; the rows given"
    )


@pytest.mark.parametrize("part", ["words", "segments", "positions", "lengths"])
@pytest.mark.parametrize("split", ["train", "validation"])
def test_other_rows_than_those_read_are_named(split: str, part: str) -> None:
    record = better(**{f"{split}_rows": other(split, part)})
    assert results(record) == ["checked", "checked", "found", "checked"]
    assert f"{part} of the {split} rows given to the engine are not those read" in leak_checks_told(checks_of(record))


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("part", [None, "words", "segments", "positions", "lengths", "labels"])
def test_the_checks_of_rows_find_something_where_the_lock_drifts_and_the_notice_never_fails(
    split: str, part: str | None
) -> None:
    record = better(**{f"{split}_rows": other(split, *([part] if part else []))})
    drifts = [drift.text for drift in rows_drifts(record, record.seeds[0]) if f" of the {split} rows: " in drift.text]
    assert [text.split(":")[0] for text in drifts] == ([f"{part} of the {split} rows"] if part else [])
    assert ("found" in results(record)) == bool(part)
    assert quality_of(record).outcome == "pass"


def test_a_leak_in_further_seeds_alone_is_found_and_names_their_run() -> None:
    further = better(first=4, run_id="run-2", train_rows=other("train", "words"))
    (found,) = [check for check in checks_of(better(), further) if check.result == "found"]
    assert re.search(r"\(seed 4, 5, 6, 7; .*: bertbench show run-2\)", found.text)


def test_many_seeds_are_counted() -> None:
    records = [better(first=4 * n, run_id=f"run-{n}", train_rows=other("train", "words")) for n in range(2)]
    (found,) = [check for check in checks_of(*records) if check.result == "found"]
    assert "(seed 0, 1, 2, 3, 4 and 3 more; " in found.text


def test_an_older_record_knows_nothing_and_says_so() -> None:
    record = with_data(run_of({seed: BANK[seed] + 7 for seed in range(4)}, bits=1), findings=(), rows_sha256={})
    assert results(record) == ["not known", "not known", "not known", "checked"]
    assert (
        "Checked: the data are the baseline's. Not known: whether a row is in both splits; whether labels are as read; "
        "whether the rows given to the engine are those read." in quality_of(record).reason
    )


@pytest.mark.parametrize(
    "lacking",
    [
        {"train_rows": {}},
        {"validation_rows": {}},
        {"train_rows": {part: digest for part, digest in ROWS_SHA256["train"].items() if part == "words"}},
    ],
)
def test_one_digest_that_nobody_wrote_down_is_not_known(lacking: dict[str, Any]) -> None:
    """Of the labels at least; and never 'as read'."""
    assert results(better(**lacking))[1:3] == ["not known", "not known"]


def test_one_seed_without_evidence_among_others_is_not_known() -> None:
    record = better()
    runs = (*record.seeds[:3], record.seeds[3].model_copy(update={"evidence": None}))
    assert results(record.model_copy(update={"seeds": runs}))[1:3] == ["not known", "not known"]


def test_what_was_found_in_one_seed_is_told_whatever_another_lacks() -> None:
    record = better(train_rows=other("train", "labels"))
    runs = (*record.seeds[:3], record.seeds[3].model_copy(update={"evidence": None}))
    assert results(record.model_copy(update={"seeds": runs}))[1] == "found"


def test_without_data_or_seeds_nothing_is_known() -> None:
    record = better()
    assert results(record.model_copy(update={"data": None})) == ["not known"] * 4
    assert results(record.model_copy(update={"seeds": ()}))[1:3] == ["not known"] * 2


def test_other_data_than_the_baselines_are_found() -> None:
    """A comparison refuses them before; whoever asks the check alone is told."""
    assert results(with_data(better(), sha256="0" * 64)) == ["checked", "checked", "checked", "found"]


def test_with_augmentation_training_rows_are_held_by_their_labels_alone() -> None:
    record = better(train_rows=other("train", "words", "segments", "positions", "lengths"))
    fields = record.spec.model_dump(mode="json", exclude_unset=True)
    spec = build_spec(fields | {"augmentation": {"masking_rate": 0.1}})
    record = record.model_copy(update={"spec": spec})
    assert results(record) == ["checked"] * 4
    assert (
        "the validation rows given to the engine are those read (training rows are changed on purpose: augmentation)"
        in leak_checks_told(checks_of(record))
    )
    changed = [run.evidence.model_copy(update={"train_rows": other("train", "labels")}) for run in better().seeds]  # type: ignore[union-attr]
    runs = tuple(run.model_copy(update={"evidence": one}) for run, one in zip(record.seeds, changed, strict=True))
    assert results(record.model_copy(update={"seeds": runs}))[1] == "found"


def test_no_better_run_says_nothing_of_leaks() -> None:
    check = quality_of(run_of({seed: BANK[seed] for seed in range(4)}, bits=1))
    assert "Notice" not in check.reason
    assert "leak" not in check.reason


# The change of validation loss


@pytest.mark.parametrize(
    ("bank", "run", "said"),
    [
        ([0.5, 0.3], [0.25], "fell by 0.1500 nats (0.4000 to 0.2500)"),
        ([0.25], [0.5, 0.3], "rose by 0.1500 nats (0.2500 to 0.4000)"),
        ([0.25], [0.25], "did not change (0.2500 nats)"),
    ],
)
def test_the_change_of_the_loss_is_that_of_the_means(bank: list[float], run: list[float], said: str) -> None:
    assert loss_told(bank, run) == f"Validation loss, which shows a leak sooner, {said}."


@pytest.mark.parametrize(("bank", "run"), [([], [0.1]), ([0.1], []), ([0.1], [float("nan")]), ([float("inf")], [0.1])])
def test_without_a_finite_mean_nothing_is_said_of_the_loss(bank: list[float], run: list[float]) -> None:
    assert loss_told(bank, run) == ""


@given(st.lists(st.floats(0, 10), min_size=1), st.lists(st.floats(0, 10), min_size=1))
def test_either_way_round_the_loss_changes_by_as_much(bank: Sequence[float], run: Sequence[float]) -> None:
    one, back = loss_told(bank, run), loss_told(run, bank)
    assert ("did not change" in one) == ("did not change" in back)
    assert ("fell" in one) == ("rose" in back)
    apart = re.compile(r"by [\d.]+ nats")
    assert apart.findall(one) == apart.findall(back)
