"""Tokenized once per tokenizer, data and length; never believed when damaged; safe for several processes."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from data_examples import dataset_of
from tiny_bert import write_tiny_bert

from bertbench.data import TokenizedDataset, Tokenizer, load_tokenizer, tokenize
from bertbench.data import token_cache as cache

DATASET = dataset_of(
    train=[("the order was late", "a"), ("refund please", "b")], validation=[("hi ☃", "a")], test=[("late", "b")]
)


def tokenized(tokenizer: Tokenizer, folder: Path | None, *, length: int = 5) -> TokenizedDataset:
    return tokenize(DATASET, tokenizer, max_length_tokens=length, cache_folder=folder)


def assert_same(one: TokenizedDataset, other: TokenizedDataset) -> None:
    assert one.sha256 == other.sha256
    assert one.unknown_tokens == other.unknown_tokens
    assert one.vocabulary_in_use.tolist() == other.vocabulary_in_use.tolist()
    for name, split in one.splits.items():
        assert split.token_ids.tolist() == other.splits[name].token_ids.tolist()
        assert split.labels.tolist() == other.splits[name].labels.tolist()
        assert one.cut_rows[name].tolist() == other.cut_rows[name].tolist()


def test_the_second_time_rows_come_from_the_cache_and_are_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first, second = tokenized(tokenizer, folder), tokenized(tokenizer, folder)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert_same(first, second)
    assert len(list(folder.iterdir())) == 1


def test_rows_that_are_forgotten_are_tokenized_again_and_what_lies_beside_them_stays(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    for length in (5, 6):
        tokenized(tokenizer, tmp_path, length=length)
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "program").write_bytes(b"compiled")
    cache.forget_rows(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["jax"]
    assert (tmp_path / "jax" / "program").exists()
    assert not tokenized(tokenizer, tmp_path).from_cache
    cache.forget_rows(tmp_path / "not" / "there")


def test_without_a_folder_nothing_is_kept(tokenizer: Tokenizer, tmp_path: Path) -> None:
    assert not tokenized(tokenizer, None).from_cache
    assert not tokenized(tokenizer, None).from_cache


def test_another_tokenizer_length_or_data_set_is_another_file(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_tokenizer = load_tokenizer(write_tiny_bert(tmp_path / "bert", words=["order"]))
    other_data = dataset_of(train=[("x", "a")], validation=[("y", "a")])
    files = [
        cache.cache_file(tmp_path, DATASET, tokenizer, 5),
        cache.cache_file(tmp_path, DATASET, tokenizer, 6),
        cache.cache_file(tmp_path, DATASET, other_tokenizer, 5),
        cache.cache_file(tmp_path, other_data, tokenizer, 5),
    ]
    monkeypatch.setattr(cache, "version", lambda _: "another version of tokenizers")
    files.append(cache.cache_file(tmp_path, DATASET, tokenizer, 5))
    assert len(set(files)) == 5


def test_wherever_a_byte_is_damaged_the_rows_are_right(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """Every seventh byte in turn; some belong to no content, and there the file may still be believed."""
    right = tokenized(tokenizer, tmp_path)
    [file] = tmp_path.iterdir()
    content = file.read_bytes()
    rebuilt = 0
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        file.write_bytes(damaged)
        loaded = cache.load_splits(file)
        rebuilt += loaded is None
        if loaded is not None:
            assert cache.digest_splits({name: split.rows for name, split in loaded.items()}) == right.sha256
    assert rebuilt > len(content) / 7 * 0.5


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_file_cut_short_is_rebuilt(tokenizer: Tokenizer, tmp_path: Path, size: int) -> None:
    right = tokenized(tokenizer, tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:size])
    again = tokenized(tokenizer, tmp_path)
    assert not again.from_cache
    assert_same(right, again)
    assert tokenized(tokenizer, tmp_path).from_cache


def test_a_whole_file_of_other_numbers_is_rebuilt(tokenizer: Tokenizer, tmp_path: Path) -> None:
    right = tokenized(tokenizer, tmp_path)
    [file] = tmp_path.iterdir()
    with np.load(file) as arrays:
        content = dict(arrays)
    content["train.token_ids"] = content["train.token_ids"] + 1
    with file.open("wb") as stream:
        np.savez(stream, **content)
    again = tokenized(tokenizer, tmp_path)
    assert not again.from_cache
    assert_same(right, again)


def test_a_pickle_in_the_cache_is_never_opened(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenized(tokenizer, tmp_path)
    [file] = tmp_path.iterdir()
    with file.open("wb") as stream:
        np.savez(stream, sha256=np.array([object()], dtype=object))
    assert cache.load_splits(file) is None


def test_an_archive_without_arrays_is_rebuilt(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenized(tokenizer, tmp_path)
    [file] = tmp_path.iterdir()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "no array")
    assert not tokenized(tokenizer, tmp_path).from_cache


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tokenizer: Tokenizer, tmp_path: Path) -> None:
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("in the way")
    assert_same(tokenized(tokenizer, not_a_folder / "cache"), tokenized(tokenizer, None))


def test_a_full_disk_leaves_no_half_written_file(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert_same(tokenized(tokenizer, tmp_path), tokenized(tokenizer, None))
    assert list(tmp_path.iterdir()) == []


def test_threads_that_write_the_same_file_at_once_all_get_the_right_rows(tokenizer: Tokenizer, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: tokenized(tokenizer, tmp_path), range(40)))
    for result in results:
        assert_same(result, results[0])
    assert len(list(tmp_path.iterdir())) == 1


def test_two_processes_that_write_the_same_file_at_once_both_end_well(tmp_path: Path, tiny_bert_folder: Path) -> None:
    script = """
import sys
from pathlib import Path
from bertbench.data import load_tokenizer, tokenize
from bertbench.data.dataset import Row, build_dataset
rows = [Row(f"order {n} was late", None, "ab"[n % 2], str(n)) for n in range(300)]
dataset = build_dataset({"train": rows, "validation": rows}, "ab", source="files")
tokenizer = load_tokenizer(Path(sys.argv[1]))
sys.stdin.readline()
digests = {tokenize(dataset, tokenizer, max_length_tokens=n, cache_folder=Path(sys.argv[2])).sha256 for n in [8] * 30}
print(*digests)
"""
    command = [sys.executable, "-c", script, str(tiny_bert_folder), str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) == 1
    assert len(list((tmp_path / "cache").iterdir())) == 1
