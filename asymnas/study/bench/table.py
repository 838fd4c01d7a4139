"""A table of the truth: every architecture of a small space, trained alone with several seeds; one compressed file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from asymnas.core.errors import DataError, Problem
from asymnas.core.files import disk_errors, write_whole
from asymnas.core.models import Record
from asymnas.space import Architecture, SearchSpace, load_space

FREE = {"fingerprint", "versions", "seconds"}
"""Keys of the header that the fingerprint does not depend on."""


class TableHeader(Record):
    """What the numbers of a table are.

    Args:
        name: of the job that it was built by.
        job: the job's values that decide the numbers.
        space: the definition of the space; `space_hash` names its content.
        seeds: each architecture was trained with seeds 0 to `seeds` - 1.
        splits: by name the fingerprint of its items, and `items`, their names.
        conditions: what the inputs were given as; items are kept for the first one.
        reward: name of the reward; `measures` are further numbers of the whole.
        curve_steps: the steps at which the loss curves have a point: the mean since the one before.
        versions: of the packages that decide the numbers.
        seconds: of one core that all trainings took, with their measurements.
        fingerprint: 16 hex digits of everything but versions and seconds.
    """

    format: Literal["asymnas-table"] = "asymnas-table"
    version: Literal[1] = 1
    name: str
    job: dict[str, Any]
    space: dict[str, Any]
    space_hash: str
    seeds: int
    splits: dict[str, str]
    items: dict[str, list[str]]
    conditions: list[str]
    reward: str
    measures: list[str]
    curve_steps: list[int]
    versions: dict[str, str]
    seconds: float
    fingerprint: str = ""


@dataclass(frozen=True)
class TruthTable:
    """A table that was built, or read.

    Architectures are in the order of `SearchSpace.enumerate`.

    Args:
        header: what the numbers are.
        arrays: `values` (architectures, seeds, splits, conditions) float32, the reward; `measure.NAME` alike;
            `items.SPLIT` (architectures, seeds, items) uint8, indices into `levels.SPLIT` (levels,) float64, the reward
            of each item under the first condition; `curve` (architectures, seeds, points) float32, losses of training;
            `cost` (architectures, branches, 2) int64, multiply-accumulates and weights.
    """

    header: TableHeader
    arrays: Mapping[str, np.ndarray]

    @cached_property
    def space(self) -> SearchSpace:
        """The space."""
        return load_space(self.header.space)

    @cached_property
    def architectures(self) -> list[Architecture]:
        """All architectures, in the order of the arrays."""
        return list(self.space.enumerate())

    @cached_property
    def _places(self) -> dict[tuple[str, ...], int]:
        return {architecture.ops: place for place, architecture in enumerate(self.architectures)}

    def index(self, architecture: Architecture) -> int:
        """Return the place of an architecture, which may be of a tied or constrained variant of the space.

        Raises:
            ArchitectureMismatch: it is of another space.
        """
        if architecture.space.hash != self.header.space_hash:
            architecture = self.space.architecture(architecture.genes)
        return self._places[architecture.ops]

    def value(self, split: str, condition: str | None = None, measure: str | None = None) -> np.ndarray:
        """Return (architectures, seeds) rewards, or another measure, under a condition; the first one by default."""
        array = self.arrays["values" if measure is None else f"measure.{measure}"]
        place = 0 if condition is None else self.header.conditions.index(condition)
        return array[:, :, list(self.header.splits).index(split), place].astype(np.float64)

    @cached_property
    def truth(self) -> np.ndarray:
        """(architectures,) the true value of each: the mean over its seeds on the test items."""
        return self.value("test").mean(1)

    def items(self, split: str, chosen: np.ndarray | None = None) -> np.ndarray:
        """Return (architectures, seeds, items) rewards of single items under the first condition.

        `chosen` are the places of the items wanted, in their order; all by default.
        """
        codes = self.arrays[f"items.{split}"]
        return self.arrays[f"levels.{split}"][codes if chosen is None else codes[:, :, chosen]]

    def genes(self) -> np.ndarray:
        """Return (architectures, free genes) int, the number of the op that each free gene chose."""
        number = [{op: n for n, op in enumerate(gene.ops)} for gene in self.space.free_genes]
        rows = (architecture.free_ops for architecture in self.architectures)
        return np.array([[of[op] for of, op in zip(number, row, strict=True)] for row in rows])

    def write(self, file: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            DataError: the disk refuses.
        """
        buffer = io.BytesIO()
        header = np.frombuffer(self.header.model_dump_json().encode(), np.uint8)
        np.savez_compressed(buffer, header=header, **self.arrays)  # type: ignore[arg-type]
        with disk_errors(file, DataError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, buffer.getvalue())


def fingerprinted(header: TableHeader, arrays: Mapping[str, np.ndarray]) -> TruthTable:
    """Return a table whose header has the fingerprint of its content."""
    return TruthTable(header.model_copy(update={"fingerprint": _fingerprint(header, arrays)}), dict(arrays))


def shipped_table() -> Path:
    """Return the file of the table that comes with AsymNAS: all 1,024 architectures of `audiovisual_table`."""
    return Path(str(resources.files("asymnas_jobs").joinpath("bench_audiovisual.npz")))


def read_table(file: Path | str | None = None) -> TruthTable:
    """Read a table, by default the one that comes with AsymNAS, and check it.

    Raises:
        DataError: the file is not there, is no table, or is corrupt.
    """
    file = Path(file or shipped_table())
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = TableHeader.model_validate_json(arrays.pop("header").tobytes())
    except FileNotFoundError:
        way_out = "Build one with `asymnas bench build`."
        raise DataError(Problem(str(file), "the table does not exist", "", way_out)) from None
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, ValidationError):
            found = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:3])
        else:
            known = "header" in str(error) or isinstance(error, OSError)
            found = str(error).splitlines()[0] if known else "no whole NumPy archive"
        way_out = "Fetch it again, or build it with `asymnas bench build`."
        raise DataError(Problem(str(file), "must be a table of `asymnas bench build`", found, way_out)) from None
    table = TruthTable(header, arrays)
    if (got := _fingerprint(header, arrays)) != header.fingerprint:
        rule = f"its content must have the fingerprint {header.fingerprint} of its header"
        raise DataError(Problem(str(file), rule, got, "It was changed or damaged: fetch or build it again."))
    if table.space.hash != header.space_hash:
        rule = f"its space must be {header.space_hash}: this version reads the definition otherwise"
        raise DataError(Problem(str(file), rule, table.space.hash, "Build the table again."))
    return table


def _fingerprint(header: TableHeader, arrays: Mapping[str, np.ndarray]) -> str:
    content = hashlib.sha256(json.dumps(header.model_dump(exclude=FREE), sort_keys=True).encode())
    for name in sorted(arrays):
        content.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}".encode())
        content.update(np.ascontiguousarray(arrays[name]).tobytes())
    return content.hexdigest()[:16]
