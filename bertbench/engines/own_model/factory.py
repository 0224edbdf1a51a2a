"""Finding the factory that `engine = "python:package.module:factory"` names, and calling it."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from bertbench.engines.protocol import Task
from bertbench.errors import BertbenchError, EngineError
from bertbench.spec.nearest import did_you_mean

#: What stands at the top of a repository or project.
_TOPS = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini")
#: Libraries live here; what was raised there was called by somebody.
_LIBRARIES = tuple(
    dict.fromkeys(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib"))
)
_PACKAGE = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True)
class Factory:
    """The user's function.

    Attributes:
        name: As the spec says it, `python:package.module:factory`.
        function: What it names.
        file: Where it is written; None for one that is not written in a file.
        sha256: Digest of that file as it was when the factory was found; None if it cannot be read.
    """

    name: str
    function: Callable[..., Any]
    file: Path | None
    sha256: str | None

    def __call__(self, task: Task) -> Any:
        """What the function returns; it gets the task if it takes an argument.

        Raises:
            EngineError: If it raises anything; with the line.
        """
        try:
            return self.function(task) if _takes_an_argument(self.function) else self.function()
        except BertbenchError:
            raise
        except Exception as error:
            raise told(error, self.name) from error

    def facts(self) -> dict[str, str | None]:
        """Which factory it is, for the record: its name and the digest of its file."""
        return {"name": self.name, "sha256": self.sha256}


def find_factory(name: str, base_folder: Path) -> Factory:
    """The function that *name* means.

    Its module is looked for as Python does, then in *base_folder* and the folders above it up to the top of the
    repository, and in the top's `src`.

    Args:
        name: `python:package.module:factory`.
        base_folder: That of the spec.

    Raises:
        EngineError: If there is no such module or function, or the module cannot be imported.
    """
    _, module_name, attribute = name.split(":")
    folders = search_folders(base_folder)
    known = {str(Path(place).resolve()) for place in sys.path if place}
    # At the end: a file of the user's called tokenize.py must not be taken for a library.
    sys.path.extend(str(folder) for folder in folders if str(folder) not in known)
    module = _import(module_name, name, folders)
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise EngineError(
            f"engine {name}: {module_name} ({module.__file__}) has no {attribute!r}{did_you_mean(attribute, public)}"
        )
    function = getattr(module, attribute)
    if not callable(function):
        raise EngineError(
            f"engine {name}: {attribute} is a {type(function).__name__}, expected a function that returns the model",
            remedy=f"def {attribute}(): ... return model",
        )
    try:
        file = inspect.getsourcefile(inspect.unwrap(function))  # and not that of a library's decorator
    except TypeError:  # an object that can be called
        file = module.__file__
    return Factory(name, function, Path(file) if file else None, _digest(file))


def _digest(file: str | None) -> str | None:
    """SHA-256 of a file; None if there is none or it cannot be read, as one inside an archive."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None
    except OSError:
        return None


def search_folders(base_folder: Path) -> list[Path]:
    """Folders in which a user's modules may lie, nearest first."""
    base = base_folder.resolve()
    folders = [base]
    for folder in (base, *base.parents):
        if any((folder / top).exists() for top in _TOPS):
            above = [parent for parent in base.parents if parent.is_relative_to(folder)]
            folders += above + [source for source in (folder / "src",) if source.is_dir()]
            break
    return list(dict.fromkeys(folders))


def _import(module_name: str, name: str, folders: Sequence[Path]) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            looked = ", ".join(map(str, folders))
            raise EngineError(
                f"engine {name}: there is no module {error.name}, neither installed nor in {looked}",
                remedy="Put the file into one of these folders, or install your package: python -m pip install -e .",
            ) from None
        raise told(error, name) from error
    except BertbenchError:
        raise
    except Exception as error:
        raise told(error, name) from error


def _takes_an_argument(function: Callable[..., Any]) -> bool:
    """Whether it must, or may, be given the task: a first parameter without a default."""
    parameters = list(inspect.signature(function).parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return bool(parameters) and parameters[0].kind in positional and parameters[0].default is inspect.Parameter.empty


def told(error: Exception, name: str) -> EngineError:
    """*error* in one line, with the last line of the user's own that led to it."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    # TensorFlow tells where a graph was being made, and then what was wrong.
    words = said[-1] if said[0] == "in user code:" else said[0]
    message = f"{type(error).__name__}: {words}".removesuffix(": ")
    return EngineError(f"engine {name}: {_place(error.__traceback__)}{message}")


def _place(found: TracebackType | None) -> str:
    """`file:line: ` of the innermost frame that is neither Python's, a library's nor ours."""
    for frame in reversed(traceback.extract_tb(found)):
        path = str(Path(frame.filename).resolve())
        if not path.startswith((*_LIBRARIES, _PACKAGE)) and Path(frame.filename).is_file():
            return f"{frame.filename}:{frame.lineno}: "
    return ""
