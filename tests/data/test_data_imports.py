"""The data room is light until something heavy is asked of it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "datasets",
    "pyarrow",
    "tokenizers",
    "transformers",
    "huggingface_hub",
    "tensorflow",
    "keras",
    "torch",
    "scipy",
)


def test_importing_the_room_imports_no_large_library() -> None:
    script = f"import sys, bertbench.data; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
