"""A process computes as the spec says, or not at all; and says what it computed on."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from runtime_process import answer

from bertbench import runtime
from bertbench.errors import SetupError
from bertbench.record import EnvironmentFacts
from bertbench.spec import RuntimeSpec

SPEC = RuntimeSpec(threads=2)


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process as if nothing had been configured or loaded, and put back afterwards."""
    monkeypatch.setattr(runtime, "_loaded", {})
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    for name in ("KERAS_BACKEND", "XLA_FLAGS", "CUBLAS_WORKSPACE_CONFIG", "NPROC"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


# TensorFlow, for real


@pytest.fixture(scope="module")
def configured() -> dict[str, Any]:
    """The default, with three threads."""
    return answer("configured")


@pytest.fixture(scope="module")
def otherwise() -> dict[str, Any]:
    """One thread, no oneDNN, no determinism."""
    return answer("otherwise")


@pytest.fixture(scope="module")
def loaded_before() -> dict[str, Any]:
    """TensorFlow was there first, without oneDNN."""
    return answer("loaded_before")


@pytest.fixture(scope="module")
def memory() -> dict[str, float]:
    """Of a process that takes 200 MiB and gives them back."""
    return answer("memory")


def test_float32_means_float32(configured: dict[str, Any], otherwise: dict[str, Any]) -> None:
    for seen in (configured, otherwise):
        assert seen["precision"] == "float32"
        assert seen["tensor_float_32"] is False


def test_determinism_is_on_if_and_only_if_it_is_asked_for(
    configured: dict[str, Any], otherwise: dict[str, Any]
) -> None:
    assert configured["unseeded_random_numbers"] is False
    assert otherwise["unseeded_random_numbers"] is True


def test_threads_are_those_of_the_spec(configured: dict[str, Any], otherwise: dict[str, Any]) -> None:
    assert (configured["threads"], configured["operations_at_a_time"]) == (3, 1)
    assert (otherwise["threads"], otherwise["operations_at_a_time"]) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows a process's threads as files; run it there")
def test_threads_are_really_there(configured: dict[str, Any], otherwise: dict[str, Any]) -> None:
    assert configured["threads_of_the_system"] - otherwise["threads_of_the_system"] == 3 - 1


def test_onednn_is_on_if_and_only_if_it_is_asked_for(configured: dict[str, Any], otherwise: dict[str, Any]) -> None:
    assert (configured["onednn"], otherwise["onednn"]) == ("1", "0")


def test_backend_and_device_are_those_of_the_spec(configured: dict[str, Any]) -> None:
    assert configured["backend"] == "tensorflow"
    assert configured["gpus"] == 0


def test_keras_computes_with_its_own_defaults_whatever_a_persons_keras_json_says(otherwise: dict[str, Any]) -> None:
    assert otherwise["keras_numbers"] == ["float32", 1e-7]
    assert otherwise["backend"] == "tensorflow"


def test_configuring_twice_alike_changes_nothing_and_otherwise_is_refused(configured: dict[str, Any]) -> None:
    for refused in ("other_settings", "fewer_threads"):
        assert "this process already computes as" in configured[refused]["message"]
        assert "a process of its own" in configured[refused]["remedy"]


def test_gpu_that_is_asked_for_and_absent_is_refused(otherwise: dict[str, Any]) -> None:
    assert otherwise["absent_gpu"]["message"] == "runtime.device: the spec asks for a GPU and tensorflow sees none"
    assert "runtime.device" in otherwise["absent_gpu"]["remedy"]


def test_tensorflow_loaded_with_another_onednn_is_refused(loaded_before: dict[str, Any]) -> None:
    """It reads the variable once: setting it now would change the record and not the bits."""
    refused = loaded_before["other_onednn"]
    assert refused["message"] == (
        "runtime.onednn: TensorFlow is already loaded with TF_ENABLE_ONEDNN_OPTS='0', the spec asks for '1'"
    )
    assert "TF_ENABLE_ONEDNN_OPTS=1 before TensorFlow is imported" in refused["remedy"]


def test_tensorflow_that_has_computed_with_other_threads_is_refused(loaded_before: dict[str, Any]) -> None:
    for refused in ("other_threads", "other_operations"):
        assert loaded_before[refused]["message"].startswith("runtime.threads: TensorFlow has computed already")
        assert loaded_before[refused]["remedy"]


def test_keras_loaded_with_another_backend_is_refused(loaded_before: dict[str, Any]) -> None:
    refused = loaded_before["other_backend"]
    assert loaded_before["keras"] == "tensorflow"
    assert refused["message"] == "runtime.backend: Keras is already loaded with tensorflow, the spec asks for torch"


def test_environment_of_a_real_run(configured: dict[str, Any]) -> None:
    facts = configured["facts"]
    numerics, machine = facts["numerics"], facts["machine"]
    assert re.fullmatch(r"\d+\.\d+.*", numerics["libraries"]["tensorflow"])
    assert all(numerics["libraries"].values()), "every library that was loaded has a version"
    assert numerics["python"] == ".".join(map(str, sys.version_info[:3]))
    assert (numerics["threads"], numerics["onednn"], numerics["deterministic"]) == (3, True, True)
    assert machine["cores"] >= 1
    assert machine["memory_gibibytes"] >= 1
    assert machine["processor"]
    assert configured["facts_are_stable"] is True


# Backends that are absent, or made up


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.usefixtures("fresh_process")
def test_absent_backend_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    monkeypatch.setitem(sys.modules, backend, None)  # importing it fails, installed or not
    with pytest.raises(SetupError, match=f"runtime.backend: {backend} cannot be imported") as caught:
        runtime.configure(RuntimeSpec(backend=backend))
    assert caught.value.remedy == f"python -m pip install 'bertbench[{backend}]'"


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_absent_backend_is_refused_before_any_work(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    found: dict[str, object] = {}
    monkeypatch.setattr(runtime.importlib.util, "find_spec", found.get)
    monkeypatch.delitem(sys.modules, backend, raising=False)
    with pytest.raises(SetupError, match=f"^runtime.backend: {backend} is not installed") as caught:
        runtime.require_backend(RuntimeSpec(backend=backend))
    assert caught.value.remedy == f"python -m pip install 'bertbench[{backend}]'"
    found[backend] = object()
    runtime.require_backend(RuntimeSpec(backend=backend))


def test_engines_with_a_library_of_their_own_need_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: asked.append(name) or object())
    for name in ("torch", "tensorflow"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    runtime.require_backend(RuntimeSpec(), "torch")
    runtime.require_backend(RuntimeSpec(), "tf-keras")
    assert asked == ["torch", "tensorflow"]


def made_up(monkeypatch: pytest.MonkeyPatch, **modules: Any) -> None:
    """Libraries that note what is done to them."""
    libraries = {"keras": FakeKeras(), **modules}
    monkeypatch.setattr(runtime, "_import", libraries.__getitem__)


class FakeKeras:
    """What `configure` touches of Keras, after a keras.json has been read that asks for other numbers."""

    def __init__(self) -> None:
        self.floatx, self.epsilon = "float16", 1e-3
        self.config = SimpleNamespace(set_floatx=self._set_floatx, set_epsilon=self._set_epsilon)

    def _set_floatx(self, name: str) -> None:
        self.floatx = name

    def _set_epsilon(self, epsilon: float) -> None:
        self.epsilon = epsilon


class FakeTorch:
    """What `configure` touches of PyTorch."""

    def __init__(self, *, has_gpu: bool) -> None:
        self.cuda = SimpleNamespace(is_available=lambda: has_gpu)
        self.backends = SimpleNamespace(
            cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)), cudnn=SimpleNamespace(allow_tf32=True)
        )
        self.threads = 0
        self.deterministic: bool | None = None

    def set_num_threads(self, threads: int) -> None:
        self.threads = threads

    def use_deterministic_algorithms(self, mode: bool) -> None:
        self.deterministic = mode


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.usefixtures("fresh_process")
def test_torch_computes_as_the_spec_says(monkeypatch: pytest.MonkeyPatch, deterministic: bool) -> None:
    torch = FakeTorch(has_gpu=False)
    made_up(monkeypatch, torch=torch)
    runtime.configure(RuntimeSpec(backend="torch", threads=3, deterministic=deterministic))
    assert (torch.threads, torch.deterministic) == (3, deterministic)
    assert torch.backends.cuda.matmul.allow_tf32 is False
    assert torch.backends.cudnn.allow_tf32 is False
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8", "cuBLAS reads it when it is loaded"
    assert os.environ["KERAS_BACKEND"] == "torch"


@pytest.mark.usefixtures("fresh_process")
def test_a_persons_own_keras_json_shapes_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = FakeKeras()
    made_up(monkeypatch, torch=FakeTorch(has_gpu=False), keras=keras)
    runtime.configure(RuntimeSpec(backend="torch"))
    assert (keras.floatx, keras.epsilon) == ("float32", 1e-7)


class FakeJax:
    """What `configure` touches of JAX; XLA's flags are read when its devices are first asked for."""

    def __init__(self, device: str) -> None:
        self.settings: dict[str, Any] = {}
        self.config = SimpleNamespace(update=self.settings.__setitem__, jax_compilation_cache_dir=None)
        self._device = device
        self.flags_when_started: str | None = None
        self.threads_when_started: str | None = None

    def default_backend(self) -> str:
        if self.flags_when_started is None:
            self.flags_when_started = os.environ.get("XLA_FLAGS", "")
            self.threads_when_started = os.environ.get("NPROC")
        return self._device


@pytest.mark.parametrize(("deterministic", "flags"), [(True, "--xla_gpu_deterministic_ops=true"), (False, "")])
@pytest.mark.usefixtures("fresh_process")
def test_jax_knows_of_determinism_before_it_starts(
    monkeypatch: pytest.MonkeyPatch, deterministic: bool, flags: str
) -> None:
    jax = FakeJax("gpu")
    made_up(monkeypatch, jax=jax)
    runtime.configure(RuntimeSpec(backend="jax", deterministic=deterministic, device="gpu"))
    assert jax.flags_when_started == flags
    assert jax.settings["jax_default_matmul_precision"] == "float32"


@pytest.mark.usefixtures("fresh_process")
def test_flags_that_were_set_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/somewhere")
    made_up(monkeypatch, jax=FakeJax("cpu"))
    for _ in range(2):
        monkeypatch.setattr(runtime, "_loaded", {})
        runtime.configure(RuntimeSpec(backend="jax"))
    assert os.environ["XLA_FLAGS"] == "--xla_dump_to=/somewhere --xla_gpu_deterministic_ops=true"


@pytest.mark.parametrize(
    ("backend", "library"), [("jax", FakeJax("cpu")), ("torch", FakeTorch(has_gpu=False))], ids=["jax", "torch"]
)
@pytest.mark.usefixtures("fresh_process")
def test_absent_gpu_is_refused_on_every_backend(monkeypatch: pytest.MonkeyPatch, backend: Any, library: Any) -> None:
    made_up(monkeypatch, **{backend: library})
    with pytest.raises(SetupError, match=f"the spec asks for a GPU and {backend} sees none"):
        runtime.configure(RuntimeSpec(backend=backend, device="gpu"))


@pytest.mark.usefixtures("fresh_process")
def test_jax_on_the_processor_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = FakeJax("cpu")
    made_up(monkeypatch, jax=jax)
    runtime.configure(RuntimeSpec(backend="jax", device="cpu"))
    assert jax.settings["jax_platforms"] == "cpu"


@pytest.mark.usefixtures("fresh_process")
def test_threads_of_jax_are_those_of_the_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    jax = FakeJax("cpu")
    made_up(monkeypatch, jax=jax)
    runtime.configure(RuntimeSpec(backend="jax", threads=3))
    assert jax.threads_when_started == "3"


@pytest.mark.usefixtures("fresh_process")
def test_jax_keeps_its_programs_by_kind_of_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cpuinfo: Callable[[str], None]
) -> None:
    folders = []
    for text in (CPUINFO, CPUINFO.replace("avx512f", "")):
        cpuinfo(text)
        jax = FakeJax("cpu")
        made_up(monkeypatch, jax=jax)
        monkeypatch.setattr(runtime, "_loaded", {})
        runtime.configure(RuntimeSpec(backend="jax"), cache_folder=tmp_path)
        folders.append(Path(jax.settings["jax_compilation_cache_dir"]))
    assert folders[0].parent == folders[1].parent == tmp_path / "jax"
    assert folders[0] != folders[1]


@pytest.mark.parametrize("chosen", [None, "/somewhere"])
@pytest.mark.usefixtures("fresh_process")
def test_jax_keeps_nothing_where_nobody_asks_and_a_persons_folder_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chosen: str | None
) -> None:
    jax = FakeJax("cpu")
    jax.config.jax_compilation_cache_dir = chosen
    made_up(monkeypatch, jax=jax)
    runtime.configure(RuntimeSpec(backend="jax"), cache_folder=tmp_path if chosen else None)
    assert "jax_compilation_cache_dir" not in jax.settings


@pytest.mark.usefixtures("fresh_process")
def test_failed_configuration_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up(monkeypatch, torch=FakeTorch(has_gpu=False))
    with pytest.raises(SetupError):
        runtime.configure(RuntimeSpec(backend="torch", device="gpu"))
    runtime.configure(RuntimeSpec(backend="torch"))


# The environment


def facts(**changes: Any) -> EnvironmentFacts:
    return runtime.environment_facts(SPEC.model_copy(update=changes))


def test_facts_are_plain_json() -> None:
    seen = facts()
    for part in (seen.numerics, seen.machine):
        assert json.loads(json.dumps(part, allow_nan=False)) == part


def test_fingerprints_are_64_hex_digits_and_the_same_every_time() -> None:
    seen = facts()
    assert re.fullmatch(r"[0-9a-f]{64}", seen.numerics_fingerprint)
    assert re.fullmatch(r"[0-9a-f]{64}", seen.machine_fingerprint)
    assert seen == facts()


@pytest.mark.parametrize("changes", [{"threads": 3}, {"onednn": False}, {"deterministic": False}, {"backend": "torch"}])
def test_what_can_change_bits_changes_the_numerics_and_not_the_machine(changes: dict[str, Any]) -> None:
    assert facts(**changes).numerics_fingerprint != facts().numerics_fingerprint
    assert facts(**changes).machine_fingerprint == facts().machine_fingerprint


@pytest.mark.parametrize(
    "flag",
    [
        "XLA_FLAGS",
        "NVIDIA_TF32_OVERRIDE",
        "ONEDNN_MAX_CPU_ISA",
        "CUBLAS_WORKSPACE_CONFIG",
        "JAX_ENABLE_X64",
        "ATEN_CPU_CAPABILITY",
    ],
)
def test_flag_that_changes_kernels_is_part_of_the_numerics(monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.delenv(flag, raising=False)
    before = facts()
    monkeypatch.setenv(flag, "something")
    assert facts().numerics["flags"][flag] == "something"
    assert facts().numerics_fingerprint != before.numerics_fingerprint


def test_whether_jax_keeps_its_programs_is_part_of_the_numerics(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for folder, enabled in ((None, True), ("/somewhere", True), ("/somewhere", False)):
        config = SimpleNamespace(jax_compilation_cache_dir=folder, jax_enable_compilation_cache=enabled)
        monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(config=config))
        seen.append(facts(backend="jax").numerics["compile_cache"])
    assert seen == [False, True, False]
    assert "compile_cache" not in facts().numerics


@pytest.mark.parametrize("variable", ["PATH", "HOME", "BERTBENCH_DATA", "TF_CPP_MIN_LOG_LEVEL"])
def test_other_variables_are_nobodys_business(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    before = facts()
    monkeypatch.setenv(variable, "something else")
    assert facts() == before


def test_version_of_a_library_is_part_of_the_numerics(monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts()
    monkeypatch.setattr(runtime, "library_version", lambda name: "99.0" if name == "keras" else "1.0")
    assert facts().numerics["libraries"]["keras"] == "99.0"
    assert facts().numerics_fingerprint != before.numerics_fingerprint


def test_library_is_found_under_the_names_its_wheels_have(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"tensorflow-cpu": "2.21.0"}

    def version(name: str) -> str:
        if name not in installed:
            raise runtime.importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(runtime.importlib.metadata, "version", version)
    assert runtime.library_version("tensorflow") == "2.21.0"
    assert runtime.library_version("keras") is None


def test_workers_are_recorded_and_are_no_fingerprint() -> None:
    alone, shared = runtime.environment_facts(SPEC), runtime.environment_facts(SPEC, workers=4)
    assert (alone.workers, shared.workers) == (1, 4)
    assert alone.numerics_fingerprint == shared.numerics_fingerprint
    assert alone.machine_fingerprint == shared.machine_fingerprint


# The machine


def test_threads_are_the_specs_or_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "available_cores", lambda: 6)
    assert runtime.threads_of(RuntimeSpec(threads=2)) == 2
    assert runtime.threads_of(RuntimeSpec()) == 6


def test_cores_are_those_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container or taskset may give it fewer than there are."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5}, raising=False)
    assert runtime.available_cores() == 2


def test_cores_where_the_system_knows_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert runtime.available_cores() == 10


CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Some Processor
stepping\t: 8
flags\t\t: fpu sse4_2 avx2 avx512f amx_tile

processor\t: 1
model name\t: Another
"""


@pytest.fixture
def cpuinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Put other words into /proc/cpuinfo."""

    def say(text: str) -> None:
        (tmp_path / "cpuinfo").write_text(text, encoding="utf-8")
        monkeypatch.setattr(runtime, "_CPUINFO", tmp_path / "cpuinfo")

    return say


def test_processor_is_named_with_its_numbers_and_instruction_sets(cpuinfo: Callable[[str], None]) -> None:
    cpuinfo(CPUINFO)
    seen = facts()
    assert seen.machine["processor"] == "Some Processor (6/143/8)"
    assert seen.numerics["instruction_sets"] == ["sse4_2", "avx2", "avx512f", "amx_tile"]


def test_arm_processor(cpuinfo: Callable[[str], None]) -> None:
    cpuinfo("processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n\n")
    seen = facts()
    assert seen.numerics["instruction_sets"] == ["asimd", "sve"]
    assert seen.machine["processor"]


def test_instruction_set_changes_the_numerics(cpuinfo: Callable[[str], None]) -> None:
    cpuinfo(CPUINFO)
    before = facts()
    cpuinfo(CPUINFO.replace(" avx512f", ""))
    assert facts().numerics_fingerprint != before.numerics_fingerprint
    assert facts().machine_fingerprint == before.machine_fingerprint


def test_system_without_cpuinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime, "_CPUINFO", tmp_path / "absent")
    seen = facts()
    assert seen.numerics["instruction_sets"] == []
    assert seen.machine["processor"]


@pytest.fixture
def nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """A driver's tool that says what the test says."""

    def say(script: str) -> None:
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return say


@pytest.mark.skipif(os.name == "nt", reason="the made-up driver's tool is a shell script; run it on Linux or macOS")
def test_gpu_is_part_of_the_machine_and_unless_unused_of_the_numerics(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi("echo 'NVIDIA H100 80GB HBM3, 81559 MiB, 570.86.15'; echo 'NVIDIA A10, 23028 MiB, 570.86.15'")
    gpus = [
        {"name": "NVIDIA H100 80GB HBM3", "memory": "81559 MiB", "driver": "570.86.15"},
        {"name": "NVIDIA A10", "memory": "23028 MiB", "driver": "570.86.15"},
    ]
    assert facts().machine["gpus"] == gpus
    assert facts().numerics["gpus"] == gpus
    assert facts(device="cpu").numerics["gpus"] == []
    assert facts(device="cpu").machine["gpus"] == gpus


@pytest.mark.skipif(os.name == "nt", reason="the made-up driver's tool is a shell script; run it on Linux or macOS")
def test_driver_that_fails_is_no_gpu(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi("echo 'NVIDIA-SMI has failed because it could not communicate with the driver'; exit 9")
    assert facts().machine["gpus"] == []


def test_absent_driver_is_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert facts().machine["gpus"] == []


def test_peak_memory_is_a_peak_and_of_this_process_alone(memory: dict[str, float]) -> None:
    """What the kernel says on request begins with the peak of the parent, which is this pytest."""
    block = b"x" * (300 * 2**20)
    child = answer("memory")
    del block
    for seen in (memory, child):
        assert seen["before"] == pytest.approx(seen["resident"], rel=0.1)
        assert seen["grown"] == pytest.approx(seen["before"] + 200, rel=0.1)
        assert seen["after"] == pytest.approx(seen["grown"], rel=0.01)


def test_peak_memory_where_the_kernel_keeps_no_such_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exact = runtime.peak_memory_mebibytes()
    monkeypatch.setattr(runtime, "_STATUS", tmp_path / "absent")
    assert runtime.peak_memory_mebibytes() >= 0.9 * exact
