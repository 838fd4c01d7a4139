"""A job of the audiovisual task: its data and its baselines."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from asymnas.core.models import JobModel
from asymnas.job import Baselines, EvaluationSection, Job

Model = Literal["majority", "nearest_image", "nearest_audio"]


class DigitData(JobModel):
    """Pictures and sounds, and how both are degraded."""

    recordings: str | None = None
    """Folder of recordings digit_speaker_index.wav (mono, 16 bits); null: words of espeak-ng, made once."""
    components: Annotated[int, Field(ge=1, le=64)] = 2
    """Principal components that are left of a picture; 64 is the whole picture."""
    noise: Annotated[float, Field(ge=-40, le=80, allow_inf_nan=False)] = 3.0
    """Loudness of a word over the noise, in dB: lower is harder."""
    voices: Annotated[int, Field(ge=1, le=20)] = 3
    """Sounds that each picture of validation and test is joined with; its score is their mean."""
    withheld: Annotated[float, Field(ge=0, lt=0.5, allow_inf_nan=False)] = 0.05
    """Share of training samples without their picture, and as many without their sound."""


class AudiovisualEvaluation(EvaluationSection):
    """How candidates are scored."""

    reward: Literal["accuracy", "log_likelihood"] | None = None
    """What the search climbs; null: accuracy."""


class AudiovisualBaselines(Baselines):
    """Baselines that need no search."""

    models: list[Model] = Field(default_factory=lambda: list(get_args(Model)))
    """The most frequent digit; the nearest neighbours of the picture, or of the sound, among those of training."""


class AudiovisualJob(Job):
    """A search for a network that reads a picture and a sound."""

    task: Literal["audiovisual"] = "audiovisual"
    data: DigitData = DigitData()
    evaluation: AudiovisualEvaluation = AudiovisualEvaluation()
    baselines: AudiovisualBaselines = AudiovisualBaselines()
