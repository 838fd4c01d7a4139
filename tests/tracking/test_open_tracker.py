"""Opening trackers: a run gives the boxes that its search scored, and what cannot be opened says why."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from asymnas.core.errors import AsymNASError, LanguageError, RunFolderError, TrackerError, WeightsError
from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.nn import save_weights, weights_hash
from asymnas.space import load_architecture, save_architecture
from asymnas.tracking import OnlineTracker, TrackerPlugin, track
from asymnas.tracking.benchmark.open import describe_tracker, open_tracker
from asymnas.tracking.data import load_dataset, subset
from asymnas.tracking.metrics import suc
from asymnas.tracking.registry import TRACKERS


@pytest.fixture(scope="module")
def videos():
    """The test videos of the small run."""
    return list(subset(load_dataset("synthetic", "test"), videos=4, frames=6).videos)


@pytest.fixture(scope="module")
def ready(reference):
    return open_tracker(reference[0])


@pytest.fixture
def copy(reference, tmp_path):
    """A copy of the run folder to be damaged."""
    folder = tmp_path / "copy"
    shutil.copytree(reference[0], folder, ignore=shutil.ignore_patterns("training", "tensorboard"))
    return folder


def _boxes(ready, videos, sentences):
    found = track(ready.tracker, videos, path=ready.path, language=ready.embed(sentences), lockstep=ready.lockstep)
    return [result.boxes for result in found]


def _scores(ready, videos, sentences):
    rows = zip(videos, _boxes(ready, videos, sentences), strict=True)
    return {f"synthetic/{video.name}": suc(boxes, video.boxes, video.absent, protocol="lasot") for video, boxes in rows}


def test_a_run_gives_the_scores_of_its_summary_bit_for_bit(reference, ready, videos):
    _, summary, _ = reference
    assert _scores(ready, videos, [video.sentence for video in videos]) == summary.test.best.items
    without = {row.part: row.other_value for row in summary.test.conditions}["all"]
    found = _scores(ready, videos, [None] * len(videos))
    assert sum(found.values()) / len(found) == without


def test_a_ready_tracker_says_what_it_is(reference, ready):
    folder, summary, _ = reference
    assert (ready.name, ready.reads_language, ready.lockstep) == ("run", True, 36)
    assert dict(ready.path) == summary.architecture.genes == ready.settings["genes"]
    assert ready.settings["weights_hash"] == summary.weights_hash
    json.dumps(ready.settings, allow_nan=False)
    about = describe_tracker(folder)
    assert about.settings | {"device": "cpu"} == ready.settings
    assert not any(module.training for module in ready.tracker.modules())


def test_an_architecture_file_opens_its_run(reference, ready, videos, copy):
    same = open_tracker(copy / "architecture.json")
    told = [video.sentence for video in videos]
    for a, b in zip(_boxes(ready, videos, told), _boxes(same, videos, told), strict=True):
        assert (a == b).all()
    space = load_architecture(copy / "architecture.json").architecture.space
    save_architecture(copy / "mine.json", space.sample(rng_for(5, "another")))
    other = open_tracker(copy / "mine.json")
    assert other.name == "copy-mine"
    assert other.path != ready.path
    assert any((a != b).any() for a, b in zip(_boxes(ready, videos, told), _boxes(other, videos, told), strict=True))


def test_a_folder_without_architecture_file_is_opened_by_its_summary(ready, copy):
    (copy / "architecture.json").unlink()
    assert open_tracker(copy).path == ready.path


def test_a_plugin_needs_no_run():
    ready = open_tracker("template_matching", options={"search_factor": 3.0})
    assert ready.path is None and not ready.reads_language and ready.embed(["a dog"]) is None
    assert ready.settings == {"tracker": "template_matching", "options": {"search_factor": 3.0}}


def test_threads_are_left_as_they_were(copy):
    before = torch.get_num_threads()
    open_tracker(copy)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("spec", "keywords", "error", "text"),
    [
        ("statik", {}, TrackerError, "Did you mean 'static'"),
        ("vlt_scar", {}, TrackerError, "run folder"),
        ("vlt_scar_released", {}, TrackerError, "without weights"),
        ("static", {"options": {"speed": 1}}, TrackerError, "speed"),
        ("static", {"missing": "zero_tensor"}, TrackerError, "reads no sentences"),
    ],
)
def test_a_spec_that_cannot_be_opened_says_why(spec, keywords, error, text):
    with pytest.raises(error, match=text):
        open_tracker(spec, **keywords)


def test_one_text_is_no_list_of_sentences(ready):
    with pytest.raises(LanguageError, match="must be a list, one a video, but got 'a dog'"):
        ready.embed("a dog")


def _drop(name):
    return lambda folder: (folder / name).unlink()


def _unfinished(folder):
    for name in ("architecture.json", "summary.json"):
        (folder / name).unlink()


def _other_weights(folder):
    architecture = json.loads((folder / "architecture.json").read_text())
    architecture["provenance"]["weights_hash"] = "0" * 16
    (folder / "architecture.json").write_text(json.dumps(architecture))


def _compare(folder):
    (folder / "job.yaml").write_text("kind: compare\n")
    (folder / "arm-seed0").mkdir()
    (folder / "arm-seed0" / "job.yaml").write_text("kind: search\n")


def _older(folder):
    (folder / ".asymnas-run").write_text("A run folder of AsymNAS.\n")


def _truncated(folder):
    path = folder / "supernet.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _other_space(folder):
    text = (folder / "job.yaml").read_text()
    (folder / "job.yaml").write_text(text.replace("space: tiny_asymmetric", "space: vlt_symmetric"))


@pytest.mark.parametrize(
    ("damage", "error", "text"),
    [
        (_drop("supernet.safetensors"), WeightsError, "missing"),
        (_drop("job.yaml"), AsymNASError, "retrain|no run folder"),
        (_unfinished, RunFolderError, "--resume"),
        (_other_weights, WeightsError, "other weights"),
        (_compare, RunFolderError, "arm-seed0"),
        (_older, RunFolderError, "another version"),
        (_truncated, WeightsError, "truncated"),
        (_other_space, AsymNASError, "another space"),
    ],
)
def test_a_damaged_run_says_what_is_wrong(copy, damage, error, text):
    damage(copy)
    with pytest.raises(error, match=text):
        open_tracker(copy)


def test_weights_of_another_training_are_refused(copy):
    path = copy / "supernet.safetensors"
    job = load_job(copy / "job.yaml", {"seed": 7})
    save_weights(path, job.open().model())
    with pytest.raises(WeightsError, match="not the file of the run"):
        open_tracker(copy)


def test_both_strategies_for_missing_sentences_where_the_weights_have_them(copy, videos):
    with pytest.raises(WeightsError, match="template_embedding"):
        open_tracker(copy, missing="template_embedding")

    text = (copy / "job.yaml").read_text()
    (copy / "job.yaml").write_text(text.replace("missing: zero_tensor", "missing: template_embedding"))
    job = load_job(copy / "job.yaml")
    assert job.tracker.options["missing"] == "template_embedding"
    save_weights(copy / "supernet.safetensors", job.open().model())
    for name in ("summary.json", "architecture.json"):
        data = json.loads((copy / name).read_text())
        (data if name == "summary.json" else data["provenance"])["weights_hash"] = weights_hash(
            copy / "supernet.safetensors"
        )
        (copy / name).write_text(json.dumps(data))
    own, zero = open_tracker(copy), open_tracker(copy, missing="zero_tensor")
    assert (own.settings["options"]["missing"], zero.settings["options"]["missing"]) == (
        "template_embedding",
        "zero_tensor",
    )
    nothing = [None] * len(videos)
    assert any((a != b).any() for a, b in zip(_boxes(own, videos, nothing), _boxes(zero, videos, nothing), strict=True))


def test_one_target_is_followed_frame_by_frame(ready, videos):
    live, video = ready.live(), videos[0]
    with pytest.raises(TrackerError, match="needs a target"):
        live.step(video.frame(0))
    live.start(video.frame(0), video.boxes[0], video.sentence)
    boxes = [live.step(video.frame(index))[0] for index in range(1, len(video))]
    language = ready.embed([video.sentence])
    (expected,) = track(ready.tracker, [video], path=ready.path, language=language, lockstep=1)
    assert (expected.boxes[1:] == boxes).all()


@pytest.fixture
def own_network():
    """A tracker with weights and no search space."""

    class Shift(torch.nn.Module, OnlineTracker):
        def __init__(self):
            super().__init__()
            self.step_x = torch.nn.Parameter(torch.zeros(1))

        def start(self, frames, boxes, *, language=None, path=None):
            return [box.copy() for box in boxes]

        def step(self, sessions, frames):
            for box in sessions:
                box[0] += self.step_x.item()
            return np.stack(sessions), np.ones(len(sessions))

    def build(options, *, space=None, language_dim=0, seed=0):
        return Shift()

    plugin = TrackerPlugin("shift", "moves by its weight", build, has_weights=True)
    TRACKERS.register("shift", plugin, replace=True)
    return Shift


def test_a_tracker_with_weights_and_no_space_is_opened_by_its_file(own_network, videos, tmp_path):
    model = own_network()
    with torch.no_grad():
        model.step_x += 2
    save_weights(tmp_path / "shift.safetensors", model)
    ready = open_tracker("shift", weights=tmp_path / "shift.safetensors")
    assert (ready.path, ready.reads_language) == (None, False)
    assert ready.settings["weights_hash"] == weights_hash(tmp_path / "shift.safetensors")
    live = ready.live()
    live.start(videos[0].frame(0), [1, 2, 3, 4])
    assert live.step(videos[0].frame(1))[0].tolist() == [3, 2, 3, 4]
    with pytest.raises(TrackerError, match="Give the file with --weights"):
        open_tracker("shift")
    with pytest.raises(TrackerError, match="has no weights"):
        open_tracker("static", weights=tmp_path / "shift.safetensors")


def test_boxes_depend_on_how_many_videos_share_a_batch(ready, videos):
    """So `lockstep` is part of a score's key, and of a result folder's identity."""
    language = ready.embed([video.sentence for video in videos])
    one, again, four = (
        [item.boxes for item in track(ready.tracker, videos, path=ready.path, language=language, lockstep=count)]
        for count in (1, 1, 4)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert all(np.allclose(a, b, atol=0.01) for a, b in zip(one, four, strict=True))
    task = load_job("vlt_scar").open()
    assert task.fingerprint()["lockstep"] == 36
