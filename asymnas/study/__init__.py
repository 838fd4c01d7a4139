"""Experiments made of searches: the main job, comparisons, diagnoses, dry runs, retraining."""

from asymnas.study._compare import run_compare
from asymnas.study._dry_run import dry_run
from asymnas.study._retrain import retrain
from asymnas.study._run import run_job
from asymnas.study.diagnose import diagnose

__all__ = ["diagnose", "dry_run", "retrain", "run_compare", "run_job"]
