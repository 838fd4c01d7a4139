"""Reports from made-up runs: what is there is shown, what is missing is not, and nothing outside is needed."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from rich.console import Console

from asymnas.report import page, plots, print_dry_run, print_run, print_summary, write_report
from asymnas.report.frequencies import best_of
from asymnas.report.texts import facts_text
from asymnas.report.write import report_sections
from asymnas.runs.summary import CompareSummary, RunSummary, UnfinishedSummary
from asymnas.search import Evaluation
from asymnas.space import load_space
from asymnas.task import TASKS

TEST = {f"synthetic/test_{number:02d}": 0.3 + 0.01 * number for number in range(24)}
FACTS = {"protocol": "lasot", "frames": 1440}


def score(shift: float = 0.0, **more: Any) -> dict[str, Any]:
    items = {name: value + shift for name, value in TEST.items()}
    return {"value": 0.355 + shift, "se": 0.011, "items": items, "facts": FACTS, **more}


def spread(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


COUNTS = {"algorithm": "evolution", "budget": 16, "evaluated": 16, "from_log": 2, "failed": 1}
SUMMARY: dict[str, Any] = {
    "task": "toy",
    "job": "vlt_scar",
    "job_hash": "c0ffee",
    "space": "tiny_asymmetric",
    "space_hash": "5face",
    "seed": 0,
    "reward": {"name": "suc", "title": "SUC"},
    "climbed": {"name": "suc", "title": "SUC", "noun": "videos"},
    "noun": "videos",
    "seconds": {"training": 303.0, "search": 88.2},
    "architecture": {"key": "0123456789abcdef", "genes": {"a.b.c": "shuffle_3x3"}, "drawing": "template -> <[5x5]>"},
    "validation": score(by_condition={"with": 0.355}),
    "test": {
        "best": score(0.2),
        "parts": {"language_critical": {"value": 0.456, "se": 0.03, "n": 6}},
        "baselines": {
            "static": score(-0.2, difference=spread(0.4, 0.3, 0.5)),
            "template_matching": score(-0.1, difference=spread(0.02, -0.1, 0.1)),
        },
        "random_search": score(0.15),
        "random_architectures": {
            "n": 20,
            "median": 0.511,
            "scores": [0.5, 0.52],
            "difference": spread(0.044, -0.012, 0.071),
        },
        "conditions": [
            {
                "part": "language_critical",
                "n": 6,
                "reference": "with",
                "other": "without",
                "reference_value": 0.456,
                "other_value": 0.333,
                "difference": spread(0.123, 0.061, 0.181),
            }
        ],
        "failed": {"architecture 7": "it broke"},
    },
    "search": COUNTS,
    "random_search": COUNTS | {"best": {"value": 0.345, "se": 0.02}},
    "cost": {
        "branches": {"template": {"macs": 3_210_000, "params": 210_000}},
        "amortised_macs": 12_340_000.0,
        "amortised_frames": 100,
    },
    "training": {"steps": 800, "samples": 25600, "seconds": 303.0, "losses": {"total": 1.5}},
    "weights_hash": "feedbeef",
    "versions": {"asymnas": "0.1", "torch": "2.x"},
}

ARMS = {
    name: {
        "seeds": [
            {"seed": seed, "architecture": "a", "validation": 0.5, "test": 0.45 + gain, "gap": 0.05}
            | {"random_search_test": 0.4}
            for seed in (0, 1)
        ],
        "mean": {"test": 0.45},
        "gap": spread(0.05, 0.01, 0.09),
        "budget": 16,
        "seconds": 312.0,
    }
    for name, gain in (("tiny_asymmetric", 0.011), ("tiny_symmetric", 0.0))
}
COMPARISON: dict[str, Any] = {
    "task": "toy",
    "job": "c",
    "reward": {"name": "suc", "title": "SUC"},
    "climbed": SUMMARY["climbed"],
    "noun": "videos",
    "training": SUMMARY["training"],
    "test_items": 12,
    "test_facts": FACTS,
    "validation_items": 6,
    "level": 0.95,
    "margin": 0.01,
    "seeds": [0, 1],
    "seconds": 12.5,
    "versions": {"asymnas": "0.1"},
    "arms": ARMS,
    "differences": [
        {
            "kind": "test",
            "first": "tiny_asymmetric",
            "other": "tiny_symmetric",
            "difference": spread(0.011, -0.02, 0.04),
            "per_seed": [0.01, 0.012],
            "items": 12,
            "equivalent": False,
            "verdict": "the interval contains zero, so the difference is noise at this budget.",
            "outlook": {
                "sd": {"seed": 0.01, "item": 0.02, "interaction": 0.14},
                "share": {"seed": 0.25, "item": 0.05, "interaction": 0.7},
                "prospects": [
                    {"seeds": 2, "items": 12, "half_width": 0.03, "detectable": 0.05},
                    {"seeds": 8, "items": 400, "half_width": 0.009, "detectable": 0.012},
                ],
                "seeds_needed": 17,
            },
        }
    ],
}


def summary(**changed: Any) -> RunSummary:
    return RunSummary.model_validate({**SUMMARY, **changed})


def evaluations(stage: str, count: int = 16) -> list[Any]:
    space, rng = load_space("tiny_asymmetric"), np.random.default_rng(len(stage))
    return [
        Evaluation(
            stage=stage,
            index=index,
            status="ok" if index else "failed",
            genes=dict(space.sample(rng).genes),
            reward="suc",
            value=0.3 + 0.01 * index if index else None,
            se=0.02,
            items={"synthetic/val_0": 0.3, "synthetic/val_1": 0.3 + 0.02 * index},
            facts={"protocol": "lasot", "frames": 48},
            by_condition={"with": 0.3},
        )
        for index in range(count)
    ]


class MadeUpRun(SimpleNamespace):
    so_far = UnfinishedSummary(task="toy", job="x", evaluated=0, reward="")
    pareto = None

    def stage(self, name: str) -> list[Any]:
        return [item for item in self.evaluations if item.stage == name]

    candidates = stage


def made_up(folder: Path, found: RunSummary | CompareSummary | None, *, begun: bool = True) -> MadeUpRun:
    job = {"task": "toy", "name": "vlt_scar", "seed": 0}
    (folder / "job.yaml").write_text(yaml.safe_dump(job))
    run = MadeUpRun(folder=folder, job=job, summary=found, evaluations=[], training=[], architecture={}, space={})
    if begun:
        space = load_space("tiny_asymmetric")
        genes = dict(space.architecture(dict.fromkeys((gene.id for gene in space.genes), "shuffle_5x5")).genes)
        run.architecture = {"genes": genes, "provenance": {"job_hash": "c0ffee"}}
        run.space, run.evaluations = space.to_dict(), [*evaluations("search"), *evaluations("random")]
        run.training = [{"step": step, "total": 4.0 / step} for step in range(10, 200, 10)]
    return run


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that adds no section."""
    monkeypatch.setitem(TASKS._objects, "toy", SimpleNamespace(sections=lambda run: ()))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS._objects, "toy", SimpleNamespace(sections=lambda run: ()))
        return page("vlt_scar", report_sections(made_up(tmp_path_factory.mktemp("run"), summary())))


def pictures(text: str) -> dict[str, bytes]:
    found = re.findall(r'<img class="png" alt="([^"]*)" src="data:image/png;base64,([^"]*)">', text)
    return {name: base64.b64decode(data) for name, data in found}


@pytest.mark.parametrize(
    "text",
    [
        "0.555 ± 0.011", "24 videos, 1,440 frames", "protocol lasot", "static", "0.511", "noise",
        "+0.044 [-0.012, +0.071]", "+0.123 [+0.061, +0.181]", "clear of zero", "3.2 M",
        "12.3 M", "84 samples/s", "0123456789abcdef", "feedbeef", "condition with",
        "torch 2.x", "6 min 31 s", "template -&gt; &lt;[5x5]&gt;", "it broke", "c0ffee",
        "template and search have the same op at 13 of 13 places (100%)",
        "search: 16 architectures, 1 failed", "16 evaluations, 2 from the log, 1 failed",
    ],
)  # fmt: skip
def test_report_shows(text: str, finished: str) -> None:
    assert text in finished


def test_report_is_self_contained(finished: str) -> None:
    assert set(pictures(finished)) == {
        "search progress", "scores under each condition", "score of each test item", "score of each validation item",
        "op frequencies", "training loss", "reliability by number of items", "variance of a score by its sources",
    }  # fmt: skip
    assert all(data.startswith(b"\x89PNG") and len(data) > 5000 for data in pictures(finished).values())
    assert not re.search(r"""(src|href)=["']?(http|//)""", finished)
    assert "<[5x5]>" not in finished


def test_unfinished_run_has_a_report_of_what_is_there(tmp_path: Path) -> None:
    run = made_up(tmp_path, None)
    best = {"value": 0.45, "se": 0.02, "items": {"a": 0.3, "b": 0.6}, "facts": FACTS}
    run.so_far = UnfinishedSummary(task="toy", job="x", steps=190, evaluated=15, reward="suc", validation=best)
    text = page("r", report_sections(run))
    assert "not finished" in text and "15 architectures" in text and "190 training steps" in text
    assert "0.450 ± 0.020" in text
    assert set(pictures(text)) == {
        "search progress",
        "reliability by number of items",
        "variance of a score by its sources",
        "op frequencies",
        "training loss",
        "score of each validation item",
    }


def test_a_score_without_names_has_no_gap_in_what_it_was_measured_on(tmp_path: Path) -> None:
    run = made_up(tmp_path, None)
    best = {"value": 0.45, "items": {"a": 0.3, "b": 0.6}, "facts": {"voices": 3}, "by_condition": {"both": 0.45}}
    run.so_far = UnfinishedSummary(task="toy", job="x", evaluated=15, reward="suc", validation=best)
    assert "2 items, 3 voices, condition both" in page("r", report_sections(run))


def test_run_that_only_began_has_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_up(tmp_path, None, begun=False)
    monkeypatch.setattr("asymnas.report.write.read_run", lambda folder: run)
    assert not pictures(write_report(tmp_path).read_text(encoding="utf-8"))
    out = io.StringIO()
    print_run(tmp_path, Console(file=out))
    assert "not finished" in out.getvalue()


def test_comparison_report(tmp_path: Path) -> None:
    run = made_up(tmp_path, None)
    run.job = {"kind": "compare", "name": "c"}
    assert "not finished" in page("c", report_sections(run))
    run.summary = CompareSummary.model_validate(COMPARISON)
    text = page("c", report_sections(run))
    assert set(pictures(text)) == {"paired differences", "score of each seed"}
    for part in ("noise at this budget", "+0.011 [-0.020, +0.040]", "12 videos x 2 seeds", "0.461", "1,440 frames",
                 "25% (0.010)", "70% (0.140)", "8 seeds, 400 videos", "±0.009", "17 seeds of 12 videos", "5 min 12 s",
                 "open"):  # fmt: skip
        assert part in text
    assert "+0.050 [+0.010, +0.090]" in text


def test_a_comparison_of_searches_that_climbed_another_reward(tmp_path: Path) -> None:
    first, *_ = COMPARISON["differences"]
    told = {"climbed": {"name": "pair_loss", "title": "pair loss", "noun": "pairs"}}
    told["differences"] = [first, first | {"kind": "validation", "items": 640}]
    arms = {
        name: {**arm, "gap": None, "seeds": [{**seed, "gap": None} for seed in arm["seeds"]]}
        for name, arm in ARMS.items()
    }
    run = made_up(tmp_path, None)
    run.job = {"kind": "compare", "name": "c"}
    run.summary = CompareSummary.model_validate(COMPARISON | told | {"arms": arms})
    text = page("c", report_sections(run))
    assert "validation, pair loss" in text and "640 pairs x 2 seeds" in text
    assert "+0.050 [+0.010, +0.090]" not in text and "<th>gap</th>" not in text
    assert "Validation is what the searches climbed, pair loss; test is SUC." in text


def printed(show: Any, data: Any, width: int = 130) -> str:
    out = io.StringIO()
    show(data, console=Console(file=out, width=width))
    return out.getvalue()


def test_terminal_tables_hold_the_figures() -> None:
    text = printed(print_summary, summary())
    for part in ("template -> <[5x5]>", "0.355 ± 0.011", "0.555 ± 0.011", "0.345 ± 0.020", "0.511", "clear of zero",
                 "static", "5 min 03 s", "25,600 samples", "24 videos, 1,440 frames"):  # fmt: skip
        assert part in text
    rows = [line for line in text.splitlines() if "16 evaluations, 2 from the log" in line]
    assert [row.split("  ")[0].strip() for row in rows] == ["search", "random search"]
    assert "SUC of each" not in text
    assert "noise at this budget" in printed(print_summary, CompareSummary.model_validate(COMPARISON))


def test_words_are_those_of_the_task() -> None:
    accuracy = {"name": "accuracy", "title": "Accuracy"}
    other = summary(reward=accuracy, climbed=accuracy | {"noun": "pairs"}, noun="pairs", test=None)
    text = printed(print_summary, other)
    assert "Accuracy ± SE over pairs, protocol lasot" in text and "24 pairs, 1,440 frames" in text
    assert "SUC" not in text and "videos" not in text and "held-out" not in text
    assert facts_text({"protocol": "lasot", "frames": 1152}) == "protocol lasot, 1,152 frames"


def test_few_items_are_listed_one_by_one() -> None:
    best = {"value": 0.5, "se": 0.1, "items": {"otb99_lang/Girl": 0.617, "otb99_lang/Deer": 0.383}, "facts": FACTS}
    text = printed(print_summary, summary(test={"best": best}, validation=None))
    assert re.search(r"otb99_lang/Girl +test +0\.617", text)


@pytest.mark.parametrize("scores", [{"a": 0.2, "b": 0.7}, {"a": -2.0, "b": -0.5}])
def test_scores_lie_in_their_plot_whatever_their_limits(scores: dict[str, float], monkeypatch: Any) -> None:
    monkeypatch.setattr(plots, "make_png", lambda figure: figure)
    low, high = plots.items_plot({"best": scores}, "reward").axes[0].get_xlim()
    assert low <= min(scores.values()) and max(scores.values()) <= high


def test_a_dry_run_has_a_section_for_each_part() -> None:
    text = printed(
        lambda data, console: print_dry_run(data, console),
        {"job": "x", "training_step": {"samples": 8, "loss": 1.23456}, "stand_ins": ["made-up videos"], "none": []},
    )
    assert re.search(r"training step\s+samples +8\s+loss +1\.235", text) and "made-up videos" in text


def test_best_are_a_quarter_of_the_distinct() -> None:
    items = evaluations("search", 41)
    assert [item.index for item in best_of([*items, *items])] == list(range(40, 30, -1))
    assert best_of(items[:8]) == []
