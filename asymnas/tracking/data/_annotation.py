"""Annotations without frames: what a protocol needs of a video to score a tracker on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._video import Video
from asymnas.tracking.data.otb_names import otb_aliases

__all__ = ["Annotation", "AnnotationSet", "annotation_of", "require_boxes"]


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """What is known of one target in one video, without its frames.

    Args:
        name: the video's name.
        boxes: (n, 4) float64, x, y, w, h in pixels, 0-based. Rows of absent frames may be anything finite.
        absent: (n,) bool, True where the benchmark says that the target is not visible.
        sentence: the description of the target, None when there is none.
        attributes: flags of the video.
        cover: (n,) int, visible share of the target in eighths, 0..8 (GOT-10k); None where the set has none.
        size: (width, height) of the frames in pixels; None where the annotation does not say.
        server: the evaluation server that alone knows the boxes after the first; "" where all boxes are known.
        aliases: other names of the video in results and copies of the benchmark, e.g. `Human4-2` for `Human4`.
    """

    name: str
    boxes: np.ndarray
    absent: np.ndarray
    sentence: str | None = None
    attributes: frozenset[str] = frozenset()
    cover: np.ndarray | None = None
    size: tuple[int, int] | None = None
    server: str = ""
    aliases: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True, eq=False)
class AnnotationSet:
    """The annotations of one split.

    Args:
        dataset: registered name of the data set.
        split: its split.
        annotations: one a video, in the benchmark's order.
        source: the archive, file or folder they were read from.
        notes: what was found, assumed or corrected, in words.
    """

    dataset: str
    split: str
    annotations: tuple[Annotation, ...]
    source: Path
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.annotations)

    def __iter__(self) -> Iterator[Annotation]:
        return iter(self.annotations)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the videos."""
        return tuple(annotation.name for annotation in self.annotations)

    @property
    def frames(self) -> int:
        """The number of frames of all videos."""
        return sum(len(annotation) for annotation in self.annotations)


def annotation_of(video: Video) -> Annotation:
    """Return the annotation of a loaded video; the arrays are shared."""
    return Annotation(
        name=video.name,
        boxes=video.boxes,
        absent=video.absent,
        sentence=video.sentence,
        attributes=video.attributes,
        cover=video.cover,
        size=video.size,
        server=video.server,
        aliases=otb_aliases(video.name) if video.dataset in ("otb99_lang", "otb100") else (),
    )


def require_boxes(videos: Iterable[Video | Annotation], purpose: str = "scored here") -> None:
    """Raise `DataError` for videos of which only the first box is public; they cannot be `purpose`."""
    found: dict[str, list[str]] = {}
    for video in videos:
        if video.server:
            found.setdefault(video.server, []).append(video.name)
    problems = [
        Problem(
            f"'{names[0]}'" + (f" and {len(names) - 1} more" if len(names) > 1 else ""),
            f"videos of which only the first box is public cannot be {purpose}",
            "",
            f"Write the results for {server} and submit them there, or use a split with all boxes.",
        )
        for server, names in found.items()
    ]
    if problems:
        raise DataError(problems)
