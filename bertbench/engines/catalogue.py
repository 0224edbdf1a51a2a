"""Which engines there are, where they live, and what each one needs.

Importing this loads no library that computes. Versions are looked up, not guessed: an engine whose library is missing,
too old, too new or broken says so in one line, before any work is done.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal

from packaging.specifiers import SpecifierSet

from bertbench.errors import EngineError
from bertbench.spec.engine_names import OWN_MODEL

#: What computes: Keras 3 on the spec's backend, PyTorch itself, or TensorFlow's legacy Keras.
Library = Literal["keras", "torch", "tf-keras"]


@dataclass(frozen=True)
class Need:
    """A library that an engine is written for.

    Attributes:
        distribution: Its name on PyPI.
        versions: Those that the engine's tests run with, as in `pyproject.toml`.
    """

    distribution: str
    versions: str


@dataclass(frozen=True)
class EngineEntry:
    """One engine.

    Attributes:
        name: As a spec says it; `python` stands for every factory of a user's own.
        module: Imported once the process is configured.
        maker: In that module; takes the `Task`, gives the `Engine`.
        library: That the process is configured for.
        needs: Libraries besides the backend's own.
        extra: Of bertbench that installs them; empty if nothing is needed.
        may_use: Names on PyPI of libraries that it runs with or without, and that can change a bit where they are.
    """

    name: str
    module: str
    maker: str
    library: Library = "keras"
    needs: tuple[Need, ...] = ()
    extra: str = ""
    may_use: tuple[str, ...] = ()

    @property
    def distributions(self) -> tuple[str, ...]:
        """Names on PyPI of the libraries that it needs."""
        return tuple(need.distribution for need in self.needs)

    def recorded(self) -> tuple[str, ...]:
        """Names on PyPI of the libraries whose versions can change a bit of a run: needed, or there and maybe used."""
        return (*self.distributions, *filter(_is_installed, self.may_use))


_ENTRIES = (
    EngineEntry("native", "bertbench.engines.native.engine", "NativeEngine"),
    EngineEntry(
        "keras-hub",
        "bertbench.engines.keras_hub.engine",
        "KerasHubEngine",
        needs=(Need("keras-hub", ">=0.25"),),
        extra="keras-hub",
    ),
    EngineEntry(
        "transformers-torch",
        "bertbench.engines.transformers_torch.engine",
        "TransformersTorchEngine",
        library="torch",
        needs=(Need("torch", ">=2.6"), Need("transformers", ">=5.0")),
        extra="transformers-torch",
    ),
    EngineEntry(
        "transformers-tf",
        "bertbench.engines.transformers_tf.engine",
        "TransformersTfEngine",
        library="tf-keras",
        needs=(Need("tf-keras", ">=2.19"), Need("transformers", ">=4.57,<5")),
        extra="transformers-tf",
    ),
    EngineEntry(
        OWN_MODEL,
        "bertbench.engines.own_model.engine",
        "create",
        may_use=("keras-hub", "transformers", "tf-keras"),
    ),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}


def entry_of(engine: str) -> EngineEntry:
    """What is known of the engine that a spec names.

    Args:
        engine: `Spec.engine`, a factory's path included.

    Raises:
        EngineError: If there is none of that name.
    """
    found = CATALOGUE.get(engine.partition(":")[0])
    if found is None:
        raise EngineError(f"engine: there is no engine {engine!r}; known: {', '.join(CATALOGUE)}")
    return found


def require_libraries(entry: EngineEntry) -> None:
    """Refuse an engine whose libraries are not installed, or in a version it is not written for. Imports nothing.

    Raises:
        EngineError: With every library that is missing or of another version, and what installs them.
    """
    wrong = [complaint for need in entry.needs if (complaint := _complaint(need))]
    if wrong:
        raise EngineError(f"engine {entry.name}: {'; '.join(wrong)}", remedy=_install(entry))


def maker_of(entry: EngineEntry) -> Callable[[Any], Any]:
    """What makes the engine of a task; imports the engine's libraries.

    Raises:
        EngineError: If a library is missing, of another version, or breaks when it is imported.
    """
    require_libraries(entry)
    try:
        module = importlib.import_module(entry.module)
    except Exception as error:  # a broken library raises whatever it likes
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in entry.distributions) or "its library"
        raise EngineError(
            f"engine {entry.name}: {versions} cannot be imported: {type(error).__name__}: {error}",
            remedy=_install(entry) or "python -m pip check",
        ) from error
    maker: Callable[[Any], Any] = getattr(module, entry.maker)
    return maker


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _complaint(need: Need) -> str:
    """What is wrong with an installed library; empty if nothing is."""
    try:
        version = metadata.version(need.distribution)
    except metadata.PackageNotFoundError:
        return f"{need.distribution} is not installed ({need.versions} is needed)"
    if SpecifierSet(need.versions, prereleases=True).contains(version):
        return ""
    return f"{need.distribution} {version} is installed, {need.versions} is needed"


def _install(entry: EngineEntry) -> str:
    return f"python -m pip install 'bertbench[{entry.extra}]'" if entry.extra else ""
