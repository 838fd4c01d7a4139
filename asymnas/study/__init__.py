"""Experiments made of searches: the main job, comparisons, dry runs, retraining."""

from asymnas.study._compare import run_compare
from asymnas.study._run import Reporter, run_job

__all__ = ["Reporter", "run_compare", "run_job"]
