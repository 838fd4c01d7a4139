"""The client of the got10k toolkit: its experiment is really run, and gives the boxes of our own loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

pytest.importorskip("got10k", reason="the got10k toolkit is not installed: pip install 'asymnas[got10k]'")

from asymnas_trackers.baselines._trackers import StaticTracker
from got10k.experiments import ExperimentGOT10k

from asymnas.core.errors import LanguageError
from asymnas.interop._sequences import sentence_of
from asymnas.interop.got10k import GOT10kTracker
from asymnas.testing import moving_square
from asymnas.tracking import track
from asymnas.tracking.benchmark.open import ReadyTracker, open_tracker
from asymnas.tracking.data import Video, load_dataset


def write_sequence(folder: Path, video: Video) -> None:
    folder.mkdir(parents=True)
    for index in range(len(video)):
        cv2.imwrite(str(folder / f"{index + 1:08d}.jpg"), video.frame(index))
    np.savetxt(folder / "groundtruth.txt", video.boxes, fmt="%.4f", delimiter=",")
    for name, value in (("absence", 0), ("cover", 8), ("cut_by_image", 0)):
        np.savetxt(folder / f"{name}.label", np.full(len(video), value), fmt="%d")
    (folder / "meta_info.ini").write_text("[METAINFO]\nobject_class: square\nresolution: (96, 72)\n")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "GOT-10k"
    names = [f"GOT-10k_Val_{index:06d}" for index in (1, 2)]
    for seed, name in enumerate(names):
        write_sequence(path / "val" / name, moving_square(seed, frames=8))
    (path / "val" / "list.txt").write_text("\n".join(names) + "\n")
    return path


class Listening(StaticTracker):
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.boxes: list[np.ndarray] = []
        self.first: list[np.ndarray] = []

    def start(self, frames, boxes, *, language=None, path=None):
        self.boxes.append(boxes[0].copy())
        self.first.append(frames[0])
        return super().start(frames, boxes, language=language, path=path)


class ListeningReady(ReadyTracker):
    """A tracker that reads sentences, without a network."""

    asked: ClassVar[list[str | None]] = []

    def embed(self, sentences: Sequence[str | None]) -> None:
        self.asked.extend(sentences)


@pytest.fixture
def listening() -> ListeningReady:
    ListeningReady.asked = []
    return ListeningReady("listening", Listening(), None, {}, True)


def test_an_experiment_is_run_and_scored(root: Path, tmp_path: Path) -> None:
    experiment = ExperimentGOT10k(str(root), "val", str(tmp_path / "results"), str(tmp_path / "reports"))
    client = GOT10kTracker("template_matching")
    experiment.run(client)
    report = experiment.report([client.name])
    scores = report["template_matching"]["overall"]
    assert 0.8 < scores["ao"] <= 1
    ours = track(open_tracker("template_matching").tracker, load_dataset("got10k", "val", root=root.parent).videos)
    for result in ours:
        folder = tmp_path / "results" / "GOT-10k" / client.name / result.video
        assert sorted(item.name for item in folder.iterdir()) == [f"{result.video}_001.txt", f"{result.video}_time.txt"]
        np.testing.assert_allclose(
            np.loadtxt(folder / f"{result.video}_001.txt", delimiter=","), result.boxes, atol=6e-4
        )


def test_each_sequence_has_its_sentence(root: Path, tmp_path: Path, listening: ListeningReady) -> None:
    experiment = ExperimentGOT10k(str(root), "val", str(tmp_path / "results"), str(tmp_path / "reports"))
    experiment.run(GOT10kTracker(listening, sentences={"GOT-10k_Val_000002": "the second square"}))
    assert listening.asked == [None, "the second square"]
    first = cv2.imread(str(root / "val" / "GOT-10k_Val_000001" / "00000001.jpg"))
    assert np.abs(listening.tracker.first[0].astype(int) - first).mean() < 1  # B, G, R as everywhere
    assert np.abs(listening.tracker.first[0][:, :, ::-1].astype(int) - first).mean() > 1


def test_two_targets_of_one_folder(tmp_path: Path, listening: ListeningReady) -> None:
    write_sequence(tmp_path / "Jogging" / "img", moving_square(0, frames=3))
    files = sorted(str(path) for path in (tmp_path / "Jogging" / "img").glob("*.jpg"))
    boxes = {"Jogging.1": np.array([[5.0, 6, 10, 10]] * 3), "Jogging.2": np.array([[30.0, 6, 10, 10]] * 3)}

    class Dataset:
        seq_names = tuple(boxes)

        def __getitem__(self, index: int) -> tuple[list[str], np.ndarray]:
            return files, boxes[self.seq_names[index]]

    sentences = {"Jogging-1": "left", "Jogging-2": "right"}
    client = GOT10kTracker(listening, sentences=sentences, dataset=Dataset(), one_based=True)
    for name in reversed(Dataset.seq_names):
        found, seconds = client.track(files, boxes[name][0])
        np.testing.assert_array_equal(found, boxes[name])
        assert len(seconds) == 3
    assert listening.asked == ["right", "left"]
    np.testing.assert_array_equal(listening.tracker.boxes[0], [29, 5, 10, 10])


def test_names_that_differ_in_marks_are_one_sequence() -> None:
    sentences = {"Human4_2": "a man", "car-1": "a car", "dog-1": None}
    assert [sentence_of(sentences, name) for name in ("Human4-2", "human4.2", "car-1", "car-2", "dog_1")] == [
        "a man",
        "a man",
        "a car",
        None,
        None,
    ]
    with pytest.raises(LanguageError, match="a-b and a_b"):
        sentence_of({"a-b": "x", "a_b": "y"}, "a.b")
