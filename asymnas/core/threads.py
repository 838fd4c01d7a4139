"""The number of threads of torch and OpenCV."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run with `count` torch threads, then go back to what the caller had."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def all_threads(count: int) -> Iterator[None]:
    """As `torch_threads`, and `count` threads of OpenCV where it is imported."""
    cv2 = sys.modules.get("cv2")
    before = None if cv2 is None else cv2.getNumThreads()
    with torch_threads(count):
        if cv2 is not None:
            cv2.setNumThreads(count)
        try:
            yield
        finally:
            if cv2 is not None:
                cv2.setNumThreads(before)
