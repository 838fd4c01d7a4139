"""Captions by rules of the synthetic benchmark, and less language of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from asymnas.cli import app
from asymnas.core.errors import DataError
from asymnas.job import load_job
from asymnas.tracking.data.synthetic import COLOURS, SHAPES, load
from asymnas.tracking.data.synthetic._captions import MOTIONS
from asymnas.tracking.task.data import sampler_of

VIDEOS = 150


def words(dataset) -> np.ndarray:
    """(n, 3) colour, shape and motion of the captions."""
    found = []
    for video in dataset.videos:
        article, colour, shape, motion = video.sentence.split(" ", 3)
        assert article == ("an" if colour == "orange" else "a")
        assert colour in COLOURS and shape in SHAPES and motion in MOTIONS
        found.append((colour, shape, motion))
    return np.array(found)


@pytest.fixture(scope="module")
def truth():
    return load("test", videos=VIDEOS, frames=20, captions="rules")


def test_captions_without_errors_are_true_and_the_videos_are_the_same(truth):
    plain = load("test", videos=VIDEOS, frames=20)
    for said, video, other in zip(words(truth), truth.videos, plain.videos, strict=True):
        assert tuple(said[:2]) == (video.frames.scene.looks[0].colour, video.frames.scene.looks[0].shape)
        way = video.frames.scene.centre[0, -1] - video.frames.scene.centre[0, 0]
        along = {"moving to the left": -way[0], "moving to the right": way[0]}
        along |= {"moving up": -way[1], "moving down": way[1]}
        side = 2 * np.sqrt(abs(np.linalg.det(video.frames.scene.shape[0, 0])))
        expected = max(along, key=along.__getitem__) if max(along.values()) >= side else "moving around"
        assert said[2] == expected
        np.testing.assert_array_equal(video.boxes, other.boxes)
    assert set(words(truth)[:, 2]) == set(MOTIONS)
    assert plain.fingerprint != truth.fingerprint


def test_the_share_of_wrong_words_is_the_one_asked_for(truth):
    right, wrong = words(truth), {}
    for rate in (0.2, 0.5, 1.0):
        found = words(load("test", videos=VIDEOS, frames=20, captions="rules", caption_errors=rate))
        wrong[rate] = found != right
        share = wrong[rate].mean(0)
        assert (np.abs(share - rate) <= 4 * np.sqrt(rate * (1 - rate) / VIDEOS)).all(), share
    assert (wrong[0.5] >= wrong[0.2]).all()  # the errors of a lower rate are among those of a higher one


def test_captions_are_the_same_at_every_call_and_differ_by_seed():
    options = {"videos": 30, "frames": 4, "captions": "rules", "caption_errors": 0.5}
    one, other = load("val", **options), load("val", **options)
    assert [video.sentence for video in one.videos] == [other.videos[i].sentence for i in reversed(range(30))][::-1]
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != load("val", **{**options, "caption_errors": 0.4}).fingerprint
    assert (words(one) != words(load("val", **options, seed=1))).any()


def test_options_of_captions_are_checked():
    with pytest.raises(DataError, match=r"synthetic\.captions: must be rules or null"):
        load("test", captions="rule")
    with pytest.raises(DataError, match=r"caption_errors: must be in \[0, 1\]"):
        load("test", captions="rules", caption_errors=1.5)
    with pytest.raises(DataError, match="caption_errors: needs captions"):
        load("test", caption_errors=0.5)


def test_a_jobs_source_may_be_captioned_and_its_sentences_written_to_a_file(tmp_path):
    options = {"captions": "rules", "caption_errors": 0.2}
    source = {"dataset": "synthetic", "split": "val", "videos": 3, "options": options}
    job = load_job("vlt_scar", {"data.validation.sources": [source], "data.test": None})
    from asymnas.tracking.task.data import video_set

    (video, *_), _ = video_set(job, "validation")
    file = tmp_path / "captions.json"
    flags = [word for key, value in options.items() for word in ("--option", f"{key}={value}")]
    done = CliRunner().invoke(app, ["data", "sentences", "synthetic", "--split", "val", *flags, "-o", str(file)])
    assert done.exit_code == 0, done.output
    written = json.loads(file.read_text())
    assert len(written) == 60 and written[video.name] == video.sentence
    assert "60 of 60 videos" in done.output


def test_a_smaller_volume_of_language_drops_whole_videos_and_keeps_all_pairs():
    source = {"dataset": "synthetic", "split": "train", "videos": 16, "frames": 4, "frame_range": 2}
    keys = {"data.train.sources": [source], "training.batch_size": 128, "data.train.language": 1.0}
    batches = {
        volume: sampler_of(load_job("vlt_scar", {**keys, "data.train.language_volume": volume})).batch(0)
        for volume in (1.0, 0.75, 0.5)
    }
    spoken = {}
    for volume, batch in batches.items():
        rows = list(zip(batch.videos, batch.sentences, strict=True))
        spoken[volume] = {name for name, text in rows if text is not None}
        assert spoken[volume].isdisjoint(name for name, text in rows if text is None)
        assert len(spoken[volume]) == round(volume * len(set(batch.videos)))
        assert batch.videos == batches[1.0].videos
        np.testing.assert_array_equal(batch.search, batches[1.0].search)
    assert spoken[0.5] < spoken[0.75] < spoken[1.0]
