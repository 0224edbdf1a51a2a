"""Processes of the store's tests, one for each command: `python store_process.py COMMAND FOLDER`.

They are killed, run out of disk, or may not write; what they leave is looked at by `test_store.py`.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record_maker import make_record, make_seed

from bertbench.errors import BertbenchError
from bertbench.record import RunRecord
from bertbench.store import Store

#: Enough to see every moment of a write; the writes are small.
KILLS = 20
#: A number that no user has; `nobody` on most systems.
UNPRIVILEGED = 65534

LOGITS = np.linspace(-1.0, 1.0, 2 * 49 * 2, dtype=np.float32).reshape(2, 49, 2)
LABELS = np.arange(49, dtype=np.int32) % 2
#: Does not shrink below 1,000 bytes. Made here, because NumPy loads its generators late, and a process that has given
#: up its rights may not read the library any more.
NOISE = np.random.default_rng(0).normal(size=(2, 49, 20)).astype(np.float32)


def versions(run_id: str) -> tuple[str, ...]:
    """All that may be read of a run: a short record, a long one, the end."""
    short = make_record(run_id=run_id, outcome="running", finished_at=None, seeds=())
    long = make_record(run_id=run_id, outcome="running", finished_at=None, seeds=(make_seed(0), make_seed(1)))
    return tuple(record.model_dump_json() for record in (short, long, make_record(run_id=run_id)))


def write_for_ever(store: Store, prefix: str, told: int) -> None:
    """New runs, each written over several times, with predictions; a byte to *told* once there is one."""
    for number in itertools.count():
        run_id = f"{prefix}-{number}"
        for record in records(run_id):
            store.write(record)
            store.write_predictions(run_id, 0, LOGITS, LABELS)
            os.write(told, b".")


def records(run_id: str) -> list[RunRecord]:
    """The records behind `versions`."""
    return [RunRecord.model_validate_json(version) for version in versions(run_id)]


def killed_writers(folder: Path) -> dict[str, object]:
    """Kill writers at random moments, each in a store of its own; every run of it must be whole at every moment."""
    chance = random.Random(0)  # noqa: S311 - moments, not secrets
    broken: list[str] = []
    reads = runs = 0
    for kill in range(KILLS):
        store = Store(folder / str(kill))
        hears, told = os.pipe()
        writer = os.fork()
        if writer == 0:
            write_for_ever(store, f"run-{kill}", told)
        os.read(hears, 1)
        dies_at = time.monotonic() + chance.uniform(0.0, 0.05)
        while time.monotonic() < dies_at:
            broken += whole_or_named(store)
            reads += 1
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        os.close(hears)
        os.close(told)
        broken += whole_or_named(store)
        runs += len(store.entries())
    return {"broken": broken, "reads": reads, "kills": KILLS, "runs": runs}


def whole_or_named(store: Store) -> list[str]:
    """Runs that are neither the old nor the new state."""
    broken = []
    for entry in store.entries():
        if entry.record is None:
            broken.append(f"{entry.run_id}: {entry.problem}")
        elif entry.record.model_dump_json() not in versions(entry.run_id):
            broken.append(f"{entry.run_id}: a state that was never written")
        elif (store.run_folder(entry.run_id) / "seed-0" / "predictions.npz").exists():
            logits, _ = store.read_predictions(entry.run_id, 0)
            broken += [] if np.array_equal(logits, LOGITS) else [f"{entry.run_id}: other predictions"]
    return broken


def full_disk(folder: Path) -> dict[str, object]:
    """Write over a run, and a new run, and predictions, where no file may grow past 1,000 bytes."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # else the process is killed where a full disk would give an error
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    return attempts(folder)


def no_permission(folder: Path) -> dict[str, object]:
    """The same, in folders that may not be written."""
    made = [folder, *folder.rglob("*")]
    for path in made:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.getuid() == 0:  # no permission stops root
        os.setuid(UNPRIVILEGED)
    return attempts(folder)


def unreadable(folder: Path) -> dict[str, object]:
    """List a store whose folder may not be read."""
    folder.joinpath("runs").chmod(0)
    if os.getuid() == 0:
        os.setuid(UNPRIVILEGED)
    return {"entries": outcome_of(Store(folder).entries), "find": outcome_of(Store(folder).find)}


def attempts(folder: Path) -> dict[str, object]:
    """What comes of each kind of write."""
    store = Store(folder)
    return {
        "over": outcome_of(lambda: store.write(make_record(run_id="old"))),
        "new": outcome_of(lambda: store.write(make_record(run_id="new"))),
        "predictions": outcome_of(lambda: store.write_predictions("old", 0, NOISE, LABELS)),
    }


def outcome_of(attempt: Callable[[], object]) -> list[str]:
    """The error's name, message and remedy."""
    try:
        attempt()
    except BertbenchError as error:
        return [type(error).__name__, error.message, error.remedy]
    return ["done", "", ""]


def many_runs(folder: Path) -> dict[str, object]:
    """Ten runs of one's own beside whoever else writes."""
    store = Store(folder)
    for number in range(10):
        run_id = f"{os.getpid()}-{number}"
        for record in records(run_id):
            store.write(record)
    return {"pid": os.getpid()}


if __name__ == "__main__":
    command = {
        "killed_writers": killed_writers,
        "full_disk": full_disk,
        "no_permission": no_permission,
        "unreadable": unreadable,
        "many_runs": many_runs,
    }[sys.argv[1]]
    print(json.dumps(command(Path(sys.argv[2]))))  # noqa: T201 - the answer
