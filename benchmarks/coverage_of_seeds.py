"""Intervals over seeds: the drop, class effects, means, spreads, tails, correlations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from coverage_draws import COLLAPSING, SEEDS, Case, Seeds, left_tail
from scipy import special

from bertbench.errors import VerdictError
from bertbench.stats import (
    LOOKS,
    SHARES,
    DifferenceOfMeans,
    correlation_interval,
    difference_of_means,
    lower_tail,
    rounding_spread,
    spread_interval,
    tolerance_factor,
)
from bertbench.stats.noninferiority import FEWEST_FOR_INTERVAL as FEWEST_FOR_DIFFERENCE
from bertbench.stats.sequential import PASS_ALPHA, SHOWN_CONFIDENCE
from bertbench.stats.spread import FEWEST_FOR_INTERVAL, FEWEST_FOR_TAIL, FEWEST_PAIRS

#: As `bertbench.selftest.measuring` has it, which this does not load.
FEWEST_FOR_EFFECT = 5
_BANK = 20
_USUAL = 0.95
#: Rows that a spread of 0.5 points on 300 rows is, and about that of seed_card.
_ROWS_OF_SPREAD = {"0.5 points of 300 rows": 1.5, "1.5 points of 49 rows": 0.75}


def of_seeds() -> Iterator[Case]:
    """All of them."""
    yield from drops()
    yield from bounds()
    yield from effects()
    yield from means()
    yield from tolerances()
    yield from spreads()
    yield from tails()
    yield from correlations()


def drops() -> Iterator[Case]:
    """The drop D as the verdict prints it, at the smallest candidate, also where its spread grew."""
    for ratio in (1, 1.5, 2):
        for seeds in SEEDS:
            yield _two_sided("drop D, two-sided", seeds, (_BANK, FEWEST_FOR_DIFFERENCE), ratio, SHOWN_CONFIDENCE)
    for seeds in SEEDS:
        sizes = FEWEST_FOR_DIFFERENCE, FEWEST_FOR_DIFFERENCE
        yield _two_sided("drop D, two-sided, smallest bank", seeds, sizes, 1, SHOWN_CONFIDENCE)


def bounds() -> Iterator[Case]:
    """The upper bound that a pass rests on: at each look, and where failed seeds leave two of the first."""
    for size, look, share in ((2, "first", SHARES[0]), *zip(LOOKS, ("first", "second", "last"), SHARES, strict=True)):
        for ratio in (1, 2):
            for seeds in SEEDS:
                yield _upper_bound(f"upper bound of D, {look} look", seeds, size, ratio, 1 - PASS_ALPHA * share)


def effects() -> Iterator[Case]:
    """The self-test's difference between two classes, and between clean seeds and those with a fault."""
    for ratio in (1, 2):
        for seeds in SEEDS:
            yield _two_sided("class effect", seeds, (FEWEST_FOR_EFFECT, FEWEST_FOR_EFFECT), ratio, _USUAL)
    for ratio in (1, 2):
        for seeds in SEEDS:
            yield _two_sided("drop of a fault", seeds, (40, FEWEST_FOR_EFFECT), ratio, _USUAL)


def means() -> Iterator[Case]:
    """`over = "lower_bound"`: both sides of the mean; two seeds are the fewest, five are usual."""
    for size in (2, 5):
        for side, sign in (("passing", 1), ("failing", -1)):
            for seeds in SEEDS:

                def covers(
                    generator: np.random.Generator,
                    seeds: Seeds = seeds,
                    size: int = size,
                    sign: int = sign,
                    mean: float = seeds.mean,
                ) -> bool:
                    seen = seeds.draw(generator, size)
                    spread = max(float(seen.std(ddof=1)), rounding_spread(seeds.rows))
                    half = special.stdtrit(size - 1, _USUAL) * spread / np.sqrt(size)
                    return bool(sign * (seen.mean() - mean) <= half)

                yield Case(f"lower_bound of a mean, {side} side ({size} seeds)", _USUAL, seeds.name, covers)


def tolerances() -> Iterator[Case]:
    """The audit's 'so many spreads above the bar': below it lies 1 % of fresh seeds."""
    for size in (2, 5):
        factor = tolerance_factor(size)
        for seeds in SEEDS:

            def covers(
                generator: np.random.Generator,
                seeds: Seeds = seeds,
                size: int = size,
                factor: float = factor,
                lowest: float = seeds.quantile(0.01) + 0.5 / seeds.rows,
            ) -> bool:
                seen = seeds.draw(generator, size)
                spread = max(float(seen.std(ddof=1)), rounding_spread(seeds.rows))
                return bool(seen.mean() - factor * spread <= lowest)

            yield Case(f"tolerance bound of 99 % of seeds ({size} seeds)", _USUAL, seeds.name, covers)


def spreads() -> Iterator[Case]:
    """Bonett's, at the fewest and at the number that a self-test plans."""
    for size in (FEWEST_FOR_INTERVAL, _BANK):
        for seeds in SEEDS:

            def covers(
                generator: np.random.Generator, seeds: Seeds = seeds, size: int = size, spread: float = seeds.deviation
            ) -> bool:
                seen = spread_interval(seeds.draw(generator, size))
                return seen.low <= spread <= seen.high

            yield Case(f"spread over seeds ({size} seeds)", _USUAL, seeds.name, covers)


def tails() -> Iterator[Case]:
    """Share of seeds more than two spreads below the mean."""
    for seeds in (*SEEDS, COLLAPSING):

        def covers(generator: np.random.Generator, seeds: Seeds = seeds, tail: float = seeds.tail) -> bool:
            seen = lower_tail(seeds.draw(generator, FEWEST_FOR_TAIL))
            return seen.low <= tail <= seen.high

        yield Case(f"share of seeds in the tail ({FEWEST_FOR_TAIL} seeds)", _USUAL, seeds.name, covers)


def correlations() -> Iterator[Case]:
    """Same seeds on two sides, rounded to whole rows: a common part and one of each side's own."""
    for words, spread in _ROWS_OF_SPREAD.items():
        for correlation in (0.0, 0.7, 0.9):
            yield _correlated(f"normal, spread {words}", spread, correlation, skewed=False)
    yield _correlated("left tail, spread 0.5 points of 300 rows", 1.5, 0.7, skewed=True)


def _correlated(words: str, spread: float, correlation: float, *, skewed: bool) -> Case:
    def pairs(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        parts = left_tail(generator, (3, size)) if skewed else generator.standard_normal((3, size))
        own = np.sqrt(correlation) * parts[0] + np.sqrt(1 - correlation) * parts[1:]
        one, other = np.rint(spread * own)
        return one, other

    truth = float(np.corrcoef(*pairs(np.random.default_rng(1), 1_000_000))[0, 1])

    def covers(generator: np.random.Generator) -> bool | None:
        try:
            seen = correlation_interval(*pairs(generator, FEWEST_PAIRS))
        except VerdictError:  # a side without spread has none
            return None
        return seen.low <= truth <= seen.high

    return Case(
        f"correlation of same seeds ({FEWEST_PAIRS} seeds)", _USUAL, f"{words}, correlation {correlation}", covers
    )


def _two_sided(name: str, seeds: Seeds, sizes: tuple[int, int], ratio: float, confidence: float) -> Case:
    other = seeds.wider(ratio)
    truth = seeds.mean - other.mean

    def covers(generator: np.random.Generator) -> bool:
        low, high = _difference(generator, seeds, other, sizes).interval(confidence)
        return low <= truth <= high

    return Case(f"{name} ({sizes[0]} and {sizes[1]} seeds)", confidence, other.name, covers)


def _upper_bound(name: str, seeds: Seeds, size: int, ratio: float, confidence: float) -> Case:
    other = seeds.wider(ratio)
    truth = seeds.mean - other.mean

    def covers(generator: np.random.Generator) -> bool:
        return _difference(generator, seeds, other, (_BANK, size)).upper_bound(confidence) >= truth

    return Case(f"{name} ({_BANK} and {size} seeds)", confidence, other.name, covers)


def _difference(
    generator: np.random.Generator, seeds: Seeds, other: Seeds, sizes: tuple[int, int]
) -> DifferenceOfMeans:
    sides = seeds.draw(generator, sizes[0]), other.draw(generator, sizes[1])
    return difference_of_means(*sides, least_spread=rounding_spread(seeds.rows))
