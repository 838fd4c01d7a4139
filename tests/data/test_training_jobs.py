"""Training data as jobs state it: the paper's sets, epochs, held-out checks over lazy sets."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError, JobError
from asymnas.job import load_job
from asymnas.tracking.data import Video, load_dataset
from asymnas.tracking.data.lazy import all_of, possible_copies, scene_groups
from asymnas.tracking.task.data import check_held_out, sampler_of, train_datasets

TRAIN = "data.train.sources"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ASYMNAS_CACHE", str(tmp_path / "cache"))


def crops(root: Path, folder: str, videos: dict[str, int], tracks: int = 1, spoken: bool = False) -> None:
    """A cropped set: each video has so many frames and `tracks` tracks."""
    content: dict = {}
    for video, frames in videos.items():
        content[video] = {
            f"{track:02d}": {f"{k:06d}": [30, 20 + track] for k in range(frames)} for track in range(tracks)
        }
        if spoken:
            content[video]["phrase"] = [f"the {video}"]
        for track in range(tracks):
            for frame in range(frames):
                path = root / folder / "crop511" / video / f"{frame:06d}.{track:02d}.x.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), np.full((511, 511, 3), 20 * frame + track, np.uint8))
    (root / folder / "train.json").write_text(json.dumps(content))


def crop_source(folder: str, **more) -> dict:
    return {"dataset": "crop511", "split": "train", "options": {"folder": folder}, **more}


def test_the_papers_epoch_is_1_2_million_pairs_half_of_them_described():
    job = load_job("paper/vlt_scar")
    train = job.data.train
    names = [source.dataset for source in train.sources]
    assert names == ["imagenet_vid", "imagenet_det", "coco", "youtube_bb", "got10k", "lasot", "tnl2k"]
    spoken = sum(source.pairs or 0 for source in train.sources)
    assert train.pairs_per_epoch == 1_200_000 and spoken == 600_000 and train.without_language == 0.5
    assert [source.frame_range for source in train.sources] == [1, 1, 1, 3, 50, 100, 100]
    assert job.training.steps * job.training.batch_size == 5 * train.pairs_per_epoch


def test_every_missing_set_is_named_at_once(tmp_path):
    job = load_job("paper/vlt_scar", {"data.root": str(tmp_path)})
    with pytest.raises(DataError) as caught:
        train_datasets(job)
    told = str(caught.value)
    assert all(name in told for name in ("VID", "DET", "COCO", "YouTube-BB", "GOT-10k", "LaSOT", "TNL2K"))


@pytest.fixture
def mixed(tmp_path) -> Path:
    crops(tmp_path, "lasot", {"cat-1": 4, "cat-2": 3, "dog-1": 5}, spoken=True)
    crops(tmp_path, "vid", {"a": 3, "b": 2}, tracks=3)
    return tmp_path


def test_a_jobs_mixture_reaches_the_sampler(mixed):
    sources = [
        crop_source("lasot", pairs=16, frame_range=2),
        crop_source("vid", weight="videos", draw="video", frame_range=1),
    ]
    keys = {TRAIN: sources, "data.root": str(mixed), "data.train.pairs_per_epoch": 32, "data.train.language": 1.0}
    job = load_job("vlt_scar", {**keys, "resources.frame_threads": 3, "resources.frame_cache": 1})
    sampler = sampler_of(job)
    assert sampler.threads == 3 and sampler.cache.limit_mib == 1 and sampler.mixture.epoch == 32
    assert sampler.mixture.summary()[1]["drawn"] == "2 videos"
    batch = sampler.batch(0)  # 32 pairs: one epoch
    assert sum(text is not None for text in batch.sentences) == 16
    assert sum(name.startswith("crop511/vid/a") for name in batch.videos) == 8
    plain = sampler_of(load_job("vlt_scar", {**keys, "resources.frame_threads": 1})).batch(0)
    assert np.array_equal(plain.search, batch.search) and plain.videos == batch.videos
    half = {**keys, "data.train.language_volume": 0.34}
    assert len({text for text in sampler_of(load_job("vlt_scar", half)).batch(0).sentences if text}) == 1


def test_lazy_sets_are_filtered_and_stay_lazy(mixed):
    source = crop_source("lasot", include=["cat-*"], exclude=["cat-2*"])
    (found,) = train_datasets(load_job("vlt_scar", {TRAIN: [source], "data.root": str(mixed)}))
    assert all_of(found.videos).names == ["cat-1-00"] and type(found.videos).__name__ == "TrackVideos"
    assert all_of(found.videos).sentences == {"the cat-1"} and all_of(found.videos).described.tolist() == [True]
    whole = load_dataset("crop511", "train", root=mixed, folder="vid")
    order, bounds = scene_groups(whole.videos)
    assert order.tolist() == list(range(6)) and bounds.tolist() == [0, 3, 6]
    eager = scene_groups(tuple(whole.videos))
    assert all(np.array_equal(one, other) for one, other in zip(eager, (order, bounds), strict=True))


def test_test_videos_are_found_among_lazy_ones(mixed):
    train = load_dataset("crop511", "train", root=mixed, folder="lasot")
    same, frames = train.videos[1], train.videos[2].frames
    other = Video("elsewhere", "other", frames, np.ones((5, 4)), np.zeros(5, bool))
    for video, name in ((same, "cat-2-00"), (other, "dog-1-00")):
        assert [item.name for item in possible_copies(train.videos, [video])] == [name]
        with pytest.raises(DataError, match="held out"):
            check_held_out([video], {"data.train": possible_copies(train.videos, [video])})
    apart = Video("apart", "other", [np.zeros((4, 4, 3))], np.ones((1, 4)), np.zeros(1, bool))
    assert not possible_copies(train.videos, [apart])


def test_a_jobs_hash_knows_what_changes_its_pairs():
    plain = load_job("vlt_scar")
    for key, value in (("pairs_per_epoch", 100), ("language_volume", 0.5)):
        job = load_job("vlt_scar", {f"data.train.{key}": value})
        assert job.hash != plain.hash and load_job(job.resolved()).hash == job.hash
    assert load_job("vlt_scar", {"data.train.sources[0].draw": "video"}).hash != plain.hash
    assert load_job("vlt_scar", {"resources.frame_threads": 2}).hash == plain.hash


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"data.train.sources[0].pairs": 3}, r"sources\[1\].pairs: must be given"),
        (
            {"data.train.sources[0].pairs": 9, "data.train.pairs_per_epoch": 9},
            "must hold the sources' `pairs`, 9 and more",
        ),
        ({"data.train.sources[0].weight": "videos"}, r"sources\[1\].weight: must be `videos` too"),
        ({"data.train.without_language": 0.5}, "data.train.language: must be 1 with `without_language`"),
    ],
)
def test_contradictions_of_a_mixture_are_told(keys, rule):
    with pytest.raises(JobError, match=rule):
        load_job("vlt_scar", keys)
