"""What stands on either side, and how its processes are started. Real Pythons, real repositories, no fine-tune."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_bench import write_small_bench

from bertbench.ab.git_trees import checked_out, repository_of
from bertbench.ab.sides import for_speed, open_sides
from bertbench.errors import SideError, SpecError
from bertbench.spec import read_spec, spec_fingerprint

PACKAGE = Path(sys.modules["bertbench"].__file__ or "").parent


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    line = [shutil.which("git") or "git", "-C", str(folder), *who, *words]
    answer = subprocess.run(line, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


@pytest.fixture
def bench(tmp_path: Path, tiny_bert_folder: Path) -> Path:
    """`bench/specs/small.toml`, and beside it `other.toml` with a smaller batch."""
    folder = tmp_path / "bench" / "specs"
    write_small_bench(folder, tiny_bert_folder, training__seeds=(3, 4))
    write_small_bench(folder, tiny_bert_folder, name="other", training__batch_size=4)
    return folder / "small.toml"


@pytest.fixture
def repository(bench: Path) -> Path:
    """`bench` as a repository of two commits: the second trains for three epochs, not two, and is tagged `new`."""
    folder = bench.parents[1]
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    bench.write_text(bench.read_text().replace("epochs = 2", "epochs = 3"))
    git(folder, "commit", "-qam", "second")
    git(folder, "tag", "new")
    return folder


# What a process runs


def test_a_process_runs_the_first_seed_and_promises_nothing(bench: Path) -> None:
    spec = read_spec(bench)
    ours = for_speed(spec, epochs=None, where="here")
    assert (ours.training.seeds, ours.expect, ours.budget) == ((3,), (), ())
    assert spec_fingerprint(ours) == spec_fingerprint(spec)
    fewer = for_speed(spec, epochs=1, where="here")
    assert fewer.training.epochs == 1
    assert spec_fingerprint(fewer) != spec_fingerprint(spec)


def test_no_epochs_are_refused(bench: Path) -> None:
    with pytest.raises(SpecError, match=r"here: training\.epochs"):
        for_speed(read_spec(bench), epochs=0, where="here")


# Specs


def test_two_specs_run_by_this_python(bench: Path) -> None:
    with open_sides(base=str(bench), cand=str(bench.with_name("other.toml")), spec=None) as sides:
        base, cand = sides["base"], sides["cand"]
        assert (base.facts.kind, cand.facts.kind) == ("spec", "spec")
        assert (base.spec.name, cand.spec.name) == ("small", "other")
        assert base.facts.interpreter == base.command[0] == sys.executable
        assert base.facts.spec_fingerprint != cand.facts.spec_fingerprint
        assert base.facts.code_sha256 == cand.facts.code_sha256
        assert base.base_folder == bench.parent
        assert base.environment is None


# Interpreters


def test_an_interpreter_is_run_with_its_own_packages(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those on PYTHONPATH would be the same on both sides, and A/A passes."""
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    with open_sides(base=sys.executable, cand=str(bench), spec=bench) as sides:
        environment = sides["base"].environment
        assert environment is not None
        assert "PYTHONPATH" not in environment
        assert environment["PATH"] == os.environ["PATH"]
        assert sides["base"].facts.kind == "interpreter"
        assert sides["base"].facts.bertbench_version
        assert sides["base"].spec.name == "small"


def test_a_link_to_an_interpreter_stays_a_link(bench: Path, tmp_path: Path) -> None:
    """Resolved, a virtual environment's Python is the system's, with the system's packages."""
    link = tmp_path / "python"
    link.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    link.chmod(0o755)
    other = tmp_path / "linked"
    other.symlink_to(link)
    with open_sides(base=str(other), cand=str(bench), spec=bench) as sides:
        assert sides["base"].facts.interpreter == sides["base"].command[0] == str(other)


def test_an_interpreter_without_bertbench_is_refused_with_the_way_to_get_it(bench: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'bertbench'\" >&2\nexit 1\n")
    python.chmod(0o755)
    with (
        pytest.raises(SideError, match="cannot load bertbench: ModuleNotFoundError") as caught,
        open_sides(base=str(python), cand=str(bench), spec=bench),
    ):
        pytest.fail("it was opened")
    assert caught.value.remedy == f"{python} -m pip install 'bertbench[tensorflow]'"


def test_a_side_knows_its_own_recipe_whatever_epochs_are_asked_for(bench: Path) -> None:
    with open_sides(base=str(bench), cand=str(bench), spec=None, epochs=1) as sides:
        facts = sides["base"].facts
        assert facts.recipe_fingerprint == spec_fingerprint(read_spec(bench))
        assert facts.spec_fingerprint == spec_fingerprint(sides["base"].spec) != facts.recipe_fingerprint


@pytest.mark.parametrize("given", ["no/such/python", "main"])
def test_what_is_no_side_is_refused(bench: Path, given: str) -> None:
    with (
        pytest.raises(SideError, match="is no program, and it is neither git:REV nor a spec"),
        open_sides(base=str(bench), cand=given, spec=bench),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize("given", [sys.executable, "git:HEAD"])
def test_a_side_that_is_no_spec_needs_one(bench: Path, given: str) -> None:
    with (
        pytest.raises(SideError, match="a spec to run is missing"),
        open_sides(base=str(bench), cand=given, spec=None),
    ):
        pytest.fail("it was opened")


def test_a_spec_that_is_not_there_is_refused(bench: Path) -> None:
    with (
        pytest.raises(SpecError, match="there is no such spec"),
        open_sides(base=str(bench), cand="none.toml", spec=None),
    ):
        pytest.fail("it was opened")


# Revisions


def test_a_revision_brings_its_own_spec_and_rows(bench: Path, repository: Path) -> None:
    with open_sides(base="git:HEAD~1", cand="git:new", spec=bench) as sides:
        base, cand = sides["base"], sides["cand"]
        assert (base.spec.training.epochs, cand.spec.training.epochs) == (2, 3)
        assert base.facts.commit == git(repository, "rev-parse", "HEAD~1")
        assert base.facts.spec_file == "specs/small.toml"
        assert (base.base_folder / "train.jsonl").exists()
        assert len(str(base.base_folder)) == len(str(cand.base_folder))
        assert base.base_folder != bench.parent


def test_trees_are_gone_afterwards_whatever_happened(bench: Path, repository: Path) -> None:
    seen: list[Path] = []

    def interrupted() -> None:
        with open_sides(base="git:HEAD~1", cand="git:HEAD", spec=bench) as sides:
            seen.extend(side.base_folder for side in sides.values())
            assert all(folder.exists() for folder in seen)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(folder.exists() for folder in seen)
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == ""


def test_a_tree_whose_checkout_was_cut_off_is_gone_too(repository: Path) -> None:
    """Git locks it meanwhile, and takes no locked tree away unless it is told twice."""
    with checked_out(repository, "HEAD", name="base") as tree:
        git(repository, "worktree", "lock", "--reason", "initializing", str(tree.folder))
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_the_first_tree_is_gone_if_the_second_cannot_be_had(bench: Path, repository: Path) -> None:
    with (
        pytest.raises(SideError, match="nosuch"),
        open_sides(base="git:HEAD", cand="git:nosuch", spec=bench),
    ):
        pytest.fail("it was opened")
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_revision_runs_the_bertbench_of_its_tree(bench: Path, repository: Path) -> None:
    """Where the repository is bertbench's own; its worker is what the process runs."""
    package = repository / "bertbench"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "version.py").write_text('VERSION = "9.9"\n')
    (package / "worker.py").write_text('def main():\n    print("mine")\n    return 7\n')
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "third")
    with open_sides(base="git:new", cand="git:HEAD", spec=bench) as sides:
        assert sides["cand"].facts.bertbench_version == "9.9"
        assert sides["base"].facts.package == str(PACKAGE)
        ran = subprocess.run(sides["cand"].command, capture_output=True, text=True, check=False, cwd=repository.parent)
        assert (ran.returncode, ran.stdout) == (7, "mine\n")


def test_a_revision_is_never_taken_for_an_option(repository: Path) -> None:
    with pytest.raises(SideError), checked_out(repository, "--output=x", name="base"):
        pytest.fail("it was checked out")


def test_hooks_of_the_repository_do_not_run(repository: Path, tmp_path: Path) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with checked_out(repository, "HEAD", name="base") as tree:
        assert (tree.folder / "specs" / "small.toml").exists()
    assert not (tmp_path / "ran").exists()


def test_a_spec_outside_any_repository_has_no_revisions(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(bench.parents[2]))
    with pytest.raises(SideError, match="not a git repository"):
        repository_of(bench)


def test_without_git_there_are_no_revisions(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bertbench.ab.git_trees.shutil.which", lambda _name: None)
    with pytest.raises(SideError, match="install git"):
        repository_of(bench)


# What does not answer


@pytest.mark.parametrize(("script", "said"), [("exit 0", "did not answer"), ("echo hello", "did not answer")])
def test_a_program_that_is_no_python_is_told(bench: Path, tmp_path: Path, script: str, said: str) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(SideError, match=said), open_sides(base=str(program), cand=bench, spec=bench):
        pass


def test_a_file_that_cannot_be_started_is_told(bench: Path, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with pytest.raises(SideError, match="cannot be started"), open_sides(base=str(program), cand=bench, spec=bench):
        pass


def test_a_link_out_of_the_repository_is_told(repository: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.toml"
    outside.write_text((repository / "specs" / "small.toml").read_text())
    link = repository / "specs" / "link.toml"
    link.symlink_to(outside)
    with pytest.raises(SideError), open_sides(base="git:HEAD", cand=link, spec=link):
        pass
