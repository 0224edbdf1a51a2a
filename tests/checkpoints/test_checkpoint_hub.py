"""The hub's real client in processes of its own, against a small hub on this machine."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
from hub_clients import client
from small_hub import Cut
from tiny_bert import write_tiny_bert

from bertbench.checkpoints import hub as hub_source
from bertbench.checkpoints import open_checkpoint
from bertbench.errors import CheckpointAbsentError, CheckpointError
from bertbench.spec import CheckpointSpec

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """Files of a tiny BERT, as they lie in a repository."""
    folder = write_tiny_bert(tmp_path_factory.mktemp("files"))
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture
def repository(request) -> str:
    """A repository name of this test's own."""
    return f"tests/{request.node.originalname[:60]}-{sha256(request.node.name.encode())[:8]}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def cached_blobs(home: Path, repository: str) -> dict[str, Path]:
    """Finished downloads of a repository, by the hub's name for their content."""
    folder = home / "hub" / f"models--{repository.replace('/', '--')}" / "blobs"
    return {file.name: file for file in folder.iterdir() if file.suffix != ".incomplete"} if folder.is_dir() else {}


# Where all is well


def test_first_download(hub, online, repository, files):
    commit = hub.add(repository, files | {"pytorch_model.bin": b"a pickle", "README.md": b"read me"})
    opened = online.open(f"hub:{repository}@{commit}", sha256(files[WEIGHTS]))
    assert opened["revision"] == commit
    assert opened["sha256"] == sha256(files[WEIGHTS])
    assert opened["tensors"] == 39
    assert sorted(file.name for file in Path(opened["folder"]).iterdir()) == sorted(files)


def test_nothing_but_the_files_that_are_read_is_downloaded(hub, online, repository, files):
    commit = hub.add(repository, files | {"pytorch_model.bin": b"a pickle", "model.onnx": b"a graph"})
    online.open(f"hub:{repository}@{commit}")
    asked_for = {request.file for request in hub.requests_for(repository, method="GET")}
    assert asked_for == {"", *files}  # '' is the question what the repository has


def test_weights_come_last_so_that_a_cache_with_weights_has_all_else(hub, online, repository, files):
    online.open(f"hub:{repository}@{hub.add(repository, files)}")
    assert hub.requests_for(repository, method="GET")[-1].file == WEIGHTS


def test_a_pinned_commit_in_the_cache_asks_the_hub_nothing(hub, online, repository, files):
    """Also not about special_tokens_map.json, which this repository does not have."""
    source = f"hub:{repository}@{hub.add(repository, files)}"
    first = online.open(source)
    hub.log.clear()
    assert online.open(source) == first
    assert hub.requests_for(repository) == []


def test_a_branch_is_asked_for_each_time_and_its_commit_recorded(hub, online, repository, files):
    first = hub.add(repository, files)
    assert online.open(f"hub:{repository}@main")["revision"] == first
    hub.log.clear()
    assert online.open(f"hub:{repository}@main")["revision"] == first
    assert hub.requests_for(repository, WEIGHTS, method="GET") == []
    second = hub.add(repository, files | {"vocab.txt": files["vocab.txt"] + b"new\n"})
    assert online.open(f"hub:{repository}@main")["revision"] == second
    assert online.open(f"hub:{repository}@{first}")["revision"] == first


def test_weights_that_did_not_change_are_not_downloaded_for_a_new_commit(hub, online, repository, files):
    online.open(f"hub:{repository}@{hub.add(repository, files)}")
    online.open(f"hub:{repository}@{hub.add(repository, files | {'vocab.txt': files['vocab.txt'] + b'more'})}")
    assert len(hub.requests_for(repository, WEIGHTS, method="GET")) == 1


# Without the hub


@pytest.mark.parametrize("without", ["offline", "hub_is_down"])
@pytest.mark.parametrize("revision", ["commit", "main"])
def test_cache_serves_without_the_hub(hub, online, repository, files, without, revision, request):
    commit = hub.add(repository, files)
    revision = commit if revision == "commit" else revision
    first = online.open(f"hub:{repository}@{revision}")
    assert request.getfixturevalue(without).open(f"hub:{repository}@{revision}") == first
    assert first["revision"] == commit


@pytest.mark.parametrize(
    ("without", "reason"), [("offline", "HF_HUB_OFFLINE forbids"), ("hub_is_down", "did not give it: Connect")]
)
@pytest.mark.parametrize("revision", ["main", "0123456789abcdef0123456789abcdef01234567"])
def test_without_hub_and_cache_the_remedy_says_how_to_bring_a_folder(without, reason, revision, repository, request):
    refused = request.getfixturevalue(without).refusal(f"hub:{repository}@{revision}")
    assert refused["error"] == "CheckpointAbsentError"
    assert reason in refused["message"]
    assert f"hf download {repository}" in refused["remedy"]
    assert f"--revision {revision}" in refused["remedy"]
    assert "path:FOLDER" in refused["remedy"]


def test_cache_that_another_program_filled_serves_without_the_hub(hub, online, offline, repository, files):
    """Other programs leave no note about files that a repository does not have, and may leave out vocab.txt."""
    commit = hub.add(repository, files)
    folder = Path(online.open(f"hub:{repository}@{commit}")["folder"])
    (folder.parents[1] / ".no_exist" / commit / "special_tokens_map.json").unlink()
    (folder / "vocab.txt").unlink()
    assert offline.open(f"hub:{repository}@{commit}")["revision"] == commit


@pytest.mark.parametrize("lost", [WEIGHTS, "config.json"])
def test_cache_without_an_essential_file_is_no_cache(hub, online, offline, repository, files, lost):
    commit = hub.add(repository, files)
    (Path(online.open(f"hub:{repository}@{commit}")["folder"]) / lost).unlink()
    assert offline.refusal(f"hub:{repository}@{commit}")["error"] == "CheckpointAbsentError"
    assert online.open(f"hub:{repository}@{commit}")["revision"] == commit


def test_cache_without_any_tokenizer_is_no_cache(hub, online, offline, repository, files):
    commit = hub.add(repository, files)
    folder = Path(online.open(f"hub:{repository}@{commit}")["folder"])
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink()
    assert offline.refusal(f"hub:{repository}@{commit}")["error"] == "CheckpointAbsentError"


def test_file_that_the_cache_lacks_is_fetched_while_the_hub_can_be_reached(hub, online, repository, files):
    """A model must not lose its tokenizer's settings because another program did not need them."""
    commit = hub.add(repository, files)
    lost = Path(online.open(f"hub:{repository}@{commit}")["folder"]) / "tokenizer_config.json"
    lost.unlink()
    online.open(f"hub:{repository}@{commit}")
    assert lost.read_bytes() == files["tokenizer_config.json"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_hub_in_trouble_is_a_hub_that_cannot_be_reached(hub, online, repository, files, status):
    commit = hub.add(repository, files)
    hub.status_for_all = status
    try:
        refused = online.refusal(f"hub:{repository}@{commit}")
    finally:
        hub.status_for_all = None
    assert refused["error"] == "CheckpointAbsentError"
    assert str(status) in refused["message"]


def test_login_page_in_place_of_the_hub(hub, online, repository, files):
    commit = hub.add(repository, files)
    hub.page_for_all = b"<html>Welcome to the hotel's network</html>"
    try:
        refused = online.refusal(f"hub:{repository}@{commit}")
    finally:
        hub.page_for_all = None
    assert refused["error"] == "CheckpointAbsentError"
    assert hub.address in refused["message"]
    assert online.open(f"hub:{repository}@{commit}")["revision"] == commit


# Downloads that break off


def test_download_that_breaks_off_once_is_completed(hub, online, repository, files):
    """By the client itself or by a second try, resumed or anew: the digest is that of the whole file."""
    commit = hub.add(repository, files)
    hub.cuts[repository, WEIGHTS] = [Cut(after_bytes=5_000, reset=False)]
    opened = online.try_to_open(f"hub:{repository}@{commit}")
    if "error" in opened:
        assert opened["error"] == "CheckpointAbsentError"
        opened = online.open(f"hub:{repository}@{commit}")
    assert opened["sha256"] == sha256(files[WEIGHTS])
    first, second = hub.requests_for(repository, WEIGHTS, method="GET")
    assert (first.first_byte, second.first_byte) in {(0, 5_000), (0, 0)}


def test_download_that_breaks_off_is_never_used_and_completes_with_the_next_try(
    hub, home, online, offline, repository, files
):
    commit = hub.add(repository, files)
    source = f"hub:{repository}@{commit}"
    hub.cuts[repository, WEIGHTS] = [Cut(after_bytes=after, reset=True) for after in (20_000, 0, 34_000)]
    while hub.cuts[repository, WEIGHTS]:
        refused = online.refusal(source)
        assert refused["error"] == "CheckpointAbsentError"
        assert "path:FOLDER" in refused["remedy"]
        assert offline.refusal(source)["error"] == "CheckpointAbsentError"
        assert sha256(files[WEIGHTS]) not in cached_blobs(home, repository)
    assert online.open(source)["sha256"] == sha256(files[WEIGHTS])
    assert offline.open(source)["sha256"] == sha256(files[WEIGHTS])


def test_small_file_that_breaks_off_keeps_the_weights_from_being_fetched(hub, online, repository, files):
    commit = hub.add(repository, files)
    hub.cuts[repository, "tokenizer.json"] = [Cut(after_bytes=100, reset=True)]
    assert online.refusal(f"hub:{repository}@{commit}")["error"] == "CheckpointAbsentError"
    assert hub.requests_for(repository, WEIGHTS) == []
    assert online.open(f"hub:{repository}@{commit}")["revision"] == commit


def test_download_that_arrives_damaged_is_not_used(hub, home, online, repository, files):
    """One bit, the length right, no digest in the spec: the digest that the hub announced tells."""
    commit = hub.add(repository, files)
    hub.damaged.add((repository, WEIGHTS))
    refused = online.refusal(f"hub:{repository}@{commit}")
    assert refused["error"] == "CheckpointError"
    assert "the hub expects " + sha256(files[WEIGHTS]) in refused["message"]
    assert str(cached_blobs(home, repository)[sha256(files[WEIGHTS])]) in refused["remedy"]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (RuntimeError("Data processing error"), CheckpointAbsentError, "RuntimeError: Data processing error"),
        (PermissionError("token expired"), CheckpointAbsentError, "PermissionError: token expired"),
        (OSError("Consistency check failed\nand more"), CheckpointAbsentError, "OSError: Consistency check failed"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), CheckpointAbsentError, "TimeoutError"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), CheckpointAbsentError, "ConnectionResetError"),
        (OSError(errno.ENOSPC, "No space left on device"), CheckpointError, "cannot write the hub's cache"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_other_ways_in_which_a_download_fails(monkeypatch, tmp_path, error, kind, message):
    """Put in by hand: the hub's faster line (hf_xet) and a full disk are not at hand here."""

    def fail(*_):
        raise error

    monkeypatch.setattr(hub_source, "_download", fail)
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(CheckpointSpec(source="hub:tests/never-cached@main"), base_folder=tmp_path)
    assert type(caught.value) is kind
    assert message in caught.value.message
    assert caught.value.__cause__ is error


# What is refused


def test_wrong_digest(hub, online, repository, files):
    commit = hub.add(repository, files)
    refused = online.refusal(f"hub:{repository}@{commit}", "0" * 64)
    assert refused["error"] == "CheckpointError"
    assert sha256(files[WEIGHTS]) in refused["message"]
    assert "the spec expects " + "0" * 64 in refused["message"]


def test_weights_damaged_in_the_cache_are_found_without_a_digest_in_the_spec(
    hub, home, online, offline, repository, files
):
    """The cache names a large file by the digest that the hub gave."""
    source = f"hub:{repository}@{hub.add(repository, files)}"
    online.open(source)
    blob = cached_blobs(home, repository)[sha256(files[WEIGHTS])]
    damaged = bytearray(blob.read_bytes())
    damaged[-1] ^= 1
    blob.write_bytes(damaged)
    for process in (online, offline):
        refused = process.refusal(source)
        assert refused["error"] == "CheckpointError"
        assert "the hub expects " + sha256(files[WEIGHTS]) in refused["message"]
        assert str(blob) in refused["remedy"]
    blob.unlink()
    assert online.open(source)["sha256"] == sha256(files[WEIGHTS])


@pytest.mark.parametrize("revision", ["no-such-branch", "0123456789abcdef0123456789abcdef01234567"])
def test_unknown_revision(hub, online, repository, files, revision):
    hub.add(repository, files)
    refused = online.refusal(f"hub:{repository}@{revision}")
    assert refused["error"] == "CheckpointError"
    assert f"{repository} has no revision {revision}" in refused["message"]


def test_unknown_repository(hub, online):
    refused = online.refusal("hub:nobody/nothing@main")
    assert refused["error"] == "CheckpointError"
    assert f"the hub at {hub.address} has no repository nobody/nothing" in refused["message"]


@pytest.mark.parametrize("name", ["a//b", "owner/na me", "owner/a--b", "owner/.hidden", "one/two/three"])
def test_impossible_repository_name(hub, online, name):
    refused = online.refusal(f"hub:{name}@main")
    assert refused["error"] == "CheckpointError"
    assert name in refused["message"]


def test_gated_repository(hub, online, repository, files):
    commit = hub.add(repository, files, gated=True)
    refused = online.refusal(f"hub:{repository}@{commit}")
    assert refused["error"] == "CheckpointAbsentError"
    assert "gated" in refused["message"]
    assert "HF_TOKEN" in refused["remedy"]


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "model.ckpt", "model.pt", "weights.pth", "tf_model.h5"])
def test_repository_with_only_a_pickle(hub, online, repository, files, pickle):
    kept = {name: content for name, content in files.items() if name != WEIGHTS}
    commit = hub.add(repository, kept | {pickle: b"\x80\x04."})
    refused = online.refusal(f"hub:{repository}@{commit}")
    assert refused["error"] == "CheckpointError"
    assert pickle in refused["message"]
    assert "code" in refused["message"]
    assert "save_pretrained" in refused["remedy"]
    assert [request.file for request in hub.requests_for(repository)] == [""]


def test_repository_with_weights_in_pieces(hub, online, repository, files):
    kept = {name: content for name, content in files.items() if name != WEIGHTS}
    pieces = {f"{WEIGHTS}.index.json": b"{}", "model-00001-of-00002.safetensors": files[WEIGHTS]}
    refused = online.refusal(f"hub:{repository}@{hub.add(repository, kept | pieces)}")
    assert "several files" in refused["message"]
    assert "max_shard_size" in refused["remedy"]


def test_model_that_is_not_bert_is_refused_before_its_weights_are_downloaded(hub, online, repository, tmp_path):
    write_tiny_bert(tmp_path, config_changes={"model_type": "distilbert"})
    refused = online.refusal(f"hub:{repository}@{hub.add(repository, tmp_path)}")
    assert refused["error"] == "CheckpointError"
    assert "distilbert" in refused["message"]
    assert hub.requests_for(repository, WEIGHTS) == []


def test_cache_that_cannot_be_written(hub, repository, files, tmp_path):
    (tmp_path / "file").write_text("no folder can be made below a file")
    commit = hub.add(repository, files)
    with client(hub.address, tmp_path, HF_HUB_CACHE=str(tmp_path / "file" / "hub")) as process:
        refused = process.refusal(f"hub:{repository}@{commit}")
    assert refused["error"] == "CheckpointError"
    assert str(tmp_path / "file" / "hub") in refused["message"]
    assert "HF_HUB_CACHE" in refused["remedy"]
