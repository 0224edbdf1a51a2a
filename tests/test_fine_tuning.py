"""One fine-tune, on an engine of a few lines of numpy: what the harness makes of an engine's numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bertbench.data import PackedBatch, SpecialTokenIds, TokenizedSplit
from bertbench.engines.protocol import StepResult
from bertbench.errors import DataError, NonFiniteLossError
from bertbench.fine_tuning import Rows, SeedProgress, fine_tune, first_batches, total_steps
from bertbench.observers import Observer
from bertbench.record import EpochRow, SeedRun
from bertbench.spec import Spec, build_spec
from bertbench.verdict.early_stopping import length_drifts

SPECIAL = SpecialTokenIds(pad=0, unk=1, cls=2, sep=3, mask=4)
#: WordPieces that only rows of class 0, or of class 1, hold; 30 and above occur in both.
OF_CLASS = ((10, 11, 12), (20, 21, 22))


def make_split(labels: list[int], *, seed: int = 0) -> TokenizedSplit:
    """Rows of three to nine WordPieces, the class told by some of them."""
    generator = np.random.default_rng(seed)
    rows = [
        [2, *generator.choice(OF_CLASS[label], 2), *generator.integers(30, 50, generator.integers(1, 7)), 3]
        for label in labels
    ]
    lengths = [len(row) for row in rows]
    return TokenizedSplit(
        token_ids=np.concatenate(rows).astype(np.int32),
        segment_ids=np.zeros(sum(lengths), np.int32),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        labels=np.array(labels, np.int32),
    )


#: Ten training rows, seven of class 0: under batch_size = 4 an epoch is batches of 4, 4 and 2 rows.
ROWS = Rows(make_split([0, 0, 1, 0, 0, 1, 0, 0, 1, 0]), make_split([0, 1] * 3, seed=1), ("good", "bad"), SPECIAL)
BATCHES_OF_AN_EPOCH = 3


def make_spec(**tables: dict[str, Any]) -> Spec:
    """Two epochs of batches of four rows, unless *tables* say otherwise."""
    training = {"epochs": 2, "batch_size": 4} | tables.pop("training", {})
    return build_spec({"name": "toy", "training": training, **tables})


def run(engine: FakeEngine, spec: Spec | None = None, *, seed: int = 0, observer: Observer | None = None) -> SeedRun:
    return fine_tune(engine, ROWS, spec or make_spec(), SeedProgress(seed), observer or Observer())


def cross_entropy(engine: FakeEngine, split: TokenizedSplit) -> NDArray[np.float64]:
    """Of each row, written out anew: (rows,)."""
    (_, weights), *_ = engine.weights()
    scores = [weights[split.token_ids[a:b]].sum(axis=0) for a, b in zip(split.offsets, split.offsets[1:], strict=False)]
    return np.array(
        [math.log(sum(map(math.exp, row))) - row[label] for row, label in zip(scores, split.labels, strict=True)]
    )


# Quality of an epoch


def test_epoch_loss_is_the_mean_over_rows_with_a_smaller_last_batch() -> None:
    """Keras' `fit` weights batches by the length of the first input: another number where rows differ in length."""
    engine = FakeEngine(classes=2, learning_rate=1.0)
    epoch = run(engine).epochs[0]
    steps = run(engine).steps
    per_batch = list(zip(steps.loss, steps.rows, steps.tokens, strict=True))[:BATCHES_OF_AN_EPOCH]
    assert [rows for _, rows, _ in per_batch] == [4, 4, 2]
    assert epoch.train.loss == pytest.approx(sum(loss * rows for loss, rows, _ in per_batch) / 10, rel=1e-12)
    over_batches = sum(loss for loss, _, _ in per_batch) / 3
    by_tokens = sum(loss * tokens for loss, _, tokens in per_batch) / sum(tokens for _, _, tokens in per_batch)
    assert abs(epoch.train.loss - over_batches) > 1e-3
    assert abs(epoch.train.loss - by_tokens) > 1e-3


@pytest.mark.parametrize("batch_size", [1, 3, 4, 9, 10, 11])
def test_without_learning_the_epoch_loss_does_not_depend_on_the_batches(batch_size: int) -> None:
    engine = FakeEngine(classes=2, learning_rate=0.0)
    result = run(engine, make_spec(training={"batch_size": batch_size}))
    expected = float(np.mean(cross_entropy(engine, ROWS.train)))
    assert [row.train.loss for row in result.epochs] == pytest.approx([expected] * 2, rel=1e-12)


def test_train_quality_is_that_of_the_training_pass_and_validation_quality_that_after_it() -> None:
    engine = FakeEngine(classes=2, learning_rate=1.0)
    result = run(engine, make_spec(training={"epochs": 1, "batch_size": 10}))
    # One step on all rows: predictions are those of the untrained weights, validation is after the update.
    untrained = FakeEngine(classes=2)
    untrained.prepare(0)
    assert result.epochs[0].train.loss == pytest.approx(float(np.mean(cross_entropy(untrained, ROWS.train))))
    assert result.epochs[0].validation.loss == pytest.approx(
        float(np.mean(cross_entropy(engine, ROWS.validation))), rel=1e-6
    )
    assert result.epochs[0].train.loss > result.epochs[0].validation.loss


class OneClass(FakeEngine):
    """Always answers class 0."""

    def train_step(self, batch: PackedBatch) -> StepResult:
        result = super().train_step(batch)
        return StepResult(result.loss, result.gradient_norm, np.zeros(batch.row_count, np.int32), result.learning_rate)

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        return np.tile(np.array([1.0, 0.0], np.float32), (batch.row_count, 1))


def test_quality_counts_the_predictions_of_all_batches_together() -> None:
    """Accuracy 7 of 10, not the mean of the batches' accuracies; F1 of the class never answered is 0."""
    epoch = run(OneClass(classes=2)).epochs[0]
    assert epoch.train.accuracy == 0.7
    assert epoch.train.macro_f1 == pytest.approx((2 * 7 / (7 + 10) + 0) / 2)
    assert epoch.validation.accuracy == 0.5
    assert epoch.validation.matthews_correlation == 0.0
    assert epoch.validation.loss == pytest.approx((math.log1p(math.exp(-1)) + math.log1p(math.exp(1))) / 2)


def test_it_learns_with_shuffle_off_and_takes_rows_in_the_order_of_the_file() -> None:
    engine = FakeEngine(classes=2)
    result = run(engine, make_spec(training={"epochs": 40, "shuffle": False}))
    losses = [row.train.loss for row in result.epochs]
    assert losses == sorted(losses, reverse=True)
    assert result.epochs[0].validation.accuracy < 1.0
    assert result.epochs[-1].validation.accuracy == 1.0
    assert result.validation_confusion == ((3, 0), (0, 3))
    assert taken_rows(engine) == [list(range(10))] * 40


# Order of rows


def taken_rows(engine: FakeEngine) -> list[list[int]]:
    """Row numbers of each epoch."""
    rows = [int(row) for batch in engine.trained for row in batch.rows]
    return [rows[start : start + 10] for start in range(0, len(rows), 10)]


def order_of(spec: Spec, *, seed: int, learning_rate: float = 0.1) -> list[list[int]]:
    engine = FakeEngine(classes=2, learning_rate=learning_rate)
    run(engine, spec, seed=seed)
    return taken_rows(engine)


def test_order_of_rows_depends_on_the_seed_alone() -> None:
    reference = order_of(make_spec(), seed=3)
    assert order_of(make_spec(training={"batch_size": 7}), seed=3, learning_rate=9.0) == reference
    assert order_of(make_spec(augmentation={"masking_rate": 0.5}), seed=3) == reference
    assert order_of(make_spec(), seed=4) != reference


def test_each_epoch_takes_every_row_once_in_an_order_of_its_own() -> None:
    epochs = order_of(make_spec(training={"epochs": 5}), seed=0)
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 5
    assert len({tuple(epoch) for epoch in epochs}) == 5


def test_a_run_of_more_epochs_begins_like_a_run_of_fewer() -> None:
    assert order_of(make_spec(training={"epochs": 4}), seed=0)[:2] == order_of(make_spec(), seed=0)


# Noise and weights


def ids_of(batches: list[PackedBatch]) -> list[list[int]]:
    """Ids of each row, in the order of the split."""
    rows: dict[int, list[int]] = {}
    for batch in batches:
        for place, row in enumerate(batch.rows):
            rows[int(row)] = batch.token_ids[batch.offsets[place] : batch.offsets[place + 1]].tolist()
    return [rows[number] for number in sorted(rows)]


def test_augmentation_differs_from_epoch_to_epoch_and_not_from_run_to_run() -> None:
    spec = make_spec(augmentation={"masking_rate": 0.5})
    first, again = FakeEngine(classes=2), FakeEngine(classes=2)
    run(first, spec)
    run(again, spec)
    epochs = [ids_of(first.trained[:BATCHES_OF_AN_EPOCH]), ids_of(first.trained[BATCHES_OF_AN_EPOCH:])]
    assert epochs[0] != epochs[1]
    assert all(any(SPECIAL.mask in row for row in epoch) for epoch in epochs)
    assert ids_of(again.trained) == ids_of(first.trained)


def test_augmentation_differs_from_seed_to_seed() -> None:
    spec = make_spec(augmentation={"masking_rate": 0.5})
    one, other = FakeEngine(classes=2), FakeEngine(classes=2)
    run(one, spec, seed=0)
    run(other, spec, seed=1)
    assert ids_of(one.trained[:BATCHES_OF_AN_EPOCH]) != ids_of(other.trained[:BATCHES_OF_AN_EPOCH])


class KeepsValidation(FakeEngine):
    """Keeps the batches of `logits` too."""

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        self.validated = [*getattr(self, "validated", []), batch]
        return super().logits(batch)


def test_validation_rows_are_never_touched_nor_weighted() -> None:
    engine = KeepsValidation(classes=2)
    run(engine, make_spec(augmentation={"masking_rate": 0.9}, training={"class_weights": {"good": 9.0, "bad": 1.0}}))
    for batch in engine.validated:
        assert np.array_equal(batch.token_ids, ROWS.validation.token_ids)
        assert np.array_equal(batch.row_weights, np.ones(6, np.float32))


@pytest.mark.parametrize(
    ("weights", "of_good", "of_bad"),
    [(None, 1.0, 1.0), ("balanced", 10 / (2 * 7), 10 / (2 * 3)), ({"good": 0.5, "bad": 2.0}, 0.5, 2.0)],
)
def test_class_weights_weigh_rows_in_the_loss(weights: Any, of_good: float, of_bad: float) -> None:
    engine = FakeEngine(classes=2, learning_rate=0.0)
    result = run(engine, make_spec(training={"class_weights": weights}))
    by_row = np.where(ROWS.train.labels == 0, of_good, of_bad)
    expected = float(np.mean(by_row * cross_entropy(engine, ROWS.train)))
    assert result.epochs[0].train.loss == pytest.approx(expected, rel=1e-6)


def test_class_weights_of_other_classes_are_refused() -> None:
    spec = make_spec(training={"class_weights": {"good": 1.0, "worse": 1.0}})
    with pytest.raises(DataError, match="no weight for 'bad', no class 'worse'"):
        run(FakeEngine(classes=2), spec)


# Early stopping


class Scripted(FakeEngine):
    """Validation accuracies as told, epoch by epoch, on six rows; its state is the number of epochs."""

    def __init__(self, hits: list[int]) -> None:
        super().__init__(classes=2)
        self._hits = hits
        self.epochs = 0

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        right = np.arange(batch.row_count) < self._hits[self.epochs]
        self.epochs += 1
        answers = np.where(right, batch.labels, 1 - batch.labels)
        return np.eye(2, dtype=np.float32)[answers]

    def state(self) -> dict[str, NDArray[Any]]:
        return {**super().state(), "epochs": np.array(self.epochs)}

    def restore(self, state: Any) -> None:
        super().restore(state)
        self.epochs = int(state["epochs"])


def stop_early(hits: list[int], **table: Any) -> tuple[SeedRun, Scripted]:
    engine = Scripted(hits)
    stopping = {"quantity": "validation_accuracy", "patience_epochs": 2, **table}
    return run(engine, make_spec(training={"epochs": len(hits), "early_stopping": stopping})), engine


@pytest.mark.parametrize(
    ("hits", "table", "epochs"),
    [
        ([1, 2, 3, 4, 5], {}, 5),  # always better
        ([3, 2, 2, 6, 6], {}, 3),  # two epochs without improvement
        ([3, 2, 4, 3, 3, 6], {}, 5),  # an improvement begins the count anew
        ([3, 3, 3, 3], {}, 3),  # equal is no improvement
        ([3, 2, 6, 6], {"patience_epochs": 1}, 2),
        ([1, 2, 2, 6, 6], {"min_delta": 0.2}, 3),  # a sixth is less than a fifth
        ([1, 2, 3, 4, 5], {"min_delta": 0.2}, 5),  # but two of them, against the same best, are more
        ([3, 2, 2, 2], {"quantity": "validation_loss"}, 3),  # lower is better
        ([1, 2, 3, 4], {"quantity": "validation_loss"}, 4),
    ],
)
def test_training_stops_after_epochs_without_improvement(hits: list[int], table: dict[str, Any], epochs: int) -> None:
    result, _ = stop_early(hits, **table)
    assert len(result.epochs) == epochs
    assert result.outcome == "completed"
    assert result.best_epoch_restored is None


@settings(deadline=None, max_examples=60)
@given(
    hits=st.lists(st.integers(1, 6), min_size=1, max_size=7),
    quantity=st.sampled_from(["validation_accuracy", "validation_loss", "train_loss", "validation_macro_f1"]),
    patience=st.integers(1, 3),
    min_delta=st.sampled_from([0.0, 1 / 6, 0.2, 0.1 + 0.2]),
    restore_best=st.booleans(),
)
def test_the_recipe_lock_holds_training_to_the_same_rule(
    hits: list[int], quantity: str, patience: int, min_delta: float, restore_best: bool
) -> None:
    """It goes through the rule with what the record holds, and asks nobody who trained."""
    table = {"quantity": quantity, "patience_epochs": patience, "min_delta": min_delta, "restore_best": restore_best}
    result, _ = stop_early(hits, **table)
    training = make_spec(training={"epochs": len(hits), "early_stopping": table}).training
    assert list(length_drifts(training, result)) == []


def test_the_best_epoch_is_restored_if_the_spec_says_so() -> None:
    result, engine = stop_early([3, 5, 4, 4, 6], restore_best=True)
    assert len(result.epochs) == 4
    assert result.best_epoch_restored == 1
    assert engine.epochs == 2  # the state after epoch 1
    assert engine.calls[-1] == "restore"


def test_nothing_is_restored_where_the_last_epoch_was_the_best() -> None:
    result, engine = stop_early([1, 2, 3], restore_best=True)
    assert result.best_epoch_restored == 2
    assert "restore" not in engine.calls


def test_digest_of_weights_is_of_those_restored() -> None:
    restored, _ = stop_early([6, 1, 1], restore_best=True)
    alone = run(Scripted([6]), make_spec(training={"epochs": 1}))
    assert restored.digests is not None
    assert alone.digests is not None
    assert len(restored.epochs) == 3
    assert restored.digests.weights == alone.digests.weights


def test_state_is_kept_only_if_it_will_be_wanted() -> None:
    """A copy of all weights each epoch is not free."""
    _, engine = stop_early([1, 2, 3])
    assert "state" not in engine.calls


# NaN


class BreaksAt(FakeEngine):
    """The loss of one training step is not finite; counted from 0."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__(classes=2)
        self._step, self._value = step, value

    def train_step(self, batch: PackedBatch) -> StepResult:
        result = super().train_step(batch)
        if len(self.trained) - 1 != self._step:
            return result
        return StepResult(self._value, math.nan, result.predictions, result.learning_rate)


class Listener(Observer):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def seed_started(self, seed: int, total_steps: int) -> None:
        self.heard.append(("seed", seed, total_steps))

    def step_finished(self, seed: int, step: int, loss: float) -> None:
        self.heard.append(("step", seed, step, loss))

    def epoch_finished(self, seed: int, row: EpochRow) -> None:
        self.heard.append(("epoch", seed, row.epoch))

    def seed_finished(self, run: SeedRun, logits: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
        self.heard.append(("end", run.seed, logits.shape, labels.tolist()))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("step", "epoch"), [(0, 0), (2, 0), (3, 1), (5, 1)])
def test_a_loss_that_is_not_finite_stops_the_run_at_its_step(step: int, epoch: int, value: float) -> None:
    engine, listener, progress = BreaksAt(step, value), Listener(), SeedProgress(7)
    with pytest.raises(NonFiniteLossError, match=f"seed 7: the training loss of step {step} is {value}") as caught:
        fine_tune(engine, ROWS, make_spec(), progress, listener)
    assert (caught.value.seed, caught.value.epoch, caught.value.step) == (7, epoch, step)
    assert "global_clipnorm" in caught.value.remedy
    # Nothing after it: no step, no validation, nobody told of it as of any other step.
    assert len(engine.trained) == step + 1
    assert engine.calls[-1] == "train_step"
    assert [heard for heard in listener.heard if heard[0] == "step"][-1:] == [
        ("step", 7, step - 1, progress.losses[step - 1]) for _ in range(min(step, 1))
    ]
    # The loss is in the series, as what was measured.
    assert len(progress.losses) == step + 1
    assert str(progress.losses[-1]) == str(value)


def test_a_validation_loss_that_is_not_finite_stops_the_run() -> None:
    class BreaksInValidation(FakeEngine):
        def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
            logits = super().logits(batch)
            return logits * np.float32(math.nan) if len(self.trained) > BATCHES_OF_AN_EPOCH else logits

    progress = SeedProgress(1)
    with pytest.raises(NonFiniteLossError, match="seed 1: the validation loss of epoch 1 is nan") as caught:
        fine_tune(BreaksInValidation(classes=2), ROWS, make_spec(), progress, Observer())
    assert (caught.value.epoch, caught.value.step) == (1, 5)
    assert len(progress.epochs) == 1
    assert progress.clock.current == "validation"


def test_infinite_logits_are_no_finite_loss() -> None:
    """Without a word from numpy: a warning would be the only thing that a person sees."""

    class Overflows(FakeEngine):
        def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
            return np.full((batch.row_count, 2), math.inf, np.float32)

    with pytest.raises(NonFiniteLossError, match="the validation loss of epoch 0 is nan"):
        run(Overflows(classes=2))


# What is known of a seed


def test_observers_hear_of_every_step_and_epoch_in_order() -> None:
    listener = Listener()
    result = run(FakeEngine(classes=2), observer=listener, seed=5)
    steps = [("step", 5, number, loss) for number, loss in enumerate(result.steps.loss)]
    assert listener.heard == [
        ("seed", 5, 6),
        *steps[:3],
        ("epoch", 5, 0),
        *steps[3:],
        ("epoch", 5, 1),
        ("end", 5, (2, 6, 2), [0, 1, 0, 1, 0, 1]),
    ]


@pytest.mark.parametrize(("rows", "batch_size", "epochs", "steps"), [(10, 4, 2, 6), (8, 4, 3, 6), (1, 32, 1, 1)])
def test_total_steps_count_the_smaller_last_batch(rows: int, batch_size: int, epochs: int, steps: int) -> None:
    assert total_steps(make_spec(training={"batch_size": batch_size, "epochs": epochs}), rows) == steps


def test_the_engine_is_prepared_for_the_seed_and_asked_what_it_runs() -> None:
    engine = FakeEngine(classes=2, learning_rate=0.25)
    result = run(engine, seed=9)
    assert engine.calls[0] == "prepare 9"
    assert result.live_recipe == {"learning_rate": 0.25}


def test_every_step_has_its_time_rows_tokens_norm_and_rate() -> None:
    engine = FakeEngine(classes=2, learning_rate=0.25)
    result = run(engine)
    steps = result.steps
    assert steps.rows == (4, 4, 2) * 2
    assert steps.tokens == tuple(batch.token_count for batch in engine.trained)
    assert steps.learning_rate == (0.25,) * 6
    assert all(seconds > 0 for seconds in steps.seconds)
    assert all(norm > 0 for norm in steps.gradient_norm)
    assert [row.steps_end for row in result.epochs] == [3, 6]


def test_phases_are_timed_within_the_epochs() -> None:
    result = run(FakeEngine(classes=2))
    assert set(result.phases_seconds) == {"steps", "validation"}
    assert result.phases_seconds["steps"] == pytest.approx(sum(result.steps.seconds))
    assert sum(result.phases_seconds.values()) <= sum(row.seconds for row in result.epochs)


def test_progress_can_be_asked_at_any_time() -> None:
    """A run that is cut off is known as far as it got."""
    progress, seen = SeedProgress(0), []

    class Asks(Observer):
        def step_finished(self, seed: int, step: int, loss: float) -> None:
            seen.append(progress.as_run("running"))

    fine_tune(FakeEngine(classes=2), ROWS, make_spec(), progress, Asks())
    assert [len(run.steps.loss) for run in seen] == [1, 2, 3, 4, 5, 6]
    assert [len(run.epochs) for run in seen] == [0, 0, 0, 1, 1, 1]
    assert {run.outcome for run in seen} == {"running"}


# Utilization


class Probed(FakeEngine):
    """A matrix product takes as long as told; every one is counted."""

    def __init__(self, seconds: float) -> None:
        super().__init__(classes=2)
        self._matmul_seconds = seconds
        self.probes = 0

    def matmul_seconds(self, size: int) -> float:
        self.probes += 1
        return self._matmul_seconds * self.probes  # no two alike, so that the median is known


def test_the_machine_is_probed_between_steps_and_every_sample_is_kept() -> None:
    """A product of a picosecond makes every step long enough for a further probe; the two that warm up do not count."""
    engine = Probed(1e-12)
    result = run(engine)
    assert result.utilization is not None
    samples = result.utilization.sgemm_flops_per_second
    assert engine.probes == 2 + 1 + 6 + 1
    assert samples == pytest.approx([2 * 1024**3 / (1e-12 * number) for number in range(3, 11)])
    rate = 1e6 * sum(result.steps.tokens) / sum(result.steps.seconds)
    assert result.utilization.step_flops_per_second == pytest.approx(rate)
    assert result.utilization.value == pytest.approx(rate / float(np.median(samples)))


def test_probes_are_rare_beside_long_products() -> None:
    engine = Probed(10.0)
    result = run(engine)
    assert engine.probes == 2 + 1 + 1
    assert result.utilization is not None
    assert len(result.utilization.sgemm_flops_per_second) == 2


# Digests


def test_the_same_seed_gives_the_same_digests_and_another_seed_others() -> None:
    first, again, other = (run(FakeEngine(classes=2), seed=seed).digests for seed in (0, 0, 1))
    assert first == again
    assert first is not None
    assert other is not None
    assert {first.weights, first.losses, first.predictions}.isdisjoint({other.weights, other.losses, other.predictions})


class OneBit(FakeEngine):
    """Differs from its parent in the last bit of one number of one kind."""

    def __init__(self, where: str) -> None:
        super().__init__(classes=2)
        self._where = where

    def train_step(self, batch: PackedBatch) -> StepResult:
        result = super().train_step(batch)
        if self._where != "losses" or len(self.trained) != 4:
            return result
        loss = math.nextafter(result.loss, math.inf)
        return StepResult(loss, result.gradient_norm, result.predictions, result.learning_rate)

    def logits(self, batch: PackedBatch) -> NDArray[np.float32]:
        logits = super().logits(batch)
        if self._where == "predictions" and len(self.trained) == BATCHES_OF_AN_EPOCH:  # not even of the last epoch
            logits[5, 1] = np.nextafter(logits[5, 1], np.float32(math.inf))
        return logits

    def weights(self) -> Any:
        for name, values in super().weights():
            if self._where == "weights":
                values[-1, -1] = np.nextafter(
                    values[-1, -1], math.inf
                )  # after the last step: nothing reads it any more
            yield ("other.weight" if self._where == "name" else name), values


@pytest.mark.parametrize(
    ("where", "changed"),
    [("losses", "losses"), ("predictions", "predictions"), ("weights", "weights"), ("name", "weights")],
)
def test_one_bit_changes_the_digest_it_belongs_to_and_no_other(where: str, changed: str) -> None:
    reference, other = run(FakeEngine(classes=2)).digests, run(OneBit(where)).digests
    assert reference is not None
    assert other is not None
    differing = [
        name for name in ("weights", "losses", "predictions") if getattr(reference, name) != getattr(other, name)
    ]
    assert differing == [changed]


# The batches to trace with


def test_first_batches_are_those_the_seed_begins_with() -> None:
    spec = make_spec(augmentation={"deletion_rate": 0.5}, training={"class_weights": "balanced"})
    engine = KeepsValidation(classes=2)
    run(engine, spec, seed=4)
    train, validation = first_batches(ROWS, spec, 4)
    for field in ("token_ids", "segment_ids", "positions", "offsets", "labels", "row_weights", "rows"):
        assert np.array_equal(getattr(train, field), getattr(engine.trained[0], field))
        assert np.array_equal(getattr(validation, field), getattr(engine.validated[0], field))
