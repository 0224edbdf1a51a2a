"""Every exception that bertbench raises on purpose.

::

    BertbenchError
    ├── SpecError                  a benchmark description that cannot be meant
    ├── DataError                  text, labels or splits that cannot be used
    │   └── DataAbsentError        the data is not on this machine
    ├── CheckpointError            pretrained weights that cannot be used
    │   └── CheckpointAbsentError  the weights are not on this machine and cannot be had
    ├── SetupError                 this process cannot run as the spec prescribes
    ├── EngineError                an engine cannot do what the spec asks
    │   └── NonFiniteLossError     a training step produced NaN or infinity
    ├── FaultError                 a fault on purpose that is unknown, or that a spec leaves no room for
    ├── RecordError                a record that is unreadable or impossible
    │   └── RecordWriteError       a record could not be written
    ├── BaselineError              a baseline that is unreadable, impossible, or cannot be made of these runs
    │   └── BaselineAbsentError    there is no baseline of this name
    ├── ProjectError               settings of a project that are unreadable or cannot be meant
    ├── VerdictError               a question that the samples cannot answer
    ├── SideError                  one of two sides to compare cannot be had
    └── ReportError                a view of a record that cannot be made here

Library code raises these; only the command line exits and only the pytest plugin turns them into failures.
Each message says who, where, what was given, what was expected and what to do next.
"""

from __future__ import annotations

#: Names of errors that end a run whose input cannot be used: none of its promises was tried.
UNUSABLE_INPUT = (
    "CheckpointAbsentError",
    "CheckpointError",
    "DataAbsentError",
    "DataError",
    "EngineError",
    "FaultError",
    "SetupError",
)


#: Stands between what is wrong and what to do.
_REMEDY = "\n  remedy: "


def message_and_remedy(text: str) -> tuple[str, str]:
    """The two parts of an error that was made text; the second is empty if it had none."""
    message, _, remedy = text.partition(_REMEDY)
    return message, remedy


class BertbenchError(Exception):
    """Base of all errors raised on purpose."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Keep *message* and *remedy* apart so that surfaces can show them on lines of their own.

        Args:
            message: What is wrong: who, where, what was given, what was expected.
            remedy: What to do next, one sentence; empty if the message says it.
        """
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Message and remedy, the remedy on a line of its own."""
        return f"{self.message}{_REMEDY}{self.remedy}" if self.remedy else self.message


class SpecError(BertbenchError):
    """A benchmark description that cannot be meant."""


class DataError(BertbenchError):
    """Text, labels or splits that cannot be used."""


class DataAbsentError(DataError):
    """The data is not on this machine."""


class CheckpointError(BertbenchError):
    """Pretrained weights that cannot be used."""


class CheckpointAbsentError(CheckpointError):
    """The weights are not on this machine and cannot be had."""


class SetupError(BertbenchError):
    """This process cannot run as the spec prescribes."""


class EngineError(BertbenchError):
    """An engine cannot do what the spec asks."""


class NonFiniteLossError(EngineError):
    """A training step produced NaN or infinity."""

    def __init__(self, message: str, *, seed: int, epoch: int, step: int, remedy: str = "") -> None:
        """Keep where it happened.

        Args:
            message: What was seen.
            seed: Seed of the run.
            epoch: Epoch, from 0.
            step: Step of the whole run, from 0.
            remedy: What to do next.
        """
        super().__init__(message, remedy=remedy)
        self.seed, self.epoch, self.step = seed, epoch, step


class FaultError(BertbenchError):
    """A fault on purpose that is unknown, or that a spec leaves no room for."""


class RecordError(BertbenchError):
    """A record that is unreadable or impossible."""


class RecordWriteError(RecordError):
    """A record could not be written."""


class BaselineError(BertbenchError):
    """A baseline that is unreadable, impossible, or cannot be made of these runs."""


class BaselineAbsentError(BaselineError):
    """There is no baseline of this name."""


class ProjectError(BertbenchError):
    """Settings of a project that are unreadable or cannot be meant."""


class VerdictError(BertbenchError):
    """A question that the samples cannot answer."""


class SideError(BertbenchError):
    """One of two sides to compare cannot be had."""


class ReportError(BertbenchError):
    """A view of a record that cannot be made here."""
