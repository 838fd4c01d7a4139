"""Readers of training sets over their layouts, made small."""

from __future__ import annotations

import json
import logging
import math
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.tracking.data import (
    Dataset,
    check,
    check_dataset,
    dataset_info,
    find_video,
    load_dataset,
    splits_to_check,
)
from asymnas.tracking.data.readers import tables


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ASYMNAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "index"


def image(path: Path, level: int = 90, size: tuple[int, int] = (64, 48)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path.with_suffix(".jpg")), np.full((size[1], size[0], 3), level, np.uint8))
    path.with_suffix(".jpg").rename(path)


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def names(dataset: Dataset) -> list[str]:
    return [video.name for video in dataset.videos]


def coco(root: Path, year: str = "2017") -> Path:
    for number in (9, 25):
        image(root / f"COCO/images/train{year}/{number:012d}.jpg", number)
    outline = {"segmentation": [[1, 2, 3, 4, 5, 6]], "area": 9.5, "category_id": 1}
    things = [
        {"id": 7, "image_id": 25, "bbox": [1.5, 2.25, 10, 12.125], "iscrowd": 0, **outline},
        {"id": 5, "image_id": 9, "bbox": [3, 4, 20, 8], "iscrowd": 0, **outline},
        {"id": 4, "image_id": 9, "bbox": [0, 0, 60, 40], "iscrowd": 1, "segmentation": {"counts": [1], "size": [4, 4]}},
        {"id": 6, "image_id": 9, "bbox": [3, 4, 0, 8], "iscrowd": 0, **outline},
        {"id": 3, "image_id": 9, "bbox": [30, 5, 9, 9], "iscrowd": 0, **outline},
    ]
    images = [{"id": number, "file_name": f"{number:012d}.jpg", "width": 64, "height": 48} for number in (25, 9)]
    whole = {"info": {"year": 2017}, "images": images, "annotations": things, "categories": [{"id": 1, "name": "cat"}]}
    return text(root / f"COCO/annotations/instances_train{year}.json", json.dumps(whole))


def xml(path: Path, objects: list[tuple[str, tuple[int, int, int, int], int]]) -> None:
    body = "".join(
        f"<object>{f'<trackid>{track}</trackid>' if track else ''}<name>n0</name><bndbox><xmax>{box[2]}</xmax>"
        f"<xmin>{box[0]}</xmin><ymax>{box[3]}</ymax><ymin>{box[1]}</ymin></bndbox><occluded>{hidden}</occluded></object>"
        for track, box, hidden in objects
    )
    text(path, f"<annotation><folder>x</folder><size><width>64</width><height>48</height></size>{body}</annotation>")


def vid(root: Path) -> Path:
    part = "ILSVRC2015_VID_train_0000"
    for video, count in (("ILSVRC2015_train_00000000", 4), ("ILSVRC2015_train_00010001", 2)):
        for frame in range(count):
            image(root / f"ILSVRC2015/Data/VID/train/{part}/{video}/{frame:06d}.JPEG", 10 * frame)
            objects = [("0", (frame, 2, frame + 9, 11), 0)]
            if video.endswith("0") and frame != 1:
                objects.append(("1", (20, 10, 29, 29), int(frame == 3)))
            xml(root / f"ILSVRC2015/Annotations/VID/train/{part}/{video}/{frame:06d}.xml", objects)
    return root / "ILSVRC2015/Annotations/VID/train" / part


def det(root: Path) -> None:
    for stem in ("ILSVRC2013_train/n01443537/n01443537_10007", "ILSVRC2014_train_0000/ILSVRC2014_train_00000005"):
        image(root / f"ILSVRC/Data/DET/train/{stem}.JPEG")
        xml(root / f"ILSVRC/Annotations/DET/train/{stem}.xml", [("", (0, 5, 63, 14), 0), ("", (7, 8, 10, 20), 0)])
    xml(root / "ILSVRC/Annotations/DET/train/ILSVRC2013_train/n01443537/n01443537_2.xml", [])


LINES = """\
AAAAAAAAAAA,3000,0,person,0,present,0.25,0.5,0.125,0.625
AAAAAAAAAAA,1000,0,person,0,present,0.0,0.5,0.25,0.75
AAAAAAAAAAA,2000,0,person,0,absent,-1.0,-1.0,-1.0,-1.0
AAAAAAAAAAA,1000,0,person,1,present,0.5,1.0,0.5,1.0
BBBBBBBBBBB,5000,22,toilet,0,present,0.5,0.75,0.5,0.75
BBBBBBBBBBB,6000,22,toilet,0,present,0.75,0.5,0.5,0.75
CCCCCCCCCCC,5000,22,toilet,0,present,0.5,0.75,0.5,0.75
"""


def youtube(root: Path) -> Path:
    base = root / "yt_bb"
    for name in ("0/AAAAAAAAAAA_1000_0_0", "0/AAAAAAAAAAA_3000_0_0", "0/AAAAAAAAAAA_1000_0_1"):
        image(base / f"yt_bb_detection_train/{name}.jpg", size=(160, 80))
    image(base / "yt_bb_detection_train/22/BBBBBBBBBBB_5000_22_0.jpg", size=(40, 40))
    return text(base / "yt_bb_detection_train.csv", LINES)


def test_coco_objects_are_videos_of_one_frame(tmp_path, caplog):
    coco(tmp_path)
    found = load_dataset("coco", "train2017", root=tmp_path)
    assert names(found) == ["000000000009-3", "000000000009-5", "000000000025-7"]
    last = found.videos[2]
    assert last.boxes.tolist() == [[1.5, 2.25, 10, 12.125]] and not last.absent.any() and last.sentence is None
    assert last.frame(0).shape == (48, 64, 3) and abs(int(last.frame(0).mean()) - 25) < 3
    assert "1 left out: groups" in caplog.text and "1 left out: boxes without" in caplog.text
    scenes = [video.frames.scene_id for video in found.videos]
    assert scenes[0] == scenes[1] != scenes[2]


def test_vid_tracks_skip_the_frames_without_them(tmp_path):
    vid(tmp_path)
    found = load_dataset("imagenet_vid", "train", root=tmp_path)
    part = "ILSVRC2015_VID_train_0000"
    assert names(found) == [
        f"{part}/ILSVRC2015_train_00000000-0",
        f"{part}/ILSVRC2015_train_00000000-1",
        f"{part}/ILSVRC2015_train_00010001-0",
    ]
    second = found.videos[1]
    assert second.boxes.tolist() == [[20, 10, 10, 20]] * 3  # both corners belong to the box
    assert [second.frames.path(i).name for i in range(3)] == ["000000.JPEG", "000002.JPEG", "000003.JPEG"]
    assert abs(int(second.frame(1).mean()) - 20) < 3
    open_only = load_dataset("imagenet_vid", "train", root=tmp_path, occluded=False)
    assert [len(video) for video in open_only.videos] == [4, 2, 2]


def test_det_reads_every_folder(tmp_path):
    det(tmp_path)
    found = load_dataset("imagenet_det", "train", root=tmp_path)
    first, other = "ILSVRC2013_train/n01443537/n01443537_10007", "ILSVRC2014_train_0000/ILSVRC2014_train_00000005"
    assert names(found) == [f"{first}-0", f"{first}-1", f"{other}-0", f"{other}-1"]
    assert found.videos[2].boxes.tolist() == [[0, 5, 64, 10]]
    assert all(video.frame(0).shape == (48, 64, 3) for video in found.videos)


def test_youtube_bb_lines_are_x_x_y_y_shares(tmp_path, caplog):
    youtube(tmp_path)
    found = load_dataset("youtube_bb", "train", root=tmp_path)
    assert names(found) == ["AAAAAAAAAAA-0-0", "AAAAAAAAAAA-0-1", "BBBBBBBBBBB-22-0"]
    assert found.videos[0].boxes.tolist() == [[0, 20, 80, 40], [40, 10, 40, 40]]  # 160 x 80 px, in order of time
    assert found.videos[2].boxes.tolist() == [[20, 20, 10, 10]]
    assert found.videos[0].frames.scene_id == found.videos[0].frames.scene_id
    for reason in ("1 left out: lines whose object", "1 left out: lines without a box", "1 left out: frames that are"):
        assert reason in caplog.text
    with pytest.raises(DataError, match="youtube_id"):
        load_dataset("youtube_bb", "train", root=tmp_path, files="{youtube}/{timestamp_ms}.jpg")


def crops(root: Path, folder: str, videos: dict, split: str = "train") -> Path:
    for video, parts in videos.items():
        for track, frames in parts.items():
            for frame in frames if track != "phrase" else ():
                image(root / folder / "crop511" / video / f"{frame}.{track}.x.jpg", 77, (511, 511))
    return text(root / folder / f"{split}.json", json.dumps(videos))


def test_crops_show_their_target_in_the_middle(tmp_path, caplog):
    videos = {
        "airplane-1": {
            "00": {"000002": [10, 20, 50, 40], "000000": [10, 20, 20, 60], "000001": [5, 5, 5, 9]},
            "phrase": ["  ", "white  airplane"],
        },
        "b/cat": {"00": {"000000": [30, 40]}, "01": {"000003": [8.5, 8.5]}, "phrase": ""},
    }
    crops(tmp_path, "lasot", videos)
    found = load_dataset("crop511", "train", root=tmp_path, folder="lasot")
    assert names(found) == ["airplane-1-00", "b/cat-00", "b/cat-01"]
    assert [video.sentence for video in found.videos] == ["white airplane", None, None]
    airplane = found.videos[0]
    assert len(airplane) == 2 and "1 left out" in caplog.text
    for box, (w, h) in zip(airplane.boxes, ((10, 40), (40, 20)), strict=True):
        scale = 127 / math.sqrt((w + (w + h) / 2) * (h + (w + h) / 2))
        assert np.allclose(box, [255 - w * scale / 2, 255 - h * scale / 2, w * scale, h * scale])
    assert airplane.frame(1).shape == (511, 511, 3)
    assert found.videos[1].frames.scene_id == found.videos[2].frames.scene_id
    assert airplane.dataset == found.name == "crop511/lasot"


def test_normalised_crops_need_the_aspect_of_their_images(tmp_path):
    crops(tmp_path, "yt_bb", {"train/0/A": {"00": {"000001": [0.25, 0.25, 0.5, 0.75]}}})
    with pytest.raises(DataError, match=r"aspect: 1\.7778"):
        load_dataset("crop511", "train", root=tmp_path, folder="yt_bb")
    flat = load_dataset("crop511", "train", root=tmp_path, folder="yt_bb", aspect=1.0).videos[0].boxes[0]
    wide = load_dataset("crop511", "train", root=tmp_path, folder="yt_bb", aspect=2.0).videos[0].boxes[0]
    assert flat[3] / flat[2] == pytest.approx(2) and wide[2:] == pytest.approx([127 / 2, 127 / 2])
    crops(tmp_path, "vid", {"a": {"00": {"000001": [1, 2, 30, 40]}}})
    with pytest.raises(DataError, match="must be left out"):
        load_dataset("crop511", "train", root=tmp_path, folder="vid", aspect=1.0)
    with pytest.raises(DataError, match=r"must name the set's folder.*The data root has: vid, yt_bb"):
        load_dataset("crop511", "train", root=tmp_path)


@pytest.mark.parametrize(
    ("make", "name", "split"),
    [
        (coco, "coco", "train2017"),
        (vid, "imagenet_vid", "train"),
        (det, "imagenet_det", "train"),
        (youtube, "youtube_bb", "train"),
    ],
)
def test_an_index_gives_what_the_annotations_give(tmp_path, cache, make, name, split, caplog):
    make(tmp_path)
    caplog.set_level(logging.INFO, "asymnas.tracking.data")
    plain = load_dataset(name, split, root=tmp_path, index=False)
    assert not cache.exists()
    first = load_dataset(name, split, root=tmp_path)
    assert caplog.text.count("once; the index goes to") == 1
    again = load_dataset(name, split, root=tmp_path)
    assert caplog.text.count("once; the index goes to") == 1 and len(list(cache.iterdir())) == 1
    assert isinstance(again.videos.table.boxes, np.memmap)
    assert plain.fingerprint == first.fingerprint == again.fingerprint
    for one, other in zip(plain.videos, again.videos, strict=True):
        assert one.name == other.name and np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.frame(0), other.frame(0))


def test_an_index_follows_its_annotations(tmp_path, cache, caplog):
    annotation = coco(tmp_path)
    before = load_dataset("coco", "train2017", root=tmp_path)
    annotation.write_text(annotation.read_text().replace("12.125", "13.125"))
    after = load_dataset("coco", "train2017", root=tmp_path)
    assert after.videos[2].boxes[0, 3] == 13.125 and before.fingerprint != after.fingerprint
    for folder in cache.iterdir():
        (folder / "boxes.npy").write_bytes(b"torn")
    caplog.clear()
    assert load_dataset("coco", "train2017", root=tmp_path).fingerprint == after.fingerprint
    assert "made anew" in caplog.text
    caplog.clear()
    load_dataset("coco", "train2017", root=tmp_path)
    assert "made anew" not in caplog.text


def test_an_index_that_cannot_be_kept_is_said(tmp_path, monkeypatch, caplog):
    coco(tmp_path)
    monkeypatch.setenv("ASYMNAS_CACHE", str(text(tmp_path / "file", "in the way")))
    assert len(load_dataset("coco", "train2017", root=tmp_path)) == 3
    assert "cannot be kept" in caplog.text


def test_parts_of_lazy_sets_stay_lazy(tmp_path):
    vid(tmp_path)
    whole = load_dataset("imagenet_vid", "train", root=tmp_path)
    part = load_dataset("imagenet_vid", "train", root=tmp_path, videos=2, frames=2)
    assert type(part.videos) is type(whole.videos) and len(part) == 2
    assert [len(video) for video in part.videos] == [2, 2] and part.fingerprint != whole.fingerprint
    assert names(whole)[1:] == [video.name for video in whole.videos[1:]]
    with pytest.raises(IndexError):
        whole.videos[0].frames[4]


def test_broken_annotations_and_frames_are_named(tmp_path):
    annotations = vid(tmp_path)
    text(annotations / "ILSVRC2015_train_00010001/000001.xml", "<annotation><object>")
    text(annotations / "ILSVRC2015_train_00000000/000000.xml", "<annotation><object></object></annotation>")
    with pytest.raises(DataError) as caught:
        load_dataset("imagenet_vid", "train", root=tmp_path)
    told = str(caught.value)
    assert "00010001/000001.xml" in told and "00000000/000000.xml" in told and "no bndbox/xmin" in told
    det(tmp_path)
    found = load_dataset("imagenet_det", "train", root=tmp_path)
    found.videos[0].frames.path(0).unlink()
    with pytest.raises(DataError, match=r"n01443537_10007.JPEG \(video 'ILSVRC2013_train.*-0'\): the frame is missing"):
        found.videos[0].frame(0)
    line = youtube(tmp_path)
    line.write_text(LINES + "AAAAAAAAAAA,1000,0,person\n")
    with pytest.raises(DataError, match=r"yt_bb_detection_train.csv:8.*4 values"):
        load_dataset("youtube_bb", "train", root=tmp_path)
    for name, content in (("crop", "[1]"), ("deep", '{"a": {"00": {"000001": [1, 2, 3]}}}')):
        (tmp_path / name / "crop511").mkdir(parents=True)
        text(tmp_path / name / "train.json", content)
        with pytest.raises(DataError, match="must be JSON"):
            load_dataset("crop511", "train", root=tmp_path, folder=name)


def test_a_missing_set_tells_its_layout(tmp_path):
    sets = {"coco": "train2017", "imagenet_vid": "val", "imagenet_det": "val", "youtube_bb": "train"}
    for name, split in sets.items():
        with pytest.raises(DataError, match="the data root must hold"):
            load_dataset(name, split, root=tmp_path)
        assert dataset_info(name).layout
    with pytest.raises(DataError, match="train2017"):
        load_dataset("coco", "train2071", root=tmp_path)


def test_the_check_looks_at_each_image_once(tmp_path, monkeypatch):
    coco(tmp_path)
    found = check_dataset("coco", "train2017", tmp_path)
    assert (found.videos, found.frames, found.decoded, found.defects) == (3, 3, 2, ())  # two objects share an image
    assert not found.language and found.without_sentence == () and found.where.endswith("COCO/images/train2017")
    (tmp_path / "COCO/images/train2017/000000000009.jpg").write_bytes(b"junk")
    found = check_dataset("coco", "train2017", tmp_path)
    assert len(found.defects) == len(found.broken) == 1 and found.broken[0].endswith("000000000009.jpg")


def test_the_check_looks_for_the_files_of_all_frames(tmp_path):
    vid(tmp_path)
    data = tmp_path / "ILSVRC2015/Data/VID/train/ILSVRC2015_VID_train_0000/ILSVRC2015_train_00000000"
    (data / "000002.JPEG").unlink()  # of both tracks
    (data / "000003.JPEG").write_bytes(b"")
    found = check_dataset("imagenet_vid", "train", tmp_path)
    assert [Path(path).name for path in found.broken] == ["000002.JPEG", "000003.JPEG"] and len(found.defects) == 2
    assert found.decoded == 2  # the first frames of two videos; the tracks of one begin with the same
    assert check_dataset("imagenet_vid", "train", tmp_path, decode=True).decoded == 4


def test_a_broken_first_frame_does_not_end_the_check(tmp_path):
    youtube(tmp_path)
    (tmp_path / "yt_bb/yt_bb_detection_train/0/AAAAAAAAAAA_1000_0_0.jpg").write_bytes(b"junk")  # boxes need its size
    found = check_dataset("youtube_bb", "train", tmp_path)
    assert (found.videos, found.unreadable) == (3, ("AAAAAAAAAAA-0-0",)) and len(found.defects) == 1
    loaded = load_dataset("youtube_bb", "train", root=tmp_path)
    assert sum("AAAAAAAAAAA_1000_0_0.jpg" in str(problem) for problem in check(loaded)) == 1


def test_splits_of_training_sets_are_told(tmp_path):
    for ask in (lambda: find_video("coco", "x", None, tmp_path), lambda: splits_to_check("coco", tmp_path)):
        with pytest.raises(DataError, match=r"must be one of train2017, val2017.*--split"):
            ask()


def test_targets_of_one_name_are_refused(tmp_path):
    annotation = coco(tmp_path)
    annotation.write_text(annotation.read_text().replace('"id": 3,', '"id": 5,'))
    with pytest.raises(DataError, match="'000000000009-5' twice"):
        load_dataset("coco", "train2017", root=tmp_path)


def test_folders_are_not_read_far_ahead_of_their_use(monkeypatch):
    monkeypatch.setattr(tables, "_AHEAD", 3)
    read: list[int] = []
    folders = [Path(str(number)) for number in range(50)]

    def one(folder: Path) -> int:
        read.append(int(folder.name))
        return int(folder.name)

    found = tables.read_folders(folders, one)
    assert [next(found)[1] for _ in range(5)] == list(range(5)) and len(read) <= 5 + 3
    assert [number for _, number in found] == list(range(5, 50))


@pytest.mark.parametrize("torn", [("index.json", b"{}"), ("names.npy", b""), ("boxes.npy", b"\x93NUMPY")])
def test_a_torn_index_is_made_anew(tmp_path, cache, caplog, torn):
    coco(tmp_path)
    before = load_dataset("coco", "train2017", root=tmp_path)
    (folder,) = cache.iterdir()
    (folder / torn[0]).write_bytes(torn[1])
    assert load_dataset("coco", "train2017", root=tmp_path).fingerprint == before.fingerprint
    assert "made anew" in caplog.text


def test_numbers_that_are_none_are_no_annotation(tmp_path):
    annotations = vid(tmp_path) / "ILSVRC2015_train_00010001/000001.xml"
    annotations.write_text(annotations.read_text().replace("<xmin>1<", "<xmin>nan<"))
    with pytest.raises(DataError, match=r"000001.xml.*not finite"):
        load_dataset("imagenet_vid", "train", root=tmp_path)


def test_an_image_of_more_pixels_than_can_be_is_a_broken_frame(tmp_path):
    coco(tmp_path)
    path = tmp_path / "COCO/images/train2017/000000000025.jpg"
    good = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    head = b"IHDR" + (200_000).to_bytes(4, "big") * 2 + good[24:29]
    path.write_bytes(good[:12] + head + zlib.crc32(head).to_bytes(4, "big") + good[33:])
    (problem,) = check_dataset("coco", "train2017", tmp_path).defects
    assert "000000000025.jpg" in str(problem)
