"""What decides a comparison of quality: the spec's rule, and the share of the error rates that this check may spend.

Of the chance to fail one CI run in which nothing changed, half is for quality. It is shared out in advance: among the
specs that the project gates, then four fifths for the mean and a fifth for the number of failed seeds, then the part of
the mean among the baselines that a run is compared with. Loads scipy.
"""

from __future__ import annotations

from dataclasses import dataclass

from bertbench.errors import VerdictError
from bertbench.spec import VerdictSpec
from bertbench.stats import FailedSeeds, QualityRule, judge_failed_seeds

#: Chance of a fail of one CI run in which nothing changed: its quality half.
QUALITY_ALPHA = 0.005
#: For the mean; the rest is for the number of failed seeds.
MEAN_SHARE = 0.8
_LEAST_MARGIN_POINTS = 1.0
_POINTS = 100.0


@dataclass(frozen=True)
class QualityGate:
    """Both questions of a comparison: is the mean lower, and do more seeds fail than the spec allows?

    Attributes:
        rule: Of the mean over seeds that did not fail.
        failed_alpha: Chance to fail by the number of failed seeds at the allowed rate, over all looks.
        allowed_failed_rate: The spec's.
    """

    rule: QualityRule
    failed_alpha: float
    allowed_failed_rate: float

    def count(self, failed: int, look: int) -> FailedSeeds:
        """The number of failed seeds at a look, judged apart from the mean."""
        return judge_failed_seeds(
            failed, look, looks=self.rule.looks, allowed_rate=self.allowed_failed_rate, alpha=self.failed_alpha
        )


def quality_gate(
    rows: int, settings: VerdictSpec | None = None, *, gated_specs: int = 1, baselines: int = 1
) -> QualityGate:
    """The gate of a spec against one baseline.

    The number of failed seeds is held against the allowed rate and not against a baseline, so it is one question
    however many baselines there are.

    Args:
        rows: Distinct validation rows, at least 2: the margin is one of them at least.
        settings: Of the spec; the defaults if None.
        gated_specs: Specs whose quality the project gates, whatever was selected today.
        baselines: With how many this spec is compared.

    Raises:
        VerdictError: If there is no margin on so few rows, or no share.
    """
    settings = settings or VerdictSpec()
    if gated_specs < 1 or rows < 1 or baselines < 1:
        raise VerdictError(
            f"{gated_specs} gated specs, {baselines} baselines and {rows} rows were given, one or more were expected"
        )
    alpha = QUALITY_ALPHA / gated_specs
    margin = settings.margin_points
    rule = QualityRule(
        alpha=alpha * MEAN_SHARE / baselines,
        margin_points=max(_LEAST_MARGIN_POINTS, _POINTS / rows) if margin is None else margin,
        floor_points=settings.floor_points,
        pass_alpha=settings.pass_alpha,
        looks=settings.looks,
        shares=settings.shares,
        smallest_bank=settings.smallest_bank,
    )
    return QualityGate(rule, alpha * (1 - MEAN_SHARE), settings.allowed_failed_rate)
