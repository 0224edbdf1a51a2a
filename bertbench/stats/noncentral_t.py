"""The noncentral t distribution: scipy's, with its harmless noise kept to itself.

Older scipy raises the divide-by-zero flag in the far tails and returns the right number all the same.
"""

from __future__ import annotations

import numpy as np
from scipy import stats


def noncentral_t_cdf(value: float, degrees_of_freedom: float, noncentrality: float) -> float:
    """P(T <= value)."""
    with np.errstate(all="ignore"):
        return float(stats.nct.cdf(value, degrees_of_freedom, noncentrality))


def noncentral_t_sf(value: float, degrees_of_freedom: float, noncentrality: float) -> float:
    """P(T > value)."""
    with np.errstate(all="ignore"):
        return float(stats.nct.sf(value, degrees_of_freedom, noncentrality))


def noncentral_t_ppf(probability: float, degrees_of_freedom: float, noncentrality: float) -> float:
    """The value with P(T <= value) = *probability*."""
    with np.errstate(all="ignore"):
        return float(stats.nct.ppf(probability, degrees_of_freedom, noncentrality))
