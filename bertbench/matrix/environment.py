"""What an environment is, and its name: by the facts that its runs recorded, never by what somebody meant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from bertbench.matrix.separating import varied
from bertbench.record import RunRecord

#: Libraries that name an environment, in this order, and how they are written there.
_NAMING = {
    "tensorflow": "tf",
    "jax": "jax",
    "torch": "torch",
    "keras": "keras",
    "tf-keras": "tfkeras",
    "transformers": "transformers",
    "keras-hub": "kerashub",
}
#: So many more facts may stand in a name; beyond, a fingerprint does.
_MOST_FACTS = 2
#: Of the runtime of a spec: said by the numerics, or by no number of a run.
_SAID_ELSEWHERE = ("backend", "deterministic", "onednn", "threads", "device")


@dataclass(frozen=True)
class Environment:
    """Where runs were made, as far as it can change a bit.

    Attributes:
        engine: As in the spec.
        backend: What computes in the end: `tensorflow`, `jax` or `torch`; empty if the run did not get so far.
        packages: Version of Python, bertbench and each library whose version can change a bit; None if not installed.
        settings: What else can: threads, flags, instruction sets, in words.
    """

    engine: str
    backend: str
    packages: Mapping[str, str | None]
    settings: Mapping[str, str | None]

    @classmethod
    def of(cls, record: RunRecord) -> Environment:
        """The environment of a run; of one that failed before anything was known, engine and bertbench alone."""
        numerics = record.environment.numerics if record.environment else {}
        libraries = numerics.get("libraries", {})
        packages = {"python": numerics.get("python"), **libraries, "bertbench": record.bertbench_version}
        rest = {name: value for name, value in numerics.items() if name not in ("python", "libraries", "backend")}
        runtime = record.spec.runtime.model_dump(mode="json", exclude=set(_SAID_ELSEWHERE), exclude_defaults=True)
        return cls(
            engine=record.spec.engine,
            backend=str(numerics.get("backend", "")),
            packages={name: None if version is None else str(version) for name, version in packages.items()},
            settings={name: _in_words(value) for name, value in {**rest, **runtime}.items()},
        )

    @property
    def key(self) -> str:
        """Equal for runs of one environment and for no others."""
        facts = [self.engine, self.backend, dict(self.packages), dict(self.settings)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def computes(self) -> str:
        """The engine, and the backend where that is not told by its name: two of them never share bits by design."""
        return f"{self.engine} on {self.backend}" if self.backend else self.engine

    @property
    def newness(self) -> tuple[Version, ...]:
        """Greater where the versions are newer: TensorFlow's first, then Keras', then Python's."""
        return tuple(_version(self.packages.get(name)) for name in ("tensorflow", "keras", "python", "bertbench"))

    @property
    def short_name(self) -> str:
        """Such as `py312-tf2.20-keras3.12-native`; two environments may share it."""
        python = self.packages.get("python")
        parts = [f"py{_minor(python).replace('.', '')}"] if python else []
        parts += [f"{said}{_minor(version)}" for name, said in _NAMING.items() if (version := self.packages.get(name))]
        return "-".join([*parts, self.engine])


def names_of(environments: Sequence[Environment]) -> tuple[str, ...]:
    """A name for each, no two alike: short, and with what differs where that is not enough."""
    shorts = [environment.short_name for environment in environments]
    alike = {
        short: [environment for environment, other in zip(environments, shorts, strict=True) if other == short]
        for short in shorts
    }
    return tuple(
        "-".join([short, *_differing(environment, alike[short])])
        for environment, short in zip(environments, shorts, strict=True)
    )


def _differing(environment: Environment, alike: Sequence[Environment]) -> list[str]:
    """What tells an environment from others of its short name."""
    facts = varied([_facts(other) for other in alike])
    own = _facts(environment)
    told = [f"{name}{own.get(name)}" for name in facts]
    plain = all(part.replace(".", "").replace("_", "").replace("+", "").isalnum() for part in told)
    return told if len(told) <= _MOST_FACTS and plain else [environment.key[:6]]


def _facts(environment: Environment) -> dict[str, str | None]:
    return {**environment.packages, **environment.settings, "backend": environment.backend}


def _in_words(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, sort_keys=True)


def _minor(version: str) -> str:
    """Its first two numbers."""
    return ".".join(version.split(".")[:2])


def _version(text: str | None) -> Version:
    """What is not installed, or is no version, is older than all."""
    try:
        return Version(text or "0")
    except InvalidVersion:
        return Version("0")
