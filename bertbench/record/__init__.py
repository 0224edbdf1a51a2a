"""What happened: the record of one run of one spec, all its seeds.

A record is a fact. It is immutable, refuses nonsense at birth, carries its environment and a schema version, and is
written for every run, crashed ones included. Everything people see (terminal, TensorBoard, reports, verdicts) is a view
of it. `bertbench.store` keeps records on disk.

Schema history:
    1: first.
    2: `fault`; of a seed `variables` and `evidence`; of the checkpoint `config`; of the data `rows_sha256`,
       `words_in_use` and `longest_row_tokens`. Records of version 1 are read, and what they lack is not recorded.
    3: `revision`. Older records are read; which code they ran is not known.
    4: of the data `distinct_rows`. Older records are read; how many of their rows differ is not known, and all are
       taken to.

::

    fact.py           a frozen piece of a record
    seed.py           one fine-tune
    surroundings.py   data, checkpoint, environment, process, repository
    run.py            the whole
"""

from bertbench.record.fact import Fact, Moment, NotNegative, Outcome, Seconds
from bertbench.record.run import SCHEMA_VERSION, RunRecord
from bertbench.record.seed import (
    Digests,
    EpochRow,
    Evidence,
    Failure,
    Quality,
    SeedRun,
    StepSeries,
    Utilization,
    VariableFacts,
)
from bertbench.record.surroundings import (
    CheckpointFacts,
    DataFacts,
    EnvironmentFacts,
    FindingRow,
    ProcessFacts,
    Revision,
)

__all__ = [
    "SCHEMA_VERSION",
    "CheckpointFacts",
    "DataFacts",
    "Digests",
    "EnvironmentFacts",
    "EpochRow",
    "Evidence",
    "Fact",
    "Failure",
    "FindingRow",
    "Moment",
    "NotNegative",
    "Outcome",
    "ProcessFacts",
    "Quality",
    "Revision",
    "RunRecord",
    "Seconds",
    "SeedRun",
    "StepSeries",
    "Utilization",
    "VariableFacts",
]
