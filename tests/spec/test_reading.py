"""From files to specs: what TOML may say, what variants inherit, and how each mistake is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bertbench.errors import SpecError
from bertbench.spec import (
    AdamSpec,
    AdamWSpec,
    SGDSpec,
    build_spec,
    override,
    read_spec,
    spec_fields,
)

SHIPPED = sorted((Path(__file__).parents[2] / "benchmarks" / "specs").glob("*.toml"))


def write(folder: Path, text: str, name: str = "card.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    return caught.value


# What TOML may say


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_specs_are_valid_and_named_like_their_files(path: Path) -> None:
    assert read_spec(path).name == path.stem


def test_name_alone_is_a_spec(tmp_path: Path) -> None:
    assert read_spec(write(tmp_path, 'name = "card"')) == build_spec({"name": "card"})


@pytest.mark.parametrize(
    ("written", "rate"),
    [("3e-5", 3e-5), ("3E-05", 3e-5), ("0.000_03", 3e-5), ("1", 1.0), ("1e0", 1.0), ("0x1", 1.0), ("+2", 2.0)],
)
def test_numbers_as_toml_writes_them(tmp_path: Path, written: str, rate: float) -> None:
    """A whole number is a number: nobody should have to write 1.0."""
    read = read_spec(write(tmp_path, f'name = "card"\n[optimizer]\nlearning_rate = {written}')).optimizer.learning_rate
    assert read == rate
    assert isinstance(read, float)


def test_every_kind_of_value(tmp_path: Path) -> None:
    spec = read_spec(
        write(
            tmp_path,
            """
            name = "card"
            title = "Störung, ünïcode"
            data = { labels = ["delivery", "sign_in"], train_rows = 1_6 }
            training.seeds = [3, 1]
            training.class_weights = { delivery = 2, sign_in = 0.5 }
            training.early_stopping = { patience_epochs = 2 }
            [optimizer]
            name = "sgd"
            momentum = 0.9
            nesterov = true
            [[expect]]
            quantity = "validation_accuracy"
            at_least = 1
            [[expect]]
            quantity = "train_loss"
            at_most = 0.5
            [[budget]]
            quantity = "total_seconds"
            at_most = 90
            """,
        )
    )
    assert spec.title == "Störung, ünïcode"
    assert spec.data.labels == ("delivery", "sign_in")
    assert spec.data.train_rows == 16
    assert spec.training.seeds == (3, 1)
    assert spec.training.class_weights == {"delivery": 2.0, "sign_in": 0.5}
    assert spec.training.early_stopping is not None
    assert spec.training.early_stopping.patience_epochs == 2
    assert isinstance(spec.optimizer, SGDSpec)
    assert spec.optimizer.nesterov is True
    assert [promise.bound for promise in (*spec.expect, *spec.budget)] == [1.0, 0.5, 90.0]


def test_optimizer_without_a_name_is_adam_whatever_else_it_says(tmp_path: Path) -> None:
    optimizer = read_spec(write(tmp_path, 'name = "card"\n[optimizer]\nbeta_1 = 0.8')).optimizer
    assert type(optimizer) is AdamSpec
    assert optimizer.beta_1 == 0.8


def test_fields_are_listed_once_by_dotted_name() -> None:
    names = spec_fields()
    assert len(set(names)) == len(names)
    assert {"name", "training.early_stopping.patience_epochs", "optimizer.nesterov", "expect.over"} <= set(names)
    assert "training.early_stopping" not in names


# One mistake each


class Mistake(NamedTuple):
    """What is written after the name, and what must be said of it."""

    toml: str
    key: str
    given: str
    expected: str


MISTAKES = {
    "unknown key at the top": Mistake("titel = 'x'", "titel", '"x"', "did you mean title?"),
    "unknown table": Mistake("[trainig]\nepochs = 1", "trainig", "", "did you mean training?"),
    "unknown key in a table": Mistake("[training]\nepoch = 3", "training.epoch", "3", "did you mean epochs?"),
    "unknown key two tables down": Mistake(
        "[training.early_stopping]\npatience = 3",
        "training.early_stopping.patience",
        "3",
        "did you mean patience_epochs?",
    ),
    "unknown key of a promise": Mistake(
        "[[expect]]\nquantity = 'train_loss'\nat_mots = 1.0", "expect.0.at_mots", "1.0", "did you mean at_most?"
    ),
    "unknown key like no other": Mistake("[identity]\nzzz = 1", "identity.zzz", "1", "known here: repeat"),
    "key of another table": Mistake("[data]\nbatch_size = 3", "data.batch_size", "3", "it belongs to [training]"),
    "learning rate in the wrong table": Mistake(
        "[training]\nlearning_rate = 1e-3", "training.learning_rate", "0.001", "it belongs to [optimizer]"
    ),
    "key of the top below a table": Mistake(
        "[training]\ntitle = 'x'", "training.title", '"x"', "it belongs to the top of the file"
    ),
    "table below a table": Mistake("[training.optimizer]\nbeta_1 = 0.9", "training.optimizer", "", "top of the file"),
    "extends below a table": Mistake("[data]\nextends = 'a.toml'", "data.extends", '"a.toml"', "the top of a file"),
    "key of another optimizer": Mistake(
        "[optimizer]\nmomentum = 0.9", "optimizer.momentum", "0.9", "it belongs to another optimizer"
    ),
    "key of Adam for SGD": Mistake(
        "[optimizer]\nname = 'sgd'\nbeta_1 = 0.9", "optimizer.beta_1", "0.9", "it belongs to another optimizer"
    ),
    "key named like an optimizer": Mistake("adam = 1", "adam", "1", "known here: augmentation"),
    "key named like an optimizer, in a table": Mistake("[data]\nsgd = 1", "data.sgd", "1", "known here: configuration"),
    "unknown optimizer": Mistake("[optimizer]\nname = 'adamm'", "optimizer.name", '"adamm"', "did you mean adam?"),
    "optimizer of another type": Mistake("[optimizer]\nname = 3", "optimizer.name", "3", "known: adam, adamw, sgd"),
    "optimizer that is no table": Mistake("optimizer = 'sgd'", "optimizer", '"sgd"', "expected a table"),
    "unknown choice": Mistake(
        "[training]\nprecision = 'float16'", "training.precision", '"float16"', "did you mean mixed_float16?"
    ),
    "choice unlike any": Mistake(
        "[schedule]\nkind = 'xyz'", "schedule.kind", '"xyz"', "'constant', 'linear' or 'cosine'"
    ),
    "text for a number": Mistake(
        "[optimizer]\nlearning_rate = '3e-5'", "optimizer.learning_rate", '"3e-5"', "expected a number"
    ),
    "truth value for a number": Mistake(
        "[optimizer]\nlearning_rate = true", "optimizer.learning_rate", "true", "expected a number"
    ),
    "truth value for a count": Mistake("[training]\nepochs = true", "training.epochs", "true", "a whole number"),
    "text for a count": Mistake("[training]\nepochs = '3'", "training.epochs", '"3"', "expected a whole number"),
    "fraction for a count": Mistake("[training]\nepochs = 3.0", "training.epochs", "3.0", "expected a whole number"),
    "number for a truth value": Mistake("[runtime]\nonednn = 1", "runtime.onednn", "1", "expected true or false"),
    "number for text": Mistake("title = 3", "title", "3", "expected text in quotes"),
    "date for text": Mistake("title = 2026-01-02", "title", '"2026-01-02"', "expected text in quotes"),
    "number for a list": Mistake("[training]\nseeds = 1", "training.seeds", "1", "expected a list"),
    "range for a list": Mistake("[training]\nseeds = '0-4'", "training.seeds", '"0-4"', "expected a list"),
    "text in a list of numbers": Mistake("[training]\nseeds = [0, '1']", "training.seeds.1", '"1"', "a whole number"),
    "number for a table": Mistake("training = 3", "training", "3", "expected a table"),
    "list for a table": Mistake("[[training]]\nepochs = 3", "training", "", "expected a table"),
    "table for a list of tables": Mistake(
        "[expect]\nquantity = 'train_loss'", "expect", "", "write [[expect]]"
    ),
    "number for a promise": Mistake("expect = [1]", "expect.0", "1", "expected a table"),
    "fraction for a column": Mistake(
        "[data]\nsource = 'files'\ntrain = 'a'\nvalidation = 'b'\ntext = 0.5", "data.text", "0.5", "name, or its number"
    ),
    "zero epochs": Mistake("[training]\nepochs = 0", "training.epochs", "0", "greater than or equal to 1"),
    "dropout in percent": Mistake(
        "[model]\nhidden_dropout_rate = 10", "model.hidden_dropout_rate", "10", "expected less than 1"
    ),
    "learning rate not a number": Mistake(
        "[optimizer]\nlearning_rate = nan", "optimizer.learning_rate", "NaN", "expected a finite number"
    ),
    "infinite learning rate": Mistake(
        "[optimizer]\nlearning_rate = inf", "optimizer.learning_rate", "Infinity", "expected a finite number"
    ),
    "accuracy in percent": Mistake(
        "[[expect]]\nquantity = 'validation_accuracy'\nat_least = 97", "expect.0.at_least", "97", "write 0.97"
    ),
    "time in milliseconds": Mistake(
        "[[budget]]\nquantity = 'steps_ms'\nat_most = 300", "budget.0.quantity", '"steps_ms"', "steps_seconds?"
    ),
    "split without its name": Mistake(
        "[[expect]]\nquantity = 'accuracy'\nat_least = 1", "expect.0.quantity", '"accuracy"', "validation_accuracy?"
    ),
    "unknown quantity to watch": Mistake(
        "[training.early_stopping]\nquantity = 'val_loss'",
        "training.early_stopping.quantity",
        '"val_loss"',
        "did you mean validation_loss?",
    ),
    "hub checkpoint without a revision": Mistake(
        "[checkpoint]\nsource = 'hub:a/b'", "checkpoint.source", '"hub:a/b"', "pinned by revision"
    ),
    "source that is no list item": Mistake(
        "[data]\nsource = ['a', 'b']", "data.source", '["a", "b"]', "expected text in quotes"
    ),
    "class weight that is none": Mistake(
        "[training.class_weights]\nspam = 0", "training.class_weights.spam", "0", "greater than 0"
    ),
    "class weights of a wrong kind": Mistake(
        "[training]\nclass_weights = 'balance'", "training.class_weights", '"balance"', "'balanced' or a table"
    ),
    "seed twice": Mistake("[training]\nseeds = [1, 1]", "training.seeds", "[1, 1]", "different seeds"),
    "no seed": Mistake("[training]\nseeds = []", "training.seeds", "[]", "one seed or more"),
    "two clippings": Mistake(
        "[optimizer]\nclipnorm = 1.0\nclipvalue = 0.5", "optimizer.clipvalue", "0.5", "clipnorm is set too"
    ),
    "combination across tables": Mistake(
        "[runtime]\nbackend = 'jax'\nonednn = false", "runtime.onednn", "false", "tensorflow backend"
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_is_told_with_file_key_value_and_expectation(tmp_path: Path, mistake: Mistake) -> None:
    path = write(tmp_path, f'name = "card"\n{mistake.toml}\n')
    error = refusal(path)
    assert error.message.startswith(f"{path}: {mistake.key}: ")
    assert mistake.expected in error.message
    assert f"(given: {mistake.given})" in error.message if mistake.given else "(given" not in error.message
    assert error.remedy


@pytest.mark.parametrize("name", ["Card", "my card", "1st", "", "card\\n"])
def test_name_that_cannot_be_one(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, f'name = "{name}"')
    assert refusal(path).message.startswith(f"{path}: name: expected lower-case letters, digits and _, a letter first")


def test_a_digest_that_is_none_is_told_what_one_looks_like(tmp_path: Path) -> None:
    path = write(tmp_path, 'name = "card"\n[checkpoint]\nsha256 = "53AA51"')
    assert "checkpoint.sha256: expected 64 digits of 0 to 9 and a to f" in refusal(path).message


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "spec.toml"
    path.write_bytes(b'\xef\xbb\xbfname = "card"\r\ntitle = "CRLF"\r\n')
    assert read_spec(path).title == "CRLF"


def test_missing_name_is_said_to_be_missing(tmp_path: Path) -> None:
    path = write(tmp_path, "[training]\nepochs = 1")
    assert refusal(path).message == f"{path}: name: missing; it has no default"


def test_every_mistake_is_named_not_only_the_first(tmp_path: Path) -> None:
    path = write(
        tmp_path, "name = 'Card'\n[training]\nepochs = 0\nbatch_sise = 8\n[data]\nmax_length_tokens = 1024\n[runtim]\n"
    )
    message = refusal(path).message
    for part in ("name: ", "training.epochs: ", "training.batch_sise: ", "data.max_length_tokens: ", "runtim: "):
        assert part in message
    assert message.count("(given: ") == 4


def test_long_value_is_cut_in_the_message(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, f"name = '{'long ' * 1000}'")).message
    assert len(message) < 400
    assert "..." in message


# Files that are no specs


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name = ", "is no TOML"),
        (b"name = 'a'\nname = 'b'", "is no TOML"),
        (b"name: card", "is no TOML"),
        (b"{}", "is no TOML"),
        (b"\x00", "is no TOML"),
        (b"name = 'caf\xe9'", "is not UTF-8: invalid continuation byte at byte 11"),
        ('name = "card"'.encode("utf-16"), "is not UTF-8"),
    ],
)
def test_broken_file_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "card.toml"
    path.write_bytes(content)
    assert refusal(path).message.startswith(f"{path}: {reason}")


def test_empty_file_lacks_a_name(tmp_path: Path) -> None:
    assert "name: missing" in refusal(write(tmp_path, "")).message


def test_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, 'name = "card"', "seed_card.toml")
    error = refusal(tmp_path / "seedcard.toml")
    assert error.message == f"{tmp_path / 'seedcard.toml'}: there is no such spec"
    assert error.remedy == f"did you mean {tmp_path / 'seed_card.toml'}?"


@pytest.mark.parametrize("place", ["nothing_like_it.toml", "no/such/folder/card.toml"])
def test_missing_file_without_a_near_name(tmp_path: Path, place: str) -> None:
    error = refusal(tmp_path / place)
    assert "there is no such spec" in error.message
    assert error.remedy == "give the path of a TOML file"


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert error.message.startswith(f"{tmp_path}: cannot be read: ")
    assert error.remedy


def test_path_that_no_file_system_takes(tmp_path: Path) -> None:
    assert "embedded null" in refusal(tmp_path / "a\0b").message
    assert "too long" in refusal(tmp_path / ("a" * 300)).message


def test_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.toml").symlink_to("a.toml")
    assert "cannot be read" in refusal(tmp_path / "a.toml").message


# Variants


def test_variant_takes_all_of_its_base_and_changes_a_few_lines(tmp_path: Path) -> None:
    write(
        tmp_path,
        'name = "base"\ntitle = "T"\n[training]\nepochs = 7\nbatch_size = 4\nseeds = [1, 2]\n'
        '[[expect]]\nquantity = "train_loss"\nat_most = 1.0\n',
        "base.toml",
    )
    spec = read_spec(write(tmp_path, 'extends = "base.toml"\nname = "card"\n[training]\nepochs = 9\nseeds = [5]'))
    assert (spec.name, spec.title) == ("card", "T")
    assert (spec.training.epochs, spec.training.batch_size) == (9, 4)
    assert spec.training.seeds == (5,), "lists are replaced, not joined"
    assert len(spec.expect) == 1


def test_base_lies_relative_to_the_variant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("bases", "variants"):
        (tmp_path / folder).mkdir()
    write(tmp_path / "bases", 'name = "base"\n[training]\nepochs = 7', "base.toml")
    path = write(tmp_path / "variants", 'extends = "../bases/base.toml"\nname = "card"')
    monkeypatch.chdir("/")
    assert read_spec(path).training.epochs == 7


def test_chain_of_variants(tmp_path: Path) -> None:
    write(tmp_path, 'name = "a"\n[training]\nepochs = 1\nbatch_size = 1\nshuffle = false', "a.toml")
    write(tmp_path, 'extends = "a.toml"\nname = "b"\n[training]\nepochs = 2\nbatch_size = 2', "b.toml")
    spec = read_spec(write(tmp_path, 'extends = "b.toml"\nname = "c"\n[training]\nepochs = 3', "c.toml"))
    assert (spec.name, spec.training.epochs, spec.training.batch_size, spec.training.shuffle) == ("c", 3, 2, False)


def test_two_variants_of_one_base_do_not_meet(tmp_path: Path) -> None:
    write(tmp_path, 'name = "base"', "base.toml")
    first = write(tmp_path, 'extends = "base.toml"\n[training]\nepochs = 9', "first.toml")
    second = write(tmp_path, 'extends = "base.toml"', "second.toml")
    assert read_spec(first).training.epochs == 9
    assert read_spec(second).training.epochs == 3


@pytest.mark.parametrize(
    ("base", "variant", "expected"),
    [
        ('name = "adam"\nbeta_1 = 0.8', 'name = "sgd"\nmomentum = 0.9', SGDSpec(momentum=0.9)),
        ("beta_1 = 0.8", 'name = "sgd"', SGDSpec()),
        ('name = "sgd"\nmomentum = 0.9', 'name = "adam"', AdamSpec()),
        ('name = "adamw"\nbeta_1 = 0.8', "beta_2 = 0.9", AdamWSpec(beta_1=0.8, beta_2=0.9)),
        ("beta_1 = 0.8", 'name = "adam"\nbeta_2 = 0.9', AdamSpec(beta_1=0.8, beta_2=0.9)),
        ('name = "adam"\nbeta_1 = 0.8', "beta_2 = 0.9", AdamSpec(beta_1=0.8, beta_2=0.9)),
    ],
)
def test_variant_with_another_optimizer_takes_nothing_of_the_bases(
    tmp_path: Path, base: str, variant: str, expected: Any
) -> None:
    """Half of its keys would mean nothing, and the other half something else."""
    write(tmp_path, f'name = "base"\n[optimizer]\n{base}', "base.toml")
    assert read_spec(write(tmp_path, f'extends = "base.toml"\n[optimizer]\n{variant}')).optimizer == expected


def test_circle_of_variants_is_drawn(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "b.toml"', "a.toml")
    write(tmp_path, 'extends = "c.toml"', "b.toml")
    write(tmp_path, 'extends = "a.toml"', "c.toml")
    assert refusal(tmp_path / "a.toml").message.endswith(": extends itself: a.toml -> b.toml -> c.toml -> a.toml")


def test_spec_that_extends_itself_under_another_path(tmp_path: Path) -> None:
    path = write(tmp_path, f'extends = "../{tmp_path.name}/card.toml"')
    assert "extends itself" in refusal(path).message


def test_missing_base_is_told_with_who_extends_it_and_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, 'name = "base"', "base.toml")
    error = refusal(write(tmp_path, 'extends = "bases.toml"'))
    assert error.message == f"{tmp_path / 'bases.toml'} (extended by card.toml): there is no such spec"
    assert error.remedy == f"did you mean {tmp_path / 'base.toml'}?"


def test_broken_base_is_told_with_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "name = ", "base.toml")
    assert refusal(write(tmp_path, 'extends = "base.toml"')).message.startswith(
        f"{tmp_path / 'base.toml'} (extended by"
    )


@pytest.mark.parametrize("base", ["3", "true", "['a.toml']", "{ file = 'a.toml' }"])
def test_base_that_is_no_file_name(tmp_path: Path, base: str) -> None:
    error = refusal(write(tmp_path, f"name = 'card'\nextends = {base}"))
    assert "extends: " in error.message
    assert "is not the name of a TOML file" in error.message
    assert error.remedy == 'write extends = "base.toml"'


def test_variant_cannot_take_a_table_back_by_another_type(tmp_path: Path) -> None:
    write(tmp_path, 'name = "base"\n[training]\nepochs = 7', "base.toml")
    assert (
        "training: expected a table (given: 3)"
        in refusal(write(tmp_path, 'extends = "base.toml"\ntraining = 3')).message
    )


# Values from Python


def test_lists_and_tuples_are_alike() -> None:
    assert build_spec({"name": "x", "training": {"seeds": [0, 1]}}) == build_spec(
        {"name": "x", "training": {"seeds": (0, 1)}}
    )


def test_extends_is_for_files_only() -> None:
    with pytest.raises(SpecError, match=r"extends: unknown key; it is read in files only"):
        build_spec({"name": "x", "extends": "base.toml"})


def test_errors_name_what_the_caller_says() -> None:
    with pytest.raises(SpecError, match=r"^the third of five: name: missing; .*; nmae: unknown key"):
        build_spec({"nmae": "x"}, where="the third of five")


def test_override_leaves_the_spec_as_it_was() -> None:
    spec = build_spec({"name": "x", "training": {"epochs": 5, "seeds": [3]}})
    changed = override(spec, {"training.seeds": [1, 2], "model.pooler": "fresh"})
    assert (changed.training.seeds, changed.training.epochs, changed.model.pooler) == ((1, 2), 5, "fresh")
    assert (spec.training.seeds, spec.model.pooler) == ((3,), "pretrained")


def test_override_of_nothing_is_the_same_spec() -> None:
    spec = read_spec(SHIPPED[0])
    assert override(spec, {}) == spec


def test_override_of_a_table_that_was_absent() -> None:
    spec = build_spec({"name": "x", "training": {"early_stopping": None}})
    stopping = override(spec, {"training.early_stopping.patience_epochs": 2}).training.early_stopping
    assert stopping is not None
    assert stopping.patience_epochs == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training.seeds": [1, 1]}, "option: training.seeds: expected different seeds"),
        ({"trainig.seeds": [1]}, "option: trainig: unknown key; did you mean training?"),
        ({"training.sead": 1}, "option: training.sead: unknown key; did you mean seeds?"),
        ({"name.first": "x"}, "option: name: expected text in quotes"),
        ({"expect.quantity": "train_loss"}, "option: expect: expected a list of tables"),
        ({"optimizer.name": "sgd"}, "option: optimizer.beta_1: unknown key; it belongs to another optimizer"),
    ],
)
def test_override_is_validated_as_a_whole(changes: dict[str, Any], message: str) -> None:
    spec = build_spec({"name": "x", "optimizer": {"beta_1": 0.8}})
    with pytest.raises(SpecError) as caught:
        override(spec, changes)
    assert message in caught.value.message


def test_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this may be root, whom no permission stops: the refusal is the system's, put in by hand."""
    path = write(tmp_path, 'name = "card"')
    monkeypatch.setattr(Path, "open", _refuse)
    assert refusal(path).message == f"{path}: cannot be read: Permission denied"


def _refuse(*_arguments: Any, **_options: Any) -> None:
    raise PermissionError(13, "Permission denied")
