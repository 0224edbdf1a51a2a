"""The text of a baseline: keys sorted, one fact per line, a list of numbers or words on one line."""

from __future__ import annotations

import json
from typing import Any

from bertbench.baseline.fields import Baseline


def baseline_text(baseline: Baseline) -> str:
    """JSON whose lines are the facts: what changed is what a diff shows, and equal baselines are equal bytes."""
    return _text(baseline.model_dump(mode="json"), "") + "\n"


def _text(value: Any, indent: str) -> str:
    deeper = indent + " "
    if isinstance(value, dict) and value:
        lines = [f"{deeper}{json.dumps(key)}: {_text(value[key], deeper)}" for key in sorted(value)]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        return "[\n" + ",\n".join(f"{deeper}{_text(item, deeper)}" for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
