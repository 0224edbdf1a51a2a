"""Data sets from a hub: the real libraries, talking to a small server on this machine.

HF_ENDPOINT and HF_HUB_OFFLINE are read when the libraries are imported, so each situation is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from data_examples import read_text
from dataset_hub_server import Hub, serving
from packaging.version import Version

from bertbench.data import read_dataset
from bertbench.errors import DataError
from bertbench.spec import DataSpec

README = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: train.csv}
  - {split: dev, path: dev.csv}
  - {split: unlabelled, path: unlabelled.csv}
- config_name: short
  data_files:
  - {split: train, path: short.csv}
dataset_info:
- config_name: default
  features:
  - {name: text, dtype: string}
  - name: label
    dtype: {class_label: {names: {'0': negative, '1': positive}}}
---
"""
TRAIN = "text,label\nlovely,1\nterrible,0\ngood,1\n"
FILES = {
    "README.md": README.encode(),
    "train.csv": TRAIN.encode(),
    "dev.csv": b"text,label\nawful,0\nfine,1\n",
    "unlabelled.csv": b"text,label\nunknown,-1\n",
    "short.csv": b"text,label\nonly,yes\nthis,no\n",
}
SECOND = {**FILES, "train.csv": b"text,label\nlovely indeed,1\nterrible,0\n"}
FORBIDDEN = {"README.md": b"", "train.csv": b"text,label\nx,0\n"}

READER = """
import json, sys
from pathlib import Path
from bertbench.data import read_dataset
from bertbench.errors import DataError
from bertbench.spec import DataSpec

for fields in json.load(sys.stdin):
    try:
        dataset = read_dataset(DataSpec.model_validate_json(json.dumps(fields)), base_folder=Path("."))
    except DataError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
    else:
        splits = {name: [split.texts, split.labels, split.origins] for name, split in dataset.splits.items()}
        print(json.dumps({"labels": dataset.label_names, "splits": splits, "sha256": dataset.sha256}))
"""

Answer = dict[str, Any]


@dataclass
class Machine:
    """A machine with a cache of its own."""

    home: Path
    endpoint: str

    def read(self, *specs: dict[str, Any], offline: bool = False, folder: Path | None = None) -> list[Answer]:
        """Read each of *specs* in one fresh process."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "HF_DATASETS_CACHE": str(self.home / "datasets"),
            "HF_HUB_OFFLINE": "1" if offline else "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        done = subprocess.run(
            [sys.executable, "-c", READER],
            input=json.dumps(specs),
            env=environment,
            cwd=folder or self.home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def asking(repository: str, revision: str, **fields: Any) -> dict[str, Any]:
    fields = {"validation": "dev"} | fields
    return {"source": f"hub:{repository}@{revision}"} | fields


@dataclass
class Situation:
    """A hub with two revisions, one machine that has read both, and what that machine saw."""

    hub: Hub
    machine: Machine
    first: str
    second: str
    online: dict[str, Answer]


@pytest.fixture(scope="module")
def situation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Situation]:
    with serving() as hub:
        first = hub.publish("me/tiny", FILES, "v1")
        second = hub.publish("me/tiny", SECOND, "v2")
        script = hub.publish(
            "me/script", {"README.md": b"", "script.py": b"raise SystemExit", "data.csv": b"a,b\n1,2\n"}
        )
        gated = hub.publish("me/gated", FILES)
        hub.gated.add("me/gated")
        named = hub.publish("me/named", FILES | {"README.md": README.replace(": default", ": long").encode()})
        forbidden = hub.publish("me/forbidden", FORBIDDEN)
        hub.forbidden.add("train.csv of me/forbidden")
        machine = Machine(tmp_path_factory.mktemp("machine"), hub.endpoint)
        asked = {
            "first": asking("me/tiny", first),
            "second": asking("me/tiny", second),
            "tag": asking("me/tiny", "v2"),
            "fraction": asking("me/tiny", first, validation=None, validation_fraction=0.4, deduplicate="exact"),
            "configuration": asking("me/tiny", first, configuration="short", validation="train"),
            "test": asking("me/tiny", first, test="dev", labels=("positive", "negative"), train_rows=1),
            "unknown configuration": asking("me/tiny", first, configuration="long"),
            "unnamed": asking("me/named", named),
            "unknown split": asking("me/tiny", first, validation="devel"),
            "unlabelled": asking("me/tiny", first, test="unlabelled"),
            "missing column": asking("me/tiny", first, text="Text"),
            "numbered column": asking("me/tiny", first, text=0),
            "unknown revision": asking("me/tiny", "0" * 40),
            "unknown tag": asking("me/tiny", "v3"),
            "unknown data set": asking("me/nothing", first),
            "script": asking("me/script", script),
            "gated": asking("me/gated", gated),
            "forbidden": asking("me/forbidden", forbidden, validation="train"),
            "second again": asking("me/tiny", second),
        }
        yield Situation(hub, machine, first, second, dict(zip(asked, machine.read(*asked.values()), strict=True)))


def test_splits_are_read_with_the_names_that_the_data_set_gives_its_classes(situation: Situation) -> None:
    assert situation.online["first"]["labels"] == ["negative", "positive"]
    assert situation.online["first"]["splits"] == {
        "train": [["lovely", "terrible", "good"], [1, 0, 1], ["train[0]", "train[1]", "train[2]"]],
        "validation": [["awful", "fine"], [0, 1], ["dev[0]", "dev[1]"]],
    }


def test_the_digest_is_that_of_the_same_rows_in_files(situation: Situation, tmp_path: Path) -> None:
    (tmp_path / "dev.csv").write_text("text,label\nawful,negative\nfine,positive\n")
    content = TRAIN.replace(",1", ",positive").replace(",0", ",negative")
    same = read_text(tmp_path, "train.csv", content, validation="dev.csv")
    assert situation.online["first"]["sha256"] == same.sha256


def test_another_revision_is_other_rows_and_a_tag_is_its_commit(situation: Situation) -> None:
    assert situation.online["second"]["splits"]["train"][0] == ["lovely indeed", "terrible"]
    assert situation.online["tag"] == situation.online["second"]


def test_fields_of_the_data_table_act_on_a_hub_data_set_too(situation: Situation) -> None:
    assert situation.online["configuration"]["labels"] == ["no", "yes"]
    assert len(situation.online["fraction"]["splits"]["validation"][0]) == 1
    test = situation.online["test"]
    assert test["labels"] == ["positive", "negative"]
    assert test["splits"]["train"][0] == ["lovely"]
    assert test["splits"]["test"][0] == ["awful", "fine"]


#: With huggingface_hub before 1.0 `datasets` takes these answers for none, looks into its cache, and says so.
TAKEN_FOR_SILENCE = ("unknown revision", "unknown tag", "forbidden")
HUB_BEFORE_ONE = Version(metadata.version("huggingface_hub")) < Version("1.0")


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ("unknown configuration", "DataError", "BuilderConfig 'long' not found. Available: ['default', 'short']"),
        ("unnamed", "DataError", "Available: ['long', 'short']"),
        ("unknown split", "DataError", "there is no split 'devel'; the data set has train, dev, unlabelled"),
        ("unknown split", "DataError", 'write "dev"'),
        ("unlabelled", "DataError", "unlabelled[0]: data.label is missing"),
        ("missing column", "DataError", 'write data.text = "text"'),
        ("numbered column", "DataError", "columns have names here"),
        ("unknown revision", "DataError", f"Revision '{'0' * 40}' doesn't exist"),
        ("unknown tag", "DataError", "Revision 'v3' doesn't exist"),
        ("unknown data set", "DataError", "'me/nothing' doesn't exist"),
        ("script", "DataError", "scripts are no longer supported"),
        ("gated", "DataError", "hf auth login"),
        ("forbidden", "DataAbsentError", "403 Forbidden"),
    ],
)
def test_what_the_hub_does_not_give_is_said(situation: Situation, asked: str, error: str, said: str) -> None:
    answer = situation.online[asked]
    if asked in TAKEN_FOR_SILENCE and HUB_BEFORE_ONE:
        error, said = "DataAbsentError", "let this machine reach the hub once"
    assert answer.get("error") == error, answer
    assert said in answer["message"]


def test_offline_the_cache_serves_the_revision_that_was_read_last(situation: Situation) -> None:
    asked = [asking("me/tiny", situation.second), asking("me/tiny", "v2")]
    before = len(situation.hub.requests)
    assert situation.machine.read(*asked, offline=True) == [situation.online["second"]] * 2
    assert len(situation.hub.requests) == before


def test_offline_no_other_revision_stands_in_for_the_one_that_was_asked_for(situation: Situation) -> None:
    """`datasets` itself gives the newest copy in its cache, with a warning."""
    asked = [asking("me/tiny", situation.first), asking("me/tiny", "0" * 40), asking("me/tiny", "v3")]
    for answer, spec in zip(situation.machine.read(*asked, offline=True), asked, strict=True):
        assert answer.get("error") == "DataAbsentError", answer
        assert (
            f"in the cache is revision {situation.second}, not {spec['source'].partition('@')[2]}" in answer["message"]
        )


def test_offline_no_other_configuration_stands_in_for_the_default(situation: Situation, tmp_path: Path) -> None:
    """`datasets` itself gives the only configuration in its cache, if none is named."""
    machine = Machine(tmp_path, situation.hub.endpoint)
    short = asking("me/tiny", situation.first, configuration="short", validation="train")
    default = asking("me/tiny", situation.first, validation="train")
    assert machine.read(short) == [situation.online["configuration"]]
    online_again, refused = machine.read(short, default, offline=True)
    assert online_again == situation.online["configuration"]
    assert "Available configs in the cache: ['short']" in refused["message"]


def test_offline_without_cache_the_data_is_absent(situation: Situation, tmp_path: Path) -> None:
    [answer] = Machine(tmp_path, situation.hub.endpoint).read(asking("me/tiny", situation.first), offline=True)
    assert answer["error"] == "DataAbsentError"
    assert "not in the cache" in answer["message"]
    assert "HF_HOME" in answer["message"]


def test_a_folder_of_the_same_name_does_not_stand_in_for_the_data_set(situation: Situation, tmp_path: Path) -> None:
    """`datasets` itself reads the folder."""
    (tmp_path / "me" / "tiny").mkdir(parents=True)
    (tmp_path / "me" / "tiny" / "train.csv").write_text(TRAIN)
    [answer] = situation.machine.read(asking("me/tiny", situation.first, validation="train"), folder=tmp_path)
    assert answer["error"] == "DataError"
    assert "the folder 'me/tiny' in the working directory stands in" in answer["message"]


@pytest.mark.parametrize(
    ("library", "fields"),
    [
        ("datasets", asking("me/tiny", "v1")),
        ("pyarrow", {"source": "files", "train": "t.parquet", "validation": "t.parquet"}),
    ],
)
def test_a_missing_library_is_named_by_the_extra_that_brings_it(
    library: str, fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "t.parquet").touch()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=r"pip install 'bertbench\[datasets\]'"):
        read_dataset(DataSpec(**fields), base_folder=tmp_path)
