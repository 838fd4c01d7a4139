"""Whole runs by several objectives and by an estimator: killed and resumed, their files, report and export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_any_task import _job, guess  # noqa: F401 - the task's fixture
from typer.testing import CliRunner

from asymnas.cli import app
from asymnas.core.errors import JobError, RunFolderError
from asymnas.job import load_job
from asymnas.report import write_report
from asymnas.runs import read_run
from asymnas.space import load_architecture
from asymnas.study import run_job

OBJECTIVES = ["condition:both", "condition:left", "macs"]
COMMON = {"population": 4, "parents": 2, "mutants": 2, "children": 1, "generations": 3}
LADDER = {
    "recalibration": {"batches": 2, "batch_size": 6},
    "ladder": [{"reward": "best", "items": 2, "keep": 0.75}, {"items": 2}],
    "finals": [{"items": 1}],
}
KINDS: dict[str, dict[str, Any]] = {
    "nsga2": {"search": COMMON | {"algorithm": "nsga2", "objectives": OBJECTIVES}},
    "nsga2 with an estimator": {
        "search": COMMON | {"algorithm": "nsga2", "objectives": ["reward", "macs"], "estimator": True, "screen": 2},
        "evaluation": LADDER,
    },
    "local with an estimator": {
        "search": COMMON | {"algorithm": "local", "batch": 3, "estimator": True, "screen": 3},
        "evaluation": LADDER,
    },
}


class Killed(BaseException):
    """Stands for the end of the process."""


def told(summary: Any) -> dict[str, Any]:
    plain = summary.model_dump(mode="json")
    del plain["seconds"], plain["training"]["seconds"]
    return plain


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_resumed(tmp_path: Path, kind: str) -> None:
    job = load_job(_job(**KINDS[kind]))
    job = load_job(_job(**KINDS[kind]))
    whole, starts = run_job(job, tmp_path / "whole"), 0
    resumed = None
    while resumed is None:
        starts += 1
        seen = iter(range(9 * starts))

        def kill(evaluation: Any, seen: Any = seen) -> None:
            if next(seen, None) is None:
                raise Killed

        try:
            resumed = run_job(job, tmp_path / "run", resume=starts > 1, on_evaluation=kill)
        except Killed:
            with (tmp_path / "run" / "evaluations.jsonl").open("a") as log:
                log.write('{"version":2,"key":"torn')
    assert starts >= 3
    assert told(resumed) == told(whole)
    for name in ("pareto.json",) if "nsga2" in kind else ():
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    if "estimator" in kind:
        assert sum(row.share for row in whole.search.importance) == pytest.approx(1)
        assert {row.branch for row in whole.search.importance} == {"left", "right"}
        assert len(whole.search.effects) == 8


def test_the_front_of_a_run_in_its_report_and_exported(tmp_path: Path) -> None:
    run_job(load_job(_job(**KINDS["nsga2"])), tmp_path / "run")
    front = read_run(tmp_path / "run").pareto
    assert front is not None and front.objectives == OBJECTIVES and len(front.hypervolume) == 3
    assert front.hypervolume == sorted(front.hypervolume) and len(front.points) + len(front.others) == 12
    page = write_report(tmp_path / "run").read_text()
    assert "Pareto front" in page and front.points[0].key in page

    def export(*words: str) -> Any:
        return CliRunner().invoke(app, ["export", str(tmp_path / "run"), *words])

    for pick in ("knee", "best-macs", "1", "macs<=1e9"):
        out = tmp_path / "picked.json"
        assert export("--pick", pick, "-o", str(out)).exit_code == 0
        found = load_architecture(out)
        assert found.architecture.key == front.pick(pick).key
        assert found.score["objectives"] == front.pick(pick).values and found.provenance["picked"] == pick
        assert json.loads(out.read_text())["cost"]["total"]["macs"] == front.pick(pick).values["macs"]
    failed = export("--pick", "elbow")
    assert failed.exit_code != 0 and "must be a point of the front" in failed.output
    assert "goes not with --to vot" in export("--pick", "knee", "--to", "vot").output


def test_latencies_are_measured_once(tmp_path: Path) -> None:
    search = COMMON | {"algorithm": "nsga2", "objectives": ["reward", "latency.left"]}
    job = load_job(_job(search=search))
    run_job(job, tmp_path / "run")
    table = json.loads((tmp_path / "run" / "latency.json").read_text())
    front = read_run(tmp_path / "run").pareto
    assert front is not None
    for point in front.points:
        times = [table["milliseconds"][gene][op] for gene, op in point.genes.items() if gene.startswith("left.")]
        assert point.values["latency.left"] == pytest.approx(sum(times))
    assert " ms" in write_report(tmp_path / "run").read_text()
    run_job(job, tmp_path / "run", resume=True)
    assert json.loads((tmp_path / "run" / "latency.json").read_text()) == table
    assert read_run(tmp_path / "run").pareto == front
    (tmp_path / "run" / "latency.json").write_text("{}")
    with pytest.raises(RunFolderError, match="must be the latencies of a run"):
        run_job(job, tmp_path / "run", resume=True)


def test_random_search_gets_what_the_search_used(tmp_path: Path) -> None:
    """A generation of four costs 3 items under two conditions each: 25 are used up in the second."""
    summary = run_job(load_job(_job(search=COMMON | {"budget_items": 25})), tmp_path / "run")
    assert summary.search.budget == summary.random_search.budget == 8


def test_export_pick_of_another_run(tmp_path: Path) -> None:
    run_job(load_job(_job()), tmp_path / "run")
    failed = CliRunner().invoke(app, ["export", str(tmp_path / "run"), "--pick", "knee"])
    assert failed.exit_code != 0 and "searched by several objectives" in failed.output


@pytest.mark.parametrize(
    ("search", "evaluation", "text"),
    [
        ({"objectives": ["reward", "macs.middle"]}, {}, r"search\.objectives: must name a branch of the space"),
        ({"objectives": ["reward", "speed"]}, {}, "must name an objective, not 'speed'"),
        ({"objectives": ["reward"]}, {}, "objectives"),
        ({"objectives": ["reward", "worst_condition"], "estimator": True, "screen": 2}, {}, "screen: must be 1"),
        ({"objectives": ["reward", "worst_condition"]}, {"ladder": [{"items": 1, "keep": 0.5}, {}]}, "must keep all"),
    ],
)
def test_what_a_job_may_not_ask(search: dict[str, Any], evaluation: dict[str, Any], text: str) -> None:
    with pytest.raises(JobError, match=text):
        load_job(_job(search=COMMON | {"algorithm": "nsga2"} | search, evaluation=evaluation))


def test_conditions_that_the_task_does_not_score(tmp_path: Path) -> None:
    search = COMMON | {"algorithm": "nsga2", "objectives": ["reward", "condition:right"]}
    with pytest.raises(JobError, match="condition:right needs a search that scores several conditions"):
        run_job(load_job(_job(search=search)), tmp_path / "run")
