"""What a baseline is. It refuses to be one that contradicts itself, so that a slip of a merge is no verdict.

Schema history:
    1: first.
    2: validation hits and seconds of every epoch, for epochs and seconds to a target. Version 1 is still read; what it
       has not is not shown.
    3: `git_commit` is that of the runs. Before, it was that of the repository when the baseline was accepted.
    4: `factory_sha256`, `distinct_validation_rows`, `recipe`. Older baselines are read; how many of their rows differ
       is not known, and all are taken to; where the recipe is another, nobody can say in what.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from bertbench.record import Digests, Fact, Moment, NotNegative, Quality
from bertbench.spec.fingerprint import recipe_fingerprint

SCHEMA_VERSION = 4
#: What can be read.
READABLE_VERSIONS = (1, 2, 3, 4)

#: An accuracy and its hits are two readings of one number; doubles differ by less.
_SAME_ACCURACY = 1e-9

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BaselineSeed(Fact):
    """What a comparison needs of one fine-tune, at the epoch whose weights it ended with."""

    seed: Annotated[int, Field(ge=0)]
    """As in the spec."""
    quality: Quality
    """On the validation rows."""
    hits: Annotated[int, Field(ge=0)]
    """Validation rows that were right."""
    wrong_rows: tuple[Annotated[int, Field(ge=0)], ...]
    """Numbers of the validation rows that were wrong, from 0, rising."""
    train_loss: Annotated[tuple[float, ...], Field(min_length=1)]
    """Of each epoch, in nats."""
    validation_hits: tuple[Annotated[int, Field(ge=0)], ...] = ()
    """Validation rows that were right after each epoch; empty before schema 2."""
    epoch_seconds: tuple[NotNegative, ...] = ()
    """Training and validation of each epoch; empty before schema 2, or if test workers shared the machine."""
    digests: Digests
    """Of weights, losses and predictions."""

    @model_validator(mode="after")
    def _is_finite_and_in_order(self) -> BaselineSeed:
        numbers = [*self.quality.model_dump().values(), *self.train_loss]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"seed {self.seed}: a number is not finite")
        if list(self.wrong_rows) != sorted(set(self.wrong_rows)):
            raise ValueError(f"seed {self.seed}: wrong_rows do not rise")
        for name in ("validation_hits", "epoch_seconds"):
            if len(getattr(self, name)) not in (0, len(self.train_loss)):
                raise ValueError(f"seed {self.seed}: {name} are not of its {len(self.train_loss)} epochs")
        return self


class Baseline(Fact):
    """One spec under one numerics, all its seeds."""

    schema_version: Literal[1, 2, 3, 4] = 4
    """See the history above."""
    spec: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """Name of the spec."""
    spec_fingerprint: Sha256
    """Of the recipe."""
    recipe: dict[str, Any] | None = None
    """Table by table, the fields that `spec_fingerprint` is made of; None before schema 4, and where the spec in the
    record no longer gives the fingerprint of the run."""
    numerics_fingerprint: Sha256
    """Of `numerics`."""
    numerics: dict[str, Any]
    """What can change bits: libraries, instruction set, threads, flags, determinism."""
    machine_fingerprints: Annotated[tuple[Sha256, ...], Field(min_length=1)]
    """Of the machines that the runs were made on, sorted."""
    data_sha256: Sha256
    """Of all texts, labels and splits."""
    weights_sha256: Sha256
    """Of the pretrained weights."""
    tokenizer_sha256: Sha256
    """Of what decides the ids."""
    label_names: tuple[str, ...]
    """In the order of their numbers."""
    validation_rows: Annotated[int, Field(ge=1)]
    """How many rows every accuracy is of."""
    distinct_validation_rows: Annotated[int, Field(ge=1)] | None = None
    """How many of these differ from each other; None before schema 4, or if the runs did not count them."""
    git_commit: str | None = None
    """Of the spec's repository when the runs were made; None if they have none or not the same. See the history."""
    git_dirty: bool | None = None
    """Whether the tree had changes, as in `Revision.dirty`."""
    factory_sha256: Sha256 | None = None
    """Of the file that the factory of an engine of one's own is written in; None for other engines, before schema 4,
    and where a run did not know it."""
    bertbench_version: str
    """Of the package that made the runs."""
    accepted_at: Moment
    """UTC."""
    runs: Annotated[tuple[str, ...], Field(min_length=1)]
    """The runs it was made of, sorted."""
    seeds: Annotated[tuple[BaselineSeed, ...], Field(min_length=1)]
    """By their number."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Baseline:
        numbers = [seed.seed for seed in self.seeds]
        if numbers != sorted(set(numbers)):
            raise ValueError(f"seeds {numbers} do not rise")
        if self.recipe is not None and (given := recipe_fingerprint(self.recipe)) != self.spec_fingerprint:
            raise ValueError(f"recipe gives the fingerprint {given[:12]}, not {self.spec_fingerprint[:12]}")
        if self.schema_version >= 2 and not all(seed.validation_hits for seed in self.seeds):  # noqa: PLR2004 - see above
            raise ValueError("validation_hits are missing")
        if not self.distinct_rows <= self.validation_rows:
            raise ValueError(f"{self.distinct_rows} distinct rows are more than the {self.validation_rows} rows")
        for seed in self.seeds:
            rows = self.validation_rows
            if seed.hits + len(seed.wrong_rows) != rows or any(row >= rows for row in seed.wrong_rows):
                raise ValueError(
                    f"seed {seed.seed}: {seed.hits} hits and {len(seed.wrong_rows)} wrong rows are not the {rows} rows"
                )
            if not abs(seed.quality.accuracy - seed.hits / rows) <= _SAME_ACCURACY:
                raise ValueError(
                    f"seed {seed.seed}: accuracy {seed.quality.accuracy} is not {seed.hits} of {rows} rows"
                )
            if seed.validation_hits and seed.hits not in seed.validation_hits:
                raise ValueError(f"seed {seed.seed}: ended with {seed.hits} hits, and no epoch did")
        return self

    @property
    def distinct_rows(self) -> int:
        """Validation rows that differ from each other; all of them where nobody counted."""
        return self.validation_rows if self.distinct_validation_rows is None else self.distinct_validation_rows

    def seed_of(self, number: int) -> BaselineSeed | None:
        """The fine-tune of one seed; None if it is not in here."""
        return next((seed for seed in self.seeds if seed.seed == number), None)

    def origin(self) -> str:
        """When it was accepted and which code ran, in words."""
        accepted = f"accepted {self.accepted_at:%Y-%m-%d %H:%M} UTC"
        if not self.git_commit:
            return accepted
        at = ", runs of commit" if self.schema_version >= 3 else " at commit"  # noqa: PLR2004 - see the history
        return f"{accepted}{at} {self.git_commit[:10]}{' with changes' if self.git_dirty else ''}"
