"""A run is compared, further seeds are run as far as a look needs them, and every attempt is counted."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from fake_runs import runs, set_runs

from bertbench import suite
from bertbench.attempts import Ledger
from bertbench.baseline import build_baseline, read_baseline, write_baseline
from bertbench.comparing import Against, wrong_rows_of
from bertbench.errors import RecordError
from bertbench.gathering import candidate_to_compare
from bertbench.processes import Request
from bertbench.record import Failure, RunRecord
from bertbench.session import Session
from bertbench.spec import build_spec
from bertbench.store import Store
from bertbench.suite import Benchmark, Result, run_and_compare, run_benchmark, with_comparison
from bertbench.verdict.flipped_rows import FlippedRows


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; runs take milliseconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    return Store(tmp_path / "store")


def benchmark(folder: Path = Path(), **fields: Any) -> Benchmark:
    """Two seeds, one threshold, identity on repeat."""
    promise = {"quantity": "validation_accuracy", "at_least": 0.93}
    spec = build_spec({"name": "card", "training": {"seeds": [0, 1]}, "expect": [promise], **fields})
    return Benchmark(spec, folder)


def outcomes(checks: Any) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


def bank_of(store: Store, **fake: Any) -> Path:
    """A rolling baseline of 20 seeds; what ran is forgotten."""
    set_runs(**fake)
    ran = run_benchmark(benchmark(training={"seeds": list(range(20))}), store, repeat=False)
    assert ran.record is not None
    write_baseline(Path("baselines"), "rolling", build_baseline([ran.record], wrong_rows=partial(wrong_rows_of, store)))
    Path("runs.log").unlink()
    return Path("baselines")


def around(value: float) -> dict[str, float]:
    """Accuracy of twenty seeds, every second one a row better."""
    return {str(seed): round(value + 0.01 * (seed % 2), 2) for seed in range(20)}


def compared(store: Store, **fields: Any) -> Result:
    return run_and_compare(benchmark(Path.cwd(), **fields), store, Against(("rolling",)))


def test_equal_bits_need_no_further_seed(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    result = compared(store)
    assert result.outcome == "pass"
    assert result.further == ()
    assert runs() == 2  # with its repeat


def test_further_seeds_are_run_until_it_is_decided(store: Store) -> None:
    """Two are prescribed, the first look needs four: seeds 2 and 3 are run, once, in a run of their own."""
    bank_of(store, accuracy=around(0.98))
    set_runs(accuracy=around(0.94), bits=1)
    result = compared(store)
    (further,) = result.further
    assert [run.seed for run in further.seeds] == [2, 3]
    assert result.record is not None
    assert further.continues == result.record.run_id
    assert (further.spec_fingerprint, further.repeats) == (result.record.spec_fingerprint, None)
    assert outcomes(result.checks)["quality_against_rolling"] == "fail"
    shown = result.compared[0].shown
    assert shown is not None
    assert shown.flipped == tuple(FlippedRows(seed, lost=4, won=0) for seed in range(4))
    assert runs() == 3


def test_looks_are_used_up_before_it_is_undecided(store: Store) -> None:
    wide = {seed: value + 0.08 * (int(seed) % 2) for seed, value in around(0.90).items()}
    bank_of(store, accuracy=wide)
    set_runs(accuracy={seed: round(value - 0.01, 2) for seed, value in wide.items()}, bits=1)
    result = compared(store, expect=[])
    assert [len(record.seeds) for record in result.further] == [2, 4, 12]
    assert outcomes(result.checks)["quality_against_rolling"] == "undecided"


def test_promises_are_about_the_prescribed_seeds_alone(store: Store) -> None:
    bank_of(store, accuracy={**around(0.98), "3": 0.9})
    set_runs(accuracy={**around(0.98), "3": 0.9}, bits=1)
    checks = outcomes(compared(store).checks)
    assert checks["validation_accuracy_every_seed"] == "pass"


def test_one_further_seed_leaves_a_promise_on_the_bound_of_a_mean_out(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    set_runs(accuracy=around(0.98), bits=1)
    promise = {"quantity": "validation_accuracy", "at_least": 0.5, "over": "lower_bound"}
    result = compared(store, training={"seeds": [0, 1, 2]}, expect=[promise])
    assert [record.spec.expect for record in result.further] == [()]
    assert result.outcome == "pass"


def test_a_stale_baseline_of_its_numerics_hides_no_comparable_one(store: Store) -> None:
    """One recipe was accepted here; then another one, on a machine with another keras: a bank of it is there."""
    bank_of(store, accuracy=around(0.98))
    other: dict[str, Any] = {"optimizer": {"learning_rate": 1e-5}}
    set_runs(accuracy=around(0.98), keras="3.99")
    ran = run_benchmark(benchmark(training={"seeds": list(range(20))}, **other), store, repeat=False)
    assert ran.record is not None
    path = write_baseline(
        Path("baselines"), "rolling", build_baseline([ran.record], wrong_rows=partial(wrong_rows_of, store))
    )
    set_runs(accuracy=around(0.98), bits=1)
    result = compared(store, **other)
    assert result.outcome == "pass"
    assert result.compared[0].baseline == read_baseline(path)
    assert "numerics differ: libraries" in result.checks[-2].reason
    path.unlink()
    assert "of another recipe (optimizer.learning_rate: 3e-05 in " in compared(store, **other).checks[-1].reason


def test_a_comparison_with_a_spec_that_was_skipped_is_undecided_and_no_attempt(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    set_runs(failure={"kind": "DataAbsentError", "message": "not here\n  remedy: bring it", "phase": "data"})
    result = compared(store, data={"when_absent": "skip"})
    assert (result.outcome, result.record) == ("skipped", None)
    assert outcomes(result.checks) == {"identity_with_rolling": "undecided", "quality_against_rolling": "undecided"}
    quality = result.checks[-1]
    assert quality.reason == "the spec was skipped, so there is nothing to compare: not here"
    assert quality.next_step == "bring it"
    assert Ledger(store.folder).attempts() == ()


def test_a_session_remembers_that_a_skipped_spec_was_to_be_compared(store: Store) -> None:
    set_runs(failure={"kind": "DataAbsentError", "message": "not here", "phase": "data"})
    skipping = benchmark(Path.cwd(), data={"when_absent": "skip"})
    result = Session(store, "s1", against=Against()).result(skipping)
    assert [check.outcome for check in result.checks] == ["undecided", "undecided"]
    assert Session(store, "s1", against=Against()).results() == (result,)
    assert Session(store, "s2").result(skipping).checks == ()


def test_a_failed_run_asks_for_no_further_seeds(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    set_runs(failure={"kind": "NonFiniteLossError", "message": "nan", "phase": "steps"})
    result = compared(store)
    assert (result.outcome, result.further) == ("fail", ())


def test_another_process_reads_the_further_runs_and_tells_the_same_attempt(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    set_runs(accuracy=around(0.94), bits=1)
    against = Against(("rolling",))
    result = Session(store, "s1", against=against).result(benchmark(Path.cwd()))
    assert Session(store, "s1", against=against).result(benchmark(Path.cwd())) == result
    assert runs() == 3
    assert "Attempt 1 outside any repository" in result.checks[-1].reason
    assert len(Ledger(store.folder).attempts()) == 1


def repository(ignored: str = "") -> None:
    """The current folder, as it is, is a commit."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
    Path(".gitignore").write_text(f"store\nfake.json\nruns.log\n{ignored}\n")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run([*git, *words], check=True, capture_output=True)


def test_a_second_attempt_at_a_commit_never_erases_a_fail(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    repository()
    set_runs(accuracy=around(0.94), bits=1)
    assert compared(store).outcome == "fail"
    set_runs(accuracy=around(0.98), bits=2)
    again = compared(store)
    quality = again.checks[-1]
    assert quality.outcome == "fail"
    assert quality.reason.startswith("Attempt 2 at commit ")
    assert "trying again does not erase a fail. By itself this one is pass." in quality.reason
    assert "make a new commit, or accept a new baseline" in quality.next_step
    assert outcomes(again.checks)["identity_with_rolling"] == "undecided"
    Path("tracked").touch()
    repository()  # a new commit
    third = compared(store)
    assert third.outcome == "pass"
    assert "Attempt 1 at commit " in third.checks[-1].reason


def test_accepting_the_same_baseline_again_erases_no_fail(store: Store) -> None:
    """Only the date is another one; where baselines lie outside the repository the tree stays clean."""
    folder = bank_of(store, accuracy=around(0.98))
    repository(ignored="baselines/")
    set_runs(accuracy=around(0.94), bits=1)
    assert compared(store).outcome == "fail"
    (path,) = (folder / "rolling").glob("*.json")
    baseline = read_baseline(path)
    later = baseline.accepted_at.replace(year=baseline.accepted_at.year + 1)
    write_baseline(folder, "rolling", baseline.model_copy(update={"accepted_at": later}))
    set_runs(accuracy=around(0.98), bits=2)
    again = compared(store)
    assert again.outcome == "fail"
    assert again.checks[-1].reason.startswith("Attempt 2 at commit ")


def test_running_and_accepting_the_same_seeds_again_erases_no_fail(store: Store) -> None:
    """Other runs, another machine and other seconds, and the same bits: no verdict can tell the two banks apart."""
    folder = bank_of(store, accuracy=around(0.98))
    repository(ignored="baselines/")
    set_runs(accuracy=around(0.94), bits=1)
    assert compared(store).outcome == "fail"
    (path,) = (folder / "rolling").glob("*.json")
    before = read_baseline(path)
    bank_of(store, accuracy=around(0.98))
    again = read_baseline(path)
    assert again.runs != before.runs
    seconds = [seed.model_copy(update={"epoch_seconds": (9.0,) * len(seed.train_loss)}) for seed in again.seeds]
    elsewhere = {"seeds": tuple(seconds), "machine_fingerprints": ("7" * 64,)}
    write_baseline(folder, "rolling", again.model_copy(update=elsewhere))
    set_runs(accuracy=around(0.98), bits=2)
    third = compared(store)
    assert third.outcome == "fail"
    assert third.checks[-1].reason.startswith("Attempt 2 at commit ")


def test_accepting_other_seeds_is_another_baseline(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    repository(ignored="baselines/")
    set_runs(accuracy=around(0.94), bits=1)
    assert compared(store).outcome == "fail"
    bank_of(store, accuracy=around(0.98), bits=3)
    set_runs(accuracy=around(0.98), bits=2)
    again = compared(store)
    assert again.outcome == "pass"
    assert "Attempt 1 at commit " in again.checks[-1].reason


def test_a_tree_with_changes_is_counted_and_binds_nobody(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    Path("tracked").touch()
    repository()
    Path("tracked").write_text("changed")
    set_runs(accuracy=around(0.94), bits=1)
    compared(store)
    set_runs(accuracy=around(0.98), bits=2)
    again = compared(store)
    assert again.outcome == "pass"
    assert "Attempt 2 at commit " in again.checks[-1].reason
    assert "with changes (counted, not binding)" in again.checks[-1].reason


def test_a_ledger_that_cannot_be_read_is_refused_before_anything_runs(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    (store.folder / "verdicts.jsonl").write_text("<<<<<<< HEAD\n")
    with pytest.raises(RecordError, match="line 1 cannot be read"):
        compared(store)
    assert not Path("runs.log").exists()


def test_a_run_of_further_seeds_that_somebody_interrupted_is_no_fail(store: Store) -> None:
    """Its seeds are not taken either: how far it came is nobody's choice."""
    bank_of(store, accuracy=around(0.98))
    set_runs(accuracy=around(0.94), bits=1)
    result = compared(store)
    cut = {"outcome": "interrupted", "failure": Failure(kind="KeyboardInterrupt", message="", phase="steps")}
    store.write(result.further[0].model_copy(update=cut))
    candidate, left_out = candidate_to_compare(result.benchmark.spec, store)
    assert candidate.order == (0, 1)
    assert len(left_out) == 1  # the bank, of other bits


def test_a_run_that_broke_off_is_no_attempt(store: Store) -> None:
    """A full disk says nothing of the code."""
    bank_of(store, accuracy=around(0.98))
    set_runs(failure={"kind": "DataError", "message": "no rows", "phase": "data"})
    assert compared(store).outcome == "fail"
    assert Ledger(store.folder).attempts() == ()


# Every run that is counted is held against its recipe


def drifting_further_seeds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bank, and other bits as good as it; an optimizer that has taken steps before the first in further seeds."""
    bank_of(store, accuracy=around(0.98))

    def request(request: Request, **more: Any) -> RunRecord:
        set_runs(accuracy=around(0.98), bits=1, live={"iterations": 7} if request.continues else {})
        return fake_runs.fake_run_request(request, **more)

    monkeypatch.setattr(suite, "run_request", request)


DRIFT = "optimizer iterations before the first step: 0 by the spec, 7 live"


def test_a_drift_of_further_seeds_fails_a_comparison_that_would_pass(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifting_further_seeds(store, monkeypatch)
    result = compared(store)
    (further,) = result.further
    assert outcomes(result.checks)["recipe_lock"] == "pass"  # that of the prescribed seeds
    identity, quality = result.checks[-2:]
    assert (identity.outcome, quality.outcome, result.outcome) == ("fail", "fail", "fail")
    assert quality.reason.startswith(f"the recipe drifted: {further.run_id}: seeds 2-3: {DRIFT}. By itself: ")
    assert "4 seeds against a bank of 20" in quality.reason
    assert quality.next_step.startswith("compare library versions and the code")
    assert identity.reason.startswith(f"the recipe drifted in {further.run_id}. By itself: ")
    assert result.compared[0].checks == (identity, quality)
    assert result.compared[0].shown is None


def test_a_drift_is_told_by_every_process_of_a_session_and_binds_no_later_run(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no chance that somebody could try again: as an attempt it counts by its quality alone."""
    drifting_further_seeds(store, monkeypatch)
    repository()
    against = Against(("rolling",))
    result = Session(store, "s1", against=against).result(benchmark(Path.cwd()))
    assert Session(store, "s1", against=against).results() == (result,)
    assert result.outcome == "fail"
    assert [attempt.outcome for attempt in Ledger(store.folder).attempts()] == ["pass"]
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    set_runs(accuracy=around(0.98), bits=1)
    again = compared(store)
    assert again.outcome == "pass"
    assert again.compared[0].shown is not None


def test_what_a_record_does_not_show_of_its_recipe_passes_no_comparison(store: Store) -> None:
    bank_of(store, accuracy=around(0.98))
    set_runs(accuracy=around(0.98), live={"network": None})
    identity, quality = compared(store).checks[-2:]
    assert (identity.outcome, quality.outcome) == ("undecided", "undecided")
    assert quality.reason.startswith("nothing shows that the recipe of the spec ran: ")
    assert "the record lacks what an older version did not write: architecture. By itself: quality of seed" in (
        quality.reason
    )


def test_without_a_baseline_a_drift_is_no_verdict_of_a_comparison(store: Store) -> None:
    set_runs(live={"iterations": 7})
    assert [check.outcome for check in compared(store).checks[-2:]] == ["no_baseline", "no_baseline"]


# Runs of two grounds: something was edited or updated between the run and its further seeds


def an_update_before_further_seeds(store: Store, monkeypatch: pytest.MonkeyPatch, *, accuracy: float = 0.98) -> None:
    """A bank, and other bits as good as it; runs of further seeds are of another keras, and of *accuracy*."""
    bank_of(store, accuracy=around(0.98))
    set_runs(accuracy=around(0.98), bits=1)

    def request(request: Request, **more: Any) -> RunRecord:
        if request.continues:
            set_runs(keras="9.9.9", accuracy=around(accuracy), bits=1)
        return fake_runs.fake_run_request(request, **more)

    monkeypatch.setattr(suite, "run_request", request)


def test_further_seeds_on_another_ground_are_undecided_and_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As good as the bank: what differs alone withholds the pass. And the seeds were paid for, so nothing is raised."""
    an_update_before_further_seeds(store, monkeypatch)
    result = compared(store)
    assert result.record is not None
    (further,) = result.further
    quality = result.checks[-1]
    assert (result.outcome, quality.outcome, quality.seeds_wanted) == ("undecided", "undecided", ())
    assert outcomes(result.checks)["identity_with_rolling"] == "undecided"
    first = result.record.run_id
    assert quality.reason.startswith(f"{first} and {further.run_id} are not one candidate: they differ in numerics, ")
    assert f"Of {first} alone: bits differ, and 2 seeds ran; the first look needs 4" in quality.reason
    assert quality.reason.endswith("Attempt 1 outside any repository (counted, not binding)")
    assert quality.next_step == "run again, and change nothing until it has ended"
    (attempt,) = Ledger(store.folder).attempts()
    assert (attempt.runs, attempt.outcome, attempt.observed) == ((first,), "undecided", "runs of two grounds")
    assert runs() == 3


def test_bad_further_seeds_on_another_ground_accuse_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    an_update_before_further_seeds(store, monkeypatch, accuracy=0.5)
    assert compared(store).outcome == "undecided"


def test_a_session_reads_runs_of_two_grounds_again_as_the_same_verdict(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_update_before_further_seeds(store, monkeypatch)
    against = Against(("rolling",))
    result = Session(store, "s1", against=against).result(benchmark(Path.cwd()))
    assert Session(store, "s1", against=against).results() == (result,)
    assert result.outcome == "undecided"
    assert len(Ledger(store.folder).attempts()) == 1


def test_compare_takes_the_first_ground_of_the_newest_run_and_counts_no_other_attempt(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_update_before_further_seeds(store, monkeypatch)
    result = compared(store)
    assert result.record is not None
    first, (further,) = result.record.run_id, result.further
    why = f"they ran further seeds of {first} and differ from it in numerics"
    for name in (None, first):
        candidate, left_out = candidate_to_compare(result.benchmark.spec, store, name)
        assert [record.run_id for record in candidate.records] == [first]
        assert left_out[further.run_id] == why
    judged = with_comparison(replace(result, further=()), store, Against(("rolling",)), book=True)
    assert judged.outcome == "undecided"
    assert len(Ledger(store.folder).attempts()) == 1
