"""The check of data sets on disk: every defect, none of which ends it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.tracking.data import DATASETS, DatasetInfo, check_dataset, find_video, splits_of, splits_to_check

BOX = "10,12,20,16\n"


def make(root: Path, name: str, *, boxes: str = BOX * 3, sentence: str | None = "a thing", frames: int = 3) -> Path:
    folder = root / "OTB99-LANG/OTB_videos" / name
    (folder / "img").mkdir(parents=True)
    for number in range(1, frames + 1):
        cv2.imwrite(str(folder / f"img/{number:04d}.jpg"), np.full((48, 64, 3), 9 * number, np.uint8))
    (folder / "groundtruth_rect.txt").write_text(boxes)
    queries = root / "OTB99-LANG/OTB_query_test"
    queries.mkdir(exist_ok=True)
    if sentence is not None:
        (queries / f"{name}.txt").write_text(sentence)
    return folder


@pytest.fixture
def damaged(tmp_path) -> Path:
    """A data root with one sound video and six that are not."""
    make(tmp_path, "Sound")
    make(tmp_path, "Silent", sentence=" \n")
    make(tmp_path, "Lines", boxes="1,2,3\n" + BOX * 2)
    make(tmp_path, "Counts", frames=2)
    (make(tmp_path, "Empty") / "img/0002.jpg").write_bytes(b"")
    cut = make(tmp_path, "Cut") / "img/0003.jpg"
    cut.write_bytes(cut.read_bytes()[:200])
    for path in (make(tmp_path, "Gone", frames=1) / "img").iterdir():
        path.unlink()
    return tmp_path


def test_every_defect_is_listed(damaged):
    seen = []
    report = check_dataset("otb99_lang", "test", damaged, on_video=lambda *item: seen.append(item))
    text = [str(problem) for problem in report.defects]
    assert (report.videos, report.published, report.frames, report.decoded) == (7, 48, 3 * 4 + 2, 5)
    assert report.without_sentence == ("Silent",) and report.unreadable == ("Gone", "Lines")
    assert len(report.broken) == 1 and report.broken[0].endswith("Empty/img/0002.jpg")
    assert len(text) == 5, text
    for word in ("groundtruth_rect.txt:1", "'Counts' must have", "no sentence", "an empty file", "Gone/img"):
        assert sum(word in line for line in text) == 1, word
    assert seen[0] == (0, 7, "Counts") and len(seen) == 7
    assert "the benchmark has 48 videos in this split" in report.notes
    json.dumps(report.to_dict())


def test_decoding_finds_frames_cut_short(damaged):
    report = check_dataset("otb99_lang", "test", damaged, decode=True)
    assert [path.rpartition("/")[2] for path in report.broken] == ["0003.jpg", "0002.jpg"] and report.decoded == 12
    assert any("cut short" in str(problem) for problem in report.defects) and len(report.defects) == 6
    one = check_dataset("otb99_lang", "test", damaged, videos=["Sound"], decode=True)
    assert (one.videos, one.frames, one.absent, one.defects) == (1, 3, 0, ())


def test_known_defects_say_so(tmp_path):
    folder = tmp_path / "TNL2K/train/Fight_video_6"
    folder.mkdir(parents=True)
    (folder / "groundtruth.txt").write_text(BOX)
    report = check_dataset("tnl2k", "train", tmp_path)
    assert "published without images" in str(report.defects[0]) and report.unreadable == ("Fight_video_6",)


def test_counts_of_sets_without_language_or_public_boxes(tmp_path):
    folder = tmp_path / "TrackingNet/TEST"
    (folder / "frames/a").mkdir(parents=True)
    (folder / "anno").mkdir()
    (folder / "anno/a.txt").write_text(BOX)
    for number in range(3):
        cv2.imwrite(str(folder / f"frames/a/{number}.jpg"), np.zeros((48, 64, 3), np.uint8))
    report = check_dataset("trackingnet", "test", tmp_path)
    assert (report.frames, report.absent, report.unknown, report.defects) == (3, 0, 2, ())
    assert "the data set has no sentences" in report.notes and "first box" in report.notes[-1]


def test_size_told_by_the_annotation_must_fit(tmp_path):
    folder = tmp_path / "GOT-10k/val/GOT-10k_Val_000001"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "00000001.jpg"), np.zeros((48, 64, 3), np.uint8))
    (folder / "groundtruth.txt").write_text(BOX)
    (folder / "meta_info.ini").write_text("object_class: dog\nresolution: (1920, 1080)\n")
    (problem,) = check_dataset("got10k", "val", tmp_path).defects
    assert "1920 x 1080 for frames of 64 x 48" in str(problem)


def test_sets_that_are_generated_are_checked_too():
    report = check_dataset("synthetic", "val", videos=2)
    assert report.videos == 2 and not report.defects and report.decoded == 2


def test_splits_on_disk(damaged, tmp_path):
    found, lost = splits_of("otb99_lang", damaged)
    assert found == {"test": 7} and list(lost) == ["train"]
    assert splits_to_check("otb99_lang", damaged) == (["test"], ["otb99_lang/train is not there"])
    with pytest.raises(DataError, match="LaSOT/<class>"):
        splits_to_check("lasot", damaged)
    with pytest.raises(DataError, match="--split"):
        splits_to_check("synthetic")
    with pytest.raises(DataError, match="must be one of train, test"):
        check_dataset("otb99_lang", "val", damaged)


def test_videos_by_name(damaged):
    video, split = find_video("otb99_lang", "Counts", None, damaged)
    assert split == "test" and len(video) == 2
    with pytest.raises(DataError, match="Did you mean 'Sound'"):
        find_video("otb99_lang", "Sount", None, damaged)
    with pytest.raises(DataError, match=r"groundtruth_rect.txt:1"):
        find_video("otb99_lang", "Lines", "test", damaged)


@pytest.mark.parametrize(("name", "split", "videos"), [("otb99_lang", "train", 17), ("got10k", "val", 4)])
def test_real_videos_have_no_defects(shared, name, split, videos):
    report = check_dataset(name, split, shared / "data", decode=name == "got10k")
    assert report.videos == videos and not report.defects and not report.without_sentence


def test_what_may_not_be_read_is_told_and_ends_nothing(damaged, monkeypatch):
    real = Path.is_file

    def refused(path, *args, **options):
        if "Sound" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "is_file", refused)
    report = check_dataset("otb99_lang", "test", damaged)
    assert report.videos == 7 and "Sound" in report.unreadable
    assert any("must be readable, but got Permission denied" in str(problem) for problem in report.defects)


def test_a_root_that_may_not_be_looked_at_is_told(tmp_path, monkeypatch):
    def refused(path, *args, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refused)
    with pytest.raises(DataError, match=r"data root must be a folder.*Permission denied"):
        check_dataset("otb99_lang", "test", tmp_path)


def test_a_loader_that_cannot_be_imported_is_told(monkeypatch):
    mine = DatasetInfo("mine", "a set", "mine/<video>", "no_such_package:load")
    monkeypatch.setitem(DATASETS._objects, "mine", mine)
    with pytest.raises(DataError, match=r"data set 'mine': its loader no_such_package:load must be importable"):
        check_dataset("mine", "train")
