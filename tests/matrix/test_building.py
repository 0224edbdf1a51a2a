"""From a store to a matrix: which runs, held against what, and what is said."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import psutil
import pytest
from baseline_examples import BANK
from matrix_examples import COMMIT, failed_in, run_in, store_of

from bertbench.errors import RecordError
from bertbench.matrix.building import build_matrices
from bertbench.matrix.choosing import choose
from bertbench.matrix.fields import Cell, Matrix
from bertbench.record import Revision, RunRecord

OTHER = Revision(commit="b" * 40, dirty=False)


def matrix_of(folder: Path, *records: RunRecord, reference: str | None = None, commit: str | None = None) -> Matrix:
    store = store_of(folder, *records)
    (matrix,) = build_matrices(choose(store, commit=commit), store, reference=reference)
    return matrix


def cell(matrix: Matrix, part: str) -> Cell:
    (found,) = [cell for cell in matrix.cells if part in cell.name]
    return found


def test_equal_bits_are_equal_quality(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, run_in("1", python="3.12.1"), run_in("2"))
    first, second = matrix.cells
    assert first.is_reference
    assert "py312" in first.name  # of equal versions the newest Python's
    assert second.quality is not None
    assert second.quality.observed == "unchanged"
    assert (first.group, second.group) == ("A", "A")
    assert matrix.outcome == "pass"
    assert matrix.separations == (
        "native on tensorflow: all 2 environments share one digest (A), whatever their python",
    )


def test_other_bits_of_few_seeds_are_undecided(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, run_in("1"), run_in("2", keras="3.12.4", bits=1))
    other = cell(matrix, "keras3.12")
    assert (other.group, other.outcome) == ("B", "undecided")
    assert other.quality is not None
    assert "a bank of 2 seeds says nothing of quality: 20 are needed" in other.quality.reason
    assert "0-19" in other.quality.next_step
    assert "seed 0: losses and predictions and weights differ" in other.differs
    assert matrix.outcome == "undecided"
    assert "all environments with keras < 3.15.1 share one digest" in matrix.separations[0]


def test_environments_without_a_common_seed_are_not_told_apart(tmp_path: Path) -> None:
    elsewhere = run_in("2", keras="3.12.4", bits=1, hits={5: 290})
    (said,) = matrix_of(tmp_path / "alone", run_in("1"), elsewhere).separations
    assert said == "no seed ran in both of A and B, so whether their bits differ is not known"
    beside = run_in("3", keras="3.13.0", bits=2)
    told, left_out = matrix_of(tmp_path / "beside", run_in("1"), elsewhere, beside).separations
    assert told.startswith("native on tensorflow, of A and C: all environments with keras < 3.15.1 share one digest (C")
    assert left_out.startswith("no seed ran in both of A and B, nor of B and C")


def test_engines_without_a_common_seed_are_not_told_apart(tmp_path: Path) -> None:
    jax = run_in("2", backend="jax", bits=1, hits={5: 290}, tensorflow=None, jax="0.10.2")
    assert matrix_of(tmp_path, run_in("1"), jax).separations == (
        "no seed ran in both of A and B, so whether their bits differ is not known",
    )


def test_a_bank_decides_in_either_direction(tmp_path: Path) -> None:
    same = run_in("2", keras="3.12.4", bits=1, hits=BANK)
    worse = run_in("3", keras="3.13.0", bits=2, hits={seed: hits - 15 for seed, hits in BANK.items()})
    matrix = matrix_of(tmp_path, run_in("1", hits=BANK), same, worse)
    assert cell(matrix, "keras3.12").outcome == "pass"
    bad = cell(matrix, "keras3.13")
    assert bad.outcome == "fail"
    assert bad.quality is not None
    assert "the runs of py311-tf2.21-keras3.15-native" in bad.quality.reason
    assert matrix.outcome == "fail"


def drifted(record: RunRecord) -> RunRecord:
    """The same, but that its optimizer had taken steps before the first."""
    seeds = tuple(run.model_copy(update={"live_recipe": run.live_recipe | {"iterations": 7}}) for run in record.seeds)
    return record.model_copy(update={"seeds": seeds})


def test_an_environment_is_no_worse_only_if_every_run_of_it_ran_as_specified(tmp_path: Path) -> None:
    """The newest did, and the promises are held against that one."""
    first, second = ({seed: BANK[seed] for seed in seeds} for seeds in (range(10), range(10, 20)))
    older = drifted(run_in("2", keras="3.12.4", bits=1, hits=first))
    matrix = matrix_of(tmp_path, run_in("1", hits=BANK), older, run_in("3", keras="3.12.4", bits=1, hits=second))
    other = cell(matrix, "keras3.12")
    assert next(check.outcome for check in other.promises if check.name == "recipe_lock") == "pass"
    assert other.quality is not None
    assert (other.quality.outcome, other.quality.observed) == ("fail", "recipe drifted")
    assert "the recipe drifted: 2: seeds 0-9: optimizer iterations" in other.quality.reason


def test_a_reference_that_drifted_is_no_bank(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, drifted(run_in("1")), run_in("2", keras="3.12.4"))
    quality = cell(matrix, "keras3.12").quality
    assert quality is not None
    assert quality.outcome == "undecided"
    assert "the reference is no bank: 1: its recipe drifted: seeds 0-1: optimizer iterations" in quality.reason


def test_a_reference_whose_record_does_not_show_its_recipe_is_accused_of_nothing(tmp_path: Path) -> None:
    record = run_in("1")
    seeds = tuple(run.model_copy(update={"evidence": None}) for run in record.seeds)
    older = record.model_copy(update={"seeds": seeds})
    quality = cell(matrix_of(tmp_path, older, run_in("2", keras="3.12.4")), "keras3.12").quality
    assert quality is not None
    assert quality.outcome == "undecided"
    assert "the reference is no bank: 1: its recipe is not shown: " in quality.reason


def test_the_error_rate_is_shared_among_all_cells(tmp_path: Path) -> None:
    others = [run_in(f"{n}", keras=f"3.{n}.0", bits=n, hits=BANK) for n in (2, 3, 4)]
    two = matrix_of(tmp_path / "2", run_in("1", hits=BANK), others[0])
    four = matrix_of(tmp_path / "4", run_in("1", hits=BANK), *others)
    levels = [cell(matrix, "keras3.2").quality.numbers["fail_level"] for matrix in (two, four)]  # type: ignore[union-attr]
    assert levels[1] == pytest.approx(levels[0] / 3)


def test_specs_that_share_the_projects_rate_are_as_many_as_it_gates_or_as_are_shown(tmp_path: Path) -> None:
    """Whichever leaves less for one: two of three gated specs spend no more than two thirds."""
    store = store_of(tmp_path, run_in("1", hits=BANK), run_in("2", python="3.12.1", bits=1, hits=BANK))
    chosen = choose(store)
    levels = {}
    for gated in (1, 3):
        for shown in (1, 2):
            matrix = build_matrices([*chosen] * shown, store, gated_specs=gated)[0]
            quality = next(one.quality for one in matrix.cells if one.quality is not None)
            levels[gated, shown] = quality.numbers["fail_level"]
    assert levels[1, 2] == pytest.approx(levels[1, 1] / 2)
    assert levels[3, 1] == levels[3, 2] == pytest.approx(levels[1, 1] / 3)


def test_a_missing_library_is_a_row_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    message = "engine keras-hub: keras-hub is not installed (>=0.25 is needed)"
    missing = failed_in("2", message, engine="keras-hub", keras_hub=None)
    matrix = matrix_of(tmp_path, run_in("1"), missing, run_in("3", python="3.12.1"))
    broken = cell(matrix, "keras-hub")
    assert not broken.completed
    assert message in broken.promises[0].reason
    assert (broken.group, broken.seeds, broken.accuracy, broken.step_seconds) == (None, 0, None, None)
    assert broken.outcome == "fail"
    assert cell(matrix, "py311-tf2.21-keras3.15-native").outcome == "pass"


def test_engines_and_backends_are_not_set_apart_by_packages(tmp_path: Path) -> None:
    jax = run_in("2", backend="jax", bits=1, tensorflow=None, jax="0.10.2")
    matrix = matrix_of(tmp_path, run_in("1"), jax, run_in("3", engine="keras-hub", bits=2, keras_hub="0.32.0"))
    assert matrix.separations == (
        (
            "between engines and backends no package decides, but what computes: native on tensorflow A; "
            "keras-hub on tensorflow B; native on jax C"
        ),
    )
    assert [cell.environment.engine for cell in matrix.cells] == ["native", "keras-hub", "native"]


def test_steps_are_compared_on_one_machine_only_and_only_if_undisturbed(tmp_path: Path) -> None:
    slower = run_in("2", python="3.12.1", step_seconds=0.25)
    elsewhere = run_in("3", python="3.13.0", machine="other", step_seconds=0.5)
    disturbed = run_in("4", python="3.10.13", workers=2)
    matrix = matrix_of(tmp_path, run_in("1"), slower, elsewhere, disturbed, reference="py311")
    assert cell(matrix, "py312").step_ratio == pytest.approx(2.0)
    assert cell(matrix, "py313").step_ratio is None
    assert cell(matrix, "py313").step_seconds == pytest.approx(0.5)
    assert cell(matrix, "py310").step_seconds is None


def test_a_later_run_of_one_environment_takes_its_place(tmp_path: Path) -> None:
    """Its seeds are joined where the code is known to be one; other bits are another code, whatever the commit says."""
    more = matrix_of(tmp_path / "a", run_in("1", hits={0: 290}), run_in("2", hits={1: 291}))
    assert cell(more, "native").seeds == 2
    other = matrix_of(tmp_path / "b", run_in("1", hits={0: 290}), run_in("2", hits={0: 291}, bits=1))
    assert cell(other, "native").runs == ("2",)
    assert "other bits" in other.left_out["1"]


def test_further_seeds_in_another_environment_are_left_out_and_named(tmp_path: Path) -> None:
    further = run_in("2", keras="3.12.4", changes={"continues": "1"})
    matrix = matrix_of(tmp_path, run_in("1"), further)
    assert [cell.runs for cell in matrix.cells] == [("1",)]
    assert matrix.left_out == {"2": "they ran further seeds of 1 and differ from it in numerics"}


def test_runs_of_the_newest_commit_are_taken_or_of_the_one_asked_for(tmp_path: Path) -> None:
    old = run_in("1", keras="3.12.4")
    new = run_in("2", changes={"revision": OTHER})
    assert [cell.runs for cell in matrix_of(tmp_path, old, new).cells] == [("2",)]
    asked = matrix_of(tmp_path, old, new, commit="aaaa")
    assert asked.revision == COMMIT
    assert [cell.runs for cell in asked.cells] == [("1",)]
    with pytest.raises(
        RecordError, match="no run at commit cccc; there are runs at commit bbbbbbbbbb, commit aaaaaaaaaa"
    ):
        choose(store_of(tmp_path), commit="cccc")
    with pytest.raises(RecordError, match="4 digits or more"):
        choose(store_of(tmp_path), commit="a")


def test_other_recipes_and_other_rows_are_told_apart(tmp_path: Path) -> None:
    data = run_in("2").data
    assert data is not None
    rows = run_in("2", python="3.12.1", changes={"data": data.model_copy(update={"sha256": "f" * 64})})
    matrix = matrix_of(tmp_path, run_in("1"), rows, reference="py311")
    other = cell(matrix, "py312")
    assert other.outcome == "undecided"
    assert other.quality is not None
    assert "another data" in other.quality.reason
    assert other.quality.next_step == ""  # more seeds would not help


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [("py312", "is no environment"), ("py311", "2 environments begin so"), ("", "2 environments")],
)
def test_a_reference_that_is_none_is_refused(tmp_path: Path, wanted: str, problem: str) -> None:
    with pytest.raises(RecordError, match=problem):
        matrix_of(tmp_path, run_in("1"), run_in("2", keras="3.12.4"), reference=wanted)


def test_without_a_completed_run_there_is_no_reference(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, failed_in("1", "broken"))
    assert matrix.reference is None
    assert matrix.outcome == "fail"


def test_a_reference_that_failed_shows_nothing(tmp_path: Path) -> None:
    matrix = matrix_of(tmp_path, failed_in("1", "broken", python="3.12.1"), run_in("2"), reference="py312")
    other = cell(matrix, "py311")
    assert other.outcome == "undecided"
    assert other.quality is not None
    assert "the reference shows nothing" in other.quality.reason


def test_repeats_and_faults_are_no_environments(tmp_path: Path) -> None:
    repeat = run_in("2", keras="3.12.4", changes={"repeats": "1"})
    faulty = run_in("3", keras="3.13.0", changes={"fault": "drop_rows"})
    assert len(matrix_of(tmp_path, run_in("1"), repeat, faulty).cells) == 1


def test_a_killed_run_is_a_row(tmp_path: Path) -> None:
    killed = run_in("2", python="3.12.1", changes={"outcome": "running", "seeds": ()})
    gone = killed.process.model_copy(update={"host": platform.node(), "pid": 2**22 + 1})
    matrix = matrix_of(tmp_path, run_in("1"), killed.model_copy(update={"process": gone}))
    assert "is gone" in cell(matrix, "py312").promises[0].reason


@pytest.mark.parametrize(
    ("lives", "outcome", "observed"),
    [(True, "undecided", "the repeat still runs"), (False, "fail", "the repeat is failed")],
)
def test_a_repeat_that_still_runs_is_undecided_and_one_that_was_killed_failed(
    tmp_path: Path, lives: bool, outcome: str, observed: str
) -> None:
    first = run_in("1")
    spec = first.spec.model_copy(update={"identity": first.spec.identity.model_copy(update={"repeat": "first_seed"})})
    first = first.model_copy(update={"spec": spec})
    here = {"host": platform.node(), "pid": os.getpid(), "started": psutil.Process().create_time() - 60 * (not lives)}
    changes = {"repeats": "1", "outcome": "running", "seeds": (), "process": first.process.model_copy(update=here)}
    (only,) = matrix_of(tmp_path, first, run_in("2", changes=changes)).cells
    check = only.promises[-1]
    assert (check.name, check.outcome, check.observed) == ("identity_on_repeat", outcome, observed)


def test_a_spec_is_named_by_file_or_by_name(tmp_path: Path) -> None:
    store = store_of(tmp_path, run_in("1"))
    assert choose(store, ["seed_card"])[0].benchmark == choose(store)[0].benchmark
    with pytest.raises(RecordError, match="no spec of that name ran; what ran: seed_card"):
        choose(store, ["helpdesk"])
    with pytest.raises(RecordError, match="holds no runs that have ended"):
        choose(store_of(tmp_path / "empty"))
