"""OTB99-LANG: `OTB_videos/<Seq>/{img/*.jpg, groundtruth_rect*.txt}` and `OTB_query_{train,test}/<Seq>.txt`."""

from __future__ import annotations

import logging
from pathlib import Path

from asymnas.tracking.data.readers._annotations import read_sentence
from asymnas.tracking.data.readers._otb import read_target
from asymnas.tracking.data.readers.folders import dataset_folder, find_folder
from asymnas.tracking.data.readers.reader import Index, Reader, VideoFiles
from asymnas.tracking.data.registry import dataset_info

__all__ = ["READER", "check", "load"]

log = logging.getLogger("asymnas.tracking.data")


def _index(root: Path, split: str) -> Index:
    """List the query files of a split; see `_otb.read_target` for boxes, ranges and videos with several targets.

    Without `OTB_videos` the videos of OTB-100 in the same data root are taken, which the authors of SNLT advise.
    """
    base = dataset_folder(root, "otb99_lang")
    if not (base / "OTB_videos").is_dir() and (base / "OTB_sentences").is_dir():
        base = base / "OTB_sentences"
    queries = find_folder(base, (f"OTB_query_{split}",), dataset_info("otb99_lang").layout)
    videos = base / "OTB_videos"
    other = next((root / name for name in dataset_info("otb100").folders if (root / name).is_dir()), None)
    if not videos.is_dir() and other is not None:
        log.warning("%s is not there: the videos of %s are taken", videos, other)
        videos = other

    def read(name: str) -> VideoFiles:
        query = queries / f"{name}.txt"
        return read_target(videos, name, str(query), read_sentence(query))

    return Index(sorted(path.stem for path in queries.glob("*.txt")), read, queries)


READER = Reader(name="otb99_lang", index=_index)
load, check = READER.load, READER.check
