"""Names, sentences, scenes and parts of a data set's videos, without making every video of a lazy one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence

import numpy as np

from asymnas.tracking.data._video import Video
from asymnas.tracking.data.frames import first_frames, scene_of

__all__ = ["Videos", "all_of", "possible_copies", "scene_groups"]


class Videos(Sequence[Video]):
    """Videos that can say more than a plain sequence does; a lazy kind overrides what it knows without making them."""

    @property
    def names(self) -> list[str]:
        """The names, in order."""
        return [video.name for video in self]

    @property
    def described(self) -> np.ndarray:
        """(n,) bool, True where a video has a sentence."""
        return np.array([video.sentence is not None for video in self], dtype=bool)

    @property
    def sentences(self) -> set[str]:
        """The different sentences."""
        return {video.sentence for video in self if video.sentence}

    @property
    def scenes(self) -> np.ndarray:
        """(n,) int, equal where two videos share their frames; a source that names no scene is one of its own."""
        codes: dict[Hashable, int] = {}
        found = [scene_of(video.frames) for video in self]
        return np.array([codes.setdefault(i if scene is None else scene, i) for i, scene in enumerate(found)])

    def select(self, indices: Sequence[int] | np.ndarray, frames: int | None = None) -> Sequence[Video]:
        """Return some of the videos, cut to their first `frames` frames if given."""
        kept = (self[int(index)] for index in indices)
        return _Loaded(kept if frames is None else (first_frames(video, frames) for video in kept))

    def among(self, names: Collection[str], scenes: Collection[Hashable]) -> Sequence[Video]:
        """Return at least those of the videos whose name or scene is one of the given."""
        return self


class _Loaded(tuple[Video, ...], Videos):
    """Videos that are made already."""


def all_of(videos: Sequence[Video]) -> Videos:
    """Return the videos with what `Videos` can say of them."""
    return videos if isinstance(videos, Videos) else _Loaded(videos)


def scene_groups(videos: Sequence[Video]) -> tuple[np.ndarray, np.ndarray]:
    """Return the videos grouped by the frames they share: (n,) their indices, and the (g + 1,) bounds of the groups.

    Groups are in the order of their first video.
    """
    _, first, inverse = np.unique(all_of(videos).scenes, return_index=True, return_inverse=True)
    groups = first[inverse]
    order = np.argsort(groups, kind="stable")
    bounds = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return order, np.append(bounds, len(order))


def possible_copies(videos: Sequence[Video], test: Iterable[Video]) -> Sequence[Video]:
    """Return the videos that could be one of the test videos: all, or those of the same name or frames if lazy."""
    found = [(video.name, scene_of(video.frames)) for video in test]
    return all_of(videos).among({name for name, _ in found}, {scene for _, scene in found if scene is not None})
