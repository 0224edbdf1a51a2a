"""Benchmarks run, repeated, judged and remembered; only the processes that compute are replaced."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import fake_runs
import pytest
from record_maker import make_failed_record, make_record, make_spec

from bertbench import suite
from bertbench.errors import RecordWriteError, SpecError
from bertbench.processes import Request
from bertbench.record import RunRecord
from bertbench.spec import build_spec
from bertbench.store import Store
from bertbench.suite import Benchmark, Session, judge, load_benchmark, result_of, run_benchmark

_TESTS = Path(__file__).parent


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


def set_runs(**fake: Any) -> None:
    Path("fake.json").write_text(json.dumps(fake))


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
    assert list(outcomes(judge(record, None))) == [
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
    assert set(outcomes(judge(record, None)).values()) == {"fail"}
    assert set(outcomes(judge(record, make_record())).values()) == {"fail"}


def test_a_repeat_that_failed_fails_identity() -> None:
    checks = judge(make_record(), make_failed_record())
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


# Sessions


def runs() -> int:
    return len(Path("runs.log").read_text().splitlines())


def test_a_session_runs_each_benchmark_once(store: Store) -> None:
    session = Session(store, "s1")
    first = session.result(benchmark())
    assert not session.knows(benchmark(title="other"))
    assert session.result(benchmark()) is first
    assert session.knows(benchmark())
    session.result(benchmark(title="other"))
    assert runs() == 4  # two, each with its repeat


def test_another_process_of_the_session_reads_what_the_first_one_ran(store: Store) -> None:
    result = Session(store, "s1", workers=2).result(benchmark())
    other = Session(store, "s1", workers=2)
    assert not other.knows(benchmark())
    assert other.result(benchmark()) == result
    assert runs() == 2


def test_another_session_runs_again(store: Store) -> None:
    Session(store, "s1").result(benchmark())
    Session(store, "s2").result(benchmark())
    assert runs() == 4


def test_a_failed_run_is_remembered(store: Store) -> None:
    set_runs(failure={"kind": "DataError", "message": "no rows", "phase": "data"})
    Session(store, "s1").result(benchmark())
    assert Session(store, "s1").result(benchmark()).outcome == "fail"
    assert runs() == 1


def test_a_skipped_run_is_remembered_with_its_reason(store: Store) -> None:
    set_runs(failure={"kind": "DataAbsentError", "message": "set BERTBENCH_DATA", "phase": "data"})
    skipping = benchmark(data={"when_absent": "skip"})
    Session(store, "s1").result(skipping)
    again = Session(store, "s1")
    assert again.result(skipping).skipped == "set BERTBENCH_DATA"
    assert [result.outcome for result in again.results()] == ["skipped"]
    assert runs() == 1


def test_all_results_of_all_processes_are_known_in_the_order_of_their_names(store: Store) -> None:
    for name in ("zebra", "ant", "mole"):
        Session(store, "s1").result(benchmark(name=name))
    results = Session(store, "s1").results()
    assert [result.benchmark.spec.name for result in results] == ["ant", "mole", "zebra"]
    assert all(result.outcome == "pass" for result in results)


def test_a_session_that_ends_leaves_its_records_and_nothing_else(store: Store) -> None:
    session = Session(store, "s1")
    session.result(benchmark())
    session.end()
    assert list((store.folder / "sessions").iterdir()) == []
    assert len(store.entries()) == 2
    session.end()  # and once more does no harm


def test_a_run_that_cannot_be_recorded_is_no_result_and_not_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def no_record(request: Request, **_: Any) -> RunRecord:
        asked.append(request)
        raise RecordWriteError("the run left no record")

    monkeypatch.setattr(suite, "run_request", no_record)
    session = Session(store, "s1")
    for _ in range(3):
        with pytest.raises(RecordWriteError, match="the run left no record"):
            session.result(benchmark())
        assert session.knows(benchmark())
    assert len(asked) == 1
    assert session.results() == ()
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    assert session.result(benchmark(title="other")).outcome == "pass"
    assert Session(store, "s2").result(benchmark()).outcome == "pass"


def test_an_interruption_is_no_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> RunRecord:
        raise KeyboardInterrupt

    monkeypatch.setattr(suite, "run_request", interrupted)
    session = Session(store, "s1")
    with pytest.raises(KeyboardInterrupt):
        session.result(benchmark())
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    assert session.result(benchmark()).outcome == "pass"


def test_a_store_that_cannot_be_made_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("")
    session = Session(Store(tmp_path / "afile" / "store"), "s1")
    with pytest.raises(RecordWriteError, match="cannot be written") as caught:
        session.result(benchmark())
    assert "--store" in caught.value.remedy
    assert session.results() == ()
    session.end()


def test_processes_that_ask_at_once_share_one_run(store: Store, tmp_path: Path) -> None:
    """Four processes, two benchmarks: whoever comes first runs, the others wait for the record."""
    script = f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(_TESTS)!r})
        import fake_runs
        from bertbench import suite
        from bertbench.store import Store
        from test_suite import benchmark
        def slow(request, **more):
            time.sleep(0.5)  # so that all of them ask while one runs
            return fake_runs.fake_run_request(request, **more)
        suite.run_request = slow
        while not Path("go").exists():
            time.sleep(0.01)
        session = suite.Session(Store(Path({str(store.folder)!r})), "s1", workers=4)
        for name in ("one", "two"):
            result = session.result(benchmark(name=name))
            print(name, result.outcome, result.record.run_id)
    """
    line = [sys.executable, "-c", textwrap.dedent(script)]
    processes = [subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    Path("go").touch()
    said = {process.communicate(timeout=120)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 4
    assert len(said) == 1
    assert said.pop().count("pass") == 2
    assert runs() == 4  # two runs and their repeats
