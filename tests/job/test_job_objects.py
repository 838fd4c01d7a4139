"""What a job's words become: videos, scores' keys, presets, arms."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError, JobError
from asymnas.job import Job, load_compare, load_job
from asymnas.search import Request, ScoreSettings
from asymnas.tracking.data import Dataset, FrameCache, Video, cached
from asymnas.tracking.task.data import check_held_out, video_set


def job(*overrides: str) -> Job:
    return load_job("vlt_scar", overrides)


def synthetic(split: str, options: str = "") -> str:
    return f"[{{dataset: synthetic, split: {split}, videos: 6, frames: 6{options}}}]"


def test_a_test_video_under_other_options_is_found_in_another_set():
    # Other options, so that the job file alone does not tell; the seed named is the default one.
    made = job(
        f"data.validation.sources={synthetic('test', ', options: {part: standard, seed: 0}')}",
        f"data.test.sources={synthetic('test', ', options: {part: standard}')}",
    )
    test, validation = video_set(made, "test")[0], video_set(made, "validation")[0]
    with pytest.raises(DataError, match=r"data\.validation has 6 of them"):
        check_held_out(test, {"data.validation": validation, "data.train": []})
    other = job(f"data.validation.sources={synthetic('test', ', options: {part: standard, seed: 1}')}")
    check_held_out(test, {"data.validation": video_set(other, "validation")[0]})


def gotten(root: Path, name: str, *, whole: bool = True) -> None:
    """Write a GOT-10k video of two frames; the damaged one has a box of three numbers."""
    folder = root / "GOT-10k" / "val" / name
    folder.mkdir(parents=True)
    for frame in (1, 2):
        cv2.imwrite(str(folder / f"{frame:08d}.jpg"), np.full((40, 40, 3), len(name), np.uint8))
    (folder / "groundtruth.txt").write_text("1,2,10,10\n2,3,10,10\n" if whole else "1,2,10\n2,3,10,10\n")


def test_a_damaged_video_can_be_excluded(tmp_path):
    gotten(tmp_path, "GOT-10k_Val_000001")
    gotten(tmp_path, "GOT-10k_Val_000002", whole=False)
    sources = "data.validation.sources=[{dataset: got10k, split: val%s}]"
    root = f"data.root={tmp_path}"
    with pytest.raises(DataError, match="four finite numbers"):
        video_set(job(sources % "", root), "validation")
    videos, _ = video_set(job(sources % ", exclude: [GOT-10k_Val_000002]", root), "validation")
    assert [video.name for video in videos] == ["GOT-10k_Val_000001"]
    with pytest.raises(DataError, match="no such video"):
        video_set(job(sources % ", exclude: [GOT-10k_Val_000003]", root), "validation")


def test_videos_of_two_data_sets_may_have_one_name():
    def video(dataset: str, grey: int) -> Video:
        frames = [np.full((8, 8, 3), grey, np.uint8)]
        return Video("Girl", dataset, frames, np.ones((1, 4)), np.zeros(1, bool))

    held = cached(Dataset("both", "evaluation", [video("a", 1), video("b", 2)], "f"), FrameCache(1))
    assert [int(item.frame(0)[0, 0, 0]) for item in held.videos] == [1, 2]


def test_the_key_of_a_score_knows_the_recalibration_videos():
    def key(fingerprint: str) -> str:
        task = job().open()
        task.training_data = [Dataset("d", "train", [], fingerprint)]
        request = Request(genes=(("a", "b"),), split="validation", conditions=("with",))
        return ScoreSettings.of(task, "weights").key(request)

    assert key("one") == key("one") != key("two")


def test_a_preset_fills_single_keys():
    part = job("evaluation={preset: vlt_release, recalibration: {batches: 3}}").evaluation.recalibration
    assert (part.batches, part.batch_size) == (3, 64)


def test_a_preset_wins_over_what_is_extended_and_over_nothing_else(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("extends: vlt_scar\nname: mine\nevaluation: {preset: vlt_release, recalibration: {batches: 7}}\n")
    mine = load_job(file)
    assert (mine.evaluation.recalibration.batches, mine.evaluation.recalibration.batch_size) == (7, 64)
    assert [(source.videos, source.frames) for source in mine.data.validation.sources] == [(10, 11), (10, 11)]
    child = tmp_path / "child.yaml"
    child.write_text("extends: mine.yaml\nname: child\nevaluation: {recalibration: {batch_size: 16}}\n")
    part = load_job(child, ["data.validation.sources[1].videos=3"])
    assert (part.evaluation.recalibration.batches, part.evaluation.recalibration.batch_size) == (7, 16)
    assert [(source.videos, source.frames) for source in part.data.validation.sources] == [(10, 11), (3, 11)]
    assert load_job(file, ["~evaluation.preset"]).data.validation.sources[0].frames == 24


def test_a_preset_fills_what_a_replaced_list_lacks(tmp_path):
    (tmp_path / "p1.yaml").write_text(
        "extends: vlt_scar\nname: p1\nevaluation: {preset: vlt_release}\ndata: {validation: {sources: "
        "[{dataset: synthetic, split: val, videos: 5, frames: 9}]}}\n"
    )
    (tmp_path / "p2.yaml").write_text(
        "extends: p1.yaml\nname: p2\ndata: {validation: {sources: [{dataset: synthetic, split: val}]}}\n"
    )

    def parts(name, *overrides):
        sources = load_job(tmp_path / f"{name}.yaml", overrides).data.validation.sources
        return [(source.videos, source.frames) for source in sources]

    assert parts("p1") == [(5, 9)]
    assert parts("p2") == [(20, 11)]
    assert parts("p2", "data.validation.sources[0].videos=4") == [(4, 11)]
    source = "dataset: synthetic, split: val"
    override = f"data.validation.sources=[{{{source}}}, {{{source}, frames: %s}}]"
    assert parts("p1", override % 7) == [(10, 11), (10, 7)]
    assert parts("p1", override % "null") == [(10, 11), (10, None)]


def test_a_comparison_needs_test_videos_and_names(tmp_path):
    base = tmp_path / "base.yaml"
    sources = "{sources: [{dataset: synthetic, split: %s}]}"
    base.write_text(
        f"name: b\nspace: tiny_asymmetric\ndata: {{train: {sources % 'train'}, validation: {sources % 'val'}}}\n"
    )
    file = tmp_path / "c.yaml"
    file.write_text("kind: compare\nname: c\nbase: base.yaml\nspaces: [tiny_asymmetric, tiny_symmetric]\n")
    with pytest.raises(JobError, match=r"c\.yaml:3: base: a comparison needs held-out items"):
        load_compare(file)
    (tmp_path / "tiny_asymmetric.yaml").write_text("extends: tiny_asymmetric\ntie: template.* = search.*\n")
    file.write_text("kind: compare\nname: c\nbase: vlt_scar\nspaces: [tiny_asymmetric, ./tiny_asymmetric.yaml]\n")
    with pytest.raises(JobError, match="must have different names"):
        load_compare(file)
