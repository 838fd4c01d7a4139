"""Boxes that a run keeps of its test videos: result folders, written once, that nobody tracks again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from asymnas.tracking.task.boxes import KeptBoxes

from asymnas.core.errors import DataError
from asymnas.job import load_job
from asymnas.search import InProcessEvaluator, ResultLog
from asymnas.space import load_architecture
from asymnas.study import retrain, run_job
from asymnas.tracking import TrackResult
from asymnas.tracking.benchmark.evaluate import evaluate_results
from asymnas.tracking.data import Video
from asymnas.tracking.metrics import suc
from asymnas.tracking.results import read_manifest, read_results, read_video_file
from asymnas.tracking.task.data import video_set

NAMES = ["mil", "static", "template_matching", "with", "without"]


@pytest.fixture
def run(reference, tmp_path):
    """A copy of a finished run's folder."""
    folder = tmp_path / "run"
    shutil.copytree(reference[0], folder)
    return folder


@pytest.fixture
def tracked(monkeypatch):
    """The tasks that are evaluated from now on."""
    seen = []
    evaluate = InProcessEvaluator.evaluate

    def watched(self, tasks, **options):
        seen.extend(tasks)
        return evaluate(self, tasks, **options)

    monkeypatch.setattr(InProcessEvaluator, "evaluate", watched)
    return seen


def _resume(run, small, inprocess, silent):
    return run_job(load_job("vlt_scar", [*inprocess, *small]), run, resume=True, progress=silent())


def test_the_boxes_of_a_run_are_those_that_it_scored(reference):
    folder, _, _ = reference
    videos, _ = video_set(load_job(folder / "job.yaml", files=False), "test")
    by_key = {item.key: item for item in ResultLog(folder / "evaluations.jsonl")}
    assert sorted(item.name for item in (folder / "boxes" / "synthetic").iterdir()) == NAMES
    for name in NAMES:
        place = folder / "boxes" / "synthetic" / name
        manifest = read_manifest(place)
        logged = by_key[manifest["evaluation"]]
        assert manifest["complete"] and (logged.tracker or logged.language) == name
        assert manifest["weights"] == (None if logged.tracker else load_architecture(folder / "architecture.json")
                                       .provenance["weights_hash"])  # fmt: skip
        for video in videos:
            boxes, _ = read_video_file(place / f"{video.name}.txt")
            assert suc(boxes, video.boxes, video.absent, protocol="lasot") == logged.videos[f"synthetic/{video.name}"]


def test_the_folders_are_what_eval_reads(reference):
    place = reference[0] / "boxes" / "synthetic"
    report = evaluate_results([place / "with"], "synthetic", versus=str(place / "without"), missing="skip")
    assert [item.name for item in report.trackers] and set(report.comparisons) == {"run-with"}
    assert read_results(place / "mil").tracker == "mil"


def test_boxes_cost_no_evaluation_and_change_no_line(reference):
    test = [item for item in ResultLog(reference[0] / "evaluations.jsonl") if item.stage == "test"]
    cached = {item.index: item.cached for item in test}
    assert (cached[0], cached[1], cached[2]) == (False, True, False)  # best, with: the same; without
    lines = (reference[0] / "evaluations.jsonl").read_text()
    assert "tracks" not in lines and "statistics" not in lines


def test_a_resumed_run_tracks_nothing_again(reference, run, small, inprocess, silent, tracked):
    lines = (run / "evaluations.jsonl").read_bytes()
    strips = {path.name: path.read_bytes() for path in (run / "strips").iterdir()}
    shutil.rmtree(run / "strips")
    summary = _resume(run, small, inprocess, silent)
    assert tracked == [] and summary["test"] == reference[1]["test"]
    assert {path.name: path.read_bytes() for path in (run / "strips").iterdir()} == strips and strips
    assert (run / "evaluations.jsonl").read_bytes() == lines


def test_only_the_boxes_that_are_gone_are_made_again(run, small, inprocess, silent, tracked, caplog):
    place, lines = run / "boxes" / "synthetic", (run / "evaluations.jsonl").read_bytes()
    before = {path: path.read_bytes() for path in place.glob("*/*.txt")}
    shutil.rmtree(place / "without")
    stopped = place / "with" / "manifest.json"  # the run was killed while it wrote these
    stopped.write_text(stopped.read_text().replace('"complete": true', '"complete": false'))
    torn = next((place / "static").glob("standard-*.txt"))
    torn.write_bytes(torn.read_bytes()[:100])
    _resume(run, small, inprocess, silent)
    assert [(task.tracker, task.language, task.keep_boxes) for task in tracked] == [
        (None, "with", True), (None, "without", True), ("static", "without", True)]  # fmt: skip
    assert read_manifest(stopped.parent)["complete"]
    assert {path: path.read_bytes() for path in place.glob("*/*.txt")} == before
    assert f"{torn} has" in caplog.text and (run / "evaluations.jsonl").read_bytes() == lines


def test_retraining_keeps_boxes_too(reference, small, inprocess, silent, tmp_path):
    job = load_job("vlt_scar", [*inprocess, *small, "training.steps=3", "baselines.trackers=[static]"])
    retrain(reference[0] / "architecture.json", job, tmp_path / "alone", progress=silent())
    made = sorted(item.name for item in (tmp_path / "alone" / "boxes" / "synthetic").iterdir())
    assert made == ["static", "with", "without"]
    assert (tmp_path / "alone" / "statistics.safetensors").is_file() and any((tmp_path / "alone" / "strips").iterdir())


def _video(dataset: str, name: str, frames: int = 3) -> Video:
    grey = [np.zeros((20, 20, 3), np.uint8)] * frames
    return Video(dataset=dataset, name=name, frames=grey, boxes=np.ones((frames, 4)), absent=np.zeros(frames, bool))


def _tracks(videos) -> list[TrackResult]:
    return [TrackResult(item.name, np.full((len(item), 4), 2.5), np.ones(len(item)), 0.1) for item in videos]


def test_each_data_set_has_its_folder(tmp_path):
    videos = [_video("lasot", "a"), _video("tnl2k", "a", 5), _video("lasot", "b")]
    kept = KeptBoxes(tmp_path, videos)
    assert not kept.holds("with", "k")
    kept.write("with", "x-with", "k", _tracks(videos), {"settings": {}})
    assert kept.holds("with", "k") and not kept.holds("with", "other key") and not kept.holds("mil", "k")
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("?.txt") if path.parent.name != "times"} == {
        "boxes/lasot/with/a.txt", "boxes/lasot/with/b.txt", "boxes/tnl2k/with/a.txt"}  # fmt: skip
    assert kept.read("with", 1).tolist() == [[2.5] * 4] * 5 and kept.read("mil", 1) is None
    (tmp_path / "boxes/tnl2k/with/a.txt").write_text("# x,y,w,h (pixels)\n1,2,3,4\n")
    with pytest.raises(DataError, match=r"row for each of the 5 frames, but got 1\. Delete .*with and go on"):
        kept.read("with", 1)


@pytest.mark.parametrize("manifest", [None, {"format": "asymnas-results", "version": 1, "tracker": "m", "base": 0}])
def test_the_results_of_others_are_left_alone(tmp_path, manifest, caplog):
    theirs = tmp_path / "boxes" / "lasot" / "with"
    theirs.mkdir(parents=True)
    (theirs / "a.txt").write_text("# x,y,w,h\nmine")
    if manifest:
        (theirs / "manifest.json").write_text(json.dumps(manifest))
    videos = [_video("lasot", "a"), _video("tnl2k", "a")]
    kept = KeptBoxes(tmp_path, videos)
    assert not kept.holds("with", "k")
    kept.write("with", "x-with", "k", _tracks(videos), {})
    assert kept.holds("with", "k") and kept.read("with", 0) is None and kept.read("with", 1) is not None
    assert (theirs / "a.txt").read_text() == "# x,y,w,h\nmine" and "holds other files than this run's" in caplog.text


def test_names_that_are_no_file_names_are_told_and_cost_nothing_else(tmp_path, caplog):
    videos = [_video("mine", "a/b"), _video("lasot", "a")]
    kept = KeptBoxes(tmp_path, videos)
    kept.write("with", "x-with", "k", _tracks(videos), {})
    assert kept.holds("with", "k") and kept.read("with", 0) is None and kept.read("with", 1) is not None
    assert "the boxes of mine are not kept" in caplog.text and "'a/b'" in caplog.text
