"""Experiments made of searches: the main job, comparisons, diagnoses, dry runs, retraining, tables of the truth."""

from asymnas.study._compare import run_compare
from asymnas.study._compare_plan import plan_compare
from asymnas.study._dry_run import dry_run
from asymnas.study._retrain import retrain
from asymnas.study._run import run_job
from asymnas.study.bench.against import AgainstTruth, against_truth
from asymnas.study.bench.build import build_table
from asymnas.study.bench.regret import BenchResult, run_bench
from asymnas.study.bench.simulate import BenchSettings
from asymnas.study.bench.table import TruthTable, read_table, shipped_table
from asymnas.study.bench.truth import TruthSummary, summarise_truth
from asymnas.study.diagnosis.diagnose import diagnose

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
    "shipped_table",
    "summarise_truth",
]
