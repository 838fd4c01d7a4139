"""The synthetic benchmark: what is drawn is what is annotated, and the same everywhere."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.core.errors import DataError
from asymnas.tracking.data import Dataset, FrameSource, Video, load_dataset, subset
from asymnas.tracking.data.synthetic import COLOURS, PATTERNS, SHAPES, held_out, load

LASOT = frozenset(["IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "VC", "SV", "FOC", "FM", "OV", "LR", "ARC"])
PARTS = ("standard", "language_critical")


def digest(seed: int = 0, split: str = "test") -> str:
    found = hashlib.sha256()
    for video in load(split, videos=4, frames=12, seed=seed).videos:
        found.update(video.boxes.tobytes() + video.absent.tobytes() + str(video.sentence).encode())
        found.update(b"".join(video.frame(index).tobytes() for index in (0, 5, 11)))
    return found.hexdigest()


def test_videos_are_what_the_contract_says():
    data = load("val", videos=6, frames=20)
    assert isinstance(data, Dataset) and len(data) == 6
    assert len({video.name for video in data.videos}) == 6
    for video in data.videos:
        assert isinstance(video, Video) and isinstance(video.frames, FrameSource)
        assert len(video) == len(video.frames) == 20 and video.absent.shape == (20,)
        assert video.boxes.shape == (20, 4) and video.boxes.dtype == np.float64 and np.isfinite(video.boxes).all()
        assert video.frame(7).shape == (144, 192, 3) and video.frame(7).dtype == np.uint8
        assert not video.absent[0] and video.boxes[0, 2:].min() > 8
        assert video.attributes <= LASOT and video.part in PARTS


def test_same_seed_same_pixels_in_another_process():
    code = "import sys; sys.path.insert(0, sys.argv[1]); from test_synthetic import digest; print(digest())"
    here = __file__.rsplit("/", 1)[0]
    out = subprocess.run([sys.executable, "-c", code, here], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == digest()


def test_another_seed_or_split_gives_other_videos():
    assert len({digest(0), digest(1), digest(0, "val"), digest(0, "train")}) == 4
    prints = {load("val", **options).fingerprint for options in ({}, {"seed": 1}, {"frames": 9}, {"part": "standard"})}
    assert len(prints) == 4
    assert load("val").fingerprint == load("val").fingerprint


@given(st.permutations(range(8)))
def test_frames_are_random_access(order):
    video = load("train", videos=2, frames=8, part="language_critical").videos[1]
    fresh = load("train", videos=2, frames=8, part="language_critical").videos[1]
    found = {index: video.frame(index) for index in order}
    assert all(np.array_equal(found[index], fresh.frame(index)) for index in range(8))


def test_a_frame_belongs_to_its_caller():
    video = load("val", videos=1).videos[0]
    first = video.frame(3)
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(video.frame(3), kept)


def test_train_is_lazy_and_survives_pickling():
    data = load("train", videos=10_000_000)
    assert len(data) == 10_000_000
    last = data.videos[-1]
    again = pickle.loads(pickle.dumps(data)).videos[9_999_999]
    assert last.name == again.name and np.array_equal(last.frame(30), again.frame(30))
    assert len(pickle.dumps(data)) < 2000
    with pytest.raises(IndexError):
        data.videos[10_000_000]
    with pytest.raises(DataError, match="60 frames"):
        last.frame(60)


def test_a_choice_of_videos_builds_no_other():
    data = load("train")
    chosen = subset(data, videos=3)
    assert len(data.videos._built) == 3
    assert {video.name for video in chosen.videos} < set(data.videos.names)
    assert data.videos.names[:5] == [data.videos[index].name for index in range(5)]


def test_parts_alternate_and_a_video_is_the_same_in_any_selection():
    both = load("test", videos=10)
    assert [video.part for video in both.videos].count("language_critical") == 5
    alone = load("test", videos=40, part="language_critical")
    video = both.videos[1]
    assert video.name == alone.videos[1].name
    assert np.array_equal(video.boxes, alone.videos[1].boxes) and video.sentence == alone.videos[1].sentence
    assert all(video.part == "standard" for video in load("test", videos=5, critical_share=0).videos)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("size", [(192, 144), (320, 200)])
def test_boxes_are_tight_around_the_drawn_target(part, size):
    gaps = []
    for video in load("test", videos=12, frames=24, part=part, size=size).videos:
        for index in np.flatnonzero(~video.absent)[::4]:
            ys, xs = np.nonzero(video.frames.target_mask(int(index)) > 96)
            x, y, w, h = video.boxes[index]
            assert x >= 0 and y >= 0 and x + w <= size[0] and y + h <= size[1]
            gaps.append([xs.min() - x, ys.min() - y, x + w - xs.max() - 1, y + h - ys.max() - 1])
    gaps = np.array(gaps)
    # Sharp corners (stars, triangles) cover their last pixels in part; enlarged sprites have soft edges.
    assert gaps.min() > -1.25 and np.quantile(gaps, 0.9) < 1.2 and gaps.max() < 5
    assert abs(np.median(gaps)) < 0.6


def test_the_box_holds_the_colour_the_sentence_names():
    right = wrong = 0
    for video in load("test", videos=30, frames=10, part="standard").videos:
        look = video.frames.scene.looks[0]
        x, y, w, h = np.rint(video.boxes[0]).astype(int)
        hue = cv2.cvtColor(video.frame(0)[y : y + h, x : x + w], cv2.COLOR_BGR2HSV)
        paint = np.uint8([[COLOURS[look.colour]]])
        gap = np.abs(hue[..., 0].astype(int) - int(cv2.cvtColor(paint, cv2.COLOR_BGR2HSV)[0, 0, 0]))
        vivid = hue[..., 1] > 130
        right += int((vivid & (np.minimum(gap, 180 - gap) < 6)).sum())
        wrong += int((vivid & (np.minimum(gap, 180 - gap) >= 10)).sum())
    assert right > 5 * wrong


def test_absent_means_hidden_or_outside():
    outside = hidden = 0
    for video in load("train", videos=150).videos:
        scene = video.frames.scene
        size = np.array(scene.size)
        centre = scene.centre[0]
        beyond = ((centre < -30) | (centre > size + 30)).any(1)
        assert not (beyond & ~video.absent).any()
        inside = ((centre > 0) & (centre < size)).all(1)
        hidden += int((video.absent & inside).any())
        outside += int((video.absent & ~inside).any())
        covered = (video.absent & inside).any()
        assert not covered or "FOC" in video.attributes
    assert outside > 3 and hidden > 20


def test_a_hidden_target_leaves_no_trace_in_the_frame():
    """Where a target is absent, removing it from the scene changes (almost) nothing; where it is seen, it does."""
    seen, unseen = [], []
    for video in load("test", videos=40).videos:
        frames, scene = video.frames, video.frames.scene
        index = int(np.flatnonzero(video.absent)[0]) if video.absent.any() else -1
        for at in (0, index):
            if at < 0 or scene.effects.neutral[at] or scene.effects.coarse or scene.effects.shutter:
                continue
            with_target = frames[at].astype(int)
            order, scene.order = scene.order, [item for item in scene.order if item]
            changed = (np.abs(frames[at].astype(int) - with_target).max(2) > 24).sum()
            scene.order = order
            (seen if at == 0 else unseen).append(changed / (frames.target_mask(at) > 127).sum().clip(1))
    assert len(seen) > 8 and len(unseen) > 5
    assert min(seen) > 0.5 and max(unseen) < 0.2


def test_flags_agree_with_what_the_annotation_shows():
    count: dict[str, int] = {}
    for video in load("train", videos=200).videos:
        flags, there = video.attributes, ~video.absent
        scene = video.frames.scene
        for flag in flags:
            count[flag] = count.get(flag, 0) + 1
        gain = scene.effects.gain
        assert "IV" in flags or gain.max() <= 1.5 * gain.min()
        assert ("DEF" in flags) == (np.ptp(scene.bend) > 0.2)
        assert ("VC" in flags) == (scene.squeeze.min() < 0.75)
        if "FOC" in flags or "OV" in flags:
            assert video.absent.any()
        else:
            low, high = video.boxes[~there, :2], video.boxes[~there, :2] + video.boxes[~there, 2:]
            assert ((low <= 0).any(1) | (high >= scene.size).any(1)).all()  # partly out, and the rest covered
        if "SV" in flags:
            area = video.boxes[there, 2:].prod(1)
            assert area.max() > 1.4 * area.min()
        if (video.boxes[there, 2:].prod(1) < 250).any():
            assert "LR" in flags
        if video.part == "language_critical":
            assert "BC" in flags
    assert set(count) == LASOT  # every flag occurs
    assert all(number < 160 for number in count.values())


def test_held_out_combinations_appear_in_test_only():
    def looks(split):
        return [video.frames.scene.looks for video in load(split, videos=400).videos]

    train, val, test = looks("train"), looks("val"), looks("test")
    assert not any(held_out(look) for scene in train + val for look in scene)
    kept = sum(held_out(scene[0]) for scene in test)
    assert 0.25 < kept / len(test) < 0.55
    for attribute, words in (("shape", SHAPES), ("colour", COLOURS), ("pattern", PATTERNS)):
        assert {getattr(scene[0], attribute) for scene in train} == set(words)


def test_sentences_name_the_target():
    lengths, sentences = [], set()
    for video in load("test", videos=300).videos:
        look = video.frames.scene.looks[0]
        words = video.sentence.split()
        sentences.add(video.sentence)
        lengths.append(len(words))
        assert video.sentence == video.sentence.lower() and video.sentence.isascii()
        assert look.colour in words and look.shape in words
        assert look.pattern in words or look.pattern == "solid"
        assert not [word for word in words if word in PATTERNS and word != look.pattern]
        others = {word for word in words if word in COLOURS and word != look.colour}
        if video.part == "language_critical":
            assert not others
        else:
            assert others <= {other.colour for other in video.frames.scene.looks} | {"green"}
        if "large" in words or "small" in words:
            assert ("large" in words) == video.frames.scene.large
        if {"rotating", "turning"} & set(words):
            assert "ROT" in video.attributes
    assert min(lengths) >= 2 and max(lengths) <= 16 and len(sentences) > 250


def test_bad_options_are_named_all_at_once():
    with pytest.raises(DataError) as caught:
        load("trian", videos=0, frames=1, part="hard", size=(10, 10), critical_share=2)
    assert len(caught.value.problems) == 6
    assert "Did you mean 'train'?" in str(caught.value)


@pytest.mark.parametrize(("frames", "size"), [(2, (64, 64)), (3, (192, 144)), (11, (100, 300)), (200, (128, 128))])
def test_odd_lengths_and_sizes(frames, size):
    for video in load("train", videos=12, frames=frames, size=size).videos:
        assert video.frame(frames - 1).shape == (size[1], size[0], 3) and not video.absent[0]


def test_videos_can_be_named():
    every = load_dataset("synthetic", "val", frames=5)
    name = every.videos[7].name
    (video,) = load_dataset("synthetic", "val", frames=5, videos=[name]).videos
    assert video.name == name and np.array_equal(video.boxes, every.videos[7].boxes)
    with pytest.raises(DataError, match="no such video, but got 'nope'"):
        load_dataset("synthetic", "val", videos=["nope"])
