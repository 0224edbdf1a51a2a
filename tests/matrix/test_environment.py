"""What an environment is called, and when two runs are of one."""

from __future__ import annotations

from matrix_examples import run_in
from record_maker import make_record

from bertbench.matrix.environment import Environment, names_of


def names(*records: object) -> list[str]:
    return list(names_of([Environment.of(record) for record in records]))  # type: ignore[arg-type]


def test_the_name_says_python_libraries_and_engine() -> None:
    assert names(run_in("1")) == ["py311-tf2.21-keras3.15-native"]
    peer = run_in("2", engine="transformers-torch", backend="torch", torch="2.13.0", transformers="5.24.0")
    assert "torch2.13" in names(peer)[0]
    assert names(peer)[0].endswith("-transformers-torch")


def test_where_the_short_name_is_not_enough_what_differs_is_added() -> None:
    assert names(run_in("1", numpy="2.1.3"), run_in("2"), run_in("3", python="3.12.1")) == [
        "py311-tf2.21-keras3.15-native-numpy2.1.3",
        "py311-tf2.21-keras3.15-native-numpy2.4.6",
        "py312-tf2.21-keras3.15-native",
    ]
    assert names(run_in("1", threads=1), run_in("2"))[0].endswith("-native-threads1")


def test_many_differences_are_a_fingerprint() -> None:
    found = names(run_in("1", numpy="2.1.3", tokenizers="0.20", ml_dtypes="0.4"), run_in("2"))
    assert len(set(found)) == 2
    assert all(len(name.rpartition("-")[2]) == 6 for name in found)


def test_runs_of_one_environment_have_one_key() -> None:
    keys = {Environment.of(record).key for record in (run_in("1"), run_in("2", machine="other", bits=3))}
    assert len(keys) == 1
    others = (
        run_in("1", threads=1),
        run_in("1", numpy="2.0"),
        run_in("1", engine="keras-hub"),
        run_in("1", backend="jax"),
    )
    assert len({Environment.of(record).key for record in others} - keys) == 4


def test_a_run_that_knows_nothing_of_its_environment_still_has_a_name() -> None:
    record = make_record().model_copy(update={"environment": None})
    assert names(record) == ["native"]


def test_newer_versions_are_newer() -> None:
    newness = [
        Environment.of(record).newness
        for record in (
            run_in("1", tensorflow="2.9.0"),
            run_in("2", tensorflow="2.20.0"),
            run_in("3", keras="3.12.0"),
            run_in("4"),
            run_in("5", python="3.12.1"),
        )
    ]
    assert newness == sorted(newness)
    assert Environment.of(run_in("1", tensorflow="nightly")).newness < newness[0]


def test_patch_versions_tell_apart_what_the_short_name_does_not() -> None:
    assert names(run_in("1", keras="3.15.0"), run_in("2")) == [
        "py311-tf2.21-keras3.15-native-keras3.15.0",
        "py311-tf2.21-keras3.15-native-keras3.15.1",
    ]
