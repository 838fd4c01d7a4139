"""The evaluation of trackers on a benchmark, as data that tables, plots and pages are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asymnas.tracking.data import Annotation
    from asymnas.tracking.metrics import Comparison, Protocol, Scores

NAME = 60
"""Letters that a file and a plot show of a tracker's name, which may be a long file name."""


def default_protocol(dataset: str) -> str:
    """Return the protocol of a data set's own toolkit; `lasot` for a set that has none."""
    from asymnas.tracking.data import DATASETS, dataset_info

    return dataset_info(dataset).protocol if dataset in DATASETS else "lasot"


def percent(value: float, *, sign: bool = False) -> str:
    """Write a share in 0..1 as toolkits print it: in percent, two decimals."""
    return f"{100 * value:+.2f}" if sign else f"{100 * value:.2f}"


@dataclass(frozen=True, slots=True)
class TrackerScores:
    """One tracker on the benchmark: a unique name, where its results were read, and the reader's notes."""

    name: str
    source: str
    scores: Scores
    notes: tuple[str, ...] = ()

    def to_dict(self, *, level: float = 0.95) -> dict[str, Any]:
        """Return everything as JSON-able data; `level` is the coverage of the intervals."""
        known = {"tracker": self.name, "source": self.source, "reader": list(self.notes)}
        return {**known, **self.scores.to_dict(level=level)}


@dataclass(frozen=True, slots=True)
class BenchmarkReport:
    """Trackers, best first, on one split of one data set under one protocol.

    Args:
        rules: of the protocol, readable.
        main: the measure that ranks.
        chosen: whether the protocol was asked for; otherwise it is the data set's default.
        videos: sequences of the split; `frames` are annotated, and the target is absent from `absent` of them.
        annotations: where they were read from; `notes` say what their reader detected.
        comparisons: by the name of the tracker that is compared; each is that tracker minus `versus`.
        versus: the name of the tracker that the others are compared with, "" without one.
        level: coverage of the intervals.
    """

    dataset: str
    split: str
    protocol: str
    rules: str
    main: str
    chosen: bool
    videos: int
    frames: int
    absent: int
    annotations: str
    trackers: tuple[TrackerScores, ...]
    notes: tuple[str, ...] = ()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    versus: str = ""
    level: float = 0.95

    @property
    def title(self) -> str:
        """Data set, split, protocol, sequences and frames: what no score is shown without."""
        return f"{self.dataset} {self.split}, protocol {self.protocol}, {self.size}"

    @property
    def size(self) -> str:
        """Sequences and frames of the split."""
        frames = f"{self.frames:,} frames"
        return f"{self.videos} sequences, {frames}" + (f" ({self.absent:,} without the target)" if self.absent else "")

    @property
    def measures(self) -> tuple[str, ...]:
        """The protocol's measures, as the trackers hold them."""
        return tuple(self.trackers[0].scores.values)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able data; scores are shares in 0..1."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        return plain | {
            "protocol_is_default": not plain.pop("chosen"),
            "notes": list(self.notes),
            "trackers": [tracker.to_dict(level=self.level) for tracker in self.trackers],
            "versus": self.versus or None,
            "comparisons": {name: item.to_dict() for name, item in self.comparisons.items()},
        }


def difference_files(report: BenchmarkReport) -> dict[str, str]:
    """Return the file names of the plots of differences by tracker, for the comparisons that have any difference."""
    files: dict[str, str] = {}
    for name, comparison in report.comparisons.items():
        if any(difference for *_, difference in comparison.videos):
            stem = "".join(sign if sign.isalnum() else "_" for sign in name[:NAME])
            names = (f"difference_{stem}{'' if number == 1 else f'_{number}'}.png" for number in count(1))
            taken = {file.lower() for file in files.values()}
            files[name] = next(file for file in names if file.lower() not in taken)  # `run-1` and `run_1`
    return files


def make_report(
    dataset: str,
    split: str,
    videos: Sequence[Annotation],
    trackers: Sequence[TrackerScores],
    rules: Protocol,
    *,
    chosen: bool,
    annotations: str,
    notes: Sequence[str] = (),
    versus: str = "",
) -> BenchmarkReport:
    """Return the report of trackers, scored under `rules` and in order; the fields are those of `BenchmarkReport`."""
    from asymnas.tracking.metrics import compare

    reference = {item.name: item.scores for item in trackers}.get(versus)
    others = [] if reference is None else [item for item in trackers if item.name != versus]
    return BenchmarkReport(
        dataset=dataset,
        split=split,
        protocol=rules.name,
        rules=rules.rules,
        main=rules.main,
        chosen=chosen,
        videos=len(videos),
        frames=sum(map(len, videos)),
        absent=sum(int(video.absent.sum()) for video in videos),
        annotations=annotations,
        trackers=tuple(trackers),
        notes=tuple(notes),
        comparisons={item.name: compare(item.scores, reference) for item in others if reference is not None},
        versus=versus,
    )
