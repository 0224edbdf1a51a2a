"""A spec file and its promises as pytest sees them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from bertbench.errors import BertbenchError, SpecError
from bertbench.pytest_plugin.seen import SPEC_MARKER
from bertbench.pytest_plugin.state import STATE

if TYPE_CHECKING:
    from bertbench.suite import Benchmark, Result
    from bertbench.verdict import Check


class SpecFile(pytest.File):
    """One TOML file."""

    def collect(self) -> Iterator[PromiseItem]:
        """An item for the run, one for each promise."""
        from bertbench.verdict import (
            IDENTITY_NAME,
            RECIPE_LOCK_NAME,
            SPEED_NAME,
            budget_name,
            identity_name,
            quality_name,
            threshold_name,
        )

        state = self.config.stash[STATE]
        try:
            benchmark = state.benchmark(self.path)
        except SpecError as error:
            raise self.CollectError(str(error)) from None
        spec = benchmark.spec
        if not state.selects(self.path, spec.name):
            return
        names = ["run", RECIPE_LOCK_NAME, *map(threshold_name, spec.expect), *map(budget_name, spec.budget)]
        names += [IDENTITY_NAME] if spec.identity.repeat != "no" else []
        baselines = state.baselines_of(spec.name, benchmark.baselines_folder)
        names += [named(other) for other in baselines for named in (identity_name, quality_name)]
        names += [SPEED_NAME] if state.gates_speed else []
        for name in names:
            yield PromiseItem.from_parent(self, name=name, benchmark=benchmark)


class PromiseItem(pytest.Item):
    """One promise of one spec. The first item of a file, `run`, carries the time; any item alone runs the spec too."""

    def __init__(self, *, benchmark: Benchmark, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._benchmark = benchmark
        self.add_marker(SPEC_MARKER)

    def runtest(self) -> None:
        """Fail if the promise is not kept, skip if nothing can be said."""
        state = self.config.stash[STATE]
        result = state.result(self._benchmark)
        if result.skipped and self.name not in {check.name for check in result.checks}:
            pytest.skip(result.skipped)  # its promises; comparisons that were asked for are undecided
        check = next(check for check in result.checks if check.name == self.name)
        self.user_properties += noted(result, check)
        if check.outcome in ("fail", "no_baseline") or (check.outcome != "pass" and state.strict):
            raise PromiseBroken(result, check)
        if check.outcome != "pass":
            pytest.skip(f"{check.outcome}: {check.reason}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason in words instead of a traceback through our files."""
        if isinstance(excinfo.value, (PromiseBroken, BertbenchError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where the item is; a line number, because a skip without one is an internal error of pytest."""
        return self.path, 0, f"{self._benchmark.spec.name}: {self.name}"


def noted(result: Result, check: Check) -> list[tuple[str, object]]:
    """What a report keeps of a check: for JUnit, and for whoever counts comparisons that are undecided."""
    facts = {
        "kind": check.kind,
        "outcome": check.outcome,
        "observed": check.observed,
        "promised": check.promised,
        "reason": check.reason,
        "next_step": check.next_step,
        "run_id": result.record.run_id if result.record else "",
    }
    in_full = {"observed_value": check.observed_value, "promised_value": check.promised_value}
    numbers = {key: value for key, value in in_full.items() if value is not None} | dict(check.numbers)
    return [(f"bertbench_{key}", value) for key, value in (facts | numbers).items()]


class PromiseBroken(Exception):  # noqa: N818 - read by people in a report
    """A promise that was not kept, in words."""

    def __init__(self, result: Result, check: Check) -> None:
        run_id = result.record.run_id if result.record else "-"
        lines = [
            f"{result.benchmark.spec.name}: {check.name}: {check.outcome}",
            f"  promised {check.promised}, observed {check.observed}",
            f"  {check.reason}",
            f"  next: {check.next_step}" if check.next_step else "",
            f"  record: {run_id}",
        ]
        super().__init__("\n".join(line for line in lines if line))
