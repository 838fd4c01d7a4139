"""What is fixed by convention: the names of the forms, and the index base each benchmark's files count from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["FLAT", "FORMATS", "NATIVE_BASE", "convention", "dataset_in", "dataset_of"]

FLAT = ("lasot", "tnl2k", "pysot", "pytracking", "got10k", "trackingnet-zip", "text")
"""Forms of one text file a video, or a folder a video; they differ in folders, separators and conventions."""

FORMATS = ("asymnas", "lasot", "tnl2k", "pysot", "pytracking", "got10k", "got10k-zip", "trackingnet-zip", "otb-json")
"""The forms that can be written; `read_results` reads them all."""

NATIVE_BASE: Mapping[str, int] = {
    "lasot": 1,
    "lasot_ext": 1,
    "otb100": 1,
    "otb99_lang": 1,
    "tnl2k": 0,
    "got10k": 0,
    "trackingnet": 0,
}
"""What a benchmark's own annotation files add to 0-based corners; its toolkit compares results with those raw files."""

_CONVENTION: Mapping[str, int] = {
    "asymnas": 0,
    "lasot": NATIVE_BASE["lasot"],
    "tnl2k": NATIVE_BASE["tnl2k"],
    "got10k-zip": 0,
    "trackingnet-zip": 0,
    "otb-json": 1,
}

_ALIASES: Mapping[str, str] = {
    "otb": "otb100",
    "otb2015": "otb100",
    "otb99": "otb99_lang",
    "otb99lang": "otb99_lang",
    "otblang": "otb99_lang",
    "lasotext": "lasot_ext",
    "lasotextensionsubset": "lasot_ext",
}


def dataset_of(name: str) -> str:
    """Return the registered name of a data set written in another way ("GOT-10k", "OTB2015", "LaSOT_ext")."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return _ALIASES.get(plain, plain)


def convention(form: str, dataset: str | None) -> int | None:
    """Return the index base that files of this form have by convention; None where there is no one convention.

    pysot, pytracking and the got10k toolkit hand the annotations' numbers through, so that their files count as the
    benchmark does.
    """
    if form in _CONVENTION:
        return _CONVENTION[form]
    return NATIVE_BASE.get(dataset_of(dataset)) if dataset else None


def dataset_in(manifest: Mapping[str, Any]) -> str | None:
    """Return the data set a manifest names, as `dataset: name` or `dataset: {name: ...}`."""
    value = manifest.get("dataset")
    if isinstance(value, Mapping):
        value = value.get("name")
    return value if isinstance(value, str) and value else None
