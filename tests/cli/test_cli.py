"""The command line itself: help, exit statuses, printing; only runs are replaced by records made by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cli_shell import Shell, keep
from fake_runs import set_runs
from record_maker import STARTED, make_failed_record, make_record

from bertbench import cli
from bertbench.version import VERSION

# Help


@pytest.mark.parametrize("command", ["run", "show", "data", "audit", "tensorboard", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run([command, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: bertbench {command} ")
    for option in re.findall(r"^  (--?\w[\w-]*)", said, re.MULTILINE):
        assert option in ("-h", "--version") or re.search(rf"{option}\b.*\S", said)


def test_help_lists_the_commands_and_the_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.run(["--help"])
    said = capsys.readouterr().out
    for word in (
        "run",
        "show",
        "data",
        "audit",
        "tensorboard",
        "doctor",
        "exit status: 0 pass; 1 fail; 2",
        "130 interrupted",
    ):
        assert word in said


def test_version(shell: Shell) -> None:
    assert shell("--version") == 0
    assert shell.out == f"bertbench {VERSION}\n"


def test_no_command_is_a_usage_error_that_shows_the_help(shell: Shell) -> None:
    assert shell() == cli.USAGE
    assert "usage: bertbench" in shell.out


def test_help_loads_nothing_heavy() -> None:
    """Help in a fifth of a second needs that nothing is imported that help does not need."""
    script = (
        "import sys; from bertbench import cli\n"
        "try: cli.run(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'pydantic', 'rich') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("rnu", "small.toml"),
        ("run",),
        ("run", "small.toml", "--sedes", "1"),
        ("show", "one", "two"),
        ("show", "--seed", "first"),
        ("data",),
        ("tensorboard", "--port", "many"),
        ("doctor", "now"),
    ],
)
def test_bad_options_are_usage_errors(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.refused(*arguments).startswith("usage: bertbench")


# What is printed


def control_characters(text: str) -> list[str]:
    return [character for character in text if ord(character) < 32 and character != "\n"]


def test_no_control_characters_where_output_is_piped(shell: Shell) -> None:
    for arguments in (("run", "small.toml"), ("show",), ("show", "--all"), ("data", "small.toml"), ("doctor",)):
        shell(*arguments)
        assert control_characters(shell.out + shell.err) == [], arguments


def test_no_colour_is_honoured_where_colour_is_forced(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    keep(shell, make_failed_record())
    shell("show")
    assert "\x1b[" in shell.out
    monkeypatch.setenv("NO_COLOR", "1")
    shell("show")
    assert not re.search(r"\x1b\[[\d;]*3\d", shell.out)  # bold stays, colour goes


def test_messages_are_not_broken_at_the_width_of_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path or a command in two lines cannot be copied."""
    monkeypatch.setenv("COLUMNS", "40")
    path = f"{'deep/' * 20}absent.toml"
    shell("run", path)
    assert path in shell.err
    set_runs(accuracy={"0": 0.5})
    shell("run", "small.toml")
    assert "small: validation_accuracy_every_seed: fail: 1 of 1 seeds missed it: seed 0: 0.5000" in shell.out


def test_text_of_others_is_never_read_as_markup(shell: Shell) -> None:
    set_runs(failure={"kind": "DataError", "message": "[bold]a.csv[/bold] [MASK] [/]", "phase": "data"})
    assert shell("run", "small.toml") == cli.USAGE
    assert "[bold]a.csv[/bold] [MASK] [/]" in shell.out


def piped(folder: Path, *arguments: str, lines: int) -> tuple[int, str, str]:
    """A command whose reader goes away after so many lines: exit status, what was read, standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bertbench", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    read = "".join(process.stdout.readline() for _ in range(lines))
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    return process.wait(), read, said


@pytest.mark.parametrize("arguments", [("show",), ("show", "--all")])
def test_a_reader_that_goes_away_sees_no_traceback(shell: Shell, arguments: tuple[str, ...]) -> None:
    """`bertbench show | head -1`. More runs than a pipe holds, so that writing certainly fails."""
    for number in range(1500 if "--all" in arguments else 1):
        keep_light(shell, number)
    status, read, said = piped(shell.folder, *arguments, lines=1)
    assert read
    assert said == ""
    assert status in (0, 141)


def keep_light(shell: Shell, number: int) -> None:
    """An unreadable run: a folder alone makes a line of the list."""
    if number == 0:
        keep(shell, make_record())
    else:
        shell.store.run_folder(f"20300101T{number:06}Z-light").mkdir(parents=True)


def test_a_command_is_a_module_too(shell: Shell) -> None:
    """`python -m bertbench.cli` once did nothing, and exited 0."""
    for module in ("bertbench", "bertbench.cli"):
        done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"bertbench {VERSION}\n"


def test_main_exits_with_the_status(shell: Shell) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["show"])
    assert caught.value.code == cli.USAGE


def test_a_later_run_is_the_newest(shell: Shell) -> None:
    keep(shell, make_record())
    keep(shell, make_record(run_id="20300103T000000Z-xyz", started_at=STARTED + timedelta(days=1)))
    shell("show")
    assert "20300103T000000Z-xyz" in shell.out
