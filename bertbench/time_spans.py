"""Times as people write them: 90s, 10m, 2h."""

from __future__ import annotations

import re

_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_in(text: str) -> float:
    """Seconds of a time such as `90s`, `10m` or `2h`.

    Raises:
        ValueError: If it is none, or none above 0.
    """
    found = _SPAN.fullmatch(text.strip())
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not seconds > 0:
        raise ValueError(f"{text}: a time above 0 was expected, such as 90s, 10m or 2h")
    return seconds
