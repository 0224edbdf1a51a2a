"""The audit of promises on a mean, or the bound below it: what may miss them is a fresh run of all prescribed seeds."""

from __future__ import annotations

import pytest
from record_maker import make_failed_seed, make_record, make_spec
from verdict_examples import record_of, threshold

from bertbench.record import RunRecord
from bertbench.report.audit_table import audit_line, audit_sentences, audit_table
from bertbench.report.terminal import rendered
from bertbench.verdict import judge_threshold
from bertbench.verdict.audit import AuditedThreshold, audit_thresholds

ROWS = 49
#: What 40 seeds of seed_card came to: of 49 rows, as often as they came, in turn.
MEASURED = (47, 48, 47, 48, 46, 47, 48, 47, 48, 47) * 3 + (47, 48, 47, 48, 45, 47, 48, 47, 49, 48)


def audited(
    over: str, bar: float, *rights: int, seeds: int = 5, failed: tuple[int, ...] = (), distinct: int | None = None
) -> AuditedThreshold:
    """One promise of a spec of so many seeds, after seeds with so many rows right, and some that ended in NaN."""
    promise = {"quantity": "validation_accuracy", "at_least": bar, "over": over}
    spec = make_spec(expect=[promise], training={"seeds": list(range(seeds))})
    runs = [_record(rights, distinct)] if rights else []
    broken = [
        make_record().model_copy(update={"outcome": "failed", "seeds": (make_failed_seed(seed),)}) for seed in failed
    ]
    [found] = audit_thresholds(spec, [*runs, *broken])
    return found


def _record(rights: tuple[int, ...], distinct: int | None = None) -> RunRecord:
    return record_of("accuracy", *(right / ROWS for right in rights), rows=ROWS, distinct=distinct)


@pytest.mark.parametrize(
    ("over", "bar", "rights", "word"),
    [
        ("mean", 0.94, MEASURED, "shown stable"),
        ("mean", 0.95, MEASURED, "not known"),
        ("mean", 0.97, MEASURED, "shown flaky"),
        ("lower_bound", 0.90, MEASURED, "not known"),
        ("lower_bound", 0.93, MEASURED, "not known"),
        ("lower_bound", 0.96, MEASURED, "shown flaky"),
        ("mean", 0.97, (48, 48, 49, 48, 48), "not known"),
        ("mean", 0.97, (40,) * 5, "shown flaky"),
    ],
)
def test_the_word_is_what_the_seeds_can_say(over: str, bar: float, rights: tuple[int, ...], word: str) -> None:
    found = audited(over, bar, *rights)
    assert found.word == word
    assert found.name == f"validation_accuracy_{over}"
    told = f"{word}, if seeds are normal" if found.audit is not None and found.audit.assumes_normal else word
    assert audit_sentences(found)[0].startswith(f"{found.name}: {told}: ")
    assert (word, over) != ("shown stable", "mean") or told != word, "eight runs show it by no count"


def test_runs_are_counted_by_the_rule_of_the_promise_itself_in_the_order_of_seeds() -> None:
    rights = (49, 49, 49, 45, 45, 48, 48, 48, 48, 48, 40, 40)
    for over in ("mean", "lower_bound"):
        found = audited(over, 0.96, *rights)
        assert found.audit is not None
        promise = threshold("validation_accuracy", 0.96, over=over)
        outcomes = [judge_threshold(promise, _record(rights[first : first + 5])).outcome for first in (0, 5)]
        assert (found.audit.seeds, found.audit.trials) == (12, 2)
        assert found.audit.missed == sum(outcome != "pass" for outcome in outcomes)
        assert outcomes == [{"mean": "pass", "lower_bound": "undecided"}[over], "pass"]


def test_the_bound_of_a_run_rests_on_distinct_rows() -> None:
    plain, copies = (audited("lower_bound", 0.97, *(48,) * 10, distinct=distinct) for distinct in (49, 10))
    assert plain.audit is not None
    assert copies.audit is not None
    assert (plain.audit.missed, copies.audit.missed) == (0, 2)


@pytest.mark.parametrize("over", ["mean", "lower_bound"])
def test_a_seed_that_ended_in_nan_takes_its_run_with_it(over: str) -> None:
    assert audited("mean", 0.8, *MEASURED).word == "shown stable"
    found = audited(over, 0.8, *MEASURED[:15], failed=(15, 17, 22))
    assert found.audit is not None
    assert (found.audit.seeds, found.audit.trials, found.audit.missed) == (18, 3, 0)
    assert found.word == "not known"  # three seeds make no run
    found = audited(over, 0.8, *MEASURED[:15], failed=(15, 16, 17, 18, 19))
    assert found.audit is not None
    assert (found.word, found.audit.trials, found.audit.missed) == ("shown flaky", 4, 1)
    assert "1 of 4 runs of 5 seeds missed it" in audit_line("card", found)
    assert "5 of them by NaN or infinity" not in audit_line("card", found)  # five seeds, and one run
    assert "5 seeds ended in NaN or infinity" in audit_line("card", found)


def test_of_seeds_that_all_ended_in_nan_the_runs_still_speak() -> None:
    found = audited("mean", 0.9, failed=tuple(range(5)))
    assert found.word == "shown flaky"
    assert "shown flaky" in rendered(audit_table([found]), width=100, colour=False)
    assert audit_line("card", found).endswith("1 of 1 runs of 5 seeds missed it, 5 seeds ended in NaN or infinity")


# What the sentences say


def test_bounds_chance_margin_and_the_smallest_drop_are_those_of_a_run() -> None:
    found = audited("mean", 0.94, *MEASURED)
    assert found.audit is not None
    word, chance, drop = audit_sentences(found)
    assert word == (
        "validation_accuracy_mean: shown stable, if seeds are normal: "
        "a fresh run of the 5 prescribed seeds misses it in 0.0% to 31.2% "
        "(exact one-sided 95 % bounds: 0 of 8 runs of 5 seeds missed it)"
    )
    who = "a fresh run of the 5 prescribed seeds that are all finite"
    assert f"if seeds are normal, {who} misses it in {found.audit.miss_chance:.2%} (t-predictive)" in chance
    assert "the mean is 1.1 rows better than the bar" in chance
    points = 100 * (found.audit.distance + 1.2816 * found.audit.spread / 5**0.5)
    assert drop.strip().startswith(f"a drop of {points:.2f} points is the smallest after which a fresh run of the 5 ")


def test_of_a_bound_what_is_undecided_has_missed() -> None:
    found = audited("lower_bound", 0.96, *MEASURED)
    assert "runs of 5 seeds missed it, by a fail or undecided" in audit_sentences(found)[0]
    assert "(predictive)" in audit_sentences(found)[1]
    assert "are shown stable" not in audit_line("card", found)


def test_of_a_bound_the_runs_that_it_takes_are_told() -> None:
    found = audited("lower_bound", 0.90, *MEASURED)
    assert audit_sentences(found)[0].endswith(
        "; no number of seeds up to 1,000 would settle it: what shows it stable is 299 runs of 5 seeds that all pass"
    )


def test_seeds_that_make_no_run_say_so() -> None:
    found = audited("mean", 0.95, 47, 48, 47)
    assert "3 seeds make no run of 5" in audit_line("card", found)
    said = audit_sentences(found)[0]
    assert (
        "how often a fresh run of the 5 prescribed seeds misses it has no exact bound: 3 seeds make no run of 5" in said
    )


def test_the_table_counts_runs() -> None:
    lines = rendered(audit_table([audited("mean", 0.94, *MEASURED)]), width=120, colour=False).splitlines()
    assert lines[1].split() == [
        "validation_accuracy_mean", ">=", "0.9400", "40", "0", "of", "8", "0.9658", "0.0156", "shown", "stable",
    ]  # fmt: skip


# What would settle it


def test_where_no_seeds_would_settle_it_rows_may() -> None:
    """Twenty times 48 of 49: a mean of five of 239 of 245 is nearer than rounding alone allows."""
    found = audited("mean", 0.975, *(48,) * 20)
    rows = "about 124 validation rows would with these 20 seeds, mean and spread in points"
    none = "; no number of seeds up to 1,000 would settle it on these 49 rows; "
    assert audit_sentences(found)[0].endswith(f"{none}{rows} as they are")
    assert audit_line("card", found).endswith(f"{none}{rows} as they are")


def test_rows_stand_beside_seeds_where_either_would_settle_it() -> None:
    found = audited("every_seed", 0.97, *(48,) * 20)
    both = "about 61 seeds would settle it; about 152 validation rows would with these 20 seeds, "
    assert both in audit_sentences(found)[0]
    assert both in audit_line("card", found)


@pytest.mark.parametrize(
    ("bar", "rights", "limit"),
    [
        (0.93, (47, 48) * 10 + (46,), "the spread over seeds is too large"),
        (48 / 49, (48,) * 20, "the mean is not better than the bar"),
    ],
)
def test_where_no_rows_would_either_the_limit_is_named(bar: float, rights: tuple[int, ...], limit: str) -> None:
    found = audited("every_seed", bar, *rights)
    with_these = f"with these {len(rights)} seeds, mean and spread in points as they are"
    assert audit_sentences(found)[0].endswith(f"no number of validation rows up to 100,000 would {with_these}: {limit}")


def test_rows_are_spoken_of_where_they_are_validation_rows_and_nothing_missed() -> None:
    train = make_spec(expect=[{"quantity": "train_accuracy", "at_least": 0.97}])
    [found] = audit_thresholds(train, [record_of("accuracy", *(48 / ROWS,) * 20, split="train", rows=ROWS)])
    assert found.word == "not known"
    assert " rows would" not in audit_sentences(found)[0]
    missed = audited("every_seed", 0.93, *MEASURED)
    assert missed.word == "not known"
    assert "seeds would settle it" in audit_sentences(missed)[0]
    assert " rows would" not in audit_sentences(missed)[0]
