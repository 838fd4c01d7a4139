"""Writing results in the forms that toolkits and servers read."""

from __future__ import annotations

from pathlib import Path

from asymnas.interop.results._canonical import write_manifest, write_video_file
from asymnas.interop.results._result_set import ResultSet


def write_results(results: ResultSet, path: Path | str, format: str = "asymnas") -> list[Path]:
    folder = Path(path)
    files = [write_manifest(folder, results.tracker, results.manifest)]
    for video, boxes in results.boxes.items():
        files.append(write_video_file(folder, video, boxes, results.scores.get(video), results.seconds.get(video)))
    return files
