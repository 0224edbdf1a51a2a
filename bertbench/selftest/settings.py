"""What is asked of a self-test."""

from __future__ import annotations

from dataclasses import dataclass

from bertbench.errors import VerdictError
from bertbench.selftest.plan import PARTS


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

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            VerdictError: If a part is unknown or rests on one that is left out.
        """
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            raise VerdictError(f"parts: {','.join(self.parts)!r} was given, some of {', '.join(PARTS)} were expected")
        if "trials" in self.parts and "seeds" not in self.parts:
            raise VerdictError(
                "parts: trials was given without seeds, which say what class changes bits",
                remedy="--parts seeds,trials",
            )
        least = {"gated_specs": 1, "most_trials": 0, "candidates_per_bank": 1, "fault_seeds": 1, "random_seed": 0}
        for name, smallest in least.items():
            given = getattr(self, name)
            if given is not None and given < smallest:
                raise VerdictError(f"self-test: {name} = {given} was given, {smallest} or more was expected")
