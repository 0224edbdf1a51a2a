"""Promises held against records; knows nothing of TensorFlow."""

from bertbench.verdict.budgets import budget_name, judge_budget
from bertbench.verdict.diagnosis import Diagnosis, diagnose
from bertbench.verdict.identity import NAME as IDENTITY_NAME
from bertbench.verdict.identity import judge_repeat
from bertbench.verdict.outcomes import PRECEDENCE, Check, Outcome, overall
from bertbench.verdict.thresholds import judge_threshold, threshold_name

__all__ = [
    "IDENTITY_NAME",
    "PRECEDENCE",
    "Check",
    "Diagnosis",
    "Outcome",
    "budget_name",
    "diagnose",
    "judge_budget",
    "judge_repeat",
    "judge_threshold",
    "overall",
    "threshold_name",
]
