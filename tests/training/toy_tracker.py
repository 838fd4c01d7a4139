"""A tracker of a few hundred weights over a space of two genes, with pairs of noise; workers import it by name."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from asymnas.core.errors import DataError
from asymnas.core.seeding import rng_for
from asymnas.space import SearchSpace, load_space
from asymnas.tracking import Language, TrainableTracker, TrainingBatch
from asymnas.tracking.boxes import CropGeometry
from asymnas.tracking.data.pairs.batch import PairBatch
from asymnas.training import TrainingSetup

OPS = {"shuffle_3x3": 3, "shuffle_5x5": 5}


def toy_space(blocks: int = 2, **more) -> SearchSpace:
    stage = {"channels": 8, "stride": 1, "blocks": blocks}
    branch = {
        "input_channels": 3, "input_size": 8, "rate": "frame",
        "stem": {"op": "conv_3x3", "channels": 8, "stride": 1}, "stages": {"stage1": stage},
    }  # fmt: skip
    return load_space({"name": "toy", "ops": list(OPS), "branches": {"search": branch}, **more})


class ToyTracker(TrainableTracker):
    """Stem, one convolution a gene and op, a head; `no_sentence` gets a gradient only where a sentence is missing."""

    language_dim = 2

    def __init__(self, space: SearchSpace, seed: int = 0) -> None:
        super().__init__()
        self.space = space
        self.geometry = CropGeometry()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.genes = nn.ModuleDict()
        for gene in space.genes:
            ops = {op: nn.Conv2d(4, 4, size, padding="same") for op, size in OPS.items()}
            self.genes[gene.id.replace(".", "/")] = nn.ModuleDict(ops)
        self.no_sentence = nn.Parameter(torch.empty(4))
        self.language = nn.Linear(2, 4)
        self.head = nn.Linear(4, 1)
        generator = torch.Generator().manual_seed(int(rng_for(seed, "toy").integers(2**62)))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator)

    def active_parameters(self, path):
        genes = tuple(f"genes.{gene.replace('.', '/')}.{op}." for gene, op in path.items())
        return [name for name, _ in self.named_parameters() if not name.startswith("genes.") or name.startswith(genes)]

    def forward(self, batch: TrainingBatch, path):
        x = F.batch_norm(self.stem(batch.search / 255), None, None, training=True)
        for gene, op in path.items():
            x = x + torch.relu(self.genes[gene.replace(".", "/")][op](x))
        words = self.language(batch.language.embedding)
        if not batch.language.present.all():
            words = torch.where(batch.language.present[:, None], words, self.no_sentence)
        return self.head(F.dropout(x.mean((2, 3)) * words, 0.2)).squeeze(1)

    def loss(self, batch: TrainingBatch, path):
        error = F.mse_loss(self(batch, path), batch.search_box[:, 0])
        decay = self.head.weight.square().mean()
        return {"total": error + 0.1 * decay, "error": error, "decay": decay}

    def start(self, frames, boxes, *, language=None, path=None):
        raise NotImplementedError

    def step(self, sessions, frames):
        raise NotImplementedError


class ToySampler:
    """Noise; row i of a step depends on (seed, step, i) alone.

    `all_sentences`: no pair lacks its sentence. `nan_at`: a box that is NaN in this step. `missing_at`: a frame that is
    missing in this step, in the last shard. `kill_once`: this process dies at step 5, unless the file exists.
    """

    def __init__(self, seed=0, batch_size=12, all_sentences=False, nan_at=None, missing_at=None, kill_once=None):
        self.seed, self.batch_size, self.all_sentences = seed, batch_size, all_sentences
        self.nan_at, self.missing_at, self.kill_once = nan_at, missing_at, kill_once

    def batch(self, step, shard=0, shards=1):
        rows = range(shard * self.batch_size // shards, (shard + 1) * self.batch_size // shards)
        if step == self.missing_at and shard == shards - 1:
            raise DataError(f"frame 7 of step {step} is missing")
        if self.kill_once and step == 5 and shard == shards - 1 and not Path(self.kill_once).exists():
            Path(self.kill_once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        rngs = [rng_for(self.seed, "toy-pair", step, row) for row in rows]
        images = np.stack([rng.integers(0, 256, (3, 8, 8), dtype=np.uint8) for rng in rngs])
        boxes = images.reshape(len(rngs), 3, 64).mean(2)[:, [0, 1, 2, 2]].astype(np.float32) / 255
        if step == self.nan_at:
            boxes[0] = np.nan
        sentences = tuple("words" if self.all_sentences or row % 3 else None for row in rows)
        videos = tuple(f"toy/video{row}" for row in rows)
        return PairBatch(images, images, boxes, boxes, np.ones(len(rngs), bool), sentences, videos)


class ToySentences:
    def embed(self, sentences):
        present = torch.tensor([sentence is not None for sentence in sentences])
        return Language(present[:, None].float().repeat(1, 2), present)


def build(seed=0, blocks=2, **sampler) -> TrainingSetup:
    return TrainingSetup(ToyTracker(toy_space(blocks), seed), ToySampler(seed, **sampler), ToySentences())


def factory(**options):
    return partial(build, **options)
