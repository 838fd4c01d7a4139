"""The parts of an explanation: numbers, a picture and a table each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from asymnas.report import Figure, Section
from asymnas.tracking.benchmark.open import ReadyTracker
from asymnas.tracking.boxes import iou
from asymnas.tracking.data import subset
from asymnas.tracking.data.lazy import all_of
from asymnas.tracking.explain.explanation import ExplainedPart
from asymnas.tracking.explain.gradcam import answer_maps, share_inside
from asymnas.tracking.explain.inside import Fusion, SearchView, nearest_cell, selection_scores, siamese
from asymnas.tracking.explain.plots import answers_plot, channels_plot, words_plot
from asymnas.tracking.explain.subject import Subject
from asymnas.tracking.explain.trackers import LOST_BELOW, LOST_FOR, Followed, draw_trackers
from asymnas.tracking.explain.words import FEWEST, WordEffect, word_effects

if TYPE_CHECKING:
    from asymnas.core.statistics import Interval

__all__ = ["answers_part", "channels_part", "trackers_part", "words_parts"]

_LISTED, _ROWS = 3, 6
_KINDS = ("Grad-CAM", "by place")


def channels_part(view: SearchView, row: int, found: Sequence[Fusion], sentence: str) -> ExplainedPart:
    """The channels that each mixer selects, and the activation before and after it."""
    side, corners = len(view.crop), view.found[row] if view.truth is None else view.truth
    record, rows = [], []
    for fusion in found:
        largest, smallest = fusion.extremes(_LISTED)
        inside = [
            share_inside(np.abs(item).mean(0), corners, fusion.stride, side) for item in (fusion.before, fusion.after)
        ]
        named = {
            kind: [{"channel": channel, "score": float(fusion.scores[channel])} for channel in channels]
            for kind, channels in (("largest", largest), ("smallest", smallest))
        }
        record.append({"mixer": fusion.name, **named, "in_box_before": inside[0], "in_box_after": inside[1]})
        cells = [", ".join(f"{item['channel']}: {item['score']:+.2f}" for item in items) for items in named.values()]
        rows.append((fusion.name, *cells, *(f"{share:.1%}" for share in inside)))
    area = float(np.prod(corners[2:] - corners[:2])) / side**2
    note = (
        f"Under “{sentence}”. A selection score is what a ModaMixer multiplies a channel of the search branch with; "
        f"activation is the mean over channels without regard to the sign. The box covers {area:.1%} of the crop."
    )
    head = ("mixer", "largest: channel, score", "smallest: channel, score", "activation in box, before", "after")
    return _part("channels", record, channels_plot(view, row, found, sentence), "Channels that ModaMixers select",
                 note, head, rows)  # fmt: skip


def answers_part(
    ready: ReadyTracker, subject: Subject, view: SearchView, sentences: dict[str, str | None], main: int
) -> ExplainedPart:
    """Grad-CAM of the answer at the target, under each sentence."""
    tracker = siamese(ready)
    corners = view.found[main] if view.truth is None else view.truth
    maps = dict(zip(_KINDS, answer_maps(tracker, view, nearest_cell(tracker, corners)), strict=True))
    stride = tracker.grid.stride
    overlaps = np.full(len(sentences), np.nan)
    if view.truth is not None:
        overlaps = iou(view.boxes, subject.video.boxes[subject.frame])
    record, rows = [], []
    captions: list[list[str]] = [[], []]
    for index, (label, sentence) in enumerate(sentences.items()):
        inside = [share_inside(found[index], corners, stride, len(view.crop)) for found in maps.values()]
        score, overlap = float(view.scores[index]), float(overlaps[index])
        shares = dict(zip(("gradcam_in_box", "by_place_in_box"), map(_finite, inside), strict=True))
        box = view.boxes[index].tolist()
        record.append({"label": label, "sentence": sentence, "score": score, "iou": _finite(overlap), **shares,
                       "box": box})  # fmt: skip
        cells = [f"{score:.2f}", "" if np.isnan(overlap) else f"{overlap:.2f}", *map(_percent, inside)]
        rows.append((label, sentence or "", *cells))
        evidence = [f"{cell} of it in the box" if cell else "no evidence" for cell in cells[2:]]
        captions[0].append(f"score {cells[0]}{', IoU ' + cells[1] if cells[1] else ''}\n{evidence[0]}")
        captions[1].append(evidence[1])
    note = (
        "The logit at the target, from the features of the search branch's last stage. Grad-CAM shows the channels "
        "that speak for the target, wherever they are active; by place, what each place itself gives to the answer. "
        f"All sentences search frame {subject.frame} around the same box. Green boxes are found, the white one is "
        "annotated."
    )
    head = ("sentence", "", "score", "IoU", "Grad-CAM in the box", "by place")
    picture = answers_plot(view, maps, stride, sentences, captions)
    return _part("gradcam", record, picture, "Where the answer comes from", note, head, rows)


def trackers_part(subject: Subject, followed: Sequence[Followed]) -> ExplainedPart:
    """The whole video, with one tracker or several."""
    sheet = draw_trackers(subject.video, followed, sentence=subject.sentence)
    picture = cv2.imencode(".png", sheet)[1].tobytes()
    rows = [
        (
            item.name,
            "" if np.isnan(item.overlap) else f"{item.overlap:.2f}",
            "" if item.lost is None else f"frame {item.lost}",
        )
        for item in followed
    ]
    note = (
        f"A target is lost from the first frame from which the overlap with the annotated box stays below {LOST_BELOW} "
        f"for {LOST_FOR} frames; frames without a known box do not count."
    )
    head = ("tracker", "mean IoU", "lost from")
    return _part("trackers", [item.to_dict() for item in followed], picture, "Through the video", note, head, rows)


def words_parts(ready: ReadyTracker, subject: Subject, videos: int, notes: list[str]) -> Iterator[ExplainedPart]:
    """What each word of the data set's sentences does to the selection scores."""
    assert subject.dataset is not None
    chosen = subset(subject.dataset, videos=min(videos, len(all_of(subject.dataset.videos).names)))
    sentences = sorted({video.sentence for video in chosen.videos if video.sentence})
    effects = word_effects(lambda texts: selection_scores(ready, texts), sentences)
    if not any(effects.values()):
        notes.append(f"no word is in {FEWEST} of the {len(sentences)} sentences: none is shown")
        return
    rows = [
        (
            mixer if not index else "",
            item.word,
            str(item.sentences),
            _interval(item.change.mapped(lambda share: 100 * share), ".0f"),
            _moved(item),
        )
        for mixer, items in effects.items()
        for index, item in enumerate(items[:_ROWS])
    ]
    note = (
        f"{len(sentences)} sentences of {subject.dataset.name} {subject.dataset.split}, words of {FEWEST} or more; "
        "change: mean of |score - score without the word| over sentences and channels, in percent of the mean |score|. "
        "Channels: mean of score - score without the word. 95% bootstrap intervals over sentences."
    )
    head = ("mixer", "word", "sentences", "change, %", "channels that it moves most")
    record = {mixer: [item.to_dict() for item in items] for mixer, items in effects.items()}
    picture = words_plot(effects, len(sentences))
    yield _part("words", record, picture, "Words that move the selection scores", note, head, rows)


def _part(
    name: str, record: Any, picture: bytes, title: str, note: str, head: tuple[str, ...], rows: Sequence[Any]
) -> ExplainedPart:
    return ExplainedPart(
        name, record, picture, Section(title, head, tuple(rows), note, (Figure(picture, "png", title, wide=True),))
    )


def _moved(item: WordEffect) -> str:
    return "; ".join(f"{channel}: {_interval(change, '+.2f')}" for channel, change in item.channels)


def _interval(interval: Interval, form: str) -> str:
    return f"{interval.value:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{share:.0%}"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
