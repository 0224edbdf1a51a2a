"""TensorFlow's banners kept off the screen.

TensorFlow writes lines about kernels and absent GPUs to standard error before its own log level can be set. They are
facts that the record holds anyway, and they would stand between a person and the epoch table.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

#: Lines that say nothing the record does not: oneDNN is on, there is no GPU, logging begins. They begin with a severity
#: and a date (TensorFlow 2.21) or with a date and a severity (2.19).
_BANNER = re.compile(
    rb"^WARNING: All log messages before absl::InitializeLog"
    rb"|^([IWE]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWE] )"
    rb".*(oneDNN|cuda|CUDA|cuInit|cpu_feature_guard|Unable to register|computation_placer)"
)
_STANDARD_ERROR = 2


@contextmanager
def quiet_banners() -> Iterator[None]:
    """Hold back what libraries write to standard error; give back afterwards what is no banner."""
    sys.stderr.flush()
    kept = os.dup(_STANDARD_ERROR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), _STANDARD_ERROR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STANDARD_ERROR)
            os.close(kept)
            held.seek(0)
            words = b"".join(line for line in held if not _BANNER.match(line))
            os.write(_STANDARD_ERROR, words)
