"""Opens checkpoints in a process of its own, whose environment decides where the hub and its cache are.

Reads one JSON object a line, `{"source": ..., "sha256": ...}`; answers each with one: what was opened, or the error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bertbench.checkpoints import describe, open_checkpoint, read_tensors
from bertbench.errors import CheckpointError
from bertbench.spec import CheckpointSpec


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """What came of opening one checkpoint."""
    try:
        checkpoint = open_checkpoint(CheckpointSpec(**question), base_folder=Path.cwd())
        tensors = read_tensors(checkpoint)
    except CheckpointError as error:
        return {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
    return describe(checkpoint) | {"folder": str(checkpoint.folder), "tensors": len(tensors)}


for line in sys.stdin:
    sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
    sys.stdout.flush()
