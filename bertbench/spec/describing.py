"""The spec's fields as a page for people, made from the fields themselves: `python -m bertbench.spec.describing`."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from pydantic_core import PydanticUndefined

from bertbench.spec import fields, optimizers, promises
from bertbench.spec.fields import Spec
from bertbench.spec.table import Table

_HEAD = """# The spec

One TOML file describes one benchmark. `extends = "base.toml"` takes all of another file and changes a few lines: tables
are merged key by key, lists are replaced. What is not written has the default. Unknown keys, wrong types and units, and
combinations that cannot be meant are refused with the file, the key, what was given and what was expected.

This page is made from the code: `python -m bertbench.spec.describing > docs/spec.md`.
"""

#: Tables in the order in which a reader meets them, and how they are written in TOML.
_TABLES: tuple[tuple[str, type[Table]], ...] = (
    ("top level", Spec),
    ("[checkpoint]", fields.CheckpointSpec),
    ("[data]", fields.DataSpec),
    ("[model]", fields.ModelSpec),
    ('[optimizer], name = "adam"', optimizers.AdamSpec),
    ('[optimizer], name = "adamw": as adam, and', optimizers.AdamWSpec),
    ('[optimizer], name = "sgd"', optimizers.SGDSpec),
    ("[schedule]", fields.ScheduleSpec),
    ("[augmentation]", fields.AugmentationSpec),
    ("[training]", fields.TrainingSpec),
    ("[training.early_stopping]", fields.EarlyStoppingSpec),
    ("[runtime]", fields.RuntimeSpec),
    ("[identity]", promises.IdentitySpec),
    ("[verdict]", promises.VerdictSpec),
    ("[[expect]]", promises.ExpectSpec),
    ("[[budget]]", promises.BudgetSpec),
)


def page() -> str:
    """The whole page as Markdown."""
    return _HEAD + "".join(_section(title, table) for title, table in _TABLES)


def _section(title: str, table: type[Table]) -> str:
    lines = [
        f"\n## {title}\n",
        inspect.cleandoc(table.__doc__ or ""),
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    inherited = set(optimizers.AdamSpec.model_fields) - {"weight_decay"} if table is optimizers.AdamWSpec else set()
    for name, field in table.model_fields.items():
        if name not in inherited and not _is_table(field.default):
            lines.append(f"| `{name}` | {_default(field.default)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _is_table(default: Any) -> bool:
    return isinstance(default, Table)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`' if value else ""
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(item) for item in value)}]`".replace("'", '"') if value else ""
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
