"""The forms of other programs, each as the files it has for one video."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from asymnas.tracking.results._otb import otb_record

__all__ = ["Plan", "ToolkitFormat", "form_of"]

_FOLDERS = {
    "got10k": {"got10k": "GOT-10k", "otb100": "OTB2015", "lasot": "LaSOT", "trackingnet": "TrackingNet"},
    "pysot": {
        "got10k": "GOT-10k",
        "otb100": "OTB100",
        "otb99_lang": "OTB99_LANG",
        "lasot": "LaSOT",
        "lasot_ext": "LaSOT_ext",
        "tnl2k": "TNL2K",
        "trackingnet": "TrackingNet",
    },
}
"""How the toolkits name the folders of data sets."""

_STARTS = {"blurcar1": 247, "blurcar3": 3, "blurcar4": 18, "david": 300, "tiger1": 6}
"""First frames of the OTB videos that do not start at frame 1."""

_SEVERAL = re.compile(r"^(jogging|skating2|human4)[-_.](\d)$", re.IGNORECASE)
"""OTB's videos with several targets, of which Human4 has one in the benchmark."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is settled before anything is written.

    Args:
        tracker: its name.
        dataset: registered name of the data set, None where it is not known.
        given: the data set as the caller wrote it.
        base: what pixels count from.
        decimals: digits after the point, None for the form's own.
        names: video -> name of its file.
        param: pytracking's name of the parameters.
    """

    tracker: str
    dataset: str | None
    given: str | None
    base: int
    decimals: int | None
    names: dict[str, str] = field(default_factory=dict)
    param: str = "default"

    def folder(self, format: str) -> str:
        """Return how a toolkit names the data set's folder."""
        return _FOLDERS[format].get(self.dataset or "", self.given or "GOT-10k")

    def file_name(self, format: str, video: str) -> str:
        """Return how a form names a video: as it is, but for OTB's videos with several targets."""
        if video in self.names:
            return self.names[video]
        match = _SEVERAL.match(video) if self.dataset in ("otb100", "otb99_lang") else None
        if match and format == "got10k":
            return match[1] if match[1].lower() == "human4" else f"{match[1]}.{match[2]}"
        if match and format == "pysot":
            return f"{match[1]}-{match[2]}"
        return video


@dataclass(frozen=True, slots=True)
class ToolkitFormat:
    """A form of result files.

    Args:
        name: one of `FORMATS`.
        decimals: digits after the point.
        separator: between the numbers.
        zipped: whether the files go into one zip.
    """

    name: str
    decimals: int = 4
    separator: str = ","
    zipped: bool = False

    def files(
        self, plan: Plan, video: str, boxes: np.ndarray, seconds: float | np.ndarray | None, scores: np.ndarray | None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of a video's files.

        Seconds of a whole video are spread evenly over its frames; unknown ones are NaN where a toolkit stops without
        a time file, which got10k leaves out of its speed.
        """
        name, tracker = plan.file_name(self.name, video), plan.tracker
        digits = self.decimals if plan.decimals is None else plan.decimals
        rows = self._rows(np.add(boxes, [plan.base, plan.base, 0, 0]), digits)
        spent = _each_frame(seconds, len(boxes))
        if self.name in ("lasot", "tnl2k"):
            yield f"{tracker}_tracking_result/{name}.txt", rows
        elif self.name == "pysot":
            yield f"{plan.folder('pysot')}/{tracker}/{name}.txt", rows
        elif self.name == "pytracking":
            own = f"{plan.dataset}/" if plan.dataset in ("got10k", "trackingnet") else ""
            stem = f"{tracker}/{plan.param}/{own}{name}"
            yield f"{stem}.txt", rows
            if spent is not None:
                yield f"{stem}_time.txt", self._rows(spent[:, None], 8)
            if scores is not None:
                yield f"{stem}_object_presence_scores.txt", self._rows(scores[:, None], 8)
        elif self.name in ("got10k", "got10k-zip"):
            yield from self._got10k(plan, name, rows, np.full(len(boxes), np.nan) if spent is None else spent)
        elif self.name == "trackingnet-zip":
            yield f"{name}.txt", rows
        else:
            fps = None if spent is None or not spent.sum() > 0 else len(spent) / float(spent.sum())
            kept = boxes if plan.decimals is None else np.round(boxes, plan.decimals)
            start = _STARTS.get(video.lower(), 1) if plan.dataset in ("otb100", "otb99_lang") else 1
            record = otb_record(tracker, name, kept, base=plan.base, fps=fps, start=start)
            yield f"{tracker}/{name}.json", json.dumps([record], allow_nan=False).encode()

    def _got10k(self, plan: Plan, name: str, rows: bytes, spent: np.ndarray) -> Iterator[tuple[str, bytes]]:
        times = self._rows(spent[:, None], 8)
        if self.zipped:
            yield f"{name}/{name}_001.txt", rows
            yield f"{name}/{name}_time.txt", times
            return
        folder = f"{plan.folder('got10k')}/{plan.tracker}"
        if plan.folder("got10k") == "GOT-10k":
            yield f"{folder}/{name}/{name}_001.txt", rows
            yield f"{folder}/{name}/{name}_time.txt", times
        else:
            yield f"{folder}/{name}.txt", rows
            yield f"{folder}/times/{name}_time.txt", times

    def _rows(self, rows: np.ndarray, digits: int) -> bytes:
        line = self.separator.join([f"%.{digits}f"] * rows.shape[1])
        return "".join(line % tuple(row) + "\n" for row in np.asarray(rows, dtype=np.float64).tolist()).encode()


def _each_frame(seconds: float | np.ndarray | None, frames: int) -> np.ndarray | None:
    if seconds is None:
        return None
    return np.asarray(seconds, dtype=np.float64) if np.ndim(seconds) else np.full(frames, float(seconds) / frames)


_FORMS = {
    form.name: form
    for form in (
        ToolkitFormat("lasot"),
        ToolkitFormat("tnl2k"),
        ToolkitFormat("pysot"),
        ToolkitFormat("pytracking", separator="\t"),
        ToolkitFormat("got10k", decimals=3),
        ToolkitFormat("got10k-zip", decimals=3, zipped=True),
        ToolkitFormat("trackingnet-zip", decimals=2, zipped=True),
        ToolkitFormat("otb-json"),
    )
}


def form_of(format: str) -> ToolkitFormat:
    """Return a form by its name."""
    return _FORMS[format]
