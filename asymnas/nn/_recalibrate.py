"""BN recalibration: exact statistics of one path over fixed batches, leaving no trace in the next candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from asymnas.core.errors import EvaluationError, Problem, WeightsError
from asymnas.nn._norm import RecalibratedBatchNorm

Batch = TypeVar("Batch")
_LAYERS = (RecalibratedBatchNorm, _BatchNorm)


class _Pool:
    """Count, mean and sum of squared deviations of all values seen, a channel; joined by Chan's formula in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, x: Tensor) -> None:
        """Add a batch (n, channels, ...)."""
        count = x.numel() // x.shape[1]
        if count == 0:  # a layer for rows without a source, where all have one
            return
        x = x if x.dtype in (torch.float32, torch.float64) else x.float()
        variance, mean = torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
        mean, squares = mean.double(), variance.double() * count
        total = self.count + count
        delta = mean - self.mean
        self.mean = self.mean + delta * (count / total)
        self.squares = self.squares + squares + delta.square() * (self.count * count / total)
        self.count = total


def _holder(layer: nn.Module, branch: str | None) -> nn.Module:
    """Return the module that holds running_mean and running_var."""
    return layer.statistics(branch) if isinstance(layer, RecalibratedBatchNorm) else layer


def _layers(model: nn.Module) -> list[nn.Module]:
    return [
        layer for layer in model.modules() if isinstance(layer, _LAYERS) and getattr(layer, "track_running_stats", True)
    ]


@contextmanager
def _restored(model: nn.Module, buffers: Iterable[Tensor]) -> Iterator[None]:
    """Put the modes of all modules and the values of `buffers` back after the block."""
    modes = [(module, module.training) for module in model.modules()]
    values = [(buffer, buffer.clone()) for buffer in buffers]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for buffer, value in values:
            buffer.copy_(value)


def recalibrate(model: nn.Module, batches: Iterable[Batch], run: Callable[[Batch], Any]) -> None:
    """Set the normalisation statistics of every layer that runs, pooled exactly over `batches`.

    Each batch is normalised with its own statistics, as in training; what every layer saw is pooled over all batches
    (mean, and the biased variance, which is what normalises in training), not averaged with a momentum. The result
    depends on the batches and weights alone, not on earlier statistics. Layers that did not run keep theirs; all other
    layers of the model are in eval mode meanwhile (no dropout). No gradient, and no random number, is used.

    Args:
        model: the model; torch's own batch normalisation layers are recalibrated too.
        batches: the fixed batches.
        run: runs `model` on one batch along the path in question; its result is dropped.

    Raises:
        EvaluationError: there was no batch.
    """
    layers = _layers(model)
    counters = [layer.num_batches_tracked for layer in layers if isinstance(layer, _BatchNorm)]
    pools: dict[nn.Module, _Pool] = {}
    seen = 0

    def watch(layer: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        holder = _holder(layer, args[1] if len(args) > 1 else keywords.get("branch"))
        pools.setdefault(holder, _Pool()).add(args[0].detach())

    hooks = [layer.register_forward_pre_hook(watch, with_kwargs=True) for layer in layers]
    try:
        with _restored(model, [counter for counter in counters if counter is not None]), torch.no_grad():
            model.eval()
            for layer in layers:
                layer.training = True
            for batch in batches:
                run(batch)
                seen += 1
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        way_out = "Set the number of batches to 1 or more."
        raise EvaluationError(Problem("recalibration", "needs at least one batch", way_out=way_out))
    for holder, pool in pools.items():
        if pool.count:
            holder.get_buffer("running_mean").copy_(torch.as_tensor(pool.mean))
            holder.get_buffer("running_var").copy_(torch.as_tensor(pool.squares / pool.count))


@contextmanager
def recalibrated(
    model: nn.Module,
    run: Callable[[Batch], Any],
    batches: Iterable[Batch],
    known: Mapping[str, Tensor] | None = None,
) -> Iterator[None]:
    """Recalibrate, put the model in eval mode for the block, then restore every statistic and mode bit by bit.

    `known`: what `statistics_of` returned inside an earlier block for the same path and batches; they are used again.
    """
    with _restored(model, [buffer for layer in _layers(model) for buffer in layer.buffers()]):
        if known is None:
            recalibrate(model, batches, run)
        else:
            set_statistics(model, known)
        model.eval()
        yield


def statistics_of(model: nn.Module) -> dict[str, Tensor]:
    """Return copies, on the CPU, of the statistics of every normalisation layer, by their names in the model."""
    return {name: buffer.detach().to("cpu", copy=True) for name, buffer in _buffers(model).items()}


def set_statistics(model: nn.Module, statistics: Mapping[str, Tensor], where: str = "statistics") -> None:
    """Set the statistics that `statistics_of` returned for the same model.

    Args:
        model: whose statistics are set, in place.
        statistics: a tensor for every buffer of its normalisation layers.
        where: their origin, for messages.

    Raises:
        WeightsError: a name or a shape is not the model's; nothing is changed then.
    """
    buffers = _buffers(model)
    wrong = sorted(set(buffers) ^ set(statistics))
    wrong += [name for name in buffers if name not in wrong and buffers[name].shape != statistics[name].shape]
    if wrong:
        rule = "the statistics must be those of the model's normalisation layers"
        raise WeightsError(Problem(where, rule, f"{len(wrong)} that differ, such as {wrong[0]}"))
    for name, buffer in buffers.items():
        buffer.copy_(statistics[name])


def _buffers(model: nn.Module) -> dict[str, Tensor]:
    layers = set(_layers(model))
    return {
        f"{name}.{key}" if name else key: buffer
        for name, module in model.named_modules()
        if module in layers
        for key, buffer in module.named_buffers()
    }
