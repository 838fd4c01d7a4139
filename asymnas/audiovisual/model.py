"""The model: one network for each input over a shared linear head, and the batches that it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from asymnas.audiovisual.samples import Part
from asymnas.core.seeding import rng_for
from asymnas.nn import Supernet
from asymnas.space import SearchSpace


@dataclass(frozen=True, slots=True)
class DigitBatch:
    """Samples: arrays, or tensors after `to`; `names` are the pictures that they are of.

    By input ("image", "audio"), `inputs` are (b, 1, 32, 32) float32 and `present` (b,) bool, False where it is
    withheld.
    """

    inputs: Mapping[str, Any]
    present: Mapping[str, Any]
    digits: Any
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: Any) -> Self:
        """Return the batch as tensors on a torch device."""
        move = lambda values: {name: torch.as_tensor(value).to(device) for name, value in values.items()}  # noqa: E731
        inputs, present = move(self.inputs), move(self.present)
        return replace(self, inputs=inputs, present=present, digits=torch.as_tensor(self.digits).to(device))


class DigitBatches:
    """Training pictures, each with a random voice that says its digit, a function of seed, purpose and step.

    `withheld` is the share of the samples without picture, and of those without sound.
    """

    def __init__(self, part: Part, batch_size: int, withheld: float, seed: int, purpose: str) -> None:
        self.part, self.batch_size, self.withheld = part, batch_size, withheld
        self.seed, self.purpose = seed, purpose

    def batch(self, step: int, shard: int = 0, shards: int = 1) -> DigitBatch:
        """Return shard `shard` of `shards` of a step."""
        rng, part = rng_for(self.seed, "digits", self.purpose, step), self.part
        pictures = rng.integers(len(part.digits), size=self.batch_size)
        sounds, lack = part.voiced(part.digits[pictures], rng), rng.random(self.batch_size)
        mine = slice(shard * self.batch_size // shards, (shard + 1) * self.batch_size // shards)
        pictures, sounds, lack = pictures[mine], sounds[mine], lack[mine]
        present = {"image": lack >= self.withheld, "audio": lack < 1 - self.withheld}
        return digit_batch(part, pictures, sounds, present)


def digit_batch(part: Part, pictures: np.ndarray, sounds: np.ndarray, present: Mapping[str, np.ndarray]) -> DigitBatch:
    """Return the samples of a part with these pictures and sounds, by index (b,)."""
    inputs = {"image": part.pictures[pictures], "audio": part.sounds[sounds]}
    return DigitBatch(inputs, present, part.digits[pictures], tuple(part.names[i] for i in pictures))


class DigitModel(nn.Module):
    """The supernet of a space with branches `image`, `audio` or both, and a linear head on their pooled features."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        super().__init__()
        self.space = space
        self.supernet = Supernet(space, affine=True, seed=seed)
        self.head = nn.Linear(sum(branch.stages[-1].channels for branch in space.branches), 10)
        generator = torch.Generator().manual_seed(int(rng_for(seed, "head").integers(2**62)))
        nn.init.normal_(self.head.weight, std=0.1, generator=generator)
        nn.init.zeros_(self.head.bias)

    def forward(self, batch: DigitBatch, path: Mapping[str, str]) -> Tensor:
        """Return the logits, (b, 10); the features of a withheld input are zeros, in mixers and in the head."""
        names = [branch.name for branch in self.space.branches]
        inputs = {name: batch.inputs[name] for name in names}  # (b, 1, 32, 32) each
        present = {name: batch.present[name] for name in names}  # (b,) each
        outputs = self.supernet(inputs, path, present=present)
        pooled = [outputs[name].features[-1].mean((2, 3)) * present[name][:, None] for name in names]  # (b, c) each
        return self.head(torch.cat(pooled, 1))

    def loss(self, batch: DigitBatch, path: Mapping[str, str]) -> dict[str, Tensor]:
        """Return the cross-entropy."""
        return {"total": nn.functional.cross_entropy(self(batch, path), batch.digits)}

    def active_parameters(self, path: Mapping[str, str]) -> list[str]:
        """Return the names of the parameters that a path uses."""
        return [*(f"supernet.{name}" for name in self.supernet.active_parameters(path)), "head.weight", "head.bias"]
