"""Benchmark protocols and the uncertainty of scores, over numpy arrays."""

from asymnas.tracking.metrics._annotated import Annotated, Clip
from asymnas.tracking.metrics._protocol import Protocol
from asymnas.tracking.metrics._protocols import PROTOCOLS, get_protocol, main_measure
from asymnas.tracking.metrics._score import Missing, score, score_many, suc
from asymnas.tracking.metrics._scores import AttributeScores, Comparison, Curve, Scores, VideoDifference, compare

__all__ = [
    "PROTOCOLS",
    "Annotated",
    "AttributeScores",
    "Clip",
    "Comparison",
    "Curve",
    "Missing",
    "Protocol",
    "Scores",
    "VideoDifference",
    "compare",
    "get_protocol",
    "main_measure",
    "score",
    "score_many",
    "suc",
]
