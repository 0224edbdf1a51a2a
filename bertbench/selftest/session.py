"""The whole of a self-test on one page: one seed, a plan, the parts, and what became of the promises."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from bertbench.errors import BertbenchError, VerdictError
from bertbench.processes import run_request
from bertbench.record import RunRecord
from bertbench.selftest.classes import NumericsClass, harmless_classes
from bertbench.selftest.clean import Clean, clean_facts, smallest_bank
from bertbench.selftest.fault_choice import KnownFault, choice_of, chosen
from bertbench.selftest.fault_matrix import fault_rows, refused_rows, unrun, words_of
from bertbench.selftest.findings import Findings
from bertbench.selftest.gate import Measured, code_check, quality_rows, speed_rows
from bertbench.selftest.keeping import is_promised, kept_promises, outcome_of
from bertbench.selftest.measuring import class_facts, effect_facts, process_facts
from bertbench.selftest.plan import PARTS, REPEATED_SEEDS, Plan, covers, enough_minutes, make_plan, pairs_seconds
from bertbench.selftest.record import PartFacts, SelfTest
from bertbench.selftest.runs import Runner, Runs, SeedOutcome, Told, costs_of, outcomes_of, validation_rows
from bertbench.selftest.settings import Settings
from bertbench.selftest.speed_pairs import PairsSaid, pairs_said, speed_row, unchanged_speed
from bertbench.selftest.trials import TrialPlan, class_for_trials, fresh_trials
from bertbench.spec import spec_fingerprint
from bertbench.suite import Benchmark
from bertbench.training import new_run_id
from bertbench.verdict.quality_gate import quality_gate
from bertbench.verdict.speed_comparison import speed_rule
from bertbench.version import VERSION

#: Given what was found until now, and the self-test's folder.
Keep = Callable[[SelfTest, Path], None]

_FEWEST_MEASURED = 8


def self_test(
    benchmark: Benchmark,
    out: Path,
    settings: Settings,
    *,
    faults: Sequence[KnownFault],
    runner: Runner = run_request,
    clock: Callable[[], float] = time.monotonic,
    told: Told | None = None,
    keep: Keep | None = None,
) -> tuple[SelfTest, Path]:
    """Measure, simulate, try, and put faults in, as far as the budget goes.

    Args:
        benchmark: What is measured; its promises are left out.
        out: The self-test's folder is made in it.
        settings: What is asked for.
        faults: To put in, if *settings* name no fewer.
        runner: Runs a request; processes of their own if not given.
        clock: Monotonic time in seconds.
        told: Hears what begins, in words.
        keep: Given what was found until then, said to be interrupted, each time that something was, and the folder: to
            write it, so that whatever ends this process leaves a report.

    Returns:
        What was found, and the folder that holds its runs. An interrupt ends the test early: what was measured until
        then is returned.

    Raises:
        FaultError: If *settings* name a fault that is none of *faults*, or nothing but faults is asked for and the spec
            shows by itself that every one would do nothing.
        VerdictError: If parts cannot be meant, the first seed does not complete, or it has too few rows for a margin.
        KeyboardInterrupt: If it was interrupted before anything was planned.
    """
    put_in = chosen(faults, settings.faults)
    selftest_id = new_run_id(benchmark.spec.name)
    folder = out / selftest_id
    runs = Runs(
        folder,
        benchmark.base_folder,
        budget_seconds=settings.budget_seconds,
        runner=runner,
        clock=clock,
        told=told,
    )

    def keep_it(test: _SelfTest) -> None:
        if keep is not None:
            keep(test.record(selftest_id), folder)

    test = _SelfTest(benchmark, settings, runs, put_in, keep_it)
    try:
        test.run()
    except KeyboardInterrupt:
        if not test.has_begun:
            raise
    return test.record(selftest_id), folder


class _SelfTest:
    """A self-test while it runs: each part adds what it found."""

    def __init__(
        self,
        benchmark: Benchmark,
        settings: Settings,
        runs: Runs,
        faults: Sequence[KnownFault],
        keep: Callable[[_SelfTest], None],
    ) -> None:
        self._keep = keep
        self._spec, self._settings, self._runs = benchmark.spec, settings, runs
        self._first_seed = settings.first_seed
        self._own, *self._others = harmless_classes(benchmark.spec)
        self._choice = choice_of(faults, self._own.of_seeds([self._first_seed]), parts=settings.parts)
        self._generator = np.random.default_rng(settings.random_seed)
        self._started = datetime.now(timezone.utc)
        self._outcomes: dict[str, dict[int, SeedOutcome]] = {}
        self._records: list[RunRecord] = []  # clean seeds of the own class, each once
        self._found = Findings(refused_rows(self._choice))

    @property
    def has_begun(self) -> bool:
        """Whether one seed has run and the rest is planned."""
        return bool(self._found.parts)

    def run(self) -> None:
        """The parts in their order, each as far as time allows."""
        # One seed: what a process costs, and whether anything works at all
        began = self._runs.clock()
        self._first = self._runs.clean(self._own, [self._first_seed])
        self._costs = self._first_costs = costs_of(self._first, self._runs.clock() - began)
        self._rows, self._distinct_rows = validation_rows(self._first)
        self._gate = quality_gate(self._distinct_rows, self._spec.verdict, gated_specs=self._settings.gated_specs)

        # The plan; where nothing fits, no part begins a process
        self._plan = self._planned()

        # The parts
        for name, part in (
            ("seeds", self._measure_seeds),
            ("processes", self._measure_processes),
            ("trials", self._try_fresh),
            ("faults", self._put_faults_in),
            ("speed", self._slow_down),
        ):
            if name in self._settings.parts:
                with self._timed(name):
                    part()
        self._found.interrupted = False

    def _planned(self) -> Plan:
        self._wishes = self._settings.wishes(
            [one.name for one in (self._own, *self._others)],
            faults=len(self._choice.put_in),
            speed_faults=len(self._choice.slow),
            bank_seeds=self._gate.rule.smallest_bank,
            pairs=speed_rule(gated_specs=self._settings.gated_specs).smallest_pairs + 1,
        )
        plan = make_plan(self._wishes, self._costs, self._runs.seconds_left)
        for name in PARTS:
            self._found.parts[name] = PartFacts(
                name=name, planned=plan.words[name], left_out=plan.left_out.get(name, "")
            )
        if not covers(plan, self._wishes):
            self._found.enough_minutes = enough_minutes(self._wishes, self._costs)
        return plan

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """A part that breaks is said to be broken, and the others go on."""
        began = self._runs.clock()
        try:
            yield
        except BertbenchError as error:
            self._note(name, left_out=f"it broke off: {error.message}")
        finally:
            self._note(name, seconds=self._runs.clock() - began)

    def _note(self, name: str, **changes: str | float) -> None:
        self._found.parts[name] = self._found.parts[name].model_copy(update=changes)
        self._keep(self)

    def _leave_out(self, name: str, what: str) -> None:
        """Beside what the plan left out."""
        before = self._found.parts[name].left_out
        self._note(name, left_out=f"{before}; {what}" if before else what)

    def _too_late(self, name: str, what: str) -> None:
        """Something was planned, and earlier things took longer than planned."""
        budget = self._settings.budget_seconds
        self._found.enough_minutes = enough_minutes(self._wishes, self._costs, too_short_seconds=budget)
        self._leave_out(name, f"planned, and then too late: {what}")

    def _fits(self, seeds: int) -> bool:
        return self._costs.of(seeds=seeds) <= self._runs.seconds_left

    def _measure_seeds(self) -> None:
        """Spread, tail, correlation and class effect; then the gate simulated on them."""
        for one in (self._own, *self._others):
            wanted = self._plan.pool_seeds[one.name]
            have = [self._first] if one is self._own else []
            if not wanted:
                continue
            if not self._fits(wanted):
                self._too_late("seeds", f"class {one.name}")
                continue
            try:
                records = [*have, self._pool(one, range(self._first_seed + len(have), self._first_seed + wanted))]
            except VerdictError as error:  # without the own class nothing can be measured, without another the rest can
                if one is self._own:
                    raise
                self._note("seeds", left_out=error.message)
                continue
            self._found.classes.append(class_facts(one, records, rows=self._rows))
            self._outcomes[one.name] = {seed: seen for record in records for seed, seen in outcomes_of(record).items()}
            self._records += records if one is self._own else []
            self._note("seeds", done=", ".join(f"{len(one.hits)} of class {one.name}" for one in self._found.classes))
        if not self._found.classes or self._found.classes[0].name != self._own.name:
            return
        own, *others = self._found.classes
        counts = {"rows": self._rows, "distinct_rows": self._distinct_rows}
        self._found.effects = [effect_facts(own, other, self._outcomes, **counts) for other in others]
        if len(own.hits) >= _FEWEST_MEASURED:
            self._runs.told("simulating the quality gate")
            self._found.quality_gate = quality_rows(
                self._measured(),
                gated_specs=self._settings.gated_specs,
                trials=self._settings.simulated_runs,
                generator=self._generator,
            )
            self._found.code_check = code_check(self._measured(), generator=self._generator)

    def _pool(self, one: NumericsClass, seeds: range) -> RunRecord:
        """Seeds of a class; if they took longer than the first seed promised, what follows is judged by that."""
        began = self._runs.clock()
        record = self._runs.clean(one, seeds)
        self._costs = self._costs.or_worse(costs_of(record, self._runs.clock() - began))
        return record

    def _measured(self) -> Measured:
        correlations = [effect.correlation.estimate for effect in self._found.effects if effect.correlation]
        return Measured(
            hits=[seen.hits for seen in self._outcomes[self._own.name].values() if not seen.failed],
            failed=sum(seen.failed for seen in self._outcomes[self._own.name].values()),
            rows=self._rows,
            distinct_rows=self._distinct_rows,
            gate=self._gate,
            drops={effect.name: effect.drop_points for effect in self._found.effects if effect.drop_points},
            correlation=max(correlations, default=None),
        )

    def _measure_processes(self) -> None:
        """The same seed in fresh processes: the same bits, other times."""
        records = [self._first]
        for _ in range(self._plan.processes - 1):
            if not self._fits(1):
                self._too_late("processes", f"{self._plan.processes - len(records)} of them")
                break
            records.append(self._runs.clean(self._own, [self._first_seed]))
            self._found.processes = process_facts(records)
            self._note("processes", done=f"{len(records)} of seed {self._first_seed}")
        if self._found.processes is not None and self._found.processes.spread is not None:
            self._runs.told("simulating the speed gate")
            self._found.speed_gate = speed_rows(
                speed_rule(gated_specs=self._settings.gated_specs),
                self._found.processes.spread.estimate,
                gated_specs=self._settings.gated_specs,
                trials=self._settings.simulated_speed_runs,
                generator=self._generator,
            )

    def _try_fresh(self) -> None:
        """Comparisons of fresh seeds, the candidate's in a class that changes bits and should change nothing else."""
        other, seen = class_for_trials(self._others, self._found.effects)
        if other is None:
            self._found.trials = seen
            if seen.identity_decides:
                self._note("trials", done=seen.note)
            else:
                self._leave_out("trials", seen.note)
            return
        plan = TrialPlan(
            own=self._own,
            other=other,
            gate=self._gate,
            first_seed=self._first_seed + max(self._plan.pool_seeds.values()),
            trials=self._plan.trials,
            candidates_per_bank=self._settings.candidates_per_bank,
            costs=self._costs,
        )
        seen = seen.model_copy(update={"candidates_per_bank": self._settings.candidates_per_bank})
        self._found.trials = seen
        for trial in fresh_trials(plan, self._runs):
            self._found.trials = seen = seen.model_copy(update={"counted": (*seen.counted, trial)})
            self._note("trials", done=f"{len(seen.counted)} with class {other.name}")
        if len(seen.counted) < plan.trials:
            self._too_late("trials", f"{plan.trials - len(seen.counted)} of them")

    def _put_faults_in(self) -> None:
        """Each fault that fits the plan."""
        wanted = self._choice.put_in[: self._plan.faults]
        if self._found.fault_rows:
            self._note("faults", done=words_of(self._found.fault_rows.values(), seeds=self._plan.fault_seeds))
        if not wanted:
            return
        if not self._fits(REPEATED_SEEDS):
            self._too_late("faults", f"all {len(wanted)}")
            return
        clean = self._clean()
        for row in fault_rows(wanted, clean, self._runs, seeds=self._plan.fault_seeds, costs=self._costs):
            self._found.fault_rows[row.name] = row
            self._note("faults", done=words_of(self._found.fault_rows.values(), seeds=self._plan.fault_seeds))
        if late := sum(fault.name not in self._found.fault_rows for fault in wanted):
            self._too_late("faults", f"{late} of them")

    def _clean(self) -> Clean:
        outcomes = self._outcomes.get(self._own.name) or outcomes_of(self._first)
        records = self._records or [self._first]
        self._found.clean = clean_facts(self._own, records, outcomes, self._runs, seeds=self._plan.fault_seeds)
        bank = smallest_bank(records, outcomes, self._gate, self._runs)
        return Clean(self._own, outcomes, bank, self._gate, self._rows, self._distinct_rows, self._found.clean)

    def _slow_down(self) -> None:
        """Pairs of processes, clean ones first, for the faults that slow the median step: it is all that pairs see."""
        if not self._choice.slow:
            self._note("speed", done="none of the faults slows the median step")
        planned = self._choice.slow[: self._plan.speed_faults]
        # As many as the fewest pairs that can decide still fit for; no process is begun for others
        fitting = int(max(0.0, self._runs.seconds_left) / pairs_seconds(self._wishes.pairs, self._first_costs))
        faults = planned[: max(0, fitting - 1)]  # one place is that of clean processes
        if late := len(planned) - len(faults):
            self._too_late("speed", f"{late} of them")
        if not faults or not self._is_speed_cleared(shares=1 + len(faults)):
            return
        for number, fault in enumerate(faults):
            said = self._pairs(fault.name, shares=len(faults) - number)
            row = speed_row(self._found.fault_rows.get(fault.name, unrun(fault)), said)
            self._found.fault_rows[row.name] = row
            self._note("speed", done=f"clean processes, {number + 1} of {len(faults)} faults")
            if row.speed == "undecided" and said.time_ended and is_promised(row):
                self._too_late("speed", f"more pairs with {row.name}")

    def _is_speed_cleared(self, *, shares: int) -> bool:
        """Whether pairs do not find clean processes slower than clean ones: else they convict no fault."""
        unchanged = unchanged_speed(self._pairs(None, shares=shares))
        self._found.unchanged_speed = (unchanged,)
        self._note("speed", done="clean processes")
        if unchanged.word == "fail":
            self._leave_out("speed", "all faults: clean processes failed against clean ones, so pairs convict nobody")
        return unchanged.word != "fail"

    def _pairs(self, fault: str | None, *, shares: int) -> PairsSaid:
        """In an equal share of the time that is left."""
        return pairs_said(
            fault,
            self._own,
            self._first_seed,
            self._runs,
            gated_specs=self._settings.gated_specs,
            seconds=self._runs.seconds_left / shares,
            coin_seed=int(self._generator.integers(2**32)),
        )

    def record(self, selftest_id: str) -> SelfTest:
        """What was found until now."""
        found = SelfTest(
            selftest_id=selftest_id,
            bertbench_version=VERSION,
            spec=self._spec,
            spec_fingerprint=spec_fingerprint(self._spec),
            validation_rows=self._rows,
            distinct_validation_rows=self._distinct_rows,
            environment=self._first.environment,
            gated_specs=self._settings.gated_specs,
            margin_points=self._gate.rule.margin_points,
            started_at=self._started,
            finished_at=datetime.now(timezone.utc),
            budget_seconds=self._settings.budget_seconds,
            random_seed=self._settings.random_seed,
            first_seed=self._first_seed,
            last_seed=self._runs.last_seed,
            faults_asked=self._settings.faults,
            **self._found.fields(self._choice if self._settings.puts_faults_in else None),
            outcome="undecided",
        )
        promises = kept_promises(found)
        outcome = outcome_of(promises, found, asked=self._settings.parts)
        return found.model_copy(update={"promises": promises, "outcome": outcome})
