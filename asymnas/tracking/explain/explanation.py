"""What an explanation holds, and the files it is written to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asymnas.core.files import disk_errors
from asymnas.report import Section, page

__all__ = ["ExplainedPart", "Explanation", "write_explanation"]


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedPart:
    """One part of an explanation: its key in the record and name of its picture, numbers, PNG bytes, and a table."""

    name: str
    record: Any
    picture: bytes
    section: Section


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What was found; `record` are facts of what was looked at, JSON-able, and `notes` say what could not be."""

    title: str
    record: dict[str, Any]
    parts: tuple[ExplainedPart, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-able data."""
        return {**self.record, **{part.name: part.record for part in self.parts}, "notes": list(self.notes)}


def write_explanation(found: Explanation, folder: Path) -> list[Path]:
    """Write pictures, `explain.json` and `report.html` into a folder (made if missing), replacing those of before.

    Returns:
        all files, the page last.
    """
    sections = [part.section for part in found.parts]
    text = page(found.title, [Section("", note="\n".join(found.notes)), *sections])
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for part in found.parts:
            (folder / f"{part.name}.png").write_bytes(part.picture)
        numbers = json.dumps(found.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
        (folder / "explain.json").write_text(numbers + "\n", encoding="utf-8")
        (folder / "report.html").write_text(text, encoding="utf-8")
    names = [f"{part.name}.png" for part in found.parts]
    return [folder / name for name in (*names, "explain.json", "report.html")]
