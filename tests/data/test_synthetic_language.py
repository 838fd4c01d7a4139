"""The language-critical part is honest: the sentence, and nothing else, tells the target from its twins."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from asymnas.tracking.data.synthetic import COLOURS, load

VIDEOS = 40


def critical(split: str = "test", videos: int = VIDEOS):
    return load(split, videos=videos, part="language_critical").videos


def mean_iou(boxes: np.ndarray, video) -> float:
    low = np.maximum(boxes[:, :2], video.boxes[:, :2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], video.boxes[:, :2] + video.boxes[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    union = boxes[:, 2:].prod(1) + video.boxes[:, 2:].prod(1) - common
    judged = ~video.absent
    judged[0] = False
    return float((common / np.maximum(union, 1e-9))[judged].mean())


def follow(video, *, colour_known: bool) -> np.ndarray:
    """Track with a perfect detector: constant velocity, and the colour where it is known, near and not veiled."""
    scene = video.frames.scene
    shift = video.boxes[:, :2] + video.boxes[:, 2:] / 2 - scene.centre[0]
    place, speed = scene.centre[0, 0], np.zeros(2)
    boxes = [video.boxes[0]]
    for index in range(1, len(video)):
        centre = scene.centre[:, index]
        side = np.sqrt(video.boxes[0, 2:].prod())
        chosen = int(np.abs(centre - place - speed).max(1).argmin())
        in_window = np.abs(centre[0] - place).max() < 2 * side
        if colour_known and in_window and not scene.effects.neutral[index] and not video.absent[index]:
            chosen = 0
        speed = 0.5 * speed + 0.5 * (centre[chosen] - place)
        place = centre[chosen]
        size = video.boxes[index, 2:] if not video.absent[index] else boxes[-1][2:]
        boxes.append(np.concatenate([place + shift[index] * (chosen == 0) - size / 2, size]))
    return np.array(boxes)


def blob(video, colour: str) -> np.ndarray:
    """Track by pixels of one hue around the last place."""
    hue = int(cv2.cvtColor(np.uint8([[COLOURS[colour]]]), cv2.COLOR_BGR2HSV)[0, 0, 0])
    boxes = [video.boxes[0]]
    side = np.sqrt(video.boxes[0, 2:].prod())
    for index in range(1, len(video)):
        picture = cv2.cvtColor(video.frame(index), cv2.COLOR_BGR2HSV).astype(int)
        gap = np.abs(picture[..., 0] - hue)
        ys, xs = np.nonzero((np.minimum(gap, 180 - gap) < 7) & (picture[..., 1] > 110) & (picture[..., 2] > 60))
        middle = boxes[-1][:2] + boxes[-1][2:] / 2
        near = (np.abs(xs - middle[0]) < 2.2 * side) & (np.abs(ys - middle[1]) < 2.2 * side)
        if near.sum() > 15:
            low = np.percentile(np.stack([xs[near], ys[near]]), 3, axis=1)
            high = np.percentile(np.stack([xs[near], ys[near]]), 97, axis=1) + 1
            boxes.append(np.concatenate([low, high - low]))
        else:
            boxes.append(boxes[-1])
    return np.array(boxes)


def test_the_first_frames_do_not_tell_the_target():
    """The target's words do not change a veiled frame; after the veil they do."""
    for video in critical(videos=20):
        frames = video.frames
        scene = frames.scene
        assert frames.neutral[0] and not frames.neutral.all()
        veiled = [frames[int(index)] for index in np.flatnonzero(frames.neutral)[:3]]
        clear_at = int(np.flatnonzero(~frames.neutral & ~video.absent)[0])
        clear = frames[clear_at]
        looks = list(scene.looks)
        scene.looks[0] = replace(looks[0], colour="red" if looks[0].colour != "red" else "blue", pattern="checkered")
        assert all(
            np.array_equal(frames[int(index)], picture)
            for index, picture in zip(np.flatnonzero(frames.neutral), veiled, strict=False)
        )
        assert not np.array_equal(frames[clear_at], clear)
        scene.looks[:] = looks


def test_distractors_are_twins_of_other_colours():
    for video in critical(videos=60):
        scene = video.frames.scene
        target, *others = scene.looks
        assert 2 <= len(others) <= 4
        assert all(other.shape == target.shape for other in others)
        colours = [look.colour for look in scene.looks]
        assert len(set(colours)) == len(colours)
        assert np.array_equal(scene.shape[0], scene.shape[-1])  # size and turn tell nothing


def test_paths_meet_again_and_again_and_stay_within_the_search_window():
    meets, far = [], []
    for video in critical():
        scene = video.frames.scene
        side = 2 * np.sqrt(np.abs(np.linalg.det(scene.shape[0])))
        gap = np.abs(scene.centre[1:] - scene.centre[0]).max(2)
        together = (gap < 0.6 * side).any(0)
        meets.append(int((np.diff(together.astype(int)) == 1).sum()))
        far.append((gap > 2.5 * side).mean())
    assert min(meets) >= 3 and np.mean(far) < 0.05


def test_who_leaves_a_meeting_where_is_a_fair_draw():
    """After each meeting the twin nearest to where motion leads is the target one time in k + 1."""
    hits = expected = total = 0.0
    for video in critical(videos=150):
        scene = video.frames.scene
        side = 2 * np.sqrt(np.abs(np.linalg.det(scene.shape[0])))
        spread = np.abs(scene.centre - scene.centre.mean(0)).max((0, 2))
        for index in range(4, len(video) - 6):
            if spread[index] == spread[index - 3 : index + 4].min() and spread[index] < 0.35 * side[index]:
                speed = scene.centre[0, index] - scene.centre[0, index - 2]
                guess = scene.centre[0, index] + 2 * speed
                away = np.abs(scene.centre[:, index + 4] - guess).max(1)
                hits += away.argmin() == 0
                expected += 1 / len(scene.looks)
                total += 1
    assert total > 300
    assert abs(hits - expected) / total < 4 * 0.45 / np.sqrt(total)


def test_colour_follows_where_motion_alone_does_not():
    videos = critical()
    knows = np.array([mean_iou(follow(video, colour_known=True), video) for video in videos])
    blind = np.array([mean_iou(follow(video, colour_known=False), video) for video in videos])
    still = np.array([mean_iou(np.repeat(video.boxes[:1], len(video), 0), video) for video in videos])
    gain = knows - blind
    assert knows.mean() > 0.85
    assert blind.mean() < 0.5
    assert still.mean() < 0.2
    assert gain.mean() > 5 * gain.std(ddof=1) / np.sqrt(len(gain)) and gain.mean() > 0.35


def test_the_named_colour_finds_the_target_in_the_pixels_and_another_does_not():
    videos = critical(videos=16)
    named = [mean_iou(blob(video, video.frames.scene.looks[0].colour), video) for video in videos]
    other = [mean_iou(blob(video, video.frames.scene.looks[1].colour), video) for video in videos]
    assert np.mean(named) > 0.4 and np.mean(other) < np.mean(named) - 0.2


def test_standard_targets_leave_their_first_box():
    videos = load("test", videos=60, frames=30, part="standard").videos
    still = [mean_iou(np.repeat(video.boxes[:1], len(video), 0), video) for video in videos]
    assert np.mean(still) < 0.2
