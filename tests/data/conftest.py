"""What the tests of the data room share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from bertbench.data import Tokenizer, load_tokenizer

# A busy machine is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def tokenizer(tiny_bert_folder: Path) -> Tokenizer:
    """An uncased tokenizer of a few hundred WordPieces, among them every letter."""
    return load_tokenizer(tiny_bert_folder)
