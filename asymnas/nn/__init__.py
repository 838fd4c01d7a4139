"""Networks: units, mixers, supernet, BN recalibration, weight files."""

from asymnas.nn._latency import measure_latency
from asymnas.nn._mixer import MixerSetup, ModaMixer
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.nn._recalibrate import recalibrate, recalibrated, set_statistics, statistics_of
from asymnas.nn._sources import Source
from asymnas.nn._supernet import BranchOutput, Supernet, extract
from asymnas.nn._units import Chain, build_unit
from asymnas.nn._weights import load_weights, read_weights, save_weights, weights_hash, write_weights

__all__ = [
    "BranchOutput",
    "Chain",
    "MixerSetup",
    "ModaMixer",
    "RecalibratedBatchNorm",
    "Source",
    "Supernet",
    "build_unit",
    "extract",
    "load_weights",
    "measure_latency",
    "read_weights",
    "recalibrate",
    "recalibrated",
    "save_weights",
    "set_statistics",
    "statistics_of",
    "weights_hash",
    "write_weights",
]
