"""Annotations without frames: toolkits' folders, archives and JSON files, made small and as published."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from asymnas.core.errors import DataError
from asymnas.tracking.data import annotation_of, load_annotations, load_dataset, require_boxes
from asymnas.tracking.data.lasot_names import TEST, TRAIN, is_extension
from asymnas.tracking.data.otb_names import OTB99_TEST, OTB99_TRAIN, OTB100, otb99_name, otb_aliases, otb_target

LASOT = {
    "annos/airplane-1.txt": "367,101,41,16\n366,103,45,16\n0,0,0,0\n",
    "annos/absent/airplane-1.txt": "0\n0\n1\n",
    "annos/att/airplane-1.txt": "0,1,0,0,0,1,0,0,1,0,0,0,1,0\n",
    "annos/nlp/airplane-1.txt": "white airplane  landing on ground",
    "annos/bear-2.txt": "11,1,5,5\n11,1,5,0\n",
    "annos/absent/bear-2.txt": "0\n0\n",
    "annos/bear-1.txt": "5,5,5,5\n",
    "annos/atv-1.txt": "9,9,9,9\n",
    "sequence_evaluation_config/testing_set.txt": "bear-2\nairplane-1\nzebra-10\n",
}
TNL2K = {
    "gt_rect/b.txt": "0,5,9,9\n1,6,9,9\n2,7,9,9\n",
    "gt_rect/a.txt": "3,3,4,4\n",
    "absent/b.txt": "0\r\n1\r\n0\r\n0\r\n",
    "absent/a.txt": "0\r\n",
    "att/b_attribute.txt": "\n".join(["1"] * 2 + ["0"] * 16),
}


def unpack(files: dict[str, str], folder: Path) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def pack(files: dict[str, str], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    else:
        with tarfile.open(path, "w:" + path.suffix[1:]) as archive:
            for name, text in files.items():
                item = tarfile.TarInfo(f"./{name}")
                item.size = len(text)
                archive.addfile(item, io.BytesIO(text.encode()))
    return path


def lasot_places(tmp_path):
    """Every way of giving the same annotations."""
    unpacked = unpack(LASOT, tmp_path / "root/LaSOT_Evaluation_Toolkit")
    yield from (tmp_path / "root", unpacked, unpacked / "annos")
    for suffix in ("zip", "tar.xz", "tar.gz"):
        path = pack(LASOT, tmp_path / suffix / f"lasot_annotations.{suffix}")
        yield from (path, path.parent)


def test_the_lasot_toolkit_in_all_its_places(tmp_path):
    for place in lasot_places(tmp_path):
        found = load_annotations("lasot", root=place)
        assert found.names == ("bear-2", "airplane-1"), place
        bear, plane = found
        assert plane.boxes[0].tolist() == [366, 100, 41, 16] and plane.absent.tolist() == [False, False, True]
        assert plane.attributes == {"POC", "ROT", "SV", "LR"} and plane.sentence == "white airplane landing on ground"
        assert bear.sentence is None and not bear.absent.any()
        assert "zebra-10" in found.notes[0] and "1 of the 3" in found.notes[0]
        assert "1 frames of 1 videos" in found.notes[-1]
    assert load_annotations("lasot_ext", root=place).names == ("atv-1",)
    assert load_annotations("lasot", "train", root=place).names == ("bear-1",)
    assert load_annotations("lasot", "all", root=place).names == ("airplane-1", "bear-1", "bear-2")


@pytest.mark.parametrize("form", ["folder", "one archive", "archives side by side", "boxes only"])
def test_the_tnl2k_toolkit_in_parts(tmp_path, form):
    place = tmp_path
    if form == "folder":
        unpack(TNL2K, tmp_path / "TNL2K/annos")
    elif form == "one archive":
        place = pack({f"annos/{name}": text for name, text in TNL2K.items()}, tmp_path / "annos.tar.gz")
    else:
        for part in ("gt_rect", "absent", "att") if form != "boxes only" else ("gt_rect",):
            pack({name: text for name, text in TNL2K.items() if name.startswith(part)}, tmp_path / f"tnl2k_{part}.zip")
        (tmp_path / "TNL2K_testing_set.txt").write_text("b\na\n")
    found = load_annotations("tnl2k", root=place)
    notes = " ".join(found.notes)
    b = next(item for item in found if item.name == "b")
    assert b.boxes[0].tolist() == [0, 5, 9, 9] and "no sentences" in notes
    if form == "boxes only":
        assert len(b) == 3 and "no absence flags" in notes
    else:
        assert b.attributes == {"CM"} and b.absent.tolist() == [False, True, False]
        assert "'b' has 3 boxes and 4 absence flags: cut to 3" in notes
        assert load_annotations("tnl2k", root=tmp_path / "tnl2k_gt_rect.zip" if "side" in form else place).frames == 4
    assert found.names == (("b", "a") if (tmp_path / "TNL2K_testing_set.txt").exists() else ("a", "b"))


def test_a_toolkit_without_the_split_gives_way_to_the_data_set(tmp_path):
    unpack({name: text for name, text in TNL2K.items() if "absent" not in name}, tmp_path / "TNL2K/annos")
    unpack({"groundtruth.txt": "1,2,3,4\n", "language.txt": "a thing"}, tmp_path / "TNL2K/train/c")
    pack({"annos/bear-2.txt": "1,2,3,4\n"}, tmp_path / "lasot_annotations.zip")
    unpack({"groundtruth.txt": "1,2,3,4\n"}, tmp_path / "LaSOT/bear/bear-1")
    (tmp_path / "LaSOT/training_set.txt").write_text("bear-1\n")
    assert load_annotations("tnl2k", "test", root=tmp_path).names == ("a", "b")
    train = load_annotations("tnl2k", "train", root=tmp_path)
    assert train.names == ("c",) and train.annotations[0].sentence == "a thing"
    assert load_annotations("lasot", "train", root=tmp_path).names == ("bear-1",)
    assert load_annotations("lasot", "test", root=tmp_path).names == ("bear-2",)
    with pytest.raises(DataError, match="lasot/train must hold annos"):
        load_annotations("lasot", "train", root=tmp_path / "lasot_annotations.zip")
    with pytest.raises(DataError, match="one of train, test"):
        load_annotations("tnl2k", "val", root=tmp_path)


def test_boxes_of_otb_100_give_otb99_lang(tmp_path):
    entries = {"basketball": [198, 214, 34, 81], "jogging_1": [1, 1, 5, 5], "Skating2.2": [3, 3, 5, 5]}
    entries |= {"human4_2": [7, 8, 5, 5], "skating2-1": [1, 2, 3, 4], "clifBar": [5, 5, 5, 5], "Uav": [1, 1, 1, 1]}
    (tmp_path / "otb2015.json").write_text(json.dumps({name: {"gt_rect": [box]} for name, box in entries.items()}))
    whole = load_annotations("otb100", root=tmp_path)
    assert whole.names == ("Basketball", "ClifBar", "Human4-2", "Jogging-1", "Skating2-1", "Skating2-2")
    assert whole.annotations[0].boxes.tolist() == [[197, 213, 34, 81]] and "1-based, as the first" in str(whole.notes)
    assert "1 videos are not of OTB-100: Uav" in whole.notes and "94 of the 100" in str(whole.notes)
    test = load_annotations("otb99_lang", root=tmp_path / "otb2015.json")
    assert test.names == ("Human4", "Skating2-1", "Skating2-2") and "no sentences" in str(test.notes)
    assert "Human4-2" in test.annotations[0].aliases and test.annotations[0].boxes[0, 0] == 6
    assert load_annotations("otb99_lang", "train", root=tmp_path).names == ("Basketball", "Jogging-1")


def test_pysot_json(tmp_path):
    entry = {"video_dir": "b", "init_rect": [366, 100, 41, 16], "img_names": [], "attr": ["ALL", "SV"]}
    entry |= {
        "gt_rect": [[366, 100, 41, 16], [float("nan")] * 4, [1, 1, 2, 2]],
        "absent": [1, 1, 0],
        "phrase": ["a  b"],
    }
    (tmp_path / "LaSOT.json").write_text(json.dumps({"airplane-1": entry, "airplane-2": entry}))
    found = load_annotations("lasot", root=tmp_path)
    (plane,) = found
    assert plane.boxes.tolist() == [[366, 100, 41, 16], [0, 0, 0, 0], [1, 1, 2, 2]] and "0-based" in str(found.notes)
    assert plane.absent.tolist() == [False, True, True] and plane.attributes == {"SV"} and plane.sentence == "a b"


def test_trackingnet_development_kit(tmp_path):
    files = {"abcdefghijk_0.txt": " 1.00,102.00,245.00,174.00\n2,3,4,5\n", "-3TIfnTSM6c_2.txt": "1,2,3,4\n"}
    place = pack(files | {"README.txt": "words"}, tmp_path / "trackingnet_gt.zip")
    pack(files, tmp_path / "trackingnet_submission.zip")
    for root in (place, tmp_path, unpack(files, tmp_path / "anno")):
        first, second = load_annotations("trackingnet", root=root)
        assert first.name == "-3TIfnTSM6c_2" and "TrackingNet" in first.server and second.server == ""
        assert second.boxes[0].tolist() == [1, 102, 245, 174]


def test_a_data_set_as_downloaded_needs_no_frames(tmp_path):
    folder = tmp_path / "GOT-10k/val/GOT-10k_Val_000001"
    unpack({"groundtruth.txt": "1,2,3,4\n5,6,7,8\n", "cover.label": "8\n0\n9\n"}, folder)
    (folder / "meta_info.ini").write_text("[METAINFO]\nobject_class: dog\nresolution: (1920, 1080)\n")
    for root in (tmp_path, tmp_path / "GOT-10k"):
        found = load_annotations("got10k", root=root)
        (video,) = found
        assert found.split == "val" and video.cover.tolist() == [8, 0] and video.absent.tolist() == [False, True]
        assert video.size == (1920, 1080) and video.sentence == "dog"
        assert "1 of the 180" in found.notes[0] and "cut to 2" in found.notes[1]


def test_annotations_of_loaded_videos_and_of_other_sets():
    loaded = load_dataset("synthetic", "val", videos=2, frames=3).videos
    first = annotation_of(loaded[0])
    assert first.boxes is loaded[0].boxes and first.sentence == loaded[0].sentence and len(first) == 3


GOOD = {"Basketball": {"gt_rect": [[198, 214, 34, 81]] * 3}, "Biker": {"gt_rect": [[262, 94, 16, 26]] * 3}}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"gt_rect": [1, 2, 3, 4]}, "gt_rect must be rows"),
        ({"gt_rect": {"a": 1}}, "gt_rect must be rows"),
        ({"gt_rect": None}, "gt_rect must be rows"),
        ({"absent": []}, "absent must be a list"),
        ({"absent": [[1], [2, 3]]}, "absent must be a list"),
        ({"absent": ["0", "0", "0"]}, "absent must be a list"),
        ({"phrase": 5}, "phrase must be a text"),
        ({"attr": "IV, OPR"}, "attr must be a list"),
        ({"width": "wide", "height": 3}, "width and height must be pixels"),
    ],
)
def test_odd_entries_of_a_json_of_boxes_are_told(tmp_path, change, match):
    path = tmp_path / "gt.json"
    path.write_text(json.dumps({**GOOD, "Basketball": {**GOOD["Basketball"], **change}}))
    with pytest.raises(DataError, match=rf"gt.json: Basketball: {match}"):
        load_annotations("otb100", root=path)


def test_a_json_of_boxes_as_windows_and_others_write_it(tmp_path):
    path = tmp_path / "otb.json"
    extra = {"absent": [[1], [0], [1]], "attr": None, "phrase": [], "width": None, "height": None}
    whole = {**GOOD, "Biker": {**GOOD["Biker"], **extra}}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(whole, indent=1).replace("\n", "\r\n").encode())
    for root in (path, tmp_path):
        first, second = load_annotations("otb100", root=root).annotations
        assert first.boxes[0].tolist() == [197, 213, 34, 81] and second.absent.tolist() == [False, True, False]
    path.write_text("[" * 100_000)
    with pytest.raises(DataError, match="must be JSON"):
        load_annotations("otb100", root=path)


@pytest.mark.parametrize(("flags", "match"), [("", "a flag a frame"), ("+-1", "whole"), ("9" * 30, "whole")])
def test_files_without_flags_are_told(tmp_path, flags, match):
    unpack({**LASOT, "annos/absent/airplane-1.txt": flags}, tmp_path)
    with pytest.raises(DataError, match=rf"airplane-1.txt: .*{match}"):
        load_annotations("lasot", "test", root=tmp_path)


def test_annotations_of_made_videos_need_no_root(monkeypatch):
    monkeypatch.delenv("ASYMNAS_DATA", raising=False)
    found = load_annotations("synthetic", "val")
    video = load_dataset("synthetic", "val").videos[3]
    assert found.split == "val" and np.array_equal(found.annotations[3].boxes, video.boxes)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda place: place / "gone", "must be an archive"),
        (lambda place: pack({"x/a.txt": "1"}, place / "lasot.zip"), "annos/"),
        (lambda place: (place / "a.json", (place / "a.json").write_text("[1]"))[0], "gt_rect"),
        (lambda place: (place / "x.zip", (place / "x.zip").write_bytes(b"PK\3\4rubbish"))[0], "whole"),
        (lambda place: (place / "x.tar.xz", (place / "x.tar.xz").write_bytes(lzma.compress(b"x" * 9)))[0], "whole"),
        (lambda place: pack(LASOT, pack(LASOT, place / "lasot1.zip").with_name("lasot2.zip")).parent, "one source"),
        (lambda place: pack({"annos/cat-1.txt": "1,2,3"}, place / "l.zip"), "cat-1.txt:1: .*'1,2,3'"),
        (lambda place: place, "LaSOT"),
    ],
)
def test_what_is_no_annotation_is_told(tmp_path, make, match):
    with pytest.raises(DataError, match=match):
        load_annotations("lasot", root=make(tmp_path))


def test_videos_with_one_public_box_are_refused(tmp_path):
    unpack({"groundtruth.txt": "1,2,3,4\n"}, tmp_path / "GOT-10k/test/GOT-10k_Test_000001")
    found = load_annotations("got10k", "test", root=tmp_path)
    with pytest.raises(DataError, match=r"GOT-10k_Test_000001.*first box.*scored here.*got-10k\.aitestunion\.com"):
        require_boxes(found)
    require_boxes([])


def test_names_of_otb():
    assert len(OTB100) == 100 and len(OTB99_TEST) == 48 and len(OTB99_TRAIN) == 51
    assert {otb_target(name) for name in (*OTB99_TEST, *OTB99_TRAIN)} == {*OTB100} - {"ClifBar"}
    spellings = ("jogging.1", "Jogging_1", "Jogging-1", "jogging1", "Jogging")
    assert {otb_target(name) for name in spellings} == {"Jogging-1"}
    assert otb_target("Skating3") == "Skating2-2" and otb_target("unknown") is None
    assert otb99_name("human4_2") == "Human4" and otb99_name("ClifBar") is None
    assert {otb_target(alias) for name in OTB100 for alias in otb_aliases(name)} <= {*OTB100}


def test_names_of_lasot():
    assert len(TEST) == 280 and len(TRAIN) == 1120 and not {*TEST} & {*TRAIN}
    assert is_extension("atv-1") and not is_extension("airplane-1") and not is_extension("annos")


@pytest.mark.parametrize(
    ("name", "source", "videos", "frames", "absent", "with_absent"),
    [
        ("lasot", "lasot_test_annotations.tar.xz", 280, 685360, 18346, 164),
        ("tnl2k", "tnl2k_gt_rect.zip", 700, 516038, 65253, 352),
        ("otb100", "otb2015_gt.json", 100, 59035, 0, 0),
        ("otb99_lang", "otb2015_gt.json", 48, 29077, 0, 0),
        ("trackingnet", "trackingnet_dummy_gt.zip", 9, 4500, 0, 0),
    ],
)
def test_published_annotations(shared, name, source, videos, frames, absent, with_absent):
    found = load_annotations(name, root=shared / "oracles")
    assert found.source.name == source and (len(found), found.frames) == (videos, frames)
    assert sum(int(item.absent.sum()) for item in found) == absent
    assert sum(bool(item.absent.any()) for item in found) == with_absent
    assert all(np.isfinite(item.boxes).all() for item in found)
    if name == "lasot":
        assert set(found.names) == set(TEST) and all(item.sentence and item.attributes for item in found)
    if name == "tnl2k":
        assert "'advSamp_monitor_bikeyellow' has 929 boxes and 930 absence flags: cut to 929" in found.notes
