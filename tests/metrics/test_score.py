"""Scores of trackers: what is averaged, what is listed, and how sure it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.core.errors import DataError
from asymnas.core.statistics import bootstrap_ci, mean_se, weighted_se, widened
from asymnas.tracking.metrics import PROTOCOLS, Annotated, Clip, compare, score, score_many, suc

ROOT = Path(__file__).resolve().parents[2]


def benchmark(seed=0, videos=12, noise=4.0):
    rng = np.random.default_rng(seed)
    clips, boxes = [], {}
    for number in range(videos):
        frames = int(rng.integers(10, 60))
        truth = np.concatenate([rng.uniform(5, 60, (frames, 2)), rng.uniform(20, 40, (frames, 2))], axis=1)
        marks = frozenset({"FM"} if number % 3 == 0 else {"OV", "LR"} if number % 3 == 1 else set())
        clips.append(Clip(f"v{number}", truth, rng.random(frames) < 0.1, marks, np.full(frames, 8), (200, 200)))
        boxes[f"v{number}"] = truth + rng.normal(0, noise * rng.uniform(0.2, 3), truth.shape)
    return clips, boxes


def test_the_benchmark_is_the_mean_of_its_videos():
    clips, boxes = benchmark()
    scores = score(boxes, clips, "lasot")
    alone = [suc(boxes[clip.name], clip.boxes, clip.absent) for clip in clips]
    assert list(scores.per_video) == [clip.name for clip in clips]
    np.testing.assert_allclose(scores.of_videos("SUC"), alone)
    assert scores.values["SUC"] == pytest.approx(np.mean(alone))
    assert scores.curves["success"].values.mean() == pytest.approx(scores.values["SUC"])
    assert scores.curves["precision"].values[20] == pytest.approx(scores.values["P"])
    assert scores.curves["normalised precision"].values[20] == pytest.approx(scores.values["NP"])
    assert (scores.videos, scores.frames) == (12, sum(len(clip.boxes) for clip in clips))
    assert (scores.missing, scores.short, scores.long, scores.invalid, scores.extra) == ((), {}, {}, {}, ())


def test_attributes_average_over_their_videos():
    clips, boxes = benchmark()
    scores = score(boxes, clips, "lasot")
    assert {name: item.videos for name, item in scores.attributes.items()} == {"FM": 4, "LR": 4, "OV": 4}
    wanted = np.mean([scores.per_video[clip.name]["NP"] for clip in clips if "FM" in clip.attributes])
    assert scores.attributes["FM"].values["NP"] == pytest.approx(wanted)


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_the_ceiling_is_the_score_of_the_truth(name):
    clips, boxes = benchmark(3)
    perfect = score({clip.name: clip.boxes for clip in clips}, clips, name)
    noisy = score(boxes, clips, name)
    assert noisy.ceiling == perfect.values == perfect.ceiling
    assert noisy.values[noisy.main] < noisy.ceiling[noisy.main]


def test_missing_videos_are_errors_unless_said_otherwise():
    clips, boxes = benchmark()
    del boxes["v3"], boxes["v5"]
    boxes["v33"] = np.zeros((4, 4))
    with pytest.raises(DataError, match=r"v3.*v33") as caught:
        score(boxes, clips, "lasot")
    assert len(caught.value.problems) == 2
    skipped, zero = (score(boxes, clips, "lasot", missing=how) for how in ("skip", "zero"))
    assert skipped.missing == zero.missing == ("v3", "v5")
    assert skipped.extra == zero.extra == ("v33",)
    assert (skipped.videos, zero.videos) == (10, 12)
    assert "v3" not in skipped.per_video
    assert zero.per_video["v3"] == {"SUC": 0, "P": 0, "NP": 0}
    assert zero.values["SUC"] * 12 == pytest.approx(skipped.values["SUC"] * 10)
    with pytest.raises(DataError, match="other videos"):
        score({"x": np.zeros((3, 4))}, clips, "lasot", missing="skip")
    with pytest.raises(DataError, match="error, skip or zero"):
        score(boxes, clips, "lasot", missing="ignore")


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_rows_that_are_not_there_are_misses(name):
    truth = np.tile([3.0, 4, 10, 12], (10, 1))
    clip = Clip("a", truth, np.zeros(10, bool))
    scores = score({"a": truth[:6]}, [clip], name)
    assert scores.short == {"a": (6, 10)}
    counted = (5 / 9) if name == "got10k" else 0.6
    assert scores.values[scores.main] == pytest.approx(counted * scores.ceiling[scores.main])
    assert "a" not in scores.invalid


def test_rows_too_many_are_cut_and_told():
    clips, boxes = benchmark()
    longer = {**boxes, "v1": np.concatenate([boxes["v1"], np.zeros((3, 4))])}
    scores = score(longer, clips, "lasot")
    assert scores.long == {"v1": (len(boxes["v1"]) + 3, len(boxes["v1"]))}
    assert scores.values == score(boxes, clips, "lasot").values
    assert not scores.invalid


def test_invalid_rows_are_counted_and_repaired_only_where_the_rules_say_so():
    truth = np.tile([3.0, 4, 10, 12], (4, 1))
    rows = truth.copy()
    rows[2] = [3, 4, 0, 12]
    clip = Clip("a", truth, np.zeros(4, bool))
    found = {name: score({"a": rows}, [clip], name) for name in ("lasot", "pysot")}
    assert {name: scores.invalid for name, scores in found.items()} == {"lasot": {"a": 1}, "pysot": {"a": 1}}
    assert found["lasot"].values["SUC"] == pytest.approx(20 / 21)
    assert found["pysot"].values["SUC"] == pytest.approx(15 / 21)


def test_what_got10k_lacks_is_noted():
    truth = np.tile([3.0, 4, 10, 12], (4, 1))
    bare = Clip("a", truth, np.zeros(4, bool))
    full = Clip("b", truth, np.zeros(4, bool), cover=np.ones(4), size=(50, 50))
    assert len(score({"a": truth}, [bare], "got10k").notes) == 2
    assert score({"b": truth}, [full], "got10k").notes == ()
    mixed = score({"a": truth - 5, "b": truth - 5}, [bare, full], "got10k")
    assert "1 of 2" in mixed.notes[0]
    assert mixed.per_video["a"]["AO"] < mixed.per_video["b"]["AO"]  # moved into the image, not cut


def test_bad_input_is_told_at_once():
    clips, boxes = benchmark()
    with pytest.raises(DataError, match="lasot"):
        score(boxes, clips, "lasott")
    with pytest.raises(DataError) as caught:
        score({**boxes, "v1": np.zeros((5, 8)), "v2": np.zeros(4)}, clips, "lasot")
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="two of one name"):
        score(boxes, [*clips, clips[0]], "lasot")
    with pytest.raises(DataError, match="at least one video"):
        score(boxes, [], "lasot")
    broken = Clip("v0", clips[0].boxes, clips[0].absent[:-1])
    with pytest.raises(DataError, match="one length"):
        score(boxes, [broken, *clips[1:]], "lasot")


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_many_trackers_score_as_alone_whatever_the_threads(name):
    clips, _ = benchmark()
    trackers = {str(seed): benchmark(0, noise=seed + 1.0)[1] for seed in range(5)}
    trackers["2"]["v4"] = trackers["2"]["v4"].copy()
    trackers["2"]["v4"][3] = np.nan
    for threads in (1, 3):
        found = score_many(trackers, clips, name, threads=threads)
        assert list(found) == list(trackers)
        for tracker, boxes in trackers.items():
            alone = score(boxes, clips, name)
            assert found[tracker].values == alone.values
            assert found[tracker].per_video == alone.per_video
            assert found[tracker].invalid == alone.invalid


def test_each_tracker_skips_its_own_videos():
    clips, boxes = benchmark()
    fewer = {name: rows for name, rows in boxes.items() if name != "v0"}
    found = score_many({"all": boxes, "fewer": fewer}, clips, "lasot", missing="skip")
    assert (found["all"].videos, found["fewer"].videos) == (12, 11)
    assert found["fewer"].values == score(fewer, clips[1:], "lasot").values


def test_input_is_not_changed():
    clips, boxes = benchmark()
    kept = {name: rows.copy() for name, rows in boxes.items()}, [clip.boxes.copy() for clip in clips]
    for name in PROTOCOLS:
        score(boxes, clips, name)
    for name, rows in kept[0].items():
        np.testing.assert_array_equal(boxes[name], rows)
    for clip, rows in zip(clips, kept[1], strict=True):
        np.testing.assert_array_equal(clip.boxes, rows)


def test_uncertainty_is_over_videos():
    clips, boxes = benchmark()
    scores = score(boxes, clips, "lasot")
    values = scores.of_videos("SUC")
    assert scores.se["SUC"] == pytest.approx(mean_se(values).se)
    interval = scores.intervals()["SUC"]
    assert interval == bootstrap_ci(values)
    narrow = scores.intervals(0.5)["SUC"]
    assert interval.low < narrow.low < scores.values["SUC"] < narrow.high < interval.high


def test_intervals_of_few_videos_stay_where_scores_can_be():
    clips, _ = benchmark()
    chosen = {clips[0].name: clips[0].boxes, clips[1].name: np.full_like(clips[1].boxes, -500.0)}
    scores = score(chosen, clips[:2], "lasot")
    assert bootstrap_ci(scores.of_videos("SUC")).low < 0
    assert all(0 <= item.low < item.value < item.high <= 1 for item in scores.intervals().values())


def test_pooled_scores_resample_videos_with_their_frames():
    clips, boxes = benchmark()
    scores = score(boxes, clips, "got10k")
    frames = np.array([len(clip.boxes) - 1 for clip in clips])
    values = scores.of_videos("AO")
    assert scores.values["AO"] == pytest.approx(np.average(values, weights=frames))
    interval = scores.intervals()["AO"]
    assert interval.value == pytest.approx(scores.values["AO"])
    rng = np.random.default_rng(1)
    drawn = [np.average(values[i], weights=frames[i]) for i in rng.integers(0, 12, (6000, 12))]
    wanted = widened(interval.value, np.array(drawn), 12, 0.95)
    assert [interval.low, interval.high] == pytest.approx([wanted.low, wanted.high], abs=0.01)
    assert scores.se["AO"] == pytest.approx(np.std(drawn), rel=0.2)


@given(st.integers(0, 10_000))
def test_equal_weights_change_nothing(seed):
    values = np.random.default_rng(seed).random(9)
    assert weighted_se(values, np.full(9, 3.0)) == pytest.approx(mean_se(values).se)
    assert bootstrap_ci(values, weights=np.full(9, 3.0)) == bootstrap_ci(values)


def test_a_comparison_names_the_videos_that_make_the_difference():
    clips, boxes = benchmark()
    worse = {**boxes, "v7": boxes["v7"] + 500, "v2": boxes["v2"] + 3}
    a, b = score(boxes, clips, "lasot"), score(worse, clips, "lasot")
    found = compare(a, b)
    assert found.videos[0].name == "v7"
    assert found.videos[0].difference == found.videos[0].a - found.videos[0].b > 0
    assert [abs(item.difference) for item in found.videos] == sorted(
        (abs(item.difference) for item in found.videos), reverse=True
    )
    assert found.differences["SUC"].value == pytest.approx(a.values["SUC"] - b.values["SUC"])
    assert found.differences["SUC"].low < found.differences["SUC"].value < found.differences["SUC"].high
    assert compare(b, a).differences["SUC"].value == pytest.approx(-found.differences["SUC"].value)
    everywhere = score({name: rows + 4 for name, rows in boxes.items()}, clips, "lasot")
    assert compare(a, everywhere).differences["SUC"].clear_of_zero
    assert not compare(a, a).differences["SUC"].clear_of_zero
    assert json.loads(json.dumps(found.to_dict()))["videos"][0]["name"] == "v7"


def test_only_like_is_compared_with_like():
    clips, boxes = benchmark()
    a = score(boxes, clips, "got10k")
    with pytest.raises(DataError, match="one protocol"):
        compare(a, score(boxes, clips, "lasot"))
    fewer = score({name: rows for name, rows in boxes.items() if name != "v0"}, clips, "got10k", missing="skip")
    found = compare(a, fewer)
    assert found.left_out == ("v0",)
    assert found.differences["AO"].value == pytest.approx(0)
    other = [Clip(c.name, c.boxes, c.absent, c.attributes, np.where(np.arange(len(c.boxes)) % 2, 8, 0)) for c in clips]
    with pytest.raises(DataError, match="same frames"):
        compare(a, score(boxes, other, "got10k"))
    with pytest.raises(DataError, match="in common"):
        compare(a, score({"w": boxes["v0"]}, [Clip("w", clips[0].boxes, clips[0].absent)], "got10k"))


@pytest.mark.parametrize("name", PROTOCOLS.names())
def test_everything_goes_into_json(name):
    clips, boxes = benchmark(videos=1)
    told = json.loads(json.dumps(score(boxes, clips, name).to_dict(), allow_nan=False))
    assert told["protocol"] == name
    assert told["videos"] == 1
    assert told["scores"][told["main"]]["se"] is None
    assert {"missing", "short", "long", "invalid", "extra", "notes", "frames", "attributes"} <= set(told)


def test_a_video_is_an_annotation():
    assert isinstance(Clip("a", np.zeros((1, 4)), np.zeros(1, bool)), Annotated)
    assert not isinstance(object(), Annotated)


def test_metrics_need_numpy_alone():
    heavy = ("torch", "ray", "nni", "transformers", "cv2", "scipy")
    code = f"import sys, asymnas.tracking.metrics; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_benchmark_of_speed_runs():
    pytest.importorskip("got10k", reason="the got10k package is needed: pip install 'asymnas[got10k]'")
    options = ["--videos", "4", "--trackers", "3", "--rounds", "1", "--threads", "2"]
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "metrics.py", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("x  ") == 6


@pytest.mark.parametrize("protocol", [name for name in PROTOCOLS if name != "trackingnet"])
def test_rows_that_are_not_there_are_misses_where_every_box_is_near(protocol: str) -> None:
    boxes = np.tile([[40.0, 30.0, 20.0, 20.0]], (20, 1))
    odd = boxes.copy()
    odd[5:10, 2:] = 0  # visible and without an area, which some toolkits call near whatever was predicted
    odd[10:12, 0] = -40
    truths = [Clip("whole", boxes, np.zeros(20, bool)), Clip("odd", odd, np.zeros(20, bool))]
    found = score({"whole": boxes}, truths, protocol, missing="zero")
    assert set(found.per_video["odd"].values()) == {0.0}
    short = score({"whole": boxes, "odd": boxes[:4]}, truths, protocol).per_video["odd"]
    assert max(short.values()) <= 4 / 19
    broken = np.vstack([boxes[:4], np.full((16, 4), np.nan)])
    if protocol in ("lasot", "tnl2k", "otb", "pysot"):
        assert score({"whole": boxes, "odd": broken}, truths, protocol).per_video["odd"]["P"] > 4 / 20
