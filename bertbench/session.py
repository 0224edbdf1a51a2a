"""One run per spec and session, however many processes ask for it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from bertbench.atomic import explained, write_atomically
from bertbench.comparing import Against
from bertbench.errors import BertbenchError
from bertbench.gated_speed import GatedSpeed, ShowPairs, kept_speed
from bertbench.processes import Watch
from bertbench.spec import Spec
from bertbench.store import Store
from bertbench.suite import Benchmark, Result, result_of, run_and_compare, with_comparison
from bertbench.verdict import Check


class Session:
    """Runs each benchmark once, whoever of several processes asks first; the others wait and read the record.

    A failed run is remembered like any other: asking again does not run it again. What kept a run from being recorded,
    such as a full disk, is remembered by the process that met it.
    """

    def __init__(
        self,
        store: Store,
        session_id: str,
        *,
        workers: int = 1,
        watch: Watch | None = None,
        against: Against | None = None,
        show_pairs: ShowPairs | None = None,
    ) -> None:
        """Join or begin a session.

        Args:
            store: Where records go.
            session_id: Shared by all processes of the session.
            workers: How many those are.
            watch: Told of the record of each run while it grows.
            against: Baselines to compare with; none if not given.
            show_pairs: Told of pairs of processes, where speed is gated.
        """
        self.store = store
        self._folder = store.folder / "sessions" / session_id
        self._workers = workers
        self._watch = watch
        self._against = against
        self._show_pairs = show_pairs
        self._known: dict[str, Result | BertbenchError] = {}

    def knows(self, benchmark: Benchmark) -> bool:
        """Whether this process has the answer already."""
        return benchmark.key in self._known

    def result(self, benchmark: Benchmark) -> Result:
        """The one result of this session, run now if nobody has.

        Raises:
            BertbenchError: If there can be no result; the same again, and nothing is run, whenever this process asks.
        """
        if benchmark.key not in self._known:
            try:
                self._known[benchmark.key] = self._found_or_run(benchmark)
            except BertbenchError as error:
                self._known[benchmark.key] = error
        answer = self._known[benchmark.key]
        if isinstance(answer, BertbenchError):
            raise answer.with_traceback(None)  # else it would grow with every item that asks
        return answer

    def results(self) -> tuple[Result, ...]:
        """All results of the session, of all processes, in the order of their names."""
        notes = [json.loads(path.read_bytes()) for path in sorted(self._folder.glob("*.json"))]
        results = (self._from_note(note) for note in notes)
        return tuple(sorted(results, key=lambda result: result.benchmark.spec.name))

    def end(self) -> None:
        """Forget who waited for whom; the records stay."""
        for path in self._folder.glob("*"):
            path.unlink()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _found_or_run(self, benchmark: Benchmark) -> Result:
        with explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            turn = FileLock(self._folder / f"{benchmark.key}.lock").acquire()
        with turn:
            return self._remembered(benchmark) or self._run(benchmark)

    def _remembered(self, benchmark: Benchmark) -> Result | None:
        note = self._folder / f"{benchmark.key}.json"
        return self._from_note(json.loads(note.read_bytes())) if note.exists() else None

    def _run(self, benchmark: Benchmark) -> Result:
        result = run_and_compare(
            benchmark,
            self.store,
            self._against,
            workers=self._workers,
            watch=self._watch,
            show_pairs=self._show_pairs,
        )
        note = json.dumps(
            {
                "spec": benchmark.spec.model_dump(mode="json", exclude_unset=True),
                "base_folder": str(benchmark.base_folder),
                "file": str(benchmark.file) if benchmark.file else None,
                "run_id": result.record.run_id if result.record else None,
                "further": [record.run_id for record in result.further],
                "speed": _speed_note(result.speed),
                "skipped": result.skipped,
            }
        )
        write_atomically(self._folder / f"{benchmark.key}.json", lambda stream: stream.write(note.encode()))
        return result

    def _from_note(self, note: dict[str, Any]) -> Result:
        benchmark = Benchmark(
            Spec.model_validate_json(json.dumps(note["spec"])),
            Path(note["base_folder"]),
            Path(note["file"]) if note["file"] else None,
        )
        if note["skipped"]:
            skipped = Result(benchmark, None, None, (), skipped=note["skipped"])
            return with_comparison(skipped, self.store, self._against)
        result = result_of(self.store.read(note["run_id"]), self.store, benchmark)
        further = tuple(self.store.read(run_id) for run_id in note["further"])
        result = replace(result, further=further, speed=_speed_of(note["speed"], self.store))
        return with_comparison(result, self.store, self._against)


def _speed_note(speed: GatedSpeed | None) -> dict[str, Any] | None:
    """What was compared is in the store; why it was not, nowhere else."""
    if speed is None:
        return None
    if speed.ab_id:
        return {"ab_id": speed.ab_id}
    words = ("name", "kind", "outcome", "observed", "promised", "reason", "next_step")
    return {"check": {word: getattr(speed.check, word) for word in words}}


def _speed_of(note: dict[str, Any] | None, store: Store) -> GatedSpeed | None:
    if note is None:
        return None
    return kept_speed(store, note["ab_id"]) if "ab_id" in note else GatedSpeed(Check(**note["check"]))
