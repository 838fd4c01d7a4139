"""Writing results in the forms that toolkits and servers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.results._canonical import MANIFEST, TIMES, box_text, manifest_data, read_manifest, seconds_text
from asymnas.tracking.results._forms import FORMATS, convention, dataset_in, dataset_of
from asymnas.tracking.results._result_set import ResultSet
from asymnas.tracking.results._store import packed, store
from asymnas.tracking.results._toolkits import Plan, ToolkitFormat, form_of
from asymnas.tracking.results.names import check_file_names

__all__ = ["write_results"]

_IDENTITY = ("tracker", "weights", "dataset", "settings")


def write_results(
    results: ResultSet,
    path: Path | str,
    format: str = "asymnas",
    *,
    overwrite: bool = False,
    base: int | None = None,
    dataset: str | None = None,
    decimals: int | None = None,
    nan: Literal["error", "previous"] = "error",
    names: Mapping[str, str] | None = None,
    param: str = "default",
) -> list[Path]:
    """Write results in the form of another program, or in the canonical one.

    Numbers are floats, rounded and never cut; nothing is clipped. Where `path` points depends on the form:

    - `asymnas`: the folder itself, with `manifest.json`, `<video>.txt` and `times/<video>.txt`; every digit.
    - `lasot`, `tnl2k`: the toolkit's `tracking_results`, for `<tracker>_tracking_result/<video>.txt`.
    - `pysot`: `results`, for `<data set>/<tracker>/<video>.txt`.
    - `pytracking`: `tracking_results`, for `<tracker>/<param>/<video>.txt` and `<video>_time.txt`, with tabs.
    - `got10k`: `results`, for `GOT-10k/<tracker>/<video>/<video>_001.txt` and `<video>_time.txt`, or, of other data
      sets, `<data set>/<tracker>/<video>.txt` and `times/<video>_time.txt`.
    - `got10k-zip`, `trackingnet-zip`: the .zip for the server.
    - `otb-json`: `results/OPE`, for `<tracker>/<video>.json`.

    Files appear whole or not at all, and only after everything was found to be in order.

    Args:
        results: the results.
        path: see above.
        format: one of `FORMATS`.
        overwrite: replace files of other content; without it, results that are there already and differ are an error.
            The canonical form may always be written again by the same tracker, weights, data set and settings.
        base: what pixels count from; None for the convention of the form and the data set (LaSOT and OTB: 1).
        dataset: name of the data set; None for the manifest's.
        decimals: digits after the point; None for the form's own (2 for TrackingNet, 3 for got10k, 4 else).
        nan: rows of NaN are an error in all forms but the canonical one; "previous" repeats the box before.
        names: name of the video -> name of its file, for toolkits with names of their own.
        param: pytracking's name of the parameters.

    Returns:
        the files written, or the zip.

    Raises:
        DataError: what the form cannot hold, and results of another tracker that would be lost.
    """
    path = Path(path)
    if format not in FORMATS:
        raise DataError(
            Problem("format", "must be a form that can be written", f"'{format}'", nearest(format, FORMATS))
        )
    if not results.boxes:
        raise DataError(Problem("results", "must hold at least one video", "none"))
    if format == "asymnas":
        return _canonical(results, path, overwrite)
    plan = _plan(results, path, format, base, dataset, decimals, names, param)
    boxes = {name: _without_nan(name, rows, nan, format) for name, rows in results.boxes.items()}
    form = form_of(format)
    files = _files(results, boxes, plan, form)
    if form.zipped:
        if path.suffix.lower() != ".zip":
            raise DataError(Problem(str(path), f"'{format}' must be a .zip", path.name, "Name the file with .zip."))
        return store({path: packed(files, results.tracker)}, overwrite=overwrite)
    return store({path / name: data for name, data in files.items()}, overwrite=overwrite)


def _plan(
    results: ResultSet,
    path: Path,
    format: str,
    base: int | None,
    dataset: str | None,
    decimals: int | None,
    names: Mapping[str, str] | None,
    param: str,
) -> Plan:
    """Settle base, data set and names, or say what must be given."""
    given = dataset or dataset_in(results.manifest)
    known = dataset_of(given) if given else "got10k" if format == "got10k" else None
    problems = []
    if base is None:
        base = convention(format, known)
    if base not in (0, 1):
        value = f"{base}" if base is not None else f"data set {given!r}"
        out = "Give the base, or dataset='lasot', 'otb100', 'tnl2k', ..., whose convention holds."
        problems.append(Problem("base", f"the index base of {format} files must be 0 or 1", value, out))
    if format == "pysot" and not known:
        out = "Give dataset='lasot', ..."
        problems.append(Problem("dataset", "must be known, it is the name of a folder", "none", out))
    if decimals is not None and not 0 <= decimals <= 17:
        problems.append(Problem("decimals", "must be 0 to 17", str(decimals)))
    unknown = sorted(set(names or {}) - set(results.boxes))
    problems += [Problem("names", "must map videos of the results", n, nearest(n, results.boxes)) for n in unknown]
    if problems:
        raise DataError(problems)
    plan = Plan(results.tracker, known, given, int(base or 0), decimals, dict(names or {}), param)
    check_file_names([results.tracker, param], "name of the tracker or of its parameters")
    check_file_names([plan.file_name(format, video) for video in results.boxes], str(path))
    return plan


def _without_nan(name: str, rows: np.ndarray, nan: str, format: str) -> np.ndarray:
    """Refuse rows without a box, or repeat the one before."""
    broken = ~np.isfinite(rows).all(axis=1)
    if not broken.any():
        return rows
    if nan != "previous" or broken[0]:
        where = f"results of '{name}', row {int(np.argmax(broken)) + 1}"
        out = "" if broken[0] else "Give nan='previous' to repeat the box before."
        raise DataError(Problem(where, f"a box in {format} files must be finite", "NaN", out))
    source = np.maximum.accumulate(np.where(broken, 0, np.arange(len(rows))))
    return rows[source]


def _files(results: ResultSet, boxes: Mapping[str, np.ndarray], plan: Plan, form: ToolkitFormat) -> dict[str, bytes]:
    """Return path below the target -> content."""
    files: dict[str, bytes] = {}
    for video, rows in boxes.items():
        seconds = results.seconds.get(video)
        for name, data in form.files(plan, video, rows, seconds, results.scores.get(video)):
            files[name] = data
    return files


def _canonical(results: ResultSet, folder: Path, overwrite: bool) -> list[Path]:
    """Write a canonical folder: the manifest first, so that its files are never taken for another tracker's."""
    check_file_names(results.boxes, str(folder))
    manifest = manifest_data(results.tracker, results.manifest)
    stale = _previous(folder, manifest, overwrite)
    files = {folder / MANIFEST: (json.dumps(manifest, indent=2, allow_nan=False) + "\n").encode()}
    for video, rows in results.boxes.items():
        if video in results.seconds:
            files[folder / TIMES / f"{video}.txt"] = seconds_text(results.seconds[video]).encode()
        files[folder / f"{video}.txt"] = box_text(rows, results.scores.get(video)).encode()
    written = store(files, overwrite=True)
    for old in stale:
        if old not in files:
            old.unlink()
    return written


def _previous(folder: Path, manifest: Mapping[str, object], overwrite: bool) -> list[Path]:
    """Return the files of another tracker that go when `overwrite` allows it.

    Raises:
        DataError: the folder holds results of another tracker, or of nobody known.
    """
    old = [*folder.glob("*.txt"), *folder.glob(f"{TIMES}/*.txt")] if folder.is_dir() else []
    out = "Give another folder, or overwrite=True to replace them."
    if (folder / MANIFEST).exists():
        try:
            there = read_manifest(folder)
        except DataError:
            if not overwrite:
                raise
            return old
        changed = [key for key in _IDENTITY if there.get(key) != manifest.get(key)]
        if not changed:
            return []
        if not overwrite:
            value = f"those of '{there['tracker']}', which differ in {', '.join(changed)}"
            rule = f"the folder must hold no results but those of '{manifest['tracker']}'"
            raise DataError(Problem(str(folder), rule, value, out))
        return old
    if old and not overwrite:
        rule = "the folder must be empty or hold results with a manifest"
        raise DataError(Problem(str(folder), rule, f"{len(old)} text files", out))
    return []
