"""Result files of anybody: what is detected is reported, what cannot be told is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from result_sets import Truth, predictions, truths, walk, write_rows, write_set

from asymnas.core.errors import DataError
from asymnas.tracking.results import ResultSet, list_trackers, match_names, read_results, write_results

LENGTHS = {"cat-1": 12, "cat-2": 9, "dog-7": 15, "owl-3": 8}


@pytest.fixture
def annotations() -> list[Truth]:
    return truths(LENGTHS)


@pytest.fixture
def boxes(annotations) -> dict[str, np.ndarray]:
    return predictions(annotations)


def noted(results, words: str) -> bool:
    return any(words in note for note in results.notes)


def same(results, boxes, tolerance=1e-4) -> None:
    assert sorted(results.boxes) == sorted(boxes)
    for name, rows in boxes.items():
        np.testing.assert_allclose(results.boxes[name], rows, atol=tolerance)


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize(
    "separator, name", [(",", "comma"), ("\t", "tab"), (" ", "blank"), (";", "semicolon"), (", ", "comma")]
)
def test_base_and_separator_are_detected(tmp_path, annotations, boxes, base, separator, name) -> None:
    folder = write_set(tmp_path / "Mine", boxes, base, separator=separator, ending="\r\n")
    results = read_results(folder, annotations=annotations)
    same(results, boxes)
    assert results.tracker == "Mine"
    assert noted(results, f"separator: {name} (4 files)")
    assert noted(results, f"base {base}: the first rows of 4 of 4 files are the given boxes")


@pytest.mark.parametrize("how", [np.rint, np.trunc])
@pytest.mark.parametrize("base", [0, 1])
def test_base_is_detected_through_rounding_and_cutting(tmp_path, base, how) -> None:
    annotations = truths(LENGTHS, whole=False)
    boxes = predictions(annotations)
    shifted = {name: how(np.add(rows, [base, base, 0, 0])) - [base, base, 0, 0] for name, rows in boxes.items()}
    results = read_results(write_set(tmp_path / "r", shifted, base, digits=0), annotations=annotations)
    same(results, shifted)
    assert noted(results, f"base {base}: ")


def test_unknown_base_is_refused_with_the_way_out(tmp_path, annotations, boxes) -> None:
    half = {name: np.add(rows, [0.5, 0.5, 0, 0]) for name, rows in boxes.items()}
    folder = write_set(tmp_path / "r", half, 0)
    with pytest.raises(DataError, match=r"index base must be known.*\+0\.50, \+0\.50 px.*Give the base: 0, or 1"):
        read_results(folder, annotations=annotations)
    results = read_results(folder, annotations=annotations, base=0)
    same(results, half)
    assert noted(results, "4 of 4 files do not start with the given box")
    assert noted(
        read_results(folder, annotations=annotations, format="lasot"), "base 1 by the convention of lasot files"
    )
    with pytest.raises(DataError, match="index base must be known"):
        read_results(folder)
    assert noted(read_results(folder, format="trackingnet-zip"), "no annotations to check it")


def test_files_that_contradict_each_other_have_no_base(tmp_path, annotations, boxes) -> None:
    folder = write_set(tmp_path / "r", {name: boxes[name] for name in ("cat-1", "cat-2")}, 0)
    write_set(folder, {name: boxes[name] for name in ("dog-7", "owl-3")}, 1)
    with pytest.raises(DataError, match="in 2 files for base 0 and 2 for base 1"):
        read_results(folder, annotations=annotations)


def test_given_base_goes_before_the_numbers_and_says_so(tmp_path, annotations, boxes) -> None:
    results = read_results(write_set(tmp_path / "r", boxes, 1), annotations=annotations, base=0)
    np.testing.assert_allclose(results.boxes["cat-1"], boxes["cat-1"] + [1, 1, 0, 0], atol=1e-4)
    assert noted(results, "base 0, as given, although the first rows of 4 of 4 files say base 1")


def test_numbers_go_before_the_convention_and_it_is_said(tmp_path, annotations, boxes) -> None:
    results = read_results(write_set(tmp_path / "r", boxes, 0), annotations=annotations, format="lasot")
    same(results, boxes)
    assert noted(results, "lasot files count from 1, and base=1 reads them so")


@pytest.mark.parametrize("base", [0, 1])
def test_missing_first_frame_is_put_there(tmp_path, annotations, boxes, base) -> None:
    folder = write_set(tmp_path / "r", {name: rows[1:] for name, rows in boxes.items()}, base)
    with pytest.raises(DataError, match="index base must be known"):
        read_results(folder, annotations=annotations)
    results = read_results(folder, annotations=annotations, base=base)
    same(results, boxes)
    assert noted(results, "4 of 4 files lack the first frame")
    present = read_results(folder, annotations=annotations, base=base, first_row="present")
    assert [len(rows) for rows in present.boxes.values()] == [frames - 1 for frames in LENGTHS.values()]
    assert noted(present, "4 files are short: cat-1 11/12")


def test_resting_target_does_not_hide_a_missing_first_frame(tmp_path, annotations, boxes) -> None:
    boxes["cat-1"][1] = boxes["cat-1"][0]
    folder = write_set(tmp_path / "r", {name: rows[1:] for name, rows in boxes.items()}, 1)
    same(read_results(folder, annotations=annotations, base=1), boxes)
    for name in ("cat-2", "dog-7"):
        boxes[name][1] = boxes[name][0]
    folder = write_set(tmp_path / "s", {name: rows[1:] for name, rows in boxes.items()}, 1)
    with pytest.raises(DataError, match="which frame a file with one row less lacks"):
        read_results(folder, annotations=annotations, base=1)
    same(read_results(folder, annotations=annotations, base=1, first_row="missing"), boxes)


def test_single_short_file_among_whole_ones(tmp_path, annotations, boxes) -> None:
    folder = write_set(tmp_path / "r", boxes)
    write_rows(folder / "cat-1.txt", np.add(boxes["cat-1"][:-1], [1, 1, 0, 0]))  # its last frame is missing
    results = read_results(folder, annotations=annotations)
    assert len(results.boxes["cat-1"]) == 11 and noted(results, "1 files are short: cat-1 11/12")
    write_rows(folder / "cat-1.txt", np.add(boxes["cat-1"][1:], [1, 1, 0, 0]))  # its first frame is missing
    results = read_results(folder, annotations=annotations)
    same(results, boxes)
    assert noted(results, "1 of 4 files lack the first frame")


def test_lost_row_is_refused_where_nothing_tells_which(tmp_path, annotations, boxes) -> None:
    away = {name: np.add(rows, [5.0, 0, 0, 0]) for name, rows in boxes.items()}
    away["cat-1"] = away["cat-1"][1:]
    folder = write_set(tmp_path / "r", away)
    with pytest.raises(DataError, match=r"which frame.*Give first_row='missing'"):
        read_results(folder, annotations=annotations, base=1)


@pytest.mark.parametrize("inside", [0, 1])
@pytest.mark.parametrize("base", [0, 1])
def test_corners_are_detected(tmp_path, annotations, boxes, base, inside) -> None:
    corners = {n: np.column_stack([b[:, :2], b[:, :2] + b[:, 2:] - inside]) for n, b in boxes.items()}
    shifted = {n: np.add(c, [0, 0, base, base]) for n, c in corners.items()}
    results = read_results(write_set(tmp_path / "r", shifted, base), annotations=annotations)
    same(results, boxes)
    assert noted(results, f"rows are corners ({'xyxy-inclusive' if inside else 'xyxy'})")


def test_corners_in_the_first_row_only(tmp_path, annotations, boxes) -> None:
    odd = {name: rows.copy() for name, rows in boxes.items()}
    for rows in odd.values():
        rows[0, 2:] += rows[0, :2]
    results = read_results(write_set(tmp_path / "r", odd, 0), annotations=annotations)
    same(results, boxes)
    assert noted(results, "the first row of 4 files holds corners (xyxy)")


def test_corners_without_annotations_are_asked_for(tmp_path) -> None:
    boxes = {f"v{index}": walk(index, 6) for index in range(6)}
    folder = write_set(
        tmp_path / "r", {n: np.column_stack([b[:, :2], b[:, :2] + b[:, 2:]]) for n, b in boxes.items()}, 0
    )
    with pytest.raises(DataError, match=r"two corners.*corners='xywh' or 'xyxy'"):
        read_results(folder, base=0)
    same(read_results(folder, base=0, corners="xyxy"), boxes)


@pytest.mark.parametrize("head", ["# made by me\n% on monday\n# x,y,w,h\n", "# made by me\nx,y,w,h\n"])
def test_several_lines_before_the_rows(tmp_path, annotations, boxes, head) -> None:
    folder = write_set(tmp_path / "r", boxes, 0)
    for path in folder.glob("*.txt"):
        path.write_text(head + path.read_text())
    results = read_results(folder, annotations=annotations)
    same(results, boxes)
    assert noted(results, "have a header: x y w h")


def test_what_a_manifest_states_can_be_overruled_and_says_so(tmp_path, annotations, boxes) -> None:
    folder = tmp_path / "r"
    write_results(ResultSet("mine", boxes), folder)
    plain = read_results(folder, annotations=annotations)
    assert noted(plain, "base 0, stated by the manifest")
    other = read_results(folder, annotations=annotations, base=1, corners="xyxy", first_row="missing")
    assert noted(other, "base 1, as given, although the manifest states 0")
    assert noted(other, "corners is not looked at") and noted(other, "first_row is not looked at")
    name = next(iter(boxes))
    assert np.allclose(other.boxes[name], plain.boxes[name] - [1, 1, 0, 0])


def test_a_first_row_that_none_can_lack(tmp_path, annotations, boxes) -> None:
    results = read_results(write_set(tmp_path / "r", boxes, 0), annotations=annotations, first_row="missing")
    same(results, boxes)


@pytest.mark.parametrize("name", ["a.json", "manifest.json"])
def test_json_without_end_is_told(tmp_path, name) -> None:
    (tmp_path / name).write_text("[" * 100_000)
    with pytest.raises(DataError, match="must be JSON"):
        read_results(tmp_path)


def test_header_columns_and_scores(tmp_path, annotations, boxes) -> None:
    folder = tmp_path / "r"
    for name, rows in boxes.items():
        table = np.column_stack([rows, np.linspace(0, 1, len(rows))])
        path = write_rows(folder / f"{name}.txt", table)
        path.write_text("x,y,w,h,score\n" + path.read_text())
    results = read_results(folder, annotations=annotations)
    same(results, boxes)
    np.testing.assert_allclose(results.scores["cat-2"], np.linspace(0, 1, 9), atol=1e-4)
    assert noted(results, "4 files have a header: x y w h score") and noted(results, "read as scores")
    numbered = tmp_path / "numbered"
    for name, rows in boxes.items():
        write_rows(numbered / f"{name}.txt", np.column_stack([np.arange(len(rows)) + 1, rows]))
    results = read_results(numbered, annotations=annotations)
    same(results, boxes)
    assert noted(results, "a frame number")


def test_long_term_files_with_an_opening_line(tmp_path, annotations, boxes) -> None:
    for name, rows in boxes.items():
        path = write_rows(tmp_path / "r" / "longterm" / name / f"{name}_001.txt", rows[1:])
        path.write_text("1\n" + path.read_text())
        write_rows(path.with_name(f"{name}_001_confidence.value"), np.linspace(0, 1, len(rows))[:, None])
        write_rows(path.with_name(f"{name}_time.txt"), np.full((len(rows), 1), 0.25))
    with pytest.raises(DataError, match="index base"):
        read_results(tmp_path / "r", annotations=annotations)
    results = read_results(tmp_path / "r", annotations=annotations, base=0)
    same(results, boxes)
    assert noted(results, "the first line of 4 files is 1")
    assert results.scores["cat-1"][-1] == 1 and results.seconds["cat-1"][3] == 0.25


NAMES = [
    (["Human4-2", "Jogging-1", "Jogging-2", "Dog1"], ["human4_2", "jogging.1", "Jogging_2", "dog1"]),
    (["human4_2", "jogging_1"], ["Human4", "Jogging1"]),
    (["Human4"], ["human4-2"]),
]


@pytest.mark.parametrize("known, given", NAMES)
def test_names_written_in_another_way(known, given) -> None:
    matching = match_names(given, known)
    assert [matching[name] for name in given] == known
    assert matching.notes and not matching.left


def test_names_that_are_not_the_same() -> None:
    assert match_names(["airplane-2", "bird"], ["airplane-1", "bird-1"]) == {"bird": "bird-1"}
    assert match_names(["airplane-2"], ["airplane-1"]).left == ("airplane-2",)
    with pytest.raises(DataError, match=r"'Jogging' must mean one video, but got 2: Jogging-1, Jogging-2"):
        match_names(["Jogging"], ["Jogging-1", "Jogging-2"])
    with pytest.raises(DataError, match=r"'Human4-2' must have one result, but got 2: human4-2, Human4_2"):
        match_names(["Human4_2", "human4-2"], ["Human4-2"])
    assert match_names(["Skating3"], ["Skating2-2"], aliases={"Skating2-2": ["Skating3"]})["Skating3"] == "Skating2-2"
    assert match_names(["a"], ["b"], names={"a": "b"})["a"] == "b"
    with pytest.raises(DataError, match="Did you mean 'bird'"):
        match_names(["a"], ["bird"], names={"a": "bidr"})


def test_double_files_of_a_video(tmp_path, annotations, boxes) -> None:
    folder = write_set(tmp_path / "r", boxes)
    write_rows(folder / "CAT_1.txt", boxes["cat-1"])
    with pytest.raises(DataError, match=r"video 'cat-1' must have one result, but got 2"):
        read_results(folder, annotations=annotations)


def test_other_and_missing_videos_are_noted(tmp_path, annotations, boxes) -> None:
    folder = write_set(
        tmp_path / "r", {**{n: boxes[n] for n in ("cat-1", "cat-2", "dog-7")}, "zebra-1": boxes["cat-1"]}
    )
    results = read_results(folder, annotations=annotations)
    assert list(results.boxes) == ["cat-1", "cat-2", "dog-7"]
    assert noted(results, "1 files of other videos are left out: zebra-1")
    assert noted(results, "1 of 4 videos have no file: owl-3")
    with pytest.raises(DataError, match=r"files must be named as the videos are.*Check the data set"):
        read_results(write_set(tmp_path / "s", {"zebra": boxes["cat-1"]}), annotations=annotations)


def test_too_many_rows(tmp_path, annotations, boxes) -> None:
    longer = {**boxes, "dog-7": np.concatenate([boxes["dog-7"], boxes["cat-1"]])}
    results = read_results(write_set(tmp_path / "r", longer), annotations=annotations)
    same(results, boxes)
    assert noted(results, "27 rows for 15 frames, from") and noted(results, "dog-7.txt:16 on")
    every = {name: np.concatenate([rows, rows]) for name, rows in boxes.items()}
    with pytest.raises(DataError, match=r"cat-1\.txt:13: 'cat-1' has 12 frames.*24 rows") as caught:
        read_results(write_set(tmp_path / "s", every), annotations=annotations)
    assert len(caught.value.problems) == 4


BROKEN = {
    "empty": (b"", r"cat-1\.txt: a result file must hold a row for each frame, but got an empty file"),
    "blank": (b"\n \n\r\n", r"an empty file"),
    "header only": (b"# x,y,w,h\n", r"a header only"),
    "word": (b"1,2,3,4\n1,2,oops,4\n", r"cat-1\.txt:2: a row must hold numbers only, but got '1,2,oops,4'"),
    "short row": (b"1,2,3,4\n1,2,3\n1,2,3,4\n", r"cat-1\.txt:2: each row must hold 4 values.*3: '1,2,3'"),
    "gap": (b"1,2,3,4\n\n1,2,3,4\n", r"cat-1\.txt:2: .*blank line"),
    "infinite": (b"1,2,3,4\n1,inf,3,4\n", r"cat-1\.txt:2: a row must hold finite numbers"),
    "not text": (b"1,2,3,4\n\xe9\x80,2,3,4\n", r"cat-1\.txt:2: the text must be UTF-8, but got byte 0xe9"),
    "binary": (bytes(range(256)), r"cat-1\.txt:\d+: the text must be UTF-8"),
    "polygons": (
        b"1,2,3,4,5,6,7,8\n1,2,3,4,5,6,7,8\n",
        r"cat-1\.txt:1: a row must be a box of four numbers.*8 columns",
    ),
    "decimal commas": (b"1,5;2,5;3,0;4,0\n", r"8 columns"),
    "codes": (b"1\n0\n2\n", r"restarted runs"),
}


@pytest.mark.parametrize("content, message", BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named_with_their_line(tmp_path, annotations, boxes, content, message) -> None:
    folder = write_set(tmp_path / "r", boxes)
    (folder / "cat-1.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_results(folder, annotations=annotations)


def test_all_broken_files_are_named_at_once(tmp_path, annotations, boxes) -> None:
    folder = write_set(tmp_path / "r", boxes)
    for name in ("cat-1", "dog-7"):
        (folder / f"{name}.txt").write_text("1,2,3,4\n" + "x,2,3,4\n" * 9)
    with pytest.raises(DataError) as caught:
        read_results(folder, annotations=annotations)
    found = [problem.where.rsplit("/")[-1] for problem in caught.value.problems]
    assert found == [f"{name}.txt{line}" for name in ("cat-1", "dog-7") for line in (":2", ":3", ":4", ":5", ":6", "")]


def test_rows_without_a_box_are_kept_and_noted(tmp_path, annotations, boxes) -> None:
    boxes["cat-2"][3] = np.nan
    results = read_results(write_set(tmp_path / "r", boxes), annotations=annotations)
    assert np.isnan(results.boxes["cat-2"][3]).all()
    assert noted(results, "1 rows of 1 files are NaN, no box; the first is") and noted(results, "cat-2.txt:4")


def test_utf16_and_byte_marks(tmp_path, annotations, boxes) -> None:
    folder = write_set(tmp_path / "r", boxes)
    text = (folder / "cat-1.txt").read_text()
    (folder / "cat-1.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (folder / "cat-2.txt").write_bytes((folder / "cat-2.txt").read_text().encode("utf-16"))
    results = read_results(folder, annotations=annotations)
    same(results, boxes)


def packed(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w:xz") as archive:
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("suffix", [".zip", ".tar.xz"])
def test_archives(tmp_path, annotations, boxes, suffix) -> None:
    folder = write_set(tmp_path / "r", boxes)
    files = {path.name: path.read_bytes() for path in folder.glob("*.txt")}
    both = {f"all/{t}/{name}": data for t in ("A", "B") for name, data in files.items()}
    path = packed(tmp_path / f"both{suffix}", {**both, "__MACOSX/._cat-1.txt": b"\0", "all/readme.md": b"hello"})
    assert list_trackers(path) == ["all/A", "all/B"]
    with pytest.raises(DataError, match=r"results of one tracker, but got 2: all/A, all/B.*tracker='A'"):
        read_results(path, annotations=annotations)
    for results in (read_results(path / "all" / "B", annotations=annotations),
                    read_results(path, annotations=annotations, tracker="B")):  # fmt: skip
        same(results, boxes)
        assert results.tracker == "B"
    assert noted(read_results(path, annotations=annotations, tracker="A"), "1 files that hold no results are left out")
    with pytest.raises(DataError, match="must hold results of tracker 'C'"):
        read_results(path, annotations=annotations, tracker="C")
    with pytest.raises(DataError, match="must hold this folder"):
        read_results(path / "nothing", annotations=annotations)
    alone = packed(tmp_path / f"alone{suffix}", files)
    assert read_results(alone, annotations=annotations).tracker == "alone"


def test_damaged_archives(tmp_path) -> None:
    good = packed(tmp_path / "r.zip", {"cat-1.txt": b"1,2,3,4\n" * 500}).read_bytes()
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(good[:40] + bytes([good[40] ^ 255]) + good[41:])
    with pytest.raises(DataError, match=r"damaged\.zip/cat-1\.txt: the archive must be whole"):
        read_results(damaged, base=0)
    cut = tmp_path / "cut.tar.xz"
    cut.write_bytes(packed(tmp_path / "r.tar.xz", {"cat-1.txt": b"1,2,3,4\n" * 500}).read_bytes()[:80])
    (tmp_path / "text.zip").write_text("not a zip")
    for path in (cut, tmp_path / "text.zip"):
        with pytest.raises(DataError, match=r"(archive must be whole|must be a folder or an archive)"):
            read_results(path, base=0)


def test_places_without_results(tmp_path) -> None:
    with pytest.raises(DataError, match="nothing is there"):
        read_results(tmp_path / "none")
    with pytest.raises(DataError, match="must hold result files of one tracker, but got none"):
        read_results(tmp_path)
    (tmp_path / "a.mat").write_bytes(b"x")
    with pytest.raises(DataError, match="must be a folder or an archive"):
        read_results(tmp_path / "a.mat")


def test_options_are_checked_together(tmp_path) -> None:
    with pytest.raises(DataError) as caught:
        read_results(tmp_path, format="lasott", base=2, first_row="x", corners="no", repetition=0)
    assert [problem.where for problem in caught.value.problems] == [
        "format",
        "base",
        "first_row",
        "corners",
        "repetition",
    ]
    assert "Did you mean 'lasot'" in str(caught.value)


@pytest.mark.parametrize("record, message", [
    ({"resType": "ivtAff", "res": [[1, 2, 3, 4, 5, 6]]}, "resType must be 'rect'"),
    ({"evalType": "TRE", "res": [[1, 2, 3, 4]]}, "evalType must be 'OPE'"),
    ({"res": [[1, 2, 3]]}, "'res' must be a list of x, y, w, h"),
    ({"boxes": []}, "must be a record with 'res'"),
])  # fmt: skip
def test_otb_records_of_another_kind(tmp_path, record, message) -> None:
    import json

    (tmp_path / "cat-1.json").write_text(json.dumps([record]))
    with pytest.raises(DataError, match=message):
        read_results(tmp_path)
