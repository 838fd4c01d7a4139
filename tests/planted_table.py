"""A made-up table of the truth over the space of the shipped one: main effects, interactions, seed noise as asked."""

from __future__ import annotations

import numpy as np

from asymnas.space import load_space
from asymnas.study.bench.table import TableHeader, TruthTable, fingerprinted


def planted_table(
    *, main=0.04, interactions=0.0, seed_noise=0.01, items=120, seeds=3, shift=None, seed=0, space="audiovisual_table"
) -> TruthTable:
    """Return a table whose worth is a sum of random effects of ops; `shift` adds to image and audio ops by name."""
    rng, space = np.random.default_rng(seed), load_space(space)
    architectures = list(space.enumerate())
    number = [{op: n for n, op in enumerate(gene.ops)} for gene in space.free_genes]
    genes = np.array([[of[op] for of, op in zip(number, a.free_ops, strict=True)] for a in architectures])
    worth = np.full(len(genes), 0.65)
    for column, gene in enumerate(space.free_genes):
        effects = rng.normal(size=len(gene.ops)) * main
        if shift:
            effects = np.array([shift[gene.id.split(".")[0]].get(op, 0.0) for op in gene.ops])
        worth += (effects - effects.mean())[genes[:, column]]
    worth += rng.normal(size=len(genes)) * interactions
    chance = (worth[:, None] + rng.normal(size=(len(genes), seeds)) * seed_noise).clip(0.02, 0.98)
    arrays, values = {}, []
    for split in ("validation", "test"):
        codes = rng.random((*chance.shape, items)) < chance[:, :, None]
        arrays[f"items.{split}"], arrays[f"levels.{split}"] = codes.astype(np.uint8), np.array([0.0, 1.0])
        values.append(codes.mean(2))
    arrays["values"] = np.stack(values, 2)[..., None].astype(np.float32)
    arrays["curve"] = np.ones((*chance.shape, 2), np.float32)
    costs = [space.cost(a).branches.values() for a in architectures]
    arrays["cost"] = np.array([[(branch.macs, branch.params) for branch in row] for row in costs])
    names = [f"item{n}" for n in range(items)]
    header = TableHeader(
        name="planted", job={}, space=space.to_dict(), space_hash=space.hash, seeds=seeds,
        splits={"validation": "a", "test": "b"}, items={"validation": names, "test": names}, conditions=["both"],
        reward="accuracy", measures=[], curve_steps=[1, 2], versions={}, seconds=1.0,
    )  # fmt: skip
    return fingerprinted(header, arrays)
