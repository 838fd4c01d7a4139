"""What is installed and found on this machine: packages, encoder, disk, GPUs, and what each task looks for."""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from asymnas._version import __version__
from asymnas.core.errors import AsymNASError, Problem

VARIABLES = ("ASYMNAS_DATA", "ASYMNAS_CACHE", "ASYMNAS_ENCODERS", "RAY_ADDRESS", "CUDA_VISIBLE_DEVICES")
"""Environment variables that are looked at."""

_LEAST_GIB = 1.0
_OPENCV = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_TOOLS = ("dev", "test")  # extras for who works on the package


def examine(root: Path | str | None = None) -> dict[str, Any]:
    """Look at the machine; nothing is changed, started or fetched.

    `root` is the data root, None for the environment's `ASYMNAS_DATA`.

    Returns:
        JSON values by name: asymnas, python, platform, cpus, memory_gib, torch, gpus, packages, environment, encoder,
        disk, what each task's `health` returns, problems (in words; a machine without any is ready).
    """
    from asymnas.task import TASKS

    problems: list[Problem] = []
    data = root or os.environ.get("ASYMNAS_DATA")
    found: dict[str, Any] = {
        "asymnas": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        **_torch(problems),
        "packages": _packages(problems),
        "environment": {name: os.environ.get(name) for name in VARIABLES},
        "encoder": _encoder(problems),
        "disk": _disk(Path(data) if data else None, problems),
    }
    for name in TASKS:
        try:
            theirs, wrong = TASKS.get(name).health(None if root is None else str(root))
        except AsymNASError as error:  # a package that cannot be used
            theirs, wrong = {}, error.problems
        found |= theirs
        problems += wrong
    return found | {"problems": [str(problem) for problem in problems]}


def _packages(problems: list[Problem]) -> list[dict[str, Any]]:
    """The packages that asymnas asks for, with what is installed."""
    try:
        requirements = [Requirement(text) for text in metadata.requires("asymnas") or []]
    except metadata.PackageNotFoundError:
        problems.append(Problem("asymnas", "the package must be installed", "a bare folder", "pip install -e ."))
        return []
    extras = metadata.metadata("asymnas").get_all("Provides-Extra") or []
    rows: dict[str, dict[str, Any]] = {}
    for item in requirements:
        marker = item.marker
        extra = "" if marker is None else next((name for name in extras if marker.evaluate({"extra": name})), "")
        if extra in _TOOLS or item.name in rows:
            continue
        version, needed = _version_of(item.name), str(item.specifier)
        good = version is not None and item.specifier.contains(version, prereleases=True)
        rows[item.name] = {"name": item.name, "needed": needed, "version": version, "extra": extra or None, "ok": good}
        if not good and (not extra or version is not None):
            way_out = f"pip install 'asymnas[{extra}]'" if extra else f"pip install '{item.name}{needed}'"
            problems.append(Problem(f"package {item.name}", f"must be {needed or 'there'}", version or "none", way_out))
    return list(rows.values())


def _version_of(name: str) -> str | None:
    for candidate in _OPENCV if name == "opencv-python" else (name,):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


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
    folders = {"runs": Path.cwd(), "cache": cache} | ({} if root is None else {"data": root})
    rows = []
    for purpose, folder in folders.items():
        usage = shutil.disk_usage(next(there for there in (folder, *folder.absolute().parents) if there.exists()))
        free, total = (round(size / 2**30, 1) for size in (usage.free, usage.total))
        rows.append({"purpose": purpose, "folder": str(folder), "free_gib": free, "total_gib": total})
        if purpose != "data" and free < _LEAST_GIB:
            rule = f"the disk of {purpose} must have {_LEAST_GIB:g} GiB free"
            problems.append(Problem(str(folder), rule, f"{free} GiB", "Free some, or work elsewhere."))
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


def _memory_gib() -> float | None:
    if not {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= set(getattr(os, "sysconf_names", {})):
        return None
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
