"""Job files: what they may say, how they are loaded and checked."""

from asymnas.core.models import JobModel
from asymnas.job._arms import launch_compare, load_compare
from asymnas.job._compare import ArmRun, Bootstrap, CompareJob
from asymnas.job._load import launch_job, load_job, recorded_job
from asymnas.job._schema import (
    Baselines,
    EvaluationSection,
    Job,
    LadderRung,
    Recalibration,
    Resources,
    Search,
    Training,
)
from asymnas.job._sources import find_job, list_jobs
from asymnas.job._validate import validate_file

__all__ = [
    "ArmRun",
    "Baselines",
    "Bootstrap",
    "CompareJob",
    "EvaluationSection",
    "Job",
    "JobModel",
    "LadderRung",
    "Recalibration",
    "Resources",
    "Search",
    "Training",
    "find_job",
    "launch_compare",
    "launch_job",
    "list_jobs",
    "load_compare",
    "load_job",
    "recorded_job",
    "validate_file",
]
