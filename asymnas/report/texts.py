"""How numbers are written: a score never without its uncertainty and what it was measured on."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from asymnas.core.statistics import Interval
from asymnas.runs.summary import PartScore, Score


def score_text(score: Score | PartScore) -> str:
    """Write `0.512 ± 0.031`, without the ± where no standard error is known."""
    return f"{score.value:.3f}" + ("" if score.se is None else f" ± {score.se:.3f}")


def interval_text(interval: Interval | None, form: str = ".2f") -> str:
    """Write `0.19 [0.00, 0.55]`, each number in this format; `-` for one that is not finite, or for all."""
    if interval is None:
        return "-"
    ends = (interval.value, interval.low, interval.high)
    value, low, high = (f"{end:{form}}" if isfinite(end) else "-" for end in ends)
    return f"{value} [{low}, {high}]"


def difference_text(difference: Interval) -> str:
    """Write `+0.041 [+0.010, +0.072]`."""
    return interval_text(difference, "+.3f")


def verdict(difference: Interval) -> str:
    """Say whether an interval is clear of zero."""
    return "clear of zero" if difference.clear_of_zero else "contains zero: noise"


def facts_text(facts: Mapping[str, Any]) -> str:
    """Write what stands beside a score, `protocol lasot, 1,152 frames`: texts are names, numbers are amounts."""
    return ", ".join(
        f"{name.replace('_', ' ')} {value}" if isinstance(value, str) else f"{value:,} {name.replace('_', ' ')}"
        for name, value in facts.items()
    )


def names(facts: Mapping[str, Any]) -> str:
    """Write the facts that are names, `protocol lasot`."""
    return facts_text({name: value for name, value in facts.items() if isinstance(value, str)})


def measured_on(score: Score, noun: str) -> str:
    """Write what a score was measured on: `24 videos, 1,152 frames`."""
    amounts = {name: value for name, value in score.facts.items() if not isinstance(value, str)}
    return facts_text({noun: len(score.items), **amounts})


def span(seconds: float) -> str:
    """Write a time span: `8 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
