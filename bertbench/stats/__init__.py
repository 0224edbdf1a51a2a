"""Pure functions on numbers: what the verdict's comparison rests on. The random generator is always an argument.

Importing this loads scipy.stats, which takes half a second: do it where a comparison is made, not before.
"""

from bertbench.stats.clopper_pearson import ExactRate, exact_lower_bound, exact_rate, exact_upper_bound
from bertbench.stats.failed_seeds import (
    UNEXPLAINED_BELOW,
    FailedSeedLimits,
    FailedSeeds,
    chance_of_failed_seeds,
    failed_seed_limits,
    judge_failed_seeds,
)
from bertbench.stats.fresh_run import FreshRun, distance_of_chance, predictive_run_miss_chance
from bertbench.stats.many_comparisons import FailedSeedRule, decide_many
from bertbench.stats.multi_bootstrap import MultiBootstrap, multi_bootstrap
from bertbench.stats.noninferiority import DifferenceOfMeans, difference_of_means
from bertbench.stats.permutation import PermutationTest, permutation_test
from bertbench.stats.samples import rounding_spread
from bertbench.stats.seed_plan import SeedPlan, SeedQuestion, fewest_that_can_fail, plan_seeds
from bertbench.stats.sequential import (
    LOOKS,
    SHARES,
    LookDecision,
    QualityRule,
    QualitySamples,
    decide_in_turn,
    decide_look,
)
from bertbench.stats.signed_rank import (
    SignedRankTest,
    signed_rank_interval,
    signed_rank_test,
    signed_rank_upper_bound,
)
from bertbench.stats.simulation import (
    BankRates,
    GateRates,
    GateScenario,
    draw_runs,
    measured_scenario,
    rates_of_words,
    simulate_banks,
    simulate_gate,
    simulate_runs,
)
from bertbench.stats.speed_rule import (
    PairedDifferences,
    SpeedLook,
    SpeedRule,
    SpeedSeries,
    look_at,
    looks_in_turn,
)
from bertbench.stats.speed_simulation import (
    SpeedRates,
    SpeedScenario,
    draw_speed_runs,
    simulate_speed,
    simulate_speed_runs,
)
from bertbench.stats.spread import Interval, correlation_interval, lower_tail, spread_interval
from bertbench.stats.threshold_audit import ThresholdAudit, audit_threshold
from bertbench.stats.tolerance import predictive_miss_chance, tolerance_factor

__all__ = [
    "LOOKS",
    "SHARES",
    "UNEXPLAINED_BELOW",
    "BankRates",
    "DifferenceOfMeans",
    "ExactRate",
    "FailedSeedLimits",
    "FailedSeedRule",
    "FailedSeeds",
    "FreshRun",
    "GateRates",
    "GateScenario",
    "Interval",
    "LookDecision",
    "MultiBootstrap",
    "PairedDifferences",
    "PermutationTest",
    "QualityRule",
    "QualitySamples",
    "SeedPlan",
    "SeedQuestion",
    "SignedRankTest",
    "SpeedLook",
    "SpeedRates",
    "SpeedRule",
    "SpeedScenario",
    "SpeedSeries",
    "ThresholdAudit",
    "audit_threshold",
    "chance_of_failed_seeds",
    "correlation_interval",
    "decide_in_turn",
    "decide_look",
    "decide_many",
    "difference_of_means",
    "distance_of_chance",
    "draw_runs",
    "draw_speed_runs",
    "exact_lower_bound",
    "exact_rate",
    "exact_upper_bound",
    "failed_seed_limits",
    "fewest_that_can_fail",
    "judge_failed_seeds",
    "look_at",
    "looks_in_turn",
    "lower_tail",
    "measured_scenario",
    "multi_bootstrap",
    "permutation_test",
    "plan_seeds",
    "predictive_miss_chance",
    "predictive_run_miss_chance",
    "rates_of_words",
    "rounding_spread",
    "signed_rank_interval",
    "signed_rank_test",
    "signed_rank_upper_bound",
    "simulate_banks",
    "simulate_gate",
    "simulate_runs",
    "simulate_speed",
    "simulate_speed_runs",
    "spread_interval",
    "tolerance_factor",
]
