"""A small space for the network tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from asymnas.space import SearchSpace, load_space

OPS = ["shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception"]


@dataclass(frozen=True)
class Sentences:
    embedding: Tensor
    present: Tensor


@pytest.fixture(scope="session")
def small_space() -> Callable[..., SearchSpace]:
    """`small_space(shared=True, residual=True, **more)`: two branches, two stages, two mixers."""

    def make(*, shared: bool = True, residual: bool = True, **more: object) -> SearchSpace:
        def stage(channels: int, number: int, **extra: object) -> dict[str, object]:
            mixer = {"name": f"mixer{number}"} | ({} if residual else {"residual": False})
            return {"channels": channels, "blocks": 2, "mixer": mixer, **extra}

        def branch(size: int, rate: str) -> dict[str, object]:
            return {
                "input_channels": 3,
                "input_size": size,
                "rate": rate,
                "stem": {"op": "conv_3x3", "channels": 8, "stride": 2},
                "stages": {"stage1": stage(16, 1, stride=2), "stage2": stage(24, 2, form="mapping")},
            }

        content = {
            "name": "small",
            "ops": OPS,
            "branches": {"template": branch(32, "video"), "search": branch(64, "frame")},
            "share_weights": [["template", "search"]] if shared else [],
        }
        return load_space({**content, **more})

    return make


@pytest.fixture(scope="session")
def sentences() -> Callable[..., Sentences]:
    """`sentences([True, False])`: embeddings of 12 numbers for rows that have a sentence."""

    def make(present: list[bool]) -> Sentences:
        drawn = torch.randn(len(present), 12, generator=torch.Generator().manual_seed(5))
        has = torch.tensor(present)
        return Sentences(drawn * has[:, None], has)

    return make


@pytest.fixture(scope="session")
def pictures() -> Callable[..., Tensor]:
    """`pictures(n, size, seed=0)`: (n, 3, size, size) in 0..255."""

    def make(n: int, size: int, seed: int = 0) -> Tensor:
        return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 255

    return make
