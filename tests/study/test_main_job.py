"""The main job in small: its run folder, its numbers, and that kills, workers and engines change nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from asymnas.core.errors import RunFolderError
from asymnas.job import load_job
from asymnas.runs import RunSummary
from asymnas.search import ResultLog
from asymnas.space import load_architecture
from asymnas.study import run_job

FILES = (
    "job.yaml",
    "space.json",
    "supernet.safetensors",
    "evaluations.jsonl",
    "architecture.json",
    "summary.json",
    "log.txt",
    "training.jsonl",
)


def _archive(folder: Path) -> dict[tuple[str, int], tuple]:
    """What was scored and how, by stage and place."""
    return {
        (item.stage, item.index): (item.genes, item.baseline, item.value, item.items, item.status)
        for item in ResultLog(folder / "evaluations.jsonl")
    }


def test_a_run_leaves_a_whole_folder(reference):
    folder, summary, stages = reference
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert RunSummary.read(folder / "summary.json") == summary
    assert [stage for stage in stages if stage != "preparation"] == [
        "training",
        "search",
        "finals",
        "random search",
        "random finals",
        "test",
    ]


def test_the_budget_is_kept_and_the_winner_is_the_best_finalist(reference):
    folder, summary, _ = reference
    archive = _archive(folder)
    search = {key: value for key, value in archive.items() if key[0] == "search"}
    assert len(search) == 2 * 12  # two rungs
    assert len({json.dumps(value[0], sort_keys=True) for value in search.values()}) == 12
    assert summary.random_search.budget == summary.search.budget == 12
    for counts in (summary.search, summary.random_search):
        assert len(counts.finalists) == 2 and sum(item.chance for item in counts.finalists) == pytest.approx(1)
        assert 0 <= counts.reliability <= 1
    best, other = summary.search.finalists
    assert best.worth >= other.worth and best.key == summary.architecture.key
    assert best.value == summary.validation.value
    assert set(summary.test.baselines) == {"static", "template_matching", "mil"}
    assert len(summary.test.random_architectures.scores) == 2


def test_rungs_and_finals_share_no_item(reference):
    folder, _, _ = reference
    lines = list(ResultLog(folder / "evaluations.jsonl"))
    seen = {
        (stage, reward): {item for line in lines if (line.stage, line.reward) == (stage, reward) for item in line.items}
        for stage in ("search", "finals", "random", "random finals")
        for reward in ("pair_loss", "suc")
    }
    numbers = {"search": (12, 3), "finals": (8, 2), "random": (12, 3), "random finals": (8, 2)}
    for stage, (pairs, videos) in numbers.items():
        assert (len(seen[stage, "pair_loss"]), len(seen[stage, "suc"])) == (pairs, videos)
    for reward in ("pair_loss", "suc"):
        assert seen["search", reward] == seen["random", reward]
        assert seen["search", reward].isdisjoint(seen["finals", reward])


def test_the_architecture_file_says_what_was_found(reference):
    folder, summary, _ = reference
    file = load_architecture(folder / "architecture.json")
    assert dict(file.architecture.genes) == summary.architecture.genes
    assert file.score["value"] == summary.validation.value
    assert (file.score["metric"], file.score["videos"], file.score["frames"]) == ("SUC", 2, 12)
    assert file.provenance["weights_hash"] == summary.weights_hash


def test_a_folder_with_a_run_is_not_overwritten(reference, small, inprocess, silent):
    folder, _, _ = reference
    job = load_job("vlt_scar", [*inprocess, *small])
    with pytest.raises(RunFolderError, match="resume"):
        run_job(job, folder, progress=silent())


def test_resuming_a_finished_run_evaluates_nothing(reference, small, inprocess, silent):
    folder, summary, _ = reference
    before = (folder / "evaluations.jsonl").read_bytes()
    job = load_job("vlt_scar", [*inprocess, *small])
    again = run_job(job, folder, resume=True, progress=silent())
    assert (folder / "evaluations.jsonl").read_bytes() == before
    assert again.search == summary.search and again.random_search == summary.random_search  # of the process before
    assert summary.search.evaluated == 24  # on two rungs
    assert all(again.seconds[stage] >= spent for stage, spent in summary.seconds.items())
    assert again.architecture == summary.architecture


def _kill_when(process, condition, seconds=600.0) -> bool:
    """Kill -9 as soon as the condition holds; False if the process ended before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        if condition():
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.02)
    raise AssertionError("the run never came so far")


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_killed_thrice_and_resumed_on_two_workers_it_ends_as_the_uninterrupted_run(
    reference, sets, command, tmp_path_factory
):
    expected, summary, _ = reference
    base = tmp_path_factory.mktemp("killed")
    run = base / "work" / "run"
    run.parent.mkdir()
    arguments = ["search", "vlt_scar", *sets, "--workers", "2", "--run", "run"]

    first = command(*arguments, folder=run.parent)
    assert _kill_when(first, lambda: _lines(run / "training.jsonl") >= 4), first.stderr.read()
    second = command(*arguments, "--resume", folder=run.parent)
    assert _kill_when(second, lambda: _lines(run / "evaluations.jsonl") >= 5), second.stderr.read()
    third = command(*arguments, "--resume", folder=run.parent)
    in_finals = b'"stage":"finals"'
    assert _kill_when(third, lambda: in_finals in (run / "evaluations.jsonl").read_bytes()), third.stderr.read()
    last = command(*arguments, "--resume", "--json", folder=run.parent)
    out, err = last.communicate(timeout=600)
    assert last.returncode == 0, err
    resumed = RunSummary.model_validate_json(out)
    assert resumed.weights_hash == summary.weights_hash
    assert resumed.architecture == summary.architecture
    assert resumed.search == summary.search
    assert (run / "report.html").is_file()
    assert _archive(run) == _archive(expected)
    boxes = [path.relative_to(expected) for path in expected.glob("boxes/*/*/*.txt")]
    assert len(boxes) == 5 * 4
    assert all((run / path).read_bytes() == (expected / path).read_bytes() for path in boxes)


def test_another_seed_is_another_run(reference, small, inprocess, silent, tmp_path):
    _, summary, _ = reference
    job = load_job(
        "vlt_scar",
        [*inprocess, *small, "seed=1", "search.generations=1", "baselines.random_search=false", "~data.test"],
    )
    other = run_job(job, tmp_path / "run", progress=silent())
    assert other.weights_hash != summary.weights_hash
    assert other.architecture.key != summary.architecture.key
    assert other.test is None and other.random_search is None


def test_evaluations_are_passed_on_as_they_come(reference, small, inprocess):
    folder, _, _ = reference
    seen = []
    run_job(load_job("vlt_scar", [*inprocess, *small]), folder, resume=True, on_evaluation=seen.append)
    assert sorted((item.stage, item.index) for item in seen) == sorted(_archive(folder))
