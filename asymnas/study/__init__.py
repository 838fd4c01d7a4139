"""Experiments made of searches: the main job, comparisons, dry runs, retraining."""

from asymnas.study._compare import run_compare
from asymnas.study._compare_plan import plan_compare
from asymnas.study._dry_run import dry_run
from asymnas.study._retrain import retrain
from asymnas.study._run import run_job

__all__ = ["dry_run", "plan_compare", "retrain", "run_compare", "run_job"]
