"""Names, sentences, scenes and parts of a data set's videos, without making every video of a lazy one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from asymnas.tracking.data._video import Video
from asymnas.tracking.data.frames import scene_of
from asymnas.tracking.data.tracks import TrackVideos

__all__ = ["described", "described_by", "names_of", "scene_groups", "select", "suspects"]


def names_of(videos: Sequence[Video]) -> list[str]:
    """Return the names of the videos, in order; a lazy sequence that knows its `names` makes no video for it."""
    names = getattr(videos, "names", None)
    return [video.name for video in videos] if names is None else names


def described_by(videos: Sequence[Video]) -> set[str]:
    """Return the different sentences of the videos."""
    if isinstance(videos, TrackVideos):
        return videos.sentences
    return {video.sentence for video in videos if video.sentence}


def described(videos: Sequence[Video]) -> np.ndarray:
    """Return (n,) bool, True where a video has a sentence."""
    if isinstance(videos, TrackVideos):
        return videos.described
    return np.array([video.sentence is not None for video in videos], dtype=bool)


def select(videos: Sequence[Video], indices: Sequence[int]) -> Sequence[Video]:
    """Return some of the videos; lazily where they are lazy."""
    return videos.select(indices) if isinstance(videos, TrackVideos) else tuple(videos[index] for index in indices)


def scene_groups(videos: Sequence[Video]) -> tuple[np.ndarray, np.ndarray]:
    """Return the videos grouped by the frames they share: (n,) their indices, and the (g + 1,) bounds of the groups.

    Groups are in the order of their first video; a video whose source names no scene is a group of its own.
    """
    if isinstance(videos, TrackVideos):
        keys = videos.scenes
    else:
        codes: dict[Hashable, int] = {}
        scenes = [scene_of(video.frames) for video in videos]
        keys = np.array([codes.setdefault(i if scene is None else scene, i) for i, scene in enumerate(scenes)])
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    groups = first[inverse]
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return order, np.append(bounds, len(order))


def suspects(videos: Sequence[Video], test: Iterable[Video]) -> Sequence[Video]:
    """Return the videos that could be one of the test videos: all, or those of the same name or frames if lazy."""
    if not isinstance(videos, TrackVideos):
        return videos
    found = [(video.name, scene_of(video.frames)) for video in test]
    return videos.among({name for name, _ in found}, {scene for _, scene in found if scene is not None})
