"""Crops of 511 px as pysot, SiamCAR and SOTS train on: `crop511/<video>/%06d.<track>.x.jpg` and `train.json`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.readers.tables import TableBuilder, load_table

__all__ = ["load"]

_LAYOUT = "<folder>/{crop511/<video>/%06d.<track>.x.jpg, train.json}"
_PHRASE = "phrase"
_EXEMPLAR = 127
_NORMALISED = 2.0
"""Corners of pixel boxes in a whole file are never all below this; shares of an image are."""


def load(split: str, *, root: Path, folder: str = "", aspect: float | None = None, index: bool = True) -> Dataset:
    """Load a set of crops around targets, a target for each track of a video, named `<video>-<track>`.

    The JSON is {video: {track: {frame: [x1, y1, x2, y2] or [w, h]}}}, and may hold a video's sentence, a text or a list
    of which the first that is not blank counts, under `phrase` beside its tracks. Boxes are those of the whole image:
    of them the size alone is used. A crop shows its target in the middle, at the scale at which its context (half of
    the mean side on each side) takes 127 px; so the box in the crop is w, h times 127 / sqrt((w + p)(h + p)),
    p = (w + h) / 2, around (255, 255), as in pysot. Boxes without an area are left out.

    Args:
        split: name of the JSON file without `.json`: "train", "val".
        root: the data root.
        folder: the set's folder below the data root, e.g. "lasot", "yt_bb".
        aspect: width / height of the images where boxes are shares of them (YouTube-BB's, although its crops were cut
            in pixels), e.g. 1.7778; 1 takes the boxes as they are, which is what pysot does.
        index: keep what is read of the JSON in the cache folder, for the next load.

    Raises:
        DataError: `folder` is missing or holds no such set, the JSON is malformed, or `aspect` does not fit its boxes.
    """
    base = root / folder
    annotation = base / f"{split}.json"
    problems = []
    if not folder:
        known = ", ".join(sorted(path.parent.name for path in root.glob("*/crop511")))
        way_out = f"The data root has: {known}." if known else f"The data root has none; the layout is {_LAYOUT}."
        problems.append(Problem("crop511", "option `folder` must name the set's folder", "none", way_out))
    elif not os.path.isdir(base / "crop511") or not os.path.isfile(annotation):  # a name too long is not there
        value = f"no {annotation.name} beside a folder crop511"
        problems.append(Problem(str(base), f"must hold {_LAYOUT}", value, "Correct `folder` or `split`."))
    if aspect is not None and not aspect > 0:
        problems.append(Problem("crop511", "option `aspect` must be above 0", str(aspect)))
    if problems:
        raise DataError(problems)
    name = f"crop511/{Path(folder).name}"
    return load_table(
        name, split, [annotation], lambda: _read(name, base, annotation, aspect), options=f"{aspect}", index=index
    )


def _read(name: str, base: Path, annotation: Path, aspect: float | None) -> TableBuilder:
    videos = _parsed(annotation)
    tracks = [(video, key, item) for video, parts in videos.items() for key, item in parts.items() if key != _PHRASE]
    highest = max((item.highest for _, _, item in tracks if len(item.frames)), default=_NORMALISED)
    _check_aspect(annotation, highest < _NORMALISED, aspect)
    table = TableBuilder(name, base / "crop511")
    for video, key, item in tracks:
        kept = (item.sizes > 0).all(axis=1)
        table.skip("boxes without an area", int((~kept).sum()))
        if not kept.any():
            continue
        order = np.argsort(item.frames[kept], kind="stable")
        frames, sizes = item.frames[kept][order], item.sizes[kept][order]
        files = [f"{frame:06d}.{key}.x.jpg" for frame in frames.tolist()]
        sentence = _sentence(videos[video].get(_PHRASE))
        table.add(f"{video}-{key}", video, files, _in_crop(sizes, aspect or 1.0), sentence=sentence)
    return table


def _check_aspect(annotation: Path, normalised: bool, aspect: float | None) -> None:
    if normalised and aspect is None:
        rule = "its boxes are shares of the image, but its crops were cut in pixels: the images' aspect must be given"
        way_out = "Set option `aspect: 1.7778` (16:9, as most of YouTube-BB), or `aspect: 1` for pysot's reading."
        raise DataError(Problem(str(annotation), rule, "no `aspect`", way_out))
    if not normalised and aspect is not None:
        raise DataError(Problem(str(annotation), "its boxes are pixels, so `aspect` must be left out", str(aspect)))


def _in_crop(sizes: np.ndarray, aspect: float) -> np.ndarray:
    """Boxes (n, 4) x, y, w, h in a crop of 511 px of targets of sizes (n, 2) in the image."""
    size = sizes * np.array([aspect, 1.0])
    context = size.sum(axis=1, keepdims=True) / 2
    size = size * _EXEMPLAR / np.sqrt((size + context).prod(axis=1, keepdims=True))
    return np.concatenate([511 // 2 - size / 2, size], axis=1)


def _sentence(phrase: Any) -> str | None:
    texts = phrase if isinstance(phrase, list) else [phrase]
    return next((" ".join(text.split()) for text in texts if isinstance(text, str) and text.strip()), None)


class _Track:
    """The frame numbers (n,) and sizes (n, 2) of one track."""

    def __init__(self, boxes: list[tuple[str, list[float]]]) -> None:
        self.frames = np.array([int(frame) for frame, _ in boxes], dtype=np.int64)
        rows = [_four(box) for _, box in boxes]
        values = np.array(rows, dtype=np.float64)
        self.sizes = values[:, 2:] - values[:, :2]
        self.highest = float(values.max())


def _four(box: list[float]) -> list[float]:
    if len(box) == 2:
        return [0.0, 0.0, *box]
    if len(box) != 4:
        raise ValueError(f"a box of {len(box)} numbers")
    return box


def _compact(pairs: list[tuple[str, Any]]) -> Any:
    """Turn the frames of a track into arrays while the file is parsed: lists of millions of boxes take gigabytes."""
    boxes = [(key, value) for key, value in pairs if key.isdecimal() and isinstance(value, list)]
    return _Track(boxes) if boxes else dict(pairs)


def _parsed(annotation: Path) -> dict[str, dict[str, Any]]:
    rule = "must be JSON: {video: {track: {frame: [x1, y1, x2, y2] or [w, h]}, phrase: text}}"
    try:
        with annotation.open(encoding="utf-8") as file:
            videos = json.load(file, object_pairs_hook=_compact)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(Problem(str(annotation), rule, str(error), "Restore the file.")) from None
    wrong = None if isinstance(videos, dict) else "no mapping of videos"
    for video, parts in videos.items() if wrong is None else ():
        if not isinstance(parts, dict):
            wrong = f"video '{video}' without tracks"
            break
        empty = [key for key, item in parts.items() if key != _PHRASE and isinstance(item, dict) and not item]
        for key in empty:
            del parts[key]
        other = [key for key, item in parts.items() if key != _PHRASE and not isinstance(item, _Track)]
        if other:
            wrong = f"'{other[0]}' of video '{video}'"
            break
    if wrong is not None:
        raise DataError(Problem(str(annotation), rule, wrong, "Restore the file."))
    return videos
