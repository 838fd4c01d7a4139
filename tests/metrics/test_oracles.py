"""Published results of other people's trackers give the published scores under the named protocols."""

from __future__ import annotations

import numpy as np
import oracle_files as files
import pytest

from asymnas.tracking.metrics import score, score_many

POINTS = 0.05
"""Half a tenth of a percent: what two toolkits may differ by."""


@pytest.fixture(scope="module")
def oracles(shared):
    return shared / "oracles"


@pytest.fixture(scope="module")
def expected(oracles):
    return files.expected(oracles)


def percent(values, wanted):
    return {key: 100 * values[key] for key in wanted}


def same(values, wanted, measures=("SUC", "P", "NP"), points=POINTS):
    wanted = {key: wanted[key] for key in measures}
    assert percent(values, measures) == pytest.approx(wanted, abs=points)


@pytest.mark.parametrize("protocol", ["lasot", "pysot", "pytracking"])
def test_atom_on_lasot(oracles, expected, protocol):
    scores = score(files.atom(oracles), files.lasot(oracles), protocol)
    wanted = expected["lasot_test280"]["ATOM"]
    same(scores.values, wanted, points=0.01)
    assert (scores.videos, scores.frames) == (280, 685_360)
    assert scores.invalid == {"horse-15": 18}
    ceiling = expected["gt_as_tracker_ceiling"]["LaSOT_matlab"]
    assert list(percent(scores.ceiling, ("SUC", "P", "NP")).values()) == pytest.approx(ceiling, abs=POINTS)
    found = {name: 100 * item.values["SUC"] for name, item in scores.attributes.items()}
    assert found == pytest.approx(wanted["attr_SUC"], abs=0.01)


def test_protocols_are_not_exchangeable_on_lasot(oracles):
    found = {
        name: score(files.atom(oracles), files.lasot(oracles), name).values for name in ("got10k-lasot", "visible")
    }
    assert 100 * found["got10k-lasot"]["NP"] == pytest.approx(53.8, abs=POINTS)
    assert 100 * found["got10k-lasot"]["SUC"] == pytest.approx(51.53, abs=POINTS)
    assert 0.8 < 100 * found["visible"]["SUC"] - 51.434 < 1.3


def test_five_trackers_on_otb(oracles, expected):
    found = score_many(files.otb_results(oracles), files.otb(oracles), "otb")
    assert set(found) == set(expected["otb100"])
    for tracker, scores in found.items():
        same(scores.values, expected["otb100"][tracker], points=0.001)
        published = expected["otb100"][tracker]["published_SUC_P"]
        if published:
            assert list(percent(scores.values, ("SUC", "P")).values()) == pytest.approx(published, abs=0.1)
        assert scores.videos == 100
        assert not scores.short


def test_six_trackers_on_otb99_lang(oracles, expected):
    videos, wanted = files.otb99(oracles), expected["otb99lang48"]
    assert len(videos) == 48
    trackers = {**files.otb_results(oracles), "SNLT_otb": files.snlt(oracles)}
    found = score_many(trackers, videos, "otb")
    found["SNLT_pysot"] = score(files.snlt(oracles), videos, "pysot")
    assert set(found) == set(wanted)
    for tracker, scores in found.items():
        same(scores.values, wanted[tracker], points=0.001)
    same(found["SNLT_pysot"].values, wanted["SNLT_pysot"]["published"], points=0.1)
    assert len(found["ATOM"].extra) == 52


def _per_video(oracles, boxes, names):
    clips = {clip.name: clip for clip in files.otb(oracles)}
    scores = score(boxes, [clips[name] for name in names], "pysot")
    curves = scores.video_curves
    return np.stack([curves["success"].mean(1), curves["precision"].mean(1)], axis=1)


def test_dasiamrpn_video_by_video(oracles, expected):
    """The files behind the published table repeat the last box but one; so do these then, and every video agrees.

    As archived, that one frame keeps Bird2 (99 frames) 0.008 away; the ten others agree either way.
    """
    wanted = expected["otb100"]["DaSiamRPN"]["per_video_published_success_meanprecision"]
    names = [name.lower() for name in wanted]
    boxes = {name.lower(): rows for name, rows in files.otb_results(oracles)["DaSiamRPN"].items() if name in names}
    table = np.array(list(wanted.values()))
    off = np.abs(_per_video(oracles, boxes, names) - table).max(1)
    assert (off < 0.001).sum() == 10
    assert names[int(off.argmax())] == "bird2"
    repeated = {name: np.concatenate([rows[:-1], rows[-2:-1]]) for name, rows in boxes.items()}
    np.testing.assert_allclose(_per_video(oracles, repeated, names), table, atol=0.001)


def test_the_ceilings_of_tnl2k(oracles, expected):
    clips = files.tnl2k(oracles)
    truth = {clip.name: clip.boxes for clip in clips}
    for protocol, key in (("tnl2k", "TNL2K_matlab"), ("pysot", "TNL2K_wh_only_mask")):
        scores = score(truth, clips, protocol)
        assert (scores.videos, scores.frames) == (700, 516_038)
        wanted = dict(zip(("SUC", "P", "NP"), expected["gt_as_tracker_ceiling"][key], strict=True))
        same(scores.values, wanted, points=0.01)
        same(scores.ceiling, wanted, points=0.01)


def test_the_example_of_trackingnet(oracles, expected):
    clips, given = files.trackingnet(oracles)
    scores = score(given, clips, "trackingnet", missing="zero")
    wanted = expected["trackingnet_devkit_dummy"]
    same(scores.values, wanted, measures=tuple(wanted), points=0.0001)
    assert scores.missing == ("a9jgDU5THOU_0",)
    assert scores.short == {"a8v0k4Bz_QA_0": (432, 480)}
