"""Reports from made-up runs: what is there is shown, what is missing is not, and nothing outside is needed."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rich.console import Console

from asymnas.core.errors import RunFolderError
from asymnas.job import load_job
from asymnas.report import LineProgress, print_comparison, print_run, print_summary, write_report
from asymnas.report._frequencies import best_of
from asymnas.report._progress import LiveProgress, Progress, make_progress, span
from asymnas.runs.read import read_results
from asymnas.search import Evaluation, ResultLog
from asymnas.space import load_space

TEST = {f"synthetic/test_{number:02d}": 0.3 + 0.01 * number for number in range(12)}


def score(shift: float = 0.0) -> dict[str, Any]:
    return {"suc": 0.355 + shift, "se": 0.011, "videos": {k: v + shift for k, v in TEST.items()}, "frames": 480}


SUMMARY: dict[str, Any] = {
    "job": "vlt_scar",
    "space": "tiny_asymmetric",
    "seed": 0,
    "protocol": "lasot",
    "seconds": {"training": 303.0, "search": 88.2},
    "architecture": {"key": "0123456789abcdef", "genes": {"a.b.c": "shuffle_3x3"}, "drawing": "template -> <[5x5]>"},
    "validation": score() | {"language": "with"},
    "test": {
        "best": score(0.2),
        "parts": {"language_critical": {"suc": 0.456, "se": 0.03, "n": 6}},
        "baselines": {"static": score(-0.2), "template_matching": score(-0.1)},
        "random_search": score(0.15),
        "random_architectures": {
            "n": 20,
            "median": 0.511,
            "difference": {"value": 0.044, "low": -0.012, "high": 0.071},
        },
        "language": [
            {
                "part": "language_critical",
                "n": 6,
                "with": 0.456,
                "without": 0.333,
                "difference": {"value": 0.123, "low": 0.061, "high": 0.181},
            }
        ],
        "failed": {"architecture 7": "it broke"},
    },
    "search": {"evaluated": 16, "from_log": 2, "failed": 1, "generations": 2},
    "random_search": {"evaluated": 16, "best": {"suc": 0.345, "se": 0.02}},
    "cost": {"template": {"macs": 3_210_000, "params": 210_000}, "amortised_macs": 12_340_000.0},
    "training": {"steps": 800, "pairs": 25600, "pairs_per_second": 84.4},
    "weights_hash": "feedbeef",
    "versions": {"asymnas": "0.1", "torch": "2.x"},
}

SPACES = {
    name: {
        "seeds": [
            {"seed": seed, "validation": 0.5, "test": 0.45 + gain, "gap": 0.05, "random_search_test": 0.4}
            for seed in (0, 1)
        ],
        "gap": {"value": 0.05, "low": 0.01, "high": 0.09},
    }
    for name, gain in (("tiny_asymmetric", 0.011), ("tiny_symmetric", 0.0))
}
COMPARISON: dict[str, Any] = {
    "job": "c",
    "protocol": "lasot",
    "level": 0.95,
    "seeds": [0, 1],
    "seconds": 12.5,
    "spaces": SPACES,
    "differences": [
        {
            "kind": "test",
            "first": "tiny_asymmetric",
            "other": "tiny_symmetric",
            "difference": {"value": 0.011, "low": -0.02, "high": 0.04},
            "per_seed": [0.01, 0.012],
            "videos": 12,
            "noise": True,
            "verdict": "the interval contains zero, so the difference is noise at this budget.",
        }
    ],
}


def evaluations(stage: str, count: int = 16) -> list[Evaluation]:
    space, rng = load_space("tiny_asymmetric"), np.random.default_rng(len(stage))
    return [
        Evaluation(
            key=f"{stage}{index}",
            stage=stage,
            index=index,
            genes=space.sample(rng).genes,
            video_set="validation",
            protocol="lasot",
            suc=0.3 + 0.01 * index,
            se=0.02,
            videos={"synthetic/val_0": 0.3, "synthetic/val_1": 0.3 + 0.02 * index},
            frames=48,
        )
        for index in range(count)
    ]


def fill(folder: Path, *, finished: bool = True) -> Path:
    folder.mkdir()
    (folder / "job.yaml").write_text(yaml.safe_dump(load_job("vlt_scar").resolved()))
    space = load_space("tiny_asymmetric")
    (folder / "space.json").write_text(json.dumps(space.to_dict()))
    genes = dict(space.architecture(dict.fromkeys((gene.id for gene in space.genes), "shuffle_5x5")).genes)
    (folder / "architecture.json").write_text(json.dumps({"genes": genes, "provenance": {"job_hash": "c0ffee"}}))
    log = ResultLog(folder / "evaluations.jsonl")
    for item in [*evaluations("search"), *evaluations("random")]:
        log.append(item)
    lines = [json.dumps({"step": step, "total": 4.0 / step}) for step in range(10, 200, 10)]
    (folder / "training.jsonl").write_text("\n".join([*lines, '{"step": 2']))
    if finished:
        (folder / "summary.json").write_text(json.dumps(SUMMARY))
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = fill(tmp_path_factory.mktemp("runs") / "run")
    return write_report(folder).read_text(encoding="utf-8")


def pictures(page: str) -> dict[str, bytes]:
    found = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]*)">', page)
    return {name: base64.b64decode(data) for name, data in found}


@pytest.mark.parametrize(
    "text",
    [
        "0.555 ± 0.011", "12 videos, 480 frames", "protocol lasot", "static", "0.511", "noise",
        "+0.044 [-0.012, +0.071]", "+0.123 [+0.061, +0.181]", "clear of zero", "3.2 M",
        "12.3 M", "84 pairs/s", "0123456789abcdef", "feedbeef",
        "torch 2.x", "6 min 31 s", "template -&gt; &lt;[5x5]&gt;", "it broke", "c0ffee",
        "template and search have the same op at 13 of 13 places (100%)",
        "16 architectures were evaluated, 1 failed",
    ],
)  # fmt: skip
def test_report_shows(text: str, finished: str) -> None:
    assert text in finished


def test_report_is_self_contained(finished: str) -> None:
    assert set(pictures(finished)) == {
        "search progress", "with and without sentences", "score of each test video", "score of each validation video",
        "op frequencies", "training loss",
    }  # fmt: skip
    assert all(data.startswith(b"\x89PNG") and len(data) > 5000 for data in pictures(finished).values())
    assert not re.search(r"""(src|href)=["']?(http|//)""", finished)
    assert "<[5x5]>" not in finished


def test_unfinished_run_has_a_report_of_what_is_there(tmp_path: Path) -> None:
    folder = fill(tmp_path / "run", finished=False)
    page = write_report(folder).read_text(encoding="utf-8")
    assert "not finished" in page
    assert "0.450 ± 0.020" in page
    shown = {"search progress", "score of each validation video", "op frequencies", "training loss"}
    assert set(pictures(page)) == shown
    assert read_results(folder)["search"]["evaluated"] == 16


def test_run_that_only_began_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(load_job("vlt_scar").resolved()))
    assert not pictures(write_report(tmp_path).read_text(encoding="utf-8"))
    print_run(tmp_path, Console(file=io.StringIO()))


def test_corrupt_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no run folder"):
        write_report(tmp_path)
    folder = fill(tmp_path / "run")
    (folder / "summary.json").write_text("{")
    with pytest.raises(RunFolderError, match="corrupt"):
        write_report(folder)


@pytest.mark.parametrize(
    ("key", "value", "rule"),
    [
        ("test.best.suc", "x", "number"),
        ("test.best.suc", 5.0, "must be <= 1"),
        ("test.best.videos.synthetic/v0", None, "number"),
        ("validation.se", "x", "number"),
        ("test.random_architectures.median", "x", "number"),
        ("test.language.0.difference.low", "x", "number"),
        ("test", [], "must be a mapping"),
        ("cost.template.macs", "x", "number"),
        ("seconds.training", "x", "number"),
        ("search.evaluated", "x", "must be a whole number"),
    ],
)
def test_a_summary_changed_by_hand_is_told(key: str, value: object, rule: str, tmp_path: Path) -> None:
    folder = fill(tmp_path / "run")
    summary = json.loads(json.dumps(SUMMARY))
    node, *parents = summary, *key.split(".")[:-1]
    for name in parents:
        node = node[int(name) if name.isdigit() else name]
    node[key.split(".")[-1]] = value
    (folder / "summary.json").write_text(json.dumps(summary))
    for read in (write_report, print_run, read_results):
        with pytest.raises(RunFolderError) as caught:
            read(folder)
        problems = {problem.where: problem for problem in caught.value.problems}
        assert rule in problems[f"{folder / 'summary.json'}: {key}"].rule
        assert all("resume the run" in problem.way_out for problem in problems.values())


def test_comparison_report(tmp_path: Path) -> None:
    job = {"kind": "compare", "name": "c", "base": "vlt_scar", "spaces": list(SPACES)}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    assert "not finished" in write_report(tmp_path).read_text(encoding="utf-8")
    (tmp_path / "summary.json").write_text(json.dumps(COMPARISON))
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert set(pictures(page)) == {"paired differences", "score of each seed"}
    for text in ("noise at this budget", "+0.011 [-0.020, +0.040]", "12 videos x 2 seeds", "0.461"):
        assert text in page
    assert "+0.050 [+0.010, +0.090]" in page


def printed(show: Any, data: Any, width: int = 130) -> str:
    out = io.StringIO()
    show(data, console=Console(file=out, width=width))
    return out.getvalue()


def test_terminal_tables_hold_the_figures() -> None:
    text = printed(print_summary, SUMMARY)
    for part in ("template -> <[5x5]>", "0.355 ± 0.011", "0.555 ± 0.011", "0.345 ± 0.020", "0.511", "clear of zero",
                 "static", "5 min 03 s", "25600 pairs", "12 videos, 480 frames"):  # fmt: skip
        assert part in text
    assert "noise at this budget" in printed(print_comparison, COMPARISON)
    assert "SUC per video" not in text


def test_scores_have_the_name_that_the_protocol_gives_them(tmp_path: Path) -> None:
    ao = printed(print_summary, {**SUMMARY, "protocol": "got10k"})
    assert "AO ± SE over videos, protocol got10k" in ao and "held-out test, AO" in ao and "SUC" not in ao
    assert "Seed by seed, AO" in printed(print_comparison, {**COMPARISON, "protocol": "got10k"})
    folder = fill(tmp_path / "run")
    (folder / "summary.json").write_text(json.dumps({**SUMMARY, "protocol": "got10k"}))
    page = re.sub('base64,[^"]*', "", write_report(folder).read_text(encoding="utf-8"))
    assert "AO ± standard error over videos, protocol got10k" in page and "SUC" not in page
    assert "score ± SE over videos, protocol of my own" in printed(print_summary, {**SUMMARY, "protocol": "of my own"})


def test_real_videos_are_listed_one_by_one() -> None:
    best = {"suc": 0.5, "se": 0.1, "videos": {"otb99_lang/Girl": 0.617, "otb99_lang/Deer": 0.383}, "frames": 20}
    text = printed(print_summary, {"protocol": "lasot", "test": {"best": best}})
    assert re.search(r"otb99_lang/Girl +test +0\.617", text)


def test_missing_parts_are_not_shown() -> None:
    text = printed(print_summary, {"protocol": "lasot", "validation": score()})
    assert "held-out" not in text
    assert "Cost" not in text


def test_best_are_a_quarter_of_the_distinct() -> None:
    items = evaluations("search", 40)
    assert [item.index for item in best_of([*items, *items])] == list(range(39, 29, -1))
    assert best_of(items[:7]) == []


def test_line_progress_is_sparse_and_complete() -> None:
    out, now = io.StringIO(), [0.0]
    progress = LineProgress(Console(file=out, width=100), clock=lambda: now[0])
    for step in range(1001):
        now[0] = step * 0.01
        progress.update("training", step, 1000, f"loss {step}")
    lines = out.getvalue().splitlines()
    assert 20 <= len(lines) <= 23
    assert lines[0].startswith("training: 0/1000")
    assert lines[-1] == "training: 1000/1000  loss 1000"
    assert "ETA 5 s" in lines[10]


def test_line_progress_speaks_every_ten_seconds() -> None:
    out, now = io.StringIO(), [0.0]
    progress = LineProgress(Console(file=out, width=100), clock=lambda: now[0])
    for second in range(35):
        now[0] = second
        progress.update("search", second, 100_000)
    assert len(out.getvalue().splitlines()) == 4


def test_progress_suits_the_place() -> None:
    assert type(make_progress(Console(file=io.StringIO()), silent=True)) is Progress
    assert isinstance(make_progress(Console(file=io.StringIO())), LineProgress)
    live = make_progress(Console(file=io.StringIO(), force_terminal=True))
    assert isinstance(live, LiveProgress)
    with live:
        live.update("search", 3, 10, "best SUC [0.5]")
        live.message("note")


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text
