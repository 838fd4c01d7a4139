"""The formats of result files by name, and the index base that each counts from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asymnas.tracking.data import BUILT_IN, DATASETS, dataset_info, dataset_of

__all__ = ["FORMATS", "NATIVE_BASE", "convention", "dataset_in"]

FORMATS = ("asymnas", "lasot", "tnl2k", "pysot", "pytracking", "got10k", "got10k-zip", "trackingnet-zip", "otb-json")
"""The formats that can be written; `read_results` reads them all."""

NATIVE_BASE: Mapping[str, int] = {info.name: info.base for info in BUILT_IN if info.base is not None}
"""What a benchmark's own annotation files add to 0-based corners; its toolkit compares results with those raw files."""

_CONVENTION = {"asymnas": 0, "lasot": 1, "tnl2k": 0, "got10k-zip": 0, "trackingnet-zip": 0, "otb-json": 1}


def convention(format: str, dataset: str | None) -> int | None:
    """Return the index base that files of this format have; None where the format has none of its own and no data set.

    pysot, pytracking and the got10k toolkit use the annotations' numbers, so that they count as the benchmark does.
    """
    if format in _CONVENTION or not dataset:
        return _CONVENTION.get(format)
    name = dataset_of(dataset)
    return dataset_info(name).base if name in DATASETS else None


def dataset_in(manifest: Mapping[str, Any]) -> str | None:
    """Return the data set a manifest names, as `dataset: name` or `dataset: {name: ...}`."""
    value = manifest.get("dataset")
    if isinstance(value, Mapping):
        value = value.get("name")
    return value if isinstance(value, str) and value else None
