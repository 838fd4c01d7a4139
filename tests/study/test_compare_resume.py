"""A resumed comparison mixes no jobs and trusts no torn results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asymnas.core.errors import RunFolderError
from asymnas.job import CompareJob, load_compare
from asymnas.runs.folder import RunFolder
from asymnas.study import _compare


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, make_summary: Any) -> list[str]:
    """Names of the arms that were run; running one only writes its summary."""
    names: list[str] = []

    def run_job(job: Any, folder: Path, *, resume: bool, progress: Any) -> None:
        with RunFolder.open(folder, job, resume=resume) as run:
            names.append(folder.name)
            make_summary().write(run.summary)

    monkeypatch.setattr(_compare, "run_job", run_job)
    return names


class Silent:
    def update(self, *_: Any, **__: Any) -> None:
        """Show nothing."""


def _job(folder: Path, steps: int, seeds: str = "[0]", more: str = "") -> CompareJob:
    base = f"extends: vlt_scar\nname: base\ntraining: {{steps: {steps}, workers: 1}}\n"
    (folder / "base.yaml").write_text(base + "resources: {engine: inprocess, workers: 1}\n")
    file = folder / "c.yaml"
    file.write_text(
        "kind: compare\nname: c\nbase: base.yaml\nspaces: [tiny_asymmetric, tiny_symmetric]\n"
        f"seeds: {seeds}\nbootstrap: {{samples: 100}}\n{more}"
    )
    return load_compare(file)


def test_another_base_job_is_not_mixed_in(tmp_path: Path, ran: list[str]) -> None:
    run = tmp_path / "run"
    _compare.run_compare(_job(tmp_path, 500), run, progress=Silent())
    assert ran == ["tiny_asymmetric-seed0", "tiny_symmetric-seed0"]
    with pytest.raises(RunFolderError) as error:
        _compare.run_compare(_job(tmp_path, 99_999), run, resume=True, progress=Silent())
    told = [str(problem) for problem in error.value.problems]
    assert len(told) == 2 and all("training.steps: must be 500" in text and "got 99999" in text for text in told)
    assert "tiny_asymmetric-seed0" in told[0] and "tiny_symmetric-seed0" in told[1]
    _compare.run_compare(_job(tmp_path, 500), run, resume=True, progress=Silent())
    assert len(ran) == 2
    _compare.run_compare(_job(tmp_path, 99_999), run, fresh=True, progress=Silent())
    assert len(ran) == 4


def test_seeds_can_be_added(tmp_path: Path, ran: list[str]) -> None:
    first = _compare.run_compare(_job(tmp_path, 500, seeds="[0, 1]"), tmp_path / "run", progress=Silent())
    assert first.power is not None and "assumed" in first.power.source
    more = _job(tmp_path, 500, seeds="[0, 1, 7]", more="margin: 0.5\n")
    second = _compare.run_compare(more, tmp_path / "run", resume=True, progress=Silent())
    assert ran[4:] == ["tiny_asymmetric-seed7", "tiny_symmetric-seed7"]
    assert (second.seeds, second.margin) == ([0, 1, 7], 0.5)
    assert second.power is not None and str(tmp_path / "run") in second.power.source
    again = _compare.run_compare(more, tmp_path / "run", resume=True, progress=Silent())
    assert again.power == second.power and len(ran) == 6
    with pytest.raises(RunFolderError, match=r"seeds\[2\]: must be 7.*got absent"):
        _compare.run_compare(_job(tmp_path, 500), tmp_path / "run", resume=True, progress=Silent())


def test_arms_that_had_not_begun_are_pinned_too(tmp_path: Path, ran: list[str], monkeypatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(_compare, "_run_arms", interrupt)
        _compare.run_compare(_job(tmp_path, 500), tmp_path / "run", progress=Silent())
    with pytest.raises(RunFolderError, match="must be 500"):
        _compare.run_compare(_job(tmp_path, 700), tmp_path / "run", resume=True, progress=Silent())
    _compare.run_compare(_job(tmp_path, 700), tmp_path / "run", progress=Silent())  # there was nothing to lose yet


def test_a_damaged_summary_of_an_arm_is_named_and_made_again_without(tmp_path: Path, ran: list[str]) -> None:
    before = _compare.run_compare(_job(tmp_path, 500), tmp_path / "run", progress=Silent())
    file = tmp_path / "run" / "tiny_symmetric-seed0" / "summary.json"
    file.write_text('{"test": {')
    with pytest.raises(RunFolderError, match=r"tiny_symmetric-seed0/summary\.json.*remove it and resume the run"):
        _compare.run_compare(_job(tmp_path, 500), tmp_path / "run", resume=True, progress=Silent())
    file.unlink()
    again = _compare.run_compare(_job(tmp_path, 500), tmp_path / "run", resume=True, progress=Silent())
    assert ran[2:] == ["tiny_symmetric-seed0"]
    assert again.differences == before.differences and again.seconds > before.seconds


def test_results_that_stay_unreadable_are_told(tmp_path: Path, ran: list[str], monkeypatch) -> None:
    monkeypatch.setattr(_compare, "run_job", lambda *_, **__: None)
    with pytest.raises(RunFolderError, match=r"tiny_asymmetric-seed0/summary\.json.*resume the run"):
        _compare.run_compare(_job(tmp_path, 500), tmp_path / "run", progress=Silent())


@pytest.mark.parametrize("content", ["", "[]", '{"stage": "search"}', '{"stage": "search", "done": null, "total": 1}'])
def test_a_damaged_state_of_an_arm_is_no_progress(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / _compare.STATUS).write_text(content)
    assert _compare._Watch(tmp_path, ["a"], Silent())._share("a") == (0.0, "")
