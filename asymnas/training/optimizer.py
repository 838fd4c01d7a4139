"""Optimiser of a supernet: parameters without a gradient keep their values, their momentum and their step count."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn

from asymnas.core.errors import JobError, Problem, WeightsError, nearest
from asymnas.training.config import TrainingConfig


class PathOptimizer:
    """SGD or AdamW over all trainable parameters of a model, with the state of each parameter under its name.

    torch's optimisers pass over a parameter whose `grad` is None, weight decay and momentum included; the training
    loop leaves it None for all that the step's paths do not use, as SPOS does.

    Args:
        model: parameters with `requires_grad` False are left out.
        config: optimizer, momentum, weight_decay (on tensors of more than one dimension), lr_scale.

    Raises:
        JobError: a pattern of `lr_scale` matches no parameter.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig) -> None:
        self.parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
        _check_patterns(config.lr_scale, self.parameters)
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.parameters.items():
            scale = next((value for key, value in config.lr_scale.items() if fnmatchcase(name, key)), 1.0)
            decay = config.weight_decay if parameter.dim() > 1 else 0.0
            groups.setdefault((scale, decay), []).append(parameter)
        described = [
            {"params": members, "weight_decay": decay, "scale": scale} for (scale, decay), members in groups.items()
        ]
        self._torch: torch.optim.Optimizer
        if config.optimizer == "sgd":
            self._torch = torch.optim.SGD(described, lr=config.lr, momentum=config.momentum)
        else:
            self._torch = torch.optim.AdamW(described, lr=config.lr)

    def step(self, lr: float) -> None:
        """Update every parameter that has a gradient."""
        for group in self._torch.param_groups:
            group["lr"] = lr * group["scale"]
        self._torch.step()

    def state_dict(self) -> dict[str, Tensor]:
        """The state as named tensors, `parameter name::state name`."""
        return {
            f"{name}::{key}": value.detach().cpu().contiguous()
            for name, parameter in self.parameters.items()
            for key, value in self._torch.state.get(parameter, {}).items()
            if isinstance(value, Tensor)
        }

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over what `state_dict` gave; a WeightsError where it does not fit the model."""
        self._torch.state.clear()
        for entry, value in state.items():
            name, _, key = entry.rpartition("::")
            parameter = self.parameters.get(name)
            if parameter is None or (value.dim() and value.shape != parameter.shape):
                shape = "no such parameter" if parameter is None else f"shape {tuple(parameter.shape)} in the model"
                way = "Resume with the model and space that the checkpoint was written with."
                raise WeightsError(Problem(f"optimiser state of '{name}'", "must fit the model", shape, way))
            # AdamW keeps its step count on the CPU, also beside parameters on another device.
            device = torch.device("cpu") if key == "step" else parameter.device
            self._torch.state[parameter][key] = value.to(device, copy=True)


def _check_patterns(patterns: Iterable[str], names: Iterable[str]) -> None:
    names = list(names)
    problems = [
        Problem(f"training.lr_scale[{pattern}]", "must match a parameter's name", "no match", nearest(pattern, names))
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for name in names)
    ]
    if problems:
        raise JobError(problems)
