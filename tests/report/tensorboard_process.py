"""TensorBoard for the tests: written and served by processes of their own, asked over HTTP like a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_PACKAGE_ROOT = _HERE.parents[1]
_PATIENCE_SECONDS = 120.0  # for a machine that is busy with something else; nothing here is timed
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy stands before 127.0.0.1

#: Put before a script: whatever tries to import TensorFlow in that process fails.
NO_TENSORFLOW = """
import sys
class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ImportError(f"{name} is not wanted here")
sys.meta_path.insert(0, NoTensorFlow())
"""


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process that finds this package and `record_maker`; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done


@dataclass(frozen=True)
class Server:
    """A TensorBoard that answers."""

    process: subprocess.Popen[bytes]
    log: Path
    address: str

    def body(self, path: str, **query: object) -> bytes:
        """Body of the answer to a GET."""
        url = f"{self.address}/data/plugin/{path}?{urllib.parse.urlencode(query)}"
        with _OPENER.open(url, timeout=_PATIENCE_SECONDS) as answer:
            content: bytes = answer.read()
        return content

    def get(self, path: str, **query: object) -> Any:
        """JSON of the answer to a GET."""
        return json.loads(self.body(path, **query))

    def post(self, path: str, request: Any) -> Any:
        """JSON of the answer to a POST of JSON."""
        asked = urllib.request.Request(  # noqa: S310 - an http address of our own
            f"{self.address}/data/plugin/{path}",
            data=json.dumps(request).encode(),
            headers={"Content-Type": "application/json"},
        )
        with _OPENER.open(asked, timeout=_PATIENCE_SECONDS) as answer:
            return json.loads(answer.read())

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=_PATIENCE_SECONDS)


def eventually(condition: Callable[[], Any]) -> Any:
    """What *condition* returns as soon as it is true; TensorBoard reads its folders when it likes."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return value


@contextmanager
def serving(script: str, logdir: Path, log: Path) -> Iterator[Server]:
    """A TensorBoard started by Python code, which finds the folder in sys.argv[1]; ended in any case."""
    # A process started in the background may have inherited that Ctrl-C is to be ignored.
    listening = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{script}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", listening, str(logdir)], env=_environment(), stdout=output, stderr=output
        )
    try:
        yield Server(process, log, eventually(lambda: _address(process, log)))
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=_PATIENCE_SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str | None:
    text = log.read_text(errors="replace")
    assert process.poll() is None, text
    found = re.search(r"http://[\w.:]+", text)
    return found[0] if found else None


def _environment() -> dict[str, str]:
    paths = [str(_PACKAGE_ROOT), str(_HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
