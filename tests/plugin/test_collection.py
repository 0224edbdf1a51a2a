"""Which files become benchmarks, and what their items are called."""

from __future__ import annotations

import pytest
from spec_files import write_spec

ITEMS = ["run", "recipe_lock", "validation_accuracy_every_seed", "budget_step_seconds", "identity_on_repeat"]


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


def test_each_promise_is_an_item(project):
    result = project.runpytest_subprocess("--collect-only", "-q")
    assert collected(result) == [f"specs/card.toml::{name}" for name in ITEMS]


def test_collecting_imports_no_backend(project):
    """`pytest --collect-only` must stay fast."""
    project.makepyfile(
        test_modules="""
        import sys
        def test_no_backend():
            assert not {"tensorflow", "keras", "torch", "jax"} & set(sys.modules)
        """
    )
    result = project.runpytest_subprocess("test_modules.py", "specs", "-k", "no_backend")
    result.assert_outcomes(passed=1, deselected=5)


def test_other_toml_files_are_left_alone(project):
    """A pyproject.toml is no benchmark; nor is a base that others extend."""
    (project.path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (project.path / "specs" / "_base.toml").write_text("[training]\nepochs = 3\n")
    result = project.runpytest_subprocess("--collect-only", "-q", "-c", "tox.ini", ".")
    assert len(collected(result)) == 5


def test_a_file_named_on_the_command_line_is_a_spec_wherever_it_lies(project):
    (project.path / "alone.toml").write_text((project.path / "specs" / "card.toml").read_text())
    result = project.runpytest_subprocess("--collect-only", "-q", "alone.toml")
    assert collected(result) == [f"alone.toml::{name}" for name in ITEMS]


def test_a_spec_with_a_mistake_is_an_error_that_names_file_and_key(project):
    write_spec(project.path, "wrong", more="[trainig]\nepochs = 3\n")
    result = project.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*specs/wrong.toml: trainig: unknown key; did you mean training?*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


@pytest.mark.parametrize("chosen", ["other", "specs/other.toml", "oth*", "nothing,other", "*/other.toml"])
def test_specs_are_chosen_by_name_or_path(project, chosen):
    write_spec(project.path, "other")
    write_spec(project.path, "nothing")
    names = collected(project.runpytest_subprocess("--collect-only", "-q", f"--bertbench-specs={chosen}"))
    assert {name.partition("::")[0] for name in names} == {
        f"specs/{name}.toml" for name in (["nothing", "other"] if "nothing" in chosen else ["other"])
    }


def test_choosing_a_spec_that_is_not_there_is_a_usage_error(project):
    """Else a misspelt name would be green."""
    result = project.runpytest_subprocess("--bertbench-specs=crad")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no collected spec is named or lies at crad*"])


@pytest.mark.parametrize(("option", "seeds"), [("3", [3]), ("0,5", [0, 5]), ("2-4", [2, 3, 4])])
def test_seeds_are_chosen_by_option(project, option, seeds):
    project.runpytest_subprocess(f"--bertbench-seeds={option}", "--bertbench-json=out.json")
    import json

    summary = json.loads((project.path / "out.json").read_text())
    assert [seed["seed"] for seed in summary["specs"][0]["seeds"]] == seeds


def test_seeds_that_are_none_are_a_usage_error(project):
    result = project.runpytest_subprocess("--bertbench-seeds=a")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'a' is no list of seeds*"])
