"""The parts that pages are made of: tables, pictures, escaped text, provenance."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asymnas.report._progress import span
from asymnas.runs.read import RunData

__all__ = ["STYLE", "image", "provenance", "table", "text"]

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
h1 { margin-bottom: 0.2rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; margin: 0.8rem 0; } th, td { padding: 0.25rem 0.8rem; text-align: left; }
th { border-bottom: 2px solid #bbb; } td { border-bottom: 1px solid #eee; } td.number { text-align: right; }
pre { background: #f6f6f6; padding: 0.8rem; overflow-x: auto; font-size: 12px; line-height: 1.3; }
img { max-width: 100%; } .note { color: #555; } .lead { font-weight: 600; }
.wide { width: min(96vw, 78rem); margin-left: 50%; transform: translateX(-50%); }
"""


def provenance(run: RunData, results: Mapping[str, Any]) -> str:
    """Return the section on job, weights, versions and time."""
    source = dict(run.architecture.get("provenance") or {})
    rows = [(text(key), text(value)) for key, value in source.items() if not isinstance(value, Mapping)]
    if results.get("weights_hash") and "weights_hash" not in source:
        rows.append(("weights", text(results["weights_hash"])))
    versions = results.get("versions") or source.get("versions") or {}
    if versions:
        rows.append(("versions", text(", ".join(f"{name} {version}" for name, version in versions.items()))))
    seconds = results.get("seconds") or {}
    if isinstance(seconds, float):
        rows.append(("time", span(seconds)))
    elif seconds:
        times = ", ".join(f"{stage} {span(value)}" for stage, value in seconds.items())
        rows.append(("time", text(f"{times}; together {span(sum(seconds.values()))}")))
    written = (run.path / "job.yaml").read_text(encoding="utf-8")
    job = f"<details><summary>job.yaml</summary><pre>{text(written)}</pre></details>"
    return "<h2>Where this comes from</h2>" + (table(("", ""), rows) if rows else "") + job


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; all columns but the first are numbers or notes."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def image(content: bytes, alternative: str, kind: str = "png") -> str:
    """Return an image element that holds the picture itself, a "png" or "jpeg"."""
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{html.escape(alternative)}" src="data:image/{kind};base64,{data}">'


def text(value: Any) -> str:
    """Return a value as text that is safe in HTML."""
    return html.escape(str(value))
