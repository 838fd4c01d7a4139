"""ImageNet VID, each track of a video a target, and DET, each object of an image a video of one frame."""

from __future__ import annotations

from pathlib import Path

from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.readers.folders import dataset_folder
from asymnas.tracking.data.readers.tables import TableBuilder, leaf_folders, load_table, read_folders, read_xml

__all__ = ["load_det", "load_vid"]

Tracks = dict[str, tuple[list[str], list[float]]]


def load_vid(split: str, *, root: Path, occluded: bool = True, index: bool = True) -> Dataset:
    """Load ImageNet VID, a target for each track id of a video, named `<video folder>-<track id>`.

    A target's frames are those in which its track has a box: the gaps between are no part of it. Corners on disk are
    0-based and both belong to the box. Nothing has a sentence. `occluded` keeps the boxes that are marked as occluded,
    `index` keeps what is read in the cache folder, for the next load: it is made anew when a folder of annotations
    changes, but not when the text of an XML file does.

    Raises:
        DataError: whatever is wrong with the annotations, all at once.
    """
    base = dataset_folder(root, "imagenet_vid")
    top = dataset_folder(root, "imagenet_vid", f"Annotations/VID/{split}")
    folders = leaf_folders(top)
    data = base / "Data" / "VID" / split
    options = f"{data} {occluded}"
    return load_table(
        "imagenet_vid", split, folders, lambda: _read_vid(top, folders, data, occluded), options=options, index=index
    )


def _read_vid(top: Path, folders: list[Path], data: Path, occluded: bool) -> TableBuilder:
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


def load_det(split: str, *, root: Path, index: bool = True) -> Dataset:
    """Load the objects of ImageNet DET's images, each as a video of one frame named `<image>-<number in its file>`.

    All folders below the split are read: ILSVRC2013_train with a folder a class, and the parts of 2014. Boxes,
    sentences and `index` are as in `load_vid`.

    Raises:
        DataError: whatever is wrong with the annotations, all at once.
    """
    base = dataset_folder(root, "imagenet_det")
    top = dataset_folder(root, "imagenet_det", f"Annotations/DET/{split}")
    folders = leaf_folders(top)
    data = base / "Data" / "DET" / split
    return load_table(
        "imagenet_det", split, folders, lambda: _read_det(top, folders, data), options=str(data), index=index
    )


def _read_det(top: Path, folders: list[Path], data: Path) -> TableBuilder:
    table = TableBuilder("imagenet_det", data, images=True)
    for folder, images in read_folders(folders, _images):
        place = folder.relative_to(top).as_posix()
        prefix = "" if place == "." else f"{place}/"
        for stem, boxes in images:
            for number, box in enumerate(boxes):
                if box[2] <= 0 or box[3] <= 0:
                    table.skip("boxes without an area")
                    continue
                image = f"{prefix}{stem}"
                table.add(f"{image}-{number}", place, [f"{stem}.JPEG"], box, scene=image)
    return table


def _images(folder: Path) -> list[tuple[str, list[tuple[float, float, float, float]]]]:
    return [(path.stem, [box for _, _, box in read_xml(path)]) for path in sorted(folder.glob("*.xml"))]
