"""How reports word what others give them in pieces."""

from __future__ import annotations


def sentence(text: str) -> str:
    """*text* with a sign at its end, and one only."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def with_next_step(reason: str, next_step: str) -> str:
    """Why, and what to do next where there is something to do."""
    return f"{sentence(reason)} Next: {sentence(next_step)}" if next_step else sentence(reason)


def counted(number: int, noun: str) -> str:
    """The number and what is counted, in the plural unless it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
