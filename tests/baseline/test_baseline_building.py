"""A baseline is made of all seeds or none, of runs that belong together, and of nothing that contradicts itself."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
from baseline_examples import baseline_of, digests, first_rows_wrong, made_by, run_of, seed_with_hits
from pydantic import ValidationError
from record_maker import make_failed_record

from bertbench.baseline import Baseline, build_baseline, final_wrong_rows
from bertbench.errors import BaselineError
from bertbench.record import Revision, RunRecord
from bertbench.spec.fingerprint import recipe

CLEAN = Revision(commit="f" * 40, dirty=False)
CHANGED = Revision(commit="f" * 40, dirty=True)


def build(*records: RunRecord, **more: Any) -> Baseline:
    return build_baseline(records, wrong_rows=first_rows_wrong, **more)


def test_a_baseline_keeps_what_a_comparison_needs() -> None:
    moment = datetime(2030, 5, 6, 7, 8, 9, 10, tzinfo=timezone.utc)
    baseline = build(run_of({1: 290, 0: 297}, revision=CHANGED), accepted_at=moment)
    assert [seed.seed for seed in baseline.seeds] == [0, 1]
    assert (baseline.seeds[0].hits, baseline.seeds[0].wrong_rows) == (297, (0, 1, 2))
    assert baseline.seeds[0].train_loss == (0.5, 0.5, 0.5)
    assert baseline.seeds[1].digests == digests(1)
    assert (baseline.spec, baseline.validation_rows, baseline.label_names) == ("seed_card", 300, ("billing", "login"))
    assert (baseline.data_sha256, baseline.weights_sha256, baseline.tokenizer_sha256) == ("d" * 64, "c" * 64, "e" * 64)
    assert (baseline.numerics_fingerprint, baseline.machine_fingerprints) == ("a" * 64, ("b" * 64,))
    assert baseline.origin() == "accepted 2030-05-06 07:08 UTC, runs of commit ffffffffff with changes"
    assert (baseline.runs, baseline.accepted_at.microsecond) == (("run-1",), 0)


def test_a_baseline_without_a_repository_says_only_when() -> None:
    assert "commit" not in baseline_of().origin()


@pytest.mark.parametrize(
    ("one", "other", "commit", "dirty"),
    [
        (CLEAN, CLEAN, "f" * 40, False),
        (CLEAN, CHANGED, "f" * 40, True),
        (CLEAN, Revision(commit="0" * 40, dirty=False), None, None),
        (CLEAN, None, None, None),
        (None, None, None, None),
    ],
)
def test_the_commit_is_that_of_the_runs(one, other, commit: str | None, dirty: bool | None) -> None:
    """Not that of the moment of accepting: code may have changed in between."""
    baseline = build(run_of({0: 290}, revision=one), run_of({1: 290}, run_id="run-2", revision=other))
    assert (baseline.git_commit, baseline.git_dirty) == (commit, dirty)


def test_a_baseline_of_an_older_schema_says_where_it_was_accepted() -> None:
    old = build(run_of({0: 290}, revision=CLEAN)).model_copy(update={"schema_version": 2})
    assert old.origin().endswith("UTC at commit ffffffffff")


def test_several_runs_make_one_bank() -> None:
    baseline = build(run_of({0: 290, 1: 291}), run_of({2: 292}, run_id="run-2"), prescribed=[0, 1, 2])
    assert [seed.hits for seed in baseline.seeds] == [290, 291, 292]
    assert baseline.runs == ("run-1", "run-2")


def test_a_seed_that_ran_twice_to_the_same_bits_counts_once() -> None:
    assert len(build(run_of({0: 290}), run_of({0: 290}, run_id="run-2")).seeds) == 1


def test_a_seed_that_ran_twice_to_other_bits_is_refused() -> None:
    with pytest.raises(BaselineError, match="seed 0: run-1 and run-2 came to different bits"):
        build(run_of({0: 290}), run_of({0: 290}, run_id="run-2", bits=1))


def test_fewer_seeds_than_prescribed_are_refused() -> None:
    with pytest.raises(BaselineError, match=r"all prescribed seeds or none: 2,3 did not run \(2 did\)") as caught:
        build(run_of({0: 290, 1: 291}), prescribed=[0, 1, 2, 3])
    assert "--seeds 2,3" in caught.value.remedy


def test_a_run_that_failed_is_refused() -> None:
    with pytest.raises(BaselineError, match="is failed; a baseline is made of completed runs"):
        build(make_failed_record())


def test_no_run_is_refused() -> None:
    with pytest.raises(BaselineError, match="no runs"):
        build()


@pytest.mark.parametrize(
    ("part", "field", "said"),
    [
        ("environment", "numerics_fingerprint", "numerics"),
        ("data", "sha256", "data"),
        ("data", "tokenizer_sha256", "tokenizer"),
        ("checkpoint", "sha256", "weights"),
        (None, "spec_fingerprint", "recipe"),
        (None, "bertbench_version", "bertbench"),
    ],
)
def test_runs_of_another_ground_are_refused(part: str | None, field: str, said: str) -> None:
    other = run_of({1: 290}, run_id="run-2")
    changed = {field: "0" * 64} if part is None else {part: getattr(other, part).model_copy(update={field: "0" * 64})}
    with pytest.raises(BaselineError, match=f"run-1 and run-2 are no runs of one baseline: {said} "):
        build(run_of({0: 290}), other.model_copy(update=changed))


def test_runs_by_two_factories_make_no_baseline_even_where_they_are_named() -> None:
    one, two = made_by(run_of({0: 290}), "f" * 64), made_by(run_of({1: 290}, run_id="run-2"), "e" * 64)
    with pytest.raises(BaselineError, match=f"no runs of one baseline: factory {'f' * 64} against {'e' * 64}"):
        build(one, two)


def test_a_run_that_does_not_know_its_factory_joins_no_two_others() -> None:
    unknown = made_by(run_of({0: 290}), None)
    one, two = (made_by(run_of({n: 290}, run_id=f"run-{n}"), 64 * name) for n, name in ((1, "e"), (2, "f")))
    assert build(unknown, one).factory_sha256 is None
    with pytest.raises(BaselineError, match="run-1 and run-2 are no runs of one baseline: factory"):
        build(unknown, one, two)


def test_a_baseline_says_which_factory_made_all_its_runs() -> None:
    one = made_by(run_of({0: 290}), "f" * 64)
    assert build(one).factory_sha256 == "f" * 64
    assert build(one, made_by(run_of({1: 290}, run_id="run-2"), None)).factory_sha256 is None
    assert build(run_of({0: 290})).factory_sha256 is None


def test_a_spec_that_no_longer_gives_the_fingerprint_of_its_run_is_no_recipe() -> None:
    """As of a record that was written before a field of the spec came."""
    run = run_of({0: 290})
    assert build(run).recipe == recipe(run.spec)
    assert build(run.model_copy(update={"spec_fingerprint": "0" * 64})).recipe is None


def test_runs_of_several_machines_belong_together() -> None:
    other = run_of({1: 290}, run_id="run-2")
    assert other.environment is not None
    moved = other.model_copy(
        update={"environment": other.environment.model_copy(update={"machine_fingerprint": "0" * 64})}
    )
    assert build(run_of({0: 290}), moved).machine_fingerprints == ("0" * 64, "b" * 64)


def uncounted(record: RunRecord) -> RunRecord:
    """As a record of the third schema is read."""
    assert record.data is not None
    return record.model_copy(update={"data": record.data.model_copy(update={"distinct_rows": {}})})


def test_a_baseline_keeps_how_many_of_its_rows_are_distinct_as_far_as_a_run_counted_them() -> None:
    run, further = run_of({0: 290}, distinct=250), run_of({1: 290}, distinct=250, run_id="run-2")
    assert build(run).distinct_validation_rows == build(run).distinct_rows == 250
    assert build(uncounted(run), further).distinct_validation_rows == 250
    old = build(uncounted(run))
    assert (old.distinct_validation_rows, old.distinct_rows) == (None, 300)


def test_runs_that_counted_other_distinct_rows_make_no_baseline() -> None:
    with pytest.raises(BaselineError, match=r"counted \[249, 250\] distinct validation rows"):
        build(run_of({0: 290}, distinct=250), run_of({1: 290}, distinct=249, run_id="run-2"))


def test_predictions_that_contradict_the_record_are_refused() -> None:
    with pytest.raises(BaselineError, match="accuracy"):
        build_baseline([run_of({0: 290})], wrong_rows=lambda _record, _run: (1, 2, 3))


def test_nan_makes_no_baseline() -> None:
    """Anchors, row 11."""
    with pytest.raises(BaselineError, match="not finite"):
        build_baseline([run_of({0: float("nan")})], wrong_rows=lambda _record, _run: ())


@pytest.mark.parametrize(
    "changes",
    [
        {"hits": 291},
        {"wrong_rows": (5, 3, 4, 6, 7, 8, 9, 0, 1, 2)},
        {"wrong_rows": tuple(range(291, 301))},
        {"train_loss": ()},
    ],
)
def test_a_baseline_that_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    fields = baseline_of({0: 290}).model_dump()
    Baseline.model_validate(fields)
    fields["seeds"][0].update(changes)
    with pytest.raises(ValidationError):
        Baseline.model_validate(fields)


def test_seeds_that_do_not_rise_are_refused() -> None:
    fields = baseline_of({0: 290, 1: 291}).model_dump()
    fields["seeds"] = fields["seeds"][::-1]
    with pytest.raises(ValidationError, match="do not rise"):
        Baseline.model_validate(fields)


def test_wrong_rows_are_those_of_the_epoch_that_the_seed_ended_with() -> None:
    logits = np.zeros((3, 4, 2), np.float32)
    logits[1, [0, 3], 1] = 1.0
    labels = np.zeros(4, np.int32)
    run = seed_with_hits(0, 290)
    assert final_wrong_rows(logits, labels, run) == ()
    assert final_wrong_rows(logits, labels, run.model_copy(update={"best_epoch_restored": 1})) == (0, 3)


def test_predictions_of_another_number_of_epochs_are_refused() -> None:
    with pytest.raises(BaselineError, match="logits of 2 epochs, and 3 epochs ran"):
        final_wrong_rows(np.zeros((2, 4, 2), np.float32), np.zeros(4, np.int32), seed_with_hits(0, 290))
