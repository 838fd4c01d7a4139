"""The got10k package reads what is written here, and what it writes is read."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from result_sets import Truth, predictions, truths

from asymnas.tracking.results import ResultSet, read_results, write_results

experiments = pytest.importorskip("got10k.experiments", reason="needs the got10k package (extra `test`)")
metrics = pytest.importorskip("got10k.utils.metrics", reason="needs the got10k package (extra `test`)")

SIZE = (400, 300)


def got10k_folder(root: Path, annotations: list[Truth]) -> None:
    for truth in annotations:
        folder = root / "val" / truth.name
        folder.mkdir(parents=True)
        for number in range(1, len(truth.boxes) + 1):
            cv2.imwrite(str(folder / f"{number:08d}.jpg"), np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
        np.savetxt(folder / "groundtruth.txt", truth.boxes, delimiter=",", fmt="%.4f")
        labels = {"absence": 0, "cut_by_image": 0, "cover": 8}
        for label, value in labels.items():
            np.savetxt(folder / f"{label}.label", np.full(len(truth.boxes), value), fmt="%d")
        (folder / "meta_info.ini").write_text(f"[METAINFO]\nurl: x\nresolution: ({SIZE[0]}, {SIZE[1]})\n")
    (root / "val/list.txt").write_text("\n".join(truth.name for truth in annotations))


@pytest.mark.parametrize("timed", [True, False])
def test_got10k_evaluates_what_is_written(tmp_path, timed) -> None:
    annotations = truths({"GOT-10k_Val_000001": 9, "GOT-10k_Val_000002": 7}, whole=False)
    got10k_folder(tmp_path / "data", annotations)
    boxes = predictions(annotations)
    seconds = {name: np.full(len(rows), 0.02) for name, rows in boxes.items()} if timed else {}
    write_results(ResultSet("Mine", boxes, seconds=seconds), tmp_path / "results", "got10k")
    experiment = experiments.ExperimentGOT10k(
        str(tmp_path / "data"), "val", result_dir=str(tmp_path / "results"), report_dir=str(tmp_path / "reports")
    )
    overall = experiment.report(["Mine"])["Mine"]["overall"]
    overlaps = [metrics.rect_iou(boxes[t.name][1:].copy(), t.boxes[1:].copy(), bound=SIZE) for t in annotations]
    assert overall["ao"] == pytest.approx(np.mean(np.concatenate(overlaps)), abs=1e-4)
    assert overall["speed_fps"] == pytest.approx(50 if timed else -1)


def test_what_got10k_writes_is_read(tmp_path) -> None:
    from got10k.trackers import IdentityTracker

    annotations = truths({"GOT-10k_Val_000001": 5, "GOT-10k_Val_000002": 6}, whole=False)
    got10k_folder(tmp_path / "data", annotations)
    experiment = experiments.ExperimentGOT10k(str(tmp_path / "data"), "val", result_dir=str(tmp_path / "results"))
    experiment.run(IdentityTracker())
    results = read_results(tmp_path / "results", annotations=annotations)
    assert results.tracker == "IdentityTracker" and len(results.seconds) == 2
    assert "base 0: the first rows of 2 of 2 files are the given boxes" in results.notes
    for truth in annotations:
        np.testing.assert_allclose(results.boxes[truth.name], np.tile(truth.boxes[0], (len(truth.boxes), 1)), atol=6e-4)


def test_got10k_scores_otb_results(tmp_path, monkeypatch) -> None:
    """ExperimentOTB wants the whole benchmark on disk, so its data set is replaced by two videos."""
    annotations = truths({"Biker": 9, "Jogging.1": 7})
    boxes = predictions([Truth(truth.name.replace(".", "-"), truth.boxes) for truth in annotations])

    class Two:
        def __init__(self, *_, **__) -> None:
            self.seq_names = [truth.name for truth in annotations]

        def __len__(self) -> int:
            return len(annotations)

        def __iter__(self):
            return iter([([], np.add(truth.boxes, [1, 1, 0, 0])) for truth in annotations])

    monkeypatch.setattr("got10k.experiments.otb.OTB", Two)
    results = ResultSet("Mine", boxes, {}, {name: 0.5 for name in boxes}, {"dataset": "otb100"})
    write_results(results, tmp_path / "results", "got10k")
    experiment = experiments.ExperimentOTB("unused", 2015, str(tmp_path / "results"), str(tmp_path / "reports"))
    report = experiment.report(["Mine"])["Mine"]
    assert set(report["seq_wise"]) == {"Biker", "Jogging.1"}
    assert report["overall"]["precision_score"] == 1
    assert report["seq_wise"]["Biker"]["speed_fps"] == pytest.approx(18)
