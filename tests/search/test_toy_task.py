"""The contract of a task, kept by the toy."""

from __future__ import annotations

import pytest
import toy_task

from asymnas.testing import TaskContract


class TestToyTask(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def job(cls):
        return toy_task.ToyJob()
