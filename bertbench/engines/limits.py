"""What no engine can do with a checkpoint or a batch, refused in the same words by all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bertbench.checkpoints import BertConfig
from bertbench.data.batches import PackedBatch
from bertbench.engines.protocol import Task
from bertbench.errors import EngineError
from bertbench.spec import Spec


def refuse_long_rows(task: Task) -> None:
    """Raise if the longest row has more tokens than the checkpoint has positions.

    Raises:
        EngineError: With the length that would do.
    """
    longest, limit = task.longest_row_tokens, task.checkpoint.bert.max_position_embeddings
    if longest > limit:
        raise EngineError(
            f"data.max_length_tokens: the longest row has {longest} tokens, and checkpoint {task.checkpoint.source} "
            f"has {limit} positions (max_position_embeddings)",
            remedy=f"Write max_length_tokens = {limit} under [data].",
        )


def refuse_unknown_words(words: NDArray[np.int32], *, vocabulary_size: int, engine: str) -> None:
    """Raise if an id is not in the checkpoint's table of word embeddings.

    Args:
        words: int32 (n,), sorted ids of all WordPieces in use.
        vocabulary_size: Rows of the table.
        engine: Who refuses.

    Raises:
        EngineError: With the ids and the table's rows.
    """
    if not 0 <= words[0] <= words[-1] < vocabulary_size:
        raise EngineError(
            f"{engine} engine: WordPiece ids from {words[0]} to {words[-1]} are in use, and "
            f"the checkpoint's table has rows 0 to {vocabulary_size - 1}",
            remedy="Use the tokenizer files that belong to this checkpoint.",
        )


def refuse_unknown_segments(batch: PackedBatch, config: BertConfig, *, engine: str) -> None:
    """Raise if a row has a segment that the checkpoint has no embedding for.

    Raises:
        EngineError: With the segment.
    """
    if (segment := int(batch.segment_ids.max())) >= config.type_vocab_size:
        raise EngineError(
            f"{engine} engine: a row has segment {segment}, and the checkpoint tells apart "
            f"{config.type_vocab_size} (type_vocab_size)",
            remedy="Use single sentences, or a checkpoint that was trained on pairs.",
        )


def refuse_absent_pooler(task: Task, *, present: bool) -> None:
    """Raise if the spec asks for a pretrained pooler and the checkpoint has none.

    Raises:
        EngineError: With what to write instead.
    """
    if task.spec.model.pooler == "pretrained" and not present:
        raise EngineError(
            f"model.pooler: the spec asks for the pretrained pooler, and checkpoint {task.checkpoint.source} has none",
            remedy="Write pooler = 'fresh' under [model].",
        )


def refuse_optimizer_fields(spec: Spec, absent: Mapping[str, str]) -> None:
    """Raise if the spec sets a field of the optimizer that this engine's library does not have.

    Args:
        spec: The benchmark.
        absent: Names of fields, and why the engine has none.

    Raises:
        EngineError: Names the first such field that is set.
    """
    for name, reason in absent.items():
        if getattr(spec.optimizer, name, None) not in (None, False):
            raise EngineError(
                f"optimizer.{name}: engine {spec.engine} has none: {reason}",
                remedy=f"Leave {name} out, or use engine = 'native'.",
            )


def refuse_other_state(
    state: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, ...]], *, engine: str
) -> None:
    """Refuse to continue from what another network, optimizer or library saved.

    Args:
        state: As given to `Engine.restore`.
        shapes: Of everything that it must hold, and nothing else.
        engine: Its name.

    Raises:
        EngineError: If anything is missing, has another shape, or is not expected; the first by name is told.
    """
    given = {name: values.shape for name, values in state.items()}
    if different := sorted(name for name in shapes.keys() | given if shapes.get(name) != given.get(name)):
        name = different[0]
        raise EngineError(
            f"{engine} engine: cannot continue from this state: {name} has shape {given.get(name, 'none')}, "
            f"expected {shapes.get(name, 'none')} ({len(different)} of {len(shapes)} differ)",
            remedy="Continue with the spec, checkpoint and data that the state was saved under.",
        )
