"""A project of its own for each test: specs, and runs that take milliseconds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from spec_files import write_spec


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with `specs/card.toml` (run, recipe lock, one threshold, one budget, identity) and instant runs."""
    here = Path(__file__).parent
    folders = [str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"):
        monkeypatch.delenv(name, raising=False)  # the outer session is none of the inner one's business
    monkeypatch.setattr(sys, "path", [str(here), str(here.parent), *sys.path])
    pytester.makeconftest(
        "import bertbench.suite, fake_runs\nbertbench.suite.run_request = fake_runs.fake_run_request\n"
    )
    pytester.mkdir("specs")
    write_spec(pytester.path, "card")
    pytester.makeini(
        "[pytest]\naddopts = -p no:cacheprovider\nbertbench_audit = false\n"  # it would load scipy each time
    )
    return pytester
