"""Pretrained weights: found, checked by digest, opened as data. Nothing here ever runs code from a checkpoint.

::

    opening ──> embedded   a package installed for its files
       │   ├──> folder     a folder of the user's
       │   └──> hub        a repository of the Hugging Face hub, through its own client and cache
       └─────> tensors ──> layout        which tensors a BERT has
                      └──> safetensors   the file format
    config, digests, checkpoint: what all of these stand on

Importing this package loads neither the hub's client nor anything that computes.
"""

from bertbench.checkpoints.checkpoint import Checkpoint
from bertbench.checkpoints.config import BertConfig
from bertbench.checkpoints.opening import open_checkpoint
from bertbench.checkpoints.tensors import describe, read_tensors

__all__ = ["BertConfig", "Checkpoint", "describe", "open_checkpoint", "read_tensors"]
