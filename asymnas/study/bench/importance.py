"""Where the differences of a full factorial come from: genes, branches, mixers, and what is between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asymnas.core.models import Record


class Importance(Record):
    """Share of the variance between architectures that some genes explain, the noise of seeds taken out.

    Args:
        name: a gene, a branch, the mixers of a branch, or "between them": interactions of different branches or mixers.
        kind: "gene" (its main effect alone) or "part" (all main effects and interactions within it); parts sum to 1.
        share: may be slightly negative where there is nothing.
        best: for a gene, the op with the highest mean; and `gain`, that mean over the mean of all.
    """

    name: str
    kind: str
    share: float
    best: str = ""
    gain: float | None = None


def importance(
    genes: np.ndarray, values: np.ndarray, noise: float, names: Sequence[str], parts: Sequence[str],
    ops: Sequence[Sequence[str]],
) -> list[Importance]:  # fmt: skip
    """Decompose the variance of a full factorial (functional ANOVA), the noise taken out.

    Args:
        genes: (architectures, genes), the number of each op.
        values: (architectures,).
        noise: variance of the error of one value.
        names, parts, ops: of each gene.
    """
    count = len(values)

    def explained(columns: Sequence[int]) -> float:
        _, cell = np.unique(genes[:, list(columns)], axis=0, return_inverse=True)
        cell = cell.reshape(-1)
        means = np.bincount(cell, values) / np.bincount(cell)
        return float(means.var() - (len(means) - 1) / count * noise)

    total = float(values.var() - (count - 1) / count * noise)
    rows = []
    for column, name in enumerate(names):
        means = np.array([values[genes[:, column] == op].mean() for op in range(len(ops[column]))])
        best, gain = ops[column][int(means.argmax())], float(means.max() - values.mean())
        rows.append(Importance(name=name, kind="gene", share=explained([column]) / total, best=best, gain=gain))
    shares = {
        part: explained([n for n, other in enumerate(parts) if other == part]) / total for part in dict.fromkeys(parts)
    }
    rows += [Importance(name=part, kind="part", share=share) for part, share in shares.items()]
    rows.append(Importance(name="between them", kind="part", share=1 - sum(shares.values())))
    return rows
