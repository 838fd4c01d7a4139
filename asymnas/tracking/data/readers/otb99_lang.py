"""OTB99-LANG: `OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}` and `OTB_query_{train,test}/<Seq>.txt`."""

from __future__ import annotations

import logging
from pathlib import Path

from asymnas.tracking.data.readers._annotations import read_sentence
from asymnas.tracking.data.readers._build import Index, Reader, VideoFiles, find_folder
from asymnas.tracking.data.readers._otb import OTB100_FOLDERS, read_target

__all__ = ["READER", "check", "load"]

log = logging.getLogger("asymnas.tracking.data")

_LAYOUT = "OTB99-LANG/OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}, OTB99-LANG/OTB_query_{train,test}/<Seq>.txt"


def _index(root: Path, split: str) -> Index:
    """List the query files of a split; see `_otb.read_target` for boxes, ranges and videos with several targets.

    Without `OTB_videos` the videos of OTB-100 in the same data root are taken, which the authors of SNLT advise.
    """
    base = find_folder(root, ("OTB99-LANG", "OTB_sentences", "OTB99"), _LAYOUT)
    if not (base / "OTB_videos").is_dir() and (base / "OTB_sentences").is_dir():
        base = base / "OTB_sentences"
    queries = find_folder(base, (f"OTB_query_{split}",), _LAYOUT)
    videos = base / "OTB_videos"
    other = next((root / name for name in OTB100_FOLDERS if (root / name).is_dir()), None)
    if not videos.is_dir() and other is not None:
        log.warning("%s is not there: the videos of %s are taken", videos, other)
        videos = other

    def read(name: str) -> VideoFiles:
        query = queries / f"{name}.txt"
        return read_target(videos, name, str(query), read_sentence(query))

    return Index(sorted(path.stem for path in queries.glob("*.txt")), read, queries)


READER = Reader(name="otb99_lang", videos={"train": 51, "test": 48}, index=_index)
load, check = READER.load, READER.check
