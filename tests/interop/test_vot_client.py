"""The client of vot-toolkit: its protocol, its trackers.ini, and its own evaluation of a small workspace."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import asymnas.tracking.benchmark.open
from asymnas.cli import app
from asymnas.core.errors import AsymNASError
from asymnas.interop.vot import VOTTracker, add_tracker, tracker_section
from asymnas.testing import moving_square
from asymnas.tracking import track
from asymnas.tracking.benchmark.open import ReadyTracker, open_tracker
from asymnas.tracking.data import FolderFrames, Video

SEQUENCES = ("square-0", "square-1")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("vot")
    (root / "config.yaml").write_text("registry: [./trackers.ini]\nstack: ./stack.yaml\n")
    (root / "stack.yaml").write_text(
        "title: small\nexperiments:\n  baseline:\n    type: unsupervised\n    repetitions: 1\n"
        "    analyses:\n      - {type: average_accuracy, name: accuracy, burnin: 1}\n"
    )
    for seed, name in enumerate(SEQUENCES):
        video = moving_square(seed, frames=8)
        folder = root / "sequences" / name
        (folder / "color").mkdir(parents=True)
        for index in range(len(video)):
            cv2.imwrite(str(folder / "color" / f"{index + 1:08d}.jpg"), video.frame(index))
        np.savetxt(folder / "groundtruth.txt", video.boxes, fmt="%.3f", delimiter=",")
        (folder / "sequence").write_text(
            f"name={name}\nfps=30\nformat=default\nchannel.default=color\nchannels.color=color/%08d.jpg\n"
            f"width=96\nheight=72\nlength={len(video)}\n"
        )
    (root / "sequences" / "list.txt").write_text("\n".join(SEQUENCES) + "\n")
    return root


def frames(workspace: Path, name: str) -> list[str]:
    return sorted(str(path) for path in (workspace / "sequences" / name / "color").iterdir())


def video_of(workspace: Path, name: str, box: np.ndarray) -> Video:
    names = [Path(path).name for path in frames(workspace, name)]
    boxes = np.tile(box, (len(names), 1))
    folder = workspace / "sequences" / name / "color"
    return Video(name, "vot", FolderFrames(folder, names, name), boxes, np.zeros(len(names), bool))


def test_objects_that_appear_later_are_followed_beside_the_first(workspace: Path) -> None:
    files = frames(workspace, "square-0")
    first, second = moving_square(0, frames=8).boxes[[0, 3]]
    client = VOTTracker("template_matching")
    assert client.multiobject
    found = [client.init(files[0], [(tuple(first), {})], {})]
    for index, file in enumerate(files[1:], 1):
        found.append(client.update({"color": file}, [(tuple(second), {})] if index == 3 else [], {}))
    assert [len(objects) for objects in found] == [1, 1, 1, 2, 2, 2, 2, 2]
    alone = track(open_tracker("template_matching").tracker, [video_of(workspace, "square-0", first)])[0]
    np.testing.assert_allclose([objects[0][0] for objects in found], alone.boxes)
    np.testing.assert_allclose([objects[0][1]["confidence"] for objects in found], alone.scores)
    assert len(client.init(files[0], [(tuple(second), {})], {})) == 1  # a new sequence starts anew


def test_sentences_come_from_the_prompt_or_by_sequence(workspace: Path, tmp_path: Path, monkeypatch) -> None:
    asked: list[str | None] = []

    class Ready(ReadyTracker):
        def embed(self, sentences: Sequence[str | None]) -> None:
            asked.extend(sentences)

    plain = open_tracker("static")
    monkeypatch.setattr(
        asymnas.tracking.benchmark.open,
        "open_tracker",
        lambda *_, **__: Ready("x", plain.tracker, None, {}, reads_language=True),
    )
    (tmp_path / "sentences.json").write_text(json.dumps({"square-1": "the second square"}))
    client = VOTTracker("x", sentences=str(tmp_path / "sentences.json"))
    box = (5.0, 5.0, 10.0, 10.0)
    client.init(frames(workspace, "square-0")[0], [(box, {})], {})
    client.init(frames(workspace, "square-1")[0], [(box, {}), (box, {"prompt": "a  dot"})], {})
    assert asked == [None, "the second square", "a dot"]


def test_the_worker_gets_errors_that_it_reports(workspace: Path) -> None:
    with pytest.raises(RuntimeError, match="Did you mean 'static'"):
        VOTTracker("statik")
    client = VOTTracker("static")
    with pytest.raises(RuntimeError, match="convert = rectangle"):
        client.init(frames(workspace, "square-0")[0], [([(1.0, 2.0), (3.0, 4.0)], {})], {})
    with pytest.raises(RuntimeError, match="the frame is missing"):
        client.init("none/color/1.jpg", [], {})


def test_trackers_ini_keeps_the_sections_of_others(tmp_path: Path) -> None:
    (tmp_path / "100% mine").mkdir()
    (tmp_path / "100% mine" / "s.json").write_text('{"a": "b"}')
    identifier, section = tracker_section("static", name="my static.1", sentences=tmp_path / "100% mine" / "s.json")
    assert identifier == "my_static_1"
    (tmp_path / "trackers.ini").write_text("# by hand\n[other]\nprotocol = traxpython\n")
    for _ in range(2):
        path = add_tracker(tmp_path, identifier, section)
    assert path.read_text().count("[my_static_1]") == 1
    assert path.read_text().startswith("# by hand\n[other]")
    config = configparser.ConfigParser()
    config.read(path)
    assert config.sections() == ["other", "my_static_1"]
    assert config["my_static_1"]["arg_sentences"] == str(tmp_path / "100% mine" / "s.json")
    assert config["my_static_1"]["command"] == "asymnas.interop.vot:VOTTracker"


def test_a_registry_of_another_editor_keeps_its_comments(tmp_path: Path) -> None:
    identifier, section = tracker_section("static")
    path = tmp_path / "trackers.ini"
    text = f"[{identifier}]\r\nlabel = old\r\n\r\n; the one of the paper\r\n[other]\r\nlabel = mine\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    add_tracker(tmp_path, identifier, section)
    assert path.read_text("utf-8").startswith("; the one of the paper\n[other]\nlabel = mine\n\n[static]\n")
    config = configparser.ConfigParser()
    config.read(path, "utf-8")  # a section that is there twice would be an error
    assert config.sections() == ["other", identifier] and config[identifier]["label"] == "static"
    assert [item.name for item in tmp_path.iterdir()] == ["trackers.ini"]


def test_runs_of_one_name_do_not_replace_each_other(tmp_path: Path) -> None:
    """`a.1` and `a_1` are one identifier, and so are runs of equal names in two folders."""
    section = "[run]\nlabel = run\narg_tracker = /{}/100%% run\n".format
    add_tracker(tmp_path, "run", section("a"))
    add_tracker(tmp_path, "run", section("a"))
    before = (tmp_path / "trackers.ini").read_text()
    with pytest.raises(AsymNASError, match=r"another tracker, /a/100% run, .* but got /b/100% run"):
        add_tracker(tmp_path, "run", section("b"))
    assert (tmp_path / "trackers.ini").read_text() == before


def test_export_writes_the_registry(tmp_path: Path) -> None:
    def export(*words: str):
        return CliRunner().invoke(app, ["export", *words])

    assert "[static]\nlabel = static\nprotocol = python\n" in export("static", "--to", "vot").stdout
    assert export("static", "--to", "vot", "-o", str(tmp_path / "ws")).exit_code == 0
    assert "arg_tracker = static" in (tmp_path / "ws" / "trackers.ini").read_text()
    for words, message in (
        (("vlt_scar", "--to", "vot"), "has a search space"),
        (("no/run", "--to", "vot"), "no/run"),
        (("static", "--to", "vot", "--sentences", "none.json"), "none.json"),
        (("vlt_scar_released", "--to", "sots", "--sentences", "x.json"), "goes with --to vot"),
    ):
        result = export(*words)
        assert result.exit_code == 2, result.output
        assert message in result.stderr
    with pytest.raises(AsymNASError):
        add_tracker(tmp_path / "ws" / "trackers.ini", "x", "[x]\n")


@pytest.mark.slow  # the toolkit alone takes half a minute to import and start its workers
def test_the_toolkit_evaluates_our_tracker(workspace: Path) -> None:
    pytest.importorskip("vot", reason="vot-toolkit is not installed: pip install 'asymnas[vot]'")
    from vot.region.io import read_trajectory

    assert CliRunner().invoke(app, ["export", "template_matching", "--to", "vot", "-o", str(workspace)]).exit_code == 0
    for verb in ("evaluate", "analysis"):
        done = subprocess.run(
            [sys.executable, "-m", "vot", verb, "--workspace", str(workspace), "template_matching"],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    for seed, name in enumerate(SEQUENCES):
        box = moving_square(seed, frames=8).boxes[0]
        ours = track(open_tracker("template_matching").tracker, [video_of(workspace, name, box)])[0]
        path = workspace / "results" / "template_matching" / "baseline" / name / f"{name}_001.bin"
        regions = read_trajectory(str(path))
        boxes = np.array([(item.x, item.y, item.width, item.height) for item in regions[1:]])
        np.testing.assert_allclose(boxes, ours.boxes[1:], atol=1e-3)
    report = json.loads(next((workspace / "analysis").glob("*.json")).read_text())
    assert "template_matching" in report["trackers"]
    assert report["results"]["baseline"]["results"][0][0][0] > 0.8  # one analysis, one tracker: its accuracy
