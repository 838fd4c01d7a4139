"""Readers of evaluation sets over their layouts, made small: LaSOT, LaSOT_ext, TNL2K, OTB-100, GOT-10k, TrackingNet."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError, JobError
from asymnas.tracking.data import load_annotations, load_dataset, reader_of, require_boxes


def video(folder: Path, images: list[str], **files: str) -> Path:
    """Make a folder of frames, their value being their number, and text files beside (`a__b` for `a.b`)."""
    for number, name in enumerate(images):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((48, 64, 3), number % 256, np.uint8))
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def numbers(count: int, first: int = 1, digits: int = 8, folder: str = "") -> list[str]:
    return [f"{folder}{number:0{digits}d}.jpg" for number in range(first, first + count)]


def lasot(root: Path, name: str, **files: str) -> None:
    given = {"groundtruth__txt": "1,1,9,9\n2,2,9,9\n", "full_occlusion__txt": "0,1", "out_of_view__txt": "0,0"}
    folder = root / name.rpartition("-")[0] / name
    video(folder, numbers(2, folder="img/"), **(given | {"nlp__txt": "a thing"} | files))


def test_lasot_splits_need_no_list_file(tmp_path):
    for name in ("airplane-1", "airplane-2"):
        lasot(tmp_path / "LaSOT", name)
    with pytest.raises(DataError, match="279 of 280 are not, such as 'airplane-9'"):
        load_dataset("lasot", "test", root=tmp_path)
    (tmp_path / "LaSOT/training_set.txt").write_text("airplane-2\n")
    assert [item.name for item in load_dataset("lasot", "train", root=tmp_path).videos] == ["airplane-2"]
    assert len(load_dataset("lasot", "all", root=tmp_path)) == 2


def test_lasot_ext(tmp_path):
    base = tmp_path / "LaSOT_extension_subset"
    lasot(base, "wingsuit-10", nlp__txt="")
    lasot(base, "atv-2", groundtruth__txt="\n3,4,9,9\n\n2,2,9,9\n")
    lasot(base, "airplane-1")
    atv, wingsuit = load_dataset("lasot_ext", "test", root=tmp_path).videos
    assert atv.name == "atv-2" and atv.boxes[0].tolist() == [2, 3, 9, 9] and atv.absent.tolist() == [False, True]
    assert atv.sentence == "a thing" and wingsuit.sentence is None
    assert load_annotations("lasot_ext", root=base).names == ("atv-2", "wingsuit-10")
    with pytest.raises(DataError, match="must be one of test"):
        load_dataset("lasot_ext", "train", root=tmp_path)


def test_tnl2k_test_split(tmp_path, caplog):
    top = tmp_path / "TNL2K"
    images = ["imgs/a1.png", "imgs/a2.jpg", "imgs/a10.jpg"]
    boxes = "0,5,9,9\n1,5,9,9\n2,5,9,9\n"
    video(top / "TNL2K_test_subset/plain", images, groundtruth__txt=boxes, language__txt="the dog\n")
    known = "advSamp_monitor_bikeyellow"
    video(top / "TNL2K_test_subset" / known, images, groundtruth__txt=boxes, language__txt="the bike")
    (top / "absent").mkdir()
    (top / f"absent/{known}.txt").write_text("0\r\n1\r\n0\r\n0\r\n")
    (top / "absent/plain.txt").write_text("0\r\n0\r\n1\r\n")
    (top / "att").mkdir()
    (top / "att/plain_attribute.txt").write_text("\n".join(["0"] * 16 + ["1"]))
    with caplog.at_level(logging.WARNING, "asymnas.tracking.data"):
        clash, plain = load_dataset("tnl2k", "test", root=tmp_path).videos
    assert [str(frame) for frame in plain.frames.names] == ["a1.png", "a2.jpg", "a10.jpg"]
    assert plain.absent.tolist() == [False, False, True] and plain.attributes == {"MS"}
    assert clash.absent.tolist() == [False, True, False] and "known to differ" in caplog.text
    (top / "absent/plain.txt").write_text("0\r\n0\r\n")
    with pytest.raises(DataError, match="'plain' must have as many frames"):
        load_dataset("tnl2k", "test", root=tmp_path)


def test_otb100(tmp_path, caplog):
    base = tmp_path / "OTB100"
    two = {"groundtruth_rect.1__txt": "1 1 5 5\n", "groundtruth_rect.2__txt": "3\t3\t5\t5\n"}
    video(base / "Jogging", numbers(1, digits=4, folder="img/"), **two)
    human = {"groundtruth_rect.1__txt": "", "groundtruth_rect.2__txt": "9,9,5,5\n"}
    video(base / "Human4", numbers(1, digits=4, folder="img/"), **human)
    video(base / "Tiger1", numbers(354, digits=4, folder="img/"), groundtruth_rect__txt="1,1,5,5\n" * 349)
    video(base / "BlurCar4", numbers(2, 18, 4, "img/"), groundtruth_rect__txt="1,1,5,5\n1,1,0,0\n")
    video(base / "Other", [])
    with caplog.at_level(logging.WARNING, "asymnas.tracking.data"):
        videos = {item.name: item for item in load_dataset("otb100", "test", root=tmp_path).videos}
    assert list(videos) == ["BlurCar4", "Human4-2", "Jogging-1", "Jogging-2", "Tiger1"]
    assert "95 of 100 targets are not there" in caplog.text
    assert videos["Human4-2"].boxes[0, 0] == 8 and videos["Jogging-2"].boxes[0, 0] == 2
    assert videos["Tiger1"].frames.names[0] == "0006.jpg" and len(videos["Tiger1"]) == 349
    assert not videos["BlurCar4"].absent.any() and not any(item.sentence for item in videos.values())
    (tmp_path / "OTB99-LANG/OTB_query_test").mkdir(parents=True)
    (tmp_path / "OTB99-LANG/OTB_query_test/Human4.txt").write_text("the man\n")
    with caplog.at_level(logging.WARNING, "asymnas.tracking.data"):
        (human4,) = load_dataset("otb99_lang", "test", root=tmp_path).videos
    assert human4.sentence == "the man" and human4.boxes[0, 0] == 8 and "are taken" in caplog.text


def test_got10k_cover_size_and_first_boxes(tmp_path):
    base = tmp_path / "GOT-10k"
    meta = "[METAINFO]\nobject_class: dog\nmotion_class: running\nmajor_class: animal\nroot_class: animal\n"
    labels = {"absence__label": "0\n0\n1\n", "cover__label": "8\n0\n3\n", "cut_by_image__label": "0\n0\n0\n"}
    labels["meta_info__ini"] = meta + "resolution: (64, 48)\n"
    video(base / "val/GOT-10k_Val_000001", numbers(3), groundtruth__txt="1.5,2,3,4\n" * 3, **labels)
    video(base / "test/GOT-10k_Test_000001", numbers(3), groundtruth__txt="1.5,2,3,4\n")
    (val,) = load_dataset("got10k", "val", root=tmp_path).videos
    assert val.cover.tolist() == [8, 0, 3] and val.absent.tolist() == [False, True, True] and val.size == (64, 48)
    (short,) = load_dataset("got10k", "val", root=tmp_path, frames=2).videos
    assert short.cover.tolist() == [8, 0] and len(short) == 2
    (test,) = load_dataset("got10k", "test", root=tmp_path).videos
    assert test.boxes.tolist() == [[1.5, 2, 3, 4], [0] * 4, [0] * 4] and test.absent.tolist() == [False, True, True]
    with pytest.raises(DataError, match="GOT-10k evaluation server"):
        require_boxes([test])


def test_trackingnet(tmp_path, caplog):
    base = tmp_path / "TrackingNet"
    for chunk, name, boxes in (("TRAIN_0", "bcdefghijkl_1", 12), ("TRAIN_11", "abcdefghijk_0", 1), ("TEST", "t_0", 1)):
        (base / chunk / "anno").mkdir(parents=True)
        (base / chunk / "anno" / f"{name}.txt").write_text("1.0,2.0,3.0,4.0\n" * boxes)
        video(base / chunk / "frames" / name, [f"{number}.jpg" for number in range(1 if "11" in chunk else 12)])
    with caplog.at_level(logging.WARNING, "asymnas.tracking.data"):
        first, second = load_dataset("trackingnet", "train", root=tmp_path).videos
    assert "2 of 12 chunks are there: TRAIN_0, TRAIN_11" in caplog.text
    assert first.name == "bcdefghijkl_1" and first.frames.names[-1] == "11.jpg" and first.frame(10)[0, 0, 0] == 10
    assert first.boxes[0].tolist() == [1, 2, 3, 4] and not first.server and not second.server
    (test,) = load_dataset("trackingnet", "test", root=tmp_path).videos
    assert len(test) == 12 and test.absent.sum() == 11 and "TrackingNet" in test.server
    with pytest.raises(DataError, match="TRAIN_0/anno or another chunk's"):
        (base / "TRAIN_0").rename(base / "a")
        (base / "TRAIN_11").rename(base / "b")
        load_dataset("trackingnet", "train", root=tmp_path)


def test_jobs_refuse_videos_with_one_public_box(tmp_path):
    from asymnas.job import load_job
    from asymnas.tracking.task.data import train_datasets, video_set

    video(tmp_path / "GOT-10k/test/GOT-10k_Test_000001", numbers(3), groundtruth__txt="1.5,2,3,4\n")
    source = [{"dataset": "got10k", "split": "test"}]
    overrides = {"data.root": str(tmp_path), "data.validation.sources": source, "data.train.sources": source}
    try:
        job = load_job("vlt_scar", overrides)
    except JobError as error:
        pytest.fail(str(error))
    with pytest.raises(DataError, match=r"scored here \(data.validation\)"):
        video_set(job, "validation")
    with pytest.raises(DataError, match=r"trained on \(data.train\)"):
        train_datasets(job)


def test_all_benchmarks_have_readers_with_published_counts():
    counts = {"otb99_lang": 48, "otb100": 100, "lasot": 280, "lasot_ext": 150, "tnl2k": 700, "got10k": 180}
    assert {name: reader_of(name).videos["test"] for name in counts} == counts
    assert reader_of("trackingnet").videos["test"] == 511 and reader_of("synthetic") is None
