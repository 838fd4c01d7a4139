"""`asymnas explain` as a function: what was looked at, as numbers, pictures and a page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from asymnas.core.errors import Problem, TrackerError
from asymnas.core.files import disk_errors
from asymnas.report import Figure, Section, page
from asymnas.tracking.benchmark.open import ReadyTracker
from asymnas.tracking.boxes import iou
from asymnas.tracking.data import subset
from asymnas.tracking.data.lazy import all_of
from asymnas.tracking.explain.gradcam import answer_maps, check_captum, share_inside
from asymnas.tracking.explain.inside import (
    Fusion,
    SearchView,
    fusions,
    moda_mixers,
    nearest_cell,
    open_view,
    selection_scores,
    siamese,
    strides,
)
from asymnas.tracking.explain.plots import answers_plot, channels_plot, words_plot
from asymnas.tracking.explain.subject import Subject, known_boxes
from asymnas.tracking.explain.trackers import LOST_BELOW, LOST_FOR, Followed, draw_trackers, follow_video
from asymnas.tracking.explain.words import FEWEST, WordEffect, word_effects
from asymnas.tracking.siamese.tracker import SiameseTracker

if TYPE_CHECKING:
    from asymnas.core.statistics import Interval
    from asymnas.runs.times import Reporter

__all__ = ["Explanation", "Part", "check_tracker", "explain_tracker", "write_explanation"]

_LISTED, _ROWS = 3, 6


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of an explanation: its key in the record and name of its picture, numbers, PNG bytes, and a table."""

    name: str
    record: Any
    picture: bytes
    section: Section


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What was found; `record` are facts of what was looked at, JSON-able, and `notes` say what could not be."""

    title: str
    record: dict[str, Any]
    parts: tuple[Part, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        return {**self.record, **{part.name: part.record for part in self.parts}, "notes": list(self.notes)}


def check_tracker(ready: ReadyTracker) -> None:
    """Raise `TrackerError` unless it is possible to look inside a tracker, `MissingDependency` without captum."""
    tracker, where = ready.tracker, f"tracker '{ready.name}'"
    if not isinstance(tracker, SiameseTracker):
        way_out = "Name a run of such a tracker first, and this one with --trackers."
        raise TrackerError(Problem(where, "is no Siamese tracker, the kind whose inside is known", way_out=way_out))
    if type(tracker).target_logits is SiameseTracker.target_logits:
        way_out = f"Implement `{type(tracker).__name__}.target_logits`."
        raise TrackerError(Problem(where, "does not say how sure it is of the target at each place", way_out=way_out))
    check_captum()


def explain_tracker(
    ready: ReadyTracker,
    subject: Subject,
    others: Sequence[ReadyTracker] = (),
    *,
    videos: int = 100,
    progress: Reporter | None = None,
) -> Explanation:
    """Look inside a tracker at one frame, and beside others at the whole video.

    The frame is searched around the annotated box of the frame before; where that is not known, around the box that
    the tracker found there under the subject's main sentence.

    Args:
        ready: a Siamese tracker, see `check_tracker`.
        subject: what to look at.
        others: trackers that are shown beside it.
        videos: of the subject's data set, at most, whose sentences say which words move which channels; 0 for none.
        progress: takes reports.

    Raises:
        EvaluationError: a tracker's box is not finite.
        AsymNASError: a frame cannot be read, or a sentence cannot be embedded.
    """
    check_tracker(ready)
    video, frame = subject.video, subject.frame
    followed = []
    for index, one in enumerate((ready, *others)):
        if progress is not None:
            progress.update("tracking", index, 1 + len(others), one.name)
        followed.append(follow_video(one, video, subject.sentence))
    known = known_boxes(video)
    around = video.boxes[frame - 1] if known[frame - 1] else followed[0].boxes[frame - 1]
    labels = list(subject.sentences) if ready.reads_language else ["none"]
    sentences = {label: subject.sentences[label] for label in labels}
    truth = video.boxes[frame] if known[frame] else None
    view = open_view(ready, video, frame, around, list(sentences.values()), truth)
    main = labels.index(subject.main) if subject.main in labels else 0
    parts, notes = [_answers(ready, subject, view, sentences, main)], []
    mixers = ready.reads_language and any(moda_mixers(siamese(ready)))
    if not mixers:
        notes.append(f"{ready.name} has no ModaMixer that reads language: nothing selects its channels")
    elif subject.sentence is None:
        notes.append("without a sentence all selection scores are alike: no channels are shown")
    else:
        found = fusions(siamese(ready), view, main)
        parts.insert(0, _channels(view, main, found, subject.sentence))
    parts.append(_trackers(subject, followed))
    if mixers and subject.dataset is not None and videos:
        if progress is not None:
            progress.update("words", len(followed), 1 + len(followed), f"{videos} videos")
        parts += _words(ready, subject, videos, notes)
    if truth is None:
        notes.append(f"the box in frame {frame} is not known: the answer is looked at where the tracker found it")
    record = {
        "format": "asymnas-explain",
        "version": 1,
        "tracker": ready.settings,
        "tracker_name": ready.name,
        "video": video.key,
        "frame": frame,
        "sentence": subject.sentence,
    }
    title = f"Inside {ready.name}: {video.key}, frame {frame}"
    return Explanation(title, record, tuple(parts), tuple(notes))


def write_explanation(found: Explanation, folder: Path) -> list[Path]:
    """Write pictures, `explain.json` and `report.html` into a folder (made if missing), replacing those of before.

    Returns:
        all files, the page last.
    """
    sections = [part.section for part in found.parts]
    text = page(found.title, [Section("", note="\n".join(found.notes)), *sections])
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for part in found.parts:
            (folder / f"{part.name}.png").write_bytes(part.picture)
        numbers = json.dumps(found.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
        (folder / "explain.json").write_text(numbers + "\n", encoding="utf-8")
        (folder / "report.html").write_text(text, encoding="utf-8")
    names = [f"{part.name}.png" for part in found.parts]
    return [folder / name for name in (*names, "explain.json", "report.html")]


def _channels(view: SearchView, row: int, found: Sequence[Fusion], sentence: str) -> Part:
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


def _answers(
    ready: ReadyTracker, subject: Subject, view: SearchView, sentences: dict[str, str | None], main: int
) -> Part:
    """Grad-CAM of the answer at the target, under each sentence."""
    tracker = siamese(ready)
    corners = view.found[main] if view.truth is None else view.truth
    maps = answer_maps(tracker, view, nearest_cell(tracker, corners))
    stride = strides(tracker)[-1]
    overlaps = np.full(len(maps), np.nan)
    if view.truth is not None:
        overlaps = iou(view.boxes, subject.video.boxes[subject.frame])
    record, rows, captions = [], [], []
    for index, (label, sentence) in enumerate(sentences.items()):
        inside = share_inside(maps[index], corners, stride, len(view.crop))
        score, overlap = float(view.scores[index]), float(overlaps[index])
        box = view.boxes[index].tolist()
        numbers = {"score": score, "iou": _finite(overlap), "evidence_in_box": _finite(inside), "box": box}
        record.append({"label": label, "sentence": sentence, **numbers})
        cells = (f"{score:.2f}", "" if np.isnan(overlap) else f"{overlap:.2f}", _percent(inside))
        rows.append((label, sentence or "", *cells))
        evidence = f"{cells[2]} of it in the box" if cells[2] else "no evidence"
        captions.append(f"score {cells[0]}{', IoU ' + cells[1] if cells[1] else ''}\n{evidence}")
    note = (
        "Grad-CAM of the logit at the target, on the features of the search branch's last stage: what speaks for the "
        f"target at this place. All sentences search frame {subject.frame} around the same box; boxes in green are "
        "what each finds, the annotated one is white."
    )
    head = ("sentence", "", "score", "IoU", "evidence in the box")
    picture = answers_plot(view, maps, stride, sentences, captions)
    return _part("gradcam", record, picture, "Where the answer comes from", note, head, rows)


def _trackers(subject: Subject, followed: Sequence[Followed]) -> Part:
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


def _words(ready: ReadyTracker, subject: Subject, videos: int, notes: list[str]) -> Iterator[Part]:
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
) -> Part:
    return Part(
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
