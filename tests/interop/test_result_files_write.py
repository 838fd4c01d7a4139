"""Writers of result files: places, numbers, safety; and that every form comes back as it went."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from result_sets import Truth, predictions, truths

from asymnas.core.errors import DataError
from asymnas.tracking.results import (
    FORMATS,
    NATIVE_BASE,
    ResultSet,
    read_manifest,
    read_results,
    read_video_file,
    read_video_seconds,
    write_manifest,
    write_results,
    write_video_file,
)

ROUNDING = {"asymnas": 0.0, "trackingnet-zip": 0.0051, "got10k": 0.00051, "got10k-zip": 0.00051, "otb-json": 1e-9}
ENDING = {"got10k-zip": "r.zip", "trackingnet-zip": "r.zip"}


@pytest.fixture
def results() -> ResultSet:
    boxes = predictions(truths({"cat-1": 12, "Human4-2": 9, "Jogging-1": 7}))
    scores = {name: np.linspace(1, 0.1, len(rows)) for name, rows in boxes.items()}
    seconds = {"cat-1": np.full(12, 0.02), "Human4-2": 0.9, "Jogging-1": np.full(7, 0.01)}
    manifest = {"weights": "abc", "dataset": {"name": "otb100", "split": "test"}, "settings": {"lr": 0.3}}
    return ResultSet("Mine", boxes, scores, seconds, manifest)


def target(folder: Path, format: str) -> Path:
    return folder / ENDING.get(format, "out")


PLACES = {
    "lasot": "Mine_tracking_result/{}.txt",
    "tnl2k": "Mine_tracking_result/{}.txt",
    "pysot": "OTB100/Mine/{}.txt",
    "pytracking": "Mine/default/{}.txt",
    "got10k": "OTB2015/Mine/{}.txt",
    "otb-json": "Mine/{}.json",
    "asymnas": "{}.txt",
}


@pytest.mark.parametrize("format, place", PLACES.items())
def test_places(tmp_path, results, format, place) -> None:
    written = {str(path.relative_to(tmp_path)) for path in write_results(results, tmp_path, format)}
    names = {"got10k": ["cat-1", "Human4", "Jogging.1"]}.get(format, ["cat-1", "Human4-2", "Jogging-1"])
    assert {place.format(name) for name in names} <= written
    assert written == {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}


def test_rows_are_floats_in_the_base_of_the_toolkit(tmp_path) -> None:
    results = ResultSet("T", {"a": [[10.123456, 0, 5, 6], [1.99999, 2.5, 3, 4]]}, seconds={"a": 0.5})

    def first(format: str, **options) -> str:
        paths = write_results(results, target(tmp_path / format, format), format, **options)
        if format.endswith("-zip"):
            with zipfile.ZipFile(paths[0]) as archive:
                return archive.read(
                    next(name for name in archive.namelist() if not name.endswith("_time.txt"))
                ).decode()
        return next(path for path in paths if path.stem in ("a", "a_001")).read_text()

    assert first("lasot") == "11.1235,1.0000,5.0000,6.0000\n3.0000,3.5000,3.0000,4.0000\n"
    assert first("tnl2k") == "10.1235,0.0000,5.0000,6.0000\n2.0000,2.5000,3.0000,4.0000\n"
    assert first("pysot", dataset="LaSOT", decimals=1).startswith("11.1,1.0,")
    assert first("pytracking", dataset="otb100").startswith("11.1235\t1.0000\t5.0000\t6.0000\n")
    assert first("got10k") == "10.123,0.000,5.000,6.000\n2.000,2.500,3.000,4.000\n"
    assert first("got10k-zip").startswith("10.123,0.000,")
    assert first("trackingnet-zip") == "10.12,0.00,5.00,6.00\n2.00,2.50,3.00,4.00\n"
    record = json.loads(first("otb-json"))[0]
    assert record["res"][0] == [11.123456, 1.0, 5.0, 6.0] and record["fps"] == 4
    assert (record["startFrame"], record["endFrame"], record["resType"], record["evalType"]) == (1, 2, "rect", "OPE")


def test_server_archives(tmp_path, results) -> None:
    (path,) = write_results(results, tmp_path / "r.zip", "got10k-zip")
    again = write_results(results, tmp_path / "s.zip", "got10k-zip")[0]
    assert path.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert "cat-1/cat-1_001.txt" in archive.namelist() and "cat-1/cat-1_time.txt" in archive.namelist()
        assert archive.read("Human4-2/Human4-2_time.txt").split() == [b"0.10000000"] * 9
    with pytest.raises(DataError, match=r"must be a \.zip"):
        write_results(results, tmp_path / "folder", "trackingnet-zip")


def test_otb_videos_that_start_later(tmp_path, shared) -> None:
    images = json.loads((shared / "oracles/otb2015_gt.json").read_text())
    boxes = {item["name"]: [item["gt_rect"][0]] * 2 for item in images.values()}
    wanted = {item["name"]: int(item["first_image"].split(".")[0]) for item in images.values()}
    results = ResultSet("T", boxes, manifest={"dataset": "otb100"})
    records = [json.loads(path.read_text())[0] for path in write_results(results, tmp_path, "otb-json")]
    assert {record["seqName"]: record["startFrame"] for record in records} == wanted


def test_what_must_be_known_is_asked_for(tmp_path, results) -> None:
    bare = ResultSet("T", results.boxes)
    with pytest.raises(DataError) as caught:
        write_results(bare, tmp_path, "pysot", names={"cat": "x"})
    assert [problem.where for problem in caught.value.problems] == ["base", "dataset", "names"]
    with pytest.raises(DataError, match="Give the base, or dataset="):
        write_results(bare, tmp_path, "pytracking")
    with pytest.raises(DataError, match="Did you mean 'pysot'"):
        write_results(bare, tmp_path, "pysott")
    with pytest.raises(DataError, match="at least one video"):
        write_results(ResultSet("T", {}), tmp_path)
    for name in ("../a", "a/b", "", "nul\0", " a", "a:b"):
        for format in ("asymnas", "lasot"):
            with pytest.raises(DataError, match="usable as a file name"):
                write_results(ResultSet("T", {name: [[1, 2, 3, 4]]}), tmp_path, format)
    with pytest.raises(DataError, match="usable as a file name"):
        write_results(ResultSet("../T", {"a": [[1, 2, 3, 4]]}), tmp_path, "lasot")
    with pytest.raises(DataError, match="more than letter case"):
        write_results(ResultSet("T", {"a": [[1, 2, 3, 4]], "A": [[1, 2, 3, 4]]}), tmp_path, "lasot")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "asymnas"])
def test_rows_without_a_box(tmp_path, format) -> None:
    results = ResultSet("T", {"a": [[1, 2, 3, 4], [np.nan] * 4, [5, 6, 7, 8], [np.nan] * 4]})
    path = target(tmp_path, format)
    with pytest.raises(DataError, match=r"results of 'a', row 2.*nan='previous'"):
        write_results(results, path, format, base=0, dataset="lasot")
    write_results(results, path, format, base=0, dataset="lasot", nan="previous")
    source = path if path.is_file() else next(path.rglob("a.*"), path)
    read = read_results(source if source.is_file() and format.endswith("zip") else path, base=0)
    np.testing.assert_allclose(read.boxes["a"], [[1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6, 7, 8]])


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "asymnas"])
def test_results_that_are_there_are_not_lost(tmp_path, results, format) -> None:
    path = target(tmp_path, format)
    first = write_results(results, path, format)
    kept = {file: file.read_bytes() for file in first}
    assert write_results(results, path, format) == first
    other = ResultSet("Mine", {n: rows + 1 for n, rows in results.boxes.items()}, manifest=results.manifest)
    with pytest.raises(DataError, match=r"must not be lost.*overwrite=True"):
        write_results(other, path, format)
    assert {file: file.read_bytes() for file in first} == kept
    write_results(other, path, format, overwrite=True)
    assert any(file.read_bytes() != data for file, data in kept.items())


def test_canonical_folder_belongs_to_one_tracker(tmp_path, results) -> None:
    write_results(results, tmp_path)
    changed = ResultSet("Mine", {"cat-1": results.boxes["cat-1"] + 1}, manifest=results.manifest)
    write_results(changed, tmp_path)
    assert (tmp_path / "Human4-2.txt").exists()
    for other in (ResultSet("Other", changed.boxes, manifest=results.manifest),
                  ResultSet("Mine", changed.boxes, manifest={**results.manifest, "weights": "def"})):  # fmt: skip
        before = read_video_file(tmp_path / "cat-1.txt")[0]
        with pytest.raises(DataError, match=r"must hold no results but those of.*differ in (tracker|weights)"):
            write_results(other, tmp_path)
        np.testing.assert_array_equal(read_video_file(tmp_path / "cat-1.txt")[0], before)
    write_results(other, tmp_path, overwrite=True)
    assert sorted(p.name for p in tmp_path.glob("*.txt")) == ["cat-1.txt"] and not list(tmp_path.glob("times/*"))
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="must hold no results but those of"):
        write_results(results, foreign)


def test_failed_writing_leaves_nothing_behind(tmp_path, results, monkeypatch) -> None:
    write_results(results, tmp_path)
    before = (tmp_path / "cat-1.txt").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(DataError, match="No space left on device"):
        write_results(results, tmp_path)
    assert (tmp_path / "cat-1.txt").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_manifest(tmp_path, results) -> None:
    write_results(results, tmp_path)
    manifest = read_manifest(tmp_path)
    assert manifest["tracker"] == "Mine" and manifest["base"] == 0 and manifest["weights"] == "abc"
    assert (tmp_path / "cat-1.txt").read_text().startswith("# x,y,w,h,score (pixels, 0-based corner)\n")
    for text, message in (("{", "must be JSON"), ('{"a": 1}', "must say format"),
                          (json.dumps({**manifest, "version": 2}), "version must be 1"),
                          (json.dumps({**manifest, "base": None}), "name the tracker and the base")):  # fmt: skip
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(DataError, match=message):
            read_results(tmp_path)
    with pytest.raises(DataError, match="must be JSON"):
        write_manifest(tmp_path, "T", {"x": float("nan")})


def test_one_video_at_a_time(tmp_path, results) -> None:
    write_manifest(tmp_path, "Mine", results.manifest)
    path = write_video_file(tmp_path, "cat-1", results.boxes["cat-1"], results.scores["cat-1"], 0.25)
    boxes, scores = read_video_file(path)
    np.testing.assert_array_equal(boxes, results.boxes["cat-1"])
    np.testing.assert_array_equal(scores, results.scores["cat-1"])
    assert read_video_seconds(tmp_path, "cat-1") == 0.25 and read_video_seconds(tmp_path, "x") is None
    again = read_results(tmp_path)
    assert again.seconds == {"cat-1": 0.25} and again.frames_per_second() == 48
    with pytest.raises(DataError, match="scores must be one a box"):
        write_video_file(tmp_path, "cat-1", results.boxes["cat-1"], np.ones(3))


SETS = {
    "lasot": "lasot", "tnl2k": "tnl2k", "pysot": "otb100", "pytracking": "lasot", "got10k": "got10k",
    "got10k-zip": "got10k", "trackingnet-zip": "trackingnet", "otb-json": "otb100", "asymnas": "got10k",
}  # fmt: skip


@given(
    data=st.data(),
    format=st.sampled_from(FORMATS),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    known=st.booleans(),
    timed=st.booleans(),
)
def test_round_trip(tmp_path_factory, data, format, lengths, known, timed) -> None:
    """Whatever a tracker said comes back, to the digits of the form, with annotations or by convention."""
    sixtyfourth = st.integers(1, 30000).map(lambda value: value / 64)
    box = st.tuples(sixtyfourth, sixtyfourth, sixtyfourth, sixtyfourth)
    row = st.tuples(*[st.floats(-2000, 2000, width=32)] * 2, *[st.floats(0, 2000, width=32)] * 2)
    boxes, seconds = {}, {}
    for index, frames in enumerate(lengths):
        name = f"v-{index}"
        boxes[name] = np.array([data.draw(box), *(data.draw(row) for _ in range(frames - 1))])
        if timed:
            spent = st.floats(1e-4, 10)
            seconds[name] = np.array([data.draw(spent) for _ in range(frames)])
    results = ResultSet("T", boxes, seconds=seconds, manifest={"dataset": SETS[format]})
    folder = target(tmp_path_factory.mktemp("r"), format)
    write_results(results, folder, format)
    annotations = [Truth(name, rows) for name, rows in boxes.items()] if known else None
    form = {} if known else {"format": format, "dataset": SETS[format]}
    read = read_results(folder, annotations=annotations, **form)
    assert sorted(read.boxes) == sorted(boxes)
    for name, rows in boxes.items():
        np.testing.assert_allclose(read.boxes[name], rows, rtol=0, atol=ROUNDING.get(format, 5.1e-5))
        if not timed:
            assert not read.seconds
        if timed and format in ("asymnas", "pytracking", "got10k", "got10k-zip"):
            np.testing.assert_allclose(read.seconds[name], seconds[name], rtol=0, atol=1e-8)


@given(st.data())
def test_canonical_round_trip_is_exact(tmp_path_factory, data) -> None:
    number = st.floats(allow_nan=False, allow_infinity=False, width=64)
    frames = data.draw(st.integers(1, 5))
    rows = np.array([[data.draw(number) for _ in range(4)] for _ in range(frames)])
    if data.draw(st.booleans()):
        rows[-1] = np.nan
    scores = {"v": np.array([data.draw(number) for _ in range(frames)])} if data.draw(st.booleans()) else {}
    spent = data.draw(st.one_of(st.none(), st.floats(0, 1e6), st.just(np.linspace(0.1, 1, frames))))
    results = ResultSet("T", {"v": rows}, scores, {} if spent is None else {"v": spent}, {"weights": "é"})
    folder = tmp_path_factory.mktemp("r")
    write_results(results, folder)
    read = read_results(folder)
    np.testing.assert_array_equal(read.boxes["v"], rows)
    assert read.tracker == "T" and read.manifest["weights"] == "é" and set(read.scores) == set(scores)
    if scores:
        np.testing.assert_array_equal(read.scores["v"], scores["v"])
    if spent is not None:
        np.testing.assert_array_equal(read.seconds["v"], spent)


def test_times_and_scores_of_pytracking(tmp_path, results) -> None:
    write_results(results, tmp_path, "pytracking", param="p_001")
    read = read_results(tmp_path, base=1)
    assert sorted(read.boxes) == ["Human4-2", "Jogging-1", "cat-1"]
    np.testing.assert_allclose(read.seconds["Human4-2"], 0.1)
    np.testing.assert_allclose(read.scores["cat-1"], results.scores["cat-1"], atol=1e-8)


def test_repetitions(tmp_path) -> None:
    for number in (1, 2, 3):
        folder = tmp_path / "T" / "a"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"a_{number:03d}.txt").write_text(f"{number},2,3,4\n5,6,7,8\n")
        (folder / "a_time.txt").write_text("0.1,0.2,0.3\n0.1,0.2,0.3\n")
    read = read_results(tmp_path, format="got10k", dataset="GOT-10k", repetition=2)
    assert read.tracker == "T" and read.boxes["a"][0, 0] == 2
    np.testing.assert_array_equal(read.seconds["a"], [0.2, 0.2])
    assert any("repetition 2 is read" in note for note in read.notes)
    with pytest.raises(DataError, match="must have repetition 4, but got 1, 2, 3"):
        read_results(tmp_path, base=0, repetition=4)


def test_result_set_checks_its_shapes() -> None:
    with pytest.raises(DataError) as caught:
        ResultSet("T", {"a": np.zeros((0, 4)), "b": np.zeros((2, 4))}, {"b": [1.0]}, {"c": 1.0})
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("dataset", ["lasot", "tnl2k", "got10k", "otb99_lang"])
def test_native_base_is_that_of_the_readers(tmp_path, dataset) -> None:
    import cv2

    from asymnas.tracking.data import load_dataset

    image = np.zeros((60, 80, 3), np.uint8)
    rows = "11,12,13,14\n12,13,13,14\n"
    layouts = {
        "lasot": ("LaSOT/airplane/airplane-1/img/%08d.jpg", "LaSOT/airplane/airplane-1/groundtruth.txt"),
        "tnl2k": ("TNL2K/test/a/imgs/%05d.jpg", "TNL2K/test/a/groundtruth.txt"),
        "got10k": ("GOT-10k/val/GOT-10k_Val_000001/%08d.jpg", "GOT-10k/val/GOT-10k_Val_000001/groundtruth.txt"),
        "otb99_lang": ("OTB99-LANG/OTB_videos/Biker/img/%04d.jpg", "OTB99-LANG/OTB_videos/Biker/groundtruth_rect.txt"),
    }  # fmt: skip
    images, annotation = layouts[dataset]
    for number in (1, 2):
        path = tmp_path / (images % number)
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    (tmp_path / annotation).write_text(rows)
    if dataset == "lasot":
        for flags in ("full_occlusion", "out_of_view"):
            (tmp_path / annotation).with_name(f"{flags}.txt").write_text("0,0")
    if dataset == "otb99_lang":
        query = tmp_path / "OTB99-LANG/OTB_query_test"
        query.mkdir(parents=True)
        (query / "Biker.txt").write_text("the biker")
    if dataset == "got10k":
        (tmp_path / "GOT-10k/val/list.txt").write_text("GOT-10k_Val_000001\n")
    split = {"got10k": "val", "lasot": "all"}.get(dataset, "test")
    (video,) = load_dataset(dataset, split, root=tmp_path).videos
    assert video.boxes[0].tolist() == [11 - NATIVE_BASE[dataset], 12 - NATIVE_BASE[dataset], 13, 14]


def test_folder_with_a_manifest_only(tmp_path) -> None:
    write_manifest(tmp_path, "Mine", {})
    with pytest.raises(DataError, match="must hold results of a video, but got a manifest only"):
        read_results(tmp_path)
