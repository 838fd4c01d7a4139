"""Boxes that a run keeps of its test videos: result folders, written once, that nobody tracks again."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from asymnas.core.runtime.pool import InProcessPool
from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.search import Evaluation, ResultLog
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
    """The requests that are answered from now on."""
    seen = []
    answer = InProcessPool.map

    def watched(self, requests, *options, **more):
        seen.extend(requests)
        return answer(self, requests, *options, **more)

    monkeypatch.setattr(InProcessPool, "map", watched)
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
        assert manifest["complete"] and (logged.baseline or logged.conditions[0]) == name
        assert manifest["weights"] == (None if logged.baseline else load_architecture(folder / "architecture.json")
                                       .provenance["weights_hash"])  # fmt: skip
        for video in videos:
            boxes, _ = read_video_file(place / f"{video.name}.txt")
            assert suc(boxes, video.boxes, video.absent, protocol="lasot") == logged.items[video.key]


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
    assert tracked == [] and summary.test == reference[1].test
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
    assert [(request.baseline, request.conditions, request.keep) for request in tracked] == [
        (None, ("with",), True), (None, ("without",), True), ("static", (), True)]  # fmt: skip
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


def _keeper(folder, videos):
    """A keeper of these test videos, and an evaluation of theirs."""
    task = load_job("vlt_scar").open()
    task.sets["test"] = (videos, "")
    keeper = task.keeper(folder, task.space.sample(rng_for(0, "x")), "w")
    tracks = [TrackResult(item.name, np.full((len(item), 4), 2.5), np.ones(len(item)), 0.1) for item in videos]
    return keeper, Evaluation(key="k", genes={}, conditions=["with"], kept={"with": tracks})


def test_each_data_set_has_its_folder(tmp_path):
    videos = [_video("lasot", "a"), _video("tnl2k", "a", 5), _video("lasot", "b")]
    keeper, evaluation = _keeper(tmp_path, videos)
    assert keeper.wants("best with", "k") and not keeper.wants("best", "k")
    keeper.add("best with", evaluation)
    assert not keeper.wants("best with", "k")
    assert keeper.wants("best with", "other") and keeper.wants("baseline mil", "k")
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("?.txt") if path.parent.name != "times"} == {
        "boxes/lasot/with/a.txt", "boxes/lasot/with/b.txt", "boxes/tnl2k/with/a.txt"}  # fmt: skip
    assert read_video_file(tmp_path / "boxes/tnl2k/with/a.txt")[0].tolist() == [[2.5] * 4] * 5
    (tmp_path / "boxes/tnl2k/with/a.txt").write_text("# x,y,w,h (pixels)\n1,2,3,4\n")
    assert keeper.wants("best with", "k")


def test_names_that_are_no_file_names_are_told_and_cost_nothing_else(tmp_path, caplog):
    keeper, evaluation = _keeper(tmp_path, [_video("mine", "a/b"), _video("lasot", "a")])
    keeper.add("best with", evaluation)
    assert not keeper.wants("best with", "k")
    assert [path.name for path in (tmp_path / "boxes").iterdir()] == ["lasot"]
    assert "the boxes of mine are not kept" in caplog.text and "'a/b'" in caplog.text
