"""Planted worths of architectures, and tables of noisy values of them."""

from __future__ import annotations

import itertools

import numpy as np

from asymnas.core.seeding import rng_for
from asymnas.search.estimator import Estimator


class Planted:
    """A worth of main effects, interactions and a residual; about 1 unit between architectures."""

    def __init__(self, space, seed, main=0.7, pairs=0.15, residual=0.15):
        rng = rng_for(seed, "planted")
        self.rng, self.seed, self.residual = rng, seed, residual
        genes = space.free_genes
        self.main = {gene.id: self.centred(gene, np.sqrt(main / len(genes))) for gene in genes}
        couples = list(itertools.combinations(genes, 2))[::4]
        scale = np.sqrt(pairs / len(couples))
        self.pairs = {
            (a.id, b.id): (self.centred(a), self.centred(b), scale * rng.standard_normal()) for a, b in couples
        }

    def centred(self, gene, scale=1.0):
        values = self.rng.standard_normal(len(gene.ops))
        return dict(zip(gene.ops, scale * (values - values.mean()), strict=True))

    def __call__(self, architecture):
        free = architecture.free
        main = sum(self.main[name][op] for name, op in free.items())
        pairs = sum(one[free[a]] * two[free[b]] * scale for (a, b), (one, two, scale) in self.pairs.items())
        own = rng_for(self.seed, "own", architecture.key).standard_normal()
        return main + pairs + np.sqrt(self.residual) * own


def distinct(space, seed, count):
    rng, found = rng_for(seed, "architectures"), {}
    while len(found) < count:
        item = space.sample(rng)
        found[item.key] = item
    return list(found.values())


def values(worths, items, noise, rng, spread=2.0):
    """Return (architectures, items) values whose items have effects of mean 0."""
    effects = rng.standard_normal(items) * spread
    return np.asarray(worths)[:, None] + effects - effects.mean() + noise * rng.standard_normal((len(worths), items))


def tell(estimator, architectures, table, measure="suc", counts=None):
    for row, (architecture, line) in enumerate(zip(architectures, table, strict=True)):
        count = len(line) if counts is None else counts[row]
        estimator.tell(architecture, measure, {f"v{n}": float(value) for n, value in enumerate(line[:count])})


def fitted(space, architectures, table, **settings):
    estimator = Estimator(space, ["suc"], "suc", **settings)
    tell(estimator, architectures, table)
    estimator.fit()
    return estimator
