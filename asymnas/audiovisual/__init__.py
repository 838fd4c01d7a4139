"""Ten digits, seen and heard: a small task of two inputs, and an example of how a task is written."""

from __future__ import annotations

from typing import Any

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

    def open(self, job: Any) -> Task:
        """Open a job."""
        from asymnas.audiovisual.task import AudiovisualTask

        return AudiovisualTask(job)


plugin = AudiovisualPlugin()
