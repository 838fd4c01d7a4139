"""Benchmark reports from scores: tables that are not cut, plots that have what is known, default protocols."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from asymnas.report import print_sections
from asymnas.tracking.benchmark.plots import _label, benchmark_plots
from asymnas.tracking.benchmark.report import (
    BenchmarkReport,
    TrackerScores,
    default_protocol,
    percent,
)
from asymnas.tracking.benchmark.sections import benchmark_sections, write_benchmark
from asymnas.tracking.data import BUILT_IN, Annotation
from asymnas.tracking.metrics import PROTOCOLS, compare, get_protocol, score

ATTRIBUTES = ("IV", "POC", "DEF", "MB")


def videos(count: int) -> list[Annotation]:
    rng = np.random.default_rng(3)
    made = []
    for index in range(count):
        boxes = np.cumsum(rng.normal(0, 1, (20, 4)) * [1, 1, 0, 0], axis=0) + np.array([60.0, 60.0, 20.0, 30.0])
        chosen = frozenset(name for place, name in enumerate(ATTRIBUTES) if (index + place) % 2)
        made.append(Annotation(f"video-{index:02d}", boxes, np.zeros(20, bool), attributes=chosen))
    return made


def report(trackers: int = 2, count: int = 6, protocol: str = "lasot") -> BenchmarkReport:
    truths = videos(count)
    found = []
    for index in range(trackers):
        rng = np.random.default_rng(index)
        boxes = {item.name: item.boxes + rng.normal(0, 2 + 2 * index, item.boxes.shape) for item in truths}
        scores = score(boxes, truths, protocol)
        found.append(TrackerScores(f"tracker_with_a_long_name_{index}", f"results/{index}", scores, ("base 0",)))
    rules, last = get_protocol(protocol), found[-1]
    pairs = {item.name: compare(item.scores, last.scores) for item in found[:-1]}
    return BenchmarkReport(
        dataset="lasot", split="test", protocol=protocol, rules=rules.rules, main=rules.main, chosen=True,
        videos=count, frames=20 * count, absent=0, annotations="annos", trackers=tuple(found), comparisons=pairs,
        versus=last.name if pairs else "",
    )  # fmt: skip


def printed(item: BenchmarkReport, width: int = 80) -> str:
    out = Console(file=io.StringIO(), width=width)
    print_sections(benchmark_sections(item), out)
    return out.file.getvalue()


def test_default_protocols_are_protocols() -> None:
    assert {default_protocol(info.name) for info in BUILT_IN} <= set(PROTOCOLS)
    assert [default_protocol(name) for name in ("lasot_ext", "tnl2k", "otb99_lang", "got10k", "trackingnet")] == [
        "lasot", "tnl2k", "otb", "got10k", "trackingnet"
    ]  # fmt: skip
    assert default_protocol("mine") == "lasot"


def test_percent() -> None:
    assert percent(0.51434) == "51.43"
    assert percent(-0.0123, sign=True) == "-1.23"


@pytest.mark.parametrize("trackers", [1, 9])
def test_tables_are_whole_on_a_narrow_terminal(trackers: int) -> None:
    shown = printed(report(trackers), width=60)
    assert "…" not in shown
    for index in range(trackers):
        assert f"tracker_with_a_long_name_{index}" in shown


def test_one_video_has_a_score_but_no_error_and_no_interval() -> None:
    item = report(1, count=1)
    line = next(line for line in printed(item).splitlines() if "tracker_with_a_long_name_0" in line)
    assert "±" not in line
    assert "[" not in line
    assert item.to_dict()["trackers"][0]["scores"]["SUC"]["se"] is None


def test_attributes_have_all_measures_of_one_tracker_and_the_main_one_of_several() -> None:
    one, two = printed(report(1)), printed(report(2))
    assert "Attributes, scores in percent, protocol lasot" in one
    assert "Attributes, SUC in percent, protocol lasot" in two
    row = next(line for line in one.splitlines() if line.split()[:1] == ["POC"])
    assert len(row.split()) == 5  # attribute, videos, three measures


@pytest.mark.parametrize(
    ("protocol", "names"),
    [
        ("lasot", {"success.png", "precision.png", "normalised_precision.png", "attributes.png"}),
        ("got10k", {"success.png", "attributes.png"}),
    ],
)
def test_plots_that_the_protocol_has(protocol: str, names: set[str]) -> None:
    plots = benchmark_plots(report(3, protocol=protocol))
    differences = {name for name in plots if name.startswith("difference")}
    assert set(plots) - differences == names
    assert len(differences) == 2
    for png in plots.values():
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        assert min(picture.shape[:2]) > 200
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_legends_name_score_and_missing_files() -> None:
    truths = videos(4)
    boxes = {item.name: item.boxes for item in truths[:3]}
    scores = score(boxes, truths, "lasot", missing="skip")
    assert _label(TrackerScores("mine", "x", scores), "SUC") == f"mine [{100 * scores.values['SUC']:.1f}], 1 missing"


def test_names_cannot_leave_page_or_folder(tmp_path: Path) -> None:
    item = report(2)
    first = TrackerScores("../<b>x</b>", "y", item.trackers[0].scores, ("<i>",))
    pairs = {first.name: next(iter(item.comparisons.values()))}
    changed = BenchmarkReport(**{name: getattr(item, name) for name in BenchmarkReport.__slots__}
                              | {"trackers": (first, item.trackers[1]), "comparisons": pairs})  # fmt: skip
    files = write_benchmark(changed, tmp_path / "plots")
    assert {file.parent for file in files} == {tmp_path / "plots"}
    assert sorted(file.name for file in files) == sorted(item.name for item in (tmp_path / "plots").iterdir())
    page = files[-1].read_text("utf-8")
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
    assert "<i>" not in page


def renamed(*names: str) -> BenchmarkReport:
    """A report whose trackers have other names; all but the last are compared with the last."""
    item = report(len(names))
    trackers = tuple(replace(one, name=name) for one, name in zip(item.trackers, names, strict=True))
    pairs = dict(zip(names, item.comparisons.values(), strict=False))
    return replace(item, trackers=trackers, comparisons=pairs, versus=names[-1])


def test_names_that_are_formulas_markup_or_one_file(tmp_path: Path) -> None:
    long = "tracker (" + "/a long folder" * 20 + ")"
    item = renamed("run-1", "run_1", "a$b_{$", "_mine", "ATOM [final] :smile:", long, "base[/b]")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        files = write_benchmark(item, tmp_path)
    differences = [file.name for file in files if file.name.startswith("difference")]
    assert len(differences) == len(set(differences)) == len(item.comparisons)
    assert {"difference_run_1.png", "difference_run_1_2.png"} <= set(differences)
    assert _label(item.trackers[3], "SUC").startswith(" _mine") and len(_label(item.trackers[5], "SUC")) < 80
    text = printed(item, 400)
    for name in (one.name for one in item.trackers):
        assert text.count(name) >= 3
