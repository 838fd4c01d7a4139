"""Diagnosis of a run: how far its scores can be trusted to rank architectures, from its log and by measuring anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asymnas.core.errors import DataError, Problem, RunFolderError
from asymnas.runs.diagnosis import DIAGNOSIS, Diagnosis, Ranking, read_diagnosis
from asymnas.runs.read import RunData, read_run
from asymnas.runs.summary import RunSummary
from asymnas.runs.times import Reporter
from asymnas.study.diagnosis.rankings import ScoreTable, agreements, ranking, tables_of
from asymnas.study.diagnosis.remeasure import Remeasured, remeasured

STAGES = (("search",), ("random",), ("search", "random"), ("finals",), ("random finals",))
"""What is diagnosed: stages, and two of them together."""

SAMPLE = 16
"""Random architectures that are measured anew, unless another number is asked for."""

MEASURED = (
    "new_items",
    "new_agreement",
    "estimator_check",
    "conditions",
    "recalibration",
    "seeds",
    "standalone",
    "held",
)
"""Fields of a diagnosis that need measuring."""

_SHARES = {
    0.1: "a tenth", 0.2: "a fifth", 0.25: "a quarter", 1 / 3: "a third", 0.4: "two fifths", 0.5: "half",
    0.6: "three fifths", 2 / 3: "two thirds", 0.75: "three quarters", 0.8: "four fifths", 0.9: "nine tenths",
}  # fmt: skip


def diagnose(
    folder: Path | str,
    *,
    items: int | None = None,
    sample: int = SAMPLE,
    archive: int = 0,
    reward: str | None = None,
    recalibration: bool = False,
    conditions: bool = False,
    seeds: Sequence[Path | str] = (),
    standalone: int | None = None,
    hold: Sequence[str] = (),
    workers: int | None = None,
    engine: str | None = None,
    progress: Reporter | None = None,
) -> Diagnosis:
    """Say how far the scores of a run can be trusted to rank architectures; write it to the run's diagnosis.json.

    Without switches nothing is computed but statistics of the log; what was measured by an earlier diagnosis stays in
    the file. With them a sample of random architectures and the best one of the search are measured with the
    supernet's weights, and the evaluations go to `diagnosis/evaluations.jsonl` in the run folder: a diagnosis that was
    interrupted goes on where it stopped.

    Args:
        folder: of a search, finished or not.
        items: number of items that no stage of the run used, on which the sample is measured.
        sample: number of random architectures of the sample, drawn by the job's seed.
        reward: name of the reward that the sample is measured by; that of the job by default.
        archive: number of other architectures of the search that the sample has too.
        recalibration: measure the sample with 1, 2, 4, 8 and 16 recalibration batches.
        conditions: measure the sample under each of the task's conditions.
        seeds: folders of other runs of the same space and model, whose supernets measure the sample too.
        standalone: number of architectures that are trained alone, at least 4: random ones and the best of the search.
            Each is trained as the job says; its run is kept in `diagnosis/standalone`.
        hold: branches; for each as many again are trained alone that have the best one's genes in it.
        workers: processes; those of the job by default.
        engine: "ray" or "inprocess"; that of the job by default.
        progress: told of every evaluation.

    Raises:
        RunFolderError: it is no folder of a search, or a file of it is corrupt, or the supernet is not trained yet, or
            a run of `seeds` is of another space.
        DataError: the task has not so many further items.
        JobError: the task has no such reward, the space no such branch, or a held branch leaves too little to choose.
    """
    run = read_run(folder)
    if run.job.get("kind") == "compare":
        way_out = "Give the folder of one of its searches."
        raise RunFolderError(Problem(str(folder), "must be the folder of a search", "a comparison", way_out))
    earlier, found = read_diagnosis(run.folder), from_log(run)
    parts = {name: getattr(earlier, name) for name in MEASURED} if earlier else {}
    if items or recalibration or conditions or seeds or standalone:
        others = tuple(Path(other) for other in seeds)
        wanted = Remeasured(
            items, sample, archive, recalibration, conditions, others, standalone, tuple(hold), reward, workers, engine
        )
        parts |= remeasured(run, wanted, _nouns(run), progress)
    found = found.model_copy(update=parts)
    found.write(run.folder / DIAGNOSIS)
    return found


def from_log(run: RunData) -> Diagnosis:
    """Return what the log of a search says, finished or not; nothing is measured or written."""
    nouns, rankings, tables = _nouns(run), [], []
    stages = {item.stage for item in run.evaluations if item.ok}
    for names in STAGES:
        if stages >= set(names):
            tables = tables_of(run.evaluations, names, nouns)
            rankings += [found for table in tables if (found := _ranking(table)) is not None]
    tables = tables_of(run.evaluations, STAGES[2], nouns)
    search = run.summary.search if isinstance(run.summary, RunSummary) else None
    estimator = search.reliability if search else None
    return Diagnosis(
        job=str(run.job.get("name", run.folder.name)),
        sentence=sentence(rankings, estimator),
        rankings=rankings,
        agreements=agreements(tables),
        estimator_reliability=estimator,
    )


def _nouns(run: RunData) -> dict[str, str]:
    return {"validation": run.summary.noun if isinstance(run.summary, RunSummary) else "items"}


def _ranking(table: ScoreTable) -> Ranking | None:
    """A table of a single architecture, or of single items, ranks nothing."""
    try:
        return ranking(table)
    except DataError:
        return None


def sentence(rankings: Sequence[Ranking], estimator: float | None = None) -> str:
    """Return the diagnosis in plain words: of the last rung of the search, which selects parents by it."""
    rungs = [item for item in rankings if item.stage == "search"] or [
        item for item in rankings if item.stage == "random"
    ]
    if not rungs:
        return "Too few architectures or items were scored to tell how well the reward orders architectures."
    *lower, found = rungs
    trust, what = found.reliability, "The reward of the last rung" if lower else "This reward"
    text = (
        f"{what} orders architectures with reliability {trust.value:.2f} [{trust.low:.2f}, {trust.high:.2f}] "
        f"({found.items:,} {found.noun}, {found.architectures} architectures): "
        f"{share_text(1 - trust.value)} of {'what selects parents' if estimator is None else 'this score'} is noise."
    )
    needed = found.needed["0.9"].value
    if needed is None:
        text += f" No spread between architectures is seen, so no number of {found.noun} is known to be enough."
    elif needed > found.items:
        text += f" {needed:,} {found.noun} would give 0.9."
    if lower:
        text += f" Lower rungs: {'; '.join(f'{item.name} {item.reliability.value:.2f}' for item in lower)}."
    if estimator is not None:
        text += f" The estimator, which ranks by all that was measured, has reliability {estimator:.2f}."
    return text


def share_text(share: float) -> str:
    """Return a share in [0, 1] in words where there is a simple one, such as `four fifths`, else in percent."""
    near = min(_SHARES, key=lambda known: abs(known - share))
    if share > 0.995:
        return "all"
    return _SHARES[near] if abs(near - share) <= 0.025 else f"{share:.0%}"
