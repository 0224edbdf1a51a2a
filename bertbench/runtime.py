"""How this process computes, fixed before the first library is loaded, and the environment it ran in.

Two fingerprints come from here: *numerics*, all that can change bits, and *machine*, all that can change speed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import psutil

from bertbench.banners import quiet_banners
from bertbench.errors import SetupError
from bertbench.record import EnvironmentFacts
from bertbench.spec import RuntimeSpec

#: What a process is configured for: Keras 3 on the spec's backend, PyTorch itself, or TensorFlow's legacy Keras.
Library = Literal["keras", "torch", "tf-keras"]

#: Distributions whose version can change a bit of a run, besides that of the library's Keras.
_NUMERICS_LIBRARIES = {
    "tensorflow": ("tensorflow", "numpy", "tokenizers", "ml-dtypes"),
    "jax": ("jax", "jaxlib", "numpy", "tokenizers", "ml-dtypes"),
    "torch": ("torch", "numpy", "tokenizers"),
}
_KERAS_OF: dict[Library, tuple[str, ...]] = {"keras": ("keras",), "torch": (), "tf-keras": ("tf-keras",)}

#: Environment variables that change what kernels run.
_NUMERICS_FLAGS = (
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_GPU_ALLOCATOR",
    "TF_ENABLE_AUTO_MIXED_PRECISION",
    "NVIDIA_TF32_OVERRIDE",
    "CUBLAS_WORKSPACE_CONFIG",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "DNNL_DEFAULT_FPMATH_MODE",
    "OPENBLAS_CORETYPE",
    "MKL_CBWR",
    "ATEN_CPU_CAPABILITY",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "JAX_ENABLE_X64",
    "JAX_DEFAULT_PRNG_IMPL",
    "JAX_THREEFRY_PARTITIONABLE",
    "JAX_NUMPY_DTYPE_PROMOTION",
    "JAX_DISABLE_JIT",
)

#: Processor features that kernels choose by.
_INSTRUCTION_SETS = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_tile", "amx_bf16", "asimd", "asimddp", "sve", "sve2",
)  # fmt: skip

_CPUINFO = Path("/proc/cpuinfo")
_STATUS = Path("/proc/self/status")
#: Linux' own count. getrusage's begins with the peak of the process that started this one, a whole pytest perhaps.
_HIGH_WATER = re.compile(r"^VmHWM:\s+([0-9]+) kB", re.MULTILINE)

#: TensorFlow reads it once, when it is loaded.
_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
#: XLA reads its flags once, when JAX first asks for its devices; builds without a GPU know this one too.
_XLA_DETERMINISM = "--xla_gpu_deterministic_ops=true"
#: Keras' default for whatever has no epsilon of its own.
_KERAS_EPSILON = 1e-7
#: What pip is asked for, where it is not the name that Python imports.
_INSTALLED_BY = {
    "tensorflow": "'bertbench[tensorflow]'",
    "jax": "'bertbench[jax]'",
    "torch": "'bertbench[torch]'",
    "tf_keras": "'bertbench[transformers-tf]'",
}
#: XLA takes its number of threads on a processor from here when JAX first asks for its devices.
_XLA_THREADS = "NPROC"
#: JAX keeps programs that took longer than this to compile.
_KEPT_FROM_SECONDS = 0.3
#: What this process was configured as, once it was.
_loaded: dict[str, str] = {}


def threads_of(spec: RuntimeSpec) -> int:
    """Threads within an operation: the spec's, else one for each core this process may use."""
    return spec.threads or available_cores()


def available_cores() -> int:
    """Cores this process may use, which can be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else (os.cpu_count() or 1)


def backend_of(spec: RuntimeSpec, library: Library = "keras") -> str:
    """What computes in the end: `tensorflow`, `jax` or `torch`."""
    return {"keras": spec.backend, "torch": "torch", "tf-keras": "tensorflow"}[library]


def require_backend(spec: RuntimeSpec, library: Library = "keras") -> None:
    """Refuse a backend that is not installed, before any work is done; imports nothing.

    Raises:
        SetupError: If Python finds no library of that name.
    """
    name = backend_of(spec, library)
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        raise SetupError(
            f"runtime.backend: {name} is not installed", remedy=f"python -m pip install {_INSTALLED_BY.get(name, name)}"
        )


def configure(spec: RuntimeSpec, library: Library = "keras", *, cache_folder: Path | None = None) -> None:
    """Make this process compute as *spec* says: backend, kernels, determinism, true float32, threads, device.

    Must come before anything loads the backend's library; a second call with the same arguments changes nothing.

    Args:
        spec: How to compute.
        library: What an engine is written in. Only with `keras` does `spec.backend` mean anything.
        cache_folder: Where JAX keeps compiled programs between processes; nowhere if None.

    Raises:
        SetupError: If the library was loaded before under other settings, is not installed, or the device is absent.
    """
    wanted = f"{library} {spec.model_dump_json()}"
    if _loaded.get("spec") == wanted:
        return
    if "spec" in _loaded:
        raise SetupError(
            f"this process already computes as {_loaded['spec']}, and the spec asks for {wanted}",
            remedy="run each runtime in a process of its own: pytest and 'bertbench run' do",
        )
    if library == "keras":
        _choose_backend(spec)
    if library == "tf-keras":
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
    backend = backend_of(spec, library)
    {"tensorflow": _configure_tensorflow, "jax": _configure_jax, "torch": _configure_torch}[backend](spec)
    if backend == "jax" and cache_folder is not None:
        _keep_programs(cache_folder)
    if library != "torch":
        _forget_personal_settings(library)
    _loaded["spec"] = wanted


def _forget_personal_settings(library: Library) -> None:
    """A person's own keras.json (in the home folder, or where KERAS_HOME says) may have changed these two."""
    with quiet_banners():
        keras = _import("keras") if library == "keras" else _import("tf_keras")
    settings = keras.config if library == "keras" else keras.backend
    settings.set_floatx("float32")
    settings.set_epsilon(_KERAS_EPSILON)


def _choose_backend(spec: RuntimeSpec) -> None:
    keras = sys.modules.get("keras")
    if keras is not None and keras.config.backend() != spec.backend:
        raise SetupError(
            f"runtime.backend: Keras is already loaded with {keras.config.backend()}, the spec asks for {spec.backend}",
            remedy="do not import keras before bertbench configures it, or set KERAS_BACKEND",
        )
    os.environ["KERAS_BACKEND"] = spec.backend


def _configure_tensorflow(spec: RuntimeSpec) -> None:
    onednn = "1" if spec.onednn else "0"
    if "tensorflow" in sys.modules and os.environ.get(_ONEDNN) != onednn:
        raise SetupError(
            f"runtime.onednn: TensorFlow is already loaded with {_ONEDNN}={os.environ.get(_ONEDNN)!r}, "
            f"the spec asks for {onednn!r}",
            remedy=f"set {_ONEDNN}={onednn} before TensorFlow is imported, or let bertbench import it",
        )
    os.environ[_ONEDNN] = onednn
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # banners about kernels; errors stay
    if spec.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with quiet_banners():
        tensorflow = _import("tensorflow")
        gpus = tensorflow.config.list_physical_devices("GPU")
    _require_gpu(spec, bool(gpus))
    threads = threads_of(spec)
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        # One operation at a time: each already uses every thread, and their order is then fixed.
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)
        for gpu in gpus:
            tensorflow.config.experimental.set_memory_growth(gpu, enable=True)
    except RuntimeError as error:
        threading = tensorflow.config.threading
        live = (threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads())
        if live != (threads, 1):
            raise SetupError(
                f"runtime.threads: TensorFlow has computed already, with {live[0]} threads within an operation and "
                f"{live[1]} operations at a time; the spec asks for {threads} and 1: {error}",
                remedy="run the spec in a process of its own",
            ) from None
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)  # float32 means float32
    if spec.deterministic:
        tensorflow.config.experimental.enable_op_determinism()


def _configure_jax(spec: RuntimeSpec) -> None:
    flags = os.environ.get("XLA_FLAGS", "")
    if spec.deterministic and _XLA_DETERMINISM not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {_XLA_DETERMINISM}".strip()
    os.environ[_XLA_THREADS] = str(threads_of(spec))
    jax = _import("jax")
    if spec.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    _require_gpu(spec, jax.default_backend() == "gpu")
    jax.config.update("jax_default_matmul_precision", "float32")


def _keep_programs(cache_folder: Path) -> None:
    """Let JAX keep what it compiles, unless a person has said where (`JAX_COMPILATION_CACHE_DIR`).

    Each kind of processor has a folder of its own: a program that was compiled for another is not loaded.
    """
    config = _import("jax").config
    if config.jax_compilation_cache_dir is None:
        folder = (
            cache_folder.absolute()
            / "jax"
            / _fingerprint({"processor": _processor(), "sets": _instruction_sets()})[:16]
        )
        config.update("jax_compilation_cache_dir", str(folder))
        config.update("jax_persistent_cache_min_compile_time_secs", _KEPT_FROM_SECONDS)


def _configure_torch(spec: RuntimeSpec) -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what PyTorch asks for under determinism
    torch = _import("torch")
    _require_gpu(spec, torch.cuda.is_available())
    torch.set_num_threads(threads_of(spec))
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(spec.deterministic)


def _import(name: str) -> Any:
    wanted = _INSTALLED_BY.get(name, name)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SetupError(
            f"runtime.backend: {name} cannot be imported: {error}", remedy=f"python -m pip install {wanted}"
        ) from None


def _require_gpu(spec: RuntimeSpec, present: bool) -> None:
    if spec.device == "gpu" and not present:
        raise SetupError(
            f"runtime.device: the spec asks for a GPU and {spec.backend} sees none",
            remedy="run on a machine with a GPU and its driver, or set runtime.device to 'auto'",
        )


def environment_facts(
    spec: RuntimeSpec, library: Library = "keras", *, distributions: Iterable[str] = (), workers: int = 1
) -> EnvironmentFacts:
    """What this process runs on, after `configure`.

    Args:
        spec: What `configure` was given.
        library: Likewise.
        distributions: Further ones whose version can change a bit of a run: an engine's own.
        workers: Test workers of the session; under more than one, times say nothing.
    """
    gpus, backend = _gpus(), backend_of(spec, library)
    libraries = dict.fromkeys((*_NUMERICS_LIBRARIES[backend], *_KERAS_OF[library], *distributions))
    numerics = {
        "python": platform.python_version(),
        "libraries": {name: library_version(name) for name in libraries},
        "backend": backend,
        "architecture": platform.machine(),
        "instruction_sets": _instruction_sets(),
        "threads": threads_of(spec),
        "onednn": spec.onednn if backend == "tensorflow" else None,
        "deterministic": spec.deterministic,
        "flags": {name: os.environ[name] for name in _NUMERICS_FLAGS if name in os.environ},
        "gpus": gpus if spec.device != "cpu" else [],
    }
    if backend == "jax":
        numerics["compile_cache"] = _keeps_programs()
    machine = {
        "system": platform.system(),
        "processor": _processor(),
        "cores": available_cores(),
        "memory_gibibytes": round(psutil.virtual_memory().total / 2**30),
        "gpus": gpus,
    }
    return EnvironmentFacts(
        numerics=numerics,
        machine=machine,
        numerics_fingerprint=_fingerprint(numerics),
        machine_fingerprint=_fingerprint(machine),
        workers=workers,
    )


def _keeps_programs() -> bool:
    """Whether programs come from, and go to, a cache on disk."""
    jax = sys.modules.get("jax")
    return jax is not None and bool(jax.config.jax_compilation_cache_dir) and jax.config.jax_enable_compilation_cache


def peak_memory_mebibytes() -> float:
    """Highest resident memory of this process so far."""
    if found := _HIGH_WATER.search(_text_of(_STATUS)):
        return int(found[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows has no such module; its peak is in psutil
        return float(psutil.Process().memory_info().peak_wset) / 2**20
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kibibytes / 1024 if sys.platform != "darwin" else kibibytes / 2**20  # macOS counts bytes


def _text_of(path: Path) -> str:
    """A file of the kernel's; empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _fingerprint(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def library_version(distribution: str) -> str | None:
    """Version of an installed distribution, under any of the names its wheels have; None if there is none."""
    for name in (distribution, f"{distribution}-cpu", f"{distribution}-intel"):  # the same library by another wheel
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return None


def _cpu_fields() -> dict[str, str]:
    """First processor of /proc/cpuinfo; empty where there is none."""
    first = _text_of(_CPUINFO).split("\n\n", maxsplit=1)[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _instruction_sets() -> list[str]:
    fields = _cpu_fields()
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return [name for name in _INSTRUCTION_SETS if name in flags]


def _processor() -> str:
    fields = _cpu_fields()
    if "model name" in fields:
        numbers = "/".join(fields.get(key, "?") for key in ("cpu family", "model", "stepping"))
        return f"{fields['model name']} ({numbers})"  # virtual machines often hide the name, never the numbers
    return platform.processor() or platform.machine()


def _gpus() -> list[dict[str, str]]:
    """Name, memory and driver of each NVIDIA GPU; empty where the driver's own tool is absent."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return []
    rows = (line.split(", ") for line in answer.stdout.splitlines())
    return [dict(zip(("name", "memory", "driver"), row, strict=False)) for row in rows]
