"""What fits a budget, decided before it is spent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bertbench.selftest.plan import PARTS, Costs, Wishes, covers, enough_minutes, make_plan, trial_seconds

COSTS = Costs(process_seconds=10, seed_seconds=1)


def wishes(**changes: object) -> Wishes:
    usual: dict[str, object] = {
        "parts": PARTS,
        "classes": ("own", "threads", "onednn"),
        "faults": 40,
        "speed_faults": 5,
        "most_trials": 300,
    }
    return Wishes(**(usual | changes))  # type: ignore[arg-type]


def test_costs_add_processes_and_seeds() -> None:
    assert COSTS.of(seeds=20) == 30
    assert COSTS.of(seeds=0, processes=3) == 30


def test_a_night_has_room_for_everything() -> None:
    plan = make_plan(wishes(), COSTS, 40_000)
    assert plan.pool_seeds == {"own": 40, "threads": 20, "onednn": 20}
    assert (plan.processes, plan.trials, plan.faults, plan.fault_seeds, plan.speed_faults) == (12, 300, 40, 40, 5)
    assert plan.left_out == {}


def test_ten_minutes_have_room_for_some_of_each() -> None:
    plan = make_plan(wishes(), COSTS, 600)
    assert plan.pool_seeds == {"own": 40, "threads": 20, "onednn": 20}
    assert plan.processes == 8
    assert plan.trials >= 1
    assert 0 < plan.faults < 40
    assert plan.fault_seeds == 1
    assert plan.speed_faults == 0
    assert "of 40 faults" in plan.left_out["faults"]
    assert "40 need 34 min" in plan.left_out["faults"]
    assert plan.left_out["speed"] == "0 of 5 faults; all need 22 min or more"


def test_little_time_goes_to_a_small_pool_of_two_classes() -> None:
    plan = make_plan(wishes(), COSTS, 50)
    assert plan.pool_seeds == {"own": 8, "threads": 8, "onednn": 0}
    assert "no seeds of onednn; 20 in each of 3 classes need 90 s" in plan.left_out["seeds"]
    assert (plan.processes, plan.trials, plan.faults, plan.speed_faults) == (0, 0, 0, 0)


def test_no_time_does_nothing_and_says_so() -> None:
    plan = make_plan(wishes(), COSTS, -5)
    assert set(plan.pool_seeds.values()) == {0}
    assert (plan.processes, plan.trials, plan.faults, plan.speed_faults) == (0, 0, 0, 0)
    assert set(plan.left_out) == set(PARTS)


def test_parts_that_were_not_asked_for_get_no_time() -> None:
    plan = make_plan(wishes(parts=("seeds", "trials")), COSTS, 600)
    assert (plan.processes, plan.faults, plan.speed_faults) == (0, 0, 0)
    assert plan.left_out["faults"] == plan.left_out["speed"] == plan.left_out["processes"] == "not asked for"
    assert plan.trials > make_plan(wishes(), COSTS, 600).trials


def test_no_part_grows_at_the_cost_of_another_that_would_fit() -> None:
    """Six times ten pairs take 1,320 s: of 30 minutes that is far more than the fifth that speed is given."""
    plan = make_plan(wishes(), COSTS, 2_100)
    assert (plan.faults, plan.speed_faults) == (40, 5)
    assert plan.trials >= 1
    assert plan.seconds["speed"] == 6 * 10 * 2 * 11
    assert enough_minutes(wishes(), COSTS) < 45


def test_pairs_of_clean_processes_take_the_place_of_one_fault() -> None:
    ten_pairs = 10 * 2 * 11
    only_speed = wishes(parts=("speed",))
    assert make_plan(only_speed, COSTS, 3 * ten_pairs).speed_faults == 2
    assert make_plan(only_speed, COSTS, 2 * ten_pairs - 1).speed_faults == 0
    assert make_plan(only_speed, COSTS, 2 * ten_pairs - 1).seconds["speed"] == 0
    assert make_plan(wishes(parts=("speed",), speed_faults=0), COSTS, 3_000).seconds["speed"] == 0


def test_seeds_with_each_fault_may_be_prescribed() -> None:
    plan = make_plan(wishes(parts=("faults",), fault_seeds=8), COSTS, 192)  # the repeat of clean seeds takes 12
    assert (plan.faults, plan.fault_seeds) == (10, 8)


@given(
    process=st.floats(0.1, 100),
    seed=st.floats(0.01, 100),
    parts=st.sets(st.sampled_from(PARTS), min_size=1),
    faults=st.integers(0, 50),
    fault_seeds=st.sampled_from([None, 1, 8]),
)
def test_the_budget_that_is_recommended_has_room_for_each_part(
    process: float, seed: float, parts: set[str], faults: int, fault_seeds: int | None
) -> None:
    costs = Costs(process, seed)
    wanted = wishes(parts=parts, faults=faults, fault_seeds=fault_seeds)
    minutes = enough_minutes(wanted, costs)
    plan = make_plan(wanted, costs, 60 * minutes - costs.of(seeds=1))
    assert covers(plan, wanted)


def test_a_budget_that_leaves_a_part_out_does_not_cover_it() -> None:
    assert covers(make_plan(wishes(), COSTS, 40_000), wishes())
    assert not covers(make_plan(wishes(), COSTS, 600), wishes())
    assert not covers(make_plan(wishes(), COSTS, -5), wishes(parts=("processes",)))
    assert covers(make_plan(wishes(), COSTS, -5), wishes(parts=("trials",), most_trials=0))


def test_a_budget_in_which_something_came_too_late_is_half_as_long_again_at_least() -> None:
    few = wishes(parts=("processes",))
    assert enough_minutes(few, COSTS) < 10
    assert enough_minutes(few, COSTS, too_short_seconds=600) == 15


def test_trials_that_share_a_bank_are_cheaper() -> None:
    alone = trial_seconds(10, costs=COSTS, bank_seeds=20)
    shared = trial_seconds(10, costs=COSTS, bank_seeds=20, candidates_per_bank=5)
    assert alone == 4 * 10 + 10 * 28
    assert shared == 4 * 10 + 2 * 20 + 10 * 8


@given(
    seconds=st.floats(-10, 1e5),
    process=st.floats(0.1, 100),
    seed=st.floats(0.01, 1_000),
    parts=st.sets(st.sampled_from(PARTS), min_size=1),
)
def test_no_plan_spends_more_than_there_is(seconds: float, process: float, seed: float, parts: set[str]) -> None:
    plan = make_plan(wishes(parts=parts), Costs(process, seed), seconds)
    assert sum(plan.seconds.values()) <= max(seconds, 0) * (1 + 1e-9)
    assert all(plan.seconds[part] == 0 for part in PARTS if part not in parts)
    assert min(plan.processes, plan.trials, plan.faults, plan.speed_faults, *plan.pool_seeds.values()) >= 0


@given(st.floats(0, 1e5))
def test_whatever_is_left_out_is_named(seconds: float) -> None:
    plan = make_plan(wishes(), COSTS, seconds)
    everything = (
        min(plan.pool_seeds.values()) == 20,
        plan.processes == 12,
        plan.trials == 300,
        (plan.faults, plan.fault_seeds) == (40, 40),
        plan.speed_faults == 5,
    )
    assert [part not in plan.left_out for part in PARTS] == list(everything)
