"""bertbench in pytest: spec files are collected, every promise is a test item of its own.

Thin on purpose: imports nothing heavy until a spec is asked for, and decides nothing that `bertbench.suite` does not.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bertbench.record import RunRecord
    from bertbench.report.run_progress import RecordProgress
    from bertbench.suite import Benchmark, Result, Session
    from bertbench.verdict import Check

_SESSION_INPUT = "bertbench_session"
_PLUGIN_KEY: pytest.StashKey[BertbenchPlugin] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the group 'bertbench'."""
    group = parser.getgroup("bertbench", "fine-tunes as tests")
    group.addoption(
        "--bertbench-specs",
        action="append",
        default=[],
        metavar="NAME|PATTERN",
        help="run only these specs: names, or patterns of paths such as 'specs/*.toml'; commas or repetition for more",
    )
    group.addoption("--bertbench-seeds", metavar="N[,N...]", help="seeds in place of each spec's own: 0,1,2 or 0-4")
    group.addoption("--bertbench-store", metavar="FOLDER", default=None, help="where records go (default .bertbench)")
    group.addoption("--bertbench-logdir", metavar="FOLDER", default=None, help="write TensorBoard logs here")
    group.addoption("--bertbench-json", metavar="FILE", default=None, help="write all results here, as JSON")
    group.addoption("--bertbench-strict", action="store_true", help="undecided promises fail instead of being skipped")
    parser.addini("bertbench_store", "where records go", default=".bertbench")
    parser.addini("bertbench_logdir", "write TensorBoard logs here; not written if empty", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and the part that has state."""
    config.addinivalue_line(
        "markers", "bertbench(spec, seeds=None): the spec file whose record the fixture bertbench_record gives"
    )
    config.addinivalue_line("markers", "bertbench_spec: carried by every item of a collected spec file; select with -m")
    plugin = BertbenchPlugin(config)
    config.stash[_PLUGIN_KEY] = plugin
    config.pluginmanager.register(plugin, "bertbench_state")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_XdistHooks(plugin), "bertbench_xdist")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """TOML files in a folder `specs`, those named on the command line, and those `--bertbench-specs` names by path.

    A file whose name begins with an underscore is a base for others and no benchmark.
    """
    if file_path.suffix != ".toml" or not parent.config.stash[_PLUGIN_KEY].wants(file_path, parent):
        return None
    return SpecFile.from_parent(parent, path=file_path)


class BertbenchPlugin:
    """What one pytest process knows: its options, the session's results, which items are ours."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._patterns = [p for text in config.getoption("--bertbench-specs") for p in text.split(",") if p]
        self._matched: set[str] = set()
        self._session: Session | None = None
        self._collected = 0
        self._deselected = 0
        self._ran = False
        self._progress: RecordProgress | None = None
        inputs = getattr(config, "workerinput", {})
        self.session_id = inputs.get(_SESSION_INPUT) or uuid.uuid4().hex[:12]
        self.workers = int(inputs.get("workercount", 1))
        self.is_worker = bool(inputs)
        self.seeds = _parsed_seeds(config.getoption("--bertbench-seeds"))
        self.strict = bool(config.getoption("--bertbench-strict"))

    # Options

    @property
    def store_folder(self) -> Path:
        """Where records go: option, then ini, relative to the root folder."""
        chosen = self._config.getoption("--bertbench-store")
        return Path(chosen) if chosen else self._config.rootpath / self._config.getini("bertbench_store")

    @property
    def logdir(self) -> Path | None:
        """Where TensorBoard logs go, if anywhere."""
        chosen = self._config.getoption("--bertbench-logdir")
        ini = self._config.getini("bertbench_logdir")
        return Path(chosen) if chosen else self._config.rootpath / ini if ini else None

    @property
    def session(self) -> Session:
        """The session of all processes, joined when the first spec is run."""
        if self._session is None:
            from bertbench.store import Store
            from bertbench.suite import Session

            self._session = Session(
                Store(self.store_folder), self.session_id, workers=self.workers, watch=self._watch
            )
        return self._session

    def wants(self, path: Path, parent: pytest.Collector) -> bool:
        """Whether a TOML file is a spec to collect, by where it is."""
        if path.name.startswith("_"):
            return False
        return parent.session.isinitpath(path) or path.parent.name == "specs" or bool(self._matching(path, None))

    def selects(self, path: Path, name: str) -> bool:
        """Whether the spec called *name* passes `--bertbench-specs`."""
        matching = self._matching(path, name)
        self._matched.update(matching)
        return not self._patterns or bool(matching)

    def _matching(self, path: Path, name: str | None) -> list[str]:
        with contextlib.suppress(ValueError):
            path = path.relative_to(self._config.invocation_params.dir)
        by_path = [
            p for p in self._patterns if p.endswith(".toml") and fnmatch.fnmatch(path.as_posix(), p.removeprefix("./"))
        ]
        return by_path + [p for p in self._patterns if name is not None and fnmatch.fnmatch(name, p)]

    # Running

    def result(self, benchmark: Benchmark) -> Result:
        """The session's one result of a benchmark, with a progress bar where somebody watches."""
        watched = contextlib.nullcontext() if self.session.knows(benchmark) else self._watched()
        with watched:
            result = self.session.result(benchmark)
        if not result.skipped:
            self._ran = True
        return result

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Let a progress bar through pytest's capturing, below the line that pytest is writing."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        if self.is_worker or capture is None or terminal is None or not terminal.isatty:
            yield
            return
        from rich.console import Console

        from bertbench.report.run_progress import RecordProgress

        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            self._progress = RecordProgress(Console(stderr=True))
            try:
                yield
            finally:
                self._progress.stop()
                self._progress = None

    def _watch(self, record: RunRecord) -> None:
        if self._progress is not None:
            self._progress(record)

    # Hooks

    def pytest_report_header(self) -> str:
        """Where records go, and what was chosen."""
        chosen = f", specs {', '.join(self._patterns)}" if self._patterns else ""
        seeds = f", seeds {','.join(map(str, self.seeds))}" if self.seeds else ""
        return f"bertbench: records in {self.store_folder}{chosen}{seeds}"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Count ours; refuse a selection that selects nothing."""
        self._collected = sum(isinstance(item, PromiseItem) for item in items)
        missing = [pattern for pattern in self._patterns if pattern not in self._matched]
        if missing:
            raise pytest.UsageError(
                f"--bertbench-specs: no collected spec is named or lies at {', '.join(missing)}; "
                "give the folder of the spec files as an argument too"
            )

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Count ours that will not run."""
        self._deselected += sum(isinstance(item, PromiseItem) for item in items)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what was asked for; a session that measured nothing is not green."""
        if self.is_worker or session.config.option.collectonly:
            return
        results = self._results()
        self._write(results)
        if exitstatus == pytest.ExitCode.OK and (problem := self._measured_nothing(results)):
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
            self._problem = problem

    _problem = ""

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table of all promises, and why what did not pass did not."""
        if self.is_worker:
            return
        results = self._results()
        if results:
            _print_results(terminalreporter, results)
        if self._problem:
            terminalreporter.section("bertbench: nothing was measured", red=True)
            terminalreporter.line(self._problem)
        if self._session is not None or results:
            self.session.end()

    def _results(self) -> tuple[Result, ...]:
        """Of all processes; of none if no process ran a spec."""
        if self._session is None and not (self.store_folder / "sessions" / self.session_id).is_dir():
            return ()
        return self.session.results()

    def _measured_nothing(self, results: tuple[Result, ...]) -> str:
        """Why a session without failures is not green all the same; empty if it is."""
        if any(check.outcome == "pass" for result in results for check in result.checks):
            return ""
        if results:
            return "every spec was skipped or undecided; see the reasons above"
        own_choice = any(self._config.getoption(name, None) for name in ("keyword", "markexpr", "deselect"))
        if self._collected and self._deselected >= self._collected and own_choice:
            return ""  # -k, -m and --deselect are the user's own word
        if self._collected:
            return (
                f"{self._collected} items of spec files were collected and none ran: "
                "an option of another plugin skipped or deselected them (pytest-benchmark's --benchmark-only does)"
            )
        return ""

    def _write(self, results: tuple[Result, ...]) -> None:
        json_file = self._config.getoption("--bertbench-json")
        if json_file:
            from bertbench.report.summary import write_summary

            write_summary(Path(json_file), results)
        if self.logdir is not None and results:
            from bertbench.report.logs import write_logs

            for result in results:
                write_logs(result, self.logdir)


class _XdistHooks:
    """Only registered where xdist is, whose hooks pytest would otherwise not know."""

    def __init__(self, plugin: BertbenchPlugin) -> None:
        self._plugin = plugin

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Every worker joins the controller's session."""
        node.workerinput[_SESSION_INPUT] = self._plugin.session_id


class SpecFile(pytest.File):
    """One TOML file."""

    def collect(self) -> Iterator[PromiseItem]:
        """An item for the run, one for each promise."""
        from bertbench.errors import SpecError
        from bertbench.suite import load_benchmark
        from bertbench.verdict import IDENTITY_NAME, budget_name, threshold_name

        plugin = self.config.stash[_PLUGIN_KEY]
        try:
            benchmark = load_benchmark(self.path, seeds=plugin.seeds)
        except SpecError as error:
            raise self.CollectError(str(error)) from None
        spec = benchmark.spec
        if not plugin.selects(self.path, spec.name):
            return
        names = ["run", *map(threshold_name, spec.expect), *map(budget_name, spec.budget)]
        names += [IDENTITY_NAME] if spec.identity.repeat != "no" else []
        for name in names:
            yield PromiseItem.from_parent(self, name=name, benchmark=benchmark)


class PromiseItem(pytest.Item):
    """One promise of one spec. The first item of a file, `run`, carries the time; any item alone runs the spec too."""

    def __init__(self, *, benchmark: Benchmark, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._benchmark = benchmark
        self.add_marker("bertbench_spec")

    def runtest(self) -> None:
        """Fail if the promise is not kept, skip if nothing can be said."""
        plugin = self.config.stash[_PLUGIN_KEY]
        result = plugin.result(self._benchmark)
        if result.skipped:
            pytest.skip(result.skipped)
        check = next(check for check in result.checks if check.name == self.name)
        self._note(result, check)
        if check.outcome == "fail" or (check.outcome != "pass" and plugin.strict):
            raise PromiseBroken(result, check)
        if check.outcome != "pass":
            pytest.skip(f"{check.outcome}: {check.reason}")

    def _note(self, result: Result, check: Check) -> None:
        """Numbers for JUnit."""
        run_id = result.record.run_id if result.record else ""
        for key, value in (
            ("outcome", check.outcome),
            ("observed", check.observed),
            ("promised", check.promised),
            ("reason", check.reason),
            ("run_id", run_id),
        ):
            self.user_properties.append((f"bertbench_{key}", value))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason in words instead of a traceback through this file."""
        if isinstance(excinfo.value, PromiseBroken):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where the item is; a line number, because a skip without one is an internal error of pytest."""
        return self.path, 0, f"{self._benchmark.spec.name}: {self.name}"


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


class BertbenchFixture:
    """What the fixture `bertbench` gives: runs specs, each once per session."""

    def __init__(self, plugin: BertbenchPlugin, folder: Path) -> None:
        self._plugin = plugin
        self._folder = folder

    def run(self, source: Any, *, seeds: tuple[int, ...] | None = None) -> Result:
        """Run a spec, or give the session's result if somebody has.

        Args:
            source: A TOML file, relative to the test's folder, or a `bertbench.Spec`.
            seeds: In place of the spec's own and of `--bertbench-seeds`.

        Returns:
            Record and judged promises; the test decides what to make of them.
        """
        from bertbench.suite import load_benchmark

        where = self._folder / source if isinstance(source, (str, Path)) else source
        result = self._plugin.result(load_benchmark(where, seeds=seeds or self._plugin.seeds))
        if result.skipped:
            pytest.skip(result.skipped)
        return result


@pytest.fixture
def bertbench(request: pytest.FixtureRequest) -> BertbenchFixture:
    """Runs specs for a test of one's own: `bertbench.run("specs/my_model.toml").record`."""
    return BertbenchFixture(request.config.stash[_PLUGIN_KEY], request.path.parent)


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


def _parsed_seeds(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    from bertbench.seed_list import parse_seeds

    try:
        return parse_seeds(text)
    except ValueError as error:
        raise pytest.UsageError(f"--bertbench-seeds: {error}") from None


def _print_results(terminalreporter: Any, results: tuple[Result, ...]) -> None:
    from bertbench.report.terminal import rendered
    from bertbench.report.verdict_table import verdict_reasons, verdict_sentence, verdict_table

    writer = terminalreporter._tw  # noqa: SLF001 - pytest has no public way to ask for the width and colour of its terminal
    terminalreporter.section("bertbench")
    for line in rendered(verdict_table(results), width=writer.fullwidth, colour=writer.hasmarkup).splitlines():
        terminalreporter.line(line)
    for reason in verdict_reasons(results):
        terminalreporter.line(reason)
    terminalreporter.line(verdict_sentence(results))
