"""All that a run leaves: its folder, lock, summary and times."""

from asymnas.runs.diagnosis import Diagnosis, read_diagnosis
from asymnas.runs.folder import RunFolder
from asymnas.runs.read import RunData, read_run, score_of
from asymnas.runs.summary import CompareSummary, RunSummary, Score, TestResults, UnfinishedSummary, read_summary
from asymnas.runs.times import Reporter

__all__ = [
    "CompareSummary",
    "Diagnosis",
    "Reporter",
    "RunData",
    "RunFolder",
    "RunSummary",
    "Score",
    "TestResults",
    "UnfinishedSummary",
    "read_diagnosis",
    "read_run",
    "read_summary",
    "score_of",
]
