"""What the tests of the data room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from bertbench.data import Tokenizer, load_tokenizer


@pytest.fixture(scope="session")
def tokenizer(tiny_bert_folder: Path) -> Tokenizer:
    """An uncased tokenizer of a few hundred WordPieces, among them every letter."""
    return load_tokenizer(tiny_bert_folder)
