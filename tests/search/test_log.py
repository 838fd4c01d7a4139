"""The log of evaluations: durable, tolerant of one torn line, strict elsewhere."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import pytest

from asymnas.core.errors import RunFolderError
from asymnas.search import Evaluation, Request, ResultLog, ScoreSettings

GOLDEN = (
    '{"version":2,"key":"k1","stage":"search","index":0,"candidate":0,"rung":1,"genes":{"a":"shuffle_3x3"},"baseline":null,'
    '"split":"validation","conditions":["with","without"],"reward":"suc","span":[0,2],"status":"ok","error":"","traceback":"","value":0.5,"se":0.25,'
    '"items":{"synthetic/v1":0.25,"synthetic/v2":0.75},"by_condition":{"with":0.5,"without":0.5},"measures":{},'
    '"facts":{"protocol":"lasot","frames":22},"cost":{"macs":3,"params":2,"branches":{"a":{"macs":3,"params":2}}},'
    '"recalibration":4,"seconds":1.5,"cached":false}'
)
"""A line of version 2; it must be readable for ever."""


def entry(index, **values):
    scored = {"key": f"k{index}", "stage": "search", "index": index, "genes": {"a": "x"}, "value": index / 10}
    return Evaluation(**(scored | {"se": 0.1, "items": {"v": index / 10}} | values))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "evaluations.jsonl"


@pytest.fixture
def written(path):
    log = ResultLog(path)
    for index in range(3):
        log.append(entry(index))
    return path


def test_golden_line_round_trips():
    assert Evaluation.from_json(GOLDEN).to_json() == GOLDEN


def test_append_and_read_back(written):
    log = ResultLog(written)
    assert list(log) == [entry(index) for index in range(3)]
    assert log.get("k1") == log.at("search", 1) == entry(1)
    assert log.get("k9") is None
    assert log.at("test", 1) is None


def test_what_is_kept_stays_out_of_the_log(path):
    log = ResultLog(path)
    log.append(entry(0, kept={"with": []}, statistics={"a": [1]}))
    assert "kept" not in path.read_text()
    assert list(log) == list(ResultLog(path)) == [entry(0)]


def test_a_line_is_on_disk_before_append_returns(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(path.read_bytes()))
    ResultLog(path).append(entry(0))
    assert synced[0] == path.read_bytes() == (entry(0).to_json() + "\n").encode()


def test_torn_last_line_is_left_out_and_cut_off_at_every_byte(written):
    whole = written.read_bytes()
    start = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in range(start, len(whole), 13):
        written.write_bytes(whole[:end])
        log = ResultLog(written)
        assert len(log) == 2
        assert written.read_bytes() == whole[:end]  # reading alone changes nothing
        log.append(entry(2))
        assert written.read_bytes() == whole


def test_torn_line_of_zeros_after_a_power_cut(written):
    whole = written.read_bytes()
    written.write_bytes(whole + b"\0" * 50)
    log = ResultLog(written)
    log.append(entry(3))
    assert written.read_bytes() == whole + (entry(3).to_json() + "\n").encode()


def test_corrupt_line_elsewhere_names_its_number(written):
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(lines[0] + lines[1][:40] + b"\n" + lines[2])
    with pytest.raises(RunFolderError, match="line 2: the line is corrupt"):
        ResultLog(written)


@pytest.mark.parametrize(
    ("change", "text"),
    [({"version": 1}, "version: .*older version"), ({"colour": 1}, "colour: unknown"), ({"status": "odd"}, "status: ")],
)
def test_foreign_lines_are_refused_even_at_the_end(written, change, text):
    foreign = json.loads(entry(3).to_json()) | change
    written.write_bytes(written.read_bytes() + json.dumps(foreign).encode() + b"\n")
    with pytest.raises(RunFolderError, match=text):
        ResultLog(written)


def test_full_disk_loses_nothing(written, monkeypatch):
    log, whole = ResultLog(written), written.read_bytes()

    def full(handle):
        os.ftruncate(handle, len(whole) + 30)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match=r"No space left.*nothing that was there is lost"):
        log.append(entry(3))
    assert len(log) == len(ResultLog(written)) == 3
    monkeypatch.undo()
    log.append(entry(3))  # the same process may go on when there is space again
    assert written.read_bytes() == whole + (entry(3).to_json() + "\n").encode()


def test_numbers_that_are_not_finite_never_reach_the_log(path):
    with pytest.raises(ValueError, match="finite"):
        entry(0, value=float("nan"))
    with pytest.raises(ValueError, match="nan"):
        ResultLog(path).append(entry(0, facts={"loss": float("nan")}))
    assert not path.exists()


def test_row_of_failures(path):
    log = ResultLog(path)
    for index in (0, 1, 3, 4, 6):
        log.append(entry(index, status="failed" if index != 1 else "ok", value=None))
    assert [item.index for item in log.failures_around("search", 4)] == [3, 4]
    assert log.failures_around("search", 1) == log.failures_around("search", 5) == []


SETTINGS = {
    "space": "s",
    "weights": "w",
    "splits": {"validation": "v", "test": "t"},
    "recalibration": {"batches": 4, "seed": 0},
    "task": {"name": "tracking", "window": 0.4},
    "baselines": {"protocol": "lasot"},
    "reward": "suc",
}


def test_key_depends_on_every_part_of_the_settings():
    request = Request((("a", "x"), ("b", "y")), conditions=("with",))
    key = ScoreSettings(**SETTINGS).key(request)
    others = {
        ScoreSettings(**(SETTINGS | {name: value})).key(request)
        for name, value in {
            "space": "s2",
            "weights": "w2",
            "splits": {"validation": "v2"},
            "recalibration": {"batches": 5, "seed": 0},
            "task": {"name": "tracking", "window": 0.5},
            "reward": "precision",
        }.items()
    }
    changes = [
        {"genes": (("a", "y"), ("b", "y"))},
        {"split": "test"},
        {"conditions": ("with", "without")},
        {"genes": None, "baseline": "static"},
    ]
    others |= {ScoreSettings(**SETTINGS).key(replace(request, **change)) for change in changes}
    assert len(others | {key}) == 11
    assert ScoreSettings(**(SETTINGS | {"splits": {"validation": "v"}})).key(request) == key
    assert ScoreSettings(**SETTINGS).key(replace(request, keep=True, genes=request.genes[::-1])) == key


def test_key_of_a_baseline_depends_on_items_reward_and_its_own_settings():
    baseline = Request(baseline="static")
    key = ScoreSettings(**SETTINGS).key(baseline)
    assert ScoreSettings(**(SETTINGS | {"space": "s2", "weights": "w2", "task": {}})).key(baseline) == key
    assert ScoreSettings(**(SETTINGS | {"baselines": {"protocol": "visible"}})).key(baseline) != key


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"value": "high"}, "value"),
        ({"items": {"v": "0.5"}}, "items.v"),
        ({"genes": {"a": 3}}, "genes.a"),
        ({"index": -1}, "index"),
    ],
    ids=str,
)
def test_a_damaged_line_is_named_with_its_field(path, change, wrong):
    path.write_text(GOLDEN + "\n" + json.dumps(json.loads(GOLDEN) | change) + "\n")
    with pytest.raises(RunFolderError) as caught:
        ResultLog(path)
    assert [problem.where for problem in caught.value.problems] == [f"{path}, line 2: {wrong}"]
