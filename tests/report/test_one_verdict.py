"""One table and one sentence: what got worse, by how much, how sure, since when, what differs, what next."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from baseline_examples import BANK, ROWS, baseline_of, first_rows_wrong, run_of
from record_maker import make_failed_record

from bertbench.baseline import Baseline
from bertbench.comparing import Compared, book_attempts, with_attempts
from bertbench.errors import BaselineAbsentError
from bertbench.record import Revision, RunRecord
from bertbench.report.one_verdict import comparison_tables, environment_table, one_sentence
from bertbench.report.terminal import rendered
from bertbench.store import Store
from bertbench.suite import Benchmark, Result
from bertbench.verdict import Candidate, Check, compare, no_baseline
from bertbench.verdict.quality_gate import quality_gate
from bertbench.verdict.shown_quantities import shown_beside

LIBRARIES = {"libraries": {"keras": "3.15.1", "tensorflow": "2.21.0"}, "threads": 2}


def numerics_of(record: RunRecord, **changes: Any) -> RunRecord:
    assert record.environment is not None
    environment = record.environment.model_copy(update={"numerics": {**LIBRARIES, **changes}})
    return record.model_copy(update={"environment": environment})


def bank() -> Baseline:
    commit = {"git_commit": "0123456789abcdef" + "0" * 24, "numerics": LIBRARIES}
    return baseline_of().model_copy(update=commit)


def result(shift: int, seeds: int = 4, bits: int = 1, **numerics: Any) -> Result:
    """A run of the bank's first seeds, so many rows better, compared with it."""
    hits = {seed: value + shift for seed, value in list(BANK.items())[:seeds]}
    record, baseline = numerics_of(run_of(hits, bits=bits), **numerics), bank()
    candidate, gate = Candidate((record,)), quality_gate(ROWS)
    checks = compare(candidate, baseline, name="rolling", gate=gate, wrong_rows=first_rows_wrong)
    quality = checks[1]
    beside = shown_beside(candidate, baseline, margin_points=1.0, quality=quality) if quality.numbers else None
    compared = Compared("rolling", *checks, baseline, beside)
    return Result(Benchmark(record.spec, Path()), record, None, compared.checks, compared=(compared,))


def text(tables: Any) -> str:
    return "\n".join(rendered(table, width=160, colour=False) for table in tables)


def test_a_drop_says_how_much_how_sure_since_when_what_differs_and_what_next() -> None:
    said = one_sentence([result(-9, libraries={"keras": "3.16.0", "tensorflow": "2.21.0"})])
    assert re.fullmatch(
        r"seed_card got worse: accuracy fell by 2\.83 points \(99 % interval [\d.]+ to [\d.]+; p = 9\.4e-05, 4 seeds "
        r"against a bank of 20\), since rolling \(accepted 20\S+ \S+ UTC, runs of commit 0123456789, bertbench "
        r"0\.1\.0, tensorflow 2\.21\.0, keras 3\.15\.1\); what differs: libraries\.keras 3\.16\.0 \(was 3\.15\.1\); "
        r"next: look at what changed since the baseline; if the drop is meant: bertbench baseline accept SPEC\.(.*)",
        said,
    )
    assert "unseen" not in said


def result_of(*records: RunRecord) -> Result:
    """Judged, without anything shown beside."""
    checks = compare(Candidate(records), bank(), name="rolling", gate=quality_gate(ROWS))
    compared = Compared("rolling", *checks, bank())
    return Result(Benchmark(records[0].spec, Path()), records[0], None, checks, compared=(compared,))


def run_with_failed(failed: int, shift: int = 0) -> RunRecord:
    """Four seeds, of which so many are no better than the largest class (160 of 300 rows)."""
    hits = {seed: 150 if seed < failed else BANK[seed] + shift for seed in range(4)}
    record = numerics_of(run_of(hits, bits=1))
    seeds = tuple(run.model_copy(update={"validation_confusion": ((150, 10), (10, 130))}) for run in record.seeds)
    return record.model_copy(update={"seeds": seeds})


@pytest.mark.parametrize(
    ("failed", "shift", "said"),
    [
        (4, 0, r"got worse: 4 of 4 seeds failed, since rolling \("),
        (3, 0, r"got worse: 3 of 4 seeds failed, since rolling \("),
        (
            2,
            6,
            r".*2 of 4 seeds failed; of the others accuracy rose by 2\.17 points \(too few seeds .*; p = 1, 2 seeds",
        ),
        (2, -20, r"got worse: 2 of 4 seeds failed; of the others accuracy fell by 6\.50 points \("),
    ],
)
def test_a_fail_by_the_number_of_failed_seeds_says_so(failed: int, shift: int, said: str) -> None:
    assert re.match(rf"seed_card {said}", one_sentence([result_of(run_with_failed(failed, shift))]))


def test_a_run_that_showed_nothing_failed_and_did_not_get_worse() -> None:
    """Whether an attempt was counted for it or not."""
    broken = result_of(numerics_of(make_failed_record()))
    counted = replace(broken.compared[0], quality=replace(broken.compared[0].quality, numbers={"attempt": 1}))
    for one in (broken, replace(broken, compared=(counted,))):
        assert one_sentence([one]).startswith(
            "seed_card failed: 20300102T030405Z-abc is failed: seed 1 failed (loss is nan"
        )
    impossible = result_of(numerics_of(run_of({**dict.fromkeys(range(3), 290), 3: math.nan}, bits=1)))
    assert one_sentence([impossible]).startswith("seed_card failed: no possible value: seed 3: validation accuracy nan")


def test_an_undecided_attempt_that_was_counted_is_not_unchanged() -> None:
    early = result(0, seeds=2)
    counted = replace(early.compared[0], quality=replace(early.compared[0].quality, numbers={"attempt": 2}))
    assert "is not decided: bits differ, and 2 seeds ran" in one_sentence([replace(early, compared=(counted,))])


@pytest.mark.parametrize(
    ("bits", "itself"), [(1, "accuracy rose by 2.50 points ("), (0, "quality unchanged, since rolling (")]
)
def test_what_is_held_to_an_earlier_fail_says_so(tmp_path: Path, bits: int, itself: str) -> None:
    """And not that accuracy got worse by rising."""
    store, revision = Store(tmp_path), Revision(commit="c" * 40, dirty=False)
    dropped, fine = result(-9), result(7 if bits else 0, bits=bits)
    runs = []
    for name, one in (("run-1", dropped), ("run-2", fine)):
        assert one.record is not None
        runs.append((Candidate((one.record.model_copy(update={"run_id": name, "revision": revision}),)), one.compared))
    for candidate, compared in runs:
        book_attempts(compared, candidate, store)
    bound = with_attempts(runs[1][1], runs[1][0], store)
    said = one_sentence([replace(fine, checks=bound[0].checks, compared=bound)])
    assert said.startswith(
        f"seed_card stays failed, as run-1 of the same commit did (fell by 2.83 points); by itself this run: {itself}"
    )
    assert "got worse" not in said


def test_where_no_fact_differs_it_is_the_code() -> None:
    assert "no library, flag or setting differs: look at the code" in one_sentence([result(-9)])


def test_no_worse_and_unchanged_are_told_too() -> None:
    assert one_sentence([result(0)]).startswith("seed_card is no worse: accuracy ")
    assert one_sentence([result(0, bits=0)]).startswith("seed_card is no worse: quality unchanged, since rolling (")


def test_a_rise_has_its_interval_in_the_direction_of_the_verb() -> None:
    assert re.search(r"accuracy rose by 2\.50 points \(99 % interval [\d.]+ to [\d.]+;", one_sentence([result(7)]))


def test_what_is_not_decided_says_what_it_needs() -> None:
    assert "is not decided: bits differ, and 2 seeds ran; the first look needs 4" in one_sentence([result(0, seeds=2)])


def test_the_worst_is_told_and_others_counted() -> None:
    said = one_sentence([result(0), result(-9), result(-9)])
    assert said.startswith("seed_card got worse")
    assert said.endswith("And 1 more: fail.")


def test_a_promise_that_was_not_kept_is_told_where_no_comparison_failed() -> None:
    good = result(0)
    broken = Check("train_loss_every_seed", "threshold", "fail", "0.5", "<= 0.1", "2 seeds missed it", "look")
    said = one_sentence([replace(good, checks=(broken, *good.checks))])
    assert said == "seed_card: train_loss_every_seed: fail: 2 seeds missed it. Next: look."


def test_no_baseline_says_how_to_get_one() -> None:
    pair = no_baseline("rolling", BaselineAbsentError("holds none", remedy="accept one"))
    record = run_of({0: 290})
    compared = Compared("rolling", *pair)
    alone = Result(Benchmark(record.spec, Path()), record, None, pair, compared=(compared,))
    assert one_sentence([alone]) == "seed_card has no baseline: holds none. Next: accept one. And 1 more: no_baseline."
    assert comparison_tables([alone]) == []


def test_nothing_that_was_judged_has_no_sentence() -> None:
    assert one_sentence([]) == ""


def test_every_quantity_has_a_line_with_both_sides() -> None:
    shown = text(comparison_tables([result(-9)]))
    assert re.search(
        r"validation accuracy +0\.9667 ± 0\.0043 +0\.9\d+ ± 0\.0\d+ +-0\.0283 +-0\.\d+ to -0\.\d+ "
        r"+decides: look of 4 seeds",
        shown,
    )
    assert shown.count("validation accuracy") == 1  # the look took all of them
    for name in ("macro_f1", "matthews_correlation", "loss", "epochs to target", "seconds to target"):
        assert name in shown
    assert re.search(r"correlation of same seeds +\+1\.00 +of 4 seeds that both ran", shown)


def test_the_row_that_decides_has_the_numbers_of_the_sentence_and_all_seeds_stand_below() -> None:
    """Two numbers for one thing would be one too many: of the second it is said which seeds it is of."""
    one = result(-9, seeds=8)
    numbers = one.compared[0].quality.numbers
    lines = text(comparison_tables([one])).splitlines()
    (decides,) = [line for line in lines if "decides" in line]
    low, high = -numbers["drop_high_points"] / 100, -numbers["drop_low_points"] / 100
    assert f"{-numbers['drop_points'] / 100:+.4f}" in decides
    assert f"{low:+.4f} to {high:+.4f}" in decides
    assert decides.rstrip().endswith("decides: look of 4 seeds")
    below = lines[lines.index(decides) + 1 :]
    assert below[0].strip() == "all 8 seeds, without a vote:"
    assert below[1].startswith("validation accuracy")
    assert below[2].startswith("validation macro_f1")


def test_where_the_number_of_failed_seeds_decides_it_is_the_row_that_says_so() -> None:
    record, baseline = run_with_failed(2), bank()
    quality = result_of(record).compared[0].quality
    beside = shown_beside(Candidate((record,)), baseline, margin_points=1.0, quality=quality)
    one = result_of(record)
    shown = text(comparison_tables([replace(one, compared=(replace(one.compared[0], shown=beside),))]))
    assert re.search(r"failed seeds +2 of 4 +decides", shown)
    assert re.search(r"validation accuracy .* look of 4 seeds, 2 failed", shown)
    assert shown.count("decides") == 1


def test_equal_bits_have_nothing_to_show() -> None:
    assert comparison_tables([result(0, bits=0)]) == []


def test_what_differs_stands_side_by_side_once_for_all_specs() -> None:
    several = [result(0, threads=4), result(0, threads=4)]
    table = environment_table(several)
    assert table is not None
    lines = rendered(table, width=100, colour=False).splitlines()
    assert re.fullmatch(r"threads +4 +2 +rolling *", lines[1])
    assert len(lines) == 2
    assert environment_table([result(0)]) is None


def test_another_version_of_this_package_differs_too() -> None:
    one = result(0)
    assert one.record is not None
    newer = replace(one, record=one.record.model_copy(update={"bertbench_version": "9.0"}))
    table = environment_table([newer])
    assert table is not None
    assert re.search(r"bertbench +9\.0 +0\.1\.0", rendered(table, width=100, colour=False))


@pytest.mark.parametrize("many", [1, 5])
def test_many_differences_are_counted(many: int) -> None:
    said = one_sentence([result(-9, **{f"fact{number}": number for number in range(many)})])
    assert ("and 2 more" in said) == (many == 5)
