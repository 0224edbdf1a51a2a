"""One line per threshold at the session's end; a warning for what is shown flaky, and for nothing else."""

from __future__ import annotations

import json
from typing import Any

import fake_runs
import pytest

import bertbench.stats  # noqa: F401 - before pytester notes which modules were there
from bertbench import cli, suite
from bertbench.record import Failure, Revision, SeedRun
from bertbench.store import Store

AUDIT = ("-o", "bertbench_audit=true")
TWENTY = "--bertbench-seeds=0-19"


@pytest.fixture
def here(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project, in this process: what a line costs is loading scipy, and this file has."""
    monkeypatch.setattr(suite, "run_request", fake_runs.fake_run_request)
    return project


def run(project: pytest.Pytester, *arguments: str, **fake: Any) -> pytest.RunResult:
    (project.path / "fake.json").write_text(json.dumps(fake))
    return project.runpytest_inprocess(*arguments)


def test_a_threshold_with_few_seeds_is_not_known_and_no_warning(here: pytest.Pytester) -> None:
    result = run(here, *AUDIT)
    result.stdout.fnmatch_lines(
        ["card: validation_accuracy_every_seed: not known: 0 of 2 seeds missed it, * spreads from the bar (37.1 are *"]
    )
    result.stdout.no_fnmatch_line("*warning: card*")
    assert result.ret == 0


def test_every_seed_of_the_store_that_is_of_this_code_counts_this_run_included(here: pytest.Pytester) -> None:
    """In no repository a seed in common, of equal bits, shows it."""
    run(here, "--bertbench-seeds=1-9")
    result = run(here, *AUDIT)
    result.stdout.fnmatch_lines(
        ["card: *stable, if seeds are normal: 0 of 10 seeds missed it*; by counts alone it is missed in 0.0% to *"]
    )


def test_seeds_that_nothing_shows_to_be_of_this_code_do_not_count(here: pytest.Pytester) -> None:
    run(here, "--bertbench-seeds=2-9")
    result = run(here, *AUDIT)
    result.stdout.fnmatch_lines(["card: *not known: 0 of 2 seeds missed it*"])
    result.stdout.no_fnmatch_line("*warning: card*")


def test_a_threshold_that_is_shown_flaky_is_a_warning(here: pytest.Pytester) -> None:
    """Although every promise of this run is kept."""
    missing = {str(seed): 0.96 for seed in range(2, 8)}
    run(here, TWENTY, accuracy=missing)
    result = run(here, *AUDIT, accuracy=missing)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(
        ["warning: card: validation_accuracy_every_seed: shown flaky: 6 of 20 seeds missed it*"]
    )


def test_a_threshold_that_is_shown_stable_says_so(here: pytest.Pytester) -> None:
    result = run(here, TWENTY, *AUDIT, accuracy={str(seed): 0.99 + 0.01 * (seed % 2) for seed in range(20)})
    result.stdout.fnmatch_lines(
        ["card: validation_accuracy_every_seed: shown stable, if *: 0 of 20*(3.3 are shown stable)*"]
    )


def write_run_that_ended(project: pytest.Pytester, seed: int, kind: str) -> None:
    """One more run of the store's recipe and of its newest run's clean commit, of one seed that did not complete."""
    store = Store(project.path / ".bertbench")
    done = store.find("card").record
    assert done is not None
    done = done.model_copy(update={"revision": Revision(commit="a" * 40, dirty=False)})
    store.write(done)
    failure = Failure(kind=kind, message="of this seed", phase="steps", seed=seed)
    run = SeedRun(seed=seed, outcome="failed", failure=failure)
    ended = {"run_id": f"{done.run_id}-{seed}", "outcome": "failed", "failure": failure, "seeds": (run,)}
    store.write(done.model_copy(update=ended))


def test_runs_that_ended_in_nan_are_seeds_that_missed_it(here: pytest.Pytester) -> None:
    """Ten of thirty; one that was killed shows nothing of the threshold."""
    spread = {str(seed): 0.99 + 0.01 * (seed % 2) for seed in range(20)}
    run(here, TWENTY, accuracy=spread)
    assert cli.run(["audit", "specs/card.toml"]) == cli.PASS
    write_run_that_ended(here, 40, "ProcessDied")
    assert cli.run(["audit", "specs/card.toml"]) == cli.PASS
    for seed in range(20, 30):
        write_run_that_ended(here, seed, "NonFiniteLossError")
    assert cli.run(["audit", "specs/card.toml"]) == cli.FAIL
    result = run(here, *AUDIT, accuracy=spread)
    result.stdout.fnmatch_lines(
        ["warning: card: *shown flaky: 10 of 30 seeds missed it, 10 of them by NaN or infinity, mean 0.9950, *"]
    )


def promised_over(project: pytest.Pytester, over: str) -> None:
    """The spec's promise, of a whole run."""
    spec = project.path / "specs" / "card.toml"
    spec.write_text(spec.read_text().replace("at_least = 0.97", f'at_least = 0.97\nover = "{over}"'))


def test_a_promise_on_the_mean_has_a_line_and_a_warning_too(here: pytest.Pytester) -> None:
    promised_over(here, "mean")
    spread = {str(seed): 0.99 + 0.01 * (seed % 2) for seed in range(20)}
    result = run(here, TWENTY, *AUDIT, accuracy=spread)  # of 20 prescribed seeds, then
    result.stdout.fnmatch_lines(
        ["card: validation_accuracy_mean: shown stable, if seeds are normal: 0 of 1 runs of 20 seeds missed it*"]
    )
    missing = spread | {str(seed): 0.90 for seed in range(2, 8)}
    run(here, TWENTY, accuracy=missing)
    result = run(here, *AUDIT, accuracy=missing)
    result.stdout.fnmatch_lines(["warning: card: validation_accuracy_mean: shown flaky: 3 of 10 runs of 2 seeds *"])


def test_a_promise_on_the_bound_below_the_mean_too(here: pytest.Pytester) -> None:
    """Two seeds at 0.99 and 1.0 leave it undecided, and with it every such run."""
    promised_over(here, "lower_bound")
    result = run(here, *AUDIT, accuracy={"0": 0.99, "1": 1.0})
    result.stdout.fnmatch_lines(
        ["warning: card: validation_accuracy_lower_bound: shown flaky: 1 of 1 runs of 2 seeds missed it, by a fail*"]
    )


def test_no_line_where_nothing_is_promised_about_quality_or_nobody_wants_it(here: pytest.Pytester) -> None:
    run(here).stdout.no_fnmatch_line("*shown stable)*")
    spec = here.path / "specs" / "card.toml"
    before, _, after = spec.read_text().partition("[[expect]]")
    spec.write_text(before + after[after.index("[[budget]]") :])
    run(here, *AUDIT).stdout.no_fnmatch_line("*shown stable)*")
