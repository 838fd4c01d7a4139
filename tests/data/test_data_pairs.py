"""Pair sampling: keyed by (seed, step, row), the geometry of tracking, boxes that follow the crops."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.tracking.boxes import CropGeometry, box_centers, channel_mean, crop, crop_side, iou, xyxy_to_xywh
from asymnas.tracking.data import Dataset, Video, load_dataset
from asymnas.tracking.data.pairs.augment import Augmentation, CropWindow, cut
from asymnas.tracking.data.pairs.mixture import PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler

SMALL = CropGeometry(template_size=64, search_size=128)
STRONG = Augmentation(search_shift=0.3, search_scale=0.3, colour=0, blur=0)


class Squares:
    """Frames with one bright rectangle per frame; the rectangle's grey level names the video."""

    def __init__(self, boxes: np.ndarray, level: int) -> None:
        self.boxes, self.level = boxes, level

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: int) -> np.ndarray:
        image = np.full((120, 160, 3), 20, np.uint8)
        x, y, w, h = self.boxes[index].astype(int)
        image[y : y + h, x : x + w] = self.level
        return image


def make_dataset(name: str = "squares", videos: int = 4, frames: int = 12, absent: tuple[int, ...] = ()) -> Dataset:
    items = []
    for k in range(videos):
        rng = np.random.default_rng(k)
        boxes = np.concatenate([rng.integers(30, 80, (frames, 2)), rng.integers(16, 30, (frames, 2))], 1).astype(float)
        gone = np.isin(np.arange(frames), absent)
        source = Squares(boxes, 120 + 15 * k)
        items.append(Video(f"v{k}", name, source, boxes, gone, f"square {k}" if k % 2 else None))
    return Dataset(name, "train", tuple(items), "0")


def same(a, b) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("template", "search", "template_box", "search_box", "positive", "sentences", "videos")
    )


def test_a_row_depends_on_seed_step_and_row_only():
    source = PairSource(make_dataset(), frame_range=5)
    options = {"seed": 3, "negatives": 0.3, "language": 0.6, "augmentation": Augmentation(flip=0.5, gray=0.5)}
    sampler = PairSampler([source], SMALL, batch_size=7, **options)
    whole = sampler.batch(5)
    again = pickle.loads(pickle.dumps(PairSampler([source], SMALL, batch_size=7, **options)))
    again.batch(1)
    assert same(whole, again.batch(5))
    parts = [sampler.batch(5, k, 3) for k in range(3)]
    assert [len(part) for part in parts] == [2, 2, 3]
    assert np.array_equal(np.concatenate([part.search for part in parts]), whole.search)
    assert sum((part.videos for part in parts), ()) == whole.videos
    larger = PairSampler([source], SMALL, batch_size=9, **options).batch(5)
    assert np.array_equal(larger.search[:7], whole.search)
    assert not same(whole, sampler.batch(6))
    assert not same(whole, PairSampler([source], SMALL, batch_size=7, **{**options, "seed": 4}).batch(5))


def test_without_augmentation_crops_are_those_of_tracking():
    dataset = make_dataset(videos=1, frames=1)
    batch = PairSampler([PairSource(dataset)], SMALL, seed=0, augmentation=Augmentation.none(), batch_size=1).batch(0)
    video = dataset.videos[0]
    box, frame = video.boxes[0], video.frame(0)
    template_side, search_side = crop_side(box, SMALL)
    fill = channel_mean(frame)
    for got, side, size in ((batch.template, template_side, 64), (batch.search, search_side, 128)):
        assert np.array_equal(got[0].transpose(1, 2, 0), crop(frame, box_centers(box), side, size, fill))


@pytest.mark.parametrize("augmentation", [STRONG, Augmentation(colour=0, blur=0, flip=1.0), Augmentation.none()])
def test_boxes_follow_the_crops(augmentation):
    sampler = PairSampler([PairSource(make_dataset())], SMALL, seed=1, augmentation=augmentation, batch_size=40)
    batch = sampler.batch(0)
    for crops, boxes in ((batch.template, batch.template_box), (batch.search, batch.search_box)):
        for image, box in zip(crops, boxes, strict=True):
            bright = image[0] > 75
            rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
            seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
            inside = np.clip(box, 0, image.shape[-1])
            assert iou(xyxy_to_xywh(seen), xyxy_to_xywh(inside)) > 0.9


def test_augmented_and_plain_windows_show_the_same():
    image = np.kron(np.random.default_rng(0).integers(0, 256, (24, 32, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    box, center = np.array([-8.0, 20, 30, 40]), np.array([7.0, 40.0])
    plain, plain_box = cut(image, box, CropWindow(center, 80.0, 80.0, plain=True), 128)
    warped, warped_box = cut(image, box, CropWindow(center, 80.0, 80.0, plain=False), 128)
    assert np.allclose(plain_box, warped_box)
    difference = np.abs(plain.astype(int) - warped)
    assert difference.mean() < 0.5 and np.quantile(difference, 0.99) <= 4


def test_shift_and_scale_use_their_whole_range():
    sampler = PairSampler([PairSource(make_dataset())], SMALL, seed=1, augmentation=STRONG, batch_size=300)
    batch = sampler.batch(0)
    centers = box_centers(xyxy_to_xywh(batch.search_box)) / 128 - 0.5
    assert abs(centers).max() <= 0.3 + 0.01 and abs(centers).max() > 0.28 and abs(centers.mean()) < 0.02
    template = box_centers(xyxy_to_xywh(batch.template_box)) / 64 - 0.5
    assert abs(template).max() <= 4 / 127 + 1e-6


def test_negatives_are_labelled_and_show_another_target():
    batch = PairSampler(
        [PairSource(make_dataset())], SMALL, seed=2, augmentation=Augmentation.none(), negatives=0.4, batch_size=200
    ).batch(0)
    assert 0.3 < 1 - batch.positive.mean() < 0.5
    level_z, level_x = batch.template.max(axis=(1, 2, 3)), batch.search.max(axis=(1, 2, 3))
    assert np.array_equal(level_z == level_x, batch.positive)
    for sentence, video in zip(batch.sentences, batch.videos, strict=True):
        number = int(video[-1])
        assert sentence == (f"square {number}" if number % 2 else None)


def test_targets_of_the_same_frames_are_no_negatives_of_each_other():
    dataset = make_dataset(videos=2)
    for video in dataset.videos:
        video.frames.scene_id = "one folder"
    with pytest.raises(DataError, match="second scene"):
        PairSampler([PairSource(dataset)], SMALL, seed=0, negatives=1.0).batch(0)


def test_language_is_the_share_of_kept_sentences():
    source = PairSource(make_dataset())
    kept = PairSampler([source], SMALL, seed=0, language=0.5, batch_size=200).batch(0).sentences
    spoken = [name[-1] in "13" for name in PairSampler([source], SMALL, seed=0, batch_size=200).batch(0).videos]
    assert 0.35 < sum(item is not None for item in kept) / sum(spoken) < 0.65
    assert not any(PairSampler([source], SMALL, seed=0, language=0.0, batch_size=20).batch(0).sentences)


def test_frames_are_visible_and_within_range():
    dataset = make_dataset(videos=1, frames=40, absent=(3, 4, 5, 20))
    dataset.videos[0].boxes[7] = 0
    sampler = PairSampler([PairSource(dataset, frame_range=2)], SMALL, seed=0)
    drawn = [sampler._draw(np.random.default_rng(seed)) for seed in range(400)]
    z, x = np.array([item[1] for item in drawn]), np.array([item[3] for item in drawn])
    hidden = {3, 4, 5, 7, 20}
    assert not hidden & set(z.tolist()) and not hidden & set(x.tolist())
    visible = [i for i in range(40) if i not in hidden]
    assert set(z.tolist()) == set(visible)
    assert max(abs(visible.index(a) - visible.index(b)) for a, b in zip(z, x, strict=True)) == 2


def test_sources_are_drawn_by_weight():
    sources = [PairSource(make_dataset("a"), weight=3), PairSource(make_dataset("b", videos=9), weight=1)]
    videos = PairSampler(sources, SMALL, seed=0, batch_size=400).batch(0).videos
    assert 0.68 < sum(name.startswith("a/") for name in videos) / 400 < 0.82


def test_gray_makes_both_crops_grey():
    batch = PairSampler([PairSource(make_dataset())], SMALL, seed=0, augmentation=Augmentation(gray=1, colour=0)).batch(
        0
    )
    assert (batch.search == batch.search[:, :1]).all() and (batch.template == batch.template[:, :1]).all()
    coloured = PairSampler([PairSource(make_dataset())], SMALL, seed=0, augmentation=Augmentation(colour=1)).batch(0)
    assert (coloured.search != coloured.search[:, :1]).any()


def test_videos_that_show_no_target_are_an_error():
    empty = PairSampler([PairSource(make_dataset(absent=tuple(range(12))))], SMALL, seed=0)
    with pytest.raises(DataError, match="show their target"):
        empty.batch(0)


def test_bad_settings_are_all_named_at_once():
    with pytest.raises(DataError) as caught:
        PairSampler([PairSource(make_dataset(), weight=0)], SMALL, seed=0, negatives=2, language=-1)
    assert len(caught.value.problems) == 3
    with pytest.raises(DataError, match="at least one data set"):
        PairSampler([], SMALL, seed=0)


def test_negatives_of_generated_video_come_from_another_video_even_if_it_is_in_two_sources():
    sources = [PairSource(load_dataset("synthetic", "train", videos=2, frames=8, part="standard")) for _ in range(2)]
    sampler = PairSampler(sources, SMALL, seed=0, negatives=1.0, batch_size=16)
    assert not sampler.batch(0).positive.any()
