"""A process whose parent is gone interrupts itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

#: Starts the child, says that it runs, and waits for it.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print("both run", flush=True)
child.wait()
"""
CHILD = """
import time
from pathlib import Path
from bertbench.parent_watch import interrupt_when_orphaned
{watch}
print("runs", flush=True)
try:
    time.sleep({seconds})
    said = "slept on"
except KeyboardInterrupt:
    said = "interrupted"
Path({file!r}).write_text(said)
"""
PATIENCE_SECONDS = 60.0


@pytest.mark.skipif(sys.platform == "win32", reason="there a process keeps its parent's number: nothing to notice")
@pytest.mark.parametrize(
    ("watch", "seconds", "said"), [("interrupt_when_orphaned()", 60, "interrupted"), ("", 2, "slept on")]
)
def test_a_process_whose_parent_was_killed_interrupts_itself(
    tmp_path: Path, watch: str, seconds: int, said: str
) -> None:
    """The second case is what happens without: it goes on."""
    file = tmp_path / "said"
    child = CHILD.format(watch=watch, seconds=seconds, file=str(file))
    with subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "both run\n"
        parent.kill()
    ends = time.monotonic() + PATIENCE_SECONDS
    while not (file.exists() and file.read_text()) and time.monotonic() < ends:
        time.sleep(0.05)
    assert file.read_text() == said
