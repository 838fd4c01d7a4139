"""How numbers are written: a score never without its uncertainty, frames and videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["difference_text", "is_noise", "language_rows", "of", "score_text"]


def score_text(score: Mapping[str, Any]) -> str:
    """Write `0.512 ± 0.031`, without the ± where no standard error is known."""
    se = score.get("se")
    return f"{score['suc']:.3f}" + ("" if se is None else f" ± {se:.3f}")


def of(score: Mapping[str, Any]) -> str:
    """Write what a score was measured on: `24 videos, 960 frames`."""
    parts = []
    if score.get("videos"):
        parts.append(f"{len(score['videos'])} videos")
    if score.get("frames"):
        parts.append(f"{score['frames']} frames")
    return ", ".join(parts)


def difference_text(difference: Mapping[str, float]) -> str:
    """Write `+0.041 [+0.010, +0.072]`."""
    return f"{difference['value']:+.3f} [{difference['low']:+.3f}, {difference['high']:+.3f}]"


def is_noise(difference: Mapping[str, float]) -> bool:
    """Whether the interval of a difference contains zero."""
    return difference["low"] <= 0 <= difference["high"]


def language_rows(language: Any) -> Sequence[Mapping[str, Any]]:
    """The rows of the language table, given one row or several."""
    if not language:
        return []
    return [language] if isinstance(language, Mapping) else language
