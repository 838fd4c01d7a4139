"""Checkpoints: weights, optimiser state and step, written whole or not at all, the last two kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from asymnas.core.errors import Problem, WeightsError
from asymnas.nn import load_weights, save_weights
from asymnas.training.optimizer import PathOptimizer

FORMAT = "asymnas-training-checkpoint"
VERSION = 1
_KEEP = 2
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint holds beside the tensors."""

    step: int
    """Steps done."""
    identity: dict[str, Any]
    """`TrainingConfig.identity()`."""
    space: str
    """Hash of the search space."""
    progress: dict[str, Any]
    """Counters that the loop continues with."""


def latest_checkpoint(folder: Path) -> Path | None:
    """The folder of the last whole checkpoint in a training folder, or None."""
    found = sorted(folder.glob("step_*"))
    return found[-1] if found else None


def save_checkpoint(
    folder: Path, checkpoint: Checkpoint, model: nn.Module, optimizer: PathOptimizer, metadata: dict[str, str]
) -> Path:
    """Write a checkpoint and drop all but the last two; it appears under its name only when it is whole."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    final = folder / f"step_{checkpoint.step:08d}"
    partial = folder / f".{final.name}.{os.getpid()}"
    try:
        for stale in folder.glob(".step_*"):
            shutil.rmtree(stale)
        partial.mkdir(parents=True)
        save_weights(partial / _WEIGHTS, model, metadata | {"step": str(checkpoint.step)})
        save_file(optimizer.state_dict(), str(partial / _OPTIMIZER))
        state = {
            "format": FORMAT, "version": VERSION, **asdict(checkpoint),
            "sha256": {name: _sha256(partial / name) for name in (_WEIGHTS, _OPTIMIZER)},
        }  # fmt: skip
        with (partial / _STATE).open("w", encoding="utf-8") as file:
            json.dump(state, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        os.replace(partial, final)
        for old in sorted(folder.glob("step_*"))[:-_KEEP]:
            shutil.rmtree(old)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        way = "Free some space, then resume: training continues from the checkpoint before."
        raise WeightsError(Problem(str(final), "the checkpoint must be written", reason, way)) from error
    return final


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: PathOptimizer, *, identity: dict[str, Any], space: str
) -> Checkpoint:
    """Load a checkpoint into model and optimiser; a WeightsError where it is corrupt, or of other settings or space."""
    from safetensors.torch import load_file

    state = _read_state(folder)
    _check_same(folder, state, identity, space)
    for name, expected in state["sha256"].items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            raise _corrupt(folder, f"{name} is missing or its checksum differs")
    load_weights(folder / _WEIGHTS, model, strict=True)
    optimizer.load_state_dict(load_file(str(folder / _OPTIMIZER)))
    return Checkpoint(state["step"], state["identity"], state["space"], state["progress"])


def _read_state(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _corrupt(folder, f"{_STATE}: {error}") from error
    if not isinstance(state, dict) or (state.get("format"), state.get("version")) != (FORMAT, VERSION):
        raise _corrupt(folder, f"{_STATE} is not one of a training checkpoint of version {VERSION}")
    return state


def _check_same(folder: Path, state: dict[str, Any], identity: dict[str, Any], space: str) -> None:
    way = "Resume with the settings the run was started with, or start anew in another folder."
    problems = [
        Problem(f"{folder}: {key}", f"the checkpoint was written with {state['identity'].get(key)!r}", repr(value), way)
        for key, value in identity.items()
        if state["identity"].get(key) != value
    ]
    if state["space"] != space:
        rule = f"the checkpoint is of the space {state['space'][:12]}"
        problems.insert(0, Problem(f"{folder}: space", rule, space[:12], way))
    if problems:
        raise WeightsError(problems)


def _corrupt(folder: Path, reason: str) -> WeightsError:
    way = f"Remove the folder {folder.name} to continue from the checkpoint before it, if there is one."
    return WeightsError(Problem(str(folder), "the checkpoint must be whole", reason, way))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
