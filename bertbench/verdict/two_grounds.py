"""A comparison whose runs turn out to be of two grounds: code, libraries or data were changed between them.

What the first run and those on its ground show is kept in words. It passes nobody, since nobody knows which of the two
grounds was to be tested; and a difference of ground accuses nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bertbench.baseline.ground import conflict, differing, parted
from bertbench.errors import VerdictError
from bertbench.record import RunRecord
from bertbench.verdict.outcomes import Check


def doubt_two_grounds(identity: Check, quality: Check, ran: Sequence[RunRecord]) -> tuple[Check, Check]:
    """The checks of the runs on the first one's ground, as far as they hold where others are on another ground.

    Args:
        identity: Of those runs with a baseline.
        quality: Likewise.
        ran: All runs, the first being the one that promises are held against.

    Returns:
        Identity, quality. A fail stays one, and so does `no_baseline`; a pass of quality is undecided, that of identity
        too unless bits are equal, which is certain. No seeds are wanted any more.

    Raises:
        VerdictError: If all runs are of one ground.
    """
    two = conflict(ran)
    if two is None:
        raise VerdictError(f"{', '.join(run.run_id for run in ran)}: runs of two grounds were expected, and all agree")
    if quality.outcome == "no_baseline":
        return identity, quality
    early, late = two
    counted = ", ".join(run.run_id for run in parted(tuple(ran))[0])
    told = (
        f"{early.run_id} and {late.run_id} are not one candidate: they differ in "
        f"{', '.join(differing([early], than=[late]))}, so something was changed between them"
    )
    if quality.outcome == "fail":
        return identity, replace(quality, reason=f"{quality.reason}. {told}; counted was {counted} alone")
    undecided = replace(
        quality,
        outcome="undecided",
        observed="runs of two grounds",
        observed_value=None,
        reason=f"{told}. Of {counted} alone: {quality.reason}",
        next_step="run again, and change nothing until it has ended",
        numbers={},
        seeds_wanted=(),
    )
    if identity.outcome == "pass" and identity.observed != "equal bits":
        identity = replace(identity, outcome="undecided", next_step=f"see {quality.name}")
    return identity, undecided
