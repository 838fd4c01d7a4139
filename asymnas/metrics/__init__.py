"""Benchmark protocols and the uncertainty of scores, over numpy arrays."""

from asymnas.metrics._comparison import Comparison, VideoDifference, compare
from asymnas.metrics._frames import Annotated, Clip
from asymnas.metrics._protocol import Protocol
from asymnas.metrics._protocols import PROTOCOLS, get_protocol, main_measure, suc
from asymnas.metrics._score import Missing, score, score_many
from asymnas.metrics._scores import AttributeScores, Curve, Scores
from asymnas.metrics._statistics import (
    Interval,
    MeanSE,
    bootstrap_ci,
    crossed_bootstrap,
    crossed_gap,
    mean_se,
    paired_difference,
    weighted_se,
    widened,
)

__all__ = [
    "PROTOCOLS",
    "Annotated",
    "AttributeScores",
    "Clip",
    "Comparison",
    "Curve",
    "Interval",
    "MeanSE",
    "Missing",
    "Protocol",
    "Scores",
    "VideoDifference",
    "bootstrap_ci",
    "compare",
    "crossed_bootstrap",
    "crossed_gap",
    "get_protocol",
    "main_measure",
    "mean_se",
    "paired_difference",
    "score",
    "score_many",
    "suc",
    "weighted_se",
    "widened",
]
