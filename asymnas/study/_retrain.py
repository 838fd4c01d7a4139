"""Retraining: the tracker of one architecture, trained alone from scratch and scored on the job's videos."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from asymnas.core.versions import versions
from asymnas.job import Job
from asymnas.runs.folder import RunFolder
from asymnas.search import Evaluation, ResultLog, Task
from asymnas.space import Architecture, draw, load_architecture
from asymnas.study._session import Reporter, Session
from asymnas.study._summary import cost_table, training_table
from asymnas.tracking.task.final import final_tasks, final_tests
from asymnas.tracking.task.statistics import score_table
from asymnas.tracking.task.workers import training_config, training_setup
from asymnas.training import TrainingResult, train_subnet

__all__ = ["retrain"]


def retrain(
    architecture: Path | str, job: Job, folder: Path, *, resume: bool = False, fresh: bool = False, progress: Reporter
) -> dict[str, Any]:
    """Train one architecture alone and score it on the validation and test videos.

    Args:
        architecture: an architecture.json, or the name of an architecture that comes with AsymNAS.
        job: says how to train; its space is replaced by the one the architecture is of.
        folder: the run folder.
        resume: go on with the run that the folder holds.
        fresh: delete the run that the folder holds.
        progress: told of every step.

    Returns:
        The summary, also written to summary.json.

    Raises:
        AsymNASError: what is wrong with the architecture, job, data or run folder.
    """
    found = load_architecture(architecture).architecture
    job = job.model_copy(update={"space": found.space.to_dict()})
    reads = {"the architecture": str(architecture)}
    with RunFolder.open(folder, job, resume=resume, fresh=fresh, reads=reads) as run:
        return _Retraining(job, run, progress).complete(found)


class _Retraining(Session):
    """A retraining from beginning to end."""

    def complete(self, architecture: Architecture) -> dict[str, Any]:
        """Train, then score."""
        job, run = self.job, self.run
        with self.stage("sentences"):
            self.prepare_sentences()
        with self.stage("training"):
            training = train_subnet(
                partial(training_setup, job),
                architecture,
                training_config(job),
                run.path,
                weights=run.weights.name,
                engine=job.resources.engine,
                resume=True,
                on_progress=self.trained,
                address=job.resources.address,
                cpus=self.cpus,
            )
        tasks = {"validation": Task.of(architecture, "validation", job.evaluation.language)}
        if "test" in self.sets:
            tasks |= final_tasks(job, architecture, None, ())
        log, settings = ResultLog(run.evaluations), self.settings(training.weights_hash)
        with self.evaluator() as evaluator, self.stage("test"):
            named = self.evaluated(tasks, architecture, evaluator=evaluator, log=log, settings=settings)
        summary = self._summary(architecture, training, named)
        run.write_json("summary.json", summary)
        self.report()
        return summary

    def _summary(
        self, architecture: Architecture, training: TrainingResult, named: dict[str, Evaluation]
    ) -> dict[str, Any]:
        job = self.job
        validation = named.pop("validation")
        summary: dict[str, Any] = {
            "job": job.name,
            "job_hash": job.hash,
            "space": self.space.name,
            "space_hash": self.space.hash,
            "seed": job.seed,
            "protocol": job.evaluation.protocol,
            "architecture": {
                "key": architecture.key,
                "genes": dict(architecture.genes),
                "drawing": draw(architecture),
            },
            "cost": cost_table(self.space.cost(architecture)),
            "training": training_table(job, training),
            "weights_hash": training.weights_hash,
            "test": final_tests(job, self.sets["test"][0], named) if "test" in self.sets else {},
            "seconds": self.seconds,
            "versions": versions(),
        }
        if validation.ok:
            summary["validation"] = score_table(
                validation.videos, validation.frames, protocol=validation.protocol, language=validation.language
            )
        return summary
