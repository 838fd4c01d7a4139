"""TransT's feature fusion: layers of self-attention in each branch and cross-attention between them."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Attention", "CrossAttention", "FusionNetwork", "SelfAttention"]


class Attention(nn.Module):
    """Multi-head attention of (b, n, channels) queries over (b, m, channels) keys and values.

    `projected`: queries, keys and values go through learned projections, and weights are dropped in training (TransT);
    else the features themselves are split into heads (public VLT_TT code).
    """

    def __init__(self, channels: int, heads: int, dropout: float, *, projected: bool) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout if projected else 0.0
        names = ("query", "key", "value") if projected else ()
        self.projections = nn.ModuleDict({name: nn.Linear(channels, channels) for name in names})
        self.out = nn.Linear(channels, channels, bias=projected)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return (b, n, channels)."""
        parts = {"query": query, "key": key, "value": value}
        parts |= {name: layer(parts[name]) for name, layer in self.projections.items()}
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts.values())
        read = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        return self.out(read.transpose(1, 2).flatten(2))


class SelfAttention(nn.Module):
    """Tokens read their own branch (TransT's ego-context augment)."""

    def __init__(self, channels: int, heads: int, dropout: float, *, projected: bool) -> None:
        super().__init__()
        self.attention = Attention(channels, heads, dropout, projected=projected)
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, position: Tensor) -> Tensor:
        """Return (b, n, channels) of tokens and their positions (n, channels), which queries and keys alone see."""
        placed = x + position
        return self.norm(x + self.dropout(self.attention(placed, placed, x)))


class CrossAttention(nn.Module):
    """Tokens read the other branch, then a feed-forward network (TransT's cross-feature augment)."""

    def __init__(self, channels: int, heads: int, feedforward: int, dropout: float, *, projected: bool) -> None:
        super().__init__()
        self.attention = Attention(channels, heads, dropout, projected=projected)
        self.norm = nn.LayerNorm(channels)
        self.feedforward = nn.Sequential(
            nn.Linear(channels, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, channels)
        )
        self.last_norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, position: Tensor, other: Tensor, other_position: Tensor) -> Tensor:
        """Return (b, n, channels) of x (b, n, channels) that reads other (b, m, channels)."""
        read = self.attention(x + position, other + other_position, other)
        x = self.norm(x + self.dropout(read))
        return self.last_norm(x + self.dropout(self.feedforward(x)))


class _Layer(nn.Module):
    """Both branches read themselves, then each the other as it was before."""

    def __init__(self, channels: int, heads: int, feedforward: int, dropout: float, *, projected: bool) -> None:
        super().__init__()
        self.template_self, self.search_self = (
            SelfAttention(channels, heads, dropout, projected=projected) for _ in range(2)
        )
        self.template_cross, self.search_cross = (
            CrossAttention(channels, heads, feedforward, dropout, projected=projected) for _ in range(2)
        )

    def forward(self, template: Tensor, search: Tensor, positions: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        at_z, at_x = positions
        z, x = self.template_self(template, at_z), self.search_self(search, at_x)
        return self.template_cross(z, at_z, x, at_x), self.search_cross(x, at_x, z, at_z)


class FusionNetwork(nn.Module):
    """`layers` of fusion, then the search tokens read the template's once more (TransT, Fig. 2).

    `heads` divides `channels`; `projected`: see `Attention`.
    """

    def __init__(
        self, channels: int, heads: int, layers: int, feedforward: int, dropout: float, *, projected: bool
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _Layer(channels, heads, feedforward, dropout, projected=projected) for _ in range(layers)
        )
        self.decoder = CrossAttention(channels, heads, feedforward, dropout, projected=projected)
        self.norm = nn.LayerNorm(channels)

    def forward(self, template: Tensor, search: Tensor, positions: Sequence[Tensor]) -> Tensor:
        """Fuse (b, k, channels) template and (b, n, channels) search tokens into (b, n, channels).

        `positions` are those of template and search tokens, (k, channels) and (n, channels).
        """
        for layer in self.layers:
            template, search = layer(template, search, positions)
        return self.norm(self.decoder(search, positions[1], template, positions[0]))
