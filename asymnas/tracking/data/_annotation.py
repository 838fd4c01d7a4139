"""Annotations without frames: what a protocol needs of a video to score a tracker on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._otb_names import otb_aliases
from asymnas.tracking.data._registry import data_root, dataset_info, load_dataset
from asymnas.tracking.data._video import Video

__all__ = ["Annotation", "AnnotationSet", "annotation_of", "evaluation_split", "load_annotations", "require_boxes"]


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
        size: (width, height) of the frames in pixels; None where the annotation does not tell.
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
        notes: what was found, assumed or mended, in words.
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
    """Refuse videos of which only the first box is public.

    Args:
        videos: what is to be scored or trained on.
        purpose: what cannot be done with them, for the message.

    Raises:
        DataError: one problem for each server, with the number of its videos and an example.
    """
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


def evaluation_split(dataset: str) -> str:
    """Return the split that a benchmark evaluates on: val of GOT-10k, whose test boxes are not public, else test."""
    return "val" if dataset == "got10k" else "test"


def load_annotations(dataset: str, split: str | None = None, *, root: Path | str | None = None) -> AnnotationSet:
    """Load the annotations of a split; the frames need not be there.

    They are looked for in `root`: an archive or file, the folder it was unpacked to, the data set as downloaded, or a
    folder that holds one of these (the data root). Read are the toolkits' own forms and the data set as downloaded;
    where both are there, the toolkit's, for it is what a benchmark evaluates with. Archives may be .zip or .tar with
    any compression.

    - `lasot`, `lasot_ext`: `annos/{<video>.txt, absent/, att/, nlp/}` of the LaSOT evaluation toolkit.
    - `tnl2k`: `gt_rect/<video>.txt`, `absent/<video>.txt`, `att/<video>_attribute.txt` of the TNL2K toolkit, together
      or in archives of their own side by side. Boxes and flags of different length are cut to the shorter.
    - `otb100`, `otb99_lang`: a JSON of boxes, `{name: {gt_rect, ...}}`. From the boxes of OTB-100 `otb99_lang` takes
      its 48 test or 51 training videos, without sentences.
    - `trackingnet`: `<video>.txt` of the development kit, or `TEST/anno/`.
    - any of these: the JSON of pysot, `{name: {gt_rect, img_names, attr, absent, phrase, ...}}`, where `absent` is 1
      for visible frames.
    - every other registered data set through its own reader, which may need frames.

    Args:
        dataset: registered name.
        split: None for the split that the benchmark evaluates on: test, and val of GOT-10k.
        root: see above; None for the data root of the environment.

    Raises:
        DataError: no annotations are found, more than one archive could be meant, files are damaged; all at once.
    """
    dataset_info(dataset)  # an unknown name is told before an unknown place
    from asymnas.tracking.data.readers import _forms
    from asymnas.tracking.data.readers._build import Reader, check_split

    if not dataset_info(dataset).layout:  # made and not downloaded
        made = load_dataset(dataset, split or "test")
        return AnnotationSet(dataset, made.split, tuple(annotation_of(video) for video in made.videos), Path(dataset))
    place = data_root() if root is None else Path(root).expanduser()
    if not place.exists():
        rule = "the place of annotations must be an archive, a file or a folder"
        raise DataError(Problem("annotations", rule, f"'{place}'", "Mend the path."))
    split = split or evaluation_split(dataset)
    reader = getattr(dataset_info(dataset).load(), "__self__", None)
    if isinstance(reader, Reader):
        check_split(dataset, split, tuple(reader.videos))
    found = _forms.find(dataset, split, place.resolve())
    if found is not None:
        return found
    if isinstance(reader, Reader):
        return _forms.as_downloaded(reader, split, place.resolve())
    loaded = load_dataset(dataset, split, root=place)
    return AnnotationSet(dataset, split, tuple(annotation_of(video) for video in loaded.videos), place)
