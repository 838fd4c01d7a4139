"""Architecture search for models that read several inputs at once, each with a network of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asymnas._version import __version__
from asymnas.core.lazy import lazy

if TYPE_CHECKING:
    from asymnas.api import (
        Run,
        compare,
        diagnose,
        load_run,
        register_mixer,
        register_searcher,
        register_task,
        retrain,
        run,
    )
    from asymnas.core.errors import AsymNASError
    from asymnas.job import Job, load_job
    from asymnas.search import Evaluation
    from asymnas.space import Architecture, SearchSpace, load_architecture, load_space, register_op
    from asymnas.tracking import register_tracker, track
    from asymnas.tracking.benchmark.open import open_tracker
    from asymnas.tracking.data import Video, register_dataset
    from asymnas.tracking.metrics import score

__all__ = [
    "Architecture",
    "AsymNASError",
    "Evaluation",
    "Job",
    "Run",
    "SearchSpace",
    "Video",
    "__version__",
    "compare",
    "diagnose",
    "load_architecture",
    "load_job",
    "load_run",
    "load_space",
    "open_tracker",
    "register_dataset",
    "register_mixer",
    "register_op",
    "register_searcher",
    "register_task",
    "register_tracker",
    "retrain",
    "run",
    "score",
    "track",
]

_API = (
    "Run",
    "compare",
    "diagnose",
    "load_run",
    "register_mixer",
    "register_searcher",
    "register_task",
    "retrain",
    "run",
)

__getattr__ = lazy(
    __name__,
    {
        **dict.fromkeys(_API, "asymnas.api"),
        "AsymNASError": "asymnas.core.errors",
        **dict.fromkeys(("Job", "load_job"), "asymnas.job"),
        "Evaluation": "asymnas.search",
        **dict.fromkeys(
            ("Architecture", "SearchSpace", "load_architecture", "load_space", "register_op"), "asymnas.space"
        ),
        **dict.fromkeys(("register_tracker", "track"), "asymnas.tracking"),
        "open_tracker": "asymnas.tracking.benchmark.open",
        **dict.fromkeys(("Video", "register_dataset"), "asymnas.tracking.data"),
        "score": "asymnas.tracking.metrics",
    },
)
