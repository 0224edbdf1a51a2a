"""What was asked for on the command line and in the ini file, read or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bertbench.comparing import Against
    from bertbench.project import SpeedBase

_SPEED_OPTIONS = ("--bertbench-speed-base", "--bertbench-speed-budget")


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
    if text is None:
        if any(config.getoption(option) is not None for option in _SPEED_OPTIONS):
            raise pytest.UsageError(f"{' and '.join(_SPEED_OPTIONS)}: give --bertbench-compare, too")
        return None
    from bertbench.comparing import Against
    from bertbench.errors import BaselineError, ProjectError
    from bertbench.project import BASELINES, GATED_SPECS, baselines_of, gated_specs_of, names_in, refuse_unknown_in

    try:
        if config.inipath is not None:
            refuse_unknown_in(config.inipath)
        declared, gated = baselines_of(config.getini(BASELINES)), gated_specs_of(config.getini(GATED_SPECS))
        return Against(names_in(text), declared=declared, gated_specs=gated, speed=_speed_base(config))
    except ProjectError as error:
        raise pytest.UsageError(str(error)) from None
    except BaselineError as error:
        raise pytest.UsageError(f"--bertbench-compare: {error}") from None


def _speed_base(config: pytest.Config) -> SpeedBase | None:
    """What the option says, else the ini file; None if speed is not gated."""
    from bertbench.project import SPEED_BASE, SPEED_BUDGET, refuse_no_side, speed_base_of

    side, budget = map(config.getoption, _SPEED_OPTIONS)
    declared = config.getini(SPEED_BASE)
    refuse_no_side(side, budget, declared=bool(declared.strip()), names=_SPEED_OPTIONS)
    return speed_base_of(
        declared if side is None else side,
        config.getini(SPEED_BUDGET) if budget is None else budget,
        names=(
            SPEED_BASE if side is None else _SPEED_OPTIONS[0],
            SPEED_BUDGET if budget is None else _SPEED_OPTIONS[1],
        ),
    )
