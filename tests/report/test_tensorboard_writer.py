"""Writing: what is written, where, once, whole, and without heavy libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from record_maker import make_failed_record, make_failed_seed, make_record
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard_process import run_script

from bertbench.errors import ReportError
from bertbench.report.tensorboard import serve, write_run
from bertbench.report.tensorboard.events import text_event, write_events


def content(folder: Path) -> dict[str, bytes]:
    """The bytes of the one file that is not empty, in each folder below *folder*, itself included."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    assert len({path.parent for path in files}) == len(files)
    return {str(path.parent.relative_to(folder)): path.read_bytes() for path in files}


def test_importing_the_room_imports_neither_tensorboard_nor_tensorflow_nor_a_picture_library():
    script = """
import sys
import bertbench.report.tensorboard
print({"tensorboard", "tensorflow", "keras", "PIL", "google.protobuf"} & set(sys.modules))
"""
    assert run_script(script).stdout == "set()\n"


def test_writing_imports_no_tensorflow_even_where_it_is_installed(tmp_path: Path):
    script = """
import sys
from pathlib import Path
from record_maker import make_record
from bertbench.report.tensorboard import write_run
write_run(make_record(), Path(sys.argv[1]))
print({"tensorflow", "keras"} & set(sys.modules))
"""
    assert run_script(script, tmp_path).stdout == "set()\n"


def test_a_run_is_a_folder_with_a_folder_for_each_seed(tmp_path: Path):
    folder = write_run(make_record(), tmp_path)
    assert folder == tmp_path / "seed_card" / "20300102T030405Z-abc"
    assert set(content(folder)) == {".", "seed-0", "seed-1"}


def test_writing_a_record_twice_leaves_what_writing_it_once_leaves(tmp_path: Path):
    folder = write_run(make_record(), tmp_path, verdict_text="pass")
    once = content(folder)
    assert write_run(make_record(), tmp_path, verdict_text="pass") == folder
    assert content(folder) == once


def test_writing_with_another_verdict_changes_the_run_and_no_seed(tmp_path: Path):
    folder = write_run(make_record(), tmp_path)
    before = content(folder)
    write_run(make_record(), tmp_path, verdict_text="pass")
    after = content(folder)
    assert {name for name in after if after[name] != before[name]} == {"."}


def test_the_bytes_depend_on_the_record_alone(tmp_path: Path):
    first, second = (write_run(make_failed_record(), tmp_path / name) for name in ("first", "second"))
    assert content(first) == content(second)


@pytest.mark.parametrize("outcome", ["failed", "running"])
def test_a_run_without_a_seed_is_written(outcome: str, tmp_path: Path):
    record = make_failed_record().model_copy(
        update={"outcome": outcome, "seeds": (), "data": None, "environment": None, "phases_seconds": {}}
    )
    assert set(content(write_run(record, tmp_path))) == {"."}


def test_a_seed_that_broke_off_before_its_first_step_is_written(tmp_path: Path):
    nothing = make_failed_seed(3)
    nothing = nothing.model_copy(update={"steps": type(nothing.steps)(), "epochs": ()})
    record = make_failed_record().model_copy(update={"seeds": (nothing,)})
    assert set(content(write_run(record, tmp_path))) == {".", "seed-3"}


def test_a_confusion_matrix_of_a_run_without_class_names_is_numbered(tmp_path: Path):
    record = make_record(outcome="running", data=None)
    assert b"validation/confusion" in content(write_run(record, tmp_path))["seed-0"]


def test_events_that_cannot_be_made_leave_the_old_file_and_nothing_else(tmp_path: Path):
    old = write_events(tmp_path, [text_event("a", "old", 1.0)], 1.0)
    before = old.read_bytes()

    def broken() -> Iterator[Event]:
        yield text_event("a", "new", 2.0)
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_events(tmp_path, broken(), 2.0)
    assert [path.name for path in tmp_path.iterdir()] == [old.name]
    assert old.read_bytes() == before


def test_of_the_files_before_only_the_last_stays_and_it_is_empty(tmp_path: Path):
    """A server that has it open finds its end, and then the new one, which must sort after it."""
    first, second, third = (write_events(tmp_path, [text_event("a", str(n), 1.0)], 1.0) for n in range(3))
    assert first.name < second.name < third.name
    assert sorted(tmp_path.iterdir()) == [second, third]
    assert (second.stat().st_size, third.stat().st_size > 0) == (0, True)


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path):
    stranger = tmp_path / "events.out.tfevents.1700000000.host.7.0.v2"
    stranger.write_bytes(b"theirs")
    for _ in range(3):
        write_events(tmp_path, [], 1.0)
    assert stranger.read_bytes() == b"theirs"


def test_a_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(ReportError, match="cannot be written") as caught:
        write_run(make_record(), tmp_path / "taken")
    assert "give another folder" in caught.value.remedy


@pytest.mark.parametrize("missing", ["tensorboard", "PIL"])
def test_without_tensorboard_the_remedy_is_the_extra(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, missing, None)
    for call in (lambda: write_run(make_record(), tmp_path), lambda: serve(tmp_path)):
        with pytest.raises(ReportError, match=missing) as caught:
            call()
        assert caught.value.remedy == "pip install 'bertbench[tensorboard]'"
    assert not list(tmp_path.iterdir())


def test_serving_a_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(ReportError, match="no such folder"):
        serve(tmp_path / "nowhere")
