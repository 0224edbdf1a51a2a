"""What TensorBoard's own server says of a record: read back over HTTP, every point of it.

Records are written, and served, by processes in which importing TensorFlow fails. TensorBoard has two readers, one in
Python and one in Rust that it prefers where it is installed; the server of `serve` takes whichever is preferred.
"""

from __future__ import annotations

import html
import json
import math
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from record_maker import make_failed_record, make_record
from tensorboard_process import NO_TENSORFLOW, Server, eventually, run_script, serving

from bertbench.errors import ReportError
from bertbench.quantities import QUALITY
from bertbench.record import RunRecord
from bertbench.report.confusion import confusion_picture
from bertbench.report.tensorboard.scalars import Series, run_series, seed_series
from bertbench.report.tensorboard.timeline import timelines

COMPLETED = make_record()
FAILED = make_failed_record().model_copy(update={"run_id": "20300102T040000Z-failed"})
RUN = f"seed_card/{COMPLETED.run_id}"
FAILED_RUN = f"seed_card/{FAILED.run_id}"
VERDICT = "fail: accuracy 0.95 < 0.97 | seed 3\nnext: look at <seed 3> & its rows"

WRITE = f"""{NO_TENSORFLOW}
from pathlib import Path
from record_maker import make_failed_record, make_record
from bertbench.report.tensorboard import write_run
logdir = Path(sys.argv[1])
print(write_run(make_record(), logdir, verdict_text=sys.argv[2]))
failed = make_failed_record().model_copy(update={{"run_id": "20300102T040000Z-failed"}})
print(write_run(failed, logdir))
assert not {{"tensorflow", "keras"}} & set(sys.modules)
"""

SERVE = f"""{NO_TENSORFLOW}
from pathlib import Path
from bertbench.report.tensorboard import serve
serve(Path(sys.argv[1]), port=0)
"""


def serve_with(reader: str) -> str:
    """A script that serves with one of the two readers and looks for new files every second."""
    return f"""{NO_TENSORFLOW}
import types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard import default, program
server = program.TensorBoard(plugins=default.get_static_plugins())
server.configure(argv=("",), logdir=sys.argv[1], host="127.0.0.1", port=0, reload_interval=1,
                 load_fast={reader!r}, samples_per_plugin={{"scalars": 100000}})
server.main()
"""


READERS = {"serve": SERVE, "reader in Python": serve_with("false")}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both records, written in a process without TensorFlow."""
    folder = tmp_path_factory.mktemp("logdir")
    written = run_script(WRITE, folder, VERDICT).stdout.split()
    assert written == [str(folder / RUN), str(folder / FAILED_RUN)]
    return folder


@pytest.fixture(scope="module", params=READERS.values(), ids=READERS.keys())
def server(request: pytest.FixtureRequest, logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has read all of *logdir*."""
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(request.param, logdir, log) as started:
        eventually(lambda: len(started.get("scalars/tags")) == 6)
        eventually(lambda: len(points(started, f"{RUN}/seed-1", "validation/accuracy")) == 20)
        yield started


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[[str, Path], Server]]:
    """A function that starts a TensorBoard for one test."""
    with ExitStack() as servers:
        yield lambda script, logdir: servers.enter_context(serving(script, logdir, tmp_path / "server.log"))


def points(server: Server, run: str, tag: str) -> list[tuple[float, int, float]]:
    """Wall time, step and value of every point."""
    return [
        (wall_time, step, float(value)) for wall_time, step, value in server.get("scalars/scalars", run=run, tag=tag)
    ]


def text(server: Server, run: str, tag: str) -> str:
    """The one text under a tag, as HTML."""
    (shown,) = server.get("text/text", run=run, tag=tag)
    page: str = shown["text"]
    return page


def float32(value: float) -> float:
    """As TensorBoard keeps it."""
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    return single


def expected_series(record: RunRecord) -> dict[str, tuple[Series, ...]]:
    """All series by the name of their TensorBoard run."""
    run = f"{record.spec.name}/{record.run_id}"
    seeds = zip(record.seeds, timelines(record), strict=True)
    return {run: run_series(record)} | {f"{run}/seed-{one.seed}": seed_series(one, line) for one, line in seeds}


def test_runs_and_tags_are_those_of_the_records_and_no_others(server: Server):
    tags = {run: set(by_tag) for run, by_tag in server.get("scalars/tags").items()}
    expected = expected_series(COMPLETED) | expected_series(FAILED)
    assert tags == {run: {series.tag for series in all_series} for run, all_series in expected.items()}


@pytest.mark.parametrize("record", [COMPLETED, FAILED], ids=["completed", "failed"])
def test_every_point_of_every_series_is_read_back_with_its_value_and_its_time(server: Server, record: RunRecord):
    for run, all_series in expected_series(record).items():
        for series in all_series:
            read = points(server, run, series.tag)
            assert [step for _, step, _ in read] == [point.step for point in series.points], series.tag
            assert [time for time, _, _ in read] == [point.wall_time for point in series.points], series.tag
            values = [float32(point.value) for point in series.points]
            assert [value for _, _, value in read] == pytest.approx(values, rel=0, abs=0, nan_ok=True), series.tag


def test_a_loss_that_is_not_a_number_is_shown_as_such(server: Server):
    *finite, last = [value for _, _, value in points(server, f"{FAILED_RUN}/seed-1", "step/loss")]
    assert len(finite) == 5
    assert all(map(math.isfinite, finite))
    assert math.isnan(last)


def test_descriptions_are_shown(server: Server):
    shown = server.get("scalars/tags")[f"{RUN}/seed-0"]["validation/loss"]["description"]
    assert "better when lower" in shown


def session_groups(server: Server) -> dict[str, Any]:
    """The groups of the HParams page by name."""
    request = {
        "startIndex": 0,
        "sliceSize": 100,
        "colParams": [],
        "allowedStatuses": ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING", "STATUS_UNKNOWN"],
    }
    return {group["name"]: group for group in server.post("hparams/session_groups", request)["sessionGroups"]}


def test_the_seeds_of_a_run_are_the_sessions_of_one_group(server: Server):
    groups = session_groups(server)
    assert set(groups) == {f"seed_card {COMPLETED.run_id}", f"seed_card {FAILED.run_id}"}
    sessions = groups[f"seed_card {COMPLETED.run_id}"]["sessions"]
    assert [session["name"] for session in sessions] == [f"{RUN}/seed-0", f"{RUN}/seed-1"]


def test_sessions_end_as_their_seeds_did(server: Server):
    sessions = session_groups(server)[f"seed_card {FAILED.run_id}"]["sessions"]
    assert [session["status"] for session in sessions] == ["STATUS_SUCCESS", "STATUS_FAILURE"]
    start, end = sessions[0]["startTimeSecs"], sessions[0]["endTimeSecs"]
    assert (start, end) == (timelines(FAILED)[0].started, timelines(FAILED)[0].ended)


def test_hyperparameters_are_those_of_the_spec(server: Server):
    hparams = session_groups(server)[f"seed_card {COMPLETED.run_id}"]["hparams"]
    assert hparams["optimizer.learning_rate"] == 3e-5
    assert hparams["training.batch_size"] == 8
    assert hparams["data.source"] == "embedded:helpdesk"
    assert hparams["training.shuffle"] is True
    assert "training.seeds" not in hparams


def test_a_session_shows_the_last_value_of_each_metric(server: Server):
    first, _ = session_groups(server)[f"seed_card {COMPLETED.run_id}"]["sessions"]
    values = {metric["name"]["tag"]: metric["value"] for metric in first["metricValues"]}
    assert values["validation/accuracy"] == float32(COMPLETED.seeds[0].epochs[-1].validation.accuracy)
    assert values["run/utilization"] == 0.6875
    assert "step/loss" not in values


def test_the_experiment_has_a_column_for_every_hyperparameter_of_a_session(server: Server):
    experiment = server.post("hparams/experiment", {})
    columns = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    hparams = session_groups(server)[f"seed_card {COMPLETED.run_id}"]["hparams"]
    assert set(hparams) <= set(columns)
    assert columns["optimizer.momentum"] == "DATA_TYPE_FLOAT64"  # of a recipe that no run here has
    metrics = {info["name"]["tag"] for info in experiment["metricInfos"]}
    assert {f"validation/{name}" for name in QUALITY} < metrics


def test_the_verdict_is_shown_with_all_its_signs_and_lines(server: Server):
    page = text(server, RUN, "verdict")
    assert "<seed 3>" not in page
    assert html.unescape(page) == f"<p>{VERDICT}</p>".replace("\n", "<br>\n")


def test_findings_outcome_and_environment_are_texts_of_the_run(server: Server):
    tags = server.get("text/tags")
    assert set(tags[RUN]) == {"verdict", "outcome", "data_findings", "environment"}
    assert set(tags[FAILED_RUN]) == {"outcome", "data_findings", "environment"}
    assert "'a | b' <c> [MASK]" in html.unescape(text(server, RUN, "data_findings"))
    assert "loss is nan [MASK] <b>" in html.unescape(text(server, FAILED_RUN, "outcome"))


def test_the_confusion_matrix_is_the_picture_of_the_last_epoch(server: Server):
    assert COMPLETED.data is not None
    assert COMPLETED.seeds[0].validation_confusion is not None
    picture = confusion_picture(COMPLETED.seeds[0].validation_confusion, COMPLETED.data.label_names)
    (image,) = server.get("images/images", run=f"{RUN}/seed-0", tag="validation/confusion", sample=0)
    assert image["step"] == 19
    assert server.body("images/individualImage", **dict(parse_qsl(image["query"]))) == picture.png


def test_a_seed_without_a_confusion_matrix_has_no_picture(server: Server):
    assert f"{FAILED_RUN}/seed-1" not in server.get("images/tags")


def test_custom_scalars_draw_both_splits_of_each_quality_in_one_chart(server: Server):
    (category,) = server.get("custom_scalars/layout")["category"]
    charts = {chart["title"]: chart["multiline"]["tag"] for chart in category["chart"]}
    assert list(charts) == ["accuracy", "macro f1", "matthews correlation", "loss"]
    for title, patterns in charts.items():
        drawn = [
            tag
            for pattern in patterns
            for tag in server.get("custom_scalars/scalars", run=f"{RUN}/seed-0", tag=pattern)["tag_to_events"]
        ]
        name = title.replace(" ", "_")
        assert drawn == [f"train/{name}", f"validation/{name}"]


@pytest.mark.parametrize("reader", ["auto", "false"])
def test_writing_again_replaces_the_points_even_in_a_server_that_is_already_showing_them(
    reader: str, tmp_path: Path, start_server: Callable[[str, Path], Server]
):
    run_script(WRITE, tmp_path / "logdir", "first")
    server = start_server(serve_with(reader), tmp_path / "logdir")
    eventually(lambda: b"first" in server.body("text/text", run=RUN, tag="verdict"))
    run_script(WRITE, tmp_path / "logdir", "second")
    eventually(lambda: b"second" in server.body("text/text", run=RUN, tag="verdict"))
    assert "first" not in text(server, RUN, "verdict")
    for tag, count in (("step/loss", 80), ("validation/accuracy", 20), ("run/utilization", 1)):
        eventually(lambda tag=tag, count=count: len(points(server, f"{RUN}/seed-1", tag)) == count)


def test_serve_ends_at_ctrl_c_without_a_complaint(logdir: Path, start_server: Callable[[str, Path], Server]):
    server = start_server(SERVE, logdir)
    eventually(lambda: server.get("scalars/tags"))
    assert server.interrupt() == 0
    assert "Traceback" not in server.log.read_text()


def test_serve_says_when_the_port_is_taken(logdir: Path, start_server: Callable[[str, Path], Server]):
    first = start_server(SERVE, logdir)
    port = first.address.rpartition(":")[2]
    script = f"""{NO_TENSORFLOW}
from pathlib import Path
from bertbench.errors import ReportError
from bertbench.report.tensorboard import serve
try:
    serve(Path(sys.argv[1]), port={port})
except ReportError as error:
    print(error)
"""
    said = run_script(script, logdir).stdout
    assert f"cannot listen on 127.0.0.1:{port}" in said
    assert "choose another port, or 0" in said


def test_event_accumulator_finds_every_epoch_only_when_it_is_asked_to(logdir: Path):
    """TensorBoard's own class for scripts keeps ten points of a series unless told otherwise."""
    script = f"""{NO_TENSORFLOW}
import json, types
sys.modules["tensorboard.compat.notf"] = types.ModuleType("notf")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
kept = []
for options in ({{}}, {{"size_guidance": {{"tensors": 0}}}}):
    accumulator = EventAccumulator(sys.argv[1], **options).Reload()
    kept.append(len(accumulator.Tensors("validation/accuracy")))
print(json.dumps(kept))
"""
    assert json.loads(run_script(script, logdir / RUN / "seed-0").stdout) == [10, 20]


@pytest.mark.parametrize(
    ("lacks", "remedy"),
    [("pkg_resources", "python -m pip install 'setuptools<82'"), ("grpc", "python -m pip install grpc")],
)
def test_serve_says_what_an_installed_tensorboard_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: str, remedy: str
) -> None:
    """TensorBoard 2.19 beside a setuptools that has no pkg_resources any more, for one."""
    from bertbench.report import tensorboard

    class Lacking:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "bertbench.report.tensorboard.server":
                raise ModuleNotFoundError(f"No module named {lacks!r}", name=lacks)

    monkeypatch.delitem(sys.modules, "bertbench.report.tensorboard.server", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Lacking(), *sys.meta_path])
    with pytest.raises(ReportError, match=f"cannot show anything here: it imports {lacks}") as caught:
        tensorboard.serve(tmp_path)
    assert caught.value.remedy.startswith(remedy)
