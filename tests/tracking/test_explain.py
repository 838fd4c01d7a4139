"""Looking inside a tracker: what is drawn is what the network computes, and what is counted is there."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from asymnas_trackers.baselines._trackers import StaticTracker
from asymnas_trackers.vlt_scar import VLTSCAROptions, plugin
from torch import nn

from asymnas.core.errors import DataError, MissingDependency, TrackerError
from asymnas.core.seeding import rng_for
from asymnas.language import Language
from asymnas.space import load_space, stage_strides
from asymnas.testing import moving_square
from asymnas.tracking.benchmark.open import ReadyTracker
from asymnas.tracking.data import Video
from asymnas.tracking.data.synthetic import sentence_parts
from asymnas.tracking.explain import explain as whole
from asymnas.tracking.explain import gradcam, parts, plots, trackers
from asymnas.tracking.explain.gradcam import answer_maps, grad_cam, share_inside
from asymnas.tracking.explain.inside import Fusion, fusions, nearest_cell, open_view, selection_scores
from asymnas.tracking.explain.subject import Subject, dataset_subject, known_boxes, video_subject
from asymnas.tracking.explain.trackers import draw_trackers, first_failure, follow_video
from asymnas.tracking.explain.words import without, word_effects, words_of

DIM = 12
SENTENCES = {"none": None, "class": "square", "full": "the noisy square"}


class Words:
    """Embeds a sentence as the mean of its words' vectors; "the" is ignored."""

    dim = DIM

    def embed(self, sentences):
        rows = [self._row(sentence or "") for sentence in sentences]
        present = torch.tensor([sentence is not None for sentence in sentences])
        return Language(torch.stack(rows), present, tuple(sentences))

    def _row(self, sentence: str) -> torch.Tensor:
        words = [word for word in sentence.split() if word != "the"]
        draws = [rng_for(0, "word", word).standard_normal(DIM) for word in words]
        return torch.tensor(np.mean(draws, axis=0) if draws else np.zeros(DIM), dtype=torch.float32)


@pytest.fixture(scope="module")
def ready() -> ReadyTracker:
    space = load_space("tiny_asymmetric")
    options = VLTSCAROptions(channels=16, head_depth=1, min_side=4.0)
    tracker = plugin.build(options, space=space, language_dim=DIM, seed=0)
    path = space.sample(rng_for(0, "explain")).genes
    return ReadyTracker("toy", tracker, path, {"tracker": "vlt_scar"}, True, _sentences=Words())


@pytest.fixture(scope="module")
def static() -> ReadyTracker:
    return ReadyTracker("static", StaticTracker(), None, {}, False)


@pytest.fixture(scope="module")
def square() -> Video:
    return moving_square(1, frames=5)


@pytest.fixture(scope="module")
def view(ready, square):
    return open_view(ready, square, 3, square.boxes[2], list(SENTENCES.values()), square.boxes[3])


def test_the_crop_shows_the_frame_where_the_boxes_are(view, square):
    x, y, w, h = square.boxes[3].astype(int)
    found = view.crop[tuple(slice(*map(round, view.truth[[side, side + 2]])) for side in (1, 0))]
    wanted = square.frame(3)[y : y + h, x : x + w]
    same = np.corrcoef(cv2.resize(found, (w, h)).ravel(), wanted.ravel())[0, 1]
    elsewhere = np.corrcoef(cv2.resize(view.crop[:32, :32], (w, h)).ravel(), wanted.ravel())[0, 1]
    assert same > 0.8 > abs(elsewhere)
    assert view.images.shape == (3, 3, 128, 128)


def test_scores_and_features_are_those_of_the_network(ready, view):
    tracker = ready.tracker
    found = fusions(tracker, view, 2)
    with torch.no_grad():
        output = tracker.supernet.branch(
            "search", view.images[2:], ready.path, language=view.template.row(2).language, tokens=None
        )
    assert [fusion.name for fusion in found] == ["mixer1", "mixer2", "mixer3", "mixer4"]
    assert list(stage_strides(tracker.space.branch("search"))) == [fusion.stride for fusion in found] == [4, 8, 8, 8]
    for fusion, token, features in zip(found, output.tokens, output.features, strict=True):
        np.testing.assert_array_equal(fusion.scores, token[0].numpy())
        np.testing.assert_array_equal(fusion.after, features[0].numpy())
        assert fusion.before.shape == fusion.after.shape
        assert not np.array_equal(fusion.before, fusion.after)
    alone = selection_scores(ready, ["square", "the noisy square"])
    for fusion in found:
        np.testing.assert_allclose(alone[fusion.name][1], fusion.scores, atol=1e-6)
    assert not any(mixer._forward_hooks for mixer in tracker.modules())


def test_without_a_sentence_nothing_is_selected(ready, view):
    assert all((fusion.scores == 0).all() for fusion in fusions(ready.tracker, view, 0))


def test_the_channels_drawn_are_those_of_the_largest_and_smallest_score(ready, view, monkeypatch):
    found, drawn = fusions(ready.tracker, view, 2)[2:3], []
    monkeypatch.setattr(plots, "_channel", lambda axes, view, row, fusion, channel: drawn.append(channel))
    assert plots.channels_plot(view, 2, found, "the noisy square")[:4] == b"\x89PNG"
    scores = found[0].scores
    assert (drawn[0], drawn[3]) == (scores.argmax(), scores.argmin())
    assert (scores[drawn[:3]] == np.sort(scores)[:-4:-1]).all()
    assert (scores[drawn[3:]] == np.sort(scores)[:3]).all()


def test_extremes_in_order():
    fusion = Fusion("m", np.zeros((4, 1, 1)), np.zeros((4, 1, 1)), np.array([0.5, -2.0, 3.0, 1.0]), 8)
    assert fusion.extremes(2) == ([2, 3], [1, 0])


def test_grad_cam_of_a_linear_model_is_that_of_hand():
    layer = nn.Conv2d(2, 3, 1, bias=False)
    weights = torch.tensor([1.0, -2.0, 0.5])

    class Answer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return (self.layer(x)[:, :, 1, 2] * weights).sum(1)

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 2, 4, 5, generator=generator)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        x[0, :, 1, 2] = weights @ layer.weight[:, :, 0, 0]  # an answer above zero
    features = layer(x).detach().numpy()
    by_hand = np.maximum((features * weights.numpy()[:, None, None] / 20).sum(1), 0)
    assert (by_hand > 0).any()
    assert (by_hand == 0).any()
    np.testing.assert_allclose(grad_cam(Answer(), layer, x), by_hand, atol=1e-6)
    placed = np.zeros((2, 4, 5))
    placed[:, 1, 2] = np.maximum((features[:, :, 1, 2] * weights.numpy()).sum(1), 0)
    assert placed.any()
    np.testing.assert_allclose(grad_cam(Answer(), layer, x, by_place=True), placed, atol=1e-6)


def test_maps_are_of_the_last_stage_behind_its_mixer(ready, view):
    tracker, cell = ready.tracker, nearest_cell(ready.tracker, view.truth)
    maps, placed = answer_maps(tracker, view, cell)
    output = tracker.supernet.branch(
        "search", view.images, view.path, language=view.template.language, tokens=view.template.tokens
    )
    last = output.features[-1].detach().requires_grad_()
    levels = [last if level == 3 else output.features[level] for level in tracker.grid.levels]
    answers = tracker.head(view.template.maps, tracker.neck(levels, "search"))
    logits = (answers.cls[:, 1] - answers.cls[:, 0])[:, cell[0], cell[1]]
    (gradient,) = torch.autograd.grad(logits.sum(), last)
    by_hand = (gradient.mean((2, 3), keepdim=True) * last).sum(1).clamp(min=0).detach().numpy()
    assert by_hand.max() > 0
    np.testing.assert_allclose(maps, by_hand, rtol=1e-3, atol=1e-6 * by_hand.max())
    by_hand = (gradient * last).sum(1).clamp(min=0).detach().numpy()
    np.testing.assert_allclose(placed, by_hand, rtol=1e-3, atol=1e-6 * by_hand.max())
    assert not any(module._forward_hooks for module in tracker.modules())


def test_every_map_is_named_by_its_kind_and_its_sentence(view, monkeypatch):
    figures = []
    monkeypatch.setattr(plots, "make_png", lambda figure: figures.append(figure) or b"")
    maps = {kind: np.zeros((3, 16, 16)) for kind in ("one", "two")}
    plots.answers_plot(view, maps, 8, SENTENCES, [["a", "b", "c"], ["d", "e", "f"]])
    cells = [(cell.get_title(), cell.get_xlabel(), cell.get_ylabel()) for cell in figures[0].axes]
    assert cells[1:4] == [
        ("none", "no sentence\na", "one"),
        ("class", "“square”\nb", ""),
        ("full", "“the noisy square”\nc", ""),
    ]
    assert cells[5:8] == [("", "d", "two"), ("", "e", ""), ("", "f", "")]


def test_the_cell_is_that_at_the_centre(ready):
    axis = ready.tracker.axis.numpy()
    corners = np.array([axis[2] - 5, axis[7] - 9, axis[2] + 6, axis[7] + 10])
    assert nearest_cell(ready.tracker, corners) == (7, 2)


@pytest.mark.parametrize(("corners", "share"), [([0, 0, 32, 16], 0.5), ([4, 8, 12, 16], 1 / 16), ([40, 0, 50, 9], 0)])
def test_share_of_an_even_map_is_that_of_the_area(corners, share):
    assert share_inside(np.ones((4, 4)), np.array(corners, float), 8, 32) == pytest.approx(share)


def test_share_of_a_map_that_is_smaller_than_the_crop():
    cam = np.zeros((3, 3))
    cam[0, 2] = 2.0  # from 20 to 28 across, from 4 to 12 down
    assert share_inside(cam, np.array([24.0, 0, 40, 40]), 8, 32) == pytest.approx(0.5)
    assert np.isnan(share_inside(np.zeros((3, 3)), np.array([0.0, 0, 9, 9]), 8, 32))


def counted(texts):
    """Channel 0 counts "red", channel 1 "star" with another sign, channel 2 is one; "the" is ignored."""
    rows = [[2.0 * text.split().count("red"), -0.5 * text.split().count("star"), 1.0] for text in texts]
    return {"mixer": np.array(rows)}


def test_words_move_what_they_move():
    sentences = ["the red star", "the red ring", "a red, star", "the star", "the star"]
    effects = {effect.word: effect for effect in word_effects(counted, sentences)["mixer"]}
    assert set(effects) == {"the", "red", "star"}
    assert (effects["the"].change.value, effects["the"].change.high) == (0, 0)
    # the mean |score|: channel 0 is 2, 2, 0 ("red," is another word there), 0; 1 is .5, 0, .5, .5; 2 is 1
    size = (4.0 + 1.5 + 4.0) / 12
    assert effects["star"].change.value == pytest.approx(0.5 / 3 / size)
    assert effects["star"].sentences == 3
    channel, change = effects["star"].channels[0]
    assert (channel, change.value, change.low, change.high) == (1, -0.5, -0.5, -0.5)
    channel, change = effects["red"].channels[0]
    assert (channel, change.value) == (0, pytest.approx(4 / 3))
    assert change.low < 4 / 3 < change.high


def test_a_word_that_the_encoder_ignores_moves_no_score(ready):
    sentences = [f"the {colour} square" for colour in ("red", "blue", "green", "dark")]
    for effects in word_effects(lambda texts: selection_scores(ready, texts), sentences).values():
        found = {effect.word: effect.change.value for effect in effects}
        assert found["the"] == pytest.approx(0, abs=1e-6)
        assert found["square"] > 0.1
        assert effects[0].word == "square"


def test_words_are_left_out_wherever_they_are():
    assert words_of("The red star, the RED ring.") == ["the", "red", "star", "ring"]
    assert without("The red star, the RED ring.", "the") == "red star, RED ring."
    assert word_effects(counted, ["red"] * 9) == {"mixer": []}


@pytest.mark.parametrize(
    ("overlaps", "lost"),
    [
        ([0.5] * 20 + [0.05] * 12, 20),
        ([0.5] * 20 + [0.05] * 9 + [0.5] + [0.0] * 10, 30),
        ([0.5] * 20 + [0.05] * 9, None),
        ([0.0] * 10, 0),
        ([0.5] + [np.nan] * 5 + [0.0] * 4 + [np.nan] * 9 + [0.0] * 6, 6),
        ([0.5] * 5 + [0.1] * 20, None),
        ([], None),
    ],
)
def test_the_failure_is_where_it_is_planted(overlaps, lost):
    assert first_failure(np.array(overlaps, float)) == lost


def jumping(frames: int = 30, at: int = 12, absent: tuple[int, ...] = ()) -> Video:
    boxes = np.tile([[10.0, 10.0, 12.0, 12.0]], (frames, 1))
    boxes[at:, :2] += 40
    pictures = [np.full((72, 96, 3), 90, np.uint8)] * frames
    gone = np.isin(np.arange(frames), absent)
    return Video("jump", "toy", pictures, boxes, gone, sentence="a square")


def test_a_tracker_that_stays_loses_a_target_that_jumps(static, monkeypatch):
    followed = follow_video(static, jumping(absent=(12, 13)), "a square")
    assert followed.lost == 14
    assert followed.overlap == pytest.approx(11 / 27)
    assert followed.label == "static: IoU 0.41, lost from frame 14"
    drawn = []
    cell = trackers._cell
    monkeypatch.setattr(
        trackers, "_cell", lambda video, styled, index: drawn.append(index) or cell(video, styled, index)
    )
    sheet = draw_trackers(jumping(absent=(12, 13)), [followed], sentence="a square", count=3)
    assert drawn == [10, 14, 19, 29]
    assert sheet.shape[1] == 4 * 304 + 4
    assert (sheet == trackers.STYLES[0]).all(2).sum() > 1000


def test_boxes_that_nobody_knows_do_not_count():
    video = jumping(frames=4, absent=(1,))
    video.boxes[2] = np.nan
    assert known_boxes(video).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        ("the red striped star moving around over tiles", ("star", "red striped", "over tiles")),
        (
            "drifting small dark plain ring in front of wooden floor",
            ("ring", "small dark plain", "in front of wooden floor"),
        ),
        ("blue cross wandering among two other crosses", ("cross", "blue", "among two other crosses")),
        ("pink solid hexagon wobbling", ("hexagon", "pink solid", None)),
    ],
)
def test_parts_of_a_generated_sentence(sentence, parts):
    wanted = dict(zip(("class", "attribute", "environment"), parts, strict=True))
    assert sentence_parts(sentence) == {kind: part for kind, part in wanted.items() if part}


def test_a_generated_video_is_looked_at_under_the_parts_of_its_sentence():
    subject = dataset_subject("synthetic:language_critical-00001")
    assert list(subject.sentences)[:3] == ["none", "class", "attribute"]
    assert (subject.sentences["none"], subject.frame, subject.main) == (None, 30, "full")
    assert subject.sentence == subject.video.sentence
    other = dataset_subject("synthetic:standard-00000", texts=["a ball", "a cat"], frame=2)
    assert list(other.sentences.values()) == [None, "a ball", "a cat", other.video.sentence]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dataset_subject("synthetik:x"), "Did you mean 'synthetic'?"),
        (lambda: dataset_subject("synthetic:standard-99999"), "no such video"),
        (lambda: dataset_subject("synthetic:standard-00000", frame=60), "between 1 and 59"),
        (lambda: dataset_subject("synthetic:standard-00000", split="tests"), "test"),
    ],
)
def test_what_a_data_set_does_not_have(call, message):
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        call()


def test_a_video_of_ones_own(tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.full((72, 96, 3), 90, np.uint8))
    subject = video_subject(tmp_path, truth=np.array([[1.0, 2, 9, 9], [2, 2, 9, 9]]), texts=["a cat"])
    assert (subject.frame, subject.sentence, subject.dataset) == (2, "a cat", None)
    assert known_boxes(subject.video).tolist() == [True, True, False, False]
    with pytest.raises(DataError, match="first frame must be given"):
        video_subject(tmp_path)
    with pytest.raises(DataError, match="is outside"):
        video_subject(tmp_path, box=np.array([200.0, 2, 9, 9]))


def test_only_the_inside_of_siamese_trackers_is_known(ready, static, monkeypatch):
    with pytest.raises(TrackerError, match="is no Siamese tracker"):
        whole.check_tracker(static)
    monkeypatch.setattr(gradcam, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"asymnas\[explain\]"):
        whole.check_tracker(ready)


def test_a_tracker_must_say_how_sure_it_is(ready, monkeypatch):
    silent = type("Silent", (type(ready.tracker),), {"target_logits": whole.SiameseTracker.target_logits})
    monkeypatch.setattr(ready.tracker, "__class__", silent)
    with pytest.raises(TrackerError, match=r"Implement `Silent\.target_logits`"):
        whole.check_tracker(ready)


def test_everything_is_in_the_record(ready, static, square, monkeypatch):
    dataset = SimpleNamespace(name="toy", split="test", videos=[square])
    subject = Subject(square, 3, SENTENCES, "full", dataset)
    texts = [f"the {colour} square" for colour in ("red", "blue", "green", "dark")]
    named = [SimpleNamespace(sentence=text) for text in texts]
    monkeypatch.setattr(parts, "subset", lambda *_, **__: SimpleNamespace(videos=named))
    for name in ("channels_plot", "answers_plot"):
        monkeypatch.setattr(parts, name, lambda *_: b"")
    found = whole.explain_tracker(ready, subject, [static])
    record = found.to_dict()
    assert [part.name for part in found.parts] == ["channels", "gradcam", "trackers", "words"]
    assert record["notes"] == []
    view = open_view(ready, square, 3, square.boxes[2], list(SENTENCES.values()), square.boxes[3])
    scores = fusions(ready.tracker, view, 2)[0].scores
    assert record["channels"][0]["largest"][0]["channel"] == scores.argmax()
    assert record["channels"][0]["largest"][0]["score"] == pytest.approx(scores.max())
    assert [row["sentence"] for row in record["gradcam"]] == list(SENTENCES.values())
    np.testing.assert_allclose([row["box"] for row in record["gradcam"]], view.boxes)
    assert [row["tracker"] for row in record["trackers"]] == ["toy", "static"]
    words = {row["word"]: row["change"]["value"] for row in record["words"]["mixer2"]}
    assert words["the"] == pytest.approx(0, abs=1e-6)
    assert words["square"] > 0.1
    assert found.parts[-1].picture[:4] == b"\x89PNG"


def test_what_is_not_known_is_noted(ready, square, monkeypatch):
    monkeypatch.setattr(parts, "answers_plot", lambda *_: b"")
    unknown = square.boxes.copy()
    unknown[1:] = np.nan
    video = Video("clip", "video", square.frames, unknown, square.absent)
    found = whole.explain_tracker(ready, Subject(video, 3, {"none": None}, "none"))
    assert [part.name for part in found.parts] == ["gradcam", "trackers"]
    assert "all selection scores are alike" in found.notes[0]
    assert "the box in frame 3 is not known" in found.notes[1]
    assert found.to_dict()["trackers"][0]["mean_iou"] is None
    boxes = np.array(found.to_dict()["trackers"][0]["boxes"])
    view = open_view(ready, video, 3, boxes[2], [None])
    np.testing.assert_allclose(found.to_dict()["gradcam"][0]["box"], view.boxes[0])
