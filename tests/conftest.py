"""Fixtures that several rooms use."""

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # before torch is imported
    os.environ.setdefault(name, "1")
for name in ("FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS", "COLUMNS", "LINES"):
    os.environ.pop(name, None)  # rich and typer read them
os.environ["CUDA_VISIBLE_DEVICES"] = ""  # results are compared bit by bit, so all tests run on the CPU

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from small_run import command, inprocess, reference, sets, silent, small  # noqa: F401 - fixtures

from asymnas.cli._list import REGISTRIES
from asymnas.core.plugins import load_object

settings.register_profile("asymnas", max_examples=30, deadline=None)
settings.load_profile("asymnas")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory) -> Iterator[None]:
    """No test reads what the user's cache holds, nor leaves anything there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASYMNAS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module", autouse=True)
def own_plugins() -> Iterator[None]:
    """What the tests of a file register is gone with them, whichever file comes next."""
    registries = [load_object(target) for target in REGISTRIES.values()]
    before = [dict(registry._objects) for registry in registries]
    yield
    for registry, objects in zip(registries, before, strict=True):
        registry._objects.clear()
        registry._objects.update(objects)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real videos, oracles and golden outputs beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine: real videos and reference outputs are needed")
    return SHARED
