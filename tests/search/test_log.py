"""The log of evaluations: durable, tolerant of one torn line, strict elsewhere."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace

import pytest

from asymnas.core.errors import JobError, RunFolderError
from asymnas.search import Evaluation, ResultLog, ScoreSettings, Task
from asymnas.search.results import LOGGED

GOLDEN = (
    '{"version":1,"key":"k1","stage":"search","index":0,"genes":{"a":"shuffle_3x3"},"tracker":null,"video_set":"val",'
    '"language":"both","protocol":"lasot","status":"ok","error":"","traceback":"","suc":0.5,"se":0.25,'
    '"videos":{"synthetic/v1":0.25,"synthetic/v2":0.75},"conditions":{"with":0.5,"without":0.5},"frames":22,'
    '"cost":{"macs":3,"params":2,"branches":{"a":{"macs":3,"params":2}}},"recalibration":4,"seconds":1.5,"cached":false}'
)
"""A line of version 1; it must be readable for ever."""


def entry(index, **values):
    scored = {"key": f"k{index}", "stage": "search", "index": index, "genes": {"a": "x"}, "suc": index / 10, "se": 0.1}
    return Evaluation(**(scored | {"videos": {"v": index / 10}} | values))


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
    assert list(json.loads(GOLDEN)) == ["version", *LOGGED]


def test_append_and_read_back(written):
    log = ResultLog(written)
    assert list(log) == [entry(index) for index in range(3)]
    assert log.get("k1") == log.at("search", 1) == entry(1)
    assert log.get("k9") is None
    assert log.at("test", 1) is None


def test_boxes_stay_out_of_the_log(path):
    log = ResultLog(path)
    log.append(replace(entry(0), tracks={"with": []}))
    assert "tracks" not in path.read_text()
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
    [({"version": 2}, "version 1"), ({"colour": 1}, "difference in: colour"), ({"status": "odd"}, "status: must")],
)
def test_foreign_lines_are_refused_even_at_the_end(written, change, text):
    foreign = {"version": 1} | json.loads(entry(3).to_json()) | change
    written.write_bytes(written.read_bytes() + json.dumps(foreign).encode() + b"\n")
    with pytest.raises(RunFolderError, match=text):
        ResultLog(written)


def test_full_disk_loses_nothing(written, monkeypatch):
    log, whole, write = ResultLog(written), written.read_bytes(), os.write

    def full(handle, data):
        if len(data) < 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RunFolderError, match=r"No space left.*the 3 evaluations written so far are kept"):
        log.append(entry(3))
    assert len(log) == len(ResultLog(written)) == 3
    monkeypatch.undo()
    log.append(entry(3))  # the same process may go on when there is space again
    assert written.read_bytes() == whole + (entry(3).to_json() + "\n").encode()


def test_two_processes_on_one_log_are_noticed(written):
    one, two = ResultLog(written), ResultLog(written)
    two.append(entry(3))
    with pytest.raises(RunFolderError, match="Another process changed it"):
        one.append(entry(4))
    assert len(ResultLog(written)) == 4


def test_numbers_that_are_not_finite_never_reach_the_log(path):
    with pytest.raises(ValueError, match="JSON"):
        ResultLog(path).append(entry(0, suc=float("nan")))
    assert not path.exists()


def test_row_of_failures(path):
    log = ResultLog(path)
    for index in (0, 1, 3, 4, 6):
        log.append(entry(index, status="failed" if index != 1 else "ok", suc=None))
    assert [item.index for item in log.failures_around("search", 4)] == [3, 4]
    assert log.failures_around("search", 1) == log.failures_around("search", 5) == []


SETTINGS = {
    "space": "s",
    "weights": "w",
    "videos": {"val": "v", "test": "t"},
    "recalibration": {"batches": 4, "seed": 0},
    "tracker": {"name": "vlt_scar", "window": 0.4},
    "sentences": "minilm",
    "protocol": "lasot",
}


def test_key_depends_on_every_part_of_the_settings():
    task = Task(genes=(("a", "x"), ("b", "y")))
    key = ScoreSettings(**SETTINGS).key(task)
    others = {
        ScoreSettings(**(SETTINGS | {name: value})).key(task)
        for name, value in {
            "space": "s2",
            "weights": "w2",
            "videos": {"val": "v2"},
            "recalibration": {"batches": 5, "seed": 0},
            "tracker": {"name": "vlt_scar", "window": 0.5},
            "sentences": "bert",
            "protocol": "visible",
        }.items()
    }
    tasks = [
        replace(task, genes=(("a", "y"), ("b", "y"))),
        replace(task, videos="test"),
        replace(task, language="both"),
        Task(tracker="static"),
    ]
    others |= {ScoreSettings(**SETTINGS).key(item) for item in tasks}
    assert len(others | {key}) == 12
    assert ScoreSettings(**(SETTINGS | {"videos": {"val": "v"}})).key(task) == key
    assert ScoreSettings(**SETTINGS).key(replace(task, keep_boxes=True, genes=task.genes[::-1])) == key


def test_key_of_a_baseline_depends_on_the_videos_alone():
    baseline = Task(tracker="static")
    other = SETTINGS | {"space": "s2", "weights": "w2", "sentences": "bert", "tracker": {}}
    assert ScoreSettings(**SETTINGS).key(baseline) == ScoreSettings(**other).key(replace(baseline, language="without"))


def test_wrong_tasks():
    with pytest.raises(JobError, match="either genes or a tracker"):
        Task()
    with pytest.raises(JobError, match="with, without, both"):
        Task(tracker="static", language="often")
    with pytest.raises(JobError, match="Did you mean 'val'"):
        ScoreSettings(**SETTINGS).key(Task(tracker="static", videos="vall"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"suc": 5.0}, "suc: must be null or a number from 0 to 1, but got 5.0"),
        ({"suc": "high"}, "suc: must be null or a number from 0 to 1, but got 'high'"),
        ({"suc": 0.6}, "suc: must be the mean of the scores of the videos, 0.5, but got 0.6"),
        ({"suc": None}, "suc: must be the mean"),
        ({"suc": float("nan")}, "suc: must be null or a number"),
        ({"videos": {}}, "suc: must be the mean of the scores of the videos"),
        ({"videos": {"v": "0.5"}}, "videos: must be a mapping"),
        ({"status": "failed"}, "suc: must be null where it failed"),
        ({"status": "fine"}, "status: must be ok or failed"),
        ({"genes": {"a": 3}}, "genes: must be null or a mapping from genes to ops"),
        ({"genes": [], "index": -1, "cached": 0, "seconds": 10**400}, "index: must be a whole number"),
    ],
    ids=str,
)
def test_a_line_changed_by_hand_is_not_believed(path, change, message):
    path.write_text(GOLDEN + "\n" + json.dumps(json.loads(GOLDEN) | change) + "\n")
    with pytest.raises(RunFolderError, match="line 2") as caught:
        ResultLog(path)
    told = [str(problem) for problem in caught.value.problems]
    assert any(f"{path}, line 2: {message}" in text for text in told), told
    assert all("delete the line" in text for text in told)
