"""`import asymnas` and `asymnas --help` stay light."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "ray", "nni", "transformers", "matplotlib", "scipy")


@pytest.mark.parametrize("module", ["asymnas", "asymnas.cli", "asymnas.job"])
def test_import_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_public_surface_is_deliberate() -> None:
    import asymnas

    assert sorted(asymnas.__all__) == ["__version__"]
