"""Training of supernets and of single architectures, in this process or on Ray Train."""

from asymnas.training._cluster import join_cluster, start_local
from asymnas.training._config import TrainingConfig
from asymnas.training._paths import paths_for_step
from asymnas.training._progress import TrainingProgress
from asymnas.training._schedule import lr_at
from asymnas.training._setup import TrainingSetup, to_training_batch
from asymnas.training._train import TrainingResult, train_subnet, train_supernet

__all__ = [
    "TrainingConfig",
    "TrainingProgress",
    "TrainingResult",
    "TrainingSetup",
    "join_cluster",
    "lr_at",
    "paths_for_step",
    "start_local",
    "to_training_batch",
    "train_subnet",
    "train_supernet",
]
