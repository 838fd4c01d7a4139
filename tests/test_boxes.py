"""Box arithmetic, and crops against the public routines' outputs."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asymnas.tracking.boxes import (
    CropGeometry,
    box_centers,
    box_from_crop,
    box_to_crop,
    channel_mean,
    clip_box,
    crop,
    crop_side,
    iou,
    xywh_to_xyxy,
    xyxy_to_xywh,
)

BOXES = arrays(np.float64, (5, 4), elements=st.floats(0.5, 300))


def test_crops_equal_the_public_sub_windows(shared):
    case = json.loads((shared / "golden/H_crops/case.json").read_text())
    rng = np.random.default_rng(9100)
    images = {"noise": rng.integers(0, 256, (240, 320, 3)).astype(np.uint8)}
    images["blocks"] = np.kron(rng.integers(0, 256, (30, 40, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    samples = np.load(shared / "golden/H_crops/data.npz")
    exact = 0
    for sub in case["subcases"]:
        image = images[sub["img"]]
        got = crop(image, (sub["cx"], sub["cy"]), sub["original_sz"], sub["model_sz"], channel_mean(image))
        assert list(got.shape) == sub["shape"]
        assert np.allclose(got.reshape(-1, 3).mean(0), sub["mean_per_channel"], atol=1e-6), sub["key"]
        digest = hashlib.sha256(np.ascontiguousarray(got).tobytes()).hexdigest()
        exact += digest == sub["sha256"]
    assert exact == len(case["subcases"]) == 96
    assert samples.files


def test_sides_equal_the_public_ones(shared):
    case = json.loads((shared / "golden/H_crops/case.json").read_text())
    checked = 0
    for sub in case["subcases"]:
        if sub["model_sz"] not in (127, 255):
            continue
        template, search = crop_side(np.array([0, 0, sub["w"], sub["h"]]), CropGeometry())
        assert round(float(template if sub["model_sz"] == 127 else search)) == sub["original_sz"]
        checked += 1
    assert checked == 48


def test_iou_by_hand():
    a = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 0, 10], [np.nan] * 4])
    b = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 5, 5], [0, 0, 0, 10], [0, 0, 1, 1]])
    assert np.allclose(iou(a, b), [1, 1 / 3, 0, 0, 0])
    assert iou(a[:, None], b[None]).shape == (5, 5)


@given(BOXES, BOXES)
def test_iou_is_symmetric_and_bounded(a, b):
    value = iou(a, b)
    assert np.allclose(value, iou(b, a)) and (value >= 0).all() and (value <= 1 + 1e-12).all()
    assert np.allclose(iou(a, a), 1)


@given(BOXES, st.floats(5, 400), st.integers(16, 255))
def test_crop_coordinates_round_trip(boxes, side, out):
    centers = box_centers(boxes[::-1])
    there = box_to_crop(boxes, centers, np.full(5, side), out)
    assert np.allclose(box_from_crop(there, centers, np.full(5, side), out), boxes)
    assert np.allclose(box_to_crop(boxes[0], centers[0], side, out), there[0])
    assert np.allclose(xyxy_to_xywh(xywh_to_xyxy(boxes)), boxes)


def test_a_crop_may_be_taken_as_centred_and_of_unrounded_side():
    boxes, centers, sides = np.array([[10, 20, 30, 8.0], [1, 2, 3, 4]]), np.array([[25.3, 24.0], [9, 7]]), [63.5, 10.2]
    there = box_to_crop(boxes, centers, np.array(sides), 127, middle=63)
    assert np.allclose(there[0], [63 - 15.3 * 2, 63 - 4 * 2, 63 + 14.7 * 2, 63 + 4 * 2])
    assert np.allclose(box_from_crop(there, centers, np.array(sides), 127, middle=63), boxes)


@pytest.mark.parametrize(("x", "y"), [(30, 20), (-6, 5), (90, 60)])
def test_box_to_crop_finds_the_drawn_square(x, y):
    image = np.zeros((80, 100, 3), np.uint8)
    image[max(y, 0) : y + 12, max(x, 0) : x + 10] = 255
    box, center, side, out = np.array([x, y, 10, 12.0]), (x + 9.0, y + 2.0), 40.0, 160
    got = crop(image, center, side, out, (0, 0, 0))[..., 0] > 127
    rows, columns = np.flatnonzero(got.any(1)), np.flatnonzero(got.any(0))
    x1, y1, x2, y2 = box_to_crop(box, center, side, out)
    visible_x1 = x1 if x >= 0 else x1 + 6 * out / side
    assert abs(columns[0] - visible_x1) <= 1 and abs(rows[0] - y1) <= 1
    assert abs(columns[-1] + 1 - x2) <= 1 or x == 90
    assert abs(rows[-1] + 1 - y2) <= 1


def test_crop_outside_the_image_is_the_fill():
    image = np.full((20, 20, 3), 9, np.uint8)
    assert (crop(image, (500, 500), 30, 16, (1.9, 2.2, 3.7)) == np.array([1, 2, 3])).all()


def test_crop_never_aliases_the_image():
    image = np.zeros((20, 20, 3), np.uint8)
    crop(image, (10, 10), 8, 8, (0, 0, 0))[:] = 255
    assert not image.any()


def test_clip_box_keeps_the_centre_inside():
    clipped = clip_box(np.array([[-50, -50, 20, 20], [10, 10, 2, 500], [0, 0, 4, 4]]), 100, 80)
    assert np.allclose(box_centers(clipped), [[0, 0], [11, 80], [2, 2]])
    assert np.allclose(clipped[:, 2:], [[20, 20], [10, 80], [10, 10]])
    assert np.allclose(clip_box(np.array([0, 0, 4, 4]), 100, 80, min_size=2), [0, 0, 4, 4])
