"""Writing results in the formats that toolkits and servers read."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.data import DATASETS, dataset_info, dataset_of
from asymnas.tracking.data.otb_names import STARTS
from asymnas.tracking.results.canonical import (
    MANIFEST,
    TIMES,
    box_text,
    manifest_data,
    read_manifest,
    replace_file,
    seconds_text,
)
from asymnas.tracking.results.formats import FORMATS, convention, dataset_in
from asymnas.tracking.results.names import check_file_names
from asymnas.tracking.results.result_set import ResultSet

__all__ = ["write_results"]

_IDENTITY = ("tracker", "weights", "dataset", "settings")
_DECIMALS = {"got10k": 3, "got10k-zip": 3, "trackingnet-zip": 2}
_OTB = ("otb100", "otb99_lang")
_SEVERAL = re.compile(r"^(jogging|skating2|human4)[-_.](\d)$", re.IGNORECASE)
"""OTB's videos with several targets, of which Human4 has one in the benchmark."""


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
    """Write results in the format of another program, or in the canonical one; return the files.

    Numbers are rounded, never cut or clipped. Where `path` points depends on the format:

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
            The canonical format may always be written again by the same tracker, weights, data set and settings.
        base: what pixels count from; None for the convention of the format and the data set (LaSOT and OTB: 1).
        dataset: name of the data set; None for the manifest's.
        decimals: digits after the point; None for the format's own (2 for TrackingNet, 3 for got10k, 4 else).
        nan: rows of NaN are an error in all formats but the canonical one; "previous" repeats the box before.
        names: name of the video -> name of its file, for toolkits with names of their own.
        param: pytracking's name of the parameters.

    Raises:
        DataError: what the format cannot hold, and results of another tracker that would be lost.
    """
    path = Path(path)
    if format not in FORMATS:
        out = nearest(format, FORMATS)
        raise DataError(Problem("format", "must be a format that can be written", f"'{format}'", out))
    if not results.boxes:
        raise DataError(Problem("results", "must hold at least one video", "none"))
    if format == "asymnas":
        return _canonical(results, path, overwrite)
    plan = _plan(results, path, format, base, dataset, decimals, names, param)
    files: dict[str, bytes] = {}
    for video, rows in results.boxes.items():
        boxes = _without_nan(video, rows, nan, format)
        files.update(plan.files(video, boxes, results.seconds.get(video), results.scores.get(video)))
    if not format.endswith("-zip"):
        return _store({path / name: data for name, data in files.items()}, overwrite=overwrite)
    if path.suffix.lower() != ".zip":
        raise DataError(Problem(str(path), f"'{format}' must be a .zip", path.name, "Name the file with .zip."))
    return _store({path: _packed(files, results.tracker)}, overwrite=overwrite)


def _plan(
    results: ResultSet,
    path: Path,
    format: str,
    base: int | None,
    dataset: str | None,
    decimals: int | None,
    names: Mapping[str, str] | None,
    param: str,
) -> _Plan:
    """Settle base, data set and names, or say what must be given."""
    given = dataset or dataset_in(results.manifest)
    known = dataset_of(given) if given else "got10k" if format == "got10k" else None
    problems = []
    base = convention(format, known) if base is None else base
    if base not in (0, 1):
        value = f"{base}" if base is not None else f"data set {given!r}"
        out = "Give the base, or dataset='lasot', 'otb100', 'tnl2k', ..., whose convention holds."
        problems.append(Problem("base", f"the index base of {format} files must be 0 or 1", value, out))
    if format == "pysot" and not known:
        out = "Give dataset='lasot', ..."
        problems.append(Problem("dataset", "must be known, it is the name of a folder", "none", out))
    unknown = sorted(set(names or {}) - set(results.boxes))
    problems += [Problem("names", "must map videos of the results", n, nearest(n, results.boxes)) for n in unknown]
    if problems:
        raise DataError(problems)
    plan = _Plan(format, results.tracker, known, given, int(base or 0), decimals, dict(names or {}), param)
    check_file_names([results.tracker, param], "name of the tracker or of its parameters")
    check_file_names([plan.file_name(video) for video in results.boxes], str(path))
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


def _canonical(results: ResultSet, folder: Path, overwrite: bool) -> list[Path]:
    """Write a canonical folder: the manifest first, so that its files are never taken for another tracker's."""
    check_file_names(results.boxes, str(folder))
    manifest, text = manifest_data(results.tracker, results.manifest)
    stale = _previous(folder, manifest, overwrite)
    files = {folder / MANIFEST: text}
    for video, rows in results.boxes.items():
        if video in results.seconds:
            files[folder / TIMES / f"{video}.txt"] = seconds_text(results.seconds[video]).encode()
        files[folder / f"{video}.txt"] = box_text(rows, results.scores.get(video)).encode()
    written = _store(files, overwrite=True)
    for old in stale:
        if old not in files:
            old.unlink()
    return written


def _previous(folder: Path, manifest: Mapping[str, object], overwrite: bool) -> list[Path]:
    """Return the files of another tracker that go when `overwrite` allows it."""
    old = [*folder.glob("*.txt"), *folder.glob(f"{TIMES}/*.txt")] if folder.is_dir() else []
    there: Mapping[str, object] = {}
    if (folder / MANIFEST).exists():
        try:
            there = read_manifest(folder)
        except DataError:
            if not overwrite:
                raise
    changed = [key for key in _IDENTITY if there.get(key) != manifest.get(key)]
    if changed and (there or old) and not overwrite:
        value = f"those of '{there['tracker']}', which differ in {', '.join(changed)}" if there else f"{len(old)} files"
        rule = f"the folder must hold no results but those of '{manifest['tracker']}'"
        out = "Give another folder, or overwrite=True to replace them."
        raise DataError(Problem(str(folder), rule, value, out))
    return old if changed else []


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is settled before anything is written."""

    format: str
    tracker: str
    dataset: str | None
    given: str | None
    base: int
    decimals: int | None
    names: dict[str, str] = field(default_factory=dict)
    param: str = "default"

    def folder(self) -> str:
        """Return how the toolkit names the data set's folder."""
        known = dataset_info(self.dataset).toolkits if self.dataset and self.dataset in DATASETS else {}
        return known.get(self.format, self.given or "GOT-10k")

    def file_name(self, video: str) -> str:
        """Return how the format names a video: as it is, but for OTB's videos with several targets."""
        if video in self.names:
            return self.names[video]
        match = _SEVERAL.match(video) if self.dataset in _OTB else None
        if match and self.format == "got10k":
            return match[1] if match[1].lower() == "human4" else f"{match[1]}.{match[2]}"
        return f"{match[1]}-{match[2]}" if match and self.format == "pysot" else video

    def files(
        self, video: str, boxes: np.ndarray, seconds: float | np.ndarray | None, scores: np.ndarray | None
    ) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of a video's files."""
        name, tracker = self.file_name(video), self.tracker
        digits = _DECIMALS.get(self.format, 4) if self.decimals is None else self.decimals
        separator = "\t" if self.format == "pytracking" else ","
        rows = _rows(np.add(boxes, [self.base, self.base, 0, 0]), digits, separator)
        spent = None if seconds is None else np.asarray(seconds, dtype=np.float64)
        spent = np.full(len(boxes), spent / len(boxes)) if spent is not None and not spent.ndim else spent
        if self.format in ("lasot", "tnl2k"):
            yield f"{tracker}_tracking_result/{name}.txt", rows
        elif self.format == "pysot":
            yield f"{self.folder()}/{tracker}/{name}.txt", rows
        elif self.format == "pytracking":
            own = f"{self.dataset}/" if self.dataset in ("got10k", "trackingnet") else ""
            stem = f"{tracker}/{self.param}/{own}{name}"
            yield f"{stem}.txt", rows
            if spent is not None:
                yield f"{stem}_time.txt", _rows(spent, 8)
            if scores is not None:
                yield f"{stem}_object_presence_scores.txt", _rows(scores, 8)
        elif self.format == "trackingnet-zip":
            yield f"{name}.txt", rows
        elif self.format == "otb-json":
            yield f"{tracker}/{name}.json", self._record(video, name, boxes, spent)
        else:
            times = _rows(np.full(len(boxes), np.nan) if spent is None else spent, 8)
            folder = "" if self.format == "got10k-zip" else f"{self.folder()}/{tracker}/"
            if folder.startswith("GOT-10k/") or not folder:
                yield f"{folder}{name}/{name}_001.txt", rows
                yield f"{folder}{name}/{name}_time.txt", times
            else:
                yield f"{folder}{name}.txt", rows
                yield f"{folder}times/{name}_time.txt", times

    def _record(self, video: str, name: str, boxes: np.ndarray, spent: np.ndarray | None) -> bytes:
        """Return OTB's JSON of one video."""
        rows = np.add(boxes if self.decimals is None else np.round(boxes, self.decimals), [self.base, self.base, 0, 0])
        start = STARTS.get(video.lower(), 1) if self.dataset in _OTB else 1
        record = {
            "tracker": self.tracker,
            "seqName": name,
            "evalType": "OPE",
            "resType": "rect",
            "startFrame": start,
            "endFrame": start + len(rows) - 1,
            "fps": -1 if spent is None or not spent.sum() > 0 else len(spent) / float(spent.sum()),
            "res": rows.tolist(),
        }
        return json.dumps([record], allow_nan=False).encode()


def _rows(rows: np.ndarray, digits: int, separator: str = ",") -> bytes:
    rows = np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)
    line = separator.join([f"%.{digits}f"] * rows.shape[1]) + "\n"
    return "".join(line % tuple(row) for row in rows.tolist()).encode()


def _packed(files: Mapping[str, bytes], tracker: str) -> bytes:
    """Return a zip of files; equal files give equal bytes. The tracker's name is the comment of the archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = tracker.encode()
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return stream.getvalue()


def _store(files: Mapping[Path, bytes], *, overwrite: bool) -> list[Path]:
    """Write all files, or none where one would be lost."""
    lost = [file for file, data in files.items() if file.exists() and file.read_bytes() != data]
    if lost and not overwrite:
        out = "Give another folder or name, or overwrite=True to replace them."
        rule = "results that are there already must not be lost"
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise DataError(Problem(str(lost[0]), rule, f"other content there{more}", out))
    for file, data in files.items():
        try:
            replace_file(file, data)
        except OSError as error:
            value = error.strerror or str(error)
            raise DataError(Problem(str(file), "the file must be writable", value, "Give another folder.")) from None
    return list(files)
