"""How alike two architectures are: the covariances of main effects, interactions and residuals over free genes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asymnas.space import Architecture, SearchSpace


class GeneKernels:
    """The covariance of the worth of two architectures, as a sum of fixed kernels, each of variance 1.

    Attributes:
        labels: a group of main effects each (a branch, or the mixers of a branch), then "common", "interactions" and
            "residual", as far as the space has them.
        effects: (main kernels, features, features) covariance of the effects of ops; a feature is an op of a free gene.
        features: (gene id, op) of each feature.
        groups: the group of each feature; `group_names` has each once.
        branches: the branch of each feature (tied genes: of their first place).
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.genes = space.free_genes
        self.features = [(gene.id, op) for gene in self.genes for op in gene.ops]
        place = {gene.id: gene for gene in space.genes}
        places = [place[name] for name, _ in self.features]
        self.branches = [gene.branch for gene in places]
        self.groups = [f"{gene.branch} mixers" if gene.mixer else gene.branch for gene in places]
        self.group_names = names = list(dict.fromkeys(self.groups))
        self._column = {feature: n for n, feature in enumerate(self.features)}
        self._ops = np.array([len(gene.ops) for gene in self.genes for _ in gene.ops], float)
        gene = np.repeat(np.arange(len(self.genes)), [len(item.ops) for item in self.genes])
        self._same_gene = (gene[:, None] == gene).astype(float)
        inside = np.array([[group == name for group in self.groups] for name in names], float)
        inside = inside.reshape(len(names), len(self.features))  # also where no gene is free
        common = self._common(inside)
        self.effects = np.concatenate([self._own(inside), common])
        pairs = ["interactions"] if len(self.genes) > 1 else []
        self.labels = [*names, *["common"] * len(common), *pairs, "residual"]

    @property
    def _centring(self) -> np.ndarray:
        return np.eye(len(self.features)) - self._same_gene / self._ops

    def _own(self, inside: np.ndarray) -> np.ndarray:
        """Return (groups, features, features): effects of each gene on its own, summing to 0 over its ops."""
        genes = (inside / self._ops).sum(1)
        scale = inside * (self._ops / (self._ops - 1)) / genes[:, None]
        return scale[:, :, None] * self._centring

    def _common(self, inside: np.ndarray) -> np.ndarray:
        """Return (1 or 0, features, features): effects that an op has at all genes of a group alike."""
        op = np.array([op for _, op in self.features])
        alike = (op[:, None] == op).astype(float)
        found = []
        for group in inside:
            if round((group / self._ops).sum()) > 1:
                centred = self._centring @ (alike * np.outer(group, group)) @ self._centring.T
                found.append(centred / (group / self._ops * (1 - 1 / self._ops)).sum())
        return np.array(found).mean(0, keepdims=True) if found else np.empty((0, *alike.shape))

    def known(self, architecture: Architecture) -> Architecture:
        """Return the architecture as one of this space; raises ArchitectureMismatch where it does not fit."""
        same = architecture.space is self.space or architecture.space.hash == self.space.hash
        return architecture if same else self.space.architecture(architecture.genes)

    def encode(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Return (n, features): 1 where an architecture has the op."""
        coded = np.zeros((len(architectures), len(self.features)))
        for row, item in enumerate(architectures):
            for gene, op in zip(self.genes, self.known(item).free_ops, strict=True):
                coded[row, self._column[gene.id, op]] = 1
        return coded

    def stack(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return (kernels, n, k): each kernel between (n, features) and (k, features) encoded architectures."""
        return np.concatenate([a @ self.effects @ b.T, self._rest(a, b)])

    def combined(self, a: np.ndarray, b: np.ndarray, variances: np.ndarray) -> np.ndarray:
        """Return (n, k): the sum of the kernels, each times its variance."""
        main = len(self.effects)
        effects = np.tensordot(variances[:main], self.effects, 1)
        return a @ effects @ b.T + np.tensordot(variances[main:], self._rest(a, b), 1)

    def _rest(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        count = len(self.genes)
        residual = (np.rint(a @ b.T) == count).astype(float)
        if count < 2:
            return residual[None]
        low = 1 / (self._ops - 1)  # a gene's kernel is 1 for equal ops and -low for others
        base, square = (low / self._ops).sum(), (low**2 / self._ops).sum()
        sums = (a * (1 + low)) @ b.T - base
        squares = (a * (1 - low**2)) @ b.T + square
        return np.stack([(sums**2 - squares) / (count * (count - 1)), residual])
