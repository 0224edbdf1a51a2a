"""What one pytest process knows: its options, the session's results, and whether anything was measured."""

from __future__ import annotations

import contextlib
import fnmatch
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bertbench.errors import BertbenchError
from bertbench.pytest_plugin.options import parsed_against, parsed_engine, parsed_seeds
from bertbench.pytest_plugin.seen import Seen, is_spec_item

if TYPE_CHECKING:
    from rich.table import Table

    from bertbench.ab.measuring import Progress
    from bertbench.record import RunRecord
    from bertbench.report.run_progress import RecordProgress
    from bertbench.session import Session
    from bertbench.spec import Spec
    from bertbench.suite import Benchmark, Result

_SESSION_INPUT = "bertbench_session"
#: Exit status where nothing failed and a comparison could not decide. Not the command line's 3, an internal error of
#: pytest's, and no small number, since pytest goes on to give those a meaning (6: too many warnings).
UNDECIDED = 30


class PluginState:
    """What one pytest process knows: its options, the session's results, and what it saw pass by."""

    def __init__(self, config: pytest.Config, seen: Seen) -> None:
        self._config = config
        self._seen = seen
        self._patterns = [p for text in config.getoption("--bertbench-specs") for p in text.split(",") if p]
        self._matched: set[str] = set()
        self._session: Session | None = None
        self._ran = False
        self._problems: dict[str, str] = {}
        self._progress: RecordProgress | None = None
        self._refused: BertbenchError | None = None
        inputs = getattr(config, "workerinput", {})
        self.session_id = inputs.get(_SESSION_INPUT) or uuid.uuid4().hex[:12]
        self.workers = int(inputs.get("workercount", 1))
        self.is_worker = bool(inputs)
        self.seeds = parsed_seeds(config.getoption("--bertbench-seeds"))
        self.engine = parsed_engine(config.getoption("--bertbench-engine"))
        self.backend = config.getoption("--bertbench-backend")
        self._against = parsed_against(config)
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

    def benchmark(self, source: Path | str | Spec, *, seeds: Sequence[int] | None = None) -> Benchmark:
        """A spec with what the session's options, or the caller, put in place of its own.

        Raises:
            SpecError: If it describes no possible benchmark.
        """
        from bertbench.suite import load_benchmark

        return load_benchmark(source, seeds=seeds or self.seeds, engine=self.engine, backend=self.backend)

    def baselines_of(self, spec: str, folder: Path) -> tuple[str, ...]:
        """Names of the baselines that a spec is compared with."""
        return self._against.names_for(spec, folder) if self._against else ()

    @property
    def gates_speed(self) -> bool:
        """Whether every spec is held against a side in speed, too."""
        return self._against is not None and self._against.speed is not None

    @property
    def session(self) -> Session:
        """The session of all processes, joined when the first spec is run."""
        if self._session is None:
            from bertbench.session import Session
            from bertbench.store import Store

            self._session = Session(
                Store(self.store_folder),
                self.session_id,
                workers=self.workers,
                watch=self._watch,
                against=self._against,
                show_pairs=self._show_pairs,
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
        if self._refused is not None:
            raise self._refused.with_traceback(None)
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

    def _show_pairs(self) -> AbstractContextManager[Progress]:
        """One bar at a time, where somebody watches."""
        if self._progress is None:
            return contextlib.nullcontext(lambda _done, _planned: None)
        from rich.console import Console

        from bertbench.report.ab_progress import PairProgress

        self._progress.stop()
        return PairProgress(Console(stderr=True))

    # Hooks

    def pytest_report_header(self) -> str:
        """Where records go, and what was chosen."""
        chosen = f", specs {', '.join(self._patterns)}" if self._patterns else ""
        seeds = f", seeds {','.join(map(str, self.seeds))}" if self.seeds else ""
        engine = f", engine {self.engine}" if self.engine else ""
        backend = f", backend {self.backend}" if self.backend else ""
        named = self._against and (self._against.names or self._against.declared)
        names = ", ".join(named or ()) or "rolling, and reference where there is one"
        speed = f", speed with {self._against.speed.side}" if self._against and self._against.speed else ""
        compared = f", compared with {names}{speed}" if self._against else ""
        return f"bertbench: records in {self.store_folder}{chosen}{seeds}{engine}{backend}{compared}"

    def pytest_collection_modifyitems(self) -> None:
        """Refuse a selection that selects nothing."""
        missing = [pattern for pattern in self._patterns if pattern not in self._matched]
        if missing:
            raise pytest.UsageError(
                f"--bertbench-specs: no collected spec is named or lies at {', '.join(missing)}; "
                "give the folder of the spec files as an argument too"
            )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse more specs than share the error rate, and a base that there is not; of a worker, its items say so."""
        files = sorted({item.path for item in session.items if is_spec_item(item)})
        if self._against is not None and not session.config.option.collectonly:
            from bertbench.gated_speed import refuse_missing_base

            try:
                setting = f"bertbench_gated_specs = {len(files)} in pytest's ini file"
                self._against.refuse_more_specs(len(files), setting=setting)
                if self._against.speed is not None:
                    refuse_missing_base(self._against.speed, files)
            except BertbenchError as error:
                if not self.is_worker:  # xdist would tell of a worker's usage error as of one that is gone
                    raise pytest.UsageError(str(error)) from None
                self._refused = error

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what was asked for; a session that measured nothing, or lost a spec with a baseline, is not green."""
        if self.is_worker or session.config.option.collectonly:
            return
        results = self._results()
        problems: list[tuple[str, str, int]] = [
            ("what was asked for could not be written", self._not_written(results), pytest.ExitCode.TESTS_FAILED),
            ("baselines without a spec", self._orphaned(results), pytest.ExitCode.TESTS_FAILED),
        ]
        if exitstatus == pytest.ExitCode.OK:
            title, problem = self._nothing_done(results)
            problems.append((title, problem, pytest.ExitCode.NO_TESTS_COLLECTED))
            problems.append(("undecided", self._undecided(), UNDECIDED))
        for title, problem, status in problems:
            if problem:
                self._problems[title] = problem
                if session.exitstatus == pytest.ExitCode.OK:
                    session.exitstatus = status

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table of all promises, and why what did not pass did not."""
        if self.is_worker:
            return
        results = self._results()
        if results:
            _print_results(terminalreporter, results)
            if self._config.getini("bertbench_audit"):
                self._print_audit(terminalreporter, results)
        for title, problem in self._problems.items():
            terminalreporter.section(f"bertbench: {title}", red=True)
            terminalreporter.line(problem)
        if self._session is not None or results:
            self.session.end()

    def _print_audit(self, terminalreporter: Any, results: tuple[Result, ...]) -> None:
        """One line for each threshold, by the store's seeds of this code; a warning for *shown flaky*.

        That a few seeds leave a threshold *not known* is what few seeds do, and nothing to warn of.
        """
        from bertbench.report.audit_table import audit_line
        from bertbench.verdict.audit import audit_spec

        for result in results:
            spec = result.benchmark.spec
            if result.skipped or not spec.expect:
                continue  # nothing to audit, and scipy need not be loaded
            for threshold in audit_spec(spec, self.session.store.runs_of(spec, completed=False)).thresholds:
                flaky = threshold.word == "shown flaky"
                terminalreporter.line(f"{'warning: ' if flaky else ''}{audit_line(spec.name, threshold)}", yellow=flaky)

    def _results(self) -> tuple[Result, ...]:
        """Of all processes; of none if no process ran a spec."""
        if self._session is None and not (self.store_folder / "sessions" / self.session_id).is_dir():
            return ()
        return self.session.results()

    def _nothing_done(self, results: tuple[Result, ...]) -> tuple[str, str]:
        """What a session without failures did not do, and why it is not green therefore; empty if it is."""
        if results and not any(check.outcome == "pass" for result in results for check in result.checks):
            return "nothing was measured", "every spec was skipped or undecided; see the reasons above"
        seen = self._seen
        own_choice = any(self._config.getoption(name, None) for name in ("keyword", "markexpr", "deselect"))
        if results or (own_choice and seen.deselected >= seen.collected):
            return "", ""  # -k, -m and --deselect are the user's own word
        if seen.collected:
            return "nothing was measured", (
                f"{seen.collected} items of spec files were collected and none ran: "
                "an option of another plugin skipped or deselected them (pytest-benchmark's --benchmark-only does)"
            )
        if self._against:
            return "nothing was compared", (
                "--bertbench-compare was given, and no spec was collected; "
                "give the folder of the spec files as an argument, or leave the option out"
            )
        return "", ""

    def _undecided(self) -> str:
        """Which comparisons that were selected are neither a pass nor a fail, and what to do; empty if none."""
        if not self._seen.undecided:
            return ""
        told = "\n".join(f"{item}\n  next: {step or 'see above'}" for item, step in self._seen.undecided.items())
        return (
            f"{told}\nneither a pass nor a fail: the session is not green and ends with {UNDECIDED}; "
            "under --bertbench-strict each is a failure"
        )

    def _orphaned(self, results: tuple[Result, ...]) -> str:
        """Which baselines no spec answers for: a benchmark that is gone is compared by nobody. Empty if none."""
        if self._against is None:
            return ""
        from bertbench.orphans import orphaned_baselines

        files = ", ".join(map(str, orphaned_baselines(results, self._against, self._seen.folders)))
        return f"{files}: no spec of this name is left; put the spec back, or remove the file" if files else ""

    def _not_written(self, results: tuple[Result, ...]) -> str:
        """Write what was asked for; why what could not be written was not, empty if all was.

        A view that cannot be written takes neither the other view away nor the verdict.
        """
        problems = [_why_not_written(write, results) for write in (self._write_json, self._write_logs)]
        return "\n".join(filter(None, problems))

    def _write_json(self, results: tuple[Result, ...]) -> None:
        json_file = self._config.getoption("--bertbench-json")
        if json_file:
            from bertbench.report.summary import write_summary

            write_summary(Path(json_file), results)

    def _write_logs(self, results: tuple[Result, ...]) -> None:
        if self.logdir is not None and results:
            from bertbench.report.logs import write_logs

            for result in results:
                write_logs(result, self.logdir)


class XdistHooks:
    """Only registered where xdist is, whose hooks pytest would otherwise not know."""

    def __init__(self, plugin: PluginState, seen: Seen) -> None:
        self._plugin = plugin
        self._seen = seen

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Every worker joins the controller's session."""
        node.workerinput[_SESSION_INPUT] = self._plugin.session_id

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker is done; one that crashed tells nothing."""
        self._seen.take_in(getattr(node, "workeroutput", {}))


#: Where the state is found.
STATE: pytest.StashKey[PluginState] = pytest.StashKey()


def _why_not_written(write: Callable[[tuple[Result, ...]], None], results: tuple[Result, ...]) -> str:
    try:
        write(results)
    except BertbenchError as error:
        return str(error)
    return ""


def _print_results(terminalreporter: Any, results: tuple[Result, ...]) -> None:
    from bertbench.report.one_verdict import comparison_tables, one_sentence
    from bertbench.report.terminal import rendered
    from bertbench.report.verdict_table import verdict_reasons, verdict_sentence, verdict_table

    writer = terminalreporter._tw  # noqa: SLF001 - pytest has no public way to ask for the width and colour of its terminal

    def show(table: Table) -> None:
        for line in rendered(table, width=writer.fullwidth, colour=writer.hasmarkup).splitlines():
            terminalreporter.line(line)

    terminalreporter.section("bertbench")
    show(verdict_table(results))
    for reason in verdict_reasons(results):
        terminalreporter.line(reason)
    for table in comparison_tables(results):
        show(table)
    terminalreporter.line(verdict_sentence(results))
    if sentence := one_sentence(results):
        terminalreporter.line(sentence)
