"""Mixtures of training sources: epochs, ways of drawing, shares of sentences, threads."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter

import numpy as np
import pytest

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.data import Dataset, FrameCache, Video
from asymnas.tracking.data.pairs.mixture import LanguageShare, Mixture, PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler

SMALL = CropGeometry(template_size=16, search_size=32)


class Grey:
    """Frames of one grey level; videos of one `scene_id` share them."""

    def __init__(self, level: int, frames: int, scene: str) -> None:
        self.level, self.frames, self.scene_id = level, frames, scene

    def __len__(self) -> int:
        return self.frames

    def __getitem__(self, index: int) -> np.ndarray:
        return np.full((40, 60, 3), self.level + index, np.uint8)


def dataset(name: str, videos: int = 5, frames: int = 4, spoken: bool = True, targets: int = 1, hidden=()) -> Dataset:
    """`targets` targets in each video; those in `hidden` show nothing."""
    made = []
    for k in range(videos * targets):
        boxes = np.tile(np.array([10.0, 8, 12 + k % 5, 10]), (frames, 1))
        source = Grey(10 + 3 * k % 200, frames, f"{name}/{k // targets}")
        absent = np.full(frames, k in hidden)
        made.append(Video(f"v{k}", name, source, boxes, absent, f"{name} {k}" if spoken else None))
    return Dataset(name, "train", tuple(made), name)


def sources_of(sampler: PairSampler, steps: range) -> Counter:
    """How often each `data set/video` comes first."""
    return Counter(name for step in steps for name in sampler.batch(step).videos)


def test_an_epoch_holds_the_stated_pairs_and_each_video_equally_often():
    sources = [
        PairSource(dataset("few", 4), pairs=12),
        PairSource(dataset("once", 9), pairs="videos"),
        PairSource(dataset("many", 30), pairs=15),
    ]
    sampler = PairSampler(sources, SMALL, seed=1, batch_size=6)
    assert sampler.mixture.epoch == 36
    epochs = [sources_of(sampler, range(6 * k, 6 * k + 6)) for k in range(3)]
    for found in epochs:
        assert Counter(name.split("/")[0] for name in found.elements()) == {"few": 12, "once": 9, "many": 15}
        assert {count for name, count in found.items() if name.startswith("few")} == {3}
        assert {count for name, count in found.items() if name.startswith("once")} == {1}
    both = epochs[0] + epochs[1]  # 30 pairs over 30 videos
    assert {count for name, count in both.items() if name.startswith("many")} == {1}
    orders = [[name for step in range(6 * k, 6 * k + 6) for name in sampler.batch(step).videos] for k in range(2)]
    assert orders[0] != orders[1]
    again = PairSampler(sources, SMALL, seed=1, batch_size=6)
    assert again.batch(4, 1, 2).videos == sampler.batch(4).videos[3:]
    assert PairSampler(sources, SMALL, seed=2, batch_size=6).batch(4).videos != sampler.batch(4).videos


def test_weights_share_what_stated_pairs_leave():
    sources = [
        PairSource(dataset("a"), pairs=10),
        PairSource(dataset("b", 10, targets=2), weight="videos", draw="video"),
        PairSource(dataset("c", 20), weight="videos"),
        PairSource(dataset("d", 3), weight="videos"),
    ]
    mixture = Mixture(sources, seed=0, pairs_per_epoch=110)
    assert mixture.pairs.tolist() == [10, 30, 61, 9] and mixture.epoch == 110
    assert [row["drawn"] for row in mixture.summary()] == ["5 targets", "10 videos", "20 targets", "3 targets"]
    for pairs, rule in ((12, "must be the sum"), (10, "must be the sum")):
        with pytest.raises(DataError, match=rule):
            Mixture(sources, seed=0, pairs_per_epoch=pairs)
    with pytest.raises(DataError, match="must be the sum of the sources' `pairs`, 10, but got 11"):
        Mixture(sources[:1], seed=0, pairs_per_epoch=11)
    with pytest.raises(DataError) as caught:
        Mixture(sources, seed=0)
    assert len(caught.value.problems) == 3


def test_videos_are_drawn_before_their_targets():
    crowded = dataset("crowd", 1, targets=8)
    whole = Dataset("both", "train", (*dataset("lone", 1).videos, *crowded.videos), "")
    for draw, low, high in (("target", 0.05, 0.18), ("video", 0.4, 0.6)):
        mixture = Mixture([PairSource(whole, draw=draw)], seed=0)
        drawn = [mixture.draw(np.random.default_rng(seed))[1] for seed in range(500)]
        assert low < np.mean(np.array(drawn) == 0) < high
        assert set(drawn) == set(range(9))
    planned = Mixture([PairSource(whole, draw="video", pairs=10)], seed=0)
    drawn = [planned.planned(i, np.random.default_rng(i))[1] for i in range(10)]
    assert drawn.count(0) == 5 and max(drawn) > 1


def test_a_planned_video_that_shows_nothing_is_replaced():
    source = PairSource(dataset("half", 6, hidden=(1, 3)), pairs="videos")
    found = sources_of(PairSampler([source], SMALL, seed=0, batch_size=6), range(4))
    assert sum(found.values()) == 24 and not {"half/v1", "half/v3"} & set(found)


@pytest.mark.parametrize("epochs", [False, True])
def test_half_of_the_pairs_are_without_language(epochs, caplog):
    spoken, mute = dataset("spoken"), dataset("mute", spoken=False)
    number = {"pairs": 100} if epochs else {}
    for weights, kept in (((1, 1), 1.0), ((3, 1), 2 / 3), ((1, 0), 0.5)):
        sources = [
            PairSource(item, weight=weight, pairs=int(weight * 100) if epochs else None)
            for item, weight in zip((spoken, mute), weights, strict=True)
            if weight
        ]
        language = LanguageShare(without=0.5)
        sampler = PairSampler(sources, SMALL, seed=0, batch_size=100, language=language)
        assert sampler.mixture.keeps(0) == pytest.approx(kept)
        silent = np.mean([text is None for step in range(8) for text in sampler.batch(step).sentences])
        assert abs(silent - 0.5) < 0.06
    assert not caplog.text
    few = [PairSource(spoken, **number), PairSource(mute, **({"pairs": 900} if epochs else {"weight": 9}))]
    assert Mixture(few, seed=0, language=LanguageShare(without=0.5)).keeps(0) == 1
    assert "90.0 % of the pairs have no sentence" in caplog.text


def test_a_source_may_drop_its_own_sentences():
    sources = [PairSource(dataset("words"), language=0.0), PairSource(dataset("spoken"))]
    batch = PairSampler(sources, SMALL, seed=0, batch_size=60).batch(0)
    assert all(
        (text is None) == name.startswith("words") for text, name in zip(batch.sentences, batch.videos, strict=True)
    )
    assert Mixture(sources, seed=0, language=LanguageShare(without=0.75)).keeps(1) == pytest.approx(0.5)


def test_volumes_of_language_are_nested_and_keep_all_pairs():
    source = PairSource(dataset("spoken", 40))
    kept = {}
    for volume in (0.0, 0.5, 0.75, 1.0):
        sampler = PairSampler([source], SMALL, seed=0, batch_size=200, language=LanguageShare(volume=volume, seed=3))
        batch = sampler.batch(0)
        kept[volume] = {k for k in range(40) if not sampler.mixture.drops(0, k)}
        assert len(kept[volume]) == volume * 40
        for text, name in zip(batch.sentences, batch.videos, strict=True):
            assert (text is not None) == (int(name.split("/v")[1]) in kept[volume])
    assert kept[0.5] < kept[0.75] < kept[1.0]
    plain = PairSampler([source], SMALL, seed=0, batch_size=200).batch(0)
    assert np.array_equal(plain.search, batch.search) and plain.sentences == batch.sentences
    other = Mixture([source], seed=0, language=LanguageShare(volume=0.5, seed=4))
    assert {k for k in range(40) if not other.drops(0, k)} != kept[0.5]


def test_threads_change_nothing():
    source = PairSource(dataset("spoken", 8, frames=9))
    options = {"seed": 5, "negatives": 0.3, "batch_size": 24}
    one = PairSampler([source], SMALL, **options)
    many = PairSampler([source], SMALL, threads=4, cache_mib=0.05, **options)
    for step in range(3):
        a, b = one.batch(step), many.batch(step)
        for name in ("template", "search", "template_box", "search_box", "positive"):
            assert np.array_equal(getattr(a, name), getattr(b, name))
        assert a.videos == b.videos and a.sentences == b.sentences
    assert many.cache.mib <= 0.05


def test_an_error_in_a_thread_names_file_and_video():
    class Broken(Grey):
        def __getitem__(self, index: int) -> np.ndarray:
            raise DataError(Problem("clip/000003.jpg (video 'v0')", "the frame is missing"))

    video = Video("v0", "gone", Broken(0, 4, "x"), np.full((4, 4), 9.0), np.zeros(4, bool))
    source = PairSource(Dataset("gone", "train", (video,), ""))
    with pytest.raises(DataError, match=r"clip/000003.jpg \(video 'v0'\)"):
        PairSampler([source], SMALL, seed=0, threads=3).batch(0)


def test_a_frame_that_several_threads_want_is_decoded_once():
    started, go = threading.Event(), threading.Event()
    reads = []

    class Slow(Grey):
        def __getitem__(self, index: int) -> np.ndarray:
            reads.append(index)
            started.set()
            assert go.wait(10)
            return super().__getitem__(index)

    cache, frames, got = FrameCache(1), Slow(7, 3, "x"), []
    threads = [threading.Thread(target=lambda: got.append(cache.get("key", frames, 2))) for _ in range(3)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert reads == [2] and len(got) == 3 and len(cache) == 1 and not got[0].flags.writeable


def test_targets_are_remembered_within_a_bound(monkeypatch):
    monkeypatch.setattr("asymnas.tracking.data.pairs.sampler._PICKS", 3)
    source = PairSource(dataset("spoken", 30))
    sampler = PairSampler([source], SMALL, seed=0, batch_size=40)
    bounded = sampler.batch(0)
    assert len(sampler._picks) == 3
    monkeypatch.undo()
    assert np.array_equal(PairSampler([source], SMALL, seed=0, batch_size=40).batch(0).search, bounded.search)


def test_pairs_drawn_by_weights_are_those_of_old():
    """What is drawn for a seed must not change from release to release: runs are compared over years."""
    sources = [
        PairSource(dataset("a", 7, 20), weight=2, frame_range=3),
        PairSource(dataset("b", 5, 9, spoken=False, hidden=(2,)), frame_range=50, template_frames=1),
    ]
    sampler = PairSampler(sources, SMALL, seed=11, negatives=0.2, language=0.6, batch_size=16)
    digest = hashlib.sha256()
    for step in (0, 5):
        batch = sampler.batch(step)
        boxes = np.round(np.concatenate([batch.template_box, batch.search_box]), 3)
        digest.update(repr((batch.videos, batch.sentences, batch.positive.tolist(), boxes.tolist())).encode())
    assert digest.hexdigest()[:16] == "bc9363f3e08d1cad"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"weight": 0.0}, "weight must be above 0"),
        ({"pairs": 0}, "pairs must be above 0"),
        ({"language": 1.5}, "language must be a share"),
    ],
)
def test_wrong_sources_are_named(change, rule):
    with pytest.raises(DataError, match=rule):
        PairSampler([PairSource(dataset("a"), **change)], SMALL, seed=0)
