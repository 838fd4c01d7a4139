"""The `data` section of a job: where the videos of training, validation and test come from."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from asymnas.job.base import MOST, Count, JobModel, NotNegative, Positive, Share, Whole

__all__ = ["Augmentation", "Data", "EvaluationData", "TrainData", "TrainSource", "VideoSource"]


class _Later(JobModel):
    """A part whose keys of later releases are written only where a job uses them: its hash stays that of older runs."""

    LATER: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        unused = {name for name in self.LATER if getattr(self, name) == fields[name].default}
        return {key: value for key, value in handler(self).items() if key not in unused}


class VideoSource(JobModel):
    """Videos of one split of one data set."""

    dataset: str
    """Registered name, such as `synthetic` or `got10k`; `asymnas list datasets` shows them."""
    split: str
    """The split's name as the data set knows it: `train`, `val`, `test`."""
    videos: Count | None = None
    """How many videos to take, a fixed choice that is the same for every seed; null: all."""
    frames: Annotated[int, Field(ge=2, le=MOST)] | None = None
    """How many first frames of each video to use, at least 2 (the first one is given); null: all."""
    include: Annotated[list[str], Field(min_length=1)] | None = None
    """Names, or patterns with `*`, of the videos that `videos` chooses among; null: all."""
    exclude: list[str] = Field(default_factory=list)
    """Names, or patterns with `*`, of the videos to leave out before `videos` chooses."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the data set's reader, e.g. `{part: language_critical}` for `synthetic`."""


class TrainSource(VideoSource, _Later):
    """A source of training pairs."""

    LATER: ClassVar[tuple[str, ...]] = ("pairs", "draw", "language")

    weight: Positive | Literal["videos"] = 1.0
    """Share of the pairs drawn from this source, relative to the others' weights; `videos`: as many as it has."""
    pairs: Count | Literal["videos"] | None = None
    """Pairs of each epoch from this source; `videos`: one from each; null: what others leave, by weight."""
    draw: Literal["target", "video"] = "target"
    """Draw each target equally often, or each video (or image) and then one of its targets."""
    language: Share | None = None
    """Share of its described pairs that keep their sentence, 0 for none; null: `data.train.language`."""
    frame_range: Whole = 50
    """The search frame is at most so many frames away from the template frame; 0: the same frame."""
    template_frames: Count | None = None
    """The template is one of the first so many frames with the target, as in tracking; null: any frame."""


class Augmentation(JobModel):
    """Random changes of the training crops; the defaults are SiamCAR's."""

    template_shift: Annotated[float, Field(ge=0, le=127, allow_inf_nan=False)] = 4.0
    """Largest shift of the template crop, in pixels of a 127 px template; scales with the tracker's template size."""
    template_scale: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.05
    """Largest relative change of the template crop's side."""
    search_shift: Annotated[float, Field(ge=0, le=255, allow_inf_nan=False)] = 64.0
    """Largest shift of the search crop, in pixels of a 255 px search crop; scales with the tracker's search size."""
    search_scale: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.18
    """Largest relative change of the search crop's side."""
    colour: NotNegative = 1.0
    """Strength of the random colour offset of each crop; 1 is SiamCAR's (about 8 grey levels), 0 none."""
    blur: Share = 0.2
    """Probability of blurring the search crop."""
    flip: Share = 0.0
    """Probability of mirroring both crops."""
    gray: Share = 0.0
    """Probability of turning both crops grey."""


class TrainData(_Later):
    """What the supernet is trained on."""

    LATER: ClassVar[tuple[str, ...]] = ("without_language", "language_volume", "pairs_per_epoch")

    sources: Annotated[list[TrainSource], Field(min_length=1)]
    augmentation: Augmentation = Augmentation()
    negatives: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
    """Share of pairs whose search crop shows another video; they are labelled as negatives."""
    language: Share = 1.0
    """Share of the pairs of described videos that keep their sentence."""
    without_language: Share | None = None
    """Share of all pairs without a sentence, the paper's 0.5: described ones lose theirs to reach it; null: any."""
    language_volume: Share = 1.0
    """Share of each source's described videos that keep their sentence at all, as in the paper's table 8a."""
    pairs_per_epoch: Count | None = None
    """Pairs of an epoch, in which no video comes oftener than another of its source; null: the sources' `pairs`."""


class EvaluationData(JobModel):
    """Videos that are tracked and scored."""

    sources: Annotated[list[VideoSource], Field(min_length=1)]


class Data(JobModel):
    """All videos of a job."""

    root: str | None = None
    """Folder that holds the real data sets (GOT-10k/, LaSOT/, ...); null: the environment's ASYMNAS_DATA."""
    train: TrainData
    validation: EvaluationData
    """The reward is measured here."""
    test: EvaluationData | None = None
    """Held out: only the final architecture and the baselines are scored here; null: no test."""
