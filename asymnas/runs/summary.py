"""What a finished run says: one typed summary, written to summary.json and read from it by the same classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from asymnas.core.files import write_text
from asymnas.core.models import Finite, Record
from asymnas.core.statistics import Interval
from asymnas.runs.record import read_record


class Score(Record):
    """A score on a set of items.

    Args:
        value: of the whole.
        se: standard error over items; None for a single item.
        items: the value of each item, by name.
        facts: what must stand beside it, such as the protocol and the number of frames.
        by_condition: the value under each condition that it is the mean of.
        measures: further numbers of the whole.
    """

    value: Finite
    se: Finite | None = None
    items: dict[str, Finite] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)
    by_condition: dict[str, Finite] = Field(default_factory=dict)
    measures: dict[str, Finite] = Field(default_factory=dict)


class PartScore(Record):
    """A score on the `n` items of a named part."""

    value: Finite
    se: Finite | None = None
    n: int


class BaselineScore(Score):
    """A baseline on the same items; `difference` is the found architecture's score minus its own, paired by item."""

    difference: Interval | None = None
    parts: dict[str, PartScore] = Field(default_factory=dict)


class MedianScore(Record):
    """Random architectures on the same items; `difference` is the found one's score minus their median."""

    n: int
    median: Finite
    scores: list[Finite]
    asked: int | None = None
    difference: Interval | None = None


class ConditionEffect(Record):
    """The found architecture under two conditions: `difference` is `reference` minus `other`, paired by item.

    `part` is a named part of the split, or "all"; it has `n` items.
    """

    reference: str
    other: str
    part: str
    n: int
    reference_value: Finite
    other_value: Finite
    difference: Interval


class TestResults(Record):
    """What the held-out items say; `failed` has the error of each evaluation that could not be scored, by its name."""

    __test__ = False  # no test of pytest's

    best: Score | None = None
    parts: dict[str, PartScore] = Field(default_factory=dict)
    baselines: dict[str, BaselineScore] = Field(default_factory=dict)
    random_search: Score | None = None
    random_architectures: MedianScore | None = None
    conditions: list[ConditionEffect] = Field(default_factory=list)
    failed: dict[str, str] = Field(default_factory=dict)


class RewardName(Record):
    """The reward: as logs name it and as tables do."""

    name: str
    title: str


class ClimbedReward(RewardName):
    """The reward that a search climbs, and what its items are, in the plural."""

    noun: str


class ArchitectureSummary(Record):
    """An architecture: its key, the op of each gene, and a drawing of them as text."""

    key: str
    genes: dict[str, str]
    drawing: str


class FinalistSummary(Record):
    """A finalist: its score in the finals, what it is worth with all evidence (`sd`), and its chance to be the best."""

    key: str
    value: Finite
    se: Finite | None = None
    worth: Finite
    sd: Finite
    chance: Finite


class EffectSummary(Record):
    """What an op adds to the worth at a free gene, against the mean of the gene's ops."""

    gene: str
    op: str
    mean: Finite
    sd: Finite


class BranchImportance(Record):
    """How much the genes of a branch, or its mixers, matter.

    `share` is of the variance of the estimator's main effects over the space; `ped_anova` that of PED-ANOVA over what
    was measured, None where Optuna was not installed or too little was measured.
    """

    branch: str
    share: Finite
    ped_anova: Finite | None = None


class SearchCounts(Record):
    """What a search computed (`evaluated`), what another stage had scored already (`from_log`), and its finals.

    `genes` are the winner's. `reliability` is the estimator's: the share of the variance between the architectures'
    worths that it knows.
    `effects` and `importance` are what an estimator learnt.
    """

    algorithm: str
    budget: int
    evaluated: int
    from_log: int
    failed: int
    generations: int | None = None
    best: Score | None = None
    genes: dict[str, str] = Field(default_factory=dict)
    finalists: list[FinalistSummary] = Field(default_factory=list)
    reliability: Finite | None = None
    effects: list[EffectSummary] = Field(default_factory=list)
    importance: list[BranchImportance] = Field(default_factory=list)


class CostSummary(Record):
    """Multiply-accumulates and parameters by branch, and the multiply-accumulates a frame of a long video."""

    branches: dict[str, dict[str, int]]
    amortised_macs: Finite
    amortised_frames: int


class TrainingSummary(Record):
    """What training cost and where it ended; `samples` are those seen."""

    steps: int
    samples: int
    seconds: Finite
    losses: dict[str, Finite]


class _SummaryFile(Record):
    def write(self, file: Path) -> None:
        """Write the summary, whole or not at all."""
        write_text(file, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote."""
        found = _read(file, cls)
        assert isinstance(found, cls)
        return found


def _read(file: Path, model: Any) -> Any:
    rule = "must be the summary of a finished run of this version"
    way_out = "Restore the file; or remove it and resume the run; a run of an older version starts anew."
    return read_record(file, model, rule, way_out)


class RunSummary(_SummaryFile):
    """The summary of a search or of a retraining."""

    kind: Literal["search", "retrain"] = "search"
    task: str
    job: str
    job_hash: str
    seed: int
    space: str
    space_hash: str
    reward: RewardName
    """What the test measures."""
    climbed: ClimbedReward
    """What the search climbed."""
    noun: str
    """What the items are, in the plural."""
    architecture: ArchitectureSummary
    validation: Score | None = None
    search: SearchCounts | None = None
    random_search: SearchCounts | None = None
    cost: CostSummary
    training: TrainingSummary
    weights_hash: str
    test: TestResults | None = None
    seconds: dict[str, Finite]
    versions: dict[str, str]


class ArmSeed(Record):
    """What one seed of a comparison's arm gave.

    `gap` is validation minus test; None where the search climbed another reward than the test has.
    """

    seed: int
    architecture: str
    validation: Finite
    test: Finite
    gap: Finite | None = None
    random_search_test: Finite | None = None
    random_median_test: Finite | None = None


class ArmResult(Record):
    """All seeds of an arm, their mean numbers, the gap's interval, evaluations of a search, mean seconds of a run."""

    seeds: list[ArmSeed]
    mean: dict[str, Finite]
    gap: Interval | None = None
    budget: int
    seconds: Finite


class Prospect(Record):
    """What a budget sees: half the width of the interval, and the difference detectable with 80 % power."""

    seeds: int
    items: int
    half_width: Finite
    detectable: Finite


class Outlook(Record):
    """What this budget, the first of the prospects, and larger ones see; as rough as the deviations are known.

    `sd` is the deviation of one paired difference by factor: "seed", "item", "interaction" (with all noise); `share`
    each one's part in the mean's variance. `seeds_needed`, at as many items, bring the half-width down to the margin.
    """

    sd: dict[str, Finite]
    share: dict[str, Finite]
    prospects: list[Prospect]
    seeds_needed: int | None = None


class PowerSummary(Outlook):
    """What a comparison is able to see, known before it starts; `source` says from where."""

    source: str
    noun: str
    level: Finite
    margin: Finite


class Difference(Record):
    """The difference of two arms in one kind of score; `equivalent`: its interval lies within the margin."""

    kind: str
    first: str
    other: str
    difference: Interval
    per_seed: list[Finite]
    items: int
    equivalent: bool
    verdict: str
    outlook: Outlook


class CompareSummary(_SummaryFile):
    """The summary of a comparison.

    `climbed` is the reward of the validation scores; `power` is what was known before it, None where nothing was.
    """

    kind: Literal["compare"] = "compare"
    task: str
    job: str
    reward: RewardName
    climbed: ClimbedReward
    noun: str
    training: TrainingSummary
    test_items: int
    test_facts: dict[str, Any]
    validation_items: int
    level: Finite
    margin: Finite
    seeds: list[int]
    power: PowerSummary | None = None
    arms: dict[str, ArmResult]
    differences: list[Difference]
    seconds: Finite
    versions: dict[str, str]

    @property
    def alike(self) -> bool:
        """Whether validation and test are scores of one reward."""
        return self.climbed.name == self.reward.name


class UnfinishedSummary(Record):
    """What the log of a run that is not finished says so far: training steps done, candidates scored, the best one."""

    kind: Literal["unfinished"] = "unfinished"
    task: str
    job: str
    seed: int | None = None
    steps: int | None = None
    evaluated: int
    reward: str
    validation: Score | None = None


def read_summary(file: Path) -> RunSummary | CompareSummary | None:
    """Read the summary of a run or of a comparison; None where there is none."""
    found = _read(file, Annotated[RunSummary | CompareSummary, Field(discriminator="kind")]) if file.is_file() else None
    assert found is None or isinstance(found, RunSummary | CompareSummary)
    return found
