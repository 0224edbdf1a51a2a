"""TensorBoard: a view of the record, never its source.

Written without TensorFlow, which need not be installed. Importing this imports no TensorBoard either.

::

    timeline.py   when each step and epoch ended, from the record's own times
    scalars.py    which numbers are drawn under which tag
    words.py      verdict, findings, failures, environment as Markdown
    hparams.py    the recipe as hyperparameters; seeds in one group
    layout.py     which curves share a chart
    events.py     TensorBoard's file format
    writer.py     a record's folders
    server.py     TensorBoard's own server
"""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from bertbench.errors import ReportError
from bertbench.record import RunRecord

__all__ = ["serve", "write_run"]


def write_run(record: RunRecord, logdir: Path, *, verdict_text: str | None = None) -> Path:
    """Write what TensorBoard shows of *record*; writing it again replaces what was written.

    Args:
        record: Of any outcome; seeds that failed are shown as far as they got.
        logdir: Folder that TensorBoard is pointed at; many records may share it.
        verdict_text: Plain text; nothing in it is taken for Markdown or HTML.

    Returns:
        `<logdir>/<spec name>/<run id>`: a TensorBoard run with what is said once (phases of the process, verdict, data
        findings, environment, layout), and in it one for each seed, `seed-<n>`.

    Raises:
        ReportError: If TensorBoard is not installed, or the folder cannot be written.
    """
    _need_tensorboard()
    from bertbench.report.tensorboard.writer import write_record

    return write_record(record, logdir, verdict_text)


def serve(logdir: Path, *, host: str = "127.0.0.1", port: int = 6006) -> None:
    """Show *logdir* in TensorBoard, every point of it, until Ctrl-C; call it from the main thread of a process.

    Args:
        logdir: As given to `write_run`; what is written there later appears by itself.
        host: Name or address to listen on; the default is reachable from this machine alone.
        port: TCP port; 0 takes any that is free. TensorBoard prints the address.

    Raises:
        ReportError: If TensorBoard is not installed or lacks something, the folder is not there, or the port is taken.
    """
    _need_tensorboard()
    if not logdir.is_dir():
        raise ReportError(f"{logdir}: there is no such folder", remedy="run a benchmark with this logdir first")
    try:
        from bertbench.report.tensorboard.server import serve_logdir
    except ModuleNotFoundError as error:
        # TensorBoard 2.19 imports what newer setuptools no longer bring.
        wanted = "'setuptools<82'" if error.name == "pkg_resources" else error.name
        raise ReportError(
            f"TensorBoard {metadata.version('tensorboard')} cannot show anything here: it imports {error.name}",
            remedy=f"python -m pip install {wanted}",
        ) from None

    serve_logdir(logdir, host, port)


def _need_tensorboard() -> None:
    missing = [name for name in ("tensorboard", "PIL") if find_spec(name) is None]
    if missing:
        raise ReportError(
            f"TensorBoard's view of a run needs {' and '.join(missing)}, not installed here",
            remedy="pip install 'bertbench[tensorboard]'",
        )
