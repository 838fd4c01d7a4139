"""Job files: what they may say, how they are loaded and checked, and the run folder of a job."""

from asymnas.job._compare_schema import Bootstrap, CompareJob
from asymnas.job._launch import launch_compare, launch_job, recorded_job
from asymnas.job._load import Arm, arms, load_compare, load_job
from asymnas.job._schema import (
    Baselines,
    Evaluation,
    Job,
    LanguageJob,
    Recalibration,
    Resources,
    Search,
    TrackerJob,
    Training,
)
from asymnas.job._sources import find_job, list_jobs
from asymnas.job._validate import validate_file

__all__ = [
    "Arm",
    "Baselines",
    "Bootstrap",
    "CompareJob",
    "Evaluation",
    "Job",
    "LanguageJob",
    "Recalibration",
    "Resources",
    "Search",
    "TrackerJob",
    "Training",
    "arms",
    "find_job",
    "launch_compare",
    "launch_job",
    "list_jobs",
    "load_compare",
    "load_job",
    "recorded_job",
    "validate_file",
]
