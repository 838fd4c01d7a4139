"""Benchmarks: result files as videos end, resuming, failures, workers, language conditions and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from asymnas.cli import app
from asymnas.core.errors import DataError, LanguageError, RunFolderError
from asymnas.testing import moving_square
from asymnas.tracking import get_tracker, track
from asymnas.tracking.benchmark.conditions import language_condition
from asymnas.tracking.benchmark.run import BenchmarkOptions, run_benchmark
from asymnas.tracking.benchmark.worker import BenchmarkVideos
from asymnas.tracking.data import Dataset, load_dataset, register_dataset, subset
from asymnas.tracking.results import read_results

SIZE = {"videos": 4, "frames": 6}
FEW = BenchmarkVideos("synthetic", "test", **SIZE)


@pytest.fixture(scope="module")
def data():
    return subset(load_dataset("synthetic", "test"), **SIZE)


@pytest.fixture(scope="module")
def broken():
    """A data set of three videos, the second of which cannot be read to its end."""

    class Torn:
        def __init__(self, frames):
            self._frames = frames

        def __len__(self):
            return len(self._frames)

        def __getitem__(self, index):
            if index == 3:
                raise DataError("frame 3 of square-1 is torn")
            return self._frames[index]

    def load(split):
        from dataclasses import replace

        videos = [moving_square(seed, frames=5 + seed) for seed in range(3)]
        videos[1] = replace(videos[1], frames=Torn(videos[1].frames))
        return Dataset("broken_squares", split, videos, "0" * 16)

    register_dataset("broken_squares", load, "one of three videos is torn")
    return "broken_squares"


class Told:
    """A reporter that remembers."""

    def __init__(self):
        self.told = []

    def update(self, stage, done, total, text="", eta=None):
        self.told.append((stage, done, total, text))


def test_the_folder_holds_what_the_tracker_says(data, tmp_path):
    progress = Told()
    run = run_benchmark("template_matching", FEW, tmp_path / "r", progress=progress)
    plugin = get_tracker("template_matching")
    expected = {r.video: r.boxes for r in track(plugin.build(plugin.options()), data.videos, lockstep=1)}
    read = read_results(tmp_path / "r")
    assert read.tracker == "template_matching" and set(read.boxes) == set(expected) == set(run.results.boxes)
    for name, boxes in expected.items():
        np.testing.assert_array_equal(read.boxes[name], boxes)
    assert (run.failures, run.reused, run.language) == ({}, 0, "")
    assert read.manifest["complete"] and read.manifest["dataset"]["fingerprint"] == data.fingerprint
    assert [text.split()[0] for *_, text in progress.told] == ["0/4", "1/4", "2/4", "3/4", "4/4"]
    stage, done, total, text = progress.told[-1]
    assert (stage, done, total) == ("template_matching", 24, 24) and "frames/s" in text


def _contents(folder):
    return {path.name: path.read_text() for path in sorted(folder.glob("*.txt"))}


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    whole = run_benchmark("template_matching", FEW, tmp_path / "whole")

    class Stop(Told):
        def update(self, stage, done, total, text="", eta=None):
            if text.startswith("2/"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_benchmark("template_matching", FEW, tmp_path / "cut", progress=Stop())
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cut").glob("*.txt")}
    assert len(kept) == 2
    assert not json.loads((tmp_path / "cut" / "manifest.json").read_text())["complete"]
    torn = next(iter(kept))
    torn.write_text(torn.read_text()[:100])
    again = run_benchmark("template_matching", FEW, tmp_path / "cut", options=BenchmarkOptions(resume=True))
    assert again.reused == 1
    assert _contents(tmp_path / "cut") == _contents(whole.folder)


def test_results_of_other_settings_are_not_mixed(tmp_path):
    fresh, resume = BenchmarkOptions(fresh=True), BenchmarkOptions(resume=True)
    run_benchmark("static", FEW, tmp_path / "r")
    with pytest.raises(RunFolderError, match="holds results already"):
        run_benchmark("static", FEW, tmp_path / "r")
    with pytest.raises(RunFolderError, match="lockstep: must be 1"):
        run_benchmark("static", FEW, tmp_path / "r", options=BenchmarkOptions(resume=True, lockstep=2))
    shorter = BenchmarkVideos("synthetic", "test", videos=4, frames=5)
    with pytest.raises(RunFolderError, match=r"dataset\.frames") as caught:
        run_benchmark("template_matching", shorter, tmp_path / "r", options=resume)
    assert "settings.tracker" in str(caught.value)
    (tmp_path / "r" / "notes.md").write_text("mine")
    run = run_benchmark("static", BenchmarkVideos("synthetic", videos=2, frames=5), tmp_path / "r", options=fresh)
    assert len(_contents(run.folder)) == 2
    assert (tmp_path / "r.old-1" / "notes.md").exists() and len(_contents(tmp_path / "r.old-1")) == 4
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.md").write_text("mine")
    with pytest.raises(RunFolderError, match="no result folder"):
        run_benchmark("static", FEW, tmp_path / "other", options=fresh)


@pytest.mark.parametrize("lockstep", [1, 3])
def test_a_bad_video_costs_no_other(broken, tmp_path, lockstep):
    run = run_benchmark(
        "static", BenchmarkVideos(broken, "all"), tmp_path / "r", options=BenchmarkOptions(lockstep=lockstep)
    )
    assert list(run.failures) == ["square-1"] and "torn" in run.failures["square-1"]
    assert set(run.results.boxes) == {"square-0", "square-2"}
    assert json.loads((tmp_path / "r" / "manifest.json").read_text())["failures"] == dict(run.failures)


def test_workers_give_the_same_files(tmp_path):
    here = run_benchmark("template_matching", FEW, tmp_path / "here")
    there = run_benchmark("template_matching", FEW, tmp_path / "there", options=BenchmarkOptions(workers=2))
    assert _contents(here.folder) == _contents(there.folder)


def test_a_run_is_tracked_under_each_language_condition(reference, data, tmp_path):
    folder, summary, _ = reference
    file = tmp_path / "pseudo.json"
    file.write_text(json.dumps({video.name: "a blue thing" for video in data.videos}))
    runs = {
        language: run_benchmark(
            folder, FEW, tmp_path / str(index), language=language, options=BenchmarkOptions(lockstep=16)
        )
        for index, language in enumerate(("with", "without", str(file)))
    }
    assert [run.described for run in runs.values()] == [4, 0, 4]
    assert [run.language for run in runs.values()] == ["with", "without", "pseudo"]
    from asymnas.tracking.data import annotation_of
    from asymnas.tracking.metrics import score

    truth = [annotation_of(video) for video in data.videos]
    found = score(runs["with"].results.boxes, truth, "lasot").per_video
    expected = summary.test.best.items
    assert {f"synthetic/{name}": values["SUC"] for name, values in found.items()} == expected
    boxes = [np.concatenate(list(run.results.boxes.values())) for run in runs.values()]
    assert (boxes[0] != boxes[1]).any() and (boxes[0] != boxes[2]).any()


def test_a_file_of_sentences_names_every_video_and_no_other(data, tmp_path):
    names = [video.name for video in data.videos]
    file = tmp_path / "pseudo.txt"
    file.write_text("# class words\n\n" + "\n".join(f"{name}: a  thing: blue" for name in names))
    found = language_condition(file, data.videos)
    assert found.label == "pseudo" and set(found.sentences.values()) == {"a thing: blue"}
    file.write_text(f"{names[0]}\ta thing\nno-such-video: a thing")
    with pytest.raises(LanguageError, match="3 of 4 have none") as caught:
        language_condition(file, data.videos)
    assert "no-such-video" in str(caught.value)
    assert language_condition(file, data.videos[:1], [names[0], "no-such-video"]).described == 1


def _call(*words, folder):
    return CliRunner().invoke(app, ["test", *words, "--out", str(folder)])


def test_the_command_prints_one_table_of_all_trackers(tmp_path):
    words = ("static", "template_matching", "--dataset", "synthetic", "--videos", "4", "--frames", "6")
    result = _call(*words, folder=tmp_path / "out")
    assert result.exit_code == 0, result.output
    head = "synthetic test, protocol lasot, 4 sequences, 24 frames"
    for text in (head, "template_matching", "SUC [95%]", "SUC minus the first's", "frames/s"):
        assert text in result.output
    assert "\N{HORIZONTAL ELLIPSIS}" not in result.output  # no cell is cut, whatever the terminal's width
    again = _call(*words, "--resume", "--json", folder=tmp_path / "out")
    report = json.loads(again.stdout)
    assert [run["reused"] for run in report["runs"]] == [4, 4]
    assert report["report"]["versus"] == "static" and list(report["report"]["comparisons"]) == ["template_matching"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["static", "template_matching"]


def test_the_command_ends_with_1_and_a_list_where_a_video_failed(broken, tmp_path):
    result = _call("static", "--dataset", broken, "--split", "all", folder=tmp_path)
    assert result.exit_code == 1
    assert "failed: static, square-1: DataError: frame 3 of square-1 is torn" in result.stdout
    assert "1 missing, counted as misses: square-1" in result.stdout


def test_the_command_tells_all_that_is_wrong_before_it_starts(tmp_path):
    result = _call(
        "statik", "vlt_scar", "--dataset", "synthetic", "--videos", "2", "--language", "nothing.json", folder=tmp_path
    )
    assert result.exit_code == 2
    text = result.stderr
    assert "statik" in text and "run folder" in text and "nothing.json" in text
    assert _call("static", "static", "--dataset", "synthetic", "--videos", "2", folder=tmp_path).exit_code == 2
    bad = _call("static", "--dataset", "synthetic", "--missing", "zero", folder=tmp_path)
    assert bad.exit_code == 2 and "--missing" in bad.stderr
    vain = _call("static", "--dataset", "synthetic", "--videos", "2", "--missing", "zero_tensor", folder=tmp_path)
    assert vain.exit_code == 2 and "none of these trackers reads sentences" in vain.stderr
