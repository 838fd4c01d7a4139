"""The embedded default benchmark: language-annotated video drawn on the fly from a seed."""

from asymnas.tracking.data.synthetic._dataset import SPLITS, SyntheticVideos, check, load
from asymnas.tracking.data.synthetic._parts import CRITICAL, PARTS, STANDARD
from asymnas.tracking.data.synthetic._render import SyntheticFrames
from asymnas.tracking.data.synthetic._sentences import sentence_parts
from asymnas.tracking.data.synthetic._words import COLOURS, GROUNDS, PATTERNS, SHAPES, Look, held_out

__all__ = [
    "COLOURS",
    "CRITICAL",
    "GROUNDS",
    "PARTS",
    "PATTERNS",
    "SHAPES",
    "SPLITS",
    "STANDARD",
    "Look",
    "SyntheticFrames",
    "SyntheticVideos",
    "check",
    "held_out",
    "load",
    "sentence_parts",
]
