"""Readers over the layouts of the published benchmarks, made small."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.data import check, load_dataset
from asymnas.tracking.data.pairs.augment import Augmentation
from asymnas.tracking.data.pairs.mixture import PairSource
from asymnas.tracking.data.pairs.sampler import PairSampler

BOX = "10,12,20,16"


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def frames(folder: Path, numbers, pattern: str = "{:04d}.jpg") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        cv2.imwrite(str(folder / pattern.format(number)), np.full((48, 64, 3), number % 256, np.uint8))


def otb(root: Path, name: str, boxes: list[str], numbers=None, query: str | None = "a thing", file: str = "") -> Path:
    folder = root / "OTB99-LANG/OTB_videos" / name
    frames(folder / "img", range(1, len(boxes) + 1) if numbers is None else numbers)
    write(folder / f"groundtruth_rect{file}.txt", "\n".join(boxes) + "\n")
    if query is not None:
        write(root / f"OTB99-LANG/OTB_query_train/{name}.txt", query)
    return folder


def lasot(root: Path, name: str, boxes: list[str], occluded: str, out: str, sentence: str | None = "a cat") -> Path:
    folder = root / "LaSOT" / name.rpartition("-")[0] / name
    frames(folder / "img", range(1, len(boxes) + 1), "{:08d}.jpg")
    write(folder / "groundtruth.txt", "\n".join(boxes))
    write(folder / "full_occlusion.txt", occluded)
    write(folder / "out_of_view.txt", out)
    if sentence is not None:
        write(folder / "nlp.txt", sentence)
    return folder


def tnl2k(root: Path, name: str, boxes: list[str], sentence: bytes | str = "the dog", split: str = "train") -> Path:
    folder = root / "TNL2K" / split / name
    frames(folder / "imgs", range(len(boxes)), "img{}.png")
    write(folder / "groundtruth.txt", "\r\n".join(boxes))
    write(folder / "language.txt", sentence)
    return folder


def test_otb_separators_and_one_based_boxes(tmp_path):
    otb(
        tmp_path,
        "Mixed",
        ["1,2,20,16", "3\t4\t20\t16", "5 6  20 16", "7, 8,\t20.5 ,16"],
        query="  a red   car \n\nmore\n",
    )
    video = load_dataset("otb99_lang", "train", root=tmp_path).videos[0]
    assert video.boxes.tolist() == [[0, 1, 20, 16], [2, 3, 20, 16], [4, 5, 20, 16], [6, 7, 20.5, 16]]
    assert video.sentence == "a red car" and not video.absent.any()
    assert video.frame(2).shape == (48, 64, 3) and abs(int(video.frame(2).mean()) - 3) <= 1


@pytest.mark.parametrize("suffix", ["-{}", ".{}", "{}"])
def test_otb_two_targets_in_one_folder(tmp_path, suffix):
    folder = otb(tmp_path, "Jogging", ["1,1,9,9"], query=None, file=".1")
    write(folder / "groundtruth_rect.2.txt", "21\t1\t9\t9")
    for k in (1, 2):
        write(tmp_path / f"OTB99-LANG/OTB_query_train/Jogging{suffix.format(k)}.txt", f"jogger {k}")
    one, two = load_dataset("otb99_lang", "train", root=tmp_path).videos
    assert (one.sentence, one.boxes[0, 0], two.sentence, two.boxes[0, 0]) == ("jogger 1", 0, "jogger 2", 20)
    assert one.frames.scene_id == two.frames.scene_id


def test_otb_annotated_ranges_only_where_they_explain_the_count(tmp_path):
    otb(tmp_path, "Football1", [BOX] * 74, numbers=range(1, 81))
    otb(tmp_path, "David", [BOX] * 5)
    football, david = (
        load_dataset("otb99_lang", "train", root=tmp_path, videos=[n]).videos[0] for n in ("Football1", "David")
    )
    assert len(football) == len(football.frames) == 74 and football.frames.names[-1] == "0074.jpg"
    assert len(david) == 5 and david.frames.names[0] == "0001.jpg"


def test_otb_full_david_starts_at_frame_300(tmp_path):
    folder = otb(tmp_path, "David", [BOX] * 471, numbers=[1])
    for number in range(2, 771):
        (folder / f"img/{number:04d}.jpg").touch()
    names = load_dataset("otb99_lang", "train", root=tmp_path).videos[0].frames.names
    assert (names[0], names[-1], len(names)) == ("0300.jpg", "0770.jpg", 471)


def test_got10k_flags_and_pseudo_sentence(tmp_path):
    for split, name in (("train", "GOT-10k_Train_000001"), ("test", "GOT-10k_Test_000001")):
        folder = tmp_path / "GOT-10k" / split / name
        frames(folder, range(1, 5), "{:08d}.jpg")
        write(folder / "groundtruth.txt", "1.5,2,3,4\n" * (4 if split == "train" else 1))
        write(tmp_path / "GOT-10k" / split / "list.txt", f"{name}\n")
    train = tmp_path / "GOT-10k/train/GOT-10k_Train_000001"
    write(train / "absence.label", "0\n1\n0\n0\n")
    write(train / "cover.label", "8\n5\n0\n8\n")
    meta = "[METAINFO]\nurl: http://a:b\nobject_class: racing car\nmotion_class: drifting\nmajor_class: vehicle\n"
    write(train / "meta_info.ini", meta + "root_class: object\nmotion_adverb: fast\n")
    video = load_dataset("got10k", "train", root=tmp_path).videos[0]
    assert video.absent.tolist() == [False, True, True, False] and video.boxes[0].tolist() == [1.5, 2, 3, 4]
    assert video.sentence == "racing car, drifting, vehicle, object"
    test = load_dataset("got10k", "test", root=tmp_path).videos[0]
    assert len(test) == 4 and test.absent.tolist() == [False, True, True, True] and "GOT-10k" in test.server
    with pytest.raises(DataError, match="Splits on disk: 'train', 'test'"):
        load_dataset("got10k", "val", root=tmp_path)


def test_lasot_flags_splits_and_attributes(tmp_path):
    lasot(tmp_path, "cat-2", ["1,1,20,16", "1,1,20,16", "1,1,0,0"], "0,1,0", "0,0,1")
    folder = lasot(tmp_path, "cat-10", ["1,1,20,16"], "0", "0", sentence="\n")
    write(folder / "attributes.txt", "1,0,0,0,0,0,0,0,0,0,0,0,0,1")
    with pytest.raises(DataError, match="testing_set"):
        load_dataset("lasot", "test", root=tmp_path)
    two, ten = load_dataset("lasot", "all", root=tmp_path).videos
    assert two.name == "cat-2" and two.absent.tolist() == [False, True, True] and two.boxes[0, 0] == 0
    assert ten.sentence is None and ten.attributes == {"IV", "ARC"}
    write(tmp_path / "LaSOT/testing_set.txt", "cat-10\n")
    assert [video.name for video in load_dataset("lasot", "test", root=tmp_path).videos] == ["cat-10"]
    write(tmp_path / "LaSOT/testing_set.txt", "cat-10\ndog-1\n")
    with pytest.raises(DataError, match="'dog-1'"):
        load_dataset("lasot", "test", root=tmp_path)


def test_tnl2k_names_absence_attributes_and_encodings(tmp_path):
    folder = tnl2k(tmp_path, "b", ["0,0,9,9"] * 11, sentence="the man\x92s dog".encode("latin-1"))
    tnl2k(tmp_path, "a", ["0,0,9,9", "0,0,0,0", "NaN,NaN,NaN,NaN"])
    write(folder / "absent.txt", "0\r\n1\r\n" + "0\r\n" * 9)
    write(folder / "attributes.txt", "\n".join(["1", "1"] + ["0"] * 16))
    a, b = load_dataset("tnl2k", "train", root=tmp_path).videos
    assert a.absent.tolist() == [False, True, True] and np.isfinite(a.boxes).all() and a.sentence == "the dog"
    assert b.frames.names[1:3] == ("img1.png", "img2.png") and b.frames.names[-1] == "img10.png"
    assert b.absent.tolist() == [False, True] + [False] * 9 and b.attributes == {"CM"}
    assert b.sentence == "the man\N{RIGHT SINGLE QUOTATION MARK}s dog"


def test_all_broken_lines_of_all_videos_are_named(tmp_path):
    otb(tmp_path, "A", [BOX, "1,2,3", BOX])
    otb(tmp_path, "B", [BOX, BOX, "1,2,x,4", "inf,1,1,1"])
    with pytest.raises(DataError) as caught:
        load_dataset("otb99_lang", "train", root=tmp_path)
    text = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "A/groundtruth_rect.txt:2" in text and "B/groundtruth_rect.txt:3" in text and "'1,2,x,4'" in text


def test_counts_that_differ_are_an_error_or_cut(tmp_path):
    folder = otb(tmp_path, "A", [BOX] * 3)
    (folder / "img/0003.jpg").unlink()
    with pytest.raises(DataError, match=r"groundtruth_rect.txt: 'A' must .* 2 frames .* 3 boxes.*on_length_mismatch"):
        load_dataset("otb99_lang", "train", root=tmp_path)
    video = load_dataset("otb99_lang", "train", root=tmp_path, on_length_mismatch="shorter").videos[0]
    assert len(video) == len(video.frames) == len(video.absent) == 2
    lasot(tmp_path, "cat-1", [BOX] * 3, "0,0,0", "0,0")
    with pytest.raises(DataError, match="flags: 3, 3, 2"):
        load_dataset("lasot", "all", root=tmp_path)
    with pytest.raises(DataError, match="Did you mean 'shorter'"):
        load_dataset("lasot", "all", root=tmp_path, on_length_mismatch="short")


def test_a_damaged_video_can_be_excluded(tmp_path):
    otb(tmp_path, "A", ["nonsense"])
    otb(tmp_path, "B", [BOX])
    assert [v.name for v in load_dataset("otb99_lang", "train", root=tmp_path, exclude=["A"]).videos] == ["B"]
    with pytest.raises(DataError, match="no such video"):
        load_dataset("otb99_lang", "train", root=tmp_path, exclude=["C"])
    with pytest.raises(DataError, match="must hold videos"):
        load_dataset("otb99_lang", "train", root=tmp_path, exclude=["A", "B"])


def test_only_the_chosen_videos_are_read(tmp_path):
    for name in "ABCDEF":
        otb(tmp_path, name, [BOX] * 4)
    write(tmp_path / "OTB99-LANG/OTB_videos/B/groundtruth_rect.txt", "broken")
    chosen = load_dataset("otb99_lang", "train", root=tmp_path, videos=["C", "A"], frames=2)
    assert [video.name for video in chosen.videos] == ["C", "A"] and len(chosen.videos[0].frames) == 2
    three = load_dataset("otb99_lang", "train", root=tmp_path, exclude=["B"], videos=3, seed=4)
    two = load_dataset("otb99_lang", "train", root=tmp_path, exclude=["B"], videos=2, seed=4)
    assert {v.name for v in two.videos} < {v.name for v in three.videos}


def test_missing_and_corrupt_frames_are_named(tmp_path):
    folder = otb(tmp_path, "A", [BOX] * 3)
    otb(tmp_path, "B", [BOX] * 3)
    dataset = load_dataset("otb99_lang", "train", root=tmp_path)
    sampler = PairSampler([PairSource(dataset)], CropGeometry(template_size=32, search_size=64), seed=0, cache_mib=0)
    sampler.batch(0)
    for damage, match in ((b"", "do not decode"), (None, "missing"), ("cut", "cut short"), (b"GIF", "do not decode")):
        for path in (folder / "img").iterdir():
            data = path.read_bytes()
            if damage is None:
                path.unlink()
            else:
                path.write_bytes(data[: len(data) // 2] if damage == "cut" else damage)
        with pytest.raises(DataError, match=rf"A/img/000\d.jpg \(video 'A'\).*{match}"):
            sampler.batch(0)
        # without decoding, the first frame is read; of the others the files must be there and not be empty
        assert len(check(dataset, deep=True)) == 3 and len(check(dataset)) == (1 if damage else 3)
        frames(folder / "img", range(1, 4))


def test_check_tells_what_is_doubtful(tmp_path):
    otb(tmp_path, "A", ["1,1,20,16", "500,1,20,16", "1,1,20,16"], query=" \n")
    lasot(tmp_path, "cat-1", ["5,5,9,9", "5,5,0,9"], "1,0", "0,0", sentence=None)
    rules = [str(problem) for problem in check(load_dataset("otb99_lang", "train", root=tmp_path))]
    assert len(rules) == 2 and "no sentence" in rules[0] and "1 of 3 frames" in rules[1] and "0-based: 1" in rules[1]
    rules = [str(problem) for problem in check(load_dataset("lasot", "all", root=tmp_path))]
    assert [word in rule for word, rule in zip(("sentence", "first frame", "area"), rules, strict=True)] == [True] * 3


def test_fingerprint_follows_annotations_sentences_and_names(tmp_path):
    def digest() -> str:
        return load_dataset("otb99_lang", "train", root=tmp_path).fingerprint

    folder = otb(tmp_path, "A", [BOX] * 2)
    seen = [digest()]
    assert digest() == seen[0]
    write(tmp_path / "OTB99-LANG/OTB_query_train/A.txt", "another thing")
    seen.append(digest())
    write(folder / "groundtruth_rect.txt", f"{BOX}\n{BOX}.5\n")
    seen.append(digest())
    (folder / "img/0002.jpg").rename(folder / "img/0003.jpg")
    seen.append(digest())
    seen.append(load_dataset("otb99_lang", "train", root=tmp_path, frames=1).fingerprint)
    assert len(set(seen)) == 5


@pytest.mark.parametrize(
    ("name", "split", "count", "total"),
    [
        ("otb99_lang", "train", 17, 2630),
        ("got10k", "train", 11, 729),
        ("got10k", "val", 4, 265),
        ("tnl2k", "train", 4, 607),
    ],
)
def test_real_videos(shared, name, split, count, total):
    dataset = load_dataset(name, split, root=shared / "data")
    assert len(dataset) == count and sum(len(video) for video in dataset.videos) == total
    assert not check(dataset)
    geometry = CropGeometry(template_size=64, search_size=128)
    batch = PairSampler([PairSource(dataset)], geometry, seed=0, negatives=0.5, augmentation=Augmentation()).batch(0)
    assert all(batch.sentences) and batch.search.std() > 20 and not batch.positive.all()


def test_real_sentences_are_the_recorded_ones(shared):
    import json

    wanted = {}
    for item in json.loads((shared / "data/provenance.json").read_text()):
        wanted[item["source_name"].split("_", 1)[1]] = item["sentence"]
    got = {video.name: video.sentence for video in load_dataset("otb99_lang", "train", root=shared / "data").videos}
    assert got == {name: wanted[name] for name in got} and "Jogging-2" in got
