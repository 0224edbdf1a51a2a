"""The command line in this process: a folder with a spec, and what the last command said."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertbench import cli
from bertbench.record import RunRecord
from bertbench.store import Store


class Shell:
    """A folder with a spec, and what the last command said."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        """Run one command; gives its exit status."""
        self._capsys.readouterr()
        status = cli.run(list(arguments))
        self.out, self.err = self._capsys.readouterr()
        return status

    def refused(self, *arguments: str) -> str:
        """Run a command that argparse refuses; gives what it said."""
        with pytest.raises(SystemExit) as caught:
            self(*arguments)
        assert caught.value.code == cli.USAGE
        return self._capsys.readouterr().err

    @property
    def store(self) -> Store:
        return Store(self.folder / ".bertbench")


def keep(shell: Shell, record: RunRecord) -> RunRecord:
    """As if a run had left it."""
    shell.store.write(record)
    return record
