"""Result folders: what may be filled, and what is checked before anything is tracked."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from asymnas.cli import app
from asymnas.core.errors import DataError, RunFolderError
from asymnas.testing import moving_square
from asymnas.tracking.benchmark.conditions import language_condition
from asymnas.tracking.benchmark.open import TrackerSpec
from asymnas.tracking.benchmark.run import BenchmarkOptions, BenchmarkPlan, run_benchmark
from asymnas.tracking.benchmark.worker import BenchmarkVideos
from asymnas.tracking.data import Dataset, load_dataset, subset
from asymnas.tracking.results import read_result

SIZE = {"videos": 2, "frames": 3}
FEW = BenchmarkVideos("synthetic", **SIZE)


def _test(*words, folder):
    words = ("test", *words, "--dataset", "synthetic", "--videos", "2", "--frames", "3", "--out", str(folder))
    return CliRunner().invoke(app, words)


@pytest.mark.parametrize("manifest", ['{"name": "My app"}', '{"tracker": ', ""])
@pytest.mark.parametrize("how", ["--fresh", "--resume", None])
def test_the_manifest_of_a_web_page_makes_no_result_folder(tmp_path, manifest, how):
    page = tmp_path / "static"
    page.mkdir()
    (page / "manifest.json").write_text(manifest)
    (page / "robots.txt").write_text("User-agent: *\n")
    result = _test("static", *([how] if how else []), folder=tmp_path)
    assert result.exit_code == 2
    assert "is no result folder" in result.stderr
    assert sorted(path.name for path in page.iterdir()) == ["manifest.json", "robots.txt"]
    assert (page / "manifest.json").read_text() == manifest


def test_all_folders_are_checked_before_the_first_tracker_starts(tmp_path):
    run_benchmark("template_matching", FEW, tmp_path / "template_matching")
    result = _test("static", "template_matching", folder=tmp_path)
    assert result.exit_code == 2 and "template_matching: the folder holds results already" in result.stderr
    assert not (tmp_path / "static").exists()
    path = tmp_path / "template_matching" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["dataset"]["fingerprint"] = "0" * 16
    path.write_text(json.dumps(manifest))
    result = _test("static", "template_matching", "--resume", folder=tmp_path)
    assert result.exit_code == 2 and "dataset.fingerprint" in result.stderr
    assert not (tmp_path / "static").exists()


def test_a_place_for_plots_is_checked_before_the_first_tracker_starts(tmp_path):
    (tmp_path / "file").write_text("mine")
    result = _test("static", "--plots", str(tmp_path / "file"), folder=tmp_path / "out")
    assert result.exit_code == 2 and str(tmp_path / "file") in result.stderr
    assert not (tmp_path / "out").exists()


def test_sentences_of_a_file_are_never_called_the_videos_own(tmp_path):
    videos = subset(load_dataset("synthetic", "test"), **SIZE).videos
    file = tmp_path / "with.json"
    file.write_text(json.dumps({video.name: "a thing" for video in videos}))
    assert language_condition(file, videos).label == "with.json"


def test_arguments_of_the_api(tmp_path):
    (name,) = [video.name for video in subset(load_dataset("synthetic", "test"), videos=1).videos]
    one = BenchmarkVideos("synthetic", videos=(name,), frames=2)
    run = run_benchmark("static", one, str(tmp_path / "r"))
    assert list(run.results.boxes) == [name]
    np.testing.assert_array_equal(read_result(tmp_path / "r" / f"{name}.txt").boxes, run.results.boxes[name])
    with pytest.raises(DataError, match="lockstep"):
        BenchmarkOptions(lockstep=0)
    with pytest.raises(RunFolderError, match="exclude"):
        run_benchmark("static", FEW, tmp_path / "r", options=BenchmarkOptions(resume=True, fresh=True))


def test_two_videos_of_one_name_are_refused():
    data = Dataset("twins", "all", [moving_square(0), moving_square(0), moving_square(1)], "0" * 16)
    with pytest.raises(DataError, match="different names, but got square-0"):
        BenchmarkPlan(TrackerSpec("static"), FEW, data, {})
