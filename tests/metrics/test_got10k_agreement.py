"""The reports of the got10k package, run on files, print the scores of the protocols that bear its name."""

from __future__ import annotations

import numpy as np
import pytest

from asymnas.tracking.metrics import Clip, score

pytest.importorskip("got10k", reason="the got10k package is needed: pip install 'asymnas[got10k]'")

SIZE = (320, 240)


def _write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, rows, fmt="%.3f" if np.ndim(rows) == 2 else "%d", delimiter=",")


@pytest.fixture
def clips():
    """Videos with boxes over the borders, hidden frames, and a tracker that also gives boxes without area."""
    rng = np.random.default_rng(5)
    clips, boxes = [], {}
    for number, frames in enumerate((40, 90, 17)):
        truth = np.concatenate([rng.uniform(-20, 280, (frames, 2)), rng.uniform(20, 90, (frames, 2))], axis=1).round(3)
        cover = rng.integers(0, 9, frames)
        name = f"GOT-10k_Val_{number + 1:06d}"
        clips.append(Clip(name, truth, cover == 0, frozenset(), cover, SIZE))
        rows = truth + rng.normal(0, 9, truth.shape)
        rows[5, 2:] = 0
        rows[7] = [-500, 20, 30, 40]
        boxes[name] = rows.round(3)
    return clips, boxes


def test_got10k(clips, tmp_path):
    from got10k.experiments import ExperimentGOT10k

    clips, boxes = clips
    root = tmp_path / "data"
    for clip in clips:
        folder = root / "val" / clip.name
        _write(folder / "groundtruth.txt", clip.boxes)
        for label in ("cover", "absence", "cut_by_image"):
            _write(folder / f"{label}.label", clip.cover)
        folder.joinpath("meta_info.ini").write_text(f"[METAINFO]\nresolution: {SIZE}\n")
        for frame in range(len(clip.boxes)):
            folder.joinpath(f"{frame + 1:08d}.jpg").touch()
        _write(tmp_path / "results/GOT-10k/t" / clip.name / f"{clip.name}_001.txt", boxes[clip.name])
        times = tmp_path / "results/GOT-10k/t" / clip.name / f"{clip.name}_time.txt"
        np.savetxt(times, np.full((len(clip.boxes), 1), 0.1), fmt="%.8f", delimiter=",")
    root.joinpath("val/list.txt").write_text("\n".join(clip.name for clip in clips))
    experiment = ExperimentGOT10k(root, "val", tmp_path / "results", tmp_path / "reports")
    experiment.plot_curves = lambda *_: None
    wanted = experiment.report(["t"])["t"]
    found = score(boxes, clips, "got10k")
    assert found.values["AO"] == pytest.approx(wanted["overall"]["ao"], abs=1e-12)
    assert found.values["SR0.5"] == pytest.approx(wanted["overall"]["sr"], abs=1e-12)
    np.testing.assert_allclose(found.curves["success"].values, wanted["overall"]["succ_curve"], atol=1e-12)
    for name, values in found.per_video.items():
        assert values["AO"] == pytest.approx(wanted["seq_wise"][name]["ao"], abs=1e-12)
    assert found.frames == sum(int((clip.cover[1:] > 0).sum()) for clip in clips)
    assert not found.notes


def test_otb(clips, tmp_path, monkeypatch):
    from got10k.experiments import ExperimentOTB

    clips, boxes = clips
    experiment = object.__new__(ExperimentOTB)
    experiment.nbins_iou, experiment.nbins_ce = 21, 51
    experiment.result_dir, experiment.report_dir = str(tmp_path / "results"), str(tmp_path / "reports")
    monkeypatch.setattr(ExperimentOTB, "plot_curves", lambda *_: None)

    class Videos(list):
        seq_names = tuple(clip.name for clip in clips)

    experiment.dataset = Videos(([], clip.boxes.copy()) for clip in clips)
    for clip in clips:
        _write(tmp_path / "results/t" / f"{clip.name}.txt", boxes[clip.name])
    wanted = experiment.report(["t"])["t"]
    found = score(boxes, clips, "got10k-lasot")
    assert found.values["SUC"] == pytest.approx(wanted["overall"]["success_score"], abs=1e-12)
    assert found.values["P"] == pytest.approx(wanted["overall"]["precision_score"], abs=1e-12)
    np.testing.assert_allclose(found.curves["precision"].values, wanted["overall"]["precision_curve"], atol=1e-12)
    for name, values in found.per_video.items():
        assert values["SUC"] == pytest.approx(wanted["seq_wise"][name]["success_score"], abs=1e-12)
