"""The data set: videos drawn from (seed, split, part, index), built when asked for."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.core.seeding import rng_for
from asymnas.tracking.data._video import Dataset, Video
from asymnas.tracking.data.lazy import Videos
from asymnas.tracking.data.synthetic._annotate import annotate
from asymnas.tracking.data.synthetic._captions import caption
from asymnas.tracking.data.synthetic._parts import CRITICAL, PARTS, STANDARD, build_scene
from asymnas.tracking.data.synthetic._render import SyntheticFrames
from asymnas.tracking.data.synthetic._sentences import describe

__all__ = ["SPLITS", "SyntheticVideos", "check", "load"]

_VERSION = 1
_VIDEOS = {"train": 4000, "val": 60, "test": 200}
_FRAMES = 60
_MOST = 10**9
_SIZE = (192, 144)
_KEEP = 64
_RULES = "rules"
SPLITS = tuple(_VIDEOS)


class SyntheticVideos(Videos):
    """Videos of one split by index; the last few used are kept, the others are built anew, always alike."""

    def __init__(
        self,
        split: str,
        *,
        videos: int,
        frames: int,
        seed: int,
        part: str | None,
        critical_share: float,
        size: tuple[int, int],
        captions: str | None,
        caption_errors: float,
    ) -> None:
        self.split, self.videos, self.frames, self.seed = split, videos, frames, seed
        self.part, self.critical_share, self.size = part, critical_share, size
        self.captions, self.caption_errors = captions, caption_errors
        self._built: OrderedDict[int, Video] = OrderedDict()

    def __len__(self) -> int:
        return self.videos

    @overload
    def __getitem__(self, index: int) -> Video: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Video]: ...

    def __getitem__(self, index: int | slice) -> Video | Sequence[Video]:
        """Return video `index`, or a tuple of videos for a slice."""
        if isinstance(index, slice):
            return tuple(self[item] for item in range(*index.indices(self.videos)))
        if not -self.videos <= index < self.videos:
            raise IndexError(f"video {index} of {self.videos}")
        index = int(index) % self.videos
        video = self._built.get(index)
        if video is None:
            video = self._built[index] = self._build(index)
            while len(self._built) > _KEEP:
                self._built.popitem(last=False)
        return video

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_built": OrderedDict()}

    @property
    def names(self) -> list[str]:
        """The names of all videos, none of which is built for it."""
        return [self._name(index) for index in range(self.videos)]

    @property
    def described(self) -> np.ndarray:
        """(n,) bool, all True."""
        return np.ones(self.videos, dtype=bool)

    def _name(self, index: int) -> str:
        return f"{self.part_of(index)}-{index:05d}"

    def part_of(self, index: int) -> str:
        """Return the part that video `index` belongs to; the parts alternate evenly."""
        if self.part is not None:
            return self.part
        share = self.critical_share
        return CRITICAL if int((index + 1) * share) > int(index * share) else STANDARD

    def _build(self, index: int) -> Video:
        part = self.part_of(index)
        rng = rng_for(self.seed, "synthetic", self.split, part, index)
        scene = build_scene(rng, part, self.split, self.frames, self.size)
        found = annotate(scene)
        name = self._name(index)
        sentence = describe(rng, scene, found.attributes)
        if self.captions is not None:
            own = rng_for(self.seed, "synthetic captions", self.split, part, index)
            sentence = caption(own, scene, self.caption_errors)
        return Video(
            name=name,
            dataset="synthetic",
            frames=SyntheticFrames(scene, name),
            boxes=found.boxes,
            absent=found.absent,
            sentence=sentence,
            attributes=found.attributes,
            part=part,
        )


def check(
    split: str,
    *,
    videos: int = 1,
    frames: int = _FRAMES,
    seed: int = 0,
    part: str | None = None,
    critical_share: float = 0.5,
    size: tuple[int, int] = _SIZE,
    captions: str | None = None,
    caption_errors: float = 0.0,
) -> list[Problem]:
    """Return what is wrong with a split and the options of `load`, each at its name."""
    rules = [
        ("split", split in SPLITS, "must be train, val or test", split, nearest(split, SPLITS)),
        ("videos", 1 <= videos <= _MOST, f"must be 1 to {_MOST}", videos, "Give a number, or leave it out."),
        ("frames", 2 <= frames <= _MOST, f"must be 2 to {_MOST}", frames, "Give a number, or leave it out."),
        ("seed", seed >= 0, "must not be negative", seed, "Give 0 or more."),
        ("part", part is None or part in PARTS, "must be a part", part, nearest(str(part), PARTS)),
        ("critical_share", 0 <= critical_share <= 1, "must be in [0, 1]", critical_share, "Give a share such as 0.5."),
        ("size", min(size) >= 64, "must be at least 64 by 64 pixels", size, "Give width and height."),
        ("captions", captions in (None, _RULES), "must be rules or null", captions, nearest(str(captions), [_RULES])),
        ("caption_errors", 0 <= caption_errors <= 1, "must be in [0, 1]", caption_errors, "Give a share such as 0.2."),
        ("caption_errors", captions or not caption_errors, "needs captions", caption_errors, "Add `captions: rules`."),
    ]
    return [Problem(key, rule, str(value), out) for key, ok, rule, value, out in rules if not ok]


def load(
    split: str,
    *,
    root: Path | None = None,
    videos: int | None = None,
    frames: int | None = None,
    seed: int = 0,
    part: str | None = None,
    critical_share: float = 0.5,
    size: tuple[int, int] = _SIZE,
    captions: str | None = None,
    caption_errors: float = 0.0,
) -> Dataset:
    """Return a split of the benchmark; nothing is drawn until a video is used.

    Args:
        split: "train", "val" or "test"; their videos never coincide, whatever the seeds.
        root: not used, there are no files; every data set takes it.
        videos: number of videos; None for 4000, 60 and 200. Video i is the same whatever the number.
        frames: frames a video, at least 2; None for 60. Another number gives other videos.
        seed: seed of the split, >= 0.
        part: "standard" or "language_critical" for one part alone, None for both.
        critical_share: share of language-critical videos where `part` is None, in [0, 1].
        size: width and height of the frames in pixels, at least 64 each; objects grow with it.
        captions: None for sentences that are true of the video; "rules" for captions of colour, shape and motion in
            their place. The videos are the same.
        caption_errors: share of the captions' colours, shapes and motions that are wrong, in [0, 1].

    Raises:
        DataError: an option out of range; all of them at once.
    """
    del root
    videos = _VIDEOS.get(split, 1) if videos is None else videos
    frames = _FRAMES if frames is None else frames
    size = (int(size[0]), int(size[1]))
    options: dict[str, Any] = {"videos": videos, "frames": frames, "seed": seed}
    options |= {"part": part, "critical_share": critical_share, "size": size}
    captioned: dict[str, Any] = {"captions": captions, "caption_errors": caption_errors}
    problems = check(split, **options, **captioned)
    if problems:
        raise DataError([replace(item, where=f"synthetic.{item.where}") for item in problems])
    said = {} if captions is None else captioned
    text = json.dumps({"synthetic": _VERSION, "split": split, **options, **said}, sort_keys=True)
    built = SyntheticVideos(split, **options, **captioned)
    return Dataset("synthetic", split, built, hashlib.sha256(text.encode()).hexdigest())
