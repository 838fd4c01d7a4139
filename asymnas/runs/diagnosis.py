"""What a diagnosis says of a run: how far its scores can be trusted to rank; the model of diagnosis.json."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from asymnas.core.files import write_text
from asymnas.core.models import Finite, Record
from asymnas.core.statistics import Interval
from asymnas.runs.record import read_record

DIAGNOSIS = "diagnosis.json"


class ItemsNeeded(Record):
    """Items for a reliability, with the ends of the interval; None: no number is enough."""

    value: int | None
    low: int | None
    high: int | None


class Ranking(Record):
    """How well one reward on one set of items ranks the architectures of a stage.

    Args:
        stage: name in the log; "search and random" for both together.
        reward: name of the reward.
        rung: number of the ladder's rung, from 0; None where the log has no rungs.
        noun: what the items are, in the plural.
        items: number of items that all architectures have; the analysis is of these.
        architectures: number analysed.
        scored: architectures with any score; more than `architectures` where some share too few items.
        failed: architectures without a score.
        architecture, item, residual: variances, see `asymnas.core.reliability`.
        reliability: of the mean of the items, in [0, 1].
        split_half_tau: Kendall tau between random halves of the items; None where scores are all equal.
        needed: items for a reliability, by "0.8" and "0.9".
        best_tenth: probability that the highest mean is truly among the best tenth; its ends are those of the
            reliability's interval.
        lead: highest mean minus mean of all.
        shrinkage: what of the lead is expected to vanish on new items.
        shrinkage_by_order: the same expected of the best of as many, whatever this one's lead is.
        not_worse: how many others cannot be told from the highest, by paired tests.
        seconds: mean time to score one architecture; None where all scores are copies of others.
    """

    stage: str
    reward: str
    rung: int | None = None
    noun: str = "items"
    items: int
    architectures: int
    scored: int
    failed: int = 0
    architecture: Interval
    item: Interval
    residual: Interval
    reliability: Interval
    split_half_tau: Interval | None
    needed: dict[str, ItemsNeeded]
    best_tenth: Interval
    lead: Finite
    shrinkage: Finite
    shrinkage_by_order: Finite
    not_worse: int
    seconds: Finite | None = None

    @property
    def name(self) -> str:
        """The measure, such as `suc, 20 videos`."""
        return f"{self.reward}, {self.items:,} {self.noun}"

    def at(self, items: float) -> Interval:
        """Return the reliability of a mean of `items` items (Spearman and Brown)."""
        k = items / self.items
        return self.reliability.mapped(lambda end: k * end / (1 + (k - 1) * end))


class RankAgreement(Record):
    """How alike two measures rank the same architectures.

    Args:
        first: name of the one measure.
        other: name of the other.
        architectures: number that both have.
        tau: Kendall tau of the means, as measured.
        corrected: the same without the noise of both sides; None where a side has no reliability.
        first_reliability: reliability of the one side as it went into `tau`.
        other_reliability: of the other.
        how: which items were compared.
        x, y: (architectures,) means.
        x_se, y_se: standard error of a mean, of what differs between architectures.
    """

    first: str
    other: str
    architectures: int
    tau: Interval
    corrected: Interval | None
    first_reliability: Finite
    other_reliability: Finite
    how: str
    x: list[Finite] = Field(default_factory=list)
    y: list[Finite] = Field(default_factory=list)
    x_se: Finite = 0.0
    y_se: Finite = 0.0


class RecalibrationNoise(Record):
    """What the number of recalibration batches does to the scores of the same architectures on the same items.

    Args:
        batches: numbers of batches.
        means: mean score over the architectures, by number.
        spread: standard deviation between architectures, the numbers' own shifts taken out.
        noise: standard deviation of an architecture's score between numbers, beyond a shift that all share.
        agreement: of each number but the largest with the largest; None where scores are all equal.
    """

    batches: list[int]
    means: list[Finite]
    spread: Interval
    noise: Interval
    agreement: list[RankAgreement | None]


class EstimatorCheck(Record):
    """What the search's estimator says of a sample against new items, which it has not seen.

    Args:
        architectures: number of the sample.
        items: number of new items.
        tau: Kendall tau of the worths with the means of the new items.
        corrected: the same without the noise of the new items; None where they have no reliability.
        truth_reliability: of the means of the new items.
        level: coverage that the worths' intervals are to have.
        coverage: share of the means of new items inside, in [0, 1], the noise of the new items taken into account; None
            where the new items are of another reward than the estimator's.
        worths, sds, truths: (architectures,) worth, its standard deviation, and mean of the new items.
    """

    architectures: int
    items: int
    tau: Interval
    corrected: Interval | None
    truth_reliability: Interval
    level: Finite
    coverage: Finite | None
    worths: list[Finite] = Field(default_factory=list)
    sds: list[Finite] = Field(default_factory=list)
    truths: list[Finite] = Field(default_factory=list)


class Diagnosis(Record):
    """How far the scores of a run can be trusted to rank architectures.

    Args:
        job: name of the job.
        sentence: the diagnosis in plain words.
        rankings: by stage and rung, from the log.
        agreements: between the rungs of the log.
        estimator_reliability: of the estimator's ranking, where the run has one.
        new_items: a sample of architectures on items that no stage used.
        estimator_check: of the estimator with the new items, over the sample, where the run has one.
        new_agreement: of the scores of the log's items with those of the new ones, over the sample.
        conditions: agreement between conditions, over the sample.
        recalibration: noise of the normalisation statistics, over the sample.
        seeds: agreement of the supernets of several runs, over the sample.
        standalone: agreement of the supernet with architectures trained alone.
        held: the same among architectures that have one branch in common, by branch.
    """

    kind: Literal["diagnosis"] = "diagnosis"
    job: str
    sentence: str
    rankings: list[Ranking] = Field(default_factory=list)
    agreements: list[RankAgreement] = Field(default_factory=list)
    estimator_reliability: Finite | None = None
    new_items: Ranking | None = None
    new_agreement: RankAgreement | None = None
    estimator_check: EstimatorCheck | None = None
    conditions: list[RankAgreement] = Field(default_factory=list)
    recalibration: RecalibrationNoise | None = None
    seeds: list[RankAgreement] = Field(default_factory=list)
    standalone: RankAgreement | None = None
    held: list[RankAgreement] = Field(default_factory=list)

    def write(self, file: Path) -> None:
        """Write the diagnosis, whole or not at all."""
        write_text(file, self.model_dump_json(indent=1) + "\n")


def read_diagnosis(folder: Path) -> Diagnosis | None:
    """Read the diagnosis in a run folder; None where there is none.

    Raises:
        RunFolderError: the file is no diagnosis of this version.
    """
    file = folder / DIAGNOSIS
    if not file.is_file():
        return None
    way_out = f"Remove it and make it anew: `asymnas diagnose {folder}`."
    found: Diagnosis = read_record(file, Diagnosis, "must be a diagnosis of this version", way_out)
    return found
