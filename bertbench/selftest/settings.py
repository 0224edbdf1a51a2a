"""What is asked of a self-test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.errors import VerdictError
from bertbench.selftest.plan import FIRST_SEED, PARTS, Wishes

#: Seeds end at 2**31; this leaves more than a self-test could ever run.
_LARGEST_FIRST_SEED = 2**30


@dataclass(frozen=True)
class Settings:
    """What is asked, checked when it is made.

    Attributes:
        budget_seconds: For everything.
        parts: Of `PARTS`.
        gated_specs: Specs whose quality and speed the project gates: they share the error rates.
        random_seed: Of every simulated draw, split and coin.
        simulated_runs: Of each truth, of quality.
        simulated_speed_runs: Of each truth, of speed.
        most_trials: More are not run, whatever time there is.
        candidates_per_bank: Trials that share a bank; more than one are not independent.
        fault_seeds: Seeds with each fault; as many as fit if None.
        first_seed: No smaller seed is run, 1 to 2**30; self-tests whose ranges of seeds do not overlap add up.
        faults: Names of the only faults to put in; all that there are if None.
    """

    budget_seconds: float
    parts: tuple[str, ...] = PARTS
    gated_specs: int = 1
    random_seed: int = 0
    simulated_runs: int = 20_000
    simulated_speed_runs: int = 2_000
    most_trials: int = 1_000
    candidates_per_bank: int = 1
    fault_seeds: int | None = None
    first_seed: int = FIRST_SEED
    faults: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            VerdictError: If a part is unknown or rests on one that is left out, faults are named that no part would
                put in, or a number is out of its range.
        """
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            raise VerdictError(f"parts: {','.join(self.parts)!r} was given, some of {', '.join(PARTS)} were expected")
        if "trials" in self.parts and "seeds" not in self.parts:
            raise VerdictError(
                "parts: trials was given without seeds, which say what class changes bits",
                remedy="--parts seeds,trials",
            )
        if self.faults is not None and not self.puts_faults_in:
            given = ",".join(self.faults)
            raise VerdictError(
                f"faults: {given!r} was given without the parts faults and speed, which put them in",
                remedy="--parts faults,speed",
            )
        if self.first_seed > _LARGEST_FIRST_SEED:
            raise VerdictError(
                f"self-test: first_seed = {self.first_seed} was given, {_LARGEST_FIRST_SEED} or less was expected"
            )
        least = {
            "gated_specs": 1,
            "first_seed": FIRST_SEED,
            "most_trials": 0,
            "candidates_per_bank": 1,
            "fault_seeds": 1,
            "random_seed": 0,
        }
        for name, smallest in least.items():
            given = getattr(self, name)
            if given is not None and given < smallest:
                raise VerdictError(f"self-test: {name} = {given} was given, {smallest} or more was expected")

    @property
    def puts_faults_in(self) -> bool:
        """Whether a part that does was asked for."""
        return bool({"faults", "speed"} & set(self.parts))

    def wishes(self, classes: Sequence[str], *, faults: int, speed_faults: int, bank_seeds: int, pairs: int) -> Wishes:
        """What would be done of these, had it the time: as for `Wishes`."""
        return Wishes(
            parts=self.parts,
            classes=classes,
            faults=faults,
            speed_faults=speed_faults,
            bank_seeds=bank_seeds,
            pairs=pairs,
            most_trials=self.most_trials,
            candidates_per_bank=self.candidates_per_bank,
            fault_seeds=self.fault_seeds,
        )
