"""Result files of trackers: one canonical form, and readers and writers of the forms that other programs use."""

from asymnas.interop.results._canonical import (
    read_manifest,
    read_video_file,
    read_video_seconds,
    write_manifest,
    write_video_file,
)
from asymnas.interop.results._forms import FORMATS, NATIVE_BASE
from asymnas.interop.results._layout import list_trackers
from asymnas.interop.results._names import match_names
from asymnas.interop.results._read import read_results
from asymnas.interop.results._result_set import ResultSet
from asymnas.interop.results._write import write_results

__all__ = [
    "FORMATS",
    "NATIVE_BASE",
    "ResultSet",
    "list_trackers",
    "match_names",
    "read_manifest",
    "read_results",
    "read_video_file",
    "read_video_seconds",
    "write_manifest",
    "write_results",
    "write_video_file",
]
