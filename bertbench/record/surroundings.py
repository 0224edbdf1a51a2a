"""What a run was surrounded by: data, checkpoint, environment, process, repository."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bertbench.record.fact import Fact


class FindingRow(Fact):
    """One thing the data checks saw."""

    name: str
    """Of the check."""
    severity: Literal["hard", "soft", "note"]
    """Hard ones stop a run; notes say that nothing is wrong."""
    split: str
    """Where."""
    message: str
    """In words."""
    rows: tuple[str, ...] = ()
    """Which, the first twenty."""
    value: float | None = None
    """The number behind it."""


class DataFacts(Fact):
    """What was read."""

    source: str
    """In words."""
    sha256: str
    """Of all texts, labels and splits."""
    tokenizer_sha256: str
    """Of what decides the ids."""
    label_names: tuple[str, ...]
    """In the order of their numbers."""
    rows: dict[str, int]
    """Of each split."""
    tokens: dict[str, int]
    """Of each split."""
    findings: tuple[FindingRow, ...] = ()
    """Of the checks."""
    rows_sha256: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Of each split, the first 16 digits of the SHA-256 of `words`, `segments`, `positions`, `lengths`, `labels`."""
    words_in_use: int | None = None
    """WordPieces that occur in any split, and the special ones."""
    longest_row_tokens: int | None = None
    """Of any split."""
    distinct_rows: dict[str, int] = Field(default_factory=dict)
    """Of each split: rows that differ in WordPieces or segments, whatever their class; empty before schema 4."""

    @model_validator(mode="after")
    def _has_no_more_distinct_rows_than_rows(self) -> DataFacts:
        for split, distinct in self.distinct_rows.items():
            rows = self.rows.get(split, 0)
            if not min(rows, 1) <= distinct <= rows:
                raise ValueError(f"{distinct} distinct rows of {rows} in split {split!r}")
        return self

    def distinct(self, split: str) -> int:
        """How many rows of a split differ from each other; all of them where nobody counted, 0 without the split."""
        return self.distinct_rows.get(split, self.rows.get(split, 0))


class CheckpointFacts(Fact):
    """What was loaded."""

    source: str
    """As in the spec."""
    revision: str
    """Commit on the hub, version of the package, or empty for a folder."""
    sha256: str
    """Of `model.safetensors`."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Architecture and dropout rates as `config.json` has them, under its names."""


class EnvironmentFacts(Fact):
    """Where it happened, with the two fingerprints."""

    numerics: dict[str, Any]
    """What can change bits: libraries, instruction set, threads, flags, determinism."""
    machine: dict[str, Any]
    """What can change speed: processor, cores, memory, GPU, driver."""
    numerics_fingerprint: str
    """SHA-256 of the first."""
    machine_fingerprint: str
    """SHA-256 of the second."""
    workers: Annotated[int, Field(ge=1)] = 1
    """Test workers of the session; under more than one, times say nothing."""


class ProcessFacts(Fact):
    """Which process wrote the record, so that a reader can tell a running one from a killed one."""

    pid: Annotated[int, Field(ge=0)]
    """Process id."""
    host: str
    """Name of the machine."""
    started: float
    """When the process began, seconds since 1970; a pid alone may have been given to another process."""


class Revision(Fact):
    """A state of a repository."""

    commit: str
    """40 hex digits, or 64."""
    dirty: bool
    """Whether tracked files differ from it, or there are `*.py` or `*.toml` that git neither tracks nor ignores. Other
    files that it does not track say nothing."""
