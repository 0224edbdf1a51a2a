"""What a self-test has found until now: each part adds to it, and whatever ends the process leaves it as it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bertbench.selftest.fault_choice import Choice
from bertbench.selftest.fault_facts import CleanFacts, FaultRow, UnchangedSpeed
from bertbench.selftest.fault_matrix import unrun
from bertbench.selftest.figures import RateFacts
from bertbench.selftest.record import ClassFacts, EffectFacts, GateRow, PartFacts, ProcessFacts, TrialsFacts


@dataclass
class Findings:
    """Everything but the question: fields are those of `SelfTest`, faults by their names.

    Attributes:
        fault_rows: At the beginning those of the faults that are refused.
        interrupted: Until the end is reached.
    """

    fault_rows: dict[str, FaultRow]
    parts: dict[str, PartFacts] = field(default_factory=dict)
    classes: list[ClassFacts] = field(default_factory=list)
    effects: list[EffectFacts] = field(default_factory=list)
    processes: ProcessFacts | None = None
    quality_gate: tuple[GateRow, ...] = ()
    speed_gate: tuple[GateRow, ...] = ()
    code_check: RateFacts | None = None
    trials: TrialsFacts | None = None
    clean: CleanFacts | None = None
    unchanged_speed: tuple[UnchangedSpeed, ...] = ()
    enough_minutes: int | None = None
    interrupted: bool = True

    def fields(self, choice: Choice | None) -> dict[str, Any]:
        """As `SelfTest` takes them.

        Args:
            choice: Of faults, for rows of those that no layer was asked about; None if no part puts any in.
        """
        faults = choice.known if choice else ()
        return {
            "enough_minutes": self.enough_minutes,
            "interrupted": self.interrupted,
            "parts": tuple(self.parts.values()),
            "classes": tuple(self.classes),
            "effects": tuple(self.effects),
            "processes": self.processes,
            "quality_gate": self.quality_gate,
            "speed_gate": self.speed_gate,
            "code_check": self.code_check,
            "trials": self.trials,
            "clean": self.clean,
            "unchanged_speed": self.unchanged_speed,
            "faults": tuple(self.fault_rows.get(fault.name, unrun(fault)) for fault in faults),
        }
