"""The recipe as hyperparameters: each field a column of one kind, the same columns for every spec."""

from __future__ import annotations

from typing import Any

import pytest
from record_maker import make_record, make_spec
from tensorboard.plugins.hparams import api_pb2

from bertbench.report.tensorboard.hparams import (
    columns_of,
    experiment,
    hyperparameters,
    session_end,
    session_start,
)

SPECS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adamw": {"optimizer": {"name": "adamw", "decay_excluded": ["bias", "norm"]}},
    "sgd": {"optimizer": {"name": "sgd", "momentum": 0.5, "nesterov": True}},
    "clipped": {"optimizer": {"name": "adam", "learning_rate": 1e-4, "global_clipnorm": 1.0}},
    "early": {"training": {"early_stopping": {"patience_epochs": 2, "restore_best": True}}},
    "weighted": {"training": {"class_weights": {"billing": 1.0, "login": 2.5}}},
    "files": {
        "data": {
            "source": "files",
            "train": "a.tsv",
            "header": False,
            "text": 1,
            "label": 0,
            "validation_fraction": 0.1,
        }
    },
    "promises": {"expect": [{"quantity": "validation_accuracy", "at_least": 0.9}]},
}
KINDS = {api_pb2.DATA_TYPE_BOOL: bool, api_pb2.DATA_TYPE_FLOAT64: float, api_pb2.DATA_TYPE_STRING: str}


@pytest.mark.parametrize("fields", SPECS.values(), ids=SPECS.keys())
def test_every_hyperparameter_has_its_column_and_its_kind(fields: dict[str, Any]):
    spec = make_spec(**fields)
    columns = columns_of(spec)
    values = hyperparameters(make_record(spec=spec))
    assert values
    for name, value in values.items():
        assert type(value) is KINDS[columns[name]], name


@pytest.mark.parametrize("fields", SPECS.values(), ids=SPECS.keys())
def test_the_columns_are_the_same_for_every_spec(fields: dict[str, Any]):
    assert experiment(make_spec(**fields)) == experiment(make_spec())


def test_what_differs_between_two_recipes_differs_in_the_columns():
    sgd = hyperparameters(make_record(spec=make_spec(**SPECS["sgd"])))
    clipped = hyperparameters(make_record(spec=make_spec(**SPECS["clipped"])))
    assert (sgd["optimizer.name"], sgd["optimizer.momentum"], sgd["optimizer.nesterov"]) == ("sgd", 0.5, True)
    assert (clipped["optimizer.learning_rate"], clipped["optimizer.global_clipnorm"]) == (1e-4, 1.0)
    assert "optimizer.global_clipnorm" not in sgd


def test_lists_and_dictionaries_are_shown_in_words():
    adamw = hyperparameters(make_record(spec=make_spec(**SPECS["adamw"])))
    weighted = hyperparameters(make_record(spec=make_spec(**SPECS["weighted"])))
    files = hyperparameters(make_record(spec=make_spec(**SPECS["files"])))
    assert adamw["optimizer.decay_excluded"] == "bias, norm"
    assert weighted["training.class_weights"] == "billing=1.0, login=2.5"
    assert files["data.text"] == "1"


def test_tables_within_tables_have_columns_too():
    early = hyperparameters(make_record(spec=make_spec(**SPECS["early"])))
    assert early["training.early_stopping.patience_epochs"] == 2.0
    assert early["training.early_stopping.restore_best"] is True


def test_the_environment_is_a_column_and_absent_where_it_is_unknown():
    assert hyperparameters(make_record())["environment.numerics"] == "a" * 12
    unknown = make_record(outcome="running", environment=None)
    assert "environment.numerics" not in hyperparameters(unknown)


def test_seeds_names_promises_and_places_are_no_hyperparameters():
    columns = columns_of(make_spec())
    for name in ("training.seeds", "name", "title", "data.folder", "data.when_absent"):
        assert name not in columns
    assert not [name for name in columns if name.startswith(("expect", "budget", "identity"))]


def test_seeds_of_one_run_share_a_group_and_runs_of_one_spec_do_not():
    one, other = make_record(), make_record(run_id="another")
    first, second = (session_start(one, started).session_start_info for started in (1.0, 2.0))
    assert first.group_name == second.group_name
    assert first.hparams == second.hparams
    assert session_start(other, 1.0).session_start_info.group_name != first.group_name


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("completed", api_pb2.STATUS_SUCCESS),
        ("failed", api_pb2.STATUS_FAILURE),
        ("interrupted", api_pb2.STATUS_FAILURE),
    ],
)
def test_a_session_ends_as_its_seed_did(outcome: Any, status: int):
    end = session_end(outcome, 9.0)
    assert end is not None
    assert (end.session_end_info.status, end.session_end_info.end_time_secs) == (status, 9.0)


def test_a_seed_that_still_runs_has_no_end():
    assert session_end("running", 9.0) is None
