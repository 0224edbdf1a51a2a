"""The recipe of a record as TensorBoard's hyperparameters, one session per seed, all seeds of a run in one group.

The page takes its columns from the one *experiment* message that it happens to find first. So every run writes the same
message, with every field that any spec can have, and a logdir may lose any of its folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from bertbench.quantities import QUALITY
from bertbench.record import Outcome, RunRecord
from bertbench.report.tensorboard.scalars import quality_tag
from bertbench.spec import Spec
from bertbench.spec.fingerprint import recipe

_NUMBER, _WORDS, _SWITCH = api_pb2.DATA_TYPE_FLOAT64, api_pb2.DATA_TYPE_STRING, api_pb2.DATA_TYPE_BOOL

#: Of the environment, so that runs before and after an upgrade differ in a column.
_FINGERPRINTS = ("environment.numerics", "environment.machine")
_FINGERPRINT_DIGITS = 12

#: Columns beside the hyperparameters: the last value of each.
_METRICS = (
    *(quality_tag("validation", name) for name in QUALITY),
    *(quality_tag("train", name) for name in ("accuracy", "loss")),
    "run/utilization",
    "phases/steps_seconds",
)

_STATUS = {
    "completed": api_pb2.STATUS_SUCCESS,
    "failed": api_pb2.STATUS_FAILURE,
    "interrupted": api_pb2.STATUS_FAILURE,
}


def experiment(spec: Spec) -> HParamsPluginData:
    """Names and kinds of all columns; the same for every spec.

    Args:
        spec: Any; it only tells which fields belong to the recipe.
    """
    columns = [api_pb2.HParamInfo(name=name, type=kind) for name, kind in columns_of(spec).items()]
    metrics = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in _METRICS]
    return HParamsPluginData(experiment=api_pb2.Experiment(hparam_infos=columns, metric_infos=metrics))


def session_start(record: RunRecord, started: float) -> HParamsPluginData:
    """One seed's session. Its group is the run, so that the seeds of two runs of one spec stay apart.

    Args:
        record: Of the run.
        started: When the seed began, seconds since 1970.
    """
    info = SessionStartInfo(group_name=f"{record.spec.name} {record.run_id}", start_time_secs=started)
    for name, value in hyperparameters(record).items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, float):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = value
    return HParamsPluginData(session_start_info=info)


def session_end(outcome: Outcome, ended: float) -> HParamsPluginData | None:
    """How a session ended; None if it has not.

    Args:
        outcome: Of the seed.
        ended: When, seconds since 1970.
    """
    if outcome not in _STATUS:
        return None
    return HParamsPluginData(session_end_info=SessionEndInfo(status=_STATUS[outcome], end_time_secs=ended))


def hyperparameters(record: RunRecord) -> dict[str, bool | float | str]:
    """The recipe by dotted names, without the seed; fields that are not set are left out.

    Returns:
        Numbers as float, switches as bool, all else in words, each as its column is declared.
    """
    kinds = columns_of(record.spec)
    values = _flat(recipe(record.spec))
    if record.environment is not None:
        fingerprints = (record.environment.numerics_fingerprint, record.environment.machine_fingerprint)
        values |= dict(zip(_FINGERPRINTS, (text[:_FINGERPRINT_DIGITS] for text in fingerprints), strict=True))
    return {name: _as(kinds[name], value) for name, value in values.items() if value is not None and name in kinds}


def columns_of(spec: Spec) -> dict[str, int]:
    """Every field that the recipe of any spec can have, and its kind; *spec* tells which belong to the recipe."""
    beside_recipe = set(_flat(spec.model_dump(mode="json"))) - set(_flat(recipe(spec)))
    columns = {name: kind for name, kind in _spec_columns().items() if name not in beside_recipe}
    return columns | dict.fromkeys(_FINGERPRINTS, _WORDS)


def _as(kind: int, value: Any) -> bool | float | str:
    if kind == _WORDS:
        return _words(value)
    return bool(value) if kind == _SWITCH else float(value)


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted names and values; a dictionary that the spec declares as one field, such as class weights, stays whole."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        is_table = isinstance(value, Mapping) and name not in _spec_columns()
        flat |= _flat(value, f"{name}.") if is_table else {name: value}
    return flat


@cache
def _spec_columns() -> Mapping[str, int]:
    return _declared(Spec)


def _declared(table: type[BaseModel], prefix: str = "") -> dict[str, int]:
    """Dotted name and kind of each field, of all variants of a table together."""
    kinds: dict[str, int] = {}
    for name, field in table.model_fields.items():
        choices = _choices(field.annotation)
        tables = [choice for choice in choices if isinstance(choice, type) and issubclass(choice, BaseModel)]
        for inner in tables:
            kinds |= _declared(inner, f"{prefix}{name}.")
        if not tables:
            kinds[f"{prefix}{name}"] = _kind(choices)
    return kinds


def _kind(choices: list[Any]) -> int:
    """What all of *choices* can be shown as."""
    present = {choice for choice in choices if choice is not type(None)}
    if present == {bool}:
        return int(_SWITCH)
    return int(_NUMBER if present <= {int, float} else _WORDS)


def _choices(annotation: Any) -> list[Any]:
    """The types that an annotation allows; a literal is a word, a container is shown in words."""
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [choice for argument in get_args(annotation) for choice in _choices(argument)]
    return [str] if get_origin(annotation) in (Literal, tuple, dict) else [annotation]
