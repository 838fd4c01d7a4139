"""OTB-100 (OTB-2015): `<Seq>/{img/*.jpg, groundtruth_rect*.txt}`, 98 videos with 100 targets, no sentences."""

from __future__ import annotations

import logging
from pathlib import Path

from asymnas.tracking.data.otb_names import OTB100
from asymnas.tracking.data.readers._otb import read_target
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.reader import Index, Reader

__all__ = ["READER", "check", "load"]

log = logging.getLogger("asymnas.tracking.data")


def _index(root: Path, split: str) -> Index:
    """List the targets whose folder is there, by their names in the benchmark; a warning counts the others."""
    base = dataset_folder(root, "otb100")
    there = {item.name for item in base.iterdir() if item.is_dir()}
    names = [name for name in OTB100 if name in there or name.partition("-")[0] in there]
    if 0 < len(names) < len(OTB100):
        lost = [name for name in OTB100 if name not in names]
        log.warning("%s: %d of %d targets are not there, such as %s", base, len(lost), len(OTB100), lost[0])
    return Index(names, lambda name: read_target(base, name, str(base)), base)


READER = Reader(name="otb100", index=_index)
load, check = READER.load, READER.check
