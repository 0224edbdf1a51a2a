"""Promises held against records; knows nothing of TensorFlow."""

from bertbench.verdict.budgets import budget_name, judge_budget
from bertbench.verdict.candidate import Candidate
from bertbench.verdict.comparison import (
    comparable,
    compare,
    identity_name,
    no_baseline,
    quality_name,
    skipped_comparison,
)
from bertbench.verdict.diagnosis import Diagnosis, diagnose
from bertbench.verdict.identity import NAME as IDENTITY_NAME
from bertbench.verdict.identity import judge_repeat
from bertbench.verdict.locked_comparison import hold_recipes, locks_of
from bertbench.verdict.outcomes import PRECEDENCE, SPEED_NAME, Check, Outcome, overall
from bertbench.verdict.recipe_lock import NAME as RECIPE_LOCK_NAME
from bertbench.verdict.recipe_lock import judge_recipe
from bertbench.verdict.run_verdict import judge_run
from bertbench.verdict.thresholds import judge_threshold, threshold_name
from bertbench.verdict.two_grounds import doubt_two_grounds

__all__ = [
    "IDENTITY_NAME",
    "PRECEDENCE",
    "RECIPE_LOCK_NAME",
    "SPEED_NAME",
    "Candidate",
    "Check",
    "Diagnosis",
    "Outcome",
    "budget_name",
    "comparable",
    "compare",
    "diagnose",
    "doubt_two_grounds",
    "hold_recipes",
    "identity_name",
    "judge_budget",
    "judge_recipe",
    "judge_repeat",
    "judge_run",
    "judge_threshold",
    "locks_of",
    "no_baseline",
    "overall",
    "quality_name",
    "skipped_comparison",
    "threshold_name",
]
