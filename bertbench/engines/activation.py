"""Where an activation is looked at, so that it is known by what it computes and not by what it is called."""

from __future__ import annotations

#: GELU and its approximation by tanh are 5e-4 apart at 2.
ACTIVATION_POINTS = (-3.0, -2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0)
