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
    if text is None:
        return None
    from bertbench.comparing import Against
    from bertbench.errors import BaselineError, ProjectError
    from bertbench.project import BASELINES, GATED_SPECS, baselines_of, gated_specs_of, names_in, refuse_unknown_in

    try:
        if config.inipath is not None:
            refuse_unknown_in(config.inipath)
        declared, gated = baselines_of(config.getini(BASELINES)), gated_specs_of(config.getini(GATED_SPECS))
        return Against(names_in(text), declared=declared, gated_specs=gated)
    except ProjectError as error:
        raise pytest.UsageError(str(error)) from None
    except BaselineError as error:
        raise pytest.UsageError(f"--bertbench-compare: {error}") from None
