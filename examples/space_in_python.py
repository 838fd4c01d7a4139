"""Describe a search space in Python: an image and a sound, each with blocks of its own, and what a network costs.

python examples/space_in_python.py
"""

from __future__ import annotations

import numpy as np

from asymnas.space import Branch, Mixer, SearchSpace, Stage, draw

OPS = ("shuffle_3x3", "shuffle_5x5", "skip")


def branch(name: str, other: str, size: int) -> Branch:
    """Two stages; after the first one, the other branch scales and shifts the features."""
    mixer = Mixer(name="mixer1", kind="film", reads=other, ops={"mixed": OPS})
    first = Stage(name="stage1", channels=16, stride=2, blocks=2, ops=OPS, mixer=mixer)
    second = Stage(name="stage2", channels=32, stride=2, blocks=2, ops=OPS)
    return Branch(name=name, input_channels=1, input_size=size, stages=(first, second))


def main() -> None:
    space = SearchSpace(name="seen_and_heard", branches=(branch("image", "audio", 32), branch("audio", "image", 64)))
    architecture = space.sample(np.random.default_rng(0))
    print(f"{space.size} architectures, {len(space.free_genes)} genes")
    print(draw(architecture))
    for name, cost in space.cost(architecture).branches.items():
        print(f"{name}: {cost.macs / 1e6:.2f} M multiply-accumulates, {cost.params} weights")


if __name__ == "__main__":
    main()
