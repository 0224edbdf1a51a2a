"""What fits the time there is: decided before anything but one seed has run."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

#: Seeds are numbered from here: on seed 0 a fault that draws everything from seed 0 would show nothing.
FIRST_SEED = 1
#: In the order in which time is given out and spent.
PARTS = ("seeds", "processes", "trials", "faults", "speed")
#: Seeds of a pool: a bank, or as near as time allows; fewer than the last say too little of a spread.
POOL_SIZES = (20, 16, 12, 8)
#: Fresh processes of one seed; five have an interval of their spread.
PROCESS_NUMBERS = (12, 8, 5)
#: Seeds with each fault: the looks of the gate and as many again to show harm by, fewer looks, or one for lock and
#: identity alone.
FAULT_SEEDS = (40, 20, 8, 4, 1)
#: Clean seeds that are run once more before any fault is put in: does identity clear them?
REPEATED_SEEDS = 2
#: Of the time left after seeds and processes.
SHARES = {"trials": 0.3, "faults": 0.5, "speed": 0.2}
#: Trials whose seeds run in common processes; a chunk is what is lost if time runs out.
TRIALS_PER_CHUNK = 10
#: One process for the banks, and one for each of three looks.
_PROCESSES_PER_CHUNK = 4
#: Candidate seeds of a trial in the mean, guessed: most are decided at the first look or the second.
_SEEDS_PER_CANDIDATE = 8
_POOL_SHARE = 0.8
#: Of the own class, if they take no more than this share of the time: enough for random splits to look at all looks.
LARGE_POOL, _LARGE_POOL_SHARE = 40, 0.1
_PROCESSES_SHARE = 0.2
#: Of a budget that is recommended, for what a plan counts.
_KEPT_SHARE = 0.9
_AGAIN = 1.5


@dataclass(frozen=True)
class Costs:
    """What running takes on this machine, measured on the first process.

    Attributes:
        process_seconds: Before and after the seeds: imports, tracing, the record.
        seed_seconds: Each seed.
    """

    process_seconds: float
    seed_seconds: float

    def of(self, *, seeds: int, processes: int = 1) -> float:
        """Seconds of so many seeds, in all, in so many processes."""
        return processes * self.process_seconds + seeds * self.seed_seconds

    def or_worse(self, seen: Costs) -> Costs:
        """The larger of each, where something took longer than the first process promised."""
        return Costs(max(self.process_seconds, seen.process_seconds), max(self.seed_seconds, seen.seed_seconds))


@dataclass(frozen=True)
class Wishes:
    """What a self-test would do, had it the time.

    Attributes:
        parts: Asked for, of `PARTS`.
        classes: Numerics classes, the own one first.
        faults: Faults that change numbers, or are meant to be invisible: each is run once at least.
        speed_faults: Faults that slow the median step: pairs of processes are to see them, and to clear clean ones.
        bank_seeds: Of the smallest bank.
        pairs: Of processes, the discarded one included, before speed can be decided.
        most_trials: More are not run, whatever time there is.
        candidates_per_bank: Trials that share a bank.
        fault_seeds: Seeds with each fault; None is as many as fit.
    """

    parts: Collection[str]
    classes: Sequence[str]
    faults: int
    speed_faults: int
    bank_seeds: int = 20
    pairs: int = 10
    most_trials: int = 1_000
    candidates_per_bank: int = 1
    fault_seeds: int | None = None


@dataclass(frozen=True)
class Plan:
    """What is going to be done.

    Attributes:
        pool_seeds: Seeds of each class, by name; 0 for one that does not fit.
        processes: Fresh processes of one seed.
        trials: Fresh comparisons.
        faults: How many, of those wished for.
        fault_seeds: Seeds with each.
        speed_faults: How many, of those wished for.
        seconds: Expected of each part.
        left_out: By part, in words, what does not fit; parts of which all fits are not in it.
    """

    pool_seeds: dict[str, int]
    processes: int
    trials: int
    faults: int
    fault_seeds: int
    speed_faults: int
    seconds: dict[str, float]
    left_out: dict[str, str]

    @property
    def words(self) -> dict[str, str]:
        """By part, what is going to be done, with the time it is expected to take."""
        planned = {
            "seeds": ", ".join(f"{seeds} of class {name}" for name, seeds in self.pool_seeds.items()),
            "processes": f"{self.processes} of one seed",
            "trials": f"{self.trials}",
            "faults": f"{self.faults} with {self.fault_seeds} seeds each",
            "speed": f"{self.speed_faults} faults{' and clean processes' * bool(self.speed_faults)}",
        }
        return {part: f"{planned[part]}, {self.seconds[part]:.0f} s" for part in PARTS}


def make_plan(wishes: Wishes, costs: Costs, seconds_left: float) -> Plan:
    """Give out the time: the seeds first, on which all else rests, then shares of what is left.

    Where each of trials, faults and speed fits in small, none grows at the cost of another's being done at all.

    Args:
        wishes: What would be done.
        costs: What it takes.
        seconds_left: Of the budget, after the first process.
    """
    purse = _Purse(seconds_left, _in_small(wishes, costs))
    pools = _pools(wishes, costs, purse) if "seeds" in wishes.parts else dict.fromkeys(wishes.classes, 0)
    processes = _processes(costs, purse) if "processes" in wishes.parts else 0
    asked = [part for part in SHARES if part in wishes.parts]
    trials = _trials(wishes, costs, purse, asked) if "trials" in asked else 0
    faults, fault_seeds = _faults(wishes, costs, purse, asked) if "faults" in asked else (0, 0)
    speed_faults = _speed_faults(wishes, costs, purse) if "speed" in asked else 0
    left_out = purse.left_out | {part: "not asked for" for part in PARTS if part not in wishes.parts}
    return Plan(pools, processes, trials, faults, fault_seeds, speed_faults, purse.spent, left_out)


def enough_minutes(wishes: Wishes, costs: Costs, *, too_short_seconds: float = 0.0) -> int:
    """Of about the smallest budget in which each part that was asked for is done, if only in small, with every fault.

    Args:
        wishes: What was asked for.
        costs: What running takes; the budget has room for the first process, and a tenth of it is left for what no plan
            counts, such as simulations.
        too_short_seconds: A budget in which something that was planned came too late: half as much again is the least.
    """
    minutes = max(1, math.ceil(_AGAIN * too_short_seconds / 60))
    first = costs.of(seeds=1)

    def is_enough(budget_seconds: float) -> bool:
        """Whether with or without that tenth: with more time a larger pool of one class may take another's place."""
        plans = (make_plan(wishes, costs, share * budget_seconds - first) for share in (_KEPT_SHARE, 1.0))
        return all(covers(plan, wishes) for plan in plans)

    while not is_enough(60.0 * minutes):
        minutes += max(1, minutes // 20)
    return minutes


def covers(plan: Plan, wishes: Wishes) -> bool:
    """Whether each part that was asked for is done, if only in small, and no fault is left out."""
    done = {
        "seeds": all(plan.pool_seeds.values()),
        "processes": plan.processes > 0,
        "trials": plan.trials > 0 or not wishes.most_trials,
        "faults": plan.faults == wishes.faults,
        "speed": plan.speed_faults == wishes.speed_faults,
    }
    return all(done[part] for part in wishes.parts)


class _Purse:
    """Time, and what it was promised to."""

    def __init__(self, seconds: float, in_small: Mapping[str, float]) -> None:
        self.left = seconds
        self._in_small = in_small
        self.spent = dict.fromkeys(PARTS, 0.0)
        self.left_out: dict[str, str] = {}

    def spend(self, part: str, seconds: float) -> None:
        self.spent[part] += seconds
        self.left -= seconds

    def share(self, part: str, asked: Sequence[str]) -> float:
        """Of what is left, among this part and those that come after it; if all fit, enough for each in small."""
        later = asked[asked.index(part) :]
        share = max(0.0, self.left) * SHARES[part] / sum(SHARES[name] for name in later)
        kept = sum(self._in_small[name] for name in later[1:])
        if kept + self._in_small[part] > self.left:
            return share
        return min(max(share, self._in_small[part]), self.left - kept)


def _in_small(wishes: Wishes, costs: Costs) -> dict[str, float]:
    """Seconds of the least that each part does: one trial, every fault with the fewest seeds, all pairs."""
    trial = trial_seconds(1, costs=costs, bank_seeds=wishes.bank_seeds, candidates_per_bank=wishes.candidates_per_bank)
    seeds = wishes.fault_seeds or FAULT_SEEDS[-1]
    faults = costs.of(seeds=REPEATED_SEEDS) + costs.of(seeds=wishes.faults * seeds, processes=wishes.faults)
    return {
        "trials": trial if wishes.most_trials else 0.0,
        "faults": faults if wishes.faults else 0.0,
        "speed": _speed_seconds(wishes.speed_faults, wishes, costs),
    }


def _pools(wishes: Wishes, costs: Costs, purse: _Purse) -> dict[str, int]:
    """The own class gets the largest pool that leaves something for the others; they get as many seeds, or none."""
    allowed = _POOL_SHARE * purse.left
    sizes = [size for size in POOL_SIZES if costs.of(seeds=size) <= allowed]
    both = [size for size in sizes if 2 * costs.of(seeds=size) <= allowed]
    size = (both or sizes or [0])[0]
    pools = {}
    for name in wishes.classes:
        is_cheap = costs.of(seeds=LARGE_POOL) <= _LARGE_POOL_SHARE * purse.left
        seeds = LARGE_POOL if name == wishes.classes[0] and is_cheap else size
        pools[name] = seeds if seeds and costs.of(seeds=seeds) <= purse.left else 0
        purse.spend("seeds", costs.of(seeds=pools[name]) if pools[name] else 0.0)
    absent = [name for name, seeds in pools.items() if not seeds]
    if absent or size < wishes.bank_seeds:
        needed = _time(len(pools) * costs.of(seeds=wishes.bank_seeds))
        said = f"no seeds of {', '.join(absent)}" if absent else f"{size} seeds instead of {wishes.bank_seeds}"
        purse.left_out["seeds"] = f"{said}; {wishes.bank_seeds} in each of {len(pools)} classes need {needed}"
    return pools


def _processes(costs: Costs, purse: _Purse) -> int:
    def cost(number: int) -> float:
        return costs.of(seeds=number, processes=number)

    most = PROCESS_NUMBERS[0]
    fitting = [number for number in PROCESS_NUMBERS if cost(number) <= _PROCESSES_SHARE * max(0.0, purse.left)]
    number = fitting[0] if fitting else 0
    purse.spend("processes", cost(number))
    if number < most:
        purse.left_out["processes"] = f"{number} processes instead of {most}, which need {_time(cost(most))}"
    return number


def trial_seconds(trials: int, *, costs: Costs, bank_seeds: int, candidates_per_bank: int = 1) -> float:
    """Of so many fresh comparisons; the seeds that candidates take are guessed."""
    banks = math.ceil(trials / candidates_per_bank)
    processes = math.ceil(trials / TRIALS_PER_CHUNK) * _PROCESSES_PER_CHUNK
    return costs.of(seeds=banks * bank_seeds + trials * _SEEDS_PER_CANDIDATE, processes=processes)


def _trials(wishes: Wishes, costs: Costs, purse: _Purse, asked: Sequence[str]) -> int:
    def cost(trials: int) -> float:
        return trial_seconds(
            trials,
            costs=costs,
            bank_seeds=wishes.bank_seeds,
            candidates_per_bank=wishes.candidates_per_bank,
        )

    allowed = purse.share("trials", asked)
    trials = bisect_right(range(1, wishes.most_trials + 1), allowed, key=cost)
    purse.spend("trials", cost(trials))
    if trials < wishes.most_trials:
        purse.left_out["trials"] = f"{trials} trials; each further ten need about {_time(cost(10))}"
    return trials


def _faults(wishes: Wishes, costs: Costs, purse: _Purse, asked: Sequence[str]) -> tuple[int, int]:
    def cost(faults: int, seeds: int) -> float:
        return costs.of(seeds=faults * seeds, processes=faults)

    repeat = costs.of(seeds=REPEATED_SEEDS)
    allowed = max(0.0, purse.share("faults", asked) - repeat)
    sizes = FAULT_SEEDS if wishes.fault_seeds is None else (wishes.fault_seeds,)
    seeds = next((size for size in sizes if cost(wishes.faults, size) <= allowed), sizes[-1])
    number = min(wishes.faults, int(allowed / cost(1, seeds)))
    purse.spend("faults", repeat + cost(number, seeds) if number else 0.0)
    words = []
    if number < wishes.faults:
        words.append(
            f"{number} of {wishes.faults} faults; all with {seeds} seeds need {_time(cost(wishes.faults, seeds))}"
        )
    if seeds < sizes[0]:
        words.append(f"{seeds} seeds with each; {sizes[0]} need {_time(cost(wishes.faults, sizes[0]))}")
    if words:
        purse.left_out["faults"] = "; ".join(words)
    return number, seeds


def pairs_seconds(pairs: int, costs: Costs) -> float:
    """Of so many pairs of processes, a seed in each."""
    return costs.of(seeds=2 * pairs, processes=2 * pairs)


def _speed_seconds(faults: int, wishes: Wishes, costs: Costs) -> float:
    """Of the fewest pairs with each of so many faults, and as many of clean processes before them."""
    return (1 + faults) * pairs_seconds(wishes.pairs, costs) if faults else 0.0


def _speed_faults(wishes: Wishes, costs: Costs, purse: _Purse) -> int:
    places = int(max(0.0, purse.left) / pairs_seconds(wishes.pairs, costs))
    number = min(wishes.speed_faults, max(0, places - 1))  # one place is that of clean processes
    purse.spend("speed", _speed_seconds(number, wishes, costs))
    if number < wishes.speed_faults:
        needed = _time(_speed_seconds(wishes.speed_faults, wishes, costs))
        purse.left_out["speed"] = f"{number} of {wishes.speed_faults} faults; all need {needed} or more"
    return number


def _time(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"  # noqa: PLR2004 - two minutes
