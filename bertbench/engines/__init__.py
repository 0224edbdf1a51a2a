"""Ways of fine-tuning BERT, one package for each library, behind one small protocol.

Importing this package loads no library that computes; creating an engine does.
"""

from __future__ import annotations

from bertbench.engines.catalogue import EngineEntry, entry_of, maker_of, require_libraries
from bertbench.engines.protocol import Engine, StepResult, Task

__all__ = ["Engine", "EngineEntry", "StepResult", "Task", "create_engine", "entry_of", "require_libraries"]


def create_engine(task: Task) -> Engine:
    """The engine that the spec names, ready for `prepare`.

    Raises:
        EngineError: If there is none of that name, its library cannot be used, or it cannot do what the spec asks.
    """
    engine: Engine = maker_of(entry_of(task.spec.engine))(task)
    return engine
