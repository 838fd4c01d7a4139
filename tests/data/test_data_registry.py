"""The registry, the data root, subsets and the frame cache."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.core.errors import DataError
from asymnas.tracking.data import (
    DATASETS,
    Dataset,
    FrameCache,
    Video,
    cached,
    data_root,
    dataset_info,
    dataset_names,
    list_datasets,
    load_dataset,
    register_dataset,
    subset,
)


class Counted:
    """Frames that count how often they are drawn."""

    def __init__(self, count: int, name: int = 0) -> None:
        self.count, self.name, self.reads = count, name, 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> np.ndarray:
        self.reads += 1
        return np.full((64, 64, 3), (index + 10 * self.name) % 256, np.uint8)


def make(videos: int = 5, frames: int = 6) -> Dataset:
    items = tuple(
        Video(f"v{k}", "made", Counted(frames + k, k), np.ones((frames + k, 4)), np.zeros(frames + k, bool))
        for k in range(videos)
    )
    return Dataset("made", "train", items, "abc")


def test_builtin_sets_are_listed_with_their_layout():
    listed = {info.name: info for info in list_datasets()}
    assert {"synthetic", "otb99_lang", "got10k", "lasot", "tnl2k"} <= set(listed)
    assert "groundtruth.txt" in listed["lasot"].layout and listed["got10k"].summary


def test_listing_imports_no_reader_and_no_heavy_package():
    code = (
        "import sys, asymnas.tracking.data as d; d.list_datasets();"
        "heavy = {'torch', 'ray', 'nni', 'transformers', 'cv2', 'asymnas.tracking.metrics',"
        "'asymnas.tracking.data.readers.lasot'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_registering(monkeypatch):
    monkeypatch.setattr(DATASETS, "_objects", dict(DATASETS._objects))

    def loader(split: str, *, size: int = 3) -> Dataset:
        return make(size)

    register_dataset("mine", loader, "a set of mine")
    register_dataset("mine", loader, "a set of mine")
    assert len(load_dataset("mine", "train", size=4)) == 4
    assert [v.name for v in load_dataset("mine", "train", videos=["v2"], frames=2).videos] == ["v2"]
    with pytest.raises(DataError, match="the name is taken"):
        register_dataset("mine", lambda split: make(), "another")
    with pytest.raises(DataError, match="Did you mean 'size'"):
        load_dataset("mine", "train", sizes=4)
    with pytest.raises(DataError, match="Did you mean 'mine'"):
        load_dataset("mime", "train")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with entry points: a data set, a name that is not the data set's, a missing module."""
    (tmp_path / "toy_set.py").write_text(
        "from asymnas.tracking.data import DatasetInfo\n"
        "from test_data_registry import make\n"
        "dataset = DatasetInfo('toy', 'a toy set', '', lambda split, *, size=3: make(size))\n"
    )
    info = tmp_path / "toy_set-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-set\nVersion: 1\n")
    points = "[asymnas.datasets]\ntoy = toy_set:dataset\nother = toy_set:dataset\ngone = toy_gone:dataset\n"
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)
    DATASETS.__dict__.pop("_points", None)
    yield
    DATASETS.__dict__.pop("_points", None)
    sys.modules.pop("toy_set", None)


def test_packages_name_data_sets_by_entry_points(package):
    assert "toy" in dataset_names() and "toy_set" not in sys.modules
    assert dataset_info("toy").summary == "a toy set"
    assert len(load_dataset("toy", "train", size=2)) == 2
    with pytest.raises(DataError, match="the name is taken"):
        register_dataset("toy", make, "another")
    with pytest.raises(DataError, match="must be named 'other'"):
        load_dataset("other", "train")
    with pytest.raises(DataError, match="cannot import toy_gone:dataset"):
        list_datasets()


def test_a_job_may_name_the_data_set_of_a_package(package):
    from asymnas.core.errors import JobError
    from asymnas.job import load_job

    source = "data.validation.sources=[{dataset: %s, split: val, options: {size: 3}}]"
    assert load_job("vlt_scar", [source % "toy"]).data.validation.sources[0].dataset == "toy"
    with pytest.raises(JobError, match="unknown option of data set toy"):
        load_job("vlt_scar", [source.replace("size", "sise") % "toy"])
    with pytest.raises(JobError, match="cannot import toy_gone"):
        load_job("vlt_scar", [source % "gone"])


def test_data_root_argument_then_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("ASYMNAS_DATA", str(tmp_path))
    assert data_root() == tmp_path.resolve()
    (tmp_path / "other").mkdir()
    assert data_root(tmp_path / "other").name == "other"
    with pytest.raises(DataError, match="must be a folder"):
        data_root(tmp_path / "none")
    with pytest.raises(DataError, match="TNL2K"):
        load_dataset("tnl2k", "train")
    with pytest.raises(DataError, match="one of train, test"):
        load_dataset("tnl2k", "val")
    monkeypatch.delenv("ASYMNAS_DATA")
    with pytest.raises(DataError, match="--data-root"):
        load_dataset("tnl2k", "train")


@given(st.integers(1, 5), st.integers(1, 12), st.integers(0, 1000))
def test_subset_is_fixed_nested_and_keeps_order(videos, frames, seed):
    dataset = make()
    part, again = subset(dataset, videos, frames, seed), subset(make(), videos, frames, seed)
    names = [video.name for video in part.videos]
    assert names == [video.name for video in again.videos] == sorted(names) and len(names) == videos
    assert part.fingerprint == again.fingerprint != dataset.fingerprint
    for video in part.videos:
        whole = 6 + int(video.name[1])
        assert len(video) == len(video.frames) == len(video.absent) == min(frames, whole)
    if videos < 5:
        assert set(names) < {video.name for video in subset(dataset, videos + 1, frames, seed).videos}


def test_subset_by_name_and_errors():
    dataset = make()
    assert subset(dataset) is dataset
    assert [video.name for video in subset(dataset, ["v3", "v1"]).videos] == ["v3", "v1"]
    assert subset(dataset, 2, seed=0).fingerprint != subset(dataset, 2, frames=3, seed=0).fingerprint
    first = subset(dataset, ["v3"], 2).videos[0]
    assert first.frame(1)[0, 0, 0] == 31
    with pytest.raises(IndexError):
        first.frame(2)
    for wrong in ({"videos": 6}, {"videos": 0}, {"videos": []}, {"videos": ["v9"]}, {"frames": 0}):
        with pytest.raises(DataError):
            subset(dataset, **wrong)


def test_cache_is_bounded_and_gives_the_same_pixels():
    dataset = make(2)
    frame_mib = 64 * 64 * 3 / 2**20
    cache = FrameCache(3.5 * frame_mib)
    held = cached(dataset, cache)
    assert held.fingerprint == dataset.fingerprint
    source = dataset.videos[0].frames
    for index in (0, 1, 2, 0, 3, 0, 1):
        assert np.array_equal(held.videos[0].frame(index), np.full((64, 64, 3), index, np.uint8))
    assert source.reads == 5 and len(cache) == 3 and cache.mib <= 3.5 * frame_mib
    with pytest.raises(ValueError, match="read-only"):
        held.videos[0].frame(0)[:] = 1
    assert held.videos[1].frame(0)[0, 0, 0] == 10
    assert len(pickle.loads(pickle.dumps(cache))) == 0


def test_cache_under_threads():
    dataset = make(3, 20)
    cache = FrameCache(0.1)
    held = cached(dataset, cache)
    wrong = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(300):
            k, index = int(rng.integers(3)), int(rng.integers(20))
            if held.videos[k].frame(index)[0, 0, 0] != index + 10 * k:
                wrong.append((k, index))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and cache.mib <= 0.1
