"""Opening trackers: a plugin, a run, or an architecture file in its run; recalibrated and ready to track."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from asymnas.core.errors import LanguageError, Problem, TrackerError, WeightsError, nearest
from asymnas.tracking import Language, OnlineTracker, TrackerPlugin, get_tracker, list_trackers
from asymnas.tracking.benchmark.run_files import RunFiles, find_run
from asymnas.tracking.task.kept import load_statistics, save_statistics, statistics_key

if TYPE_CHECKING:
    from asymnas.job import Job
    from asymnas.language import SentenceTable
    from asymnas.tracking import TrainableTracker

__all__ = ["Description", "ReadyTracker", "describe_tracker", "open_tracker"]


logger = logging.getLogger("asymnas.study")


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
        settings: JSON values that say what tracks: tracker, options, space, genes, hash of the weights, text encoder,
            recalibration.
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
            LanguageError: a sentence is empty text, one text is given for the list, or the encoder cannot be loaded.
        """
        if isinstance(sentences, str):  # would be read as a sentence a letter
            raise LanguageError(Problem("sentences", "must be a list, one a video", repr(sentences[:60])))
        if self._sentences is None:
            return None
        device = next(self.tracker.parameters()).device  # type: ignore[attr-defined]
        return self._sentences.embed(sentences).to(device)


def open_tracker(
    spec: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    threads: int | None = None,
    missing: str | None = None,
    data_root: Path | str | None = None,
    device: str | None = None,
) -> ReadyTracker:
    """Open a tracker that can follow targets at once.

    The architecture of a run gets the supernet's weights and the normalisation statistics of the run's own
    recalibration batches, so that it gives the boxes that the search scored. The run keeps those of its own
    architecture; for another one, or other options, the batches are drawn again from the training data.

    Args:
        spec: name of a plugin without a search space (`asymnas list trackers`); a run folder of `asymnas search` or
            `asymnas retrain`; or an architecture.json in such a folder, which may be another one of the run's space.
        options: values for the plugin's options; for a run, only such that leave the weights as they are.
        threads: torch and OpenCV threads of this process from now on; None leaves it as it is. Recalibration always
            takes the run's own number.
        missing: what stands for a missing sentence, `zero_tensor` or `template_embedding`; None: as the run has it.
        data_root: folder of the real data sets that the run was trained on, for recalibration; None: as the run has it.
        device: torch device; None: a GPU if the run used one and this machine has one.

    Raises:
        TrackerError: the spec names nothing, a tracker that needs weights, or options it does not have.
        RunFolderError: the folder is no finished run.
        WeightsError: the weights are not those of the run or do not fit.
        AsymNASError: what else is wrong with the run's job, architecture, data or encoder.
    """
    plugin, run = _find(spec, data_root)
    if run is None:
        return _open_plugin(plugin, options or {}, threads=threads, missing=missing)
    return _open_run(run, options or {}, threads=threads, missing=missing, device=device)


def describe_tracker(
    spec: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    missing: str | None = None,
    data_root: Path | str | None = None,
) -> Description:
    """Say what `open_tracker` would open, without weights and recalibration; arguments and errors as there."""
    plugin, run = _find(spec, data_root)
    if run is None:
        return Description(plugin.name, _plugin_settings(plugin, options or {}, missing), reads_language=False)
    from asymnas.tracking.task.data import sentences_of

    job = _with_options(run.job, options or {}, missing)
    return Description(run.name, _run_settings(run, job, sentences_of(job)), reads_language=True)


def _find(spec: str | Path, data_root: Path | str | None) -> tuple[TrackerPlugin, RunFiles | None]:
    """The plugin, and the run unless the spec names the plugin itself."""
    if isinstance(spec, str) and spec in list_trackers():
        return get_tracker(spec), None
    run = find_run(Path(spec).expanduser(), list_trackers(), data_root=data_root)
    return get_tracker(run.job.tracker.name), run


def checked_options(plugin: TrackerPlugin, values: Mapping[str, Any]) -> Any:
    """Return the options of a plugin.

    Raises:
        TrackerError: all that is wrong with the values.
    """
    try:
        return plugin.options(**values)
    except ValidationError as error:
        known = plugin.options.model_fields
        raise TrackerError(
            Problem(
                f"option '{'.'.join(map(str, item['loc']))}' of tracker '{plugin.name}'",
                item["msg"],
                repr(item["input"]),
                nearest(str(item["loc"][0]), known) if item["loc"] and item["loc"][0] not in known else "",
            )
            for item in error.errors()
        ) from error


def _plugin_settings(plugin: TrackerPlugin, values: Mapping[str, Any], missing: str | None) -> dict[str, Any]:
    where = f"tracker '{plugin.name}'"
    if plugin.trainable:
        rule = "has a search space, and a plugin's name alone says neither architecture nor weights"
        way_out = f"Name a run folder, such as runs/{plugin.name}, or the architecture.json in it."
        raise TrackerError(Problem(where, rule, way_out=way_out))
    if missing is not None:
        way_out = "Leave the strategy for missing sentences out."
        raise TrackerError(Problem(where, "reads no sentences, so none can be missing", repr(missing), way_out))
    return {"tracker": plugin.name, "options": checked_options(plugin, values).model_dump(mode="json")}


def _open_plugin(
    plugin: TrackerPlugin, values: Mapping[str, Any], *, threads: int | None, missing: str | None
) -> ReadyTracker:
    settings = _plugin_settings(plugin, values, missing)
    tracker = plugin.build(checked_options(plugin, values), space=None, language_dim=0, seed=0)
    if threads is not None:
        _set_threads(threads)
    return ReadyTracker(plugin.name, tracker, None, settings, reads_language=False)


def _run_settings(run: RunFiles, job: Job, sentences: SentenceTable) -> dict[str, Any]:
    return {
        "tracker": job.tracker.name,
        "options": job.tracker.options,
        "run": run.folder.resolve().name,
        "job_hash": run.job.hash,
        "space": run.architecture.space.name,
        "space_hash": run.architecture.space.hash,
        "architecture": run.architecture.key,
        "genes": dict(run.architecture.genes),
        "weights_hash": run.weights_hash,
        "encoder": f"{sentences.name}-{sentences.fingerprint[:16]}",
        "recalibration": job.evaluation.recalibration.model_dump(),
    }


def _open_run(
    run: RunFiles, values: Mapping[str, Any], *, threads: int | None, missing: str | None, device: str | None
) -> ReadyTracker:
    import torch

    from asymnas.nn import recalibrate
    from asymnas.tracking.task.candidate import torch_threads
    from asymnas.tracking.task.data import sentences_of
    from asymnas.tracking.task.workers import recalibration_batches, threads_of, trainable_tracker

    job = _with_options(run.job, values, missing)
    sentences = sentences_of(job)
    with torch_threads(threads_of(job.resources)):  # the run's own, so that the statistics are too
        model = trainable_tracker(job, sentences.dim)
        _load(run, model, own=run.job.tracker.options.get("missing"), missing=missing)
        wanted = device or ("cuda" if job.resources.gpus_per_worker > 0 and torch.cuda.is_available() else "cpu")
        model = model.to(wanted).eval()
        path = run.architecture.genes
        key = statistics_key(job, run.architecture, run.weights_hash, sentences)
        own = job is run.job and run.own
        if not load_statistics(run.folder, key, model, own=own):
            batches = recalibration_batches(job, sentences, wanted)
            with torch.inference_mode():
                recalibrate(model, batches, lambda batch: model(batch, path))
            if own:
                _keep(run, key, model)
        model.eval()
    if threads is not None:
        _set_threads(threads)
    settings = _run_settings(run, job, sentences) | {"device": wanted}
    return ReadyTracker(
        run.name, model, path, settings, reads_language=True, lockstep=job.evaluation.lockstep, _sentences=sentences
    )


def _keep(run: RunFiles, key: Mapping[str, str], model: TrainableTracker) -> None:
    """Keep the statistics of a run that has none, so that it opens quickly and without its training data next time."""
    from asymnas.nn import statistics_of

    try:
        save_statistics(run.folder, key, statistics_of(model))
    except WeightsError as error:  # a run folder may be read-only
        logger.info("the statistics are not kept: %s", error)


def _with_options(job: Job, values: Mapping[str, Any], missing: str | None) -> Job:
    """The run's job with other options of its tracker."""
    from asymnas.job import TrackerJob

    plugin = get_tracker(job.tracker.name)
    more = dict(values)
    if missing is not None:
        if "missing" not in plugin.options.model_fields:
            rule = "has no strategies for missing sentences"
            raise TrackerError(Problem(f"tracker '{plugin.name}'", rule, repr(missing)))
        more["missing"] = missing
    if not more:
        return job
    checked_options(plugin, {**job.tracker.options, **more})
    return job.model_copy(update={"tracker": TrackerJob(name=plugin.name, **{**job.tracker.options, **more})})


def _load(run: RunFiles, model: TrainableTracker, *, own: str | None, missing: str | None) -> None:
    """Load the weights; only what stands for missing sentences may be left over under another strategy."""
    from asymnas.nn import load_weights, weights_hash

    if missing in (None, own):
        load_weights(run.weights, model)
    else:
        found = load_weights(run.weights, model, strict=False)
        where = str(run.weights)
        if found.missing:
            rule = f"holds no weights for missing={missing}, for it was trained with missing={own}"
            way_out = f"Train with `--set tracker.missing={missing}`; such a run tracks with both."
            raise WeightsError(Problem(where, rule, way_out=way_out))
        foreign = [key for key in found.unexpected if ".template_embedding." not in key]
        if foreign:
            raise WeightsError(Problem(where, "unexpected tensors in the file", ", ".join(foreign[:5])))
    if weights_hash(run.weights) != run.weights_hash:
        rule = f"is not the file of the run, whose hash is {run.weights_hash}"
        raise WeightsError(Problem(str(run.weights), rule, weights_hash(run.weights), "Restore the run folder."))


def _set_threads(count: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)
