"""Processes of the runtime's tests: each loads TensorFlow in its own way and says what it saw, as JSON.

A process computes in one way only, so every way needs its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from bertbench import runtime
from bertbench.errors import SetupError
from bertbench.spec import RuntimeSpec

CONFIGURED = RuntimeSpec(threads=3, device="cpu")
OTHERWISE = RuntimeSpec(threads=1, onednn=False, deterministic=False, device="cpu")


def refusal(spec: RuntimeSpec) -> dict[str, str] | None:
    """What `configure` says against *spec*; nothing if it takes it."""
    try:
        runtime.configure(spec)
    except SetupError as error:
        return {"message": error.message, "remedy": error.remedy}
    return None


def configured(spec: RuntimeSpec) -> dict[str, Any]:
    """Configure twice, compute, and read back what TensorFlow does."""
    runtime.configure(spec)
    runtime.configure(RuntimeSpec(**spec.model_dump()))  # an equal spec, not the same object
    import keras
    import tensorflow as tf

    product = tf.linalg.matmul(tf.ones((256, 256)), tf.ones((256, 256)))
    facts, again = runtime.environment_facts(spec), runtime.environment_facts(spec)
    return {
        "backend": keras.backend.backend(),
        "keras_numbers": [keras.config.floatx(), keras.config.epsilon()],
        "precision": str(product.dtype.name),
        "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "operations_at_a_time": tf.config.threading.get_inter_op_parallelism_threads(),
        "threads_of_the_system": _threads_of_the_system(),
        "onednn": os.environ["TF_ENABLE_ONEDNN_OPTS"],
        "unseeded_random_numbers": _unseeded_random_numbers(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        "facts": facts.model_dump(mode="json"),
        "facts_are_stable": facts == again,
        "other_settings": refusal(spec.model_copy(update={"deterministic": not spec.deterministic})),
        "fewer_threads": refusal(spec.model_copy(update={"threads": 2})),
    }


def absent_gpu_then_configured() -> dict[str, Any]:
    """A spec that asks for a GPU is refused where there is none, and spoils nothing for the next.

    The person has a keras.json of their own.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    with tempfile.TemporaryDirectory() as home:
        Path(home, "keras.json").write_text('{"backend": "torch", "floatx": "float16", "epsilon": 0.001}')
        os.environ["KERAS_HOME"] = home
        absent = refusal(OTHERWISE.model_copy(update={"device": "gpu"}))
        return {**configured(OTHERWISE), "absent_gpu": absent}


def loaded_before() -> dict[str, Any]:
    """TensorFlow was loaded, and has computed, before anybody asked."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    import keras
    import tensorflow as tf

    tf.ones(2) + 1
    live = tf.config.threading.get_intra_op_parallelism_threads()
    return {
        "keras": keras.backend.backend(),
        "live_threads": live,
        "other_onednn": refusal(RuntimeSpec(onednn=True)),
        "other_threads": refusal(RuntimeSpec(onednn=False, threads=live + 7)),
        "other_operations": refusal(RuntimeSpec(onednn=False, threads=live or None)),
        "other_backend": refusal(RuntimeSpec(backend="torch")),
    }


def memory() -> dict[str, float]:
    """Take 200 MiB and give them back."""
    resident = psutil.Process().memory_info().rss / 2**20
    before = runtime.peak_memory_mebibytes()
    block = b"x" * (200 * 2**20)
    grown = runtime.peak_memory_mebibytes()
    del block
    return {"resident": resident, "before": before, "grown": grown, "after": runtime.peak_memory_mebibytes()}


def _threads_of_the_system() -> int | None:
    """Threads of this process, where the system says."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else None


def _unseeded_random_numbers() -> bool:
    """Whether TensorFlow draws random numbers without a seed; under determinism it refuses."""
    import tensorflow as tf

    try:
        tf.random.uniform(())
    except RuntimeError:
        return False
    return True


COMMANDS = {
    "configured": lambda: configured(CONFIGURED),
    "otherwise": absent_gpu_then_configured,
    "loaded_before": loaded_before,
    "memory": memory,
}


def answer(command: str) -> dict[str, Any]:
    """What a fresh process says to *command*."""
    tests = Path(__file__).parent
    unwanted = ("TF_ENABLE_ONEDNN_OPTS", "KERAS_BACKEND", "CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment["PYTHONPATH"] = os.pathsep.join([str(tests), str(tests.parent)])
    finished = subprocess.run(
        [sys.executable, __file__, command], capture_output=True, text=True, check=False, env=environment
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]]()))  # noqa: T201 - the answer
