"""Baselines on disk: the same bytes for the same facts, one change per line, and nothing doubtful is read."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from baseline_examples import baseline_of, run_of
from hypothesis import given
from hypothesis import strategies as st

from bertbench.baseline import (
    Baseline,
    baseline_files,
    baseline_name,
    baseline_text,
    baselines_folder,
    find_baseline,
    read_baseline,
    revision_of,
    write_baseline,
)
from bertbench.errors import BaselineAbsentError, BaselineError, RecordWriteError
from bertbench.spec.fingerprint import recipe, recipe_fingerprint


def other_numerics(baseline: Baseline, digit: str = "9") -> Baseline:
    return baseline.model_copy(
        update={"numerics_fingerprint": digit * 64, "accepted_at": baseline.accepted_at + timedelta(days=1)}
    )


def written(folder: Path, baseline: Baseline | None = None) -> Path:
    return write_baseline(folder, "rolling", baseline or baseline_of({0: 290, 1: 291}))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    baseline = baseline_of()
    path = written(tmp_path, baseline)
    assert path == tmp_path / "rolling" / "seed_card-aaaaaaaa.json"
    assert read_baseline(path) == baseline


def test_text_is_stable_and_sorted() -> None:
    baseline = baseline_of()
    again = Baseline.model_validate_json(baseline_text(baseline))
    assert baseline_text(again) == baseline_text(baseline)
    assert list(json.loads(baseline_text(baseline))) == sorted(json.loads(baseline_text(baseline)))


def test_a_change_is_one_line_of_a_diff_and_a_new_seed_touches_no_other() -> None:
    def changed(one: Baseline, other: Baseline) -> list[str]:
        lines = difflib.ndiff(baseline_text(one).splitlines(), baseline_text(other).splitlines())
        return [line for line in lines if line[0] in "+-"]

    baseline = baseline_of({0: 290, 1: 291})
    assert len(changed(baseline, baseline.model_copy(update={"git_commit": "1" * 40}))) == 2
    longer = baseline_of({0: 290, 1: 291, 2: 292}).model_copy(update={"accepted_at": baseline.accepted_at})
    assert not [line for line in changed(baseline, longer) if line.startswith("-")]


def test_lists_of_numbers_are_on_one_line() -> None:
    text = baseline_text(baseline_of({0: 297}))
    assert '"wrong_rows": [0, 1, 2]' in text
    assert '"label_names": ["billing", "login"]' in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no baseline can be read"),
        ("<<<<<<< HEAD\n{}", "no baseline can be read"),
        ("[]", "no schema version"),
        ("{}", "no schema version"),
        ('{"schema_version": true}', "no schema version"),
        ('{"schema_version": 5}', "schema version 5; this bertbench reads 1, 2, 3 and 4"),
        ('{"schema_version": 0}', "schema version 0; this bertbench reads 1, 2, 3 and 4"),
        ('{"schema_version": 1}', "is no baseline"),
        ('{"schema_version": 1, "schema_version": 1}', "written twice"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = written(tmp_path)
    path.write_text(content)
    with pytest.raises(BaselineError, match=said) as caught:
        read_baseline(path)
    assert caught.value.remedy


def test_a_baseline_of_the_third_schema_is_read_and_all_its_rows_are_taken_for_distinct(tmp_path: Path) -> None:
    path = written(tmp_path)
    fields = json.loads(path.read_text()) | {"schema_version": 3}
    del fields["distinct_validation_rows"]
    path.write_text(json.dumps(fields))
    baseline = read_baseline(path)
    assert (baseline.distinct_validation_rows, baseline.distinct_rows) == (None, 300)


@pytest.mark.parametrize(("distinct", "said"), [("301", "301 distinct rows are more"), ("0", "greater than or equal")])
def test_a_baseline_with_an_impossible_number_of_distinct_rows_is_refused(
    tmp_path: Path, distinct: str, said: str
) -> None:
    path = written(tmp_path)
    path.write_text(
        path.read_text().replace('"distinct_validation_rows": 300', f'"distinct_validation_rows": {distinct}')
    )
    with pytest.raises(BaselineError, match=said):
        read_baseline(path)


def test_the_recipe_is_in_the_file_sorted_and_one_value_per_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = path.read_text()
    assert ' "recipe": {\n  "augmentation": {\n   "deletion_rate": 0.0,\n' in text
    assert '\n   "labels": ["billing", "login"],\n' in text
    spec = run_of({0: 290, 1: 291}).spec
    assert json.loads(text)["recipe"] == read_baseline(path).recipe == recipe(spec)
    assert "seeds" not in recipe(spec)["training"]


def test_a_baseline_of_the_third_schema_is_read_without_its_recipe(tmp_path: Path) -> None:
    path = written(tmp_path)
    fields = json.loads(path.read_text()) | {"schema_version": 3}
    del fields["recipe"]
    path.write_text(json.dumps(fields))
    assert read_baseline(path).recipe is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"learning_rate": 3e-05',
            '"learning_rate": 3e-06',
            "recipe gives the fingerprint [0-9a-f]{12}, not [0-9a-f]{12}",
        ),
        ('"learning_rate": 3e-05', '"learning_rate": NaN', "no baseline"),
        ('"learning_rate": 3e-05,', "", "recipe gives the fingerprint"),
        ('"pooler": "pretrained"', '"pooler": "fresh"', "recipe gives the fingerprint"),
    ],
)
def test_a_recipe_that_does_not_give_the_fingerprint_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = written(tmp_path)
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BaselineError, match=said):
        read_baseline(path)


def test_a_baseline_of_the_first_schema_is_read_without_what_it_has_not(tmp_path: Path) -> None:
    path = written(tmp_path)
    fields = json.loads(path.read_text())
    fields["schema_version"] = 1
    for seed in fields["seeds"]:
        del seed["validation_hits"], seed["epoch_seconds"]
    path.write_text(json.dumps(fields))
    baseline = read_baseline(path)
    assert [seed.validation_hits for seed in baseline.seeds] == [(), ()]
    path.write_text(json.dumps(fields | {"schema_version": 2}))
    with pytest.raises(BaselineError, match="validation_hits are missing"):
        read_baseline(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"validation_hits": [150, 225, 290]',
            '"validation_hits": [150, 225, 289]',
            "ended with 290 hits, and no epoch",
        ),
        ('"validation_hits": [150, 225, 290]', '"validation_hits": [225, 290]', "not of its 3 epochs"),
    ],
)
def test_epochs_that_contradict_the_end_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = written(tmp_path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BaselineError, match=said):
        read_baseline(path)


def test_a_number_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace('"hits": 290', '"hits": 280'))
    with pytest.raises(BaselineError, match="280 hits and 10 wrong rows are not the 300 rows"):
        read_baseline(path)


def test_nan_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text().replace('"train_loss": [0.5', '"train_loss": [NaN'))
    with pytest.raises(BaselineError):
        read_baseline(path)


def test_a_file_that_was_renamed_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    moved = path.rename(path.with_name("other-aaaaaaaa.json"))
    with pytest.raises(BaselineError, match="which its name does not say"):
        read_baseline(moved)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="no baseline can be read"):
        read_baseline(tmp_path / "seed_card-aaaaaaaa.json")


# Which one


def find(folder: Path, numerics: str, spec: str = "seed_card", recipe: str | None = None) -> Baseline:
    """Of a run of these numerics; with a *recipe*, baselines of others are none to compare with."""
    return find_baseline(
        folder,
        "rolling",
        spec=spec,
        numerics_fingerprint=numerics,
        comparable=lambda baseline: recipe in (None, baseline.spec_fingerprint),
    )


def of_recipe(digit: str, *, numerics: str, days: int = 0) -> Baseline:
    """Accepted so many days after the others; what its fingerprint is made of is not known."""
    baseline = other_numerics(baseline_of({0: 290, 1: 291}), numerics)
    accepted = baseline.accepted_at + timedelta(days=days)
    return baseline.model_copy(update={"spec_fingerprint": digit * 64, "recipe": None, "accepted_at": accepted})


def test_the_baseline_of_the_same_numerics_is_preferred(tmp_path: Path) -> None:
    baseline = baseline_of()
    written(tmp_path, baseline)
    written(tmp_path, other_numerics(baseline))
    assert find(tmp_path, "a" * 64).numerics_fingerprint == "a" * 64


def test_of_other_numerics_the_one_accepted_last_is_taken(tmp_path: Path) -> None:
    baseline = baseline_of()
    written(tmp_path, other_numerics(baseline))
    written(tmp_path, baseline)
    assert find(tmp_path, "5" * 64).numerics_fingerprint == "9" * 64


def test_one_to_choose_from_that_cannot_be_read_is_not_skipped(tmp_path: Path) -> None:
    """pytest-benchmark skips a corrupt baseline with a warning."""
    written(tmp_path, other_numerics(baseline_of()))
    written(tmp_path).write_text("{")
    with pytest.raises(BaselineError, match="aaaaaaaa"):
        find(tmp_path, "5" * 64)


@pytest.mark.parametrize("days", [-5, 5])
def test_a_baseline_of_its_numerics_and_another_recipe_hides_no_comparable_one(tmp_path: Path, days: int) -> None:
    """Whichever was accepted first."""
    written(tmp_path, of_recipe("1", numerics="a"))
    written(tmp_path, of_recipe("2", numerics="b", days=days))
    found = find(tmp_path, "a" * 64, recipe="2" * 64)
    assert (found.spec_fingerprint, found.numerics_fingerprint) == ("2" * 64, "b" * 64)


def test_of_other_numerics_the_comparable_one_accepted_last_is_taken(tmp_path: Path) -> None:
    written(tmp_path, of_recipe("2", numerics="b", days=1))
    written(tmp_path, of_recipe("2", numerics="c", days=2))
    written(tmp_path, of_recipe("1", numerics="d", days=3))
    assert find(tmp_path, "5" * 64, recipe="2" * 64).numerics_fingerprint == "c" * 64


def test_its_own_numerics_are_preferred_although_another_was_accepted_later(tmp_path: Path) -> None:
    written(tmp_path, of_recipe("2", numerics="a"))
    written(tmp_path, of_recipe("2", numerics="b", days=1))
    assert find(tmp_path, "a" * 64, recipe="2" * 64).numerics_fingerprint == "a" * 64


@pytest.mark.parametrize(("numerics", "chosen"), [("a", "a"), ("5", "b")])
def test_where_none_is_comparable_one_is_found_whose_difference_can_be_told(
    tmp_path: Path, numerics: str, chosen: str
) -> None:
    written(tmp_path, of_recipe("1", numerics="a"))
    written(tmp_path, of_recipe("2", numerics="b", days=1))
    assert find(tmp_path, numerics * 64, recipe="3" * 64).numerics_fingerprint == chosen * 64


def test_the_file_of_its_numerics_is_not_passed_over_when_it_cannot_be_read(tmp_path: Path) -> None:
    """It may be the one to compare with, and its loss must be seen."""
    written(tmp_path, of_recipe("2", numerics="b"))
    written(tmp_path, of_recipe("2", numerics="a")).write_text("{")
    with pytest.raises(BaselineError, match="aaaaaaaa"):
        find(tmp_path, "a" * 64, recipe="2" * 64)


def test_others_that_cannot_be_read_are_passed_over_only_where_its_own_numerics_have_one(tmp_path: Path) -> None:
    """There they would not be chosen whatever they hold; elsewhere the damaged one may be the one accepted last."""
    written(tmp_path, of_recipe("1", numerics="a"))
    written(tmp_path, of_recipe("2", numerics="b"))
    written(tmp_path, of_recipe("2", numerics="c", days=1)).write_text("{")
    assert find(tmp_path, "a" * 64, recipe="1" * 64).numerics_fingerprint == "a" * 64
    with pytest.raises(BaselineError, match="cccccccc"):
        find(tmp_path, "a" * 64, recipe="2" * 64)


def test_where_no_name_matches_both_sides_are_named(tmp_path: Path) -> None:
    """Anchors, row 1."""
    written(tmp_path)
    with pytest.raises(BaselineAbsentError, match="holds no baseline of helpdesk; it holds seed_card") as caught:
        find(tmp_path, "a" * 64, spec="helpdesk")
    assert "bertbench baseline accept" in caught.value.remedy


def test_no_folder_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(BaselineAbsentError, match="it holds none at all"):
        find(tmp_path / "nowhere", "a" * 64)


def test_other_files_and_specs_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path)
    (path.parent / "README.md").write_text("why")
    (path.parent / "seed_card_two-aaaaaaaa.json").write_text("{")
    assert baseline_files(tmp_path, "rolling", spec="seed_card") == (path,)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "rolling").write_text("a file")
    with pytest.raises(RecordWriteError):
        written(tmp_path)


def test_baselines_are_beside_the_folder_of_specs(tmp_path: Path) -> None:
    assert baselines_folder(tmp_path / "benchmarks" / "specs") == tmp_path.resolve() / "benchmarks" / "baselines"
    assert baselines_folder(tmp_path / "mine") == tmp_path.resolve() / "mine" / "baselines"


@pytest.mark.parametrize("name", ["rolling", "reference", "before-2-21", "a_b"])
def test_names(name: str) -> None:
    assert baseline_name(name) == name


@pytest.mark.parametrize("name", ["", "Rolling", "benchmarks/", "../x", "a b", "here"])
def test_what_is_no_name_or_is_a_path_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that may stand alone takes the word after it, which may be a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(BaselineError, match="no name of a baseline"):
        baseline_name(name)


# Revision


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(
        [shutil.which("git") or "git", "-C", str(folder), *identity, *words], check=True, capture_output=True
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="install git to see commits noted")
def test_the_commit_is_noted_and_whether_tracked_files_differ(tmp_path: Path) -> None:
    git(tmp_path, "init")
    assert revision_of(tmp_path) is None  # no commit yet
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "one")
    clean = revision_of(tmp_path)
    assert clean is not None
    assert (len(clean.commit), clean.dirty) == (40, False)
    (tmp_path / "untracked").write_text("2")
    (tmp_path / "notes.py.txt").write_text("2")
    assert revision_of(tmp_path) == clean
    (tmp_path / "a").write_text("2")
    changed = revision_of(tmp_path)
    assert changed is not None
    assert (changed.commit, changed.dirty) == (clean.commit, True)


@pytest.mark.skipif(shutil.which("git") is None, reason="install git to see commits noted")
@pytest.mark.parametrize("name", ["beside.py", "benchmarks/specs/_base.toml", "src/deep/models.py", "ü ß.py"])
def test_code_and_specs_that_git_does_not_track_are_changes_unless_it_ignores_them(name: str, tmp_path: Path) -> None:
    """Also outside the folder that is asked about."""
    git(tmp_path, "init")
    specs = tmp_path / "benchmarks" / "specs"
    specs.mkdir(parents=True)
    (specs / "small.toml").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    clean = revision_of(specs)
    assert clean is not None
    assert not clean.dirty
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("")
    assert revision_of(specs) == clean.model_copy(update={"dirty": True})
    (tmp_path / ".git" / "info" / "exclude").write_text("*.py\n_*.toml\n")
    assert revision_of(specs) == clean


@pytest.mark.skipif(shutil.which("git") is None, reason="install git to see commits noted")
def test_a_repository_within_the_repository_is_a_change_unless_it_is_ignored(tmp_path: Path) -> None:
    """Git does not look into it: whatever it holds may have been imported."""
    git(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "one")
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init")
    (tmp_path / "other" / "b").write_text("1")
    seen = revision_of(tmp_path)
    assert seen is not None
    assert seen.dirty
    (tmp_path / ".git" / "info" / "exclude").write_text("other/\n")
    assert revision_of(tmp_path) == seen.model_copy(update={"dirty": False})


@pytest.mark.skipif(shutil.which("git") is None, reason="install git to see commits noted")
@pytest.mark.skipif(sys.platform != "linux", reason="names of files are any bytes on Linux alone")
def test_names_that_are_no_text_are_read(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "one")
    folder = os.fsencode(tmp_path)
    for name, dirty in ((b"caf\xe9.txt", False), (b"caf\xe9.py", True)):
        Path(os.fsdecode(folder + b"/" + name)).write_text("")
        seen = revision_of(tmp_path)
        assert seen is not None
        assert seen.dirty == dirty


def test_without_git_or_a_repository_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert revision_of(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision_of(Path(__file__).parent) is None


# Any baseline


@given(st.dictionaries(st.integers(0, 50), st.integers(0, 300), min_size=1, max_size=5), st.text(max_size=20))
def test_any_baseline_comes_back_as_it_was(hits: dict[int, int], word: str) -> None:
    baseline = baseline_of(hits).model_copy(update={"numerics": {"flags": {"odd": word}, "threads": 2, "none": None}})
    assert Baseline.model_validate_json(baseline_text(baseline)) == baseline


@given(st.floats(0, 1, exclude_min=True), st.dictionaries(st.text(max_size=5), st.floats(0.001, 1e300), max_size=3))
def test_any_recipe_still_gives_its_fingerprint_when_it_comes_back(rate: float, weights: dict[str, float]) -> None:
    fields = recipe(run_of({0: 290}).spec)
    fields["optimizer"]["learning_rate"], fields["training"]["class_weights"] = rate, weights
    changes = {"recipe": fields, "spec_fingerprint": recipe_fingerprint(fields)}
    baseline = baseline_of({0: 290}).model_copy(update=changes)
    assert Baseline.model_validate_json(baseline_text(baseline)) == baseline
