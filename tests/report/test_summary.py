"""The JSON file of a session: what `docs/summary.md` says, and nothing that is no JSON."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from baseline_examples import BANK, ROWS, baseline_of, first_rows_wrong, run_of
from record_maker import make_failed_record, make_record, make_spec

from bertbench.comparing import Compared
from bertbench.errors import RecordWriteError
from bertbench.record import RunRecord
from bertbench.report.summary import SUMMARY_SCHEMA_VERSION, summary, write_summary
from bertbench.suite import Benchmark, Result
from bertbench.verdict import Candidate, Check, compare, judge_run, skipped_comparison
from bertbench.verdict.quality_gate import quality_gate
from bertbench.verdict.shown_quantities import shown_beside

PAGE = (Path(__file__).parents[2] / "docs" / "summary.md").read_text(encoding="utf-8")


def result(record: RunRecord) -> Result:
    return Result(Benchmark(record.spec, Path(), Path("specs/card.toml")), record, None, judge_run(record, None))


def skipped() -> Result:
    return Result(Benchmark(make_spec(), Path()), None, None, (), skipped="set BERTBENCH_DATA")


def documented(of: str) -> set[str]:
    """Every word in code style of the part of the page that begins so."""
    part = (
        PAGE[PAGE.index(of) :].split("\n\n")[0] if of != "A benchmark:" else PAGE[PAGE.index(of) :].split("A check:")[0]
    )
    return set(re.findall(r"`(\w+)`", part))


def test_every_key_is_documented() -> None:
    content = summary([result(make_record())])
    assert set(content) <= set(re.findall(r"`(\w+)`", PAGE.split("A benchmark:")[0]))
    (spec,) = content["specs"]
    assert set(spec) <= documented("A benchmark:")
    assert set(spec["checks"][0]) <= documented("A check:")
    assert set(spec["seeds"][0]) <= documented("A seed:")


def test_it_says_what_the_record_and_the_verdict_say() -> None:
    record = make_record()
    content = summary([result(record)])
    assert content["schema_version"] == SUMMARY_SCHEMA_VERSION
    (spec,) = content["specs"]
    assert (spec["name"], spec["file"], spec["run_id"]) == ("seed_card", "specs/card.toml", record.run_id)
    assert [check["name"] for check in spec["checks"]] == [check.name for check in judge_run(record, None)]
    first = spec["seeds"][0]
    assert (first["seed"], first["epochs"], first["outcome"]) == (0, 20, "completed")
    assert first["validation"] == record.seeds[0].epochs[-1].validation.model_dump()
    assert first["utilization"] == 0.6875


def compared(seeds: int) -> dict[str, Any]:
    """What the file says of a run of the bank's first seeds, nine rows worse each, against the bank."""
    record = run_of({seed: BANK[seed] - 9 for seed in range(seeds)}, bits=1)
    candidate, baseline = Candidate((record,)), baseline_of()
    checks = compare(candidate, baseline, name="rolling", gate=quality_gate(ROWS))
    quality = checks[1]
    wrong = {run.seed: first_rows_wrong(record, run) for run in record.seeds}
    shown = (
        shown_beside(candidate, baseline, margin_points=1.0, quality=quality, wrong_rows=wrong)
        if quality.numbers
        else None
    )
    one = Compared("rolling", *checks, baseline, shown)
    (spec,) = summary([Result(Benchmark(record.spec, Path()), record, None, checks, compared=(one,))])["specs"]
    (found,) = spec["comparisons"]
    return {**found, "numbers": spec["checks"][1]["numbers"]}


def test_a_comparison_has_the_row_that_decides_and_what_is_of_all_seeds_apart() -> None:
    found = compared(8)
    numbers = found.pop("numbers")
    assert set(found) | set(found["deciding_look"]) <= documented("A comparison:")
    assert (found["deciding_look"]["seeds"], found["shown"][0]["seeds"], found["seeds_ran"]) == (4, 8, 8)
    assert found["deciding_look"]["change"] == -numbers["drop_points"] / 100


def test_rows_that_flipped_are_there_of_every_seed() -> None:
    """Of the eight that ran, although four decided."""
    assert compared(8)["flipped_rows"] == [{"seed": seed, "lost": 9, "won": 0} for seed in range(8)]


def test_a_skipped_spec_that_was_to_be_compared_makes_the_whole_undecided() -> None:
    passed = replace(result(make_record()), checks=(Check("run", "run", "pass", "completed", "completed", ""),))
    assert summary([passed, skipped()])["outcome"] == "pass"
    undecided = replace(skipped(), checks=skipped_comparison("rolling", "set BERTBENCH_DATA"))
    assert summary([passed, undecided])["outcome"] == "undecided"


def test_a_comparison_before_the_first_look_decides_nothing() -> None:
    assert (compared(2)["deciding_look"], compared(2)["seeds_ran"], compared(2)["shown"]) == (None, None, [])


def test_a_run_that_failed_is_there_as_far_as_it_got() -> None:
    (spec,) = summary([result(make_failed_record())])["specs"]
    assert spec["outcome"] == "fail"
    assert [seed["outcome"] for seed in spec["seeds"]] == ["completed", "failed"]
    assert spec["seeds"][1]["digests"] is None


def test_what_was_skipped_is_there_with_the_reason_and_is_no_pass() -> None:
    content = summary([skipped()])
    assert content["outcome"] == "undecided"
    assert content["specs"][0]["outcome"] == "skipped"
    assert content["specs"][0]["skipped"] == "set BERTBENCH_DATA"


def test_no_results_are_no_pass() -> None:
    assert summary([])["outcome"] == "undecided"


@pytest.mark.parametrize(("value", "word"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_what_json_has_no_number_for_is_a_word(tmp_path: Path, value: float, word: str) -> None:
    check = Check("a", "threshold", "fail", "nan", ">= 0.9", "no possible value", observed_value=value)
    record = make_failed_record()
    run = record.seeds[1]
    broken = run.epochs[0].model_copy(update={"train": run.epochs[0].train.model_copy(update={"loss": value})})
    record = record.model_copy(update={"seeds": (run.model_copy(update={"epochs": (broken,)}),)})
    write_summary(tmp_path / "all.json", [Result(Benchmark(record.spec, Path()), record, None, (check,))])
    content: Any = json.loads((tmp_path / "all.json").read_text(), parse_constant=pytest.fail)
    (spec,) = content["specs"]
    assert spec["checks"][0]["observed_value"] == word
    assert spec["seeds"][0]["train"]["loss"] == word


def test_folders_are_made_and_a_former_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "some" / "where" / "all.json"
    for count in (1, 2):
        write_summary(file, [skipped()] * count)
        assert len(json.loads(file.read_text())["specs"]) == count
    assert [path.name for path in file.parent.iterdir()] == ["all.json"]


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordWriteError, match=r"file/all\.json: cannot be written"):
        write_summary(tmp_path / "file" / "all.json", [])
    with pytest.raises(RecordWriteError, match=r"cannot be written"):
        write_summary(tmp_path, [])
