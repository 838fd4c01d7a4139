"""The registry of data sets, what is known of each, and the data root."""

from __future__ import annotations

import inspect
import json
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, Problem, nearest, shown
from asymnas.core.plugins import Registry, load_object
from asymnas.tracking.data._subset import subset
from asymnas.tracking.data._video import Dataset

__all__ = [
    "DATASETS",
    "DatasetInfo",
    "check_split",
    "data_root",
    "dataset_info",
    "dataset_names",
    "list_datasets",
    "load_dataset",
    "register_dataset",
]

Loader = Callable[..., Dataset]
Check = Callable[..., Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What is known of a data set; packages name one by an entry point of the group `asymnas.datasets`.

    Args:
        name: the name used in jobs.
        summary: one line.
        layout: how it lies below the data root; "" for one that needs no files.
        loader: `loader(split, **options) -> Dataset`, or "module:function" imported on first use. A loader with a
            parameter `root` gets the resolved data root; one without `videos`, `frames` or `seed` has them applied
            through `subset`.
        check: `check(split, **options)` returns what is wrong with options as far as it is known without files, each
            problem at an option's name; or "module:function". None: nothing is known.
        splits: names of the splits to the published number of videos, None where it is not fixed; empty where the
            names are not known.
        evaluated: the split that is evaluated on by default.
        protocol: the protocol of the data set's own toolkit.
        language: whether targets are described in words.
        folders: names that its folder below the data root goes by; other spellings of the data set's name, too.
        base: what its own annotation files, and so result files of its toolkit, count pixels from; None: not known.
        toolkits: format of result files to the folder's name in it.
        server: the evaluation server that alone knows the boxes of a test split.
        generated: its option `videos` makes as many as are asked for, and video i is the same whatever their number.
        sentence_parts: `sentence_parts(sentence)` returns parts of a sentence by kind, such as class, attribute and
            environment; or "module:function". None: nothing is known of the parts.
    """

    name: str
    summary: str
    layout: str
    loader: Loader | str
    check: Check | str | None = None
    splits: Mapping[str, int | None] = field(default_factory=dict)
    evaluated: str = "test"
    protocol: str = "lasot"
    language: bool = True
    folders: tuple[str, ...] = ()
    base: int | None = None
    toolkits: Mapping[str, str] = field(default_factory=dict)
    server: str = ""
    generated: bool = False
    sentence_parts: Callable[[str], Mapping[str, str]] | str | None = None

    def load(self) -> Loader:
        """Return the loader, imported if need be."""
        try:
            return load_object(self.loader)
        except (ImportError, AttributeError) as error:
            where, value = f"data set '{self.name}'", f"{type(error).__name__}: {error}"
            rule = f"its loader {self.loader} must be importable"
            raise DataError(Problem(where, rule, value, "Correct or reinstall its package.")) from error

    def parts_of(self, sentence: str) -> Mapping[str, str]:
        """Return the parts of a sentence by kind; none where the data set knows of none."""
        return {} if self.sentence_parts is None else load_object(self.sentence_parts)(sentence)

    def options(self) -> frozenset[str] | None:
        """Return the names of the loader's parameters beside `split` and `root`; None if it takes any."""
        parameters = inspect.signature(self.load()).parameters
        if any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values()):
            return None
        return frozenset(parameters) - {"split", "root"}

    def problems(self, split: str, options: Mapping[str, Any]) -> list[Problem]:
        """Return what is wrong with a split and options as far as it is known without files, each at its name."""
        typed, problems = _typed_options(self.load(), options)
        if self.splits and split not in self.splits:
            rule = f"the split must be one of {', '.join(self.splits)}"
            problems.append(Problem("split", rule, f"'{split}'", nearest(split, self.splits)))
        return problems if self.check is None else [*problems, *load_object(self.check)(split, **typed)]


DATASETS: Registry[DatasetInfo] = Registry(
    "data set", "asymnas.datasets", "asymnas.tracking.data.registry:DatasetInfo", DataError
)


def register_dataset(name: str, loader: Loader | str, summary: str, **facts: Any) -> None:
    """Make a data set known under `name` in this process; see `DatasetInfo` for the arguments.

    Workers of a job are processes of their own: a package declares an entry point of the group `asymnas.datasets`
    instead, which all of them see.

    Raises:
        DataError: the name is taken by another loader.
    """
    info = DatasetInfo(name, summary, facts.pop("layout", ""), loader, **facts)
    same = name in DATASETS and DATASETS.origin(name) == "this process" and DATASETS.get(name).loader == loader
    DATASETS.register(name, info, replace=same)


def dataset_names() -> list[str]:
    """Return the names of all data sets, sorted; imports none of them."""
    return DATASETS.names()


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set; `DataError` if there is none of the name, or it cannot be imported."""
    return DATASETS.get(name)


def list_datasets() -> list[DatasetInfo]:
    """Return all registered data sets, sorted by name; imports what packages registered, but no built-in reader."""
    return [dataset_info(name) for name in dataset_names()]


def check_split(name: str, split: str) -> None:
    """Raise `DataError` unless a data set has the split, or does not say which it has."""
    problems = [item for item in dataset_info(name).problems(split, {}) if item.where == "split"]
    if problems:
        raise DataError([replace(item, where=name) for item in problems])


def data_root(root: Path | str | None = None) -> Path:
    """Return the folder that holds the benchmarks: the argument, else the environment's `ASYMNAS_DATA`.

    Raises:
        DataError: neither is given, or the folder does not exist.
    """
    given = root if root is not None else os.environ.get("ASYMNAS_DATA") or None
    if given is None:
        rule = "real data sets need the folder they lie in, and none was given"
        way_out = "Set `data.root` in the job, --data-root, or the environment variable ASYMNAS_DATA."
        raise DataError(Problem("data root", rule, "", way_out))
    folder = Path(given).expanduser()
    try:
        there, why = folder.is_dir(), ""
    except OSError as error:  # a folder above it may not be looked into
        there, why = False, f" ({error.strerror})"
    if not there:
        origin = "data root" if root is not None else "ASYMNAS_DATA"
        raise DataError(Problem(origin, "the data root must be a folder", f"'{folder}'{why}", "Correct the path."))
    return folder.resolve()  # workers may run in another folder


def load_dataset(name: str, split: str, *, root: Path | str | None = None, **options: Any) -> Dataset:
    """Load a split of a registered data set.

    Args:
        name: see `list_datasets`.
        split: the set's own split names, e.g. "train", "val", "test".
        root: the data root; see `data_root`. Sets that need no files ignore it.
        **options: the loader's own options, and for every set `videos` (a number or names), `frames` and `seed`.

    Raises:
        DataError: unknown name, split or option; whatever is wrong with the files, all problems at once.
    """
    info = dataset_info(name)
    loader, own = info.load(), info.options()
    parameters = inspect.signature(loader).parameters
    if own is not None:
        accepted = own | {"videos", "frames", "seed"}
        unknown = [key for key in options if key not in accepted]
        if unknown:
            raise DataError([Problem(name, "unknown option", f"'{key}'", nearest(key, accepted)) for key in unknown])
    if info.splits:
        check_split(name, split)
    named = isinstance(options.get("videos"), Sequence) and not isinstance(options["videos"], str)
    choice = {
        key: options.pop(key)
        for key in ("videos", "frames", "seed")
        if key in options and (key not in parameters or (key == "videos" and named and not _takes_names(parameters)))
    }
    if "root" in parameters:  # a loader whose root has a default needs no files
        needed = parameters["root"].default is inspect.Parameter.empty
        options["root"] = data_root(root) if needed else root
    dataset = loader(split, **options)
    return subset(dataset, **choice) if choice else dataset


def _takes_names(parameters: Mapping[str, inspect.Parameter]) -> bool:
    """Whether a loader's own `videos` may be names; else it is a number, and names are chosen from what it loads."""
    hint = str(parameters["videos"].annotation)
    return "int" not in hint or "equence" in hint or "list" in hint


def _typed_options(loader: Callable[..., Any], options: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the options as the loader wants them, such as lists as tuples, and a problem for each of another type."""
    from pydantic import TypeAdapter, ValidationError

    try:
        types = typing.get_type_hints(loader)
    except NameError:  # names that its module imports for type checkers only
        types = {}
    known, found, problems = inspect.signature(loader).parameters, {}, []
    for key, value in options.items():
        if key not in known or key not in types:
            found[key] = value
            continue
        try:
            # as JSON, in which a list stands for a tuple while numbers, texts and booleans are kept apart
            found[key] = TypeAdapter(types[key]).validate_json(json.dumps(value), strict=True)
        except (ValidationError, TypeError):
            wanted = str(known[key].annotation).replace("Path | ", "").replace("None", "null")
            problems.append(Problem(key, f"must be of type {wanted}", shown(value)))
    return found, problems
