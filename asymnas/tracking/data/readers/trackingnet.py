"""TrackingNet: `TRAIN_0` to `TRAIN_11` and `TEST`, each `{anno/<video>.txt, frames/<video>/<k>.jpg}`."""

from __future__ import annotations

import logging
from pathlib import Path

from asymnas.core.errors import Problem
from asymnas.tracking.data.readers._annotations import read_boxes
from asymnas.tracking.data.readers.folders import NotThere, dataset_folder
from asymnas.tracking.data.readers.reader import Index, Reader, VideoFiles
from asymnas.tracking.data.registry import dataset_info

__all__ = ["READER", "check", "load"]

log = logging.getLogger("asymnas.tracking.data")

_CHUNKS = 12


def _index(root: Path, split: str) -> Index:
    """List the annotation files of the chunks that are there, or of the test split.

    Boxes are used as they are, frames are sorted by number. `TEST` has the first box only (`Video.server`): it can be
    tracked, but not scored here or trained on. There are no sentences.
    """
    base = dataset_folder(root, "trackingnet")
    wanted = ["TEST"] if split == "test" else [f"TRAIN_{number}" for number in range(_CHUNKS)]
    chunks = [name for name in wanted if (base / name / "anno").is_dir()]
    if not chunks:
        found = ", ".join(sorted(item.name for item in base.iterdir() if item.is_dir())[:8]) or "no folder"
        rule = f"split '{split}' needs {wanted[0]}/anno" + (" or another chunk's" if split == "train" else "")
        raise NotThere(Problem(str(base), rule, found, "Unpack the benchmark there."))
    if len(chunks) < len(wanted):
        log.warning("%s: %d of %d chunks are there: %s", base, len(chunks), len(wanted), ", ".join(chunks))
    places = {path.stem: base / chunk for chunk in chunks for path in sorted((base / chunk / "anno").glob("*.txt"))}
    return Index(list(places), lambda name: _read(places[name], name, split == "test"), base)


def _read(chunk: Path, name: str, test: bool) -> VideoFiles:
    annotation = chunk / "anno" / f"{name}.txt"
    boxes, missing = read_boxes(annotation, one_based=False)
    server = dataset_info("trackingnet").server if test and len(boxes) == 1 else ""
    return VideoFiles(name, annotation, chunk / "frames" / name, boxes, (missing,), server=server)


READER = Reader(name="trackingnet", index=_index)
load, check = READER.load, READER.check
