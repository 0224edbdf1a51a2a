"""Which runs are of one code: by the bits of a seed, by a clean commit, and nothing else; never of two factories."""

from __future__ import annotations

import pytest
from baseline_examples import made_by, run_of
from hypothesis import given
from hypothesis import strategies as st

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
from bertbench.gathering import MIXED, newest_candidate
from bertbench.record import Revision

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


def test_a_run_whose_further_seeds_were_made_by_another_factory_is_left_out_whole() -> None:
    mixed = (*own("1", [0], "f" * 64, A), *own("1b", [1], "e" * 64, A))
    candidate, left_out = newest_candidate([mixed, own("2", [2], "f" * 64, A)])
    assert [record.run_id for record in candidate.records] == ["2"]
    assert left_out == {"1": MIXED, "1b": MIXED}


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
