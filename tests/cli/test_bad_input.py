"""Files that no one should hand in: each gives messages and exit code 2, never a traceback."""

from __future__ import annotations

import json
import logging
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from asymnas.cli import app
from asymnas.core.errors import EvaluationError, WeightsError
from asymnas.job import load_job
from asymnas.nn.pretrained import read_checkpoint
from asymnas.runs.folder import MARKED, RunFolder
from asymnas.space import load_architecture, load_space, save_architecture
from asymnas.training import TrainingConfig, train_supernet


def asymnas(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def assert_told(result: Result, message: str) -> None:
    """The message is on stderr and the exit code 2; the runner would hold an exception other than SystemExit."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["validate", "space"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0" * 40, "unacceptable character"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: " + b"[" * 3000, "nested"),
        (b"extends: tiny_asymmetric\nname: x\ndescription: 2020-13-45\n", "month must be in 1..12"),
        (b"extends: tiny_asymmetric\nname: x\n? [a, b]\n: 3\n", "key"),
        (b"", "x.yaml"),
    ],
    ids=["zeros", "utf-16", "deep", "no date", "key", "empty"],
)
def test_text_that_is_no_yaml(command: str, content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(content)
    assert_told(asymnas(command, str(file)), message)


DIGITS = "9" * 401


@pytest.mark.parametrize("command", ["validate", "space"])
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"width: {DIGITS}", "2: width: must be a number"),
        ("width: 1e300", "2: width: must be a number"),
        ("width: 1000000", "channels: must be <= 1000000, but got 64000000"),
        (f"constraints: [{{measure: macs, max: {DIGITS}}}]", "constraints[0].max: must be a number"),
        (f"constraints: [{{measure: macs, max: 1, amortised: {DIGITS}}}]", "amortised: must be <= 1000000"),
        (f"branches: {{template: {{input_size: {DIGITS}}}}}", "branches.template.input_size: must be <= 1000000"),
        ("branches: {template: {input_size: [8, 8, 8, 8, 8, 8, 8, 8, 8]}}", "at most 8 entries"),
    ],
    ids=["width", "large width", "channels", "limit", "amortised", "size", "dimensions"],
)
def test_huge_numbers_in_a_space(command: str, line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"extends: tiny_asymmetric\n{line}\n")
    assert_told(asymnas(command, str(file)), message)


def test_files_that_extend_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    assert_told(asymnas("validate", str(tmp_path / "a.yaml")), "must not extend itself")


def test_architecture_changed_by_hand(tmp_path: Path) -> None:
    file = tmp_path / "architecture.json"
    written = asymnas("export", "vlt_scar_released", "--to", "json").stdout
    file.write_text(written)
    content = json.loads(written)
    gene, op = next(iter(content["genes"].items()))
    content["genes"][gene] = "shuffle_xception" if op != "shuffle_xception" else "shuffle_3x3"
    assert load_architecture(file)
    file.write_text(json.dumps(content))
    assert_told(asymnas("export", str(file), "--to", "sots"), "changed by hand")
    assert_told(asymnas("validate", str(file)), "cost.total")
    file.write_text(json.dumps(content | {"score": None, "cost": {}}))
    assert asymnas("export", str(file), "--to", "sots").exit_code == 0


def test_pickle_as_initial_weights(tmp_path: Path) -> None:
    weights = tmp_path / "w.pth"
    weights.write_bytes(pickle.dumps(print))
    with warnings.catch_warnings(action="error"), pytest.raises(WeightsError, match="pickles can run code") as caught:
        read_checkpoint(weights)
    assert "weights_only" not in str(caught.value)


def test_small_spaces_are_no_sots(tmp_path: Path) -> None:
    space = load_space("tiny_asymmetric")
    save_architecture(tmp_path / "architecture.json", space.sample(np.random.default_rng(0)))
    assert_told(asymnas("export", str(tmp_path), "--to", "sots"), "20 choice blocks a branch")


def test_log_on_a_full_disk_is_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "log.txt").symlink_to("/dev/full")
    with RunFolder.open(folder, load_job("vlt_scar")):
        logging.getLogger("asymnas.study").info("a line")
    assert capsys.readouterr().err == ""


def test_training_tells_at_once_that_no_cluster_answers(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    config = TrainingConfig(steps=1, batch_size=2)
    with pytest.raises(EvaluationError, match="no Ray cluster answers there"):
        train_supernet(lambda: None, config, tmp_path, engine="ray", resume=False, address="127.0.0.1:1")


def _without_first_box(folder: Path) -> None:
    lines = (folder / "groundtruth.txt").read_text().splitlines()
    (folder / "groundtruth.txt").write_text("\n".join(["nan,nan,nan,nan", *lines[1:]]))


def _without_frame(folder: Path) -> None:
    (folder / "00000002.jpg").unlink()


def _without_numbers(folder: Path) -> None:
    (folder / "groundtruth.txt").write_text("1,2,3,4\n1,2,x,4\n1,2,3\n")


def _with_other_flags(folder: Path) -> None:
    (folder / "absence.label").write_text("0\n0\n0\n1\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_first_box, "none in got10k/GOT-10k_Val_000001. Restore the annotation"),
        (_without_frame, "2 frames in"),
        (_without_numbers, "groundtruth.txt:3: a box must be four finite numbers"),
        (_with_other_flags, "flags: 3, 4"),
    ],
)
def test_damaged_videos_are_told_before_training(damage: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    folder = tmp_path / "GOT-10k" / "val" / "GOT-10k_Val_000001"
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        cv2.imwrite(str(folder / f"0000000{number}.jpg"), np.full((24, 32, 3), 90, np.uint8))
    (folder / "groundtruth.txt").write_text("4,4,8,8\n" * 3)
    damage(folder)
    sources = "data.validation.sources=[{dataset: got10k, split: val}]"
    words = ("--data-root", str(tmp_path), "--run", str(tmp_path / "run"), "--engine", "inprocess")
    assert_told(asymnas("search", "vlt_scar", "--set", sources, *words), message)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("job.yaml", b""),
        ("job.yaml", b"\xff\xfe"),
        ("job.yaml", b"a: ["),
        ("summary.json", b"[]"),
        ("summary.json", b"{"),
        ("space.json", b""),
        ("training.jsonl", b"[1]\n{}\n"),
        ("evaluations.jsonl", b'{"version": 1}\n{}\n'),
        ("evaluations.jsonl", b"{\n{}\n"),
    ],
)
def test_report_of_a_damaged_run(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".asymnas-run").write_text(MARKED)
    (tmp_path / "job.yaml").write_text("name: x\n")
    (tmp_path / name).write_bytes(content)
    assert_told(asymnas("report", str(tmp_path)), f"{tmp_path / name}")


def test_report_leaves_a_folder_of_the_users_own_alone(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("# mine\nextends: vlt_scar\nname: x\n")
    (tmp_path / "report.html").write_text("my own report")
    assert_told(asymnas("report", str(tmp_path)), "is no run folder, but got job.yaml, report.html")
    assert (tmp_path / "report.html").read_text() == "my own report"
