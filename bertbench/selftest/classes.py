"""Numerics classes that should make no difference to quality: another number of threads, other kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bertbench.runtime import available_cores, threads_of
from bertbench.spec import Spec, override

OWN = "own"


@dataclass(frozen=True)
class NumericsClass:
    """One way of computing the same recipe.

    Attributes:
        name: `own`, `threads` or `onednn`.
        changed: What it changes, in words.
        spec: The spec as it runs there, without promises.
    """

    name: str
    changed: str
    spec: Spec

    def of_seeds(self, seeds: Sequence[int]) -> Spec:
        """The spec that runs these seeds."""
        training = self.spec.training.model_copy(update={"seeds": tuple(seeds)})
        return self.spec.model_copy(update={"training": training})


def harmless_classes(spec: Spec, *, cores: int | None = None) -> tuple[NumericsClass, ...]:
    """The spec's own class first, then those that this machine can compute in and the spec's backend knows.

    Args:
        spec: What is measured; its promises are left out, since other runs than its own would break them.
        cores: That this process may use; counted if not given.
    """
    bare = spec.model_copy(
        update={"expect": (), "budget": (), "identity": spec.identity.model_copy(update={"repeat": "no"})}
    )
    classes = [NumericsClass(OWN, "nothing", bare)]
    threads = threads_of(spec.runtime)
    other = 1 if threads > 1 else 2
    if other <= (available_cores() if cores is None else cores):
        changed = f"threads {other} instead of {threads}"
        classes.append(NumericsClass("threads", changed, _with(bare, "runtime.threads", other)))
    if spec.runtime.backend == "tensorflow":
        onednn = not spec.runtime.onednn
        changed = f"oneDNN {'on' if onednn else 'off'} instead of {'off' if onednn else 'on'}"
        classes.append(NumericsClass("onednn", changed, _with(bare, "runtime.onednn", onednn)))
    return tuple(classes)


def _with(spec: Spec, field: str, value: int | bool) -> Spec:
    return override(spec, {field: value}, where=f"{spec.name} in another numerics class")
