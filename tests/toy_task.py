"""A task of two small inputs: a model of a few hundred weights, batches of noise, quick measurements.

Workers import this module by name.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from asymnas.core.errors import DataError
from asymnas.core.seeding import rng_for
from asymnas.nn import RecalibratedBatchNorm
from asymnas.search import CandidateWorker
from asymnas.space import SearchSpace, load_space
from asymnas.task import TASKS, Measurement, Reward, Split, Task, TaskPlugin
from asymnas.training import TrainingSetup

OPS = {"shuffle_3x3": 3, "shuffle_5x5": 5}


def toy_space(blocks: int = 2, branches: tuple[str, ...] = ("left",), **more) -> SearchSpace:
    branch = {
        "input_channels": 3, "input_size": 8, "rate": "frame",
        "stem": {"op": "conv_3x3", "channels": 8, "stride": 1},
        "stages": {"stage1": {"channels": 8, "stride": 1, "blocks": blocks}},
    }  # fmt: skip
    return load_space({"name": "toy", "ops": list(OPS), "branches": dict.fromkeys(branches, branch), **more})


@dataclass(frozen=True)
class ToyBatch:
    """Images by branch (n, 3, 8, 8), whether each sample has a word, and what the model is to say (n,)."""

    images: Mapping[str, Any]
    words: Any
    target: Any
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device) -> ToyBatch:
        def tensor(value):
            return torch.as_tensor(value).to(device)

        images = {name: tensor(value).float() for name, value in self.images.items()}
        return replace(self, images=images, words=tensor(self.words), target=tensor(self.target))


class ToyModel(nn.Module):
    """Stem, one convolution a gene and op, a head; `no_word` gets a gradient only where a word is missing."""

    def __init__(self, space: SearchSpace, seed: int = 0) -> None:
        super().__init__()
        self.space = space
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = RecalibratedBatchNorm(4)
        self.genes = nn.ModuleDict()
        for gene in space.genes:
            ops = {op: nn.Conv2d(4, 4, size, padding="same") for op, size in OPS.items()}
            self.genes[gene.id.replace(".", "/")] = nn.ModuleDict(ops)
        self.no_word = nn.Parameter(torch.empty(4))
        self.word = nn.Parameter(torch.empty(4))
        self.head = nn.Linear(4, 1)
        generator = torch.Generator().manual_seed(int(rng_for(seed, "toy").integers(2**62)))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator)

    def active_parameters(self, path):
        genes = tuple(f"genes.{gene.replace('.', '/')}.{op}." for gene, op in path.items())
        return [name for name, _ in self.named_parameters() if not name.startswith("genes.") or name.startswith(genes)]

    def forward(self, batch: ToyBatch, path):
        x = {name: self.norm(self.stem(images / 255)) for name, images in batch.images.items()}
        for gene, op in path.items():
            branch = gene.partition(".")[0]
            x[branch] = x[branch] + torch.relu(self.genes[gene.replace(".", "/")][op](x[branch]))
        words = self.word.expand(len(batch), 4)
        if not batch.words.all():
            words = torch.where(batch.words[:, None], words, self.no_word)
        mean = torch.stack([value.mean((2, 3)) for value in x.values()]).mean(0)
        return self.head(F.dropout(mean * words, 0.2, self.training)).squeeze(1)

    def loss(self, batch: ToyBatch, path):
        error = F.mse_loss(self(batch, path), batch.target)
        decay = self.head.weight.square().mean()
        return {"total": error + 0.1 * decay, "error": error, "decay": decay}


class ToyBatches:
    """Noise; row i of a step depends on (seed, step, i) alone.

    `all_words`: no sample lacks its word. `nan_at`: a target that is NaN in this step. `missing_at`: a file that is
    missing in this step, in the last shard. `kill_once`: this process dies at step 5, unless the file exists.
    """

    def __init__(self, seed=0, batch_size=12, branches=("left",), all_words=False, **trouble):
        self.seed, self.batch_size, self.branches, self.all_words = seed, batch_size, branches, all_words
        self.nan_at, self.missing_at, self.kill_once = map(trouble.get, ("nan_at", "missing_at", "kill_once"))

    def batch(self, step, shard=0, shards=1):
        rows = range(shard * self.batch_size // shards, (shard + 1) * self.batch_size // shards)
        if step == self.missing_at and shard == shards - 1:
            raise DataError(f"file 7 of step {step} is missing")
        if self.kill_once and step == 5 and shard == shards - 1 and not Path(self.kill_once).exists():
            Path(self.kill_once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        batch = toy_batch([f"toy/item{row}" for row in rows], self.branches, self.seed, step)
        words = np.array([self.all_words or row % 3 > 0 for row in rows])
        if step == self.nan_at:
            batch.target[0] = np.nan
        return replace(batch, words=words)


def toy_batch(names, branches, *purpose) -> ToyBatch:
    """Draw a batch; a sample depends on its name and the purpose alone."""
    images = {
        branch: np.stack([rng_for(0, branch, name, *purpose).integers(0, 256, (3, 8, 8), np.uint8) for name in names])
        for branch in branches
    }
    target = np.mean([value.mean((1, 2, 3)) for value in images.values()], 0).astype(np.float32) / 255
    return ToyBatch(images, np.ones(len(names), bool), target, tuple(names))


def build(seed=0, blocks=2, **batches) -> TrainingSetup:
    return TrainingSetup(ToyModel(toy_space(blocks), seed), ToyBatches(seed, **batches))


def factory(**options):
    return partial(build, **options)


@dataclass(frozen=True)
class Recalibration:
    batches: int = 2
    batch_size: int = 6

    def model_dump(self):
        return {"batches": self.batches, "batch_size": self.batch_size}


@dataclass(frozen=True)
class Evaluation:
    reward: str | None = None
    recalibration: Recalibration = Recalibration()


@dataclass(frozen=True)
class ToyJob:
    task: str = "toy"
    seed: int = 0
    evaluation: Evaluation = field(default_factory=Evaluation)


BRANCHES = ("left", "right")


class ToyTask(Task):
    """Guess the mean of two images, of which the right one can be withheld."""

    conditions = ("both", "left")
    scored = ("both", "left")
    baselines = ("half",)

    def __init__(self, job: ToyJob) -> None:
        self.job, self.space = job, toy_space(2, BRANCHES)
        self.rewards = {
            "near": Reward("near", "nearness"),
            "best": Reward("best", "best", lambda row, items: row.max()),
        }

    def load(self) -> None:
        assert self.splits

    @cached_property
    def splits(self):
        sizes = {"validation": 3, "test": 5}
        return {name: Split(tuple(f"{name}/{i}" for i in range(size)), name, "images") for name, size in sizes.items()}

    def fingerprint(self):
        return {"head": 4}

    def model(self):
        return ToyModel(self.space, self.job.seed)

    def batches(self, purpose):
        size = self.job.evaluation.recalibration.batch_size if purpose == "recalibration" else 12
        return ToyBatches(int(rng_for(self.job.seed, purpose).integers(2**31)), size, BRANCHES)

    def measure(self, model, path, split, *, reward, condition, items, keep=False):
        batch = toy_batch(items, BRANCHES).to(next(model.parameters()).device)
        shown = batch
        if condition == "left":
            shown = replace(batch, images=batch.images | {"right": torch.zeros_like(batch.images["right"])})
        return self._measured(batch, model(shown, path), keep)

    def measure_baseline(self, name, split, *, reward, keep=False):
        batch = toy_batch(self.splits[split].items, BRANCHES).to("cpu")
        return self._measured(batch, torch.full((len(batch),), 0.5), keep)

    def _measured(self, batch, guess, keep):
        error = (guess - batch.target).abs()
        values = (1 / (1 + error)).tolist()
        return Measurement(
            values=dict(zip(batch.names, values, strict=True)),
            measures={"error": float(error.mean())},
            facts={"images": len(batch)},
            kept=guess.tolist() if keep else None,
        )


class ToyPlugin(TaskPlugin):
    name = "toy"
    summary = "the mean of two images"

    def schema(self):
        return ToyJob

    def open(self, job):
        return ToyTask(job)


TASKS.register("toy", ToyPlugin(), replace=True)


def open_toy(**values) -> ToyTask:
    return ToyTask(ToyJob(**values))


def toy_candidates() -> CandidateWorker:
    task = open_toy()
    source = task.batches("recalibration")
    return CandidateWorker(task, task.model(), [source.batch(step) for step in range(2)])
