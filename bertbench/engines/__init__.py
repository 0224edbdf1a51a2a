"""Ways of fine-tuning BERT, one package for each library, behind one small protocol.

Importing this package loads no library that computes; creating an engine does.
"""

from __future__ import annotations

from bertbench.engines.protocol import Engine, StepResult, Task
from bertbench.errors import EngineError

__all__ = ["Engine", "StepResult", "Task", "create_engine"]


def create_engine(task: Task) -> Engine:
    """The engine that the spec names, ready for `prepare`.

    Raises:
        EngineError: If there is none of that name, or it cannot do what the spec asks.
    """
    if task.spec.engine == "native":
        from bertbench.engines.native.engine import NativeEngine

        return NativeEngine(task)
    raise EngineError(f"engine: there is no engine {task.spec.engine!r}; known: native")
