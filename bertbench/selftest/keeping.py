"""Every promise held against everything that a self-test saw."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bertbench.selftest.fault_facts import FaultRow
from bertbench.selftest.figures import RateFacts
from bertbench.selftest.promises import FALSE_ALARMS, PROMISES, SPEED_POWER, Promise
from bertbench.selftest.record import GateRow, PartOutcome, PromiseFacts, SelfTest
from bertbench.stats import ExactRate, exact_rate
from bertbench.verdict.speed_comparison import speed_rule

#: Words of speed that can keep or break a promise.
_DECIDED = ("pass", "fail")


def kept_promises(found: SelfTest) -> tuple[PromiseFacts, ...]:
    """Those about which something was seen."""
    return (
        *_simulated(found),
        *_tried(found),
        *_same_bits(found),
        *_faults_seen(found),
        *_harmful_faults(found),
        *_unchanged_speed(found),
        *_slow_faults(found),
    )


def outcome_of(promises: Collection[PromiseFacts], found: SelfTest, *, asked: Collection[str]) -> PartOutcome:
    """Fail if one is violated, undecided if an asked part saw nothing that could have violated one.

    Of two parts nothing is expected where there is nothing to ask, and of them alone nothing follows: of faults where
    the spec refuses every one that was asked for, and of speed where none of these slows the median step.
    """
    if any(promise.standing == "violated" for promise in promises):
        return "fail"
    seen = {
        "seeds": bool(found.quality_gate and found.effects),
        "processes": found.processes is not None and found.processes.processes > 1,
        "trials": found.trials is not None and bool(found.trials.counted or found.trials.identity_decides),
        "faults": _are_clean(found) and any(row.identity or row.run == "fail" for row in found.faults),
        "speed": _is_slowness_seen(found),
    }
    is_clean = found.clean is None or _are_clean(found)  # where none was put in, nothing had to be cleared
    silent = set()
    if is_clean and found.faults and all(row.is_refused for row in found.faults):
        silent.add("faults")
    if not _slow(found):
        silent.add("speed")
    expected = set(asked) - silent
    measured = bool(expected) and all(seen[part] for part in expected)
    return "pass" if measured and not found.interrupted else "undecided"


def is_promised(row: FaultRow) -> bool:
    """Whether speed must see it: it slows the median step by the margin or more."""
    return row.median_step_slower_by is not None and row.median_step_slower_by >= speed_rule().margin


def _are_clean(found: SelfTest) -> bool:
    """Whether lock and identity clear runs without a fault, so that they could be asked about those with one."""
    return found.clean is not None and (found.clean.lock, found.clean.identity) == ("pass", "equal")


def _slow(found: SelfTest) -> list[FaultRow]:
    """Faults that pairs of processes can see, but for those that the spec refuses."""
    return [row for row in found.faults if row.slows_median_step and not row.is_refused]


def _is_slowness_seen(found: SelfTest) -> bool:
    """Whether pairs saw one of the faults that they must see, or decided at all where there is none of these.

    A lone pass of such a fault contradicts no rate, and is nothing to be green by.
    """
    slow = _slow(found)
    if any(is_promised(row) for row in slow):
        return any(row.speed == "fail" for row in slow if is_promised(row))
    return any(row.speed in _DECIDED for row in slow)


def _simulated(found: SelfTest) -> Iterator[PromiseFacts]:
    for kind, rows in (("quality", found.quality_gate), ("speed", found.speed_gate)):
        for row in rows:
            for promise in PROMISES.get(row.truth, ()):
                about = f"{kind}, simulated on what was measured: {row.words}"
                yield _held(about, promise, _rate(row, promise), may_show=False)


def _rate(row: GateRow, promise: Promise) -> RateFacts:
    return {"fail": row.fail, "pass": row.passed, "undecided": row.undecided}[promise.verdict]


def _tried(found: SelfTest) -> Iterator[PromiseFacts]:
    if found.trials is None or not found.trials.counted:
        return
    words = [trial.word for trial in found.trials.counted]
    about = f"fresh trials with class {found.trials.candidate_class}{_one_of(found.gated_specs)}"
    for whole in PROMISES["same"]:
        promise = whole.of_each(found.gated_specs)
        seen = RateFacts.of(exact_rate(words.count(promise.verdict), len(words)))
        yield _held(about, promise, seen, may_show=found.trials.candidates_per_bank == 1)


def _same_bits(found: SelfTest) -> Iterator[PromiseFacts]:
    seen = found.processes
    if seen is not None and seen.processes > 1:
        broken = [f"process {number}" for number in seen.other_bits]
        yield _certain("one seed in fresh processes", "equal bits", seen.processes, broken)


def _faults_seen(found: SelfTest) -> Iterator[PromiseFacts]:
    """What changed a number must be seen; what is meant to change none must leave the bits alone."""
    asked = [row for row in found.faults if row.run == "fail" or (row.run and row.lock and row.identity)]
    changing = [row for row in asked if row.run == "fail" or row.changed_numbers]
    if changing:
        unseen = [row.name for row in changing if not _is_seen(row)]
        yield _certain("faults that changed a number of a run", "seen by run, lock or identity", len(changing), unseen)
    harmless = [row for row in found.faults if row.identity and not row.changes_numbers]
    if harmless:
        changed = [row.name for row in harmless if row.identity != "equal"]
        yield _certain("faults of time and memory alone", "equal bits", len(harmless), changed)


def _is_seen(row: FaultRow) -> bool:
    return "fail" in (row.run, row.lock) or row.identity == "differs"


def _harmful_faults(found: SelfTest) -> Iterator[PromiseFacts]:
    """Those shown to cost the margin at least, or to make seeds fail, by seeds that quality did not judge."""
    harmful = [row for row in found.faults if row.is_harmful(found.margin_points)]
    if harmful:
        seen = RateFacts.of(exact_rate(sum(row.quality == "fail" for row in harmful), len(harmful)))
        (promise,) = [promise for promise in PROMISES["point"] if promise.verdict == "fail"]
        yield _held(
            "faults shown to cost the margin or more, or to make seeds fail, judged by quality",
            promise,
            seen,
            may_show=True,
        )


def _unchanged_speed(found: SelfTest) -> Iterator[PromiseFacts]:
    """Comparisons that had pairs enough to fail, though nothing changed."""
    words = [one.word for one in found.unchanged_speed if one.could_fail]
    if words:
        seen = RateFacts.of(exact_rate(words.count("fail"), len(words)))
        about = f"pairs of clean processes{_one_of(found.gated_specs)}"
        yield _held(about, FALSE_ALARMS.of_each(found.gated_specs), seen, may_show=True)


def _slow_faults(found: SelfTest) -> Iterator[PromiseFacts]:
    """Slowed by the margin or more, as far as pairs decided: undecided is an answer where the machine is noisy."""
    words = [row.speed for row in _slow(found) if is_promised(row) and row.speed in _DECIDED]
    if words:
        seen = RateFacts.of(exact_rate(words.count("fail"), len(words)))
        about = f"steps {100 * speed_rule().margin:g} % slower or more, where pairs decided"
        yield _held(about, SPEED_POWER, seen, may_show=True)


def _one_of(gated_specs: int) -> str:
    """That each is one check of a CI run; empty where a run has no other."""
    return "" if gated_specs == 1 else f", each one check of {gated_specs}"


def _held(about: str, promise: Promise, seen: RateFacts, *, may_show: bool) -> PromiseFacts:
    rate = ExactRate(seen.count, seen.trials, seen.low, seen.high, 0.95)
    standing = promise.standing(rate, may_show=may_show)
    return PromiseFacts(about=about, promise=promise.words, seen=seen, standing=standing)


def _certain(about: str, promise: str, cases: int, broken: Collection[str]) -> PromiseFacts:
    """A promise that allows no exception: one breaks it, and none shows no more than that there was none."""
    return PromiseFacts(
        about=about,
        promise=promise,
        seen=RateFacts.of(exact_rate(cases - len(broken), cases)),
        without_exception=True,
        standing="violated" if broken else "consistent",
        note=", ".join(broken),
    )
