"""What a run keeps beside its scores: statistics that open its tracker, and strips of test videos."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
import torch

from asymnas.data import Video, load_dataset
from asymnas.errors import RunFolderError, WeightsError
from asymnas.job import load_job
from asymnas.nn import read_weights, set_statistics, statistics_of
from asymnas.report import Shown, draw_strip, write_report
from asymnas.study import open_tracker, retrain, run_job


@pytest.fixture
def run(reference, tmp_path):
    """A copy of a finished run's folder."""
    folder = tmp_path / "run"
    shutil.copytree(reference[0], folder)
    return folder


def test_kept_statistics_are_those_of_the_recalibration(run):
    kept = read_weights(run / "statistics.safetensors")
    quick = statistics_of(open_tracker(run).tracker)
    (run / "statistics.safetensors").unlink()
    slow = statistics_of(open_tracker(run).tracker)
    assert quick.keys() == slow.keys() and all(torch.equal(quick[name], slow[name]) for name in slow)
    again = read_weights(run / "statistics.safetensors")
    assert again[1] == kept[1] and all(torch.equal(kept[0][name], again[0][name]) for name in slow)


def test_a_run_opens_without_its_training_data(run, monkeypatch):
    def gone(*_):
        raise AssertionError("the training pairs were drawn")

    monkeypatch.setattr("asymnas.study._workers.recalibration_batches", gone)
    ready = open_tracker(run)
    video = load_dataset("synthetic", "val", frames=3).videos[0]
    sessions = ready.tracker.start([video.frame(0)], video.boxes[:1], language=ready.embed(["a"]), path=ready.path)
    boxes, _scores = ready.tracker.step(sessions, [video.frame(1)])
    assert np.isfinite(boxes).all()
    with pytest.raises(AssertionError, match="were drawn"):
        open_tracker(run, options={"window": 0.1})


@pytest.mark.parametrize("damage", ["torn", "foreign key", "foreign model"])
def test_statistics_that_do_not_fit_are_worked_out_again(run, damage, caplog):
    path = run / "statistics.safetensors"
    tensors, metadata = read_weights(path)
    wanted = statistics_of(open_tracker(run).tracker)
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:100])
    else:
        from asymnas.nn import write_weights

        other = {"a.running_mean": torch.ones(3)}
        changed = other if damage == "foreign model" else {name: item + 1 for name, item in tensors.items()}
        write_weights(path, changed, metadata | ({"weights": "0"} if damage == "foreign key" else {}))
    found = statistics_of(open_tracker(run).tracker)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert ("worked out again" in caplog.text) == (damage != "foreign key")


def test_statistics_of_another_model_change_nothing():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(2))
    before = statistics_of(model)
    with pytest.raises(WeightsError, match=r"normalisation layers, but got 1 that differ, such as 0\.running_mean"):
        set_statistics(model, before | {"0.running_mean": torch.ones(3), "0.running_var": torch.zeros(2)})
    assert all(torch.equal(before[name], item) for name, item in statistics_of(model).items())


def test_strips_are_in_the_folder_and_in_the_report(run):
    pictures = sorted((run / "strips").iterdir())
    assert pictures and [path.name for path in pictures] == [f"{n + 1:02d}.jpg" for n in range(len(pictures))]
    assert all(cv2.imread(str(path)).shape[1] > 600 for path in pictures)
    page = write_report(run).read_text()
    assert page.count("data:image/jpeg") == len(pictures) and "What it looks like" in page


def test_a_resumed_run_makes_only_the_strips_that_are_gone(reference, run, inprocess, small, silent):
    lines = (run / "evaluations.jsonl").read_bytes()
    first = (run / "strips" / "01.jpg").read_bytes()
    shutil.rmtree(run / "strips")
    summary = run_job(load_job("vlt_scar", [*inprocess, *small]), run, resume=True, progress=silent())
    assert (run / "strips" / "01.jpg").read_bytes() == first
    assert (run / "evaluations.jsonl").read_bytes() == lines and summary["test"] == reference[1]["test"]


def test_boxes_are_drawn_in_their_colours():
    boxes = np.tile([20.0, 20, 40, 40], (8, 1))
    absent = np.arange(8) == 7
    video = Video(
        dataset="d",
        name="v",
        frames=[np.full((100, 200, 3), 128, np.uint8)] * 8,
        boxes=boxes,
        absent=absent,
        sentence="a grey wall",
    )
    strip = draw_strip(
        video,
        [Shown("found", 0.5, boxes + np.array([60, 0, 0, 0])), Shown("other", 0.1, boxes + np.array([0, 30, 0, 0]))],
    )
    colours = {tuple(colour) for colour in strip.reshape(-1, 3).tolist()}
    assert {(60, 220, 60), (40, 150, 255), (255, 255, 255)} <= colours
    assert strip.shape[1] == 6 * 204 + 4


def test_retraining_does_not_delete_the_run_it_comes_from(run, inprocess, small, silent):
    job = load_job("vlt_scar", [*inprocess, *small])
    before = sorted(path.name for path in run.iterdir())
    with pytest.raises(RunFolderError, match="the architecture is read from the run folder itself"):
        retrain(run / "architecture.json", job, run, fresh=True, progress=silent())
    assert sorted(path.name for path in run.iterdir()) == before
