"""Job files: what they may say, how they are loaded and checked, and the run folder of a job."""

from asymnas.job._compare_schema import Bootstrap, CompareJob
from asymnas.job._data_schema import Augmentation, Data, EvaluationData, TrainData, TrainSource, VideoSource
from asymnas.job._disk import write_text
from asymnas.job._launch import launch_compare, launch_job, recorded_job
from asymnas.job._load import Arm, arms, load_compare, load_job
from asymnas.job._run_folder import RunFolder
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
    "Augmentation",
    "Baselines",
    "Bootstrap",
    "CompareJob",
    "Data",
    "Evaluation",
    "EvaluationData",
    "Job",
    "LanguageJob",
    "Recalibration",
    "Resources",
    "RunFolder",
    "Search",
    "TrackerJob",
    "TrainData",
    "TrainSource",
    "Training",
    "VideoSource",
    "arms",
    "find_job",
    "launch_compare",
    "launch_job",
    "list_jobs",
    "load_compare",
    "load_job",
    "recorded_job",
    "validate_file",
    "write_text",
]
