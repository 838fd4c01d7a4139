"""Result files of trackers: one canonical format, and readers and writers of the formats that other programs use."""

from asymnas.tracking.results.canonical import (
    read_manifest,
    read_result,
    read_video_file,
    read_video_seconds,
    write_manifest,
    write_result,
    write_video_file,
)
from asymnas.tracking.results.formats import FORMATS, NATIVE_BASE
from asymnas.tracking.results.layout import list_trackers
from asymnas.tracking.results.names import match_names
from asymnas.tracking.results.read import read_results
from asymnas.tracking.results.result_set import ResultSet
from asymnas.tracking.results.write import write_results

__all__ = [
    "FORMATS",
    "NATIVE_BASE",
    "ResultSet",
    "list_trackers",
    "match_names",
    "read_manifest",
    "read_result",
    "read_results",
    "read_video_file",
    "read_video_seconds",
    "write_manifest",
    "write_result",
    "write_results",
    "write_video_file",
]
