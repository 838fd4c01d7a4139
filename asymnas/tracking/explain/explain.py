"""`asymnas explain` as a function: what was looked at, as numbers, pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asymnas.core.errors import Problem, TrackerError
from asymnas.tracking.benchmark.open import ReadyTracker
from asymnas.tracking.explain.explanation import Explanation
from asymnas.tracking.explain.gradcam import check_captum
from asymnas.tracking.explain.inside import fusions, moda_mixers, open_view, siamese
from asymnas.tracking.explain.parts import answers_part, channels_part, trackers_part, words_parts
from asymnas.tracking.explain.subject import Subject, known_boxes
from asymnas.tracking.explain.trackers import Followed, follow_video
from asymnas.tracking.siamese.tracker import SiameseTracker

if TYPE_CHECKING:
    from asymnas.runs.times import Reporter

__all__ = ["check_tracker", "explain_tracker"]


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
    followed = _followed((ready, *others), subject, progress)
    known = known_boxes(video)
    around = video.boxes[frame - 1] if known[frame - 1] else followed[0].boxes[frame - 1]
    truth = video.boxes[frame] if known[frame] else None
    sentences: dict[str, str | None] = dict(subject.sentences) if ready.reads_language else {"none": None}
    main = list(sentences).index(subject.main) if subject.main in sentences else 0
    view = open_view(ready, video, frame, around, list(sentences.values()), truth)
    parts = [answers_part(ready, subject, view, sentences, main)]
    notes: list[str] = []
    mixers = ready.reads_language and any(moda_mixers(siamese(ready)))
    if not mixers:
        notes.append(f"{ready.name} has no ModaMixer that reads language: nothing selects its channels")
    elif subject.sentence is None:
        notes.append("without a sentence all selection scores are alike: no channels are shown")
    else:
        parts.insert(0, channels_part(view, main, fusions(siamese(ready), view, main), subject.sentence))
    parts.append(trackers_part(subject, followed))
    if mixers and subject.dataset is not None and videos:
        if progress is not None:
            progress.update("words", len(followed), 1 + len(followed), f"{videos} videos")
        parts += words_parts(ready, subject, videos, notes)
    if truth is None:
        notes.append(f"the box in frame {frame} is not known: the answer is looked at where the tracker found it")
    return Explanation(
        title=f"Inside {ready.name}: {video.key}, frame {frame}",
        record={
            "format": "asymnas-explain",
            "version": 1,
            "tracker": ready.settings,
            "tracker_name": ready.name,
            "video": video.key,
            "frame": frame,
            "sentence": subject.sentence,
        },
        parts=tuple(parts),
        notes=tuple(notes),
    )


def _followed(trackers: Sequence[ReadyTracker], subject: Subject, progress: Reporter | None) -> list[Followed]:
    followed = []
    for index, one in enumerate(trackers):
        if progress is not None:
            progress.update("tracking", index, len(trackers), one.name)
        followed.append(follow_video(one, subject.video, subject.sentence))
    return followed
