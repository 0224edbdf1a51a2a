"""The fixtures for tests of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from bertbench.errors import BertbenchError
from bertbench.pytest_plugin.items import PromiseBroken, noted
from bertbench.pytest_plugin.state import STATE

if TYPE_CHECKING:
    from bertbench.pytest_plugin.state import PluginState
    from bertbench.record import RunRecord
    from bertbench.suite import Result


class BertbenchFixture:
    """What the fixture `bertbench` gives: runs specs, each once per session."""

    def __init__(self, state: PluginState, test: pytest.Item) -> None:
        self._state = state
        self._test = test

    def run(self, source: Any, *, seeds: tuple[int, ...] | None = None) -> Result:
        """Run a spec, or give the session's result if somebody has.

        Args:
            source: A TOML file, relative to the test's folder, or a `bertbench.Spec`.
            seeds: In place of the spec's own and of `--bertbench-seeds`.

        Returns:
            Record and judged promises; the test decides what to make of them. Where there can be none, such as of a
            file that is not there, the test fails with the reason.
        """
        where = self._test.path.parent / source if isinstance(source, (str, Path)) else source
        try:
            result = self._state.result(self._state.benchmark(where, seeds=seeds))
        except BertbenchError as error:
            pytest.fail(str(error), pytrace=False)
        if result.skipped:
            self._skip(result)
        return result

    def _skip(self, result: Result) -> NoReturn:
        """Skip the test; where the spec should have been compared, as an undecided comparison is."""
        undecided = [check for check in result.checks if check.kind == "comparison"]
        for check in undecided[-1:]:  # one test is one item, whatever it would have been compared with
            self._test.user_properties += noted(result, check)
            if self._state.strict:
                pytest.fail(str(PromiseBroken(result, check)), pytrace=False)
        pytest.skip(result.skipped)


@pytest.fixture
def bertbench(request: pytest.FixtureRequest) -> BertbenchFixture:
    """Runs specs for a test of one's own: `bertbench.run("specs/my_model.toml").record`."""
    return BertbenchFixture(request.config.stash[STATE], request.node)


@pytest.fixture
def bertbench_record(request: pytest.FixtureRequest, bertbench: BertbenchFixture) -> RunRecord:
    """The record of the spec that the test's marker names: `@pytest.mark.bertbench("specs/my_model.toml")`."""
    marker = request.node.get_closest_marker("bertbench")
    if marker is None or not marker.args:
        raise pytest.UsageError(
            f"{request.node.nodeid}: the fixture bertbench_record needs @pytest.mark.bertbench('file.toml')"
        )
    result = bertbench.run(marker.args[0], seeds=marker.kwargs.get("seeds"))
    if result.record is None or result.record.outcome != "completed":
        pytest.fail("\n".join(check.reason for check in result.checks if check.outcome == "fail"), pytrace=False)
    return result.record
