"""What is on disk of a data set: its splits, and single videos by name."""

from __future__ import annotations

from collections.abc import Mapping
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
    """Return the reader of a built-in benchmark; None for sets that are loaded in another way."""
    reader = getattr(dataset_info(name).load(), "__self__", None)
    return reader if isinstance(reader, Reader) else None


def splits_of(name: str, root: Path | str | None = None) -> tuple[dict[str, int], dict[str, DataError]]:
    """Return the splits of a benchmark that are on disk with their numbers of videos, and why others are not."""
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


def splits_to_check(
    name: str, root: Path | str | None = None, *, all_of_them: bool = False
) -> tuple[list[str], list[str]]:
    """Return the splits of a data set that are on disk, and in words which are not and why.

    A benchmark with a split "all" has that one alone, unless `all_of_them`. Without any a `DataError` is raised.
    """
    if reader_of(name) is None:
        raise DataError(_its_own(name))
    found, lost = splits_of(name, root)
    if not found:
        raise DataError([problem for error in lost.values() for problem in error.problems][:1])
    if "all" in found and not all_of_them:
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
    """Load a data set with options as a person gives them: their types are looked at before the files."""
    options = dict(options or {})
    rule, way_out = "must not be given as an option", "Name split, root, videos and seed in their own way."
    taken = [key for key in options if key in {"name", "split", "root", *choice}]
    problems = [Problem(key, rule, shown(options[key]), way_out) for key in taken]
    problems = problems or [item for item in dataset_info(name).problems(split, options) if item.where in options]
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
    """Load one video and return it with its split; without `split`, the first on disk that has it.

    Raises:
        DataError: no such video or option; its files are damaged.
    """
    reader = reader_of(name)
    if split is not None:
        splits = [split]
    elif reader is None:
        usual = ("train", "val", "test")
        splits = [item for item in usual if all(p.where != "split" for p in dataset_info(name).problems(item, {}))]
    else:
        splits = splits_to_check(name, root, all_of_them=True)[0]
    problems: list[Problem] = [] if splits else [_its_own(name)]
    given = dict(options or {}) if reader is None else {"on_length_mismatch": "shorter", **(options or {})}
    for item in splits:
        names = None if reader is None else reader.listing(data_root(root), item).names
        if names is not None and video not in names:
            problems.append(Problem(f"{name}/{item}", "no such video", f"'{video}'", nearest(video, names)))
            continue
        try:
            return load_with(name, item, root, given, videos=[video]).videos[0], item
        except DataError as error:
            problems += [problem for problem in error.problems if problem not in problems]
            if reader is not None:
                raise
    raise DataError(problems)
