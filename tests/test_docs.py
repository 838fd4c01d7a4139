"""The Python examples of the documentation run, and its spaces and jobs load."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from asymnas.space import load_space
from asymnas.tracking import get_tracker, list_trackers

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(name: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", (DOCS / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "name", ["spaces.md", "data.md", "trackers.md", "architecture_json.md", "architecture.md", "api.md"]
)
def test_python_examples_run(name, tmp_path):
    found = blocks(name, "python")
    assert found
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(found)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_spaces_in_yaml_load(tmp_path):
    small, variant = blocks("spaces.md", "yaml")
    for text in (small, variant):
        (tmp_path / "space.yaml").write_text(text, "utf-8")
        assert load_space(tmp_path / "space.yaml").size > 1


def test_the_comparison_in_yaml_loads(tmp_path):
    from asymnas.job import load_compare

    (text,) = blocks("comparisons.md", "yaml")
    (tmp_path / "question.yaml").write_text(text, "utf-8")
    assert len(load_compare(tmp_path / "question.yaml").runs) == 15


def test_every_key_of_a_job_is_documented_with_its_default():
    from pydantic import BaseModel
    from pydantic_core import PydanticUndefined

    from asymnas.job import _compare, _schema
    from asymnas.tracking.task import schema as _data_schema

    text = (DOCS / "jobs.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", text, re.MULTILINE)
    models = {
        item
        for module in (_compare, _data_schema, _schema)
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, BaseModel)
    }
    for model in models:
        for name, info in model.model_fields.items():
            default = info.get_default(call_default_factory=True)
            if default is PydanticUndefined:
                shown = "required"
            elif isinstance(default, BaseModel):
                shown = "see below"
            else:
                words = {"None": "null", "True": "true", "False": "false"}
                shown = words.get(str(default), str(default).replace("'", ""))
            assert (name, shown) in rows, f"{model.__name__}.{name}: {shown}"


def options() -> set[str]:
    """The options of all trackers that search."""
    plugins = [get_tracker(name) for name in list_trackers()]
    return {field for plugin in plugins if plugin.searchable for field in plugin.options.model_fields}


def test_every_option_of_the_trackers_is_documented():
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "trackers.md").read_text("utf-8"), re.MULTILINE)
    assert options() <= set(rows)


def test_switches_of_the_differences_exist():
    text = (DOCS / "differences.md").read_text("utf-8")
    named = re.findall(r"tracker option `(\w+)", text)
    assert named
    assert set(named) <= options()
