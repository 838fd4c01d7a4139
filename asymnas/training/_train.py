"""Training a supernet, or one architecture: the front door of the room."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from asymnas.core.errors import JobError, Problem, RunFolderError, nearest
from asymnas.core.files import disk_errors
from asymnas.nn import weights_hash
from asymnas.space import Architecture
from asymnas.training._checkpoint import latest_checkpoint
from asymnas.training._inprocess import run_inprocess
from asymnas.training._journal import Journal, read_records
from asymnas.training._progress import ProgressSink, TrainingProgress, losses_of
from asymnas.training._ray import run_ray
from asymnas.training.config import TrainingConfig, TrainingSetup

log = logging.getLogger("asymnas.training")

Engine = Literal["ray", "inprocess"]


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training left.

    Args:
        weights: file of the final weights; `weights_hash` is that of `asymnas.nn`.
        steps: optimiser steps done in all.
        losses: mean losses over the last steps that were logged, "total" and its parts.
        seconds: time spent in training steps, those before an interruption included.
    """

    weights: Path
    weights_hash: str
    steps: int
    losses: dict[str, float]
    seconds: float


def train_supernet(
    factory: Callable[[], TrainingSetup],
    config: TrainingConfig,
    folder: str | Path,
    *,
    engine: Engine = "ray",
    resume: bool = False,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    weights: str = "supernet.safetensors",
    address: str | None = None,
    cpus: int | None = None,
) -> TrainingResult:
    """Train by path sampling and write the final weights into the run folder.

    Both engines, and any number of Ray workers, give bit-equal weights for equal `shards` and `threads`.

    Args:
        factory: builds model and batches; for Ray picklable, as a `functools.partial` of a module's function.
        config: settings.
        folder: run folder; gets training.jsonl, training/step_*/ (checkpoints), tensorboard/ and the weights. For Ray
            on several machines, a folder that all of them share.
        engine: "ray" (Ray Train, `config.workers` processes) or "inprocess".
        resume: continue from the last checkpoint in the folder; from step 0 if there is none.
        on_progress: called in this process for each line of training.jsonl.
        weights: file name of the final weights.
        address: of a Ray cluster; None: Ray on this machine. Unused if Ray was initialised before.
        cpus: logical CPUs that Ray on this machine offers at least.

    Raises:
        RunFolderError: the folder holds checkpoints and `resume` is False, or cannot be written.
        WeightsError: the checkpoint is corrupt or of other settings; or the disk is full.
        ModelError: the model breaks the contract or its loss is not finite.
        KeyboardInterrupt: on Ctrl-C; a checkpoint is left.
    """
    if engine not in ("ray", "inprocess"):
        way_out = nearest(engine, ("ray", "inprocess"))
        raise JobError(Problem("engine", "must be ray or inprocess", repr(engine), way_out))
    folder = Path(folder).absolute()
    first_step = _prepare(folder, resume)
    sink = ProgressSink(folder / "tensorboard", first_step, on_progress)
    common: dict[str, Any] = {"weights": weights, "on_record": sink.record}
    try:
        if engine == "inprocess" or first_step == config.steps:  # nothing left to train: not worth starting Ray
            run_inprocess(factory, config, folder, resume=resume, **common)
        else:
            run_ray(factory, config, folder, address=address, cpus=cpus, first_step=first_step, **common)
    finally:
        sink.close()
    file, last = folder / weights, _last_record(folder, config.steps)
    return TrainingResult(file, weights_hash(file), config.steps, losses_of(last), last["seconds"])


def _last_record(folder: Path, steps: int) -> dict[str, Any]:
    """The line of the last step; a crash of the machine may lose it and keep the checkpoint of that step."""
    records = read_records(folder / "training.jsonl")
    if records and records[-1]["step"] == steps:
        return records[-1]
    rule = f"must hold the line of the last step, {steps}, with the final losses"
    found = f"step {records[-1]['step']} as the last one" if records else "no lines"
    way = f"Delete the folder training/step_{steps:08d} and resume: training goes on from the checkpoint before it."
    raise RunFolderError(Problem(str(folder / "training.jsonl"), rule, found, way))


def train_subnet(
    factory: Callable[[], TrainingSetup],
    architecture: Architecture,
    config: TrainingConfig,
    folder: str | Path,
    *,
    weights: str = "subnet.safetensors",
    **options: Any,
) -> TrainingResult:
    """Train one architecture alone, as retraining does; the rest as `train_supernet`.

    Raises:
        ArchitectureMismatch: the architecture is of another space than the model.
    """
    config = config.model_copy(update={"architecture": architecture})
    return train_supernet(factory, config, folder, weights=weights, **options)


def _prepare(folder: Path, resume: bool) -> int:
    """Make the folder fit to start in and return the step that training continues from."""
    with disk_errors(folder):
        (folder / "training").mkdir(parents=True, exist_ok=True)
    found = latest_checkpoint(folder / "training")
    if found is not None and not resume:
        way = "Resume the run, or choose another folder."
        raise RunFolderError(Problem(str(folder), "must hold no checkpoints of an earlier training", found.name, way))
    step = 0 if found is None else int(found.name.removeprefix("step_"))
    Journal(folder / "training.jsonl", step)  # lines beyond the checkpoint go, before anyone reads them as news
    return step
