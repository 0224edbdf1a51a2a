"""Every measured quantity: its unit, which direction is better, a validity check and a formatter.

Nothing else in the project formats a number for people. A quantity that a spec may put a threshold or a budget on is
named here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Quantity:
    """One thing that is measured.

    Attributes:
        name: The field's own term, with the unit where it has one.
        unit: Unit as shown to people; empty for pure numbers.
        better: Which direction is better.
        low: Smallest possible value.
        high: Largest possible value; infinity where there is none.
        text: Formatter for a finite value.
        is_share_of_rows: Whether it is a multiple of 1/n on n rows, as a share of them is.
    """

    name: str
    unit: str
    better: Better
    low: float
    high: float
    text: Callable[[float], str]
    is_share_of_rows: bool = False

    def is_valid(self, value: float) -> bool:
        """Whether *value* can have been measured; NaN and infinity never can."""
        return self.low <= value <= self.high and math.isfinite(value)

    def format(self, value: float | None) -> str:
        """*value* for people; 'nan' and a missing value are shown as such, never hidden."""
        if value is None:
            return "-"
        return self.text(value) if math.isfinite(value) else str(value)

    def promised(self, bound: float) -> str:
        """A promise on the better side of *bound* for people: '>= 0.9700', '<= 250 ms'."""
        return f"{'>=' if self.better == 'higher' else '<='} {self.format(bound)}"

    def keeps(self, value: float, bound: float) -> bool:
        """Whether *value* is on the better side of *bound*, or on it; NaN never is."""
        return value >= bound if self.better == "higher" else value <= bound

    def allowed(self) -> str:
        """The range in words, for error messages."""
        if math.isinf(self.high):
            return f"a number of at least {self.low:g}{' ' + self.unit if self.unit else ''}"
        return f"a number from {self.low:g} to {self.high:g}"


def _fraction(value: float) -> str:
    return f"{value:.4f}"


#: From here on minutes read better.
_MANY_SECONDS = 600
_MILLISECOND = 1e-3


def _seconds(value: float) -> str:
    """About three significant digits, in the unit that reads best."""
    if value < _MILLISECOND:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.1f} s" if value < _MANY_SECONDS else f"{value / 60:.1f} min"


def _mebibytes(value: float) -> str:
    return f"{value:,.0f} MiB"


_INF = math.inf

#: Quality, measured at each epoch's end on one split. Train figures are those of the training pass itself (dropout on).
QUALITY = {
    q.name: q
    for q in (
        Quantity("accuracy", "", "higher", 0.0, 1.0, _fraction, is_share_of_rows=True),
        Quantity("macro_f1", "", "higher", 0.0, 1.0, _fraction),
        Quantity("matthews_correlation", "", "higher", -1.0, 1.0, _fraction),
        Quantity("loss", "nats", "lower", 0.0, _INF, _fraction),
    )
}

#: The parts of a run, timed apart. 'steps' is the training steps alone, without what stands beside them.
PHASES = ("import", "data", "tokenize", "build", "trace", "steps", "validation", "save", "total")

#: What a budget may limit.
BUDGETS = {
    **{f"{phase}_seconds": Quantity(f"{phase}_seconds", "s", "lower", 0.0, _INF, _seconds) for phase in PHASES},
    "step_seconds": Quantity("step_seconds", "s", "lower", 0.0, _INF, _seconds),
    "utilization": Quantity("utilization", "", "higher", 0.0, _INF, lambda v: f"{v:.1%}"),
    "peak_memory_mebibytes": Quantity("peak_memory_mebibytes", "MiB", "lower", 0.0, _INF, _mebibytes),
}

#: Shown, never limited.
SHOWN = {
    q.name: q
    for q in (
        Quantity("gradient_norm", "", "lower", 0.0, _INF, lambda v: f"{v:.4g}"),
        Quantity("learning_rate", "", "lower", 0.0, _INF, lambda v: f"{v:.3g}"),
        Quantity("rows_per_second", "rows/s", "higher", 0.0, _INF, lambda v: f"{v:,.1f} rows/s"),
        Quantity("sgemm_gigaflops_per_second", "GFLOP/s", "higher", 0.0, _INF, lambda v: f"{v:,.0f} GFLOP/s"),
    )
}

ALL = {**QUALITY, **BUDGETS, **SHOWN}


def quality_of(threshold_quantity: str) -> tuple[str, Quantity]:
    """Split 'validation_accuracy' into its split and its quantity.

    Raises:
        KeyError: If it names neither train nor validation, or no known quality.
    """
    split, _, name = threshold_quantity.partition("_")
    if split not in ("train", "validation"):
        raise KeyError(threshold_quantity)
    return split, QUALITY[name]


#: Names a threshold may use: each quality, for both splits.
THRESHOLD_QUANTITIES = tuple(f"{split}_{name}" for split in ("validation", "train") for name in QUALITY)
