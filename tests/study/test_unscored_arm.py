"""A comparison says which arm has no test score."""

from __future__ import annotations

import pytest

from asymnas.core.errors import EvaluationError
from asymnas.runs import TestResults
from asymnas.study._compare_statistics import CompareSettings, compare_arms


def test_an_arm_without_a_test_score_is_named(make_summary):
    broken = make_summary().model_copy(update={"test": TestResults(failed={"best": "NaN"})})
    with pytest.raises(EvaluationError, match=r"a-seed3.*must have a test score.*NaN"):
        compare_arms({"a": {3: broken}}, CompareSettings([3]))
