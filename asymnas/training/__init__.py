"""Training of supernets and of single architectures, in this process or on Ray Train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas.core.lazy import lazy

if TYPE_CHECKING:
    from asymnas.training._alone import train_alone
    from asymnas.training._paths import paths_for_step
    from asymnas.training._progress import TrainingProgress
    from asymnas.training._train import TrainingResult, train_subnet, train_supernet
    from asymnas.training.config import Training, TrainingConfig, TrainingSetup, lr_at

__all__ = [
    "Training",
    "TrainingConfig",
    "TrainingProgress",
    "TrainingResult",
    "TrainingSetup",
    "lr_at",
    "paths_for_step",
    "train_alone",
    "train_subnet",
    "train_supernet",
]

__getattr__ = lazy(
    __name__,
    {
        **dict.fromkeys(("Training", "TrainingConfig", "TrainingSetup", "lr_at"), "asymnas.training.config"),
        **dict.fromkeys(("TrainingResult", "train_subnet", "train_supernet"), "asymnas.training._train"),
        "train_alone": "asymnas.training._alone",
        "TrainingProgress": "asymnas.training._progress",
        "paths_for_step": "asymnas.training._paths",
    },
)
