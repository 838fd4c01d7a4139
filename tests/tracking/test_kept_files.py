"""What a run keeps beside its scores: statistics that open its tracker, and strips of test videos."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
import torch
import yaml

from asymnas.core.errors import DataError, WeightsError
from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.nn import read_weights, set_statistics, statistics_of
from asymnas.report import write_report
from asymnas.runs.statistics import save_statistics
from asymnas.space import load_architecture, save_architecture
from asymnas.tracking.benchmark.open import open_tracker
from asymnas.tracking.data import Video, load_dataset
from asymnas.tracking.pictures.drawing import FOUND
from asymnas.tracking.pictures.strips import STYLES, Shown, draw_strip


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

    monkeypatch.setattr("asymnas.tracking.data.pairs.sampler.PairSampler.batch", gone)
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
    elif damage == "foreign model":
        save_statistics(run, metadata, {"a.running_mean": torch.ones(3)})
    else:
        save_statistics(run, metadata | {"weights": "0"}, {name: item + 1 for name, item in tensors.items()})
    found = statistics_of(open_tracker(run).tracker)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert caplog.text.count("WARNING") == 1 and "worked out again" in caplog.text
    assert str(path) in caplog.text and read_weights(path)[1] == metadata


def test_other_options_have_other_statistics_and_change_no_file(run, caplog):
    before = (run / "statistics.safetensors").read_bytes()
    own = statistics_of(open_tracker(run).tracker)
    open_tracker(run, options={"window": 0.1})
    space = load_architecture(run / "architecture.json").architecture.space
    save_architecture(run / "mine.json", space.sample(rng_for(5, "another")))
    other = statistics_of(open_tracker(run / "mine.json").tracker)
    assert any(not torch.equal(own[name], other[name]) for name in own)
    assert (run / "statistics.safetensors").read_bytes() == before and "WARNING" not in caplog.text


def test_a_run_folder_that_may_not_be_written_opens_all_the_same(run, monkeypatch, caplog):
    def refuse(*_):
        raise WeightsError("read-only")

    (run / "statistics.safetensors").unlink()
    monkeypatch.setattr("asymnas.tracking.benchmark.open.save_statistics", refuse)
    caplog.set_level("INFO")
    open_tracker(run)
    assert "the statistics are not kept: read-only" in caplog.text and "WARNING" not in caplog.text


def test_a_run_on_real_videos_opens_when_they_are_gone(run, tmp_path):
    """The folder is as if it had been trained on LaSOT, on a disk that is no longer there."""
    text = yaml.safe_load((run / "job.yaml").read_text())
    text["data"] |= {"root": str(tmp_path / "gone")}
    text["data"]["train"]["sources"] = [{"dataset": "lasot", "split": "train"}]
    text["data"]["validation"] = {"sources": [{"dataset": "lasot", "split": "test"}]}
    (run / "job.yaml").write_text(yaml.safe_dump(text))
    found = read_weights(run / "statistics.safetensors")
    job = load_job(run / "job.yaml", files=False)
    save_statistics(run, found[1] | {"job": job.hash}, found[0])
    opened = statistics_of(open_tracker(run).tracker)
    assert all(torch.equal(opened[name], item) for name, item in found[0].items())
    (run / "statistics.safetensors").unlink()
    with pytest.raises(DataError, match="gone"):
        open_tracker(run)


def test_statistics_of_another_model_change_nothing():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(2))
    before = statistics_of(model)
    with pytest.raises(WeightsError, match=r"normalisation layers, but got 1 that differ, such as 0\.running_mean"):
        set_statistics(model, before | {"0.running_mean": torch.ones(3), "0.running_var": torch.zeros(2)})
    assert all(torch.equal(before[name], item) for name, item in statistics_of(model).items())


def test_strips_are_in_the_folder_and_in_the_report(reference, run):
    scores = reference[1].test.best.items
    order = [name.removeprefix("synthetic/") for name in sorted(scores, key=lambda name: -scores[name])]
    pictures = sorted((run / "strips").iterdir())
    assert [path.name for path in pictures] == [f"{number:02d}_{name}.jpg" for number, name in enumerate(order, 1)]
    assert all(cv2.imread(str(path)).shape[1] > 600 for path in pictures)
    page = write_report(run).read_text()
    assert page.count("data:image/jpeg") == len(pictures) and "What it looks like" in page
    assert page.index("SE over videos") < page.index("What it looks like") < page.index("<h2>Search")


def _wall(size: tuple[int, int], frames: int, **more) -> Video:
    """Grey frames; the target is absent in the last one."""
    picture = np.full((*size, 3), 128, np.uint8)
    boxes = np.tile([size[1] * 0.2, size[0] * 0.2, size[1] * 0.3, size[0] * 0.3], (frames, 1))
    absent = np.arange(frames) == frames - 1
    return Video(dataset="d", name="v", frames=[picture] * frames, boxes=boxes, absent=absent, **more)


def test_boxes_are_drawn_in_their_colours():
    video = _wall((150, 200), 8, sentence="a grey wall")
    shown = [Shown(name, 0.5, video.boxes + np.array([*shift, 0, 0]))
             for name, shift in (("with", (70, 0)), ("without", (0, 70)), ("template", (70, 70)))]  # fmt: skip
    strip = draw_strip(video, shown)
    cell = strip[-154:-4, 4:208].astype(int)

    def pixels(colour):
        return int((np.abs(cell - colour).max(2) < 40).sum())

    drawn = [pixels(style[0]) for style in STYLES]
    assert min(pixels(FOUND), *drawn) > 40 and drawn[0] > 1.4 * drawn[1]  # with its sentence: the broadest
    assert strip.shape[1] == 6 * 208 + 4
    last = strip[-154:-4, -208:-4].astype(int)
    assert not (np.abs(last - FOUND).max(2) < 40).any()  # absent: no annotated box, and it is said
    assert (np.abs(last[-16:, :90] - (110, 110, 255)).max(2) < 40).any()


@pytest.mark.parametrize(
    ("size", "frames", "cells"),
    [
        ((720, 1280), 9, (213, 120)),
        ((1280, 720), 9, (132, 160)),
        ((150, 200), 1, (204, 153)),
        ((20, 400), 2, (300, 120)),
    ],
)
def test_strips_of_any_video_have_room_for_the_legend(size, frames, cells):
    video = _wall(size, frames, sentence="some words " * 30)
    shown = [Shown("with its sentence", 0.5, video.boxes), Shown("without", 0.5, video.boxes * np.nan)]
    strip = draw_strip(video, shown)
    count = min(6, frames)
    assert strip.shape[1] >= max(500, count * (cells[0] + 4) + 4) and strip.shape[0] > cells[1] + 60
    legend = strip[: -cells[1] - 4].astype(int)
    right = max(int(np.flatnonzero((np.abs(legend - style[0]).max(2) < 60).any(0)).max()) for style in STYLES[:2])
    assert right < strip.shape[1] - 4
