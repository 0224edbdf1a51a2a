"""Three words about a threshold, never more than the seeds can say."""

from __future__ import annotations

import pytest
from baseline_examples import made_by
from record_maker import make_failed_seed, make_record, make_seed, make_spec

from bertbench.baseline.one_code import OTHER_BITS, OTHER_FACTORY, UNKNOWN_CODE
from bertbench.record import Digests, Revision, RunRecord, SeedRun
from bertbench.report.audit_table import audit_line, audit_sentences, audit_table, left_out_line
from bertbench.report.terminal import rendered
from bertbench.spec import Spec
from bertbench.verdict.audit import LeftOut, audit_spec, audit_thresholds, distinct_seeds, of_the_newest_code

ROWS = 49


def spec(bar: float) -> Spec:
    return make_spec(expect=[{"quantity": "validation_accuracy", "at_least": bar}])


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
    [audited] = audit_thresholds(spec(bar), [record(*rights)])
    assert audited.word == word
    assert word in audit_sentences(audited)[0]


@pytest.mark.parametrize(
    ("rights", "said"), [((), "no seed of this recipe came to an end"), ((48,), "at least 2 are needed")]
)
def test_too_few_seeds_are_not_known_and_say_so(rights: tuple[int, ...], said: str) -> None:
    [audited] = audit_thresholds(spec(0.9), [record(*rights)] if rights else [])
    assert audited.word == "not known"
    assert audit_sentences(audited) == [f"{audited.name}: not known: {audited.problem}"]
    assert said in audited.problem
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
    assert "10 of them by NaN or infinity" in audit_sentences(audited)[0]


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


# What the sentences say


def test_bounds_chance_margin_and_the_smallest_drop_are_told() -> None:
    """Of 40 seeds at 47.35 of 49 rows with a spread of 0.77 rows; the bar needs 45."""
    [audited] = audit_thresholds(spec(0.918), [record(*MEASURED)])
    assert audited.audit is not None
    word, chance, drop = audit_sentences(audited)
    assert word.endswith(
        "shown stable, if seeds are normal: a fresh seed misses it in 0.0% to 7.2% (exact one-sided 95 % bounds)"
    )
    assert (
        f"misses it in {audited.audit.miss_chance:.2%} (t-predictive); the mean is 2.4 rows better than the bar"
        in chance
    )
    points = 100 * audited.audit.smallest_drop_seen
    # Of two seeds one or both miss with 90 % where each does with 1 - sqrt(0.1): 0.478 spreads beyond the bar.
    assert audited.audit.fresh_seeds == 2
    assert points == pytest.approx(100 * ((47.35 - 44.5) / ROWS + 0.478 * audited.audit.spread), abs=0.001)
    told = f"a drop of {points:.2f} points is the smallest after which a fresh run of the 2 prescribed seeds"
    assert drop.strip() == f"{told} misses it with 90 %"


def test_what_a_single_prescribed_seed_sees_is_a_larger_drop() -> None:
    promise = [{"quantity": "validation_accuracy", "at_least": 0.918}]
    drops = []
    for seeds in ([0], list(range(20))):
        [audited] = audit_thresholds(make_spec(expect=promise, training={"seeds": seeds}), [record(*MEASURED)])
        assert audited.audit is not None
        drops.append(audited.audit.smallest_drop_seen)
    assert drops[0] > drops[1]


def test_a_threshold_that_seeds_miss_anyway_needs_no_drop() -> None:
    [audited] = audit_thresholds(spec(0.97), [record(*(40, 41) * 5)])
    _, chance, drop = audit_sentences(audited)
    assert "the mean is 7.5 rows short of the bar" in chance
    assert drop.endswith("misses it with 90 % or more as it is")


def test_a_loss_has_no_rows_and_rises() -> None:
    loss = make_spec(expect=[{"quantity": "validation_loss", "at_most": 5.0}])
    [audited] = audit_thresholds(loss, [record(48, 47, 49)])
    _, chance, drop = audit_sentences(audited)
    assert "rows" not in chance
    assert drop.strip().startswith("a rise of ")
    assert " nats is the smallest after which" in drop


# Of one code alone

A, B = Revision(commit="a" * 40, dirty=False), Revision(commit="b" * 40, dirty=False)


def made(name: str, *rights: int, first: int = 0, revision: Revision | None = A, bits: str = "") -> RunRecord:
    """A run of its own name; *bits* replaces the digests of all seeds."""
    run = record(*rights, first=first).model_copy(update={"run_id": name, "revision": revision})
    if not bits:
        return run
    other = Digests(weights=bits * 64, losses=bits * 64, predictions=bits * 64)
    return run.model_copy(update={"seeds": tuple(one.model_copy(update={"digests": other}) for one in run.seeds)})


def counted(*records: RunRecord) -> tuple[list[str], tuple[LeftOut, ...]]:
    runs, left_out = of_the_newest_code(records)
    return [run.run_id for run in runs], left_out


def test_seeds_of_other_code_are_not_counted() -> None:
    """Ten good seeds of before say nothing of five bad ones of now."""
    old, new = made("1", *(49,) * 10, first=5, revision=B), made("2", *(40,) * 5)
    audit = audit_spec(spec(0.9), [old, new])
    [audited] = audit.thresholds
    assert audited.audit is not None
    assert (audited.audit.seeds, audited.audit.missed, audited.word) == (5, 5, "shown flaky")
    assert audit.left_out == (LeftOut(("1",), 10, "other code", UNKNOWN_CODE),)
    assert left_out_line(audit.left_out[0]) == f"10 seeds of other code left out: 1: {UNKNOWN_CODE}"


def test_a_commit_and_equal_bits_are_one_code_and_other_bits_are_not() -> None:
    runs = [made("1", 48, bits="1"), made("2", 48, first=5), made("3", 48, 48, revision=None), made("4", 48, first=1)]
    assert counted(*runs) == (["2", "3", "4"], (LeftOut(("1",), 1, "other code", OTHER_BITS),))
    assert counted(*reversed(runs)) == counted(*runs)


def test_runs_outside_a_repository_without_a_seed_in_common_are_not_counted_together() -> None:
    ids, (left_out,) = counted(made("1", 48, revision=None), made("2", 48, first=1, revision=None))
    assert ids == ["2"]
    assert left_out.reason == UNKNOWN_CODE


def test_runs_by_another_factory_are_not_counted() -> None:
    old, new = made_by(made("1", 48, 48), "e" * 64), made_by(made("2", 48), "f" * 64)
    assert counted(old, new) == (["2"], (LeftOut(("1",), 2, "other code", OTHER_FACTORY),))


def test_further_seeds_go_with_their_run_unless_made_by_another_factory() -> None:
    first, newest = made_by(made("1", 48, revision=None), "f" * 64), made_by(made("3", 48, revision=None), "f" * 64)
    further = made("2", 48, first=1, revision=None).model_copy(update={"continues": "1"})
    assert counted(first, made_by(further, "f" * 64), newest) == (["1", "2", "3"], ())
    ids, (left_out,) = counted(first, made_by(further, "e" * 64), newest)
    assert ids == ["1", "3"]
    assert (left_out.runs, left_out.reason) == (("2",), OTHER_FACTORY)


def test_further_seeds_that_contradict_each_other_go_with_no_run_that_cannot_tell_them_apart() -> None:
    first = made_by(made("1", 48, revision=None), None)
    further = [made(name, 48, first=int(name), revision=None).model_copy(update={"continues": "1"}) for name in "23"]
    one, other = made_by(further[0], "f" * 64), made_by(further[1], "e" * 64)
    assert counted(first, one) == (["1", "2"], ())
    ids, left_out = counted(first, one, other)
    assert ids == ["3"]
    assert [(part.runs, part.reason) for part in left_out] == [(("1",), UNKNOWN_CODE), (("2",), OTHER_FACTORY)]


def test_a_run_keeps_the_further_seeds_on_its_ground() -> None:
    first, newest = made("1", 48, revision=None), made("4", 48, revision=None)
    further = [made(name, 48, first=int(name), revision=None).model_copy(update={"continues": "1"}) for name in "23"]
    elsewhere = further[1].model_copy(update={"bertbench_version": "0.0.1"})
    ids, (left_out,) = counted(first, further[0], elsewhere, newest)
    assert ids == ["1", "2", "4"]
    assert (left_out.runs, left_out.reason) == (("3",), "they differ from newer runs in bertbench")


def test_runs_on_other_rows_are_another_ground() -> None:
    old = made("1", 48, 48)
    assert old.data is not None
    old = old.model_copy(update={"data": old.data.model_copy(update={"sha256": "0" * 64})})
    ids, (left_out,) = counted(old, made("2", 48))
    assert ids == ["2"]
    assert left_out_line(left_out) == "2 seeds of another ground left out: 1: they differ from newer runs in data"


def test_many_runs_are_named_oldest_first_and_then_counted() -> None:
    left_out = LeftOut(tuple(f"run-{number}" for number in range(7)), 1, "other code", OTHER_BITS)
    assert left_out_line(left_out).startswith(
        "1 seed of other code left out: run-0, run-1, run-2, run-3, run-4 and 2 more: "
    )


def test_of_no_runs_nothing_is_known() -> None:
    assert counted() == ([], ())
    [audited] = audit_spec(spec(0.9), []).thresholds
    assert audited.word == "not known"
