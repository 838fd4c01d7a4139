"""Experiments made of searches: the main job, comparisons, diagnoses, dry runs, retraining, tables of the truth."""

from asymnas.study._against import AgainstTruth, against_truth
from asymnas.study._bench import BenchResult, run_bench
from asymnas.study._build import build_table
from asymnas.study._compare import run_compare
from asymnas.study._compare_plan import plan_compare
from asymnas.study._dry_run import dry_run
from asymnas.study._retrain import retrain
from asymnas.study._run import run_job
from asymnas.study._simulate import BenchSettings
from asymnas.study.diagnose import diagnose
from asymnas.study.table import TruthTable, read_table
from asymnas.study.truth import TruthSummary, summarise_truth

__all__ = [
    "AgainstTruth",
    "BenchResult",
    "BenchSettings",
    "TruthSummary",
    "TruthTable",
    "against_truth",
    "build_table",
    "diagnose",
    "dry_run",
    "plan_compare",
    "read_table",
    "retrain",
    "run_bench",
    "run_compare",
    "run_job",
    "summarise_truth",
]
