"""TensorBoard's own server, in a process that loads no TensorFlow."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import absl.logging
from tensorboard import default, program

from bertbench.errors import ReportError

#: More points than any run has steps. Zero, which is said to mean all, gives none in TensorBoard 2.21.
_EVERY_POINT = 10_000_000


def serve_logdir(logdir: Path, host: str, port: int) -> None:
    """See `bertbench.report.tensorboard.serve`."""
    # A module of this name tells TensorBoard to read files by itself, even where TensorFlow is installed.
    sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))
    absl.logging.set_verbosity(absl.logging.WARNING)
    # Only the pages that TensorBoard brings along: those of other packages may import anything.
    server = program.TensorBoard(plugins=default.get_static_plugins())
    server.configure(argv=("",), logdir=str(logdir), host=host, port=port, samples_per_plugin={"scalars": _EVERY_POINT})
    try:
        exit_status = server.main()
    except KeyboardInterrupt:  # while it was still starting; later it ends by itself
        return
    if exit_status != 0:
        raise ReportError(
            f"TensorBoard cannot listen on {host}:{port}; it says why above",
            remedy="choose another port, or 0 for any that is free",
        )
