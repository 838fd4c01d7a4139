"""ImageNet VID: `{Data,Annotations}/VID/train/<part>/<video>/%06d.{JPEG,xml}`; each track id of a video is a target."""

from __future__ import annotations

from pathlib import Path

from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.tables import TableBuilder, leaf_folders, load_table, read_folders, read_xml

__all__ = ["load"]


Tracks = dict[str, tuple[list[str], list[float]]]


def load(split: str, *, root: Path, occluded: bool = True, index: bool = True) -> Dataset:
    """Load ImageNet VID, a target for each track id of a video, named `<video folder>-<track id>`.

    A target's frames are those in which its track has a box: the gaps between are no part of it. Corners on disk are
    0-based and both belong to the box. Nothing has a sentence.

    Args:
        split: "train" or "val".
        root: the data root.
        occluded: keep the boxes that are marked as occluded.
        index: keep what is read of the annotations in the cache folder, for the next load. The index is made anew when
            a folder of annotations changes; the text of an XML file can change unnoticed.

    Raises:
        DataError: whatever is wrong with the annotations, all at once.
    """
    base = dataset_folder(root, "imagenet_vid")
    top = dataset_folder(root, "imagenet_vid", f"Annotations/VID/{split}")
    folders = leaf_folders(top)
    data = base / "Data" / "VID" / split
    options = f"{data} {occluded}"
    return load_table(
        "imagenet_vid", split, folders, lambda: _read(top, folders, data, occluded), options=options, index=index
    )


def _read(top: Path, folders: list[Path], data: Path, occluded: bool) -> TableBuilder:
    table = TableBuilder("imagenet_vid", data)
    hidden = 0
    for folder, (tracks, dropped) in read_folders(folders, lambda folder: _tracks(folder, occluded)):
        hidden += dropped
        video = folder.relative_to(top).as_posix()
        for track, (files, boxes) in sorted(tracks.items(), key=lambda item: (len(item[0]), item[0])):
            table.add(f"{video}-{track}", video, files, boxes)
    if hidden:
        table.skip("boxes marked as occluded", hidden)
    return table


def _tracks(folder: Path, occluded: bool) -> tuple[Tracks, int]:
    tracks: Tracks = {}
    dropped = 0
    for path in sorted(folder.glob("*.xml")):
        for track, hidden, box in read_xml(path):
            if hidden and not occluded:
                dropped += 1
                continue
            files, boxes = tracks.setdefault(track, ([], []))
            files.append(f"{path.stem}.JPEG")
            boxes.extend(box)
    return tracks, dropped
