"""`import asymnas` and `asymnas --help` stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "ray", "nni", "transformers", "matplotlib", "scipy")


@pytest.mark.parametrize("module", ["asymnas", "asymnas.cli", "asymnas.job", "asymnas.task", "asymnas.space"])
def test_import_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


PUBLIC = [
    "Architecture",
    "AsymNASError",
    "Evaluation",
    "Job",
    "Run",
    "SearchSpace",
    "Video",
    "__version__",
    "compare",
    "diagnose",
    "load_architecture",
    "load_job",
    "load_run",
    "load_space",
    "open_tracker",
    "register_dataset",
    "register_mixer",
    "register_op",
    "register_searcher",
    "register_task",
    "register_tracker",
    "retrain",
    "run",
    "score",
    "track",
]


def test_public_surface_is_deliberate() -> None:
    import asymnas

    assert asymnas.__all__ == PUBLIC
    assert len(PUBLIC) <= 25
    assert all(getattr(asymnas, name).__doc__ for name in PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = asymnas.nothing


def test_dir_shows_what_is_imported_later() -> None:
    code = "import sys, asymnas, asymnas.tracking; print(*dir(asymnas), *dir(asymnas.tracking), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*PUBLIC, "frame_tracker", "False"} <= set(done.stdout.split())
