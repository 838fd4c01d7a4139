"""A job of tracking: tracker, sentences and videos, and how candidates are scored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from asymnas.core.models import MACHINE, MOST, Count, JobModel, NotNegative, Positive, Share, Whole
from asymnas.job import Baselines, EvaluationSection, Job, Resources
from asymnas.language import Pooling


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


class TrainSource(VideoSource):
    """A source of training pairs."""

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


class AugmentationSection(JobModel):
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


class TrainData(JobModel):
    """What the supernet is trained on."""

    sources: Annotated[list[TrainSource], Field(min_length=1)]
    augmentation: AugmentationSection = AugmentationSection()
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


class TrackerJob(JobModel):
    """The tracker plugin and its own options; every key but `name` is the plugin's and is checked by its model."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str = "vlt_scar"
    """Registered name; `asymnas list trackers` shows them."""

    @property
    def options(self) -> dict[str, Any]:
        """The plugin's options."""
        return dict(self.model_extra or {})


class LanguageJob(JobModel):
    """The text encoder; its embeddings are computed once per sentence."""

    encoder: str = "minilm"
    """`minilm`, `bag`, a folder with a Hugging Face model, or a hub name such as `bert-base-uncased` or `gpt2`."""
    pooling: Pooling | None = None
    """How tokens become one embedding; null: `mean` of a bidirectional model, `last` of a causal one."""
    sentences: str | None = None
    """File of sentences by video, in place of those of the data sets; null: the data sets' own."""
    cache: str | None = None
    """Folder of the embedding cache; null: the user's cache folder."""


class PairAugmentation(AugmentationSection):
    """Random changes of the crops of held-out pairs: shifts and scales stand for the drift of tracking."""

    colour: NotNegative = 0.0
    """Strength of the random colour offset of each crop."""
    blur: Share = 0.0
    """Probability of blurring the search crop."""


class HeldOutPairs(JobModel):
    """The items of the rewards `pair_loss` and `pair_iou`: pairs of crops of the validation videos, in turns."""

    items: Count = 4096
    """How many there are; rungs take the first ones. Each is the same for every seed."""
    frame_range: Whole = 24
    """The search frame is at most so many visible frames away from the template frame."""
    template_frames: Count | None = 1
    """The template is one of the first so many frames with the target, as in tracking; null: any frame."""
    augmentation: PairAugmentation = PairAugmentation()


class TrackingEvaluation(EvaluationSection):
    """How a candidate is scored."""

    protocol: str = "lasot"
    """Named benchmark protocol of SUC."""
    language: Literal["with", "without", "both"] = "with"
    """Track with the sentences, without them, or both (the score is then the mean of the two)."""
    lockstep: Count = 16
    """Videos tracked as one batch; changes speed, memory and the last bits of boxes, so it is part of a score's key."""
    pairs: HeldOutPairs = HeldOutPairs()
    preset: Literal["vlt_release"] | None = None
    """`vlt_release`: the released reward, 20 validation videos, 11 frames each, recalibrated on 50 batches of 64;
    it fills what the job leaves open."""


class TrackingBaselines(Baselines):
    """What the found architecture is compared with."""

    trackers: list[str] = Field(default_factory=lambda: ["static", "template_matching", "mil"])
    """Trackers without weights, scored on the same videos."""


class TrackingResources(Resources):
    """Where a job runs; changes no result."""

    frame_threads: Annotated[int, Field(ge=1, le=MACHINE)] | None = None
    """Threads of each worker that decode training frames and cut pairs; null: as `threads`."""
    frame_cache: Whole = 512
    """MiB of decoded training frames that each worker keeps."""


class TrackingJob(Job):
    """A search for a tracker: the resolved job file."""

    tracker: TrackerJob = TrackerJob()
    language: LanguageJob = LanguageJob()
    data: Data
    evaluation: TrackingEvaluation = TrackingEvaluation()
    baselines: TrackingBaselines = TrackingBaselines()
    resources: TrackingResources = TrackingResources()

    @property
    def has_test(self) -> bool:
        """Whether there are test videos."""
        return self.data.test is not None
