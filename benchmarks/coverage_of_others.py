"""Intervals that are not of seeds' accuracy: counts, step times, what is shown beside the verdict, other messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from coverage_draws import Case

from bertbench.errors import VerdictError
from bertbench.stats import (
    difference_of_means,
    exact_lower_bound,
    exact_rate,
    exact_upper_bound,
    multi_bootstrap,
    signed_rank_interval,
    signed_rank_upper_bound,
    spread_interval,
)
from bertbench.stats.multi_bootstrap import FEWEST_SEEDS
from bertbench.stats.noninferiority import FEWEST_FOR_INTERVAL as FEWEST_FOR_DIFFERENCE
from bertbench.stats.sequential import SHOWN_CONFIDENCE
from bertbench.stats.spread import FEWEST_FOR_INTERVAL

#: A resampled case takes milliseconds.
RESAMPLED_SHARE = 5
_USUAL = 0.95
_BANK = 20
_SLOWDOWN, _PROCESS_SPREAD = 0.05, 0.02
#: Standard deviation of rounding to whole epochs.
_ROUNDED_EPOCHS = 1 / np.sqrt(12)
#: Log odds of rows that are always right, and of rows that the candidate lost.
_ALWAYS_RIGHT, _LOST = 12.0, -3.0


def of_others() -> Iterator[Case]:
    """All of them."""
    yield from rates()
    yield from pairs()
    yield from processes()
    yield from shown()
    yield from other_messages()


def rates() -> Iterator[Case]:
    """Counts: exact, so at least what is printed."""
    two_sided, upper, lower = cache(exact_rate), cache(exact_upper_bound), cache(exact_lower_bound)
    for chance in (0.01, 0.2):

        def both(generator: np.random.Generator, chance: float = chance) -> bool:
            seen = two_sided(int(generator.binomial(5, chance)), 5)
            return seen.low <= chance <= seen.high

        def above(generator: np.random.Generator, chance: float = chance) -> bool:
            return upper(int(generator.binomial(2, chance)), 2) >= chance

        def below(generator: np.random.Generator, chance: float = chance) -> bool:
            return lower(int(generator.binomial(2, chance)), 2) <= chance

        truth = f"a chance of {chance:.0%}"
        yield Case("exact rate, two-sided (5 trials)", _USUAL, truth, both)
        yield Case("exact rate, upper bound (2 seeds)", _USUAL, truth, above)
        yield Case("exact rate, lower bound (2 seeds)", _USUAL, truth, below)


def pairs() -> Iterator[Case]:
    """Speed: the fewest pairs with a finite interval, and with a finite bound."""
    draws: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
        "normal": lambda generator, size: generator.standard_normal(size),
        "t with 3 degrees of freedom": lambda generator, size: generator.standard_t(3, size),
    }
    for truth, draw in draws.items():

        def interval(
            generator: np.random.Generator, draw: Callable[[np.random.Generator, int], np.ndarray] = draw
        ) -> bool:
            sample = _SLOWDOWN + _PROCESS_SPREAD * draw(generator, 8)
            low, high = signed_rank_interval(sample, confidence=SHOWN_CONFIDENCE)
            return low <= _SLOWDOWN <= high

        def bound(
            generator: np.random.Generator, draw: Callable[[np.random.Generator, int], np.ndarray] = draw
        ) -> bool:
            sample = _SLOWDOWN + _PROCESS_SPREAD * draw(generator, 6)
            return signed_rank_upper_bound(sample, confidence=0.975) >= _SLOWDOWN

        yield Case("slowdown, two-sided (8 pairs)", SHOWN_CONFIDENCE, f"log ratios {truth}", interval)
        yield Case("slowdown, upper bound of a look (6 pairs)", 0.975, f"log ratios {truth}", bound)


def processes() -> Iterator[Case]:
    """Spread of log step times over fresh processes, also where one in twelve is a tenth slower."""
    for truth, disturbed in (("normal log times", 0.0), ("one process in twelve 10 % slower", 1 / 12)):
        spread = np.sqrt(_PROCESS_SPREAD**2 + disturbed * (1 - disturbed) * np.log(1.1) ** 2)

        def covers(generator: np.random.Generator, disturbed: float = disturbed, spread: float = float(spread)) -> bool:
            times = generator.normal(0, _PROCESS_SPREAD, FEWEST_FOR_INTERVAL)
            slowed = generator.random(FEWEST_FOR_INTERVAL) < disturbed
            seen = spread_interval(times + np.log(1.1) * slowed)
            return seen.low <= spread <= seen.high

        yield Case(f"spread of step times ({FEWEST_FOR_INTERVAL} processes)", _USUAL, truth, covers)


def shown() -> Iterator[Case]:
    """Losses, skewed to the right, and whole epochs; the same interval as the drop, without a vote."""

    def gamma(shape: float) -> Callable[[np.random.Generator, int], np.ndarray]:
        return lambda generator, size: (generator.standard_gamma(shape, size) - shape) / np.sqrt(shape)

    def epochs(generator: np.random.Generator, size: int) -> np.ndarray:
        return np.rint(0.5 * generator.standard_normal(size))

    truths = (("gamma of shape 4", gamma(4), 0.0), ("exponential", gamma(1), 0.0))
    for truth, draw, least in (*truths, ("whole epochs, spread 0.5", epochs, float(_ROUNDED_EPOCHS))):
        for ratio in (1, 2):

            def covers(
                generator: np.random.Generator,
                draw: Callable[[np.random.Generator, int], np.ndarray] = draw,
                least: float = least,
                ratio: float = ratio,
            ) -> bool:
                sides = draw(generator, _BANK), ratio * draw(generator, FEWEST_FOR_DIFFERENCE)
                low, high = difference_of_means(*sides, least_spread=least).interval(SHOWN_CONFIDENCE)
                return low <= 0 <= high

            wider = "" if ratio == 1 else f", the candidate's spread x {ratio}"
            name = f"{'epochs' if least else 'loss'}, two-sided ({_BANK} and {FEWEST_FOR_DIFFERENCE} seeds)"
            yield Case(name, SHOWN_CONFIDENCE, truth + wider, covers)


@dataclass(frozen=True)
class Messages:
    """Rows and seeds that both vary. A share of the rows is open: right with log odds N(2, 1.5), moved by each seed.

    Attributes:
        truth: In words.
        open_share: Share of rows that are open; the others are right always.
        lost_share: Share of all rows that the candidate lost.
        harder: Log odds that the candidate lost on open rows.
        seed_spread: Standard deviation of what a seed adds to all open rows, on either side.
    """

    truth: str
    open_share: float
    lost_share: float = 0.0
    harder: float = 0.0
    seed_spread: float = 0.0

    def chances(self, generator: np.random.Generator, seeds: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Of being right, (seeds, rows), before and after."""
        is_open, is_lost = generator.random(rows) < self.open_share, generator.random(rows) < self.lost_share
        odds = np.where(is_open, generator.normal(2.0, 1.5, rows), _ALWAYS_RIGHT)
        after = np.where(is_lost, _LOST, odds - self.harder)
        one, other = generator.normal(0, self.seed_spread, (2, seeds, 1))
        return 1 / (1 + np.exp(-odds - one)), 1 / (1 + np.exp(-after - other))

    def drop(self) -> float:
        """Over all rows and seeds, to a hundredth of a point or two."""
        generator = np.random.default_rng(1)
        drops = [np.subtract(*self.chances(generator, 500, 500)).mean() for _ in range(40)]
        return float(np.mean(drops)) if self.lost_share or self.harder else 0.0


def other_messages() -> Iterator[Case]:
    """The approximate line, where it is printed: four seeds and five rows that differ, or more."""
    same = Messages("nothing changed", 0.1)
    shaken = Messages("nothing changed, seeds move all open rows", 0.1, seed_spread=1.0)
    lost = Messages("1 % of rows lost", 0.05, lost_share=0.01, seed_spread=0.3)
    harder = Messages("open rows harder", 0.1, harder=1.0, seed_spread=0.5)
    few, many = FEWEST_SEEDS, _BANK
    for messages, rows, seeds in (
        *((messages, rows, few) for rows in (49, 300) for messages in (same, shaken, lost, harder)),
        *((messages, 2_000, few) for messages in (shaken, harder)),
        *((messages, 300, many) for messages in (shaken, lost, harder)),
    ):

        def covers(
            generator: np.random.Generator,
            messages: Messages = messages,
            rows: int = rows,
            seeds: int = seeds,
            drop: float = messages.drop(),
        ) -> bool | None:
            before, after = (generator.random((seeds, rows)) < one for one in messages.chances(generator, seeds, rows))
            try:
                seen = multi_bootstrap(before, after, generator=generator, resamples=1_000)
            except VerdictError:  # too few rows differ
                return None
            return seen.low <= drop <= seen.high

        name = f"other messages, approximate ({seeds} seeds)"
        yield Case(name, SHOWN_CONFIDENCE, f"{rows} rows, {messages.truth}", covers, RESAMPLED_SHARE)
