"""Ten digits, seen and heard: a small task of two inputs, and an example of how a task is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asymnas.core.errors import AsymNASError, Problem
from asymnas.task import Task, TaskPlugin

__all__ = ["AudiovisualPlugin", "plugin"]


class AudiovisualPlugin(TaskPlugin):
    """Which digit is written and said."""

    name = "audiovisual"
    summary = "ten digits, seen and heard: a blurred handwritten one and a spoken one under noise"
    files = ("data.recordings",)

    def schema(self) -> type[Any]:
        """Return `AudiovisualJob`."""
        from asymnas.audiovisual.schema import AudiovisualJob

        return AudiovisualJob

    def check(self, document: Any, job: Any, dropped: Any) -> Iterator[Problem]:
        """Yield what is wrong with the branches of the space, and with what its mixers read."""
        from asymnas.space import load_space

        try:
            branches = load_space(document.data["space"]).branches
        except (AsymNASError, KeyError):  # has problems of its own
            return
        names = {branch.name for branch in branches}
        if not names <= {"image", "audio"}:
            rule = "the space's branches must be image, audio, or both"
            yield Problem(document.where(("space",)), rule, ", ".join(sorted(names)))
            return
        read = {stage.mixer.reads for branch in branches for stage in branch.stages if stage.mixer}
        for name in sorted(read - names):
            yield Problem(document.where(("space",)), "mixers must read image or audio", repr(name))

    def open(self, job: Any) -> Task:
        """Open a job."""
        from asymnas.audiovisual.task import AudiovisualTask

        return AudiovisualTask(job)


plugin = AudiovisualPlugin()
