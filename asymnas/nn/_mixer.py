"""ModaMixer: language and vision multiplied channel by channel, each path through a choice block of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from asymnas.core.errors import ArchitectureMismatch, Problem, nearest
from asymnas.nn._norm import RecalibratedBatchNorm
from asymnas.nn._roi import roi_align

__all__ = ["Choice", "LanguageLike", "ModaMixer", "Project", "TemplateEmbedding", "TokenSource"]


class LanguageLike(Protocol):
    """Sentence embeddings (n, language_dim) and which of the n rows have a sentence (n,) bool."""

    @property
    def embedding(self) -> Tensor: ...

    @property
    def present(self) -> Tensor: ...


class Choice(nn.ModuleDict):
    """The ops of a choice block by token; the op to run is an argument."""

    def forward(self, x: Tensor, op: str, branch: str, gene: str) -> Tensor:
        """Run op `op` on `x`; `branch` chooses the normalisation statistics, `gene` names the block in errors."""
        try:
            unit = self._modules[op]
        except KeyError:
            raise ArchitectureMismatch(
                Problem(gene, "the op of the path is not in this supernet", f"'{op}'", nearest(op, self.keys()))
            ) from None
        return unit(x, branch)  # type: ignore[misc]


class Project(nn.Module):
    """Language to channels: a linear map without bias, then (as the public code has it) affine batch normalisation.

    Args:
        language_dim: size of a sentence embedding.
        channels: channels of the feature it multiplies.
        branches: branches that run through it, for the statistics.
        norm: False leaves the normalisation out (the paper's plain linear map).
    """

    def __init__(self, language_dim: int, channels: int, branches: tuple[str, ...], *, norm: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(language_dim, channels, bias=False)
        self.norm = RecalibratedBatchNorm(channels, branches, affine=True) if norm else None

    def forward(self, embedding: Tensor, branch: str) -> Tensor:
        """Map (n, language_dim) to (n, channels)."""
        token = self.linear(embedding.to(self.linear.weight.dtype))
        return token if self.norm is None else self.norm(token, branch)


class TemplateEmbedding(nn.Module):
    """What stands in for a sentence: the target in the feature, pooled 3 x 3 and reduced to one value a channel.

    Args:
        channels: channels of the feature.
        branches: branches that run through it, for the statistics.
        scale: feature cells per input pixel.
    """

    def __init__(self, channels: int, branches: tuple[str, ...], *, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.conv = nn.Conv2d(channels, channels, 3)
        self.norm = RecalibratedBatchNorm(channels, branches, affine=True)

    def forward(self, feature: Tensor, boxes: Tensor, branch: str) -> Tensor:
        """Map (n, channels, h, w) and boxes (n, 4) in input pixels to (n, channels)."""
        pooled = roi_align(feature, boxes, self.scale)
        return F.leaky_relu(self.norm(self.conv(pooled), branch), 0.1).flatten(1)


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Where the tokens of one forward come from.

    Args:
        embedding: (b, language_dim), or None where no row has a sentence.
        present: indices of the rows with a sentence; None for all of them (where `embedding` is given).
        missing: indices of the rows without; None for none (or all, where `embedding` is None).
        given: tokens (b, channels) one per mixer for the rows without a sentence, or None.
        boxes: (b, 4) target boxes for template embeddings, or None.
    """

    embedding: Tensor | None
    present: Tensor | None
    missing: Tensor | None
    given: tuple[Tensor, ...] | None
    boxes: Tensor | None

    @staticmethod
    def of(language: LanguageLike | None, given: tuple[Tensor, ...] | None, boxes: Tensor | None) -> TokenSource:
        """Sort the rows into those with and those without a sentence."""
        if language is None:
            return TokenSource(None, None, None, given, boxes)
        present = language.present
        count = int(present.sum())
        if count == len(present):
            return TokenSource(language.embedding, None, None, None, None)
        if count == 0:
            return TokenSource(None, None, None, given, boxes)
        rows = (present.nonzero()[:, 0], (~present).nonzero()[:, 0])
        return TokenSource(language.embedding, *rows, given, boxes)


class ModaMixer(nn.Module):
    """Eq. 1 of the paper: `mixed(project(language) * v) + visual(v)`, both blocks being choice blocks.

    A row without a sentence gets a zero token (its mixed block then sees zeros and gives what the block makes of them),
    a token handed in, or a template embedding. Rows without a sentence do not enter the projection's statistics, and
    rows with one do not enter those of the template embedding.

    Args:
        mixed: ops of the block after language x vision.
        visual: ops of the block of the vision path; None without a residual (paper, Table 5c).
        project: language to channels.
        embed: pools the target where a sentence is missing; None for zero tokens.
    """

    def __init__(
        self, mixed: Choice, visual: Choice | None, project: Project, embed: TemplateEmbedding | None, *, zero: bool
    ) -> None:
        super().__init__()
        self.mixed, self.visual, self.project, self.template_embedding = mixed, visual, project, embed
        self.zero = zero

    def token(self, x: Tensor, source: TokenSource, index: int, branch: str) -> Tensor:
        """Return the tokens (b, channels) of features `x` (b, channels, h, w); `index` counts the branch's mixers."""
        if source.embedding is not None and source.present is None:
            return self.project(source.embedding, branch).to(x.dtype)
        absent = self._absent(x, source, index, branch)
        if source.embedding is None or source.present is None:
            return absent
        told = self.project(source.embedding[source.present], branch).to(x.dtype)
        return absent.index_copy(0, source.present, told)

    def _absent(self, x: Tensor, source: TokenSource, index: int, branch: str) -> Tensor:
        """Return (b, channels) tokens in which the rows without a sentence are right."""
        if source.given is not None:
            return source.given[index].to(x.dtype)
        if self.zero:
            return x.new_zeros(x.shape[:2])
        if self.template_embedding is None or source.boxes is None:
            raise ValueError(
                f"branch '{branch}': a row has no sentence; hand in the target boxes, in a branch of rate 'video', "
                "or the tokens of the branch that had them"
            )
        if source.missing is None:
            return self.template_embedding(x, source.boxes, branch)
        pooled = self.template_embedding(x[source.missing], source.boxes[source.missing], branch)
        return x.new_zeros(x.shape[:2]).index_copy(0, source.missing, pooled)

    def forward(self, x: Tensor, token: Tensor, ops: tuple[str, str | None], branch: str, name: str) -> Tensor:
        """Mix (b, channels, h, w) with (b, channels); `ops` are the ops of the mixed and the visual block."""
        out = self.mixed(x * token[:, :, None, None], ops[0], branch, f"{name}.mixed")
        if self.visual is None or ops[1] is None:
            return out
        return out + self.visual(x, ops[1], branch, f"{name}.visual")
