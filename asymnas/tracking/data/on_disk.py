"""What is on disk of a data set: its splits, and single videos by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, Problem, nearest, shown
from asymnas.tracking.data._video import Dataset, Video
from asymnas.tracking.data.readers.folders import NotThere
from asymnas.tracking.data.readers.reader import Reader
from asymnas.tracking.data.registry import data_root, dataset_info, load_dataset

__all__ = ["find_video", "load_with", "reader_of", "splits_of", "splits_to_check"]


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
        raise DataError(_its_own(name))
    found, lost = splits_of(name, root)
    if not found:
        raise DataError([problem for error in lost.values() for problem in error.problems][:1])
    if "all" in found:
        return ["all"], []
    return list(found), [
        f"{name}/{split} is not there" if isinstance(error, NotThere) else f"{name}/{split} is not checked: {error}"
        for split, error in lost.items()
    ]


def _its_own(name: str) -> Problem:
    """Say that a split must be named, and which there are where that is known."""
    known = next((item.rule for item in dataset_info(name).problems("", {}) if item.where == "split"), "")
    rule = f"the splits of this data set are not looked for on disk{': ' if known else ''}{known}"
    return Problem(name, rule, "", "Name one with --split.")


def load_with(
    name: str, split: str, root: Path | str | None, options: Mapping[str, Any] | None, **choice: Any
) -> Dataset:
    """Load a data set with options as a person gives them: their types are looked at before the files.

    Raises:
        DataError: as `load_dataset`; options that the caller gives in another way.
    """
    options, info = dict(options or {}), dataset_info(name)
    taken = [key for key in options if key in {"name", "split", "root", *choice}]
    if taken:
        rule, way_out = "must not be given as an option", "Name split, root, videos and seed in their own way."
        raise DataError([Problem(f"{name}, option '{key}'", rule, shown(options[key]), way_out) for key in taken])
    own = info.options()
    if own is None or own.issuperset(options):  # others are told by what loads
        problems = [item for item in info.problems(split, options) if item.where in options]
        if problems:
            raise DataError([replace(item, where=f"{name}, option '{item.where}'") for item in problems])
    return load_dataset(name, split, root=root, **options, **choice)


def find_video(
    name: str,
    video: str,
    split: str | None = None,
    root: Path | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Video, str]:
    """Load one video and return it with its split.

    Args:
        name: registered name of the data set.
        video: the video's name.
        split: its split; None for the first on disk that has it.
        root: the data root.
        options: of the data set.

    Raises:
        DataError: no such video or option; its files are damaged.
    """
    if split is not None or reader_of(name) is None:
        usual = [item for item in ("train", "val", "test") if not _unknown(name, item)]
        if split is None and not usual:
            raise DataError(_its_own(name))
        return _first_with(name, video, usual if split is None else [split], root, options or {})
    found, lost = splits_of(name, root)
    if not found:
        raise DataError([problem for error in lost.values() for problem in error.problems][:1])
    return _first_with(name, video, list(found), root, options or {})


def _unknown(name: str, split: str) -> bool:
    return any(item.where == "split" for item in dataset_info(name).problems(split, {}))


def _first_with(
    name: str, video: str, splits: Sequence[str], root: Path | str | None, options: Mapping[str, Any]
) -> tuple[Video, str]:
    reader = reader_of(name)
    problems: list[Problem] = []
    for split in splits:
        try:
            if reader is not None and video not in set(names := reader.listing(data_root(root), split).names):
                problems.append(Problem(f"{name}/{split}", "no such video", f"'{video}'", nearest(video, names)))
                continue
            given = options if reader is None else {"on_length_mismatch": "shorter", **options}
            return load_with(name, split, root, given, videos=[video]).videos[0], split
        except DataError as error:
            problems += [item for item in error.problems if item not in problems]
            if reader is not None:
                raise
    raise DataError(problems)
