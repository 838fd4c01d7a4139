"""Opening trackers: a plugin, a run, or an architecture file in its run; recalibrated and ready to track."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asymnas.core.errors import LanguageError, Problem, TrackerError, WeightsError
from asymnas.core.threads import all_threads
from asymnas.runs.statistics import load_statistics, save_statistics, statistics_key
from asymnas.tracking import Language, OnlineTracker, TrackerPlugin, get_tracker, list_trackers, load_tracker_weights
from asymnas.tracking.benchmark.run_files import RunFiles, find_run
from asymnas.tracking.benchmark.weights import WeightsNote, architecture_settings, read_note
from asymnas.tracking.live import LiveTracker
from asymnas.tracking.task.data import checked_options, sentence_table, sentences_of

if TYPE_CHECKING:
    from asymnas.language import SentenceTable
    from asymnas.tracking import TrainableTracker
    from asymnas.tracking.task.schema import TrackingJob
    from asymnas.tracking.task.task import TrackingTask

logger = logging.getLogger("asymnas.tracking")


@dataclass(frozen=True, slots=True)
class TrackerSpec:
    """What tracks.

    Args:
        name: a plugin's name (`asymnas list trackers`); a run folder of `asymnas search` or `asymnas retrain`; or an
            architecture.json in such a folder, which may be another one of the run's space.
        options: values for the plugin's options; for a run, only such that leave the weights as they are.
        weights: the weights of a plugin that has some; over a search space those that `asymnas convert` wrote, whose
            options hold where none are given. A run has its own.
        encoder: the text encoder of a plugin with weights that reads sentences, as a job's `language.encoder`; None:
            that of the converted weights, else minilm.
        missing: what stands for a missing sentence, `zero_tensor`, `zero_embedding` or `template_embedding`; None: as
            the run has it.
        data_root: folder of the real data sets that the run was trained on, for recalibration; None: as the run has it.
        device: torch device; None: a GPU if the run used one and this machine has one.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    encoder: str | None = None
    missing: str | None = None
    data_root: Path | None = None
    device: str | None = None

    @classmethod
    def of(cls, spec: str | Path | TrackerSpec, **values: Any) -> TrackerSpec:
        """Return a spec, made of a name and the other fields where it is none yet."""
        return spec if isinstance(spec, TrackerSpec) else cls(str(spec), **values)


@dataclass(frozen=True, slots=True)
class Description:
    """What `open_tracker` would open; `name`, `settings` and `reads_language` are those of the `ReadyTracker`."""

    name: str
    settings: dict[str, Any]
    reads_language: bool


@dataclass(frozen=True, slots=True, eq=False)
class ReadyTracker:
    """A tracker that can be started on a video.

    Args:
        name: the plugin's name, or that of the run folder.
        tracker: in eval mode, its normalisation statistics those of `path`.
        path: the architecture's path, to be passed to `tracker.start`; None for a tracker without a search space.
        settings: JSON values that say what tracks, such as options, genes, recalibration, hash of weights.
        reads_language: whether sentences can change its boxes.
        lockstep: videos that its run tracked as one batch; 1 for a tracker without a run.
    """

    name: str
    tracker: OnlineTracker
    path: Mapping[str, str] | None
    settings: dict[str, Any]
    reads_language: bool
    lockstep: int = 1
    _sentences: SentenceTable | None = field(default=None, repr=False)

    def embed(self, sentences: Sequence[str | None]) -> Language | None:
        """Return one row a sentence (None is no sentence), on the tracker's device; None if it reads no language.

        Raises:
            LanguageError: a sentence is empty text, or the encoder cannot be loaded.
        """
        if isinstance(sentences, str):  # would be read as a sentence a letter
            raise LanguageError(Problem("sentences", "must be a list, one a video", repr(sentences[:60])))
        if not self.reads_language:
            return None
        if self._sentences is None:  # it has no weights, and reads the text itself
            return Language.of(sentences)
        device = next(self.tracker.parameters()).device  # type: ignore[attr-defined]
        return self._sentences.embed(sentences).to(device)

    def live(self) -> LiveTracker:
        """Return the tracker for one target, frame by frame."""
        return LiveTracker(self.tracker, self.path, self.embed)


def open_tracker(spec: str | Path | TrackerSpec, *, threads: int | None = None, **values: Any) -> ReadyTracker:
    """Open a tracker that can follow targets at once.

    The architecture of a run gets the supernet's weights and the normalisation statistics of the run's own
    recalibration batches, so that it gives the boxes that the search scored. The run keeps those of its own
    architecture; for another one, or other options, the batches are drawn again from the training data.

    Args:
        spec: what tracks.
        threads: torch and OpenCV threads of this process from now on; None leaves it as it is. Recalibration always
            takes the run's own number.
        **values: the other fields of `TrackerSpec`, where `spec` is a name or a file.

    Raises:
        TrackerError: the spec names nothing, a tracker that needs weights, or options it does not have.
        RunFolderError: the folder is no finished run.
        WeightsError: the weights are not those of the run or do not fit.
        AsymNASError: what else is wrong with the run's job, architecture, data or encoder.
    """
    spec = TrackerSpec.of(spec, **values)
    plugin, run = _find(spec)
    ready = _open_plugin(plugin, spec) if run is None else _open_run(plugin, run, spec)
    if threads is not None:
        import cv2
        import torch

        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    return ready


def describe_tracker(spec: str | Path | TrackerSpec, **values: Any) -> Description:
    """Say what `open_tracker` would open, without weights and recalibration; arguments and errors as there."""
    spec = TrackerSpec.of(spec, **values)
    plugin, run = _find(spec)
    if run is None:
        return Description(plugin.name, _plugin_settings(plugin, spec)[0], plugin.reads_language)
    job = _with_options(run.job, plugin, spec)
    table = sentences_of(job) if plugin.reads_language else None
    return Description(run.name, _run_settings(run, job, table), plugin.reads_language)


def _find(spec: TrackerSpec) -> tuple[TrackerPlugin, RunFiles | None]:
    if spec.name in list_trackers():
        return get_tracker(spec.name), None
    run = find_run(Path(spec.name).expanduser(), list_trackers(), data_root=spec.data_root)
    if spec.weights is not None:
        way_out = "Leave the weights out; a run has its own."
        raise TrackerError(Problem("weights", "are those of a plugin, but a run is named", str(spec.weights), way_out))
    return get_tracker(run.job.tracker.name), run


def _options(plugin: TrackerPlugin, values: Mapping[str, Any], missing: str | None) -> dict[str, Any]:
    """All values of a plugin's options, with the strategy for missing sentences."""
    more = dict(values)
    if missing is not None:
        if "missing" not in plugin.options.model_fields or not plugin.reads_language:
            way_out = "Leave the strategy for missing sentences out."
            rule = "has no strategies for missing sentences" if plugin.reads_language else (
                "reads no sentences, so none can be missing")  # fmt: skip
            raise TrackerError(Problem(f"tracker '{plugin.name}'", rule, repr(missing), way_out))
        more["missing"] = missing
    return checked_options(plugin, more).model_dump(mode="json")


def _plugin_settings(plugin: TrackerPlugin, spec: TrackerSpec) -> tuple[dict[str, Any], WeightsNote | None]:
    where = f"tracker '{plugin.name}'"
    if plugin.searchable and spec.weights is None:
        rule = "has a search space, and a plugin's name alone says neither architecture nor weights"
        way_out = f"Name a run folder, such as runs/{plugin.name}, or the architecture.json in it."
        raise TrackerError(Problem(where, rule, way_out=way_out))
    if plugin.has_weights != (spec.weights is not None):
        rule = "has weights, and its name alone does not say which" if plugin.has_weights else "has no weights"
        way_out = "Give the file with --weights." if plugin.has_weights else "Leave the weights out."
        raise TrackerError(Problem(where, rule, str(spec.weights or ""), way_out))
    note = read_note(plugin, spec.weights)
    options = spec.options if note is None else {**note.options, **spec.options}
    settings: dict[str, Any] = {"tracker": plugin.name, "options": _options(plugin, options, spec.missing)}
    if note is not None:
        settings |= architecture_settings(note.architecture)
    if spec.weights is not None:
        from asymnas.nn import weights_hash

        settings["weights_hash"] = weights_hash(spec.weights)
        if plugin.reads_language:
            settings["encoder"] = _encoder_name(_table(spec, note))
    return settings, note


def _table(spec: TrackerSpec, note: WeightsNote | None) -> SentenceTable:
    encoder = spec.encoder or (None if note is None else note.encoder) or "minilm"
    return sentence_table(encoder, device=spec.device or "cpu")


def _open_plugin(plugin: TrackerPlugin, spec: TrackerSpec) -> ReadyTracker:
    settings, note = _plugin_settings(plugin, spec)
    table = _table(spec, note) if "encoder" in settings else None
    options = checked_options(plugin, settings["options"])
    space = None if note is None else note.architecture.space
    tracker = plugin.build(options, space=space, language_dim=0 if table is None else table.dim, seed=0)
    if spec.weights is not None:
        load_tracker_weights(plugin, tracker, spec.weights)
        model: Any = tracker
        model.to(spec.device or "cpu").eval()
    path = None if note is None else note.genes
    return ReadyTracker(plugin.name, tracker, path, settings, plugin.reads_language, _sentences=table)


def _encoder_name(table: SentenceTable) -> str:
    return f"{table.name}-{table.fingerprint[:16]}"


def _run_settings(run: RunFiles, job: TrackingJob, table: SentenceTable | None) -> dict[str, Any]:
    return {
        "tracker": job.tracker.name,
        "options": job.tracker.options,
        "run": run.folder.resolve().name,
        "job_hash": run.job.hash,
        **architecture_settings(run.architecture),
        "weights_hash": run.weights_hash,
        "encoder": "" if table is None else _encoder_name(table),
        "recalibration": job.evaluation.recalibration.model_dump(),
    }


def _open_run(plugin: TrackerPlugin, run: RunFiles, spec: TrackerSpec) -> ReadyTracker:
    import torch

    from asymnas.tracking.task.task import TrackingTask

    job = _with_options(run.job, plugin, spec)
    resources = job.resources
    device = spec.device or ("cuda" if resources.gpus_per_worker > 0 and torch.cuda.is_available() else "cpu")
    task = TrackingTask(job, device=device)
    # the run's own threads, so that the statistics are the run's too
    with all_threads(resources.torch_threads):
        model = task.built()
        _load(run, model, own=run.job.tracker.options.get("missing"), missing=spec.missing)
        model = model.to(device).eval()
        _recalibrate(run, task, model, own=job is run.job and run.own)
    table: Any = task.sentences
    settings = _run_settings(run, job, table) | {"device": device}
    path, lockstep = run.architecture.genes, job.evaluation.lockstep
    return ReadyTracker(run.name, model, path, settings, plugin.reads_language, lockstep, table)


def _recalibrate(run: RunFiles, task: TrackingTask, model: TrainableTracker, *, own: bool) -> None:
    """Set the statistics that the run kept, or work them out; `own`: those of the run's own architecture are kept."""
    import torch

    from asymnas.nn import recalibrate, statistics_of

    path, device = run.architecture.genes, next(model.parameters()).device
    key = statistics_key(task.job, run.architecture, run.weights_hash, **task.model_fingerprint())
    if load_statistics(run.folder, key, model, own=own):
        return
    source = task.batches("recalibration")
    count = task.job.evaluation.recalibration.batches
    with torch.inference_mode():
        batches = [source.batch(step).to(device) for step in range(count)]
        recalibrate(model, batches, lambda batch: model(batch, path))
    model.eval()
    if own:  # so that it opens quickly, and without its training data, next time
        try:
            save_statistics(run.folder, key, statistics_of(model))
        except WeightsError as error:  # a run folder may be read-only
            logger.info("the statistics are not kept: %s", error)


def _with_options(job: TrackingJob, plugin: TrackerPlugin, spec: TrackerSpec) -> TrackingJob:
    """The run's job with other options of its tracker; the job itself where there are none."""
    if not spec.options and spec.missing is None:
        return job
    options = _options(plugin, {**job.tracker.options, **spec.options}, spec.missing)
    return job.model_copy(update={"tracker": type(job.tracker)(name=plugin.name, **options)})


def _load(run: RunFiles, model: TrainableTracker, *, own: str | None, missing: str | None) -> None:
    """Load the weights; what stands for missing sentences may be left over under another strategy."""
    from asymnas.nn import load_weights, weights_hash

    found = weights_hash(run.weights)
    if found != run.weights_hash:
        rule = f"is not the file of the run, whose hash is {run.weights_hash}"
        raise WeightsError(Problem(str(run.weights), rule, found, "Restore the run folder."))
    if load_weights(run.weights, model, strict=missing in (None, own)).missing:
        rule = f"holds no weights for missing={missing}, for it was trained with missing={own}"
        way_out = f"Train with `--set tracker.missing={missing}`; such a run tracks with both."
        raise WeightsError(Problem(str(run.weights), rule, way_out=way_out))
