"""The commands that make the tables of docs/method.md: they run, they say what they did, they write only their part."""

from __future__ import annotations

import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from record_maker import make_record, make_seed

from bertbench.selftest.measuring import FEWEST_FOR_DROP
from bertbench.stats import FreshRun, audit_threshold
from bertbench.store import Store

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
COMMANDS = ("audit_rates.py", "gate_rates.py", "interval_coverage.py")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Gives a command as a module, with its neighbours to be found."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def module(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"tables_{name}", BENCHMARKS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, made)  # dataclasses look their module up
        spec.loader.exec_module(made)
        return made

    return module


def lines_of(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]


def test_gate_rates_add_up_and_repeat(load, capsys: pytest.CaptureFixture[str]) -> None:
    command = load("gate_rates")
    arguments = ["--trials", "20", "--banks", "3", "--bank-trials", "10"]
    command.main(arguments)
    printed = capsys.readouterr().out
    rows = [cells for cells in lines_of(printed) if len(cells) == 6 and cells[0] != "truth"]
    assert len(rows) == 43
    for cells in rows:
        rates = [float(cell.split(" ")[0]) for cell in cells[1:4]]
        assert sum(rates) == pytest.approx(100, abs=0.1)
        assert 4 <= float(cells[4]) <= 20
    command.main(arguments)
    assert capsys.readouterr().out == printed


def test_a_missed_promise_is_said(load) -> None:
    """On twenty runs nothing is close: a margin lost by a spec without spread always fails, and never passes."""
    command = load("gate_rates")
    certain = command.one("one row", 3.0, "same", spread_points=0.1)
    seen = command.rates(certain, 20, command.np.random.default_rng(0))
    assert command.kept(command.Case("", certain.checks, "same"), seen).startswith("**missed: fail <= 1 %, pass >= 95")
    assert command.kept(command.Case("", certain.checks, "point"), seen) == "kept"
    assert command.kept(command.Case("", certain.checks), seen) == "no goal"


def test_speed_is_a_part_of_the_verdict_where_it_is_judged(load) -> None:
    """Quality alone passes; steps that take twice the time fail the run, and equal ones leave it as it was."""
    command = load("gate_rates")
    fine = command.one("", 0.0, "same", spread_points=0.1).checks
    same, twice = (command.SpeedScenario(command.speed_rule(), 0.01, slowdown=slowdown) for slowdown in (0.0, 1.0))
    for speed, word in (((), "passed"), ((same,), "passed"), ((same, twice), "fail")):
        seen = command.rates(command.Case("", fine, "same", speed), 10, command.np.random.default_rng(0))
        assert getattr(seen, word).rate == 1.0


def test_estimates_of_looks_that_decided_lie_too_far_out(load, capsys: pytest.CaptureFixture[str]) -> None:
    """At a spread of 0.8 and a true drop of 0.5 points fails print about a point, passes a sixth of one."""
    command = load("stopped_estimates")
    command.main(trials=1_000)
    rows = {tuple(cells[:2]): cells[2:] for cells in lines_of(capsys.readouterr().out)[2:]}
    assert len(rows) == len(command.TRUTHS)
    fails, passes, undecided, of_all, covers = rows["0.8 points", "0.5 points"]
    share, estimate = fails.split("%, ")
    assert float(share) == pytest.approx(15, abs=4)
    assert float(estimate) == pytest.approx(0.97, abs=0.08)
    assert float(passes.split("%, ")[1]) == pytest.approx(0.17, abs=0.08)
    assert sum(float(one.split("%")[0]) for one in (fails, passes, undecided)) == pytest.approx(100, abs=0.2)
    assert float(of_all) == pytest.approx(0.45, abs=0.06)
    assert float(covers.rstrip("%")) == pytest.approx(99.2, abs=0.9)


def test_coverage_names_interval_sample_and_truth(load, capsys: pytest.CaptureFixture[str]) -> None:
    command = load("interval_coverage")
    sys.modules["coverage_draws"].TRUTH_DRAWS = 20_000
    command.main(["--cases", "10"])
    rows = [cells for cells in lines_of(capsys.readouterr().out) if cells[0] != "interval"]
    assert len(rows) > 100
    for cells in rows:
        assert re.search(r"\(.*\d+ (seeds|pairs|trials|processes)\)", cells[0])
        assert float(cells[3].split(" ")[0]) >= 30


def test_audit_rates_are_of_bars_on_both_sides_of_1_percent_and_repeat(
    load, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = load("audit_rates")
    monkeypatch.setattr(command, "TRUTH_RUNS", 5_000)
    command.main(["--cases", "50"])
    printed = capsys.readouterr().out
    rows = [cells for cells in lines_of(printed) if cells[0] != "promise"]
    assert len(rows) == len(command.CASES) * len(command.TRUTHS)
    for cells in rows:
        (flaky, kept), (stable, missed) = (map(float, cell.removesuffix(")").split(" (")) for cell in cells[3:])
        assert 0 <= kept <= 1 < missed
        assert 0 <= min(flaky, stable) <= max(flaky, stable) <= 100
    command.main(["--cases", "50"])
    assert capsys.readouterr().out == printed


def test_audit_rates_give_the_words_of_the_audit(load) -> None:
    """Sample by sample, of the mean; at a bar on a number of rows."""
    command = load("audit_rates")
    promise = command.Promise("mean", 5, command.TRUTHS[0])
    samples = promise.truth.draw(np.random.default_rng(3), 40 * 20).reshape(40, 20)
    words = set()
    for hits in (1336, 1342, 1346):
        bar = np.round(hits / 1500, 9)
        flaky, stable = promise.words(samples, bar)
        for sample, is_flaky, is_stable in zip(samples, flaky, stable, strict=True):
            missed = (promise.observed(sample.reshape(4, 5)) < bar).tolist()
            word = audit_threshold(sample, bar - 1e-9, rows=300, fresh_run=FreshRun(5, "mean", missed)).word
            assert word == ("shown flaky" if is_flaky else "shown stable" if is_stable else "not known")
            words.add(word)
    assert len(words) == 3


def test_an_interval_that_is_not_printed_is_not_counted(load) -> None:
    command = load("interval_coverage")
    told = iter([None, True, None, None, False, True])
    case = command.Case("", 0.95, "", lambda _generator: next(told))
    assert command.held(case, 3, np.random.default_rng(0)) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_without_marks_is_refused_before_anything_is_counted(name: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks\n")
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / name), "--out", str(page)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"made by benchmarks/{name}" in done.stderr
    assert page.read_text() == "no marks\n"


def test_what_people_wrote_stays(load) -> None:
    between = load("marked").between_marks
    page = "before\n<!-- made by x -->\nold\n<!-- end of what x made -->\nafter\n"
    made = between(page, "new", mark="x")
    assert made == "before\n<!-- made by x -->\n\nnew\n<!-- end of what x made -->\nafter\n"
    assert between(made, "new", mark="x") == made


@pytest.mark.parametrize("name", COMMANDS)
def test_method_has_the_tables(name: str) -> None:
    """As made by the command, at full size."""
    page = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    _, begin, rest = page.partition(f"<!-- made by benchmarks/{name} -->")
    table, end, _ = rest.partition(f"<!-- end of what benchmarks/{name} made -->")
    assert begin
    assert end
    assert f"`python benchmarks/{name} --" in table
    assert ("--trials 20000" in table) or ("--cases 10000" in table)


def test_method_has_the_lines_that_the_commands_now_make(load) -> None:
    """A case that was added, or renamed, is not in the page until the table is made again."""
    page = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    first_cells = {cells[0] for cells in lines_of(page)}
    rates = load("gate_rates")
    wanted = {case.words for cases in (rates.whole_runs, rates.more_asked, rates.grid) for case in cases()}
    assert wanted - first_cells == set()
    coverage = load("interval_coverage")
    assert {case.interval for case in (*coverage.of_seeds(), *coverage.of_others())} - first_cells == set()


def test_coverage_is_of_the_fewest_seeds_that_a_self_test_prints_for(load) -> None:
    load("interval_coverage")
    assert sys.modules["coverage_of_seeds"].FEWEST_FOR_EFFECT == FEWEST_FOR_DROP


def rounds_of(rounds: int, *, slower: float, spread: float = 0.01, disturbed: int = 0) -> list[dict[str, object]]:
    """Step times of rounds with a fault that slows by so much; the first ones disturbed, and absurd."""
    noise = np.random.default_rng(1).normal(0.0, spread, (rounds, 3))
    factors = {"clean": 1.0, "steps-5-percent-slower": 1 + slower, "steps-2-percent-slower": 1 + slower}
    return [
        {
            "seconds": {side: factor * math.exp(one) for (side, factor), one in zip(factors.items(), row, strict=True)},
            "disturbed": [],
        }
        if number >= disturbed
        else {"seconds": dict.fromkeys(factors, 100.0 + number), "disturbed": ["clean: other processes"]}
        for number, row in enumerate(noise)
    ]


def speed_table(load, capsys: pytest.CaptureFixture[str], **rounds: float) -> tuple[str, list[list[str]]]:
    command = load("speed_trials")
    command.DRAWS = 200
    command._show(rounds_of(60, **rounds))
    printed = capsys.readouterr().out
    return printed, lines_of(printed)[2:]


def test_trials_of_speed_fail_where_steps_are_slower_and_only_there(load, capsys: pytest.CaptureFixture[str]) -> None:
    _, (same, unmoved, five, _, two, _) = speed_table(load, capsys, slower=0.06)
    for row in (same, unmoved):
        assert int(row[4].split(" / ")[0]) == 0
    for row in (five, two):
        assert row[5] == "100.0%"
        fails, passes = (int(number) for number in row[4].split(" (")[0].split(" / ")[:2])
        assert fails >= 3, "60 pairs are several trials"
        assert passes == 0
        assert "+5." in row[3] or "+6." in row[3]


def test_pairs_are_moved_to_the_slowdown_that_the_fault_is_named_after(
    load, capsys: pytest.CaptureFixture[str]
) -> None:
    _, rows = speed_table(load, capsys, slower=0.09)
    assert [row[0] for row in rows[1::2]] == ["the same, moved to " + to for to in ("no change", "5%", "2%")]
    assert [row[3].split()[0] for row in rows[1::2]] == ["+0.0%", "+5.0%", "+2.0%"]
    assert [row[1:3] for row in rows[1::2]] == [row[1:3] for row in rows[::2]], "the same pairs, with the same spread"


def test_disturbed_rounds_are_counted_and_decide_nothing(load, capsys: pytest.CaptureFixture[str]) -> None:
    printed, rows = speed_table(load, capsys, slower=0.0, disturbed=5)
    assert printed.startswith("60 rounds, 5 disturbed; spread of the other clean processes ")
    assert [row[1] for row in rows] == ["27", "27", "55", "55", "55", "55"]
    unmoved = (rows[0], rows[2], rows[4])
    assert all(float(row[5].rstrip("%")) < 2 for row in unmoved)


def test_no_trial_is_begun_that_may_run_out_of_pairs(load) -> None:
    """Else of the trials at the end only those that decide quickly would be counted."""
    command = load("speed_trials")
    spread = 0.03
    pairs = np.random.default_rng(3).normal(math.log(1.05), spread, 400)
    longest = command.pairs_needed(command.spread_if_unchanged(np.abs(pairs)), command.RULE.question)
    for number in (longest - 1, longest, 2 * longest, 400):
        trials = list(command._disjoint(list(pairs[:number])))
        begun = np.cumsum([0, *(trial.pairs for trial in trials)])[:-1]
        own = command.pairs_needed(command.spread_if_unchanged(np.abs(pairs[:number])), command.RULE.question)
        assert all(number - used >= own for used in begun)
        assert all(trial.planned_pairs[-1] in (None, trial.pairs) for trial in trials)
        assert bool(trials) == (number >= own)


def test_rounds_with_some_faults_add_to_those_alone(load, capsys: pytest.CaptureFixture[str]) -> None:
    command = load("speed_trials")
    command.DRAWS = 200
    rounds = rounds_of(60, slower=0.06)
    for one in rounds[20:]:
        del one["seconds"]["steps-2-percent-slower"]
    command._show(rounds)
    rows = lines_of(capsys.readouterr().out)[2:]
    assert [row[1] for row in rows] == ["30", "30", "60", "60", "20", "20"]


def test_one_round_has_no_spread_and_decides_nothing(load, capsys: pytest.CaptureFixture[str]) -> None:
    load("speed_trials")._show(rounds_of(1, slower=0.06))
    printed = capsys.readouterr().out
    assert printed.startswith("1 rounds, 0 disturbed; spread of the other clean processes -")
    assert all(row[2:] == ["-"] * 7 for row in lines_of(printed)[2:])


def test_an_unknown_fault_is_refused_before_any_round(load, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["speed_trials.py", "--keep", "times.jsonl", "--faults", "steps-slower"])
    with pytest.raises(SystemExit):
        load("speed_trials")._options()
    assert "some of steps-5-percent-slower, steps-2-percent-slower were expected" in capsys.readouterr().err


# Engines


@pytest.fixture
def engines(load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs `engine_equivalence` with imagined runs; gives status and text. `losses` adds to those of an engine."""
    command = load("engine_equivalence")
    losses: dict[str, float] = {}

    def imagined(request):
        seeds = tuple(make_seed(seed, epochs=request.spec.training.epochs) for seed in request.spec.training.seeds)
        seeds = tuple(
            run.model_copy(
                update={
                    "steps": run.steps.model_copy(
                        update={"loss": tuple(loss + losses.get(request.spec.engine, 0.0) for loss in run.steps.loss)}
                    )
                }
            )
            for run in seeds
        )
        record = make_record(spec=request.spec, seeds=seeds, run_id=request.run_id)
        store = Store(request.store)
        store.write(record)
        return record

    monkeypatch.setattr(command, "run_request", imagined)
    monkeypatch.setattr(command, "_compare_quality", lambda engine, store: None)

    def run(*arguments: str) -> tuple[int, str]:
        out = tmp_path / "page.md"
        out.write_text("<!-- made by engine_equivalence -->\n<!-- end of what engine_equivalence made -->\n")
        monkeypatch.setattr(sys, "argv", ["x", "--store", str(tmp_path / "store"), "--out", str(out), *arguments])
        return command.main(), out.read_text()

    run.losses = losses
    return run


def test_engines_that_did_not_run_are_said_to_be_so(engines) -> None:
    status, text = engines()
    assert status == 0
    assert text.count("not run") == 4 * 3 + 4 * 2 + 3


def test_losses_further_apart_than_allowed_are_said(engines) -> None:
    engines.losses["keras-hub"] = 1e-3
    status, text = engines("--run", "native", "keras-hub")
    rows = {cells[0]: cells for cells in lines_of(text)[:6]}
    assert rows["native"][1] == "0.0e+00, 0.0e+00"
    assert rows["keras-hub"][1] == "1.0e-03, 1.0e-03; allowed 2e-05: **too far**"
    assert rows["keras-hub"][3].startswith("1.0e-03, 1.0e-03; allowed 0.005, since it squares gradients")
    assert status == 1
