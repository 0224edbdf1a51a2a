"""Three words about a threshold, never more than the seeds can say."""

from __future__ import annotations

import pytest
from record_maker import make_failed_seed, make_record, make_seed, make_spec

from bertbench.record import RunRecord, SeedRun
from bertbench.report.audit_table import audit_line, audit_sentence, audit_table
from bertbench.report.terminal import rendered
from bertbench.spec import Spec
from bertbench.verdict.audit import audit_thresholds, distinct_seeds

ROWS = 49


def spec(bar: float) -> Spec:
    return make_spec(
        expect=[
            {"quantity": "validation_accuracy", "at_least": bar},
            {"quantity": "validation_accuracy", "at_least": bar, "over": "mean"},
        ]
    )


def seed(number: int, right: int) -> SeedRun:
    run = make_seed(number, epochs=1)
    last = run.epochs[-1]
    validation = last.validation.model_copy(update={"accuracy": right / ROWS})
    return run.model_copy(update={"epochs": (last.model_copy(update={"validation": validation}),)})


def record(*rights: int, first: int = 0) -> RunRecord:
    seeds = tuple(seed(first + number, right) for number, right in enumerate(rights))
    return make_record().model_copy(update={"seeds": seeds})


#: What 40 seeds of seed_card came to when the threshold was set: 45 to 49 rows right of 49.
MEASURED = (45, *(46,) * 3, *(47,) * 18, *(48,) * 17, 49)


@pytest.mark.parametrize(
    ("bar", "rights", "word"),
    [
        (0.918, MEASURED, "shown stable"),
        (0.93, MEASURED, "not known"),
        (0.97, MEASURED, "shown flaky"),
        (0.97, (48, 48, 49, 48, 48), "not known"),  # five seeds that keep it show nothing
        (0.97, (48,) * 20, "not known"),  # nor do twenty: the bar is half a row below
        (0.5, (48, 48, 49, 48, 48), "shown stable"),
        (0.97, (40, 40, 40, 40, 40), "shown flaky"),
    ],
)
def test_the_word_is_what_the_seeds_can_say(bar: float, rights: tuple[int, ...], word: str) -> None:
    [audited] = audit_thresholds(spec(bar), [record(*rights)])  # the promise on the mean is not about each seed
    assert audited.word == word
    assert word in audit_sentence(audited)


@pytest.mark.parametrize(
    ("rights", "said"), [((), "no seed of this recipe came to an end"), ((48,), "at least 2 are needed")]
)
def test_too_few_seeds_are_not_known_and_say_so(rights: tuple[int, ...], said: str) -> None:
    [audited] = audit_thresholds(spec(0.9), [record(*rights)] if rights else [])
    assert audited.word == "not known"
    assert said in audit_sentence(audited)
    assert said in audit_line("card", audited)
    assert "not known" in rendered(audit_table([audited]), width=100, colour=False)


def with_distinct(whole: RunRecord, rows: dict[str, int]) -> RunRecord:
    assert whole.data is not None
    return whole.model_copy(update={"data": whole.data.model_copy(update={"distinct_rows": rows})})


def test_the_bar_is_half_a_row_of_all_and_the_spread_at_least_that_of_rounding_to_distinct_rows() -> None:
    alike = record(*(48,) * 20)
    [plain] = audit_thresholds(spec(0.9), [alike])
    # One run that counted is enough: the others are of the same rows.
    copies = [with_distinct(record(48, first=20), {}), with_distinct(alike, {"train": 16, "validation": 10})]
    [audited] = audit_thresholds(spec(0.9), copies)
    assert plain.audit is not None
    assert audited.audit is not None
    assert audited.audit.effective_bar == plain.audit.effective_bar == pytest.approx(44.5 / ROWS)
    assert plain.audit.spread == pytest.approx(1 / (49 * 12**0.5))
    assert audited.audit.spread == pytest.approx(1 / (10 * 12**0.5))
    assert (plain.word, audited.word) == ("shown stable", "not known")


def test_a_seed_that_ran_twice_counts_once() -> None:
    assert [run.seed for run in distinct_seeds([record(48, 47), record(46, 45, first=1)])] == [0, 1, 2]
    [audited] = audit_thresholds(spec(0.9), [record(48, 47)] * 3)
    assert audited.audit is not None
    assert audited.audit.seeds == 2


def test_seeds_that_did_not_complete_are_left_out() -> None:
    broken = record(48, 47, 47)
    cut_off = broken.seeds[0].model_copy(update={"outcome": "interrupted"})
    assert [
        run.seed for run in distinct_seeds([broken.model_copy(update={"seeds": (cut_off, *broken.seeds[1:])})])
    ] == [
        1,
        2,
    ]


def nan_record(number: int) -> RunRecord:
    """A run that its only seed ended by NaN."""
    return make_record().model_copy(update={"outcome": "failed", "seeds": (make_failed_seed(number),)})


def test_seeds_that_ended_in_nan_missed_the_bar() -> None:
    """Ten of thirty: the other twenty alone would be called stable."""
    clean = record(*(48, 49) * 10)
    [alone] = audit_thresholds(spec(0.9), [clean])
    assert alone.word == "shown stable"
    [audited] = audit_thresholds(spec(0.9), [*map(nan_record, range(20, 30)), clean])
    assert audited.word == "shown flaky"
    assert audited.audit is not None
    assert (audited.audit.seeds, audited.audit.missed, audited.audit.not_finite) == (30, 10, 10)
    assert audited.audit.mean == pytest.approx(48.5 / ROWS)
    said = "10 of 30 seeds missed it, 10 of them by NaN or infinity"
    assert said in audit_line("card", audited)
    assert "10 of them by NaN or infinity" in audit_sentence(audited)


@pytest.mark.parametrize("rights", [(), (48,)])
def test_where_all_but_one_ended_in_nan_the_exact_bounds_still_speak(rights: tuple[int, ...]) -> None:
    [audited] = audit_thresholds(spec(0.9), [record(*rights), nan_record(20), nan_record(21)])
    assert audited.word == "shown flaky"
    assert audit_line("card", audited).endswith("2 of them by NaN or infinity")
    assert "shown flaky" in rendered(audit_table([audited]), width=100, colour=False)


def test_a_seed_counts_by_its_newest_run_whether_that_was_nan_or_not() -> None:
    failed = nan_record(0)
    assert [run.is_not_finite for run in distinct_seeds([record(48), failed])] == [True]
    assert [run.is_not_finite for run in distinct_seeds([failed, record(48)])] == [False]


def test_the_table_shows_what_was_seen() -> None:
    lines = rendered(audit_table(audit_thresholds(spec(0.918), [record(*MEASURED)])), width=120, colour=False)
    assert lines.splitlines()[1].split() == [
        "validation_accuracy_every_seed", ">=", "0.9180", "40", "0", "0.9663", "0.0157", "shown", "stable",
    ]  # fmt: skip
