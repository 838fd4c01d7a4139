"""Reading anybody's result files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.results._canonical import manifest_of
from asymnas.tracking.results._convert import to_boxes
from asymnas.tracking.results._detect import CORNERS
from asymnas.tracking.results._forms import FORMATS, dataset_in
from asymnas.tracking.results._gather import Raw, gather, read_records
from asymnas.tracking.results._result_set import ResultSet
from asymnas.tracking.results._rows import Options
from asymnas.tracking.results.files import open_source
from asymnas.tracking.results.layout import Found, choose, find_trackers
from asymnas.tracking.results.names import match_names

if TYPE_CHECKING:
    from asymnas.tracking.metrics import Annotated

__all__ = ["read_results"]

_READABLE = ("auto", *FORMATS, "text")
_FIRST = ("auto", "present", "missing")


def read_results(
    path: Path | str,
    *,
    annotations: Sequence[Annotated] | None = None,
    format: str = "auto",
    base: int | None = None,
    first_row: Literal["auto", "present", "missing"] = "auto",
    corners: str | None = None,
    tracker: str | None = None,
    names: Mapping[str, str] | None = None,
    repetition: int = 1,
    dataset: str | None = None,
) -> ResultSet:
    """Read the results of one tracker, whoever wrote them.

    The files may lie in a folder, a .zip or a .tar(.xz, .gz), or in a folder inside an archive (`a.zip/inner`). With
    `annotations` the first rows are compared with the given boxes, which tells the index base, corner boxes and files
    that lack the first frame; names are matched although they are written in another way; files of other videos are
    left out. Whatever is detected or assumed is in `notes`, and what cannot be told is an error that names the option
    to give.

    Args:
        path: the folder or archive.
        annotations: the videos of the benchmark, 0-based; only their names, lengths and first boxes settle anything.
        format: one of `FORMATS`, "text" for plain text files of no known origin, or "auto". A named format's
            convention decides the index base where the first rows do not tell it.
        base: what the files count pixels from, 0 or 1, when it is known; goes before all that is detected.
        first_row: "missing" says that files of n - 1 rows lack the first frame, "present" that none does; "auto"
            detects it.
        corners: "xywh", "xyxy" (second corner is the first pixel outside) or "xyxy-inclusive" for all rows.
        tracker: which tracker, by name or folder, where the source holds several.
        names: name in the files -> name of the video, for names that are not recognised.
        repetition: which of several repetitions to read (GOT-10k), from 1.
        dataset: name of the data set, for the index base of forms that follow it (pytracking, got10k).

    Raises:
        DataError: files that are missing, broken, ambiguous or of another data set; many problems at once, each with
            file and line where there is one.
    """
    path = Path(path)
    _check_options(format, base, first_row, corners, repetition)
    _, entries, others = open_source(path)
    found = choose(path, find_trackers(path, entries), tracker)
    _check_form(path, found, format)
    manifest: dict[str, Any] = manifest_of(found.manifest) if found.manifest else {}
    raw = Raw(notes=[f"{others} files that hold no results are left out"] if others else [])
    records = read_records(found) if found.form == "otb-json" else {}
    given = list(records or found.videos)
    if not given:
        raise DataError(Problem(str(path), "must hold results of a video", "a manifest only", "Run the tracker first."))
    if annotations is None:
        if names:
            raise DataError(Problem("names", "can be given together with annotations only"))
        known, wanted = None, {video: video for video in given}
    else:
        known = {item.name: item for item in annotations}
        wanted = _match(given, known, names, raw, path)
    gather(found, wanted, records, repetition, raw)
    options = Options(
        base=base,
        first_row=first_row,
        corners=corners,
        form=found.form if format == "auto" else format,
        explicit=format != "auto",
        dataset=dataset or dataset_in(manifest),
        stated=int(manifest["base"]) if manifest else None,
        named_corners=raw.named_corners,
    )
    boxes = to_boxes(raw.tables, known, options, path, raw.notes)
    return _result_set(manifest or {"tracker": found.tracker, "format": options.form}, boxes, raw, path)


def _result_set(manifest: dict[str, Any], boxes: dict[str, np.ndarray], raw: Raw, path: Path) -> ResultSet:
    """Put boxes and what lies beside them together."""
    return ResultSet(
        tracker=manifest["tracker"],
        boxes=boxes,
        scores={video: _side(rows, boxes[video], 1.0) for video, rows in raw.scores.items()},
        seconds={
            video: _side(spent, boxes[video], 0.0) if np.ndim(spent) else float(spent)
            for video, spent in raw.seconds.items()
        },
        manifest=manifest,
        notes=tuple(raw.notes),
        source=path,
    )


def _side(values: Any, boxes: np.ndarray, first: float) -> np.ndarray:
    """Fit scores or seconds to boxes of which a first row was put there, or which were cut."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) == len(boxes) - 1:
        values = np.concatenate([[first], values])
    return values[: len(boxes)]


def _check_options(format: str, base: int | None, first_row: str, corners: str | None, repetition: int) -> None:
    problems = []

    def check(name: str, value: Any, allowed: Iterable[Any]) -> None:
        allowed = list(allowed)
        if value not in allowed:
            shown = ", ".join(str(item) for item in allowed)
            out = nearest(str(value), map(str, allowed))
            problems.append(Problem(name, f"must be one of {shown}", repr(value), out))

    check("format", format, _READABLE)
    check("base", base, (None, 0, 1))
    check("first_row", first_row, _FIRST)
    check("corners", corners, (None, *CORNERS))
    if repetition < 1:
        problems.append(Problem("repetition", "must be at least 1", str(repetition)))
    if problems:
        raise DataError(problems)


def _check_form(path: Path, found: Found, format: str) -> None:
    """Refuse a named format that the files cannot be."""
    if format == "auto":
        return
    structure = {"asymnas": "asymnas", "otb-json": "otb-json"}.get(format, "text")
    actual = "text" if found.form == "got10k" else found.form
    if structure != actual:
        names = {"asymnas": "a manifest.json", "otb-json": "OTB JSON files", "text": "text files without a manifest"}
        out = "Leave the format out to have it detected."
        raise DataError(Problem(str(path), f"format '{format}' needs {names[structure]}", names[actual], out))


def _match(
    given: Sequence[str], known: Mapping[str, Annotated], names: Mapping[str, str] | None, raw: Raw, path: Path
) -> dict[str, str]:
    """Return the files of known videos; note the names read otherwise, other files, and videos without a file."""
    aliases = {name: getattr(item, "aliases", ()) for name, item in known.items()}
    matching = match_names(given, known, aliases=aliases, names=names, where=str(path))
    if not matching:
        value = f"{len(given)} files ({', '.join(list(given)[:3])}, ...) for {', '.join(list(known)[:3])}, ..."
        out = "Check the data set and its split, or give names={...}."
        raise DataError(Problem(str(path), "files must be named as the videos are", value, out))
    raw.notes.extend(matching.notes)
    if matching.left:
        shown = ", ".join(matching.left[:5]) + (", ..." if len(matching.left) > 5 else "")
        raw.notes.append(f"{len(matching.left)} files of other videos are left out: {shown}")
    without = [name for name in known if name not in set(matching.values())]
    if without:
        shown = ", ".join(without[:5]) + (", ..." if len(without) > 5 else "")
        raw.notes.append(f"{len(without)} of {len(known)} videos have no file: {shown}")
    order = {name: index for index, name in enumerate(known)}
    return dict(sorted(matching.items(), key=lambda pair: order[pair[1]]))
