"""`asymnas eval`: scores of anybody's result files, what they were measured on, and messages for what is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from asymnas.cli import app

NAMES = ("Basketball", "Biker", "Bird1")
FRAMES = 30
OTB = ("--dataset", "otb100", "--annotations", "gt.json")
GOOD = ("results/good", *OTB)


def evaluate(*words: Any) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, words)])


def write_results(folder: Path, boxes: dict[str, np.ndarray], noise: float, separator: str = ",") -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name, rows in boxes.items():
        moved = rows + rng.normal(0, 1, rows.shape) * noise
        moved[0] = rows[0]
        np.savetxt(folder / f"{name}.txt", moved, fmt="%.3f", delimiter=separator)
    return folder


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """Annotations of three OTB videos, and three trackers: `perfect`, `good` and `poor`."""
    rng = np.random.default_rng(0)
    boxes = {}
    for name in NAMES:
        steps = np.cumsum(rng.normal(0, 1, (FRAMES, 4)) * [1, 1, 0.1, 0.1], axis=0)
        boxes[name] = np.round(steps + np.array([50.0, 60.0, 20.0, 30.0]), 1)
    (tmp_path / "gt.json").write_text(json.dumps({name: {"gt_rect": rows.tolist()} for name, rows in boxes.items()}))
    for name, noise in (("perfect", 0.0), ("good", 1.0), ("poor", 6.0)):
        write_results(tmp_path / "results" / name, boxes, noise, "," if name == "good" else "\t")
    return tmp_path


def options(bench: Path) -> list[Any]:
    return ["--dataset", "otb100", "--annotations", bench / "gt.json"]


def data(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def assert_told(result: Result, message: str) -> None:
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_scores_come_with_protocol_sequences_frames_and_files(bench: Path) -> None:
    result = evaluate(bench / "results" / "good", *options(bench))
    assert result.exit_code == 0, result.output
    first = result.stdout.splitlines()[0]
    assert first == "otb100 test, protocol otb, 3 sequences, 90 frames; percent"
    for words in ("3 of 3", "missing", "short files", "perfect tracker", "protocol otb (the default of otb100;"):
        assert words in result.stdout
    for rule in ("Thresholds:", "First frame:", "Denominator:"):
        assert rule in result.stdout
    assert "separator: comma" in result.stdout  # what the reader detected
    assert "SR0.5" not in result.stdout


def test_trackers_are_ranked_and_the_perfect_one_reaches_the_ceiling(bench: Path) -> None:
    found = data(evaluate(bench / "results", *options(bench), "--json"))
    assert [tracker["tracker"] for tracker in found["trackers"]] == ["perfect", "good", "poor"]
    suc = [tracker["scores"]["SUC"] for tracker in found["trackers"]]
    assert suc[0]["value"] == pytest.approx(suc[0]["ceiling"])
    assert suc[0]["value"] > suc[1]["value"] > suc[2]["value"] > 0
    assert suc[1]["interval"][0] <= suc[1]["value"] <= suc[1]["interval"][1]


@pytest.mark.parametrize("protocol", ["lasot", "got10k", "trackingnet", "pytracking"])
def test_a_protocol_that_is_asked_for_is_used(bench: Path, protocol: str) -> None:
    found = data(evaluate(bench / "results" / "good", *options(bench), "--protocol", protocol, "--json"))
    assert found["protocol"] == found["trackers"][0]["protocol"] == protocol
    assert not found["protocol_is_default"]
    assert found["main"] in found["trackers"][0]["scores"]


def test_comparison_lists_the_videos_that_make_the_difference(bench: Path) -> None:
    words = [bench / "results" / "good", *options(bench), "--vs", bench / "results" / "poor"]
    found = data(evaluate(*words, "--json"))
    assert found["versus"] == "poor"
    comparison = found["comparisons"]["good"]
    assert comparison["differences"]["SUC"]["value"] > 0
    gaps = [abs(video["difference"]) for video in comparison["videos"]]
    assert len(gaps) == 3
    assert gaps == sorted(gaps, reverse=True)
    printed = evaluate(*words).stdout
    assert "good - poor, paired over 3 sequences, protocol otb" in printed
    assert "the videos that make it" in printed


def test_comparison_by_the_name_of_one_of_the_trackers(bench: Path) -> None:
    found = data(evaluate(bench / "results", *options(bench), "--vs", "poor", "--json"))
    assert sorted(found["comparisons"]) == ["good", "perfect"]


def test_archives_of_one_and_of_several_trackers(bench: Path) -> None:
    plain = data(evaluate(bench / "results" / "good", *options(bench), "--json"))["trackers"][0]
    for chosen in (("good",), ("good", "poor")):
        path = bench / f"{len(chosen)}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("read_me.txt", "1,2,3,4\n")
            for name in chosen:
                for file in (bench / "results" / name).iterdir():
                    archive.write(file, f"all/{name}/{file.name}")
        found = data(evaluate(path, *options(bench), "--json"))
        assert [tracker["tracker"] for tracker in found["trackers"]] == list(chosen)
        assert found["trackers"][0]["scores"] == plain["scores"]
        assert any("left out, for they hold no results of these videos" in note for note in found["notes"])


def test_missing_and_short_files_are_never_silent(bench: Path) -> None:
    folder = bench / "results" / "good"
    (folder / "Biker.txt").unlink()
    rows = (folder / "Bird1.txt").read_text().splitlines()
    (folder / "Bird1.txt").write_text("\n".join(rows[:20]) + "\n")
    assert_told(evaluate(folder, *options(bench)), "none of 1: Biker. Add them, or choose: --missing skip")
    skipped = evaluate(folder, *options(bench), "--missing", "skip")
    assert "2 of 3" in skipped.stdout
    assert "1 missing, left out of the average: Biker" in skipped.stdout
    assert "1 short, missing rows are misses: Bird1 (20 rows, 30 frames)" in skipped.stdout
    zero = data(evaluate(folder, *options(bench), "--missing", "zero", "--json"))["trackers"][0]
    assert zero["missing"] == ["Biker"]
    assert zero["short"] == {"Bird1": [20, 30]}
    assert zero["per_video"]["Biker"]["SUC"] < 0.1


def test_comparison_on_common_videos_says_what_it_left_out(bench: Path) -> None:
    (bench / "results" / "good" / "Biker.txt").unlink()
    result = evaluate(bench / "results", *options(bench), "--vs", "poor", "--missing", "skip")
    assert "good - poor, paired over 2 sequences (1 that only one has left out)" in result.stdout


def test_what_was_detected_can_be_said_instead(bench: Path) -> None:
    folder = bench / "corners" / "good"
    folder.mkdir(parents=True)
    for path in (bench / "results" / "good").iterdir():
        rows = np.loadtxt(path, delimiter=",")
        rows[:, 2:] += rows[:, :2]
        np.savetxt(folder / path.name, rows, fmt="%.3f", delimiter=",")
    plain = data(evaluate(bench / "results" / "good", *options(bench), "--json"))["trackers"][0]
    words = ("--base", 0, "--corners", "xyxy", "--first-row", "present", "--json")
    read = data(evaluate(folder, *options(bench), *words))["trackers"][0]
    assert read["scores"]["SUC"]["value"] == pytest.approx(plain["scores"]["SUC"]["value"], abs=0.01)
    assert "rows are xyxy, as given" in read["reader"]


def test_plots_and_page(bench: Path) -> None:
    folder = bench / "plots"
    words = (bench / "results", *options(bench), "--vs", "poor", "--plots", folder)
    found = data(evaluate(*words, "--json"))
    names = {Path(file).name for file in found["files"]}
    plots = {"success.png", "precision.png", "normalised_precision.png", "difference_good.png"}
    assert names >= {*plots, "index.html"}
    for name in plots:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    page = (folder / "index.html").read_text("utf-8")
    for words_shown in ("protocol otb", "3 sequences, 90 frames", "short files", "separator: comma"):
        assert words_shown in page
    assert 'src="data:image/png;base64,' in page
    assert "http" not in re.sub('base64,[^"]*', "", page)


def test_two_trackers_of_one_name_are_told_apart(bench: Path) -> None:
    other = bench / "elsewhere" / "good"
    other.parent.mkdir()
    (bench / "results" / "poor").rename(other)
    found = data(evaluate(bench / "results" / "good", other, *options(bench), "--json"))
    names = [tracker["tracker"] for tracker in found["trackers"]]
    assert len(set(names)) == 2
    assert str(other) in names[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing", *OTB], "nothing: must exist"),
        (["results/good", "--dataset", "otb", "--annotations", "gt.json"], "registered data set, but got 'otb'"),
        (["results/good", "--dataset", "otb100"], "ASYMNAS_DATA"),
        (["results/good", "--dataset", "otb100", "--annotations", "none"], "but got 'none'"),
        ([*GOOD, "--data-root", "."], "give one of them"),
        (["results/good", "--dataset", "lasot", "--annotations", "gt.json"], "annotations of lasot"),
        ([*GOOD, "--protocol", "lasto"], "'lasot'"),
        ([*GOOD, "--format", "lasto"], "format: must be one"),
        ([*GOOD, "--base", "2"], "--base"),
        ([*GOOD, "--corners", "xywx"], "corners: must be one of"),
        ([*GOOD, "--repetition", "2"], "must have repetition 2"),
        ([*GOOD, "--missing", "x"], "--missing"),
        ([*GOOD, "--vs", "goods"], "Did you mean 'good'?"),
        ([*GOOD, "--vs", "results"], "results of one tracker"),
        ([*GOOD, "--vs", "good"], "another than the results"),
        ([*GOOD, "--plots", "gt.json"], "cannot be written"),
        (["junk.zip", "empty", *OTB], "empty: must hold result files"),
        (["words", *OTB], "Biker.txt"),
        (["others", *OTB], "must hold results of videos of otb100 test"),
    ],
)  # fmt: skip
def test_bad_input_is_told(bench: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    monkeypatch.chdir(bench)
    monkeypatch.delenv("ASYMNAS_DATA", raising=False)
    Path("junk.zip").write_bytes(b"PK\x03\x04 not a zip")
    Path("empty").mkdir()
    Path("words").mkdir()
    Path("words/Biker.txt").write_text("these are no boxes\n")
    for tracker in ("a", "b"):
        Path("others", tracker).mkdir(parents=True)
        Path("others", tracker, "airplane-1.txt").write_text("1,2,3,4\n")
    assert_told(evaluate(*words), message)


def test_linked_folders_are_read_and_loops_are_not(bench: Path) -> None:
    elsewhere = bench / "disk" / "good"
    elsewhere.parent.mkdir()
    (bench / "results" / "good").rename(elsewhere)
    (bench / "results" / "good").symlink_to(elsewhere)
    (bench / "results" / "poor" / "up").symlink_to(bench / "results")
    found = data(evaluate(bench / "results", *options(bench), "--json"))
    assert [tracker["tracker"] for tracker in found["trackers"]] == ["perfect", "good", "poor"]


def test_results_with_others_in_a_folder_below(bench: Path) -> None:
    (bench / "results" / "poor").rename(bench / "results" / "good" / "old")
    found = data(evaluate(bench / "results" / "good", *options(bench), "--vs", "old", "--json"))
    assert [tracker["tracker"] for tracker in found["trackers"]] == ["good", "old"]
    assert found["comparisons"]["good"]["differences"]["SUC"]["value"] > 0


def test_folders_that_cannot_be_listed_are_told(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "good":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert_told(evaluate(bench / "results", *options(bench)), "results/good: the folder must be readable")


def test_places_that_cannot_be_looked_at_are_told(bench: Path) -> None:
    long = "x" * 300
    assert_told(evaluate(long, *options(bench)), "must be reachable")
    assert_told(evaluate(bench / "results", *options(bench), "--vs", long), "or the name of one of the trackers")
    assert_told(evaluate(bench / "results", *options(bench), "--vs", bench / long), "must be reachable")


def test_one_tracker_named_twice_is_there_once(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench)
    Path("link").symlink_to("results/good")
    twice = data(evaluate("results/good", "./results/good/", bench / "results/good", "link", *OTB, "--json"))
    assert [tracker["tracker"] for tracker in twice["trackers"]] == ["good"]
    inside = data(evaluate("results", *OTB, "--vs", "results/poor", "--json"))
    assert inside["versus"] == "poor" and sorted(inside["comparisons"]) == ["good", "perfect"]
    with zipfile.ZipFile("all.zip", "w") as archive:
        for path in Path("results").rglob("*.txt"):
            archive.write(path)
    packed = data(evaluate("all.zip", *OTB, "--vs", "all.zip/results/poor", "--json"))
    assert packed["versus"] == "poor" and packed["comparisons"].keys() == inside["comparisons"].keys()


def test_all_broken_places_are_told_at_once(bench: Path) -> None:
    (bench / "junk.zip").write_bytes(b"PK")
    result = evaluate(bench / "junk.zip", bench / "none", *options(bench))
    assert_told(result, "junk.zip")
    assert_told(result, "none: must exist")


def test_the_documentation_names_every_protocol_format_and_option() -> None:
    import re

    from asymnas.tracking.data import BUILT_IN
    from asymnas.tracking.metrics import PROTOCOLS
    from asymnas.tracking.results import FORMATS

    text = (Path(__file__).resolve().parents[2] / "docs" / "evaluation.md").read_text("utf-8")
    assert not [name for name in (*PROTOCOLS, *FORMATS) if f"`{name}`" not in text]
    for info in (info for info in BUILT_IN if info.base is not None):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{info.protocol}` |"))
        assert f"`{info.name}`" in row
    shown = evaluate("--help").stdout
    assert not [name for name in set(re.findall(r"--[a-z][a-z-]+", text)) if name not in shown]
    example = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert example
    done = subprocess.run([sys.executable, "-c", example[1]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_generated_data_needs_no_root(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asymnas.tracking.data import load_dataset

    monkeypatch.delenv("ASYMNAS_DATA", raising=False)
    folder = bench / "synthetic"
    for video in load_dataset("synthetic", "test").videos:
        path = folder / f"{video.name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savetxt(path, video.boxes, fmt="%.6f", delimiter=",")
    found = data(evaluate(folder, "--dataset", "synthetic", "--base", "0", "--json"))
    assert found["protocol"] == "lasot"
    assert found["protocol_is_default"]
    score = found["trackers"][0]["scores"]["SUC"]
    assert score["value"] == pytest.approx(score["ceiling"], abs=1e-6)


def test_evaluation_loads_nothing_heavy(bench: Path) -> None:
    words = ["eval", str(bench / "results" / "good"), *map(str, options(bench)), "--json"]
    code = (
        "import sys\nfrom asymnas.cli import app\n"
        f"app({words!r}, standalone_mode=False)\n"
        "print(*[name for name in ('torch', 'ray', 'nni', 'transformers') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.split() == []


def test_published_scores_of_atom_on_lasot(shared: Path) -> None:
    oracles = shared / "oracles"
    expected = json.loads((oracles / "expected.json").read_text())["lasot_test280"]["ATOM"]
    words = ("--dataset", "lasot", "--annotations", oracles / "lasot_test_annotations.tar.xz")
    result = evaluate(oracles / "lasot_results_ATOM.tar.xz", *words)
    assert result.exit_code == 0, result.output
    for number in ("280 sequences, 685,360 frames", "51.43 ±", "50.54 ±", "57.68 ±", "92.74", "97.38", "base 1:"):
        assert number in result.stdout
    for name, suc in expected["attr_SUC"].items():
        row = next(line.split() for line in result.stdout.splitlines() if line.split()[:1] == [name])
        assert float(row[2]) == pytest.approx(suc, abs=0.006)


def test_published_scores_of_snlt_on_otb99(shared: Path) -> None:
    oracles = shared / "oracles"
    expected = json.loads((oracles / "expected.json").read_text())["otb99lang48"]["SNLT_otb"]
    words = ("--dataset", "otb99_lang", "--annotations", oracles / "otb2015_gt.json", "--base", 1, "--json")
    tracker = data(evaluate(oracles / "snlt_otb99lang_raw.zip", *words))["trackers"][0]
    for measure in ("SUC", "P", "NP"):
        assert 100 * tracker["scores"][measure]["value"] == pytest.approx(expected[measure], abs=0.05)
    assert any("lack the first frame" in note for note in tracker["reader"])


def test_the_example_of_trackingnet(shared: Path) -> None:
    oracles = shared / "oracles"
    expected = json.loads((oracles / "expected.json").read_text())["trackingnet_devkit_dummy"]
    words = ("--dataset", "trackingnet", "--annotations", oracles / "trackingnet_dummy_gt.zip", "--missing", "zero")
    found = data(evaluate(oracles / "trackingnet_dummy_submission.zip", *words, "--json"))
    assert found["protocol"] == "trackingnet"
    for measure, value in expected.items():
        assert 100 * found["trackers"][0]["scores"][measure]["value"] == pytest.approx(value, abs=0.01)
