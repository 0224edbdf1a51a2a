"""What each layer of the verdict said of runs with a fault, and of runs without one, as it is written."""

from __future__ import annotations

from typing import Literal

from bertbench.record import Fact
from bertbench.selftest.figures import Count, IntervalFacts, RateFacts

#: What a layer of the verdict said of a fault; empty if it was not asked.
LayerWord = Literal["", "pass", "fail", "undecided", "no_baseline", "equal", "differs"]
Layer = Literal["run", "lock", "identity", "quality", "speed", "none", ""]


class CleanFacts(Fact):
    """Runs without a fault, asked what faulty ones are asked: a layer that does not clear them convicts no fault."""

    lock: LayerWord = ""
    """The worst that the recipe lock says of any of them."""
    identity: LayerWord = ""
    """Bits of *repeated_seeds* in one more process, against those from before."""
    repeated_seeds: tuple[int, ...] = ()
    """In the order in which runs with a fault take them."""
    reason: str = ""
    """Why a layer is not trusted; empty if both are."""


class UnchangedSpeed(Fact):
    """Pairs of clean processes, asked what faulty ones are asked; where they fail, no faulty one is asked."""

    word: LayerWord
    """What the speed comparison says."""
    pairs: Count
    """Counted ones."""
    could_fail: bool
    """Whether so many could have failed, whatever their times; a comparison that could not is in no rate."""
    slowdown: float | None = None
    """Estimated, as a share."""
    reason: str = ""
    """Of the word."""


class FaultRow(Fact):
    """One fault and what each layer said of it."""

    name: str
    """In the catalogue."""
    does: str
    """One sentence."""
    changes_numbers: bool
    """Whether it is meant to."""
    slows_median_step: bool = False
    """Whether it is meant to slow the median step, which is all that speed is gated by; False before schema 2."""
    median_step_slower_by: float | None = None
    """By which share; None before schema 3."""
    changed_numbers: bool | None = None
    """Whether any loss, gradient norm, rate, count or quality of a seed was another than without it, times apart; None
    if no seed completed with it, or if clean runs differ among themselves."""
    seeds: Count = 0
    """Run with it."""
    failed_seeds: Count = 0
    """Of these, no better than always the largest class; not counted before schema 3."""
    run: LayerWord = ""
    """Whether it completed."""
    lock: LayerWord = ""
    """Recipe lock; not asked where it does not pass clean runs."""
    identity: LayerWord = ""
    """Bits against clean runs of the same seeds; not asked where those differ among themselves."""
    quality: LayerWord = ""
    """Gate against the own class's bank; 'undecided' where its looks ask for more seeds than were run."""
    speed: LayerWord = ""
    """Pairs of processes with and without it; asked of faults that slow the median step alone."""
    caught_by: Layer = ""
    """The first layer that saw it; `none` if those asked did not; empty if it was not run."""
    drop_points: IntervalFacts | None = None
    """Mean of the own class minus that with the fault; None with fewer than five seeds a side (two before schema 2), of
    seeds with the same bits one counted; exactly 0 where no bit and no number changed (schema 3)."""
    harm_points: IntervalFacts | None = None
    """The same over seeds that had no part in *quality* on either side, so that one can contradict the other; None with
    fewer than ten such seeds a side."""
    harm_failed: RateFacts | None = None
    """Failed ones among the seeds with it that had no part in *quality*; None with fewer than ten, and before
    schema 3."""
    fails_too_often: bool = False
    """Whether *harm_failed* are more than the spec's allowed rate of failed seeds explains."""
    slowdown: float | None = None
    """Estimated by pairs of processes, as a share."""
    reason: str = ""
    """What the layer that caught it said; of a fault that was refused since it would do nothing to this spec, why."""
    broke_off: str = ""
    """Why a process ended that nothing was meant to end; such a run, or such pairs, say nothing of any layer."""

    @property
    def is_refused(self) -> bool:
        """Whether the spec refused it, since it would change nothing of it: then no layer was asked."""
        return bool(self.reason) and not self.caught_by

    def is_harmful(self, margin_points: float) -> bool:
        """Whether seeds that quality did not judge show it to cost the margin or more, or to make seeds fail."""
        costs_it = self.harm_points is not None and self.harm_points.low >= margin_points
        return bool(self.quality) and (costs_it or self.fails_too_often)
