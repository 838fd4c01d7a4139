"""Every protocol against a reference that goes frame by frame and threshold by threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.tracking.metrics import PROTOCOLS, Clip, score

OPE = ("lasot", "tnl2k", "otb", "pysot", "pytracking", "got10k-lasot", "visible")


def overlap(p, t):
    w = max(0.0, min(p[0] + p[2], t[0] + t[2]) - max(p[0], t[0]))
    h = max(0.0, min(p[1] + p[3], t[1] + t[3]) - max(p[1], t[1]))
    if p[2] <= 0 or p[3] <= 0 or t[2] <= 0 or t[3] <= 0:
        return 0.0
    return w * h / (p[2] * p[3] + t[2] * t[3] - w * h)


def frame(name, p, t, absent):
    """Return overlap, distance and scaled distance of one frame as the rules have them; None for a frame left out."""
    dx, dy = (p[0] + p[2] / 2) - (t[0] + t[2] / 2), (p[1] + p[3] / 2) - (t[1] + t[3] / 2)
    least = 1.0 if name == "got10k-lasot" else 0.0
    units = max(t[2], least), max(t[3], least)
    scaled = math.hypot(dx / units[0], dy / units[1]) if min(units) > 0 else math.inf
    if not np.isfinite(p).all():
        seen = (0.0, math.inf, math.inf)
    else:
        found = overlap(p, t)  # rounding may push a perfect one over 1; two toolkits clip it
        seen = (min(found, 1.0) if name in ("pysot", "got10k-lasot") else found, math.hypot(dx, dy), scaled)
    sized = t[2] > 0 and t[3] > 0
    inside = sized and t[0] + 1 > 0 and t[1] + 1 > 0
    centred = t[0] + (t[2] - 1) / 2 > 0 and t[1] + (t[3] - 1) / 2 > 0
    if name == "visible":
        return None if absent else seen if sized else (0.0, math.inf, math.inf)
    if name == "got10k-lasot":
        return seen
    if absent and name != "otb":
        return 0.0, math.inf, math.inf
    if name in ("lasot", "tnl2k", "otb"):
        return seen if inside else (0.0, -1, -1)
    if name == "pytracking":
        return seen if sized else (0.0, math.inf, -1)
    return (seen[0] if sized else 0.0, *(seen[1:] if centred else (-1, -1)))


def reference(name, predicted, truth, absent):
    """Return SUC, P and NP of one video."""
    keeps = name == "pysot"
    repairs = name not in ("pysot", "got10k-lasot")
    seen, last = [], truth[0]
    for index, (p, t) in enumerate(zip(predicted, truth, strict=True)):
        if index == 0 and not keeps:
            p = t
        elif repairs and not (np.isfinite(p).all() and p[2] > 0 and p[3] > 0):
            p = last
        last = p
        found = frame(name, p, t, absent[index])
        if found is not None:
            seen.append(found)
    if not seen:
        return 0.0, 0.0, 0.0

    def share(hits):
        return sum(hits) / len(seen)

    success = [share(o > 0.05 * k for o, _, _ in seen) for k in range(21)]
    scaled = [share(n <= 0.01 * k for _, _, n in seen) for k in range(51)]
    normalised = np.mean(scaled) if name == "got10k-lasot" else scaled[20]
    return np.mean(success), share(d <= 20 for _, d, _ in seen), normalised


def video(seed, frames=25):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([rng.uniform(-15, 60, (frames, 2)), rng.uniform(5, 40, (frames, 2))], axis=1)
    if seed % 2:
        truth = np.rint(truth)  # ties with thresholds
    truth[rng.random(frames) < 0.1, 2:] = 0
    truth[rng.random(frames) < 0.05] = 0
    predicted = truth + rng.normal(0, 6, truth.shape) * (rng.random((frames, 1)) < 0.8)
    if seed % 2:
        predicted = np.rint(predicted)
    predicted[rng.random(frames) < 0.1] = np.nan
    predicted[rng.random(frames) < 0.1, 2] = 0
    predicted[rng.random(frames) < 0.05, 0] = np.inf
    return predicted, truth, rng.random(frames) < 0.2


@pytest.mark.parametrize("name", OPE)
@given(st.integers(0, 100_000))
def test_one_pass_protocols(name, seed):
    predicted, truth, absent = video(seed)
    scores = score({"a": predicted}, [Clip("a", truth, absent)], name)
    assert list(scores.values.values()) == pytest.approx(reference(name, predicted, truth, absent), abs=1e-9)


@given(st.integers(0, 100_000))
def test_got10k_pools_frames(seed):
    clips, boxes, seen = [], {}, []
    for number, frames in enumerate((9, 30)):
        predicted, truth, absent = video(seed + number, frames)
        clip = Clip(str(number), truth, absent, size=(70, 50))
        clips.append(clip)
        boxes[clip.name] = predicted
        for p, t, gone in list(zip(predicted, truth, absent, strict=True))[1:]:
            if not gone:
                seen.append(overlap(clipped(p), clipped(t)) if np.isfinite(p).all() else 0.0)
    found = score(boxes, clips, "got10k")
    assert found.frames == len(seen)
    wanted = [np.mean(seen), np.mean(np.array(seen) > 0.5), np.mean(np.array(seen) > 0.75)]
    assert list(found.values.values()) == pytest.approx(wanted, abs=1e-9)
    assert "cover" in found.notes[0]


def clipped(box):
    x, y = min(max(box[0], 0), 70), min(max(box[1], 0), 50)
    return x, y, min(max(box[2], 0), 70 - x), min(max(box[3], 0), 50 - y)


@given(st.integers(0, 100_000))
def test_trackingnet(seed):
    predicted, truth, _ = video(seed)
    truth = np.abs(truth) + np.array([0, 0, 1, 1])
    finite = np.isfinite(predicted).all(1)
    predicted[~finite] = 3.5
    rows, boxes = np.rint(predicted), np.rint(truth)
    rows[0] = boxes[0]
    seen = [
        (
            overlap(p, t),
            math.hypot(p[0] + p[2] / 2 - t[0] - t[2] / 2, p[1] + p[3] / 2 - t[1] - t[3] / 2),
        )
        for p, t in zip(rows, boxes, strict=True)
    ]
    success = [np.mean([o >= 0.05 * k for o, _ in seen]) for k in range(21)]
    precision = [np.mean([d <= 2.5 * k for _, d in seen]) for k in range(21)]
    found = score({"a": predicted}, [Clip("a", truth, np.zeros(len(truth), bool))], "trackingnet").values
    assert found["Success"] == pytest.approx(np.trapezoid(success, dx=0.05), abs=1e-9)
    assert found["Precision"] == pytest.approx(np.trapezoid(precision, dx=0.05), abs=1e-9)
    assert found["Coverage"] == pytest.approx(np.mean(rows.sum(1) > 0))


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_the_rules_are_told(name):
    protocol = PROTOCOLS.get(name)
    for word in ("First frame:", "Denominator:", "Average:"):
        assert word in protocol.rules
    assert protocol.main in protocol.measures
    for grid in protocol.thresholds.values():
        np.testing.assert_array_equal(grid, np.arange(len(grid)) * grid[1])


def test_thresholds_are_exact():
    """Values on a threshold, and the numbers next to it, fall where comparing would put them."""
    from asymnas.tracking.metrics._count import ranks

    for step, last in ((0.05, 20), (0.01, 100), (1.0, 50), (0.01, 50), (2.5, 20), (0.025, 20)):
        grid = np.arange(last + 1) * step
        values = np.concatenate([grid, np.nextafter(grid, 9e9), np.maximum(np.nextafter(grid, -1), 0)])
        counts = ranks(values, step)
        np.testing.assert_array_equal(counts, (values[:, None] > grid).sum(1))
