"""The check of a data set on disk: counts, and every defect with its file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.data._check import SceneFiles, check_video, repeated
from asymnas.tracking.data._on_disk import load_with, reader_of
from asymnas.tracking.data._registry import data_root, dataset_info
from asymnas.tracking.data._subset import choose
from asymnas.tracking.data._tracks import TrackVideos
from asymnas.tracking.data._video import Video
from asymnas.tracking.data.lazy import names_of
from asymnas.tracking.data.readers._build import Index, SplitOptions, VideoFiles, make_video

__all__ = ["DataReport", "check_dataset"]

OnVideo = Callable[[int, int, str], None]
Item = TypeVar("Item")

KEPT = 100_000
"""Defects, frames and names of each kind that a report lists, before it only counts them; sets have millions."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """What is on disk of one split of a data set.

    Args:
        dataset: registered name.
        split: its split.
        where: its place.
        videos: videos that were checked.
        published: how many the benchmark has; None where it is not fixed.
        frames: frames of the videos that could be read.
        decoded: frames that were decoded.
        absent: frames without a visible target.
        unknown: frames whose box only an evaluation server knows.
        language: whether the benchmark describes its targets.
        without_sentence: names of videos without a sentence.
        unreadable: names of videos whose files could not be read.
        broken: frames that are missing, empty or do not decode.
        defects: everything that is wrong, the above in words among it.
        notes: what is not wrong, but should be known.
        totals: how many there are of `without_sentence`, `unreadable`, `broken` and `defects`, of each of which the
            first 100,000 are listed.
    """

    dataset: str
    split: str
    where: str
    videos: int
    published: int | None
    frames: int
    decoded: int
    absent: int
    unknown: int
    language: bool
    without_sentence: tuple[str, ...]
    unreadable: tuple[str, ...]
    broken: tuple[str, ...]
    defects: tuple[Problem, ...]
    notes: tuple[str, ...]
    totals: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        parts = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {**parts, "defects": [dataclasses.asdict(item) for item in self.defects], "totals": dict(self.totals)}


def check_dataset(
    name: str,
    split: str,
    root: Path | str | None = None,
    *,
    decode: bool = False,
    videos: int | Sequence[str] | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    on_video: OnVideo | None = None,
) -> DataReport:
    """Check a split of a data set on disk, from its annotations to its frames; no defect ends the check.

    Args:
        name: registered name.
        split: its split.
        root: the data root; see `asymnas.tracking.data.data_root`.
        decode: decode every frame. Otherwise the first of each video is decoded, and the files of the others must be
            there and not be empty.
        videos: check a number of videos drawn by `seed`, or those of these names; None for all.
        seed: seed of the draw.
        options: of a set that is not a built-in benchmark, such as `folder` of crop511.
        on_video: called before each video with its index, their number and its name.

    Raises:
        DataError: no such data set, split or option, or it is not in the data root.
    """
    reader = reader_of(name)
    if reader is not None and options:
        rule = "a benchmark is checked as it lies on disk, without options"
        raise DataError(Problem(name, rule, ", ".join(options), "Leave them out."))
    tally = _SourceTally(
        f"{name}/{split}", True if reader is None else reader.language, {} if reader is None else reader.known
    )
    if reader is None:
        published = None
        where, names, make = _loaded(name, split, root, videos, seed, options, tally)
    else:
        listing = reader.listing(data_root(root), split)
        where, published, every = str(listing.where), reader.videos[split], list(listing.names)
        tally.problems.add(repeated(every, tally.where))
        names = [every[index] for index in choose(every, videos, seed, tally.where)]

        def make(index: int) -> Video | None:
            return _read(name, names[index], listing, tally)

    for index, item in enumerate(names):
        if on_video is not None:
            on_video(index, len(names), item)
        tally.add(item, make(index), decode)
    return tally.report(name, split, where, published if videos is None else None)


def _loaded(
    name: str,
    split: str,
    root: Path | str | None,
    videos: int | Sequence[str] | None,
    seed: int,
    options: Mapping[str, Any] | None,
    tally: _SourceTally,
) -> tuple[str, Sequence[str], Callable[[int], Video | None]]:
    """Load a set that is not a reader's; return its place, the names, and what makes a video, None where that fails."""
    found = load_with(name, split, root, options, videos=videos, seed=seed).videos
    where = dataset_info(name).layout
    if isinstance(found, TrackVideos):
        where = str(found.table.root)
        tally.language = bool(found.described.any())

    def make(index: int) -> Video | None:
        try:
            return found[index]
        except DataError as error:  # lazy videos are made here, some from their first frame's size
            tally.defect(names[index], error)
            return None

    names = names_of(found)
    return where, names, make


def _read(dataset: str, name: str, listing: Index, tally: _SourceTally) -> Video | None:
    """Read one video; counts that differ are a defect, and the video is cut to go on."""
    try:
        files = dataclasses.replace(listing.read(name), cut=False)
    except DataError as error:
        tally.defect(name, error)
        return None
    try:
        return make_video(dataset, files, SplitOptions())
    except DataError as error:
        tally.defect(name, error)
    return _cut(dataset, files)


def _cut(dataset: str, files: VideoFiles) -> Video | None:
    try:
        return make_video(dataset, files, SplitOptions(on_length_mismatch="shorter"))
    except DataError:  # no frames at all, which the first attempt has told
        return None


class _Kept(Generic[Item]):
    """The first items of what may be millions, and the number of all."""

    def __init__(self) -> None:
        self.first: list[Item] = []
        self.total = 0

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            self.total += 1
            if len(self.first) < KEPT:
                self.first.append(item)


class _SourceTally:
    """Counts and defects of the videos so far."""

    def __init__(self, where: str, language: bool, known: Mapping[str, str]) -> None:
        self.where, self.language, self.known = where, language, known
        self.files = SceneFiles()
        self.problems: _Kept[Problem] = _Kept()
        self.silent: _Kept[str] = _Kept()
        self.unreadable: _Kept[str] = _Kept()
        self.broken: _Kept[str] = _Kept()
        self.videos = self.frames = self.decoded = self.absent = self.unknown = 0

    def defect(self, name: str, error: DataError) -> None:
        self.problems.add(self._with_known(name, problem) for problem in error.problems)

    def add(self, name: str, video: Video | None, decode: bool) -> None:
        self.videos += 1
        if video is None:
            self.unreadable.add([name])
            return
        where = f"{self.where}/{name}"
        found = check_video(video, where, deep=decode, language=self.language, files=self.files)
        self.problems.add(self._with_known(name, problem) for problem in found.problems)
        self.broken.add(found.broken)
        self.decoded += found.decoded
        self.frames += len(video)
        if video.server:
            self.unknown += len(video) - 1
        else:
            self.absent += int(video.absent.sum())
        if self.language and not video.sentence:
            self.silent.add([name])

    def _with_known(self, name: str, problem: Problem) -> Problem:
        return dataclasses.replace(problem, way_out=self.known[name]) if name in self.known else problem

    def _drop_silence(self) -> None:
        """Take a set of which no video has a sentence for one without language."""
        self.language = False
        self.problems.first = [item for item in self.problems.first if "has no sentence" not in item.rule]
        self.problems.total -= self.silent.total
        self.silent = _Kept()

    def report(self, dataset: str, split: str, where: str, published: int | None) -> DataReport:
        if self.silent.total == self.videos and reader_of(dataset) is None:
            self._drop_silence()
        totals = {
            "without_sentence": self.silent.total,
            "unreadable": self.unreadable.total,
            "broken": self.broken.total,
            "defects": self.problems.total,
        }
        return DataReport(
            dataset=dataset,
            split=split,
            where=where,
            videos=self.videos,
            published=published,
            frames=self.frames,
            decoded=self.decoded,
            absent=self.absent,
            unknown=self.unknown,
            language=self.language,
            without_sentence=tuple(self.silent.first),
            unreadable=tuple(self.unreadable.first),
            broken=tuple(self.broken.first),
            defects=tuple(self.problems.first),
            notes=tuple(self._notes(published)),
            totals=totals,
        )

    def _notes(self, published: int | None) -> list[str]:
        notes = []
        if published is not None and self.videos != published:
            notes.append(f"the benchmark has {published} videos in this split")
        if not self.language:
            notes.append("the data set has no sentences")
        if self.unknown:
            notes.append("only the first box of its videos is public: they can be tracked, but not scored here")
        if self.problems.total > KEPT:
            notes.append(f"the first {KEPT:,} of {self.problems.total:,} defects are listed")
        return notes
