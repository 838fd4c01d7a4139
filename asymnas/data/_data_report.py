"""The check of a data set on disk: counts, and every defect with its file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asymnas.data._check import check_video, repeated
from asymnas.data._registry import data_root, dataset_info, load_dataset
from asymnas.data._subset import choose
from asymnas.data._video import Video
from asymnas.data.readers._build import Choice, Index, NotThere, Reader, VideoFiles, make_video
from asymnas.errors import DataError, Problem, nearest

__all__ = ["DataReport", "check_dataset", "find_video", "reader_of", "splits_of", "splits_to_check"]

OnVideo = Callable[[int, int, str], None]


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

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-able form."""
        return dataclasses.asdict(self)


def reader_of(name: str) -> Reader | None:
    """Return the reader of a built-in benchmark; None for sets that are loaded in another way.

    Raises:
        DataError: no data set has the name.
    """
    reader = getattr(dataset_info(name).load(), "__self__", None)
    return reader if isinstance(reader, Reader) else None


def splits_of(name: str, root: Path | str | None = None) -> tuple[dict[str, int], dict[str, DataError]]:
    """Return the splits of a built-in benchmark that are on disk with their numbers of videos, and why others are not.

    Raises:
        DataError: no data set has the name, there is no data root.
    """
    reader = reader_of(name)
    found: dict[str, int] = {}
    lost: dict[str, DataError] = {}
    if reader is None:
        return found, lost
    place = data_root(root)
    for split in reader.videos:
        try:
            count = len(reader.listing(place, split).names)
        except DataError as error:
            lost[split] = error
            continue
        if count:
            found[split] = count
        else:
            lost[split] = DataError(Problem(f"{name}/{split}", "the split must hold videos", "none"))
    return found, lost


def splits_to_check(name: str, root: Path | str | None = None) -> tuple[list[str], list[str]]:
    """Return the splits of a data set that are on disk, and in words which are not and why.

    A benchmark with a split "all" has that one alone.

    Raises:
        DataError: none is there.
    """
    if reader_of(name) is None:
        raise DataError(Problem(name, "the splits of this data set are its own", "", "Name one with --split."))
    found, lost = splits_of(name, root)
    if not found:
        raise DataError([problem for error in lost.values() for problem in error.problems][:1])
    if "all" in found:
        return ["all"], []
    return list(found), [
        f"{name}/{split} is not there" if isinstance(error, NotThere) else f"{name}/{split} is not checked: {error}"
        for split, error in lost.items()
    ]


def find_video(name: str, video: str, split: str | None = None, root: Path | str | None = None) -> tuple[Video, str]:
    """Load one video and return it with its split.

    Args:
        name: registered name of the data set.
        video: the video's name.
        split: its split; None for the first on disk that has it.
        root: the data root.

    Raises:
        DataError: no such video; its files are damaged.
    """
    if split is not None or reader_of(name) is None:
        splits = ["train", "val", "test"] if split is None else [split]
        return _first_with(name, video, splits, root)
    found, lost = splits_of(name, root)
    if not found:
        raise DataError([problem for error in lost.values() for problem in error.problems][:1])
    return _first_with(name, video, list(found), root)


def _first_with(name: str, video: str, splits: Sequence[str], root: Path | str | None) -> tuple[Video, str]:
    reader = reader_of(name)
    problems: list[Problem] = []
    for split in splits:
        try:
            if reader is not None and video not in set(names := reader.listing(data_root(root), split).names):
                problems.append(Problem(f"{name}/{split}", "no such video", f"'{video}'", nearest(video, names)))
                continue
            options = {} if reader is None else {"on_length_mismatch": "shorter"}
            return load_dataset(name, split, root=root, videos=[video], **options).videos[0], split
        except DataError as error:
            problems += error.problems
            if reader is not None:
                raise
    raise DataError(problems)


def check_dataset(
    name: str,
    split: str,
    root: Path | str | None = None,
    *,
    decode: bool = False,
    videos: int | Sequence[str] | None = None,
    seed: int = 0,
    on_video: OnVideo | None = None,
) -> DataReport:
    """Check a split of a data set on disk, from its annotations to its frames; no defect ends the check.

    Args:
        name: registered name.
        split: its split.
        root: the data root; see `asymnas.data.data_root`.
        decode: decode every frame. Otherwise the first of each video is decoded, and the files of the others must be
            there and not be empty.
        videos: check a number of videos drawn by `seed`, or those of these names; None for all.
        seed: seed of the draw.
        on_video: called before each video with its index, their number and its name.

    Raises:
        DataError: no such data set or split, or it is not in the data root.
    """
    reader = reader_of(name)
    tally = _Tally(
        f"{name}/{split}", True if reader is None else reader.language, {} if reader is None else reader.known
    )
    items: Iterator[tuple[int, int, Any, Any]]
    if reader is None:
        where, published = dataset_info(name).layout, None
        items = _loaded(name, split, root, videos, seed)
    else:
        listing = reader.listing(data_root(root), split)
        where, published = str(listing.where), reader.videos[split]
        names = list(listing.names)
        tally.problems += repeated(names, tally.where)
        names = [names[index] for index in choose(names, videos, seed, tally.where)]
        items = ((index, len(names), item, listing) for index, item in enumerate(names))
    for index, total, item, source in items:
        if on_video is not None:
            on_video(index, total, item)
        video = source if isinstance(source, Video) else _read(name, item, source, tally)
        tally.add(item, video, decode)
    return tally.report(name, split, where, published if videos is None else None)


def _loaded(
    name: str, split: str, root: Path | str | None, videos: int | Sequence[str] | None, seed: int
) -> Iterator[tuple[int, int, str, Video]]:
    dataset = load_dataset(name, split, root=root, videos=videos, seed=seed)
    total = len(dataset)
    return ((index, total, video.name, video) for index, video in enumerate(dataset.videos))


def _read(dataset: str, name: str, listing: Index, tally: _Tally) -> Video | None:
    """Read one video; counts that differ are a defect, and the video is cut to go on."""
    try:
        files = dataclasses.replace(listing.read(name), cut=False)
    except DataError as error:
        tally.defect(name, error)
        return None
    try:
        return make_video(dataset, files, Choice())
    except DataError as error:
        tally.defect(name, error)
    return _cut(dataset, files)


def _cut(dataset: str, files: VideoFiles) -> Video | None:
    try:
        return make_video(dataset, files, Choice(on_length_mismatch="shorter"))
    except DataError:  # no frames at all, which the first attempt has told
        return None


class _Tally:
    """Counts and defects of the videos so far."""

    def __init__(self, where: str, language: bool, known: Mapping[str, str]) -> None:
        self.where, self.language, self.known = where, language, known
        self.problems: list[Problem] = []
        self.silent: list[str] = []
        self.unreadable: list[str] = []
        self.broken: list[str] = []
        self.videos = self.frames = self.decoded = self.absent = self.unknown = 0

    def defect(self, name: str, error: DataError) -> None:
        self.problems += [self._with_known(name, problem) for problem in error.problems]

    def add(self, name: str, video: Video | None, decode: bool) -> None:
        self.videos += 1
        if video is None:
            self.unreadable.append(name)
            return
        found = check_video(video, f"{self.where}/{name}", deep=decode, language=self.language)
        self.problems += [self._with_known(name, problem) for problem in found.problems]
        self.broken += found.broken
        self.decoded += found.decoded
        self.frames += len(video)
        if video.server:
            self.unknown += len(video) - 1
        else:
            self.absent += int(video.absent.sum())
        if not video.sentence:
            self.silent.append(name)

    def _with_known(self, name: str, problem: Problem) -> Problem:
        return dataclasses.replace(problem, way_out=self.known[name]) if name in self.known else problem

    def report(self, dataset: str, split: str, where: str, published: int | None) -> DataReport:
        notes, language = [], self.language
        problems = self.problems
        if len(self.silent) == self.videos and self.language and reader_of(dataset) is None:
            language = False  # a set of which no video has a sentence is one without language
            problems = [problem for problem in problems if "has no sentence" not in problem.rule]
        if published is not None and self.videos != published:
            notes.append(f"the benchmark has {published} videos in this split")
        if not language:
            notes.append("the data set has no sentences")
        if self.unknown:
            notes.append("only the first box of its videos is public: they can be tracked, but not scored here")
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
            language=language,
            without_sentence=tuple(self.silent),
            unreadable=tuple(self.unreadable),
            broken=tuple(self.broken),
            defects=tuple(problems),
            notes=tuple(notes),
        )
