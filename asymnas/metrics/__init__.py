"""Benchmark protocols and the uncertainty of scores, over numpy arrays."""

from asymnas.metrics._protocol import PROTOCOLS, Protocol, get_protocol, suc
from asymnas.metrics._statistics import Interval, MeanSE, bootstrap_ci, crossed_bootstrap, mean_se, paired_difference

__all__ = [
    "PROTOCOLS",
    "Interval",
    "MeanSE",
    "Protocol",
    "bootstrap_ci",
    "crossed_bootstrap",
    "get_protocol",
    "mean_se",
    "paired_difference",
    "suc",
]
