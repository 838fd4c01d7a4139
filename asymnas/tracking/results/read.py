"""Reading anybody's result files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from asymnas.core.archives import Entry, open_source
from asymnas.core.errors import DataError, Problem, nearest
from asymnas.tracking.results.canonical import manifest_of, seconds_of, split_rows
from asymnas.tracking.results.content import Table, read_otb, read_table
from asymnas.tracking.results.conventions import CORNERS, Conventions
from asymnas.tracking.results.formats import FORMATS, dataset_in
from asymnas.tracking.results.layout import ENDINGS, Found, VideoEntries, choose, find_trackers
from asymnas.tracking.results.names import match_names
from asymnas.tracking.results.result_set import ResultSet

if TYPE_CHECKING:
    from asymnas.tracking.metrics import Annotated

__all__ = ["read_results"]

_READABLE = ("auto", *FORMATS, "text")
_FIRST = ("auto", "present", "missing")

_SHOWN = 20  # broken files that are described, before the rest is counted
_CORNER_WORDS = {"x2", "xmax", "right", "x_max", "x_br"}


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
    `annotations` the first rows are compared with the given boxes, which gives the index base, corner boxes and files
    that lack the first frame; names are matched although they are written in another way; files of other videos are
    left out. Whatever is detected or assumed is in `notes`, and what is not known is an error that names the option to
    give.

    Args:
        path: the folder or archive.
        annotations: the videos of the benchmark, 0-based; only their names, lengths and first boxes settle anything.
        format: one of `FORMATS`, "text" for plain text files of no known origin, or "auto". A named format's
            convention decides the index base where the first rows do not say it.
        base: what the files count pixels from, 0 or 1, when it is known; goes before all that is detected.
        first_row: "missing" says that files of n - 1 rows lack the first frame, "present" that none does; "auto"
            detects it.
        corners: "xywh", "xyxy" (second corner is the first pixel outside) or "xyxy-inclusive" for all rows.
        tracker: which tracker, by name or folder, where the source holds several.
        names: name in the files -> name of the video, for names that are not recognised.
        repetition: which of several repetitions to read (GOT-10k), from 1.
        dataset: name of the data set, for the index base of formats that follow it (pytracking, got10k).

    Raises:
        DataError: files that are missing, broken, ambiguous or of another data set; many problems at once, each with
            file and line where there is one.
    """
    path = Path(path)
    _check_options(format, base, first_row, corners, repetition)
    _, entries, others = open_source(path, ENDINGS)
    found = choose(path, find_trackers(path, entries), tracker)
    _check_format(path, found, format)
    manifest: dict[str, Any] = manifest_of(found.manifest) if found.manifest else {}
    raw = _Raw(notes=[f"{others} files that hold no results are left out"] if others else [])
    records = _records(found) if found.format == "otb-json" else {}
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
    raw.read(found, wanted, records, repetition)
    form = found.format if format == "auto" else format
    boxes = Conventions(
        path,
        raw.tables,
        known,
        format=form,
        explicit=format != "auto",
        base=base,
        first_row=first_row,
        corners=corners,
        dataset=dataset or dataset_in(manifest),
        stated=int(manifest["base"]) if manifest else None,
        named_corners=raw.named_corners,
        notes=raw.notes,
    ).to_boxes()
    manifest = manifest or {"tracker": found.tracker, "format": form}
    scores = {video: _fitted(rows, boxes[video], 1.0) for video, rows in raw.scores.items()}
    seconds = {v: _fitted(s, boxes[v], 0.0) if np.ndim(s) else float(s) for v, s in raw.seconds.items()}
    return ResultSet(manifest["tracker"], boxes, scores, seconds, manifest, tuple(raw.notes), path)


def _fitted(values: Any, boxes: np.ndarray, first: float) -> np.ndarray:
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


def _check_format(path: Path, found: Found, format: str) -> None:
    """Refuse a named format that the files cannot be."""
    if format == "auto":
        return
    structure = {"asymnas": "asymnas", "otb-json": "otb-json"}.get(format, "text")
    actual = "text" if found.format == "got10k" else found.format
    if structure != actual:
        names = {"asymnas": "a manifest.json", "otb-json": "OTB JSON files", "text": "text files without a manifest"}
        out = "Leave the format out to have it detected."
        raise DataError(Problem(str(path), f"format '{format}' needs {names[structure]}", names[actual], out))


def _match(
    given: Sequence[str], known: Mapping[str, Annotated], names: Mapping[str, str] | None, raw: _Raw, path: Path
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


def _records(found: Found) -> dict[str, tuple[Table, float | None]]:
    """Read all of a tracker's OTB JSON files."""
    records: dict[str, tuple[Table, float | None]] = {}
    problems: list[Problem] = []
    for files in found.videos.values():
        entry = files.boxes[1]
        try:
            new = read_otb(entry)
        except DataError as error:
            problems += error.problems
            continue
        for name in set(new) & set(records):
            rule = f"video '{name}' must be in one file"
            problems.append(Problem(entry.where, rule, f"also in {records[name][0].where}"))
        records.update(new)
    _raise(problems)
    return records


def _raise(problems: list[Problem]) -> None:
    if problems:
        rest = len(problems) - _SHOWN
        more = [Problem("", "all result files must be readable", f"{rest} more that are not")] if rest > 0 else []
        raise DataError([*problems[:_SHOWN], *more])


@dataclass(slots=True)
class _Raw:
    """Numbers as the files have them, by video, and what was noticed on the way."""

    tables: dict[str, Table] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    seconds: dict[str, float | np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    named_corners: bool = False

    def read(
        self,
        found: Found,
        wanted: Mapping[str, str],
        records: Mapping[str, tuple[Table, float | None]],
        repetition: int,
    ) -> None:
        """Read the videos in `wanted` (name in the files -> name of the video)."""
        problems: list[Problem] = []
        for given, video in wanted.items():
            try:
                if given in records:
                    self.tables[video], seconds = records[given]
                    if seconds is not None:
                        self.seconds[video] = seconds
                else:
                    self._read_video(found, given, found.videos[given], video, repetition)
            except DataError as error:
                problems += error.problems
        _raise(problems)
        if found.format == "asymnas":
            return
        separators = Counter(table.separator for table in self.tables.values()).most_common()
        self.notes.append("separator: " + ", ".join(f"{name} ({n} files)" for name, n in separators))
        headed = [table for table in self.tables.values() if table.header]
        if headed:
            self.notes.append(f"{len(headed)} files have a header: {' '.join(headed[0].header)}")
        repeats = max((len(found.videos[given].boxes) for given in wanted if given in found.videos), default=1)
        if repeats > 1:
            self.notes.append(f"up to {repeats} repetitions; repetition {repetition} is read")

    def _read_video(self, found: Found, given: str, files: VideoEntries, video: str, repetition: int) -> None:
        if repetition not in files.boxes:
            have = ", ".join(map(str, sorted(files.boxes)))
            folder = Path(next(iter(files.boxes.values())).where).parent
            raise DataError(Problem(str(folder), f"'{given}' must have repetition {repetition}", have))
        canonical = found.format == "asymnas"
        table = read_table(files.boxes[repetition], opening=found.longterm)
        boxes, scores = split_rows(table.where, table.rows) if canonical else self._columns(table)
        self.tables[video] = replace(table, rows=boxes)
        if scores is None and files.scores is not None:
            scores = self._beside(files.scores, len(boxes), 1, "scores")
        if scores is not None:
            self.scores[video] = scores
        if files.seconds is not None:
            whole = seconds_of(files.seconds) if canonical else None
            seconds = whole if canonical else self._beside(files.seconds, len(boxes), repetition, "seconds")
            if seconds is not None:
                self.seconds[video] = seconds

    def _columns(self, table: Table) -> tuple[np.ndarray, np.ndarray | None]:
        """Part the columns of a file into four numbers of a box, and scores where a fifth column holds them."""
        rows, words = table.rows, [word.strip("()[]'\"") for word in table.header]
        if rows.shape[1] == len(words) and _CORNER_WORDS & set(words):
            self.named_corners = True
        if rows.shape[1] == 5 and _counts(rows[:, 0]):
            self._note_once("a first column that counts frames is left out (a frame number)")
            return rows[:, 1:], None
        if rows.shape[1] == 5 and np.all((rows[:, 4] >= 0) & (rows[:, 4] <= 1) | np.isnan(rows[:, 4])):
            self._note_once("the fifth column, all within 0 and 1, is read as scores")
            return rows[:, :4], np.nan_to_num(rows[:, 4], nan=1.0)
        if rows.shape[1] != 4:
            value, out = f"{rows.shape[1]} columns", "Convert polygons and other shapes to x, y, w, h."
            if rows.shape[1] == 1:
                value, out = "one value a row", "Results of restarted runs (codes 1, 2, 0) are no one-pass run."
            raise DataError(Problem(table.line(0), "a row must be a box of four numbers", value, out))
        return rows, None

    def _note_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _beside(self, entry: Entry, length: int, column: int, what: str) -> np.ndarray | None:
        """Read scores or seconds beside the boxes; None, with a note, where they do not fit."""
        table = read_table(entry)
        values = table.rows[:, column - 1] if column <= table.rows.shape[1] else np.empty(0)
        if len(values) == 1 < length and what == "seconds":  # of the whole video
            values = np.full(length, values[0] / length)
        if len(values) != length:
            self.notes.append(f"{entry.where}: {len(values)} {what} for {length} boxes, left out")
            return None
        return None if what == "seconds" and np.isnan(values).all() else np.array(values)


def _counts(column: np.ndarray) -> bool:
    """Return whether a column of some length counts 0, 1, 2, ... or 1, 2, 3, ..."""
    return len(column) > 2 and column[0] in (0, 1) and bool(np.all(np.diff(column) == 1))
