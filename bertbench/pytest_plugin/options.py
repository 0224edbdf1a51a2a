"""What was asked for on the command line and in the ini file, read or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bertbench.comparing import Against


def parsed_seeds(text: str | None) -> tuple[int, ...] | None:
    """Seeds in place of each spec's own; None is 'not given'."""
    if text is None:
        return None
    from bertbench.seed_list import parse_seeds

    try:
        return parse_seeds(text)
    except ValueError as error:
        raise pytest.UsageError(f"--bertbench-seeds: {error}") from None


def parsed_engine(text: str | None) -> str | None:
    """Engine in place of each spec's own; None is 'not given'."""
    if text is None:
        return None
    from bertbench.spec.engine_names import known_engine

    try:
        return known_engine(text)
    except ValueError as error:
        raise pytest.UsageError(f"--bertbench-engine: {text!r}: {error}") from None


def parsed_against(config: pytest.Config) -> Against | None:
    """What runs are compared with; None if nothing is to be compared."""
    text = config.getoption("--bertbench-compare")
    side, budget = config.getoption("--bertbench-speed-base"), config.getoption("--bertbench-speed-budget")
    if text is None:
        if side is not None or budget is not None:
            raise pytest.UsageError("--bertbench-speed-base and -budget: give --bertbench-compare, too")
        return None
    from bertbench.comparing import Against
    from bertbench.errors import BaselineError, ProjectError
    from bertbench.project import (
        BASELINES,
        GATED_SPECS,
        SPEED_BASE,
        SPEED_BUDGET,
        baselines_of,
        gated_specs_of,
        names_in,
        refuse_unknown_in,
        speed_base_of,
    )

    try:
        if config.inipath is not None:
            refuse_unknown_in(config.inipath)
        declared, gated = baselines_of(config.getini(BASELINES)), gated_specs_of(config.getini(GATED_SPECS))
        names = (
            SPEED_BASE if side is None else "--bertbench-speed-base",
            SPEED_BUDGET if budget is None else "--bertbench-speed-budget",
        )
        side = config.getini(SPEED_BASE) if side is None else side
        budget = config.getini(SPEED_BUDGET) if budget is None else budget
        speed = speed_base_of(side, budget, names=names)
        return Against(names_in(text), declared=declared, gated_specs=gated, speed=speed)
    except ProjectError as error:
        raise pytest.UsageError(str(error)) from None
    except BaselineError as error:
        raise pytest.UsageError(f"--bertbench-compare: {error}") from None
