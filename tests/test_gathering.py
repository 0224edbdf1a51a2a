"""Which runs are of one code: by the bits of a seed, by a clean commit, and by nothing else."""

from __future__ import annotations

from baseline_examples import run_of
from hypothesis import given
from hypothesis import strategies as st

from bertbench.gathering import Group, of_one_code
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


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, A, B]), st.integers(0, 1)), min_size=1, max_size=6))
def test_what_is_taken_never_contradicts_itself(runs: list[tuple[int, Revision | None, int]]) -> None:
    groups = [group(str(number), [seed], revision, bits) for number, (seed, revision, bits) in enumerate(runs)]
    of_code, others = of_one_code(groups)
    bits: dict[int, object] = {}
    for (record,) in of_code:
        assert bits.setdefault(record.seeds[0].seed, record.seeds[0].digests) == record.seeds[0].digests
    assert of_code[-1] == groups[-1]
    assert len(of_code) + len(others) == len(groups)
