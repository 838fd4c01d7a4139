"""latency.json: the times of all ops of a space, measured once, so that a resumed search goes by the same ones."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Literal

from asymnas.core.files import write_text
from asymnas.core.models import NotNegative, Record
from asymnas.nn import measure_latency
from asymnas.runs.record import read_record
from asymnas.space import SearchSpace

LATENCY = "latency.json"


class LatencyTable(Record):
    """What `asymnas.nn.measure_latency` found: milliseconds by gene and op, with `threads` threads on `machine`."""

    kind: Literal["latency"] = "latency"
    machine: str
    threads: int
    milliseconds: dict[str, dict[str, NotNegative]]


def latency_of(folder: Path, space: SearchSpace, threads: int) -> LatencyTable:
    """Read the table of a run folder; it is measured and written where there is none yet.

    Raises:
        RunFolderError: the file is no such table.
    """
    file = folder / LATENCY
    if file.is_file():
        way_out = "Remove it to measure again; the search then starts anew."
        found: LatencyTable = read_record(file, LatencyTable, "must be the latencies of a run", way_out)
        return found
    found = LatencyTable(
        machine=platform.processor() or platform.machine(),
        threads=threads,
        milliseconds=measure_latency(space, threads=threads),
    )
    write_text(file, found.model_dump_json(indent=1) + "\n")
    return found
