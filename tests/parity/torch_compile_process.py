"""A process that takes steps with a compiled transformers-torch engine, where there is a compiler."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from peer_process import BATCHES, engine_of, refusal

from bertbench import runtime
from bertbench.spec import RuntimeSpec

ENGINE = "transformers-torch"

if __name__ == "__main__":
    asked = RuntimeSpec(compile=True, threads=1)
    runtime.configure(asked, "torch")
    engine = engine_of(Path(sys.argv[1]), ENGINE, runtime=asked)
    engine.prepare(0)
    said = refusal(lambda: engine.trace(BATCHES[0], BATCHES[1]))
    answer: dict[str, object] = {"refusal": said}
    if not said:
        for name in ("losses", "again"):
            engine.prepare(0)
            answer[name] = [engine.train_step(batch).loss for batch in BATCHES]
        recipe = engine.recipe()
        answer |= {"compiled": recipe["compiled"], "seen": recipe["dropout_seen"]}
    print(json.dumps(answer))  # noqa: T201 - the answer
