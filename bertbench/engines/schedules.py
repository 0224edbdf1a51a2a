"""The learning rate of each step, as plain arithmetic that any engine feeds to its optimizer."""

from __future__ import annotations

import math

from bertbench.spec import ScheduleSpec


def learning_rate_at(step: int, *, peak: float, schedule: ScheduleSpec, total_steps: int) -> float:
    """Learning rate that step *step* applies.

    The rate rises linearly over the first `round(warmup_fraction * total_steps)` steps, is *peak* at the last of them
    (at step 0 without warm-up), and then stays (`constant`) or falls, to `end_fraction * peak` at the last step of the
    run: along a straight line (`linear`) or half a period of a cosine (`cosine`). No step is applied with rate zero
    but for `end_fraction = 0`.

    Args:
        step: From 0; steps past the end keep the final rate.
        peak: The optimizer's `learning_rate`.
        schedule: The shape.
        total_steps: Steps of the whole run, 1 or more.
    """
    warmup_steps = round(schedule.warmup_fraction * total_steps)
    top = max(warmup_steps - 1, 0)
    step = min(step, total_steps - 1)
    if step < top:
        return peak * (step + 1) / warmup_steps
    if schedule.kind == "constant":
        return peak
    progress = (step - top) / max(total_steps - 1 - top, 1)
    height = 1.0 - progress if schedule.kind == "linear" else 0.5 * (1.0 + math.cos(math.pi * progress))
    return peak * (schedule.end_fraction + (1.0 - schedule.end_fraction) * height)
