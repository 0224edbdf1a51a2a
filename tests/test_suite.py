"""Benchmarks run, repeated and judged; only the processes that compute are replaced."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from fake_runs import set_runs
from record_maker import make_failed_record, make_record, make_spec

from bertbench import suite
from bertbench.errors import SpecError
from bertbench.processes import Request
from bertbench.record import RunRecord
from bertbench.spec import build_spec
from bertbench.store import Store
from bertbench.suite import Benchmark, load_benchmark, result_of, run_benchmark
from bertbench.verdict import judge_run


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store; runs take milliseconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    return Store(tmp_path / "store")


def benchmark(tmp_path: Path = Path(), **fields: Any) -> Benchmark:
    """Two seeds, one threshold, identity on repeat."""
    promise = {"quantity": "validation_accuracy", "at_least": 0.97}
    spec = build_spec({"name": "card", "training": {"seeds": [0, 1]}, "expect": [promise], **fields})
    return Benchmark(spec, tmp_path)


def outcomes(checks: Any) -> dict[str, str]:
    return {check.name: check.outcome for check in checks}


# One benchmark


def test_a_benchmark_runs_and_its_first_seed_is_repeated(store: Store) -> None:
    result = run_benchmark(benchmark(), store)
    assert result.outcome == "pass"
    assert outcomes(result.checks) == {
        "run": "pass",
        "recipe_lock": "pass",
        "validation_accuracy_every_seed": "pass",
        "identity_on_repeat": "pass",
    }
    assert result.record is not None
    assert result.repeat is not None
    assert result.repeat.repeats == result.record.run_id
    assert [run.seed for run in result.repeat.seeds] == [0]
    assert store.read(result.record.run_id) == result.record


def test_every_seed_is_repeated_if_the_spec_says_so(store: Store) -> None:
    result = run_benchmark(benchmark(identity={"repeat": "every_seed"}), store)
    assert result.repeat is not None
    assert [run.seed for run in result.repeat.seeds] == [0, 1]


def test_a_spec_without_identity_is_not_repeated_and_not_judged_on_it(store: Store) -> None:
    result = run_benchmark(benchmark(identity={"repeat": "no"}), store)
    assert (result.repeat, result.outcome) == (None, "pass")
    assert "identity_on_repeat" not in outcomes(result.checks)


def test_without_a_repeat_that_the_spec_promises_identity_is_undecided(store: Store) -> None:
    result = run_benchmark(benchmark(), store, repeat=False)
    assert outcomes(result.checks)["identity_on_repeat"] == "undecided"
    assert result.outcome == "undecided"
    assert len(store.entries()) == 1


def test_a_recipe_that_drifted_fails_and_is_named(store: Store) -> None:
    set_runs(live={"backend": "jax"})
    result = run_benchmark(benchmark(), store)
    lock = next(check for check in result.checks if check.name == "recipe_lock")
    assert lock.outcome == "fail"
    assert "runtime.backend: 'tensorflow' by the spec, 'jax' live" in lock.reason


def test_other_bits_in_the_repeat_fail(store: Store) -> None:
    set_runs(differs=True)
    assert outcomes(run_benchmark(benchmark(), store).checks)["identity_on_repeat"] == "fail"


def test_a_lower_bound_over_seeds_does_not_stop_a_repeat_of_one(store: Store) -> None:
    """The repeat's spec has one seed, over which there is no bound."""
    promise = {"quantity": "validation_accuracy", "at_least": 0.9, "over": "lower_bound"}
    result = run_benchmark(benchmark(expect=[promise]), store)
    assert outcomes(result.checks) == {
        "run": "pass",
        "recipe_lock": "pass",
        "validation_accuracy_lower_bound": "pass",
        "identity_on_repeat": "pass",
    }


def test_a_failed_run_keeps_no_promise_and_is_not_repeated(store: Store) -> None:
    set_runs(failure={"kind": "NonFiniteLossError", "message": "nan at step 3", "phase": "steps"})
    result = run_benchmark(benchmark(budget=[{"quantity": "step_seconds", "at_most": 1.0}]), store)
    assert set(outcomes(result.checks).values()) == {"fail"}
    assert len(result.checks) == 5
    assert "NonFiniteLossError in phase steps: nan at step 3" in result.checks[0].reason
    assert result.record is not None
    assert {check.next_step for check in result.checks} == {f"bertbench show {result.record.run_id}"}
    assert len(store.entries()) == 1


@pytest.mark.parametrize(
    ("kind", "table", "skipped"),
    [
        ("DataAbsentError", "data", True),
        ("CheckpointAbsentError", "checkpoint", True),
        ("DataAbsentError", "checkpoint", False),
        ("CheckpointAbsentError", "data", False),
        ("DataError", "data", False),
        ("CheckpointError", "checkpoint", False),
    ],
)
def test_only_what_is_absent_is_skipped_and_only_where_the_spec_allows_it(
    store: Store, kind: str, table: str, *, skipped: bool
) -> None:
    """A checkpoint with a wrong digest is there, and wrong: skipping it would hide that."""
    set_runs(failure={"kind": kind, "message": "not here\n  remedy: bring it", "phase": "data"})
    allowing: dict[str, Any] = {table: {"when_absent": "skip"}}
    result = run_benchmark(benchmark(**allowing), store)
    assert (result.outcome == "skipped") == skipped
    if skipped:
        assert result.skipped == "not here\n  remedy: bring it"
        assert (result.record, result.checks) == (None, ())


def test_workers_and_models_folder_reach_the_run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []

    def run_request(request: Request, **more: Any) -> RunRecord:
        asked.append(request)
        return fake_runs.fake_run_request(request, **more)

    monkeypatch.setattr(suite, "run_request", run_request)
    run_benchmark(benchmark(tmp_path), store, workers=3, save_models_to=tmp_path / "models")
    run, repeat = asked
    assert (run.workers, run.base_folder, run.store) == (3, tmp_path, store.folder)
    assert run.save_models_to == tmp_path / "models"
    assert repeat.save_models_to is None  # the same model twice
    assert repeat.workers == 3


# Judging


def test_a_record_is_judged_again_with_its_repeat_from_the_store(store: Store) -> None:
    """As `bertbench show` does."""
    result = run_benchmark(benchmark(), store)
    assert result.record is not None
    again = result_of(store.read(result.record.run_id), store)
    assert again.checks == result.checks
    assert again.repeat == result.repeat


def test_the_checks_are_in_the_order_of_the_spec() -> None:
    spec = make_spec(
        expect=[
            {"quantity": "train_loss", "at_most": 9.0},
            {"quantity": "validation_accuracy", "at_least": 0.5, "epoch": "best"},
        ],
        budget=[{"quantity": "total_seconds", "at_most": 1000.0}],
    )
    record = make_record(spec=spec)
    assert list(outcomes(judge_run(record, None))) == [
        "run",
        "recipe_lock",
        "train_loss_every_seed",
        "validation_accuracy_best_epoch_every_seed",
        "budget_total_seconds",
        "identity_on_repeat",
    ]


@pytest.mark.parametrize("outcome", ["failed", "interrupted", "running"])
def test_what_did_not_complete_never_passes(outcome: str) -> None:
    record = make_failed_record().model_copy(update={"outcome": outcome})
    assert set(outcomes(judge_run(record, None)).values()) == {"fail"}
    assert set(outcomes(judge_run(record, make_record())).values()) == {"fail"}


def test_a_repeat_that_failed_fails_identity() -> None:
    checks = judge_run(make_record(), make_failed_record())
    assert outcomes(checks)["identity_on_repeat"] == "fail"


# Loading


def test_seeds_of_an_option_replace_the_specs_own(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text('name = "card"\n[training]\nseeds = [0]\nepochs = 7\n')
    loaded = load_benchmark(tmp_path / "card.toml", seeds=[4, 5])
    assert loaded.spec.training.seeds == (4, 5)
    assert loaded.spec.training.epochs == 7
    assert loaded.base_folder == tmp_path


def test_seeds_that_break_a_promise_are_refused_with_the_file(tmp_path: Path) -> None:
    promise = '[[expect]]\nquantity = "validation_accuracy"\nat_least = 0.5\nover = "lower_bound"\n'
    (tmp_path / "card.toml").write_text(f'name = "card"\n[training]\nseeds = [0, 1]\n{promise}')
    with pytest.raises(SpecError, match=r"card\.toml with other seeds: .*two seeds or more"):
        load_benchmark(tmp_path / "card.toml", seeds=[4])


def test_a_spec_begins_its_paths_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_benchmark(benchmark().spec).base_folder == tmp_path


def test_key_names_everything_that_shapes_the_result(tmp_path: Path) -> None:
    keys = {
        benchmark(tmp_path).key,
        benchmark(tmp_path / "elsewhere").key,
        benchmark(tmp_path, training={"seeds": [0]}).key,
        benchmark(tmp_path, expect=[]).key,
        benchmark(tmp_path, title="other").key,
    }
    assert len(keys) == 5
    assert benchmark(tmp_path).key in keys


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"engine": "pytorch"}, "with engine pytorch: engine: unknown engine"),
        (
            {"engine": "transformers-tf", "backend": "jax"},
            "with engine transformers-tf and backend jax: runtime.backend",
        ),
        ({"seeds": (1, 1), "backend": "jax"}, "with other seeds and backend jax: training.seeds: expected different"),
    ],
)
def test_what_takes_the_place_of_a_spec_is_named_if_it_is_refused(chosen: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=re.escape(words)):
        load_benchmark(make_spec(), **chosen)


def test_engine_and_backend_take_the_place_of_the_spec_s_own() -> None:
    spec = load_benchmark(make_spec(), engine="keras-hub", backend="torch").spec
    assert (spec.engine, spec.runtime.backend) == ("keras-hub", "torch")
    assert load_benchmark(make_spec()).spec == make_spec()
