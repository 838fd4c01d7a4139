"""What the entry point `asymnas.tasks: tracking` names; cheap to import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from asymnas.task import Task, TaskPlugin

if TYPE_CHECKING:
    from asymnas.core.errors import Problem


class TrackingPlugin(TaskPlugin):
    """Vision-language tracking."""

    name = "tracking"
    summary = "vision-language trackers: one target from its first box, and a sentence, through a video"
    files = ("data.root", "language.cache")
    names_or_files = ("language.encoder", "tracker.name")
    places = ("data.root", "language.cache")

    def schema(self) -> type[Any]:
        """Return `TrackingJob`."""
        from asymnas.tracking.task.schema import TrackingJob

        return TrackingJob

    def open(self, job: Any) -> Task:
        """Open a job of tracking."""
        from asymnas.tracking.task.task import TrackingTask

        return TrackingTask(job)

    def complete(self, document: Any, layers: Any) -> None:
        """Fill in the values of `evaluation.preset` and the tracker's own defaults."""
        from asymnas.tracking.task.defaults import apply_preset, fill_options

        apply_preset(document, layers)
        fill_options(document)

    def check(self, document: Any, job: Any, dropped: Any) -> Iterator[Problem]:
        """Yield what is wrong with data sets, protocol, encoder, trackers and what must fit together."""
        from asymnas.tracking.task.checks import check_tracking

        return check_tracking(document, job, dropped)

    def commands(self) -> Mapping[str, str]:
        """Return `test`, `track`, `convert`, `eval` and `data`."""
        folder = "asymnas.tracking.cli"
        return {
            "test": f"{folder}.test:test",
            "track": f"{folder}.track:track",
            "convert": f"{folder}.convert:convert",
            "eval": f"{folder}.eval:eval_",
            "data": f"{folder}.data:data",
        }

    def health(self, data_root: str | None) -> tuple[Mapping[str, Any], Sequence[Problem]]:
        """Look for data sets and OpenCV's trackers."""
        from asymnas.tracking.task.health import health

        return health(data_root)

    def sections(self, run: Any) -> Sequence[Any]:
        """Return the pictures of test videos."""
        from asymnas.tracking.pictures.strips import strips_section

        return [strips_section(run)]


plugin = TrackingPlugin()
