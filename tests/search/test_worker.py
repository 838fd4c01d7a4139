"""The candidate worker: a score is a function of the task, with a real tiny tracker on drawn videos."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from asymnas.core.errors import JobError
from asymnas.core.seeding import rng_for
from asymnas.search import InProcessEvaluator, Task
from asymnas.space import load_space
from asymnas.testing import TrackerContract, moving_square
from asymnas.tracking import Language, get_tracker, track
from asymnas.tracking.metrics import suc
from asymnas.tracking.task.candidate import CandidateWorker, cost_record

DIM = 12


class Sentences:
    """Made-up embeddings, a function of the sentence."""

    def embed(self, sentences):
        rows = [rng_for(len(text), "embed").standard_normal(DIM) if text else np.zeros(DIM) for text in sentences]
        return Language(torch.tensor(np.array(rows)).float(), torch.tensor([text is not None for text in sentences]))


def build(**options):
    plugin = get_tracker("vlt_scar")
    model = plugin.build(plugin.options(), space=load_space("tiny_asymmetric"), language_dim=DIM, seed=3)
    contract = TrackerContract()
    batches = [contract.batch(model, 3), contract.batch(model, 2)]
    videos = [moving_square(seed, frames=4) for seed in range(3)]
    videos[1] = replace(videos[1], sentence=None)
    sets = {"val": videos, "one": videos[:1]}
    return CandidateWorker(model, batches, sets, **({"sentences": Sentences()} | options))


def broken():
    worker = build()
    with torch.no_grad():
        for parameter in worker.model.parameters():
            parameter.fill_(float("nan"))
    return worker


@pytest.fixture(scope="module")
def worker():
    return build()


@pytest.fixture(scope="module")
def architectures(worker):
    return [worker.model.space.sample(rng_for(seed, "worker test")) for seed in range(2)]


def same(a, b):
    return replace(a, seconds=0.0) == replace(b, seconds=0.0)


def test_evaluation_holds_everything(worker, architectures):
    found = worker.evaluate(Task.of(architectures[0]))
    assert found.ok
    assert found.genes == architectures[0].genes
    assert list(found.videos) == ["contract/square-0", "contract/square-1", "contract/square-2"]
    values = np.array(list(found.videos.values()))
    assert found.suc == pytest.approx(values.mean())
    assert found.se == pytest.approx(values.std(ddof=1) / np.sqrt(3))
    assert found.conditions == {"with": pytest.approx(found.suc)}
    assert (found.frames, found.protocol, found.video_set, found.recalibration) == (12, "lasot", "val", 2)
    assert found.cost == cost_record(worker.model.space.cost(architectures[0]))
    assert found.cost["branches"]["search"]["macs"] > found.cost["branches"]["template"]["macs"] > 0
    assert found.tracks is None
    assert found.seconds > 0


def test_no_candidate_leaves_a_trace(worker, architectures):
    before = {name: value.clone() for name, value in worker.model.state_dict().items()}
    one, two, again = (worker.evaluate(Task.of(architectures[index])) for index in (0, 1, 0))
    assert same(one, again)
    assert one.videos != two.videos
    assert all(torch.equal(value, before[name]) for name, value in worker.model.state_dict().items())
    assert same(build().evaluate(Task.of(architectures[0])), one)


def test_scores_are_those_of_the_boxes_under_each_condition(worker, architectures):
    found = worker.evaluate(Task.of(architectures[0], language="both", keep_boxes=True))
    videos = worker.video_sets["val"]
    for condition, tracks in found.tracks.items():
        scores = [suc(item.boxes, video.boxes, video.absent) for item, video in zip(tracks, videos, strict=True)]
        assert found.conditions[condition] == pytest.approx(np.mean(scores))
    assert found.suc == pytest.approx((found.conditions["with"] + found.conditions["without"]) / 2)
    given, absent = (found.tracks[condition][0].boxes for condition in ("with", "without"))
    assert not np.array_equal(given, absent)  # the sentence is read
    assert np.array_equal(*(found.tracks[condition][1].boxes for condition in ("with", "without")))  # it has none


def test_threads_are_set_and_restored(worker, architectures, monkeypatch):
    during = []
    original = worker.model.forward

    def spy(batch, path):
        during.append((torch.get_num_threads(), torch.is_inference_mode_enabled()))
        return original(batch, path)

    monkeypatch.setattr(worker.model, "forward", spy)
    before, before_cv = torch.get_num_threads(), cv2.getNumThreads()
    try:
        torch.set_num_threads(2)
        worker.evaluate(Task.of(architectures[0], "one"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(during) == {(1, True)}
    assert cv2.getNumThreads() == before_cv


def test_single_video_has_no_standard_error(worker, architectures):
    found = worker.evaluate(Task.of(architectures[0], "one"))
    assert found.se is None
    assert '"se":null' in found.to_json()


def test_baseline_needs_neither_path_nor_sentences(worker):
    found = worker.evaluate(Task(tracker="static", keep_boxes=True))
    videos = worker.video_sets["val"]
    tracks = track(
        get_tracker("static").build(get_tracker("static").options(), space=None, language_dim=0, seed=0), videos
    )
    assert [item.boxes.tolist() for item in found.tracks["without"]] == [item.boxes.tolist() for item in tracks]
    assert (found.tracker, found.genes, found.cost, found.recalibration) == ("static", None, {}, 0)
    assert found.suc > 0


def test_not_a_number_is_a_failure_that_says_where(architectures):
    (found,) = InProcessEvaluator(broken).evaluate([Task.of(architectures[0])])
    assert not found.ok
    assert found.score is None
    assert "finite" in found.error or "nan" in found.error.lower()


def test_boxes_that_are_not_finite_name_video_and_frame(worker, architectures, monkeypatch):
    original = worker.model.step

    def step(sessions, frames):
        boxes, scores = original(sessions, frames)
        boxes[-1, 2] = np.inf
        return boxes, scores

    monkeypatch.setattr(worker.model, "step", step)
    (found,) = InProcessEvaluator(lambda: worker).evaluate([Task.of(architectures[0])])
    assert "video contract/square-2, with sentences: all boxes must be finite, but 3 are not" in found.error
    assert "(frame 1)" in found.error


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ({"videos": "vall"}, "Did you mean 'val'"),
        ({"genes": (("template.stage1.block1", "shuffle_9x9"),)}, "shuffle_9x9"),
        ({"genes": None, "tracker": "vlt_scar"}, "evaluated by its genes"),
        ({"genes": None, "tracker": "statik"}, "static"),
    ],
)
def test_wrong_tasks_fail_with_a_reason(worker, architectures, task, text):
    wrong = replace(Task.of(architectures[0]), **task)
    (found,) = InProcessEvaluator(lambda: worker).evaluate([wrong])
    assert text in found.error


def test_sentences_without_an_encoder(architectures):
    silent = build(sentences=None)
    assert silent.evaluate(Task.of(architectures[0], "one", "without")).ok
    (found,) = InProcessEvaluator(lambda: silent).evaluate([Task.of(architectures[0], "one", "with")])
    assert "without an encoder" in found.error


def test_video_sets_are_checked(worker):
    video = moving_square(0)
    for videos, text in (([video, video], "twice: contract/square-0"), ([], "none")):
        with pytest.raises(JobError, match=text):
            CandidateWorker(worker.model, worker.batches, {"val": videos})
