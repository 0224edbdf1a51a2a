"""Which runs are of one code, by the bits of a seed, by a clean commit, and nothing else; and which of one ground."""

from __future__ import annotations

import pytest
from baseline_examples import made_by, run_of
from hypothesis import given
from hypothesis import strategies as st

from bertbench.baseline.ground import conflict, parted
from bertbench.baseline.one_code import (
    OTHER_BITS,
    OTHER_FACTORY,
    UNKNOWN_CODE,
    Group,
    factory_of,
    in_groups,
    of_one_code,
    why_not,
)
from bertbench.gathering import BROKE_OFF, groups_of, newest_candidate
from bertbench.record import Failure, Revision, RunRecord

NOT_FINITE = Failure(kind="NonFiniteLossError", message="loss is nan", phase="steps", seed=7, epoch=1, step=5)

A, B = Revision(commit="a" * 40, dirty=False), Revision(commit="b" * 40, dirty=False)
A_CHANGED = Revision(commit="a" * 40, dirty=True)


def group(name: str, seeds: range | list[int], revision: Revision | None = None, bits: int = 0) -> Group:
    return (run_of(dict.fromkeys(seeds, 290), bits=bits, run_id=name, revision=revision),)


def taken(*groups: Group) -> list[str]:
    """Ids of those that are of the code of the last."""
    of_code, others = of_one_code(groups)
    assert sorted(one[0].run_id for one in (*of_code, *others)) == sorted(one[0].run_id for one in groups)
    return [one[0].run_id for one in of_code]


def test_one_clean_commit_is_one_code() -> None:
    assert taken(group("1", [0], A), group("2", [1], B), group("3", [2], A)) == ["1", "3"]


def test_a_tree_that_nobody_can_name_is_no_code() -> None:
    for revision in (None, A_CHANGED):
        assert taken(group("1", [0], revision), group("2", [1], revision)) == ["2"]
    assert taken(group("1", [0], A), group("2", [1], A_CHANGED)) == ["2"]


def test_a_seed_of_equal_bits_is_one_code_and_passes_it_on() -> None:
    assert taken(group("1", [0, 1]), group("2", [1, 2], A), group("3", [2, 3], B)) == ["1", "2", "3"]
    assert taken(group("1", [5], A), group("2", [0], A), group("3", [0], B)) == ["1", "2", "3"]


def test_a_seed_of_other_bits_is_another_code_whatever_else_agrees() -> None:
    assert taken(group("1", [0], A, bits=1), group("2", [0], A)) == ["2"]
    mixed = run_of({0: 290, 1: 290}, run_id="1", revision=A)
    other = run_of({1: 290}, bits=1)
    mixed = mixed.model_copy(update={"seeds": (mixed.seeds[0], other.seeds[0])})
    assert taken((mixed,), group("2", [0, 1], A)) == ["2"]


def test_further_seeds_of_another_commit_leave_a_run_without_one() -> None:
    (first,), (further,) = group("1", [0], A), group("1b", [1], B)
    assert taken((first, further), group("2", [2], A)) == ["2"]


# The factory of an engine of one's own


def own(name: str, seeds: list[int], factory: str | None, revision: Revision | None = None, bits: int = 0) -> Group:
    return tuple(made_by(record, factory) for record in group(name, seeds, revision, bits))


def test_the_factory_of_a_run_is_the_digest_that_its_seeds_say() -> None:
    assert factory_of(own("1", [0, 1], "f" * 64)[0]) == "f" * 64
    assert factory_of(own("1", [0], None)[0]) is None
    assert factory_of(group("1", [0])[0]) is None


def test_runs_of_two_factories_are_of_two_codes_whatever_commit_and_bits_say() -> None:
    assert taken(own("1", [0], "f" * 64, A), own("2", [1], "e" * 64, A), own("3", [2], "f" * 64, A)) == ["1", "3"]
    assert taken(own("1", [0], "f" * 64), own("2", [0], "e" * 64)) == ["2"]


def test_a_commit_says_nothing_of_a_factory_whose_file_nobody_could_read() -> None:
    assert taken(own("1", [0], None, A), own("2", [1], None, A)) == ["2"]
    assert taken(own("1", [0], "f" * 64, A), own("2", [1], None, A)) == ["2"]
    assert taken(own("1", [0, 1], None, A), own("2", [1], None, A)) == ["1", "2"]  # but bits do


def test_why_a_run_was_left_out_is_said() -> None:
    newest = own("9", [0], "f" * 64, A)
    assert why_not(own("1", [0], "e" * 64, A), [newest]) == OTHER_FACTORY
    assert why_not(own("1", [0], "f" * 64, A, bits=1), [newest]) == OTHER_BITS
    assert why_not(own("1", [1], "f" * 64, B), [newest]) == UNKNOWN_CODE


def test_a_run_by_another_factory_is_no_part_of_the_candidate_and_named() -> None:
    candidate, left_out = newest_candidate([own("1", [0, 1], "e" * 64, A), own("2", [2], "f" * 64, A)])
    assert [record.run_id for record in candidate.records] == ["2"]
    assert left_out == {"1": OTHER_FACTORY}


def test_of_a_run_and_further_seeds_by_another_factory_the_part_by_the_newest_one_is_taken() -> None:
    mixed = (*own("1", [0], "f" * 64, A), *own("1b", [1], "e" * 64, A))
    assert gathered(mixed, own("2", [2], "f" * 64, A)) == (["1", "2"], {"1b": OTHER_FACTORY})
    assert gathered(mixed, own("2", [2], "e" * 64, A)) == (["1b", "2"], {"1": OTHER_FACTORY})
    assert gathered(mixed, own("2", [2], "d" * 64, A)) == (["2"], {"1": OTHER_FACTORY, "1b": OTHER_FACTORY})


# The ground: numerics, data, weights, version


def gathered(*groups: Group) -> tuple[list[str], dict[str, str]]:
    candidate, left_out = newest_candidate(groups)
    return [record.run_id for record in candidate.records], left_out


def on(
    name: str,
    seeds: list[int],
    numerics: str = "",
    version: str = "",
    continues: str | None = None,
    revision: Revision | None = A,
) -> RunRecord:
    """A run under other numerics or by another version of bertbench, if said."""
    (record,) = group(name, seeds, revision)
    assert record.environment is not None
    environment = record.environment.model_copy(update={"numerics_fingerprint": numerics * 64} if numerics else {})
    changes = {"environment": environment, "bertbench_version": version or record.bertbench_version}
    return record.model_copy(update={**changes, "continues": continues})


def ids(parts: list[Group]) -> list[list[str]]:
    return [[run.run_id for run in part] for part in parts]


def test_runs_of_one_ground_are_one_part() -> None:
    assert ids(parted((on("1", [0]), on("2", [1]), on("3", [2])))) == [["1", "2", "3"]]
    assert ids(parted((on("1", [0]),))) == [["1"]]


def test_further_seeds_on_another_ground_are_parts_of_their_own() -> None:
    assert ids(parted((on("1", [0]), on("2", [1], "e"), on("3", [2]), on("4", [3], "e")))) == [["1", "3"], ["2"], ["4"]]


def test_where_a_run_cannot_say_which_further_seeds_are_on_its_ground_each_stands_alone() -> None:
    """Each agrees with the first, whose factory nobody could read, and the two contradict each other."""
    unknown, one, other = (
        own(str(number), [number], factory)[0] for number, factory in enumerate((None, "f" * 64, "e" * 64))
    )
    assert ids(parted((unknown, one, other))) == [["0"], ["1"], ["2"]]
    assert ids(parted((unknown, one))) == [["0", "1"]]


def test_a_newest_run_is_compared_without_its_further_seeds_on_another_ground() -> None:
    newest = (on("2", [2]), on("3", [3], "e"), on("4", [4]))
    taken, left_out = gathered((on("1", [0]),), newest)
    assert taken == ["1", "2", "4"]
    assert left_out == {"3": "they ran further seeds of 2 and differ from it in numerics"}


def test_a_newest_run_that_cannot_say_which_further_seeds_are_its_own_is_compared_alone() -> None:
    newest = (*own("1", [0], None), *own("2", [1], "f" * 64), *own("3", [2], "e" * 64), *own("4", [3], None))
    why = "they ran further seeds of 1 that differ among themselves in factory"
    assert gathered(newest) == (["1"], {"2": why, "3": why, "4": why})


def test_a_newest_run_that_failed_is_compared_alone_and_its_further_seeds_are_named() -> None:
    failed = on("1", [0]).model_copy(update={"outcome": "failed"})
    taken, left_out = gathered((failed, on("2", [1], "e")))
    assert (taken, list(left_out)) == (["1"], ["2"])


def test_parts_of_an_older_run_count_where_they_are_on_the_ground_of_the_newest() -> None:
    mixed = (on("1", [0], "e"), on("2", [1]))
    assert gathered(mixed, (on("3", [2]),)) == (["2", "3"], {"1": "they differ from newer runs in numerics"})
    assert gathered(mixed, (on("3", [2], revision=B),)) == (
        ["3"],
        {"1": "they differ from newer runs in numerics", "2": UNKNOWN_CODE},
    )


def test_a_part_that_broke_off_is_left_out_alone() -> None:
    broken = on("2", [1], "e").model_copy(update={"outcome": "failed"})
    assert gathered((on("1", [0]), broken), (on("3", [2]),)) == (["1", "3"], {"2": BROKE_OFF})


def test_a_further_seed_that_ended_in_nan_counts_where_its_ground_is() -> None:
    """Its own run was on another: what failed counts wherever it ran, and never first, as one that was prescribed."""
    nan = on("2", [1, 7]).model_copy(update={"continues": "1", "outcome": "failed", "failure": NOT_FINITE})
    failed = nan.seeds[1].model_copy(update={"outcome": "failed", "failure": NOT_FINITE, "digests": None})
    nan = nan.model_copy(update={"seeds": (nan.seeds[0], failed)})
    candidate, left_out = newest_candidate([(on("1", [0], "e"), nan), (on("3", [1, 2]),)])
    assert [run.run_id for run in candidate.records] == ["3", "2"]
    assert [run.seed for run in candidate.not_finite] == [7]
    assert set(left_out) == {"1"}


def test_older_runs_on_another_ground_are_named_with_what_differs() -> None:
    older = ((on("1", [0], "e", "0.0.1"),), (on("2", [1], version="0.0.1"), on("3", [2], version="0.0.1")))
    assert gathered(*older, (on("4", [3]),)) == (
        ["4"],
        {
            "1": "they differ from newer runs in numerics, bertbench",
            "2": "they differ from newer runs in bertbench",
            "3": "they differ from newer runs in bertbench",
        },
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "e"]),
            st.sampled_from([None, "f" * 64, "e" * 64]),
            st.sampled_from([None, A, B]),
            st.integers(0, 2),
            st.booleans(),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_every_run_is_in_the_candidate_or_left_out_with_a_reason(
    ran: list[tuple[str, str | None, Revision | None, int, bool]],
) -> None:
    records: list[RunRecord] = []
    for number, (numerics, factory, revision, seed, goes_on) in enumerate(ran):
        first = next((record.run_id for record in reversed(records) if not record.continues), None)
        made = on(str(number), [seed], numerics, continues=first if goes_on else None, revision=revision)
        records.append(made_by(made, factory))
    groups = groups_of(records)
    of_candidate, left_out = gathered(*groups)
    assert sorted([*of_candidate, *left_out]) == [record.run_id for record in records]
    assert all(left_out.values())
    assert groups[-1][0].run_id in of_candidate
    owners = {record.run_id: record.continues for record in records}
    own = [run for run in of_candidate if owners[run] is None or owners[run] in of_candidate]
    assert of_candidate == [*sorted(own), *sorted(set(of_candidate) - set(own))], "seeds without their run come last"
    for one in groups:
        parts = parted(one)
        assert parts[0][0] is one[0]
        assert all(conflict(part) is None for part in parts)
        assert (len(parts) > 1) == (conflict(one) is not None)


def test_runs_are_grouped_with_their_further_seeds_oldest_first() -> None:
    (first,), (second,) = group("1", [0]), group("2", [0])
    further = second.model_copy(update={"run_id": "1b", "continues": "1"})
    lost = second.model_copy(update={"run_id": "3", "continues": "gone"})
    assert in_groups([lost, second, further, first]) == [(first, further), (second,), (lost,)]


@pytest.mark.parametrize("known", [(None, None), ("f" * 64, "e" * 64), (None, "f" * 64)])
def test_one_code_is_the_same_seen_from_either_run(known: tuple[str | None, str | None]) -> None:
    for bits in (0, 1):
        for revision in (A, A_CHANGED):
            one, two = own("1", [0], known[0], revision), own("2", [0], known[1], A, bits)
            assert len(taken(one, two)) == len(taken(two, one))


# Any runs


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, A, B]), st.integers(0, 1)), min_size=1, max_size=6))
def test_what_is_taken_never_contradicts_itself(runs: list[tuple[int, Revision | None, int]]) -> None:
    groups = [group(str(number), [seed], revision, bits) for number, (seed, revision, bits) in enumerate(runs)]
    of_code, others = of_one_code(groups)
    bits: dict[int, object] = {}
    for (record,) in of_code:
        assert bits.setdefault(record.seeds[0].seed, record.seeds[0].digests) == record.seeds[0].digests
    assert of_code[-1] == groups[-1]
    assert len(of_code) + len(others) == len(groups)
