"""Known truths for `interval_coverage.py`: what seeds are drawn from, and what an interval over them should hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from measured_seeds import HELPDESK, HELPDESK_ROWS, SEED_CARD, SEED_CARD_ROWS

#: Draws that a truth is computed from: to a hundredth of what any interval here is wide.
TRUTH_DRAWS = 1_000_000
#: Skewness -1.5 of a gamma turned round.
LEFT_TAIL_SHAPE = 16 / 9
#: Mean accuracy of imagined seeds.
_MEAN = 0.9

Draw = Callable[[np.random.Generator, int], np.ndarray]
#: Whether one fresh sample's interval holds the truth; None where none is printed.
Covers = Callable[[np.random.Generator], bool | None]


@dataclass(frozen=True)
class Case:
    """One printed interval under one truth.

    Attributes:
        interval: What is printed, and of how many.
        nominal: Coverage that is printed with it.
        truth: In words.
        covers: Draws a sample and looks.
        share: One in so many cases is taken: resampling takes milliseconds.
    """

    interval: str
    nominal: float
    truth: str
    covers: Covers
    share: int = 1


@dataclass(frozen=True)
class Seeds:
    """Accuracies of seeds, whole rows of *rows*.

    Attributes:
        name: In words.
        rows: Validation rows.
        shape: `normal`, `left tail`, or a pool of measured hits, drawn with replacement.
        spread: Standard deviation, as a share; of imagined seeds.
        stretched: How much wider than that.
    """

    name: str
    rows: int
    shape: str | tuple[int, ...]
    spread: float = 0.0
    stretched: float = 1.0

    def draw(self, generator: np.random.Generator, seeds: int) -> np.ndarray:
        """float64 (seeds,), shares of the rows."""
        if isinstance(self.shape, str):
            skewed = self.shape == "left tail"
            noise = left_tail(generator, seeds) if skewed else generator.standard_normal(seeds)
            hits = self.rows * (_MEAN + self.stretched * self.spread * noise)
        else:
            middle = np.mean(self.shape)
            hits = middle + self.stretched * (generator.choice(self.shape, seeds) - middle)
        return np.clip(np.rint(hits), 0, self.rows) / self.rows

    def wider(self, ratio: float) -> Seeds:
        """The same about the same mean, but for the ceiling."""
        if ratio == 1:
            return self
        return Seeds(f"{self.name}, the candidate's spread x {ratio:g}", self.rows, self.shape, self.spread, ratio)

    @property
    def mean(self) -> float:
        """True mean accuracy."""
        return float(self._many().mean())

    @property
    def deviation(self) -> float:
        """True spread over seeds."""
        return float(self._many().std())

    @property
    def tail(self) -> float:
        """Share of seeds more than two spreads below the mean."""
        many = self._many()
        return float((many < many.mean() - 2 * many.std()).mean())

    def quantile(self, share: float) -> float:
        """The accuracy below which that share of seeds lies."""
        return float(np.quantile(self._many(), share))

    def _many(self) -> np.ndarray:
        return _many(self, TRUTH_DRAWS)


@cache
def _many(seeds: Seeds, draws: int) -> np.ndarray:
    return seeds.draw(np.random.default_rng(1), draws)


def left_tail(generator: np.random.Generator, size: int | tuple[int, ...]) -> np.ndarray:
    """Mean 0, standard deviation 1, skewness -1.5."""
    return (LEFT_TAIL_SHAPE - generator.standard_gamma(LEFT_TAIL_SHAPE, size)) / np.sqrt(LEFT_TAIL_SHAPE)


SEEDS = (
    Seeds("300 rows, normal, spread 0.5 points", 300, "normal", 0.005),
    Seeds("300 rows, left tail, spread 0.5 points", 300, "left tail", 0.005),
    Seeds("helpdesk's measured seeds (300 rows)", HELPDESK_ROWS, HELPDESK),
    Seeds("seed_card's measured seeds (49 rows)", SEED_CARD_ROWS, SEED_CARD),
)
#: One in ten collapses.
COLLAPSING = Seeds("300 rows, one seed in ten collapses", 300, (*range(291, 300), 150))
