"""COCO: `images/train2017/*.jpg` and `annotations/instances_train2017.json`; each object is a video of one frame."""

from __future__ import annotations

import json
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._video import Dataset
from asymnas.tracking.data.readers.folders import dataset_folder, find_folder
from asymnas.tracking.data.readers.tables import TableBuilder, load_table

__all__ = ["load"]


def load(split: str, *, root: Path, index: bool = True) -> Dataset:
    """Load the objects of COCO's images, each as a video of one frame named `<image>-<annotation id>`.

    Boxes are 0-based x, y, w, h as they are. Groups (`iscrowd`) and boxes without an area are left out. Nothing has a
    sentence. Images lie in `images/<split>` or `<split>`; they are not looked for before they are read. `index` keeps
    what is read of the annotations in the cache folder, for the next load.

    Raises:
        DataError: the annotations are missing or malformed.
    """
    base = dataset_folder(root, "coco")
    images = find_folder(base, (f"images/{split}", split), f"images/{split}")
    annotation = base / "annotations" / f"instances_{split}.json"
    if not annotation.is_file():
        rule = f"the split needs annotations/{annotation.name}"
        raise DataError(Problem(str(base), rule, "no such file", "Unpack COCO's annotations there."))
    return load_table("coco", split, [annotation], lambda: _read(annotation, images), options=str(images), index=index)


class _Objects:
    """Takes images and objects out of the JSON while it is parsed, so that outlines are never held together."""

    def __init__(self) -> None:
        self.files: dict[int, str] = {}
        self.image, self.id = array("q"), array("q")
        self.boxes = array("d")
        self.crowds = 0

    def __call__(self, item: dict[str, Any]) -> Any:
        if "bbox" in item and "image_id" in item:
            if item.get("iscrowd"):
                self.crowds += 1
            else:
                self.image.append(item["image_id"])
                self.id.append(item["id"])
                self.boxes.extend(_four(item["bbox"]))
            return None
        if "file_name" in item and "id" in item:
            self.files[item["id"]] = item["file_name"]
            return None
        return item if "images" in item or "annotations" in item else None


def _four(box: Any) -> list[float]:
    values = [float(value) for value in box]
    if len(values) != 4:
        raise ValueError(f"a bbox of {len(values)} numbers")
    return values


def _read(annotation: Path, images: Path) -> TableBuilder:
    objects = _Objects()
    rule = "must be COCO's instances in JSON: images with id and file_name, annotations with image_id and bbox"
    try:
        with annotation.open(encoding="utf-8") as file:
            json.load(file, object_hook=objects)
        unknown = next((number for number in objects.image if number not in objects.files), None)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(Problem(str(annotation), rule, str(error), "Restore the file.")) from None
    if unknown is not None:
        raise DataError(Problem(str(annotation), rule, f"an object of the unknown image {unknown}"))
    table = TableBuilder("coco", images, images=True)
    table.skip("groups (iscrowd)", objects.crowds)
    boxes = np.array(objects.boxes, dtype=np.float64).reshape(-1, 4)
    for row in np.lexsort((objects.id, objects.image)).tolist():
        if not (boxes[row, 2:] > 0).all():
            table.skip("boxes without an area")
            continue
        image = objects.files[objects.image[row]]
        table.add(f"{Path(image).stem}-{objects.id[row]}", "", [image], boxes[row], scene=image)
    return table
