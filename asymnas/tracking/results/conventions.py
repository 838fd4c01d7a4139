"""From numbers to boxes: index base, corners, missing first rows and lengths, settled for all files of a tracker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asymnas.core.errors import DataError, Problem
from asymnas.tracking.boxes import iou, xyxy_to_xywh
from asymnas.tracking.results.content import Table
from asymnas.tracking.results.formats import convention

if TYPE_CHECKING:
    from asymnas.tracking.metrics import Annotated

__all__ = ["CORNERS", "Conventions"]

CORNERS = ("xywh", "xyxy", "xyxy-inclusive")  # the second corner is the first pixel outside, or the last one inside
_TOLERANCE = 0.06  # pixels by which a printed first row may differ from the annotation: one decimal, rounded
_CLEARLY = 0.2  # overlap by which one reading of the early rows must beat the other
_ENOUGH = 5  # files that must all look like corners before that is more than a chance
_ROUNDINGS = ("", "rounded", "cut to whole numbers")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a file's first row says the given box: kind of corners, index base, and what became of the decimals."""

    corners: str
    base: int
    rounding: str = ""

    def explains(self, row: np.ndarray, box: np.ndarray) -> bool:
        """Return whether a row (4,) is a 0-based box (4,) under this reading."""
        x, y, w, h = np.add(box, [self.base, self.base, 0, 0])
        inside = self.corners == "xyxy-inclusive"
        wanted = np.array([x, y, w, h] if self.corners == "xywh" else [x, y, x + w - inside, y + h - inside])
        if self.rounding == "":
            return bool((np.abs(row - wanted) <= _TOLERANCE).all())
        if self.rounding == "rounded":
            return bool(((row == np.rint(row)) & (np.abs(row - wanted) <= 0.5)).all())
        return bool(np.all(row == np.trunc(wanted)))

    def to_xywh(self, rows: np.ndarray) -> np.ndarray:
        """Turn rows (n, 4) into 0-based x, y, w, h."""
        rows = np.array(rows, dtype=np.float64)
        if self.corners != "xywh":
            rows = xyxy_to_xywh(rows)
            rows[:, 2:] += self.corners == "xyxy-inclusive"
        rows[:, :2] -= self.base
        return rows


_READINGS = [_Reading(corners, base, how) for corners in CORNERS for base in (0, 1) for how in _ROUNDINGS]


@dataclass(slots=True, eq=False)
class Conventions:
    """The files of one tracker, and all that settles how their numbers are read."""

    source: Path  # for messages
    tables: Mapping[str, Table]
    known: Mapping[str, Annotated] | None  # the annotated videos
    format: str = "text"
    explicit: bool = False  # the caller named the format
    base: int | None = None  # given by the caller
    first_row: str = "auto"  # "auto", "present" or "missing"
    corners: str | None = None  # one of `CORNERS`, given by the caller
    dataset: str | None = None
    stated: int | None = None  # index base that a manifest states
    named_corners: bool = False  # a header names the third column as a corner's
    notes: list[str] = field(default_factory=list)
    _given: dict[str, np.ndarray] = field(default_factory=dict)
    _lengths: dict[str, int] = field(default_factory=dict)
    _title: str = ""
    _found: dict[str, list[_Reading]] = field(default_factory=dict)

    def to_boxes(self) -> dict[str, np.ndarray]:
        """Return (n, 4) float64 0-based x, y, w, h for each video; an error names the option that is needed."""
        self._title = f"{self.format} files" + (f" of {self.dataset}" if self.dataset else "")
        if self.known is not None:
            self._given = {name: np.asarray(self.known[name].boxes[0], dtype=np.float64) for name in self.tables}
            self._lengths = {name: len(self.known[name].boxes) for name in self.tables}
            self._check_lengths()
            for name, table in self.tables.items():
                if not table.opening and np.isfinite(table.rows[0]).all():
                    box, row = self._given[name], table.rows[0]
                    self._found[name] = [item for item in _READINGS if item.explains(row, box)]
        if self.stated is not None:
            return self._as_stated(self.stated)
        if self.known is None:
            return self._without_annotations()
        base = self._settle_base()
        missing = self._missing_first(base)
        reading, restored = self._settle_corners(base, missing)
        boxes: dict[str, np.ndarray] = {}
        for name, table in self.tables.items():
            rows = reading.to_xywh(table.rows)
            if name in missing:
                rows = np.concatenate([self._given[name][None], rows])
            elif table.opening or name in restored:
                rows[0] = self._given[name]
            boxes[name] = rows
        self._note_nan()
        self._note_first_rows(base, missing)
        return self._fit(boxes)

    def _as_stated(self, base: int) -> dict[str, np.ndarray]:
        """Return boxes whose manifest states everything; the annotations only check it."""
        reading = _Reading("xywh", base if self.base is None else self.base)
        boxes = {name: reading.to_xywh(table.rows) for name, table in self.tables.items()}
        overruled = f", as given, although the manifest states {base}"
        self.notes.append(f"base {reading.base}{overruled if reading.base != base else ', stated by the manifest'}")
        ignored = {"corners": self.corners not in (None, "xywh"), "first_row": self.first_row == "missing"}
        rule = "is not looked at: the manifest states x,y,w,h from the first frame on"
        self.notes += [f"{name} {rule}" for name, given in ignored.items() if given]
        self._note_nan()
        found = self._voted_base()
        if found is not None and found != reading.base:
            self.notes.append(f"the first rows look like base {found}; give that base if they are right")
        return boxes if self.known is None else self._fit(boxes)

    def _without_annotations(self) -> dict[str, np.ndarray]:
        """Return boxes by convention; nothing can be compared with given boxes."""
        tables, given = self.tables.values(), "Give the annotations."
        base = self.base if self.base is not None else convention(self.format, self.dataset)
        corners = self.corners or ("xyxy" if self.named_corners else "xywh")
        unsaid = self.corners is None and not self.named_corners and len(tables) >= _ENOUGH
        unsaid = unsaid and not any((table.rows[:, 2:] <= table.rows[:, :2]).any() for table in tables)
        out = "Give the annotations, the base (0 or 1), or the format (lasot, pysot, ...) whose convention holds."
        known = "Give the annotations, or corners='xywh' or 'xyxy'."
        always = "third and fourth numbers always above the first two"
        rules = [
            (base is None, "the index base must be known", "files that do not say it", out),
            (self.first_row == "missing", "first_row='missing' needs annotations", "none", given),
            (any(t.opening for t in tables), "a first line of 1 needs annotations, it is the given box", "none", given),
            (unsaid, "it must be known whether rows are x,y,w,h or two corners", always, known),
        ]
        problems = [Problem(str(self.source), rule, value, out) for wrong, rule, value, out in rules if wrong]
        if problems:
            raise DataError(problems)
        why = "as given" if self.base is not None else f"by the convention of {self._title}"
        self.notes.append(f"base {base}, {why}; no annotations to check it")
        if corners != "xywh":
            self.notes.append(f"rows are corners ({corners}), " + ("as given" if self.corners else "by the header"))
        self.notes.append("the first row is taken as the first frame; no annotations to check it")
        self._note_nan()
        reading = _Reading(corners, int(base or 0))
        return {name: reading.to_xywh(table.rows) for name, table in self.tables.items()}

    def _says(self, name: str, base: int) -> bool:
        """Return whether a file's first row is the given box, counted from `base`."""
        return any(reading.base == base for reading in self._found.get(name, ()))

    def _votes(self) -> list[int]:
        """Return the number of files that the best reading of each base explains."""
        counts = Counter(reading for found in self._found.values() for reading in found)
        return [max((n for reading, n in counts.items() if reading.base == base), default=0) for base in (0, 1)]

    def _voted_base(self) -> int | None:
        """Return the base that the files agree on; None where none does, or too few, or they contradict each other."""
        counts = self._votes()
        best = int(np.argmax(counts))
        enough = counts[best] >= min(3, (len(self._found) + 1) // 2) and counts[best] > 0
        return best if enough and 10 * counts[1 - best] <= counts[best] else None

    def _settle_base(self) -> int:
        """Settle the base: what was given, what the first rows show, or a named format's convention, in this order."""
        found, counts, files = self._voted_base(), self._votes(), len(self._found)
        usual = convention(self.format, self.dataset)
        if self.base is not None:
            note = f"base {self.base}, as given"
            if found is not None and found != self.base:
                note += f", although the first rows of {counts[found]} of {files} files say base {found}"
            self.notes.append(note)
            return self.base
        if found is not None:
            note = f"base {found}: the first rows of {counts[found]} of {files} files are the given boxes"
            if self.explicit and usual is not None and usual != found:
                note += f"; {self._title} count from {usual}, and base={usual} reads them so"
            self.notes.append(note)
            return found
        offset = ""
        if self._found:
            x, y = np.median([self.tables[n].rows[0, :2] - self._given[n][:2] for n in self._found], axis=0)
            offset = f" (median offset of the corners {x:+.2f}, {y:+.2f} px)"
        if usual is not None and (self.explicit or self.format == "otb-json"):
            self.notes.append(f"base {usual} by the convention of {self._title}; the first rows do not say it{offset}")
            return usual
        value = f"first rows that are the given boxes in {counts[0]} files for base 0 and {counts[1]} for base 1"
        out = "Give the base: 0, or 1 as LaSOT and OTB count, or the format whose convention holds."
        raise DataError(Problem(str(self.source), "the index base must be known", value + offset, out))

    def _missing_first(self, base: int) -> set[str]:
        """Return the videos whose file starts with the second frame."""
        short = {n for n, t in self.tables.items() if len(t.rows) == self._lengths[n] - 1 and not t.opening}
        if not short or self.first_row == "present":
            return set()
        missing, why, whole = short, "as given", set(self.tables) - short
        if self.first_row != "missing":
            start = {name for name in self.tables if self._says(name, base)}
            missing, why = short - start, "n - 1 rows, and the first is not the given box"
            if not whole and len(missing) > len(short) / 2:
                missing = short
            lost = (not whole and 0 < len(missing) < len(short)) or (whole and 2 * len(whole & start) < len(whole))
            if missing and lost:
                rule = "it must be known which frame a file with one row less lacks"
                value = f"{len(missing)} such files, e.g. '{min(missing)}', and others do not start with the given box"
                out = "Give first_row='missing' or first_row='present'."
                raise DataError(Problem(str(self.source), rule, value, out))
        if missing:
            files = f"{len(missing)} of {len(self.tables)} files"
            self.notes.append(f"{files} lack the first frame ({why}); the given box is put there")
        return missing

    def _settle_corners(self, base: int, missing: set[str]) -> tuple[_Reading, set[str]]:
        """Return how rows are read, and the videos of which only the first row holds corners."""
        reading = _Reading(self.corners or "xywh", base)
        if self.corners is not None:
            self.notes.append(f"rows are {self.corners}, as given")
            return reading, set()
        kinds = {n: [r.corners for r in self._found.get(n, ()) if r.base == base] for n in set(self.tables) - missing}
        corner = {name: found[0] for name, found in kinds.items() if found and "xywh" not in found}
        if not corner:
            if self.named_corners:
                rule, out = "a header names corners, but no first row is one", "Give corners='xywh' or 'xyxy'."
                raise DataError(Problem(str(self.source), rule, "", out))
            return reading, set()
        kind = max(sorted(set(corner.values())), key=list(corner.values()).count)
        as_plain, as_corner = self._early_overlap(corner, reading), self._early_overlap(corner, _Reading(kind, base))
        if as_corner > as_plain + _CLEARLY:
            if any("xywh" in found for found in kinds.values()):
                out = "Give corners=... for files of one kind, and read the others apart."
                value = f"{len(corner)} with corners, {len(kinds) - len(corner)} without"
                raise DataError(Problem(str(self.source), "all files of a tracker must say boxes alike", value, out))
            self.notes.append(
                f"rows are corners ({kind}): {len(corner)} first rows are the given box so, later ones agree"
            )
            return _Reading(kind, base), set()
        if as_plain > as_corner + _CLEARLY or all(len(self.tables[name].rows) == 1 for name in corner):
            self.notes.append(
                f"the first row of {len(corner)} files holds corners ({kind}), no later one; it is restored"
            )
            return reading, set(corner)
        value = f"overlap with the given box {as_plain:.2f} as x,y,w,h and {as_corner:.2f} as corners"
        rule, out = "it must be known whether rows after the first are corners", "Give corners='xywh' or 'xyxy'."
        raise DataError(Problem(str(self.source), rule, f"{value}, e.g. '{min(corner)}'", out))

    def _early_overlap(self, names: Mapping[str, str], reading: _Reading) -> float:
        """Return the mean overlap of rows 1 to 5 with the given box: a target moves little in five frames."""
        early = {name: self.tables[name].rows[1:6] for name in names if len(self.tables[name].rows) > 1}
        means = [np.mean(iou(reading.to_xywh(rows), self._given[name][None])) for name, rows in early.items()]
        return float(np.mean(means)) if means else 0.0

    def _note_first_rows(self, base: int, missing: set[str]) -> None:
        """Note files whose first line was a code, and files that do not start with the given box."""
        opened = sum(table.opening for table in self.tables.values())
        if opened:
            self.notes.append(f"the first line of {opened} files is 1, which stands for the given box; it is put there")
        away = [n for n, t in self.tables.items() if n not in missing and not t.opening and not self._says(n, base)]
        for name in away[:1]:
            self.notes.append(f"{len(away)} of {len(self.tables)} files do not start with the given box, e.g. '{name}'")

    def _note_nan(self) -> None:
        """Note rows of NaN, no box; the protocol decides what they count."""
        found = {t: np.flatnonzero(np.isnan(t.rows).any(axis=1))[int(t.opening) :] for t in self.tables.values()}
        broken = [(table.line(int(rows[0])), len(rows)) for table, rows in found.items() if len(rows)]
        if broken:
            count, files = sum(rows for _, rows in broken), len(broken)
            self.notes.append(f"{count} rows of {files} files are NaN, no box; the first is {broken[0][0]}")

    def _check_lengths(self) -> None:
        """Refuse files of other videos, or of another version: more than half have more rows than frames."""
        long = sorted(name for name, table in self.tables.items() if len(table.rows) > self._lengths[name])
        if 2 * len(long) <= len(self.tables):
            return
        rule, out = "'{}' has {} frames, so that its file must have as many rows", "Check the data set and its version."
        found = [(self.tables[name], name, self._lengths[name]) for name in long[:20]]
        raise DataError(Problem(t.line(n), rule.format(name, n), f"{len(t.rows)} rows", out) for t, name, n in found)

    def _fit(self, boxes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Cut what is longer than its video, as the LaSOT toolkit does, and note what is shorter."""
        frames = self._lengths
        long = sorted(name for name, rows in boxes.items() if len(rows) > frames[name])
        if long:
            first, end = self.tables[long[0]], frames[long[0]]
            example = f"{len(first.rows)} rows for {end} frames, from {first.line(end)} on"
            self.notes.append(f"{len(long)} files have more rows than frames and are cut, e.g. {example}")
        short = sorted(name for name, rows in boxes.items() if len(rows) < frames[name])
        if short:
            shown = ", ".join(f"{name} {len(boxes[name])}/{frames[name]}" for name in short[:5])
            self.notes.append(f"{len(short)} files are short: {shown}" + (", ..." if len(short) > 5 else ""))
        return {name: rows[: frames[name]] for name, rows in boxes.items()}
