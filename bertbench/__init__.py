"""bertbench: the regression suite for people who fine-tune BERT with Keras and TensorFlow.

    import bertbench

    record = bertbench.run("specs/my_model.toml")
    print(record.seeds[0].epochs[-1].validation.accuracy)

Names are loaded when they are first used; importing this package imports no TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertbench.api import Verdict, check_data, compare, run, run_and_judge
    from bertbench.errors import BertbenchError
    from bertbench.record import RunRecord
    from bertbench.spec import Spec, build_spec, read_spec
    from bertbench.store import Store
    from bertbench.suite import Result
    from bertbench.verdict import Check

_HOMES = {
    "BertbenchError": "bertbench.errors",
    "Check": "bertbench.verdict",
    "Result": "bertbench.suite",
    "RunRecord": "bertbench.record",
    "Spec": "bertbench.spec",
    "Store": "bertbench.store",
    "Verdict": "bertbench.api",
    "build_spec": "bertbench.spec",
    "check_data": "bertbench.api",
    "compare": "bertbench.api",
    "read_spec": "bertbench.spec",
    "run": "bertbench.api",
    "run_and_judge": "bertbench.api",
}

__all__ = [
    "BertbenchError",
    "Check",
    "Result",
    "RunRecord",
    "Spec",
    "Store",
    "Verdict",
    "build_spec",
    "check_data",
    "compare",
    "read_spec",
    "run",
    "run_and_judge",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its room."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bertbench' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
