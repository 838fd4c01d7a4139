"""Experiments made of searches: the main job, comparisons, dry runs, retraining."""

from asymnas.study._benchmark import BenchmarkProgress, BenchmarkRun, default_split, run_benchmark
from asymnas.study._benchmark_report import MISSING, score_runs, test_trackers
from asymnas.study._benchmark_worker import BenchmarkVideos
from asymnas.study._compare import run_compare
from asymnas.study._conditions import Condition, language_condition, read_sentences
from asymnas.study._dry_run import dry_run
from asymnas.study._open import Description, ReadyTracker, describe_tracker, open_tracker
from asymnas.study._retrain import retrain
from asymnas.study._run import run_job
from asymnas.study._session import Reporter

__all__ = [
    "MISSING",
    "BenchmarkProgress",
    "BenchmarkRun",
    "BenchmarkVideos",
    "Condition",
    "Description",
    "ReadyTracker",
    "Reporter",
    "default_split",
    "describe_tracker",
    "dry_run",
    "language_condition",
    "open_tracker",
    "read_sentences",
    "retrain",
    "run_benchmark",
    "run_compare",
    "run_job",
    "score_runs",
    "test_trackers",
]
