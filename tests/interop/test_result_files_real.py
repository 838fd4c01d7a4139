"""Result files that trackers' authors published are read as they are."""

from __future__ import annotations

import json
import re
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from result_sets import Truth

from asymnas.core.errors import DataError
from asymnas.tracking.results import list_trackers, read_results, write_results


@cache
def otb(shared: Path) -> list[Truth]:
    data = json.loads((shared / "oracles/otb2015_gt.json").read_text())
    return [Truth(name, np.array(item["gt_rect"], float) - np.array([1, 1, 0, 0])) for name, item in data.items()]


@pytest.mark.parametrize("tracker, short", [("ATOM", 0), ("MDNet", 2), ("DaSiamRPN", 0)])
def test_otb_results_in_an_archive_of_five(shared, tracker, short) -> None:
    path = shared / "oracles/otb100_results.tar.xz"
    results = read_results(path / "otb100_results" / tracker, annotations=otb(shared))
    assert (results.tracker, len(results), results.frames) == (tracker, 100, 59035 - short)
    assert "base 1: the first rows of 100 of 100 files are the given boxes" in results.notes
    assert ("2 files are short: board 697/698, twinnings 471/472" in results.notes) == bool(short)
    assert not any("lack the first frame" in note for note in results.notes)
    for truth in otb(shared):
        np.testing.assert_array_equal(results.boxes[truth.name][0], truth.boxes[0])


def test_the_five_are_listed(shared) -> None:
    path = shared / "oracles/otb100_results.tar.xz"
    names = ["ATOM", "CFNet", "DaSiamRPN", "MDNet", "SiamFC"]
    assert list_trackers(path) == [f"otb100_results/{name}" for name in names]
    with pytest.raises(DataError, match="results of one tracker, but got 5"):
        read_results(path, annotations=otb(shared))


def test_results_without_the_first_frame(shared) -> None:
    path = shared / "oracles/snlt_otb99lang_raw.zip"
    with pytest.raises(DataError, match=r"index base must be known.*Give the base: 0, or 1"):
        read_results(path, annotations=otb(shared))
    results = read_results(path, annotations=otb(shared), base=1)
    assert len(results) == 48 and any(note.startswith("48 of 48 files lack the first frame") for note in results.notes)
    assert any("Human4 as human4_2" in note for note in results.notes)
    lengths = {truth.name: len(truth.boxes) for truth in otb(shared)}
    assert all(len(rows) == lengths[name] for name, rows in results.boxes.items())
    np.testing.assert_allclose(results.boxes["biker"][1], [260.25, 90.87, 15.92, 25.93])


def test_lasot_results(shared) -> None:
    annotations = []
    with tarfile.open(shared / "oracles/lasot_test_annotations.tar.xz") as archive:
        for member in archive:
            if re.fullmatch(r"annos/[^/]+\.txt", member.name):
                words = archive.extractfile(member).read().replace(b",", b" ").split()
                rows = np.array(words, dtype=np.float64).reshape(-1, 4)
                annotations.append(Truth(Path(member.name).stem, np.subtract(rows, [1, 1, 0, 0])))
    results = read_results(shared / "oracles/lasot_results_ATOM.tar.xz", annotations=annotations)
    assert (results.tracker, len(results), results.frames) == ("ATOM", 280, 685360)
    assert results.notes == (
        "separator: comma (280 files)",
        "base 1: the first rows of 280 of 280 files are the given boxes",
    )


def test_trackingnet_submission_comes_back_as_it_was(shared, tmp_path) -> None:
    truth = read_results(shared / "oracles/trackingnet_dummy_gt.zip", format="trackingnet-zip")
    annotations = [Truth(name, rows) for name, rows in truth.boxes.items()]
    path = shared / "oracles/trackingnet_dummy_submission.zip"
    results = read_results(path, annotations=annotations)
    assert "base 0: the first rows of 8 of 8 files are the given boxes" in results.notes
    assert "1 files are short: a8v0k4Bz_QA_0 432/480" in results.notes
    assert "1 of 9 videos have no file: a9jgDU5THOU_0" in results.notes
    (written,) = write_results(results, tmp_path / "again.zip", "trackingnet-zip")
    again = read_results(written, annotations=annotations)
    assert again.boxes.keys() == results.boxes.keys()
    for name, rows in results.boxes.items():
        np.testing.assert_allclose(again.boxes[name], rows, rtol=0, atol=1e-9)
