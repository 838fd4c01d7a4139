"""Retraining: the model of one architecture, trained alone from scratch and scored on the job's items."""

from __future__ import annotations

from pathlib import Path

from asymnas.job import Job
from asymnas.runs.folder import RunFolder
from asymnas.runs.summary import RunSummary
from asymnas.runs.times import Reporter
from asymnas.search import Request, ResultLog, ScoreSettings
from asymnas.space import load_architecture
from asymnas.study._final import final_requests, test_results
from asymnas.study._session import OnEvaluation, Session
from asymnas.study._summary import summarised
from asymnas.training import train_subnet


def retrain(
    architecture: Path | str,
    job: Job,
    folder: Path | str,
    *,
    resume: bool = False,
    fresh: bool = False,
    progress: Reporter | None = None,
    on_evaluation: OnEvaluation | None = None,
    test: bool = True,
) -> RunSummary:
    """Train one architecture (a file, or the name of a shipped one) alone and score it on validation and test items.

    The job says how to train; its space is replaced by that of the architecture. Without `test` there is no score on
    test items. The rest is as for `run_job`.
    """
    found = load_architecture(architecture).architecture
    job = job.model_copy(update={"space": found.space.to_dict()})
    with RunFolder.open(folder, job, resume=resume, fresh=fresh) as run:
        session = Session(job, run, progress, on_evaluation)
        task = session.task
        training = session.train(train_subnet, found, weights=run.weights.name)
        requests = {"validation": Request.of(found, "validation", task.scored)}
        test = test and "test" in task.splits
        if test:
            requests |= final_requests(task, found, None, ())
        log, settings = ResultLog(run.evaluations), ScoreSettings.of(task, training.weights_hash)
        with session.pool() as pool:
            named = session.evaluated(requests, found, pool=pool, log=log, settings=settings)
        validation = named.pop("validation")
        tests = test_results(task, job, named) if test else None
        summary = summarised(
            session, found, training, kind="retrain", validation=validation if validation.ok else None, test=tests
        )
        summary.write(run.summary)
        return summary
