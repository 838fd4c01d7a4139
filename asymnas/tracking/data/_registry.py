"""The registry of data sets: built-in ones, entry points of the group `asymnas.datasets`, and the data root."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.data._options import typed_options
from asymnas.tracking.data._subset import subset
from asymnas.tracking.data._video import Dataset

__all__ = [
    "GROUP",
    "DatasetInfo",
    "add_dataset",
    "data_root",
    "dataset_info",
    "dataset_names",
    "list_datasets",
    "load_dataset",
    "register_dataset",
]

GROUP = "asymnas.datasets"

Loader = Callable[..., Dataset]
Check = Callable[..., Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What is known of a registered data set; packages name one by an entry point of the group `asymnas.datasets`.

    Args:
        name: the name used in jobs.
        summary: one line.
        layout: how it lies below the data root; "" for one that needs no files.
        loader: `loader(split, **options) -> Dataset`, or "module:function" imported on first use. A loader with a
            parameter `root` gets the resolved data root; one without `videos`, `frames` or `seed` has them applied
            through `subset`.
        check: `check(split, **options)` returns what is wrong with a split and options as far as it is known without
            files, each problem at `split` or an option's name; or "module:function". None: nothing is known.
    """

    name: str
    summary: str
    layout: str
    loader: Loader | str
    check: Check | str | None = None

    def load(self) -> Loader:
        """Return the loader, imported if need be.

        Raises:
            DataError: it cannot be imported; the cause is chained.
        """
        if not isinstance(self.loader, str):
            return self.loader
        try:
            return _imported(self.loader)
        except (ImportError, AttributeError) as error:
            where, value = f"data set '{self.name}'", f"{type(error).__name__}: {error}"
            rule = f"its loader {self.loader} must be importable"
            raise DataError(Problem(where, rule, value, "Mend or reinstall its package.")) from error

    def options(self) -> frozenset[str] | None:
        """Return the names of the loader's parameters beside `split` and `root`; None if it takes any."""
        parameters = inspect.signature(self.load()).parameters
        if any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values()):
            return None
        return frozenset(parameters) - {"split", "root"}

    def problems(self, split: str, options: Mapping[str, Any]) -> list[Problem]:
        """Return what is wrong with a split and known options as far as it can be told without files.

        Each problem is at `split` or the name of an option.
        """
        typed, problems = typed_options(self.load(), options)
        if self.check is None:
            return problems
        check = _imported(self.check) if isinstance(self.check, str) else self.check
        return [*problems, *check(split, **typed)]


_DATASETS: dict[str, DatasetInfo] = {}


def register_dataset(name: str, loader: Loader | str, summary: str, *, layout: str = "") -> None:
    """Make a data set known under `name` in this process; see `DatasetInfo` for the arguments.

    Workers of a job are processes of their own: a package declares an entry point of the group `asymnas.datasets`
    instead, which all of them see.

    Raises:
        DataError: the name is taken by another loader.
    """
    if name in _entry_points():
        value = f"a second loader {_place(loader)}"
        raise DataError(Problem(name, "a data set's name can be registered once", value, "Choose another name."))
    known = _DATASETS.get(name)
    if known is not None and _place(known.loader) != _place(loader):
        rule = "a data set's name can be registered once"
        raise DataError(Problem(name, rule, f"a second loader {_place(loader)}", "Choose another name."))
    if known is None:
        add_dataset(DatasetInfo(name, summary, layout, loader))


def add_dataset(info: DatasetInfo) -> None:
    """Register a data set without a look at installed packages; for the built-in ones."""
    _DATASETS[info.name] = info


@cache
def _entry_points() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = _DATASETS[point.name].loader if point.name in _DATASETS else None
        if point.name in found and found[point.name].value != point.value:
            other = found[point.name].value
        if other is not None:
            value = f"{_place(other)} and {point.value}"
            rule = "a data set's name can be registered once"
            raise DataError(Problem(f"data set '{point.name}'", rule, value, "Uninstall one of the packages."))
        found[point.name] = point
    return found


def dataset_names() -> list[str]:
    """Return the names of all data sets, sorted; imports none of them."""
    return sorted({*_DATASETS, *_entry_points()})


def dataset_info(name: str) -> DatasetInfo:
    """Return what is known of a data set.

    Raises:
        DataError: no data set has the name, or its package cannot be imported; the cause is chained.
    """
    if name in _DATASETS:
        return _DATASETS[name]
    points = _entry_points()
    if name not in points:
        raise DataError(Problem("data set", "unknown name", f"'{name}'", nearest(name, dataset_names())))
    where, target = f"data set '{name}'", points[name].value
    try:
        info = points[name].load()
    except Exception as error:  # what a package's own code may raise is not known
        reason = f"{type(error).__name__}: {error}"
        raise DataError(Problem(where, f"cannot import {target}", reason, "Reinstall its package.")) from error
    if not isinstance(info, DatasetInfo) or info.name != name:
        raise DataError(Problem(where, f"{target} must be a DatasetInfo named '{name}'", repr(info)[:60]))
    return info


def list_datasets() -> list[DatasetInfo]:
    """Return all registered data sets, sorted by name; imports what packages registered, but no built-in reader.

    Raises:
        DataError: a package's data set cannot be imported.
    """
    return [dataset_info(name) for name in dataset_names()]


def data_root(root: Path | str | None = None) -> Path:
    """Return the folder that holds the benchmarks: the argument, else the environment's `ASYMNAS_DATA`.

    Raises:
        DataError: neither is given, or the folder does not exist.
    """
    given = root if root is not None else os.environ.get("ASYMNAS_DATA") or None
    origin = "data root" if root is not None else "ASYMNAS_DATA"
    if given is None:
        rule = "real data sets need the folder they lie in, and none was given"
        way_out = "Set `data.root` in the job, --data-root, or the environment variable ASYMNAS_DATA."
        raise DataError(Problem("data root", rule, "", way_out))
    path = Path(given).expanduser()
    try:
        there, why = path.is_dir(), ""
    except OSError as error:  # a folder above it may not be looked into
        there, why = False, f" ({error.strerror})"
    if not there:
        raise DataError(Problem(origin, "the data root must be a folder", f"'{path}'{why}", "Mend the path."))
    return path.resolve()  # workers may run in another folder


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
            problems = [Problem(name, "unknown option", f"'{key}'", nearest(key, accepted)) for key in unknown]
            raise DataError(problems)
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


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _place(loader: Loader | str) -> str:
    if isinstance(loader, str):
        return loader
    return f"{getattr(loader, '__module__', '')}:{getattr(loader, '__qualname__', repr(loader))}"
