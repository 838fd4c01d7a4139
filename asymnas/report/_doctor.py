"""What is installed and found on this machine: packages, data sets, encoder, disk, GPUs."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from asymnas._version import __version__
from asymnas.core.errors import AsymNASError, DataError, Problem

__all__ = ["VARIABLES", "diagnose"]

VARIABLES = {
    "ASYMNAS_DATA": "folder of the real data sets",
    "ASYMNAS_CACHE": "folder of embeddings and indices, else ~/.cache/asymnas",
    "ASYMNAS_ENCODERS": "folder of packaged text encoders",
    "RAY_ADDRESS": "a running Ray cluster to join",
    "CUDA_VISIBLE_DEVICES": "the GPUs that may be used",
}
"""Environment variables that are looked at, and what they say."""

_LEAST_GIB = 1.0
_REQUIREMENT = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?\s*([^;]*?)\s*(?:;.*extra\s*==\s*[\"'](\w+)[\"'].*)?$")
_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_TOOLS = ("dev", "test")  # extras for who works on the package


def diagnose(root: Path | str | None = None) -> dict[str, Any]:
    """Look at the machine; nothing is changed, started or fetched.

    Args:
        root: the data root; None for the environment's `ASYMNAS_DATA`.

    Returns:
        a JSON-able dictionary: asymnas, python, platform, cpus, memory_gib, packages, environment, data_root, datasets,
        encoder, disk, torch, gpus, opencv_trackers, problems (in words; a machine without any is ready).
    """
    problems: list[Problem] = []
    folder = _data_root(root, problems)
    torch = _torch(problems)
    return {
        "asymnas": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "packages": _packages(problems),
        "environment": {name: os.environ.get(name) for name in VARIABLES},
        "data_root": None if folder is None else str(folder),
        "datasets": _datasets(folder, problems),
        "encoder": _encoder(problems),
        "disk": _disk(folder, problems),
        "torch": torch["torch"],
        "gpus": torch["gpus"],
        "opencv_trackers": _opencv_trackers(),
        "problems": [str(problem) for problem in problems],
    }


def _packages(problems: list[Problem]) -> list[dict[str, Any]]:
    """The packages that asymnas asks for, with what is installed."""
    try:
        requirements = metadata.requires("asymnas") or []
    except metadata.PackageNotFoundError:
        problems.append(Problem("asymnas", "the package must be installed", "a bare folder", "pip install -e ."))
        return []
    rows = {}
    for text in requirements:
        found = _REQUIREMENT.match(text)
        if found is None or found[3] in _TOOLS or found[1] in rows:
            continue
        name, needed, extra = found[1], found[2].strip(), found[3]
        version = _version_of(name)
        good = version is not None and _meets(version, needed)
        rows[name] = {"name": name, "needed": needed, "version": version, "extra": extra, "ok": good}
        if not good and (extra is None or version is not None):
            way_out = f"pip install '{name}{needed}'" if extra is None else f"pip install 'asymnas[{extra}]'"
            problems.append(Problem(f"package {name}", f"must be {needed or 'there'}", version or "none", way_out))
    return list(rows.values())


def _version_of(name: str) -> str | None:
    for candidate in _OPENCV if name == "opencv-python" else (name,):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def _meets(version: str, needed: str) -> bool:
    """Whether a version meets lower bounds and exact ones, compared by their numbers."""
    for rule in filter(None, (part.strip() for part in needed.split(","))):
        found = re.match(r"(>=|==|<=|<|>)\s*([\d.]+)$", rule)
        if found is None:
            continue
        width = found[2].count(".") + 1
        have, want = _numbers(version), _numbers(found[2])
        short = have[:width] if found[1] == "==" else have
        good = {">=": have >= want, "==": short == want, "<=": have <= want, "<": have < want, ">": have > want}
        if not good[found[1]]:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", re.sub(r"[^\d.].*", "", version)))


def _data_root(root: Path | str | None, problems: list[Problem]) -> Path | None:
    from asymnas.tracking.data import data_root

    if root is None and not os.environ.get("ASYMNAS_DATA"):
        return None
    try:
        return data_root(root)
    except DataError as error:
        problems.extend(error.problems)
        return None


def _datasets(root: Path | None, problems: list[Problem]) -> list[dict[str, Any]]:
    """Each registered data set: its splits with the videos that are there, of how many published."""
    from asymnas.tracking.data import dataset_names

    rows = []
    for name in dataset_names():
        row: dict[str, Any] = {"name": name, "state": "", "splits": {}}
        try:
            _look(name, root, row)
        except AsymNASError as error:  # a package that cannot be used, or files that cannot be read
            problems.extend(error.problems)
            row["state"] = "cannot be used"
        except OSError as error:
            where, value = str(error.filename or root), error.strerror or str(error)
            problems.append(Problem(where, f"the files of {name} must be readable", value, "Mend their rights."))
            row["state"] = "cannot be read"
        rows.append(row)
    return rows


def _look(name: str, root: Path | None, row: dict[str, Any]) -> None:
    """Fill in what is there of one data set."""
    from asymnas.tracking.data import dataset_info, reader_of, splits_of

    info = dataset_info(name)
    reader = reader_of(name)
    folders = info.folders or re.findall(r"^[\w.-]+", info.layout)
    if not info.layout:
        row["state"] = "needs no files"
    elif root is None:
        row["state"] = "no data root"
    elif reader is not None:
        there, lost = splits_of(name, root)
        row["splits"] = {split: {"videos": count, "published": reader.videos[split]} for split, count in there.items()}
        row["state"] = "found" if there else "not found"
        row["incomplete"] = {split: str(error) for split, error in lost.items() if there}
    elif folders:
        found = next((folder for folder in folders if (root / folder).is_dir()), None)
        row["state"] = "not found" if found is None else f"folder {found} is there"
    else:
        row["state"] = "lies where its job says"


def _encoder(problems: list[Problem]) -> dict[str, Any]:
    """The text encoder of the shipped jobs; its weights are compared with their known hash."""
    from asymnas.language.locate import locate

    try:
        files = locate("minilm")
        files.fingerprint()
    except AsymNASError as error:
        problems.extend(error.problems)
        return {"name": "minilm", "folder": None, "ok": False}
    return {"name": "minilm", "folder": str(files.folder), "ok": True}


def _disk(root: Path | None, problems: list[Problem]) -> list[dict[str, Any]]:
    cache = Path(os.environ.get("ASYMNAS_CACHE") or Path.home() / ".cache" / "asymnas")
    places = {"runs": Path.cwd(), "cache": cache} | ({} if root is None else {"data": root})
    rows = []
    for purpose, place in places.items():
        there = next(path for path in (place, *place.parents) if path.exists())
        usage = shutil.disk_usage(there)
        free = round(usage.free / 2**30, 1)
        rows.append(
            {"purpose": purpose, "folder": str(place), "free_gib": free, "total_gib": round(usage.total / 2**30, 1)}
        )
        if purpose != "data" and free < _LEAST_GIB:
            rule = f"the disk of {purpose} must have {_LEAST_GIB:g} GiB free"
            problems.append(Problem(str(place), rule, f"{free} GiB", "Free some, or work elsewhere."))
    return rows


def _torch(problems: list[Problem]) -> dict[str, Any]:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of its build is missing
        problems.append(Problem("torch", "must be importable", str(error)[:200], "Reinstall torch."))
        return {"torch": None, "gpus": []}
    gpus = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(index)
        gpus.append({"name": facts.name, "memory_gib": round(facts.total_memory / 2**30, 1)})
    about = {"version": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads()}
    return {"torch": about, "gpus": gpus}


def _opencv_trackers() -> list[str]:
    """The trackers that this build of OpenCV has."""
    try:
        import cv2
    except ImportError:
        return []
    kinds = ("CSRT", "KCF", "MIL", "MOSSE", "MedianFlow")
    spaces: list[Any] = [cv2, getattr(cv2, "legacy", None)]
    return [kind for kind in kinds if any(hasattr(space, f"Tracker{kind}_create") for space in spaces)]


def _memory_gib() -> float | None:
    names: Mapping[str, int] = getattr(os, "sysconf_names", {})
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(names):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
