"""Files of sentences, and videos that are described by them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from asymnas.core.errors import JobError, LanguageError
from asymnas.job import load_job
from asymnas.language import load_encoder
from asymnas.tracking.data import Dataset, load_dataset
from asymnas.tracking.data.lazy import all_of
from asymnas.tracking.data.sentences import described, read_sentences
from asymnas.tracking.task.data import sampler_of, train_datasets, video_set
from asymnas.tracking.task.fresh import fresh_videos

SMALL = {
    "data.train.language": 1.0,
    "data.train.sources": [{"dataset": "synthetic", "split": "train", "videos": 4, "frames": 4, "frame_range": 2}],
    "data.validation.sources": [{"dataset": "synthetic", "split": "val", "videos": 3, "frames": 4}],
    "data.test.sources": [{"dataset": "synthetic", "split": "test", "videos": 3, "frames": 4}],
}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '["a"]', "mapping"),
        ("a.json", '{"a": 3}', "must be text"),
        ("a.json", '{"a": "x", "a": "y"}', "two"),
        ("a.json", '{"a": ', "JSON"),
        ("a.txt", "a thing", "tab or a colon"),
        ("a.txt", "a:  ", "visible"),
        ("a.txt", "", "empty file"),
        ("a.csv", "a,b,c", "two cells"),
        ("a.csv", "a,x\na,y", "two"),
    ],
)
def test_a_damaged_file_of_sentences_is_told(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(LanguageError, match=message):
        read_sentences(tmp_path / name)
    with pytest.raises(LanguageError, match="with"):
        read_sentences(tmp_path / "nothing")


def test_a_file_may_say_that_there_is_no_sentence(tmp_path):
    (tmp_path / "a.json").write_text('{"a": null, "b": "a dog"}')
    (tmp_path / "a.csv").write_text('video,sentence\na,\n\nb,"a  dog, a cat\nand a "" mark"\nvideo,x\n')
    assert read_sentences(tmp_path / "a.json") == {"a": None, "b": "a dog"}
    assert read_sentences(tmp_path / "a.csv") == {"a": None, "b": 'a dog, a cat and a " mark', "video": "x"}


@pytest.mark.parametrize("lazy", [True, False])
def test_named_videos_get_their_sentence_and_others_keep_theirs(lazy):
    own = load_dataset("synthetic", "val", videos=4)
    if not lazy:
        own = Dataset("synthetic", "val", tuple(own.videos), own.fingerprint)
    names = all_of(own.videos).names
    given = {names[0]: "by name", f"synthetic/{names[1]}": "by set", f"synthetic/val/{names[1]}": "by split"}
    found = described(own, {**given, names[2]: None, f"synthetic/test/{names[3]}": "of another split"})
    assert [video.sentence for video in found.videos] == ["by name", "by split", None, own.videos[3].sentence]
    videos = all_of(found.videos)
    assert videos.described.tolist() == [True, True, False, True] and videos.names == names
    assert videos.sentences == {"by name", "by split", own.videos[3].sentence}
    assert [video.sentence for video in videos.select([2, 0], frames=2)] == [None, "by name"]
    assert [video.sentence for video in found.videos[1:3]] == ["by split", None] and found.videos[
        -4
    ].sentence == "by name"
    np.testing.assert_array_equal(found.videos[0].boxes, own.videos[0].boxes)
    other = described(own, {names[0]: "another"})
    assert len({own.fingerprint, found.fingerprint, other.fingerprint}) == 3
    assert described(own, {"nothing": "x"}) is own


def job_with(file: Path, sentences: dict[str, str | None]):
    file.write_text(json.dumps(sentences))
    return load_job("vlt_scar", {**SMALL, "language.sentences": str(file)})


def test_a_jobs_file_of_sentences_reaches_training_and_evaluation(tmp_path):
    plain = load_job("vlt_scar", SMALL)
    trained = all_of(train_datasets(plain)[0].videos).names
    tested = [video.name for video in video_set(plain, "test")[0]]
    given = {f"synthetic/train/{name}": "pseudo" for name in trained} | {f"synthetic/test/{tested[0]}": None}
    job = job_with(tmp_path / "x.json", given)
    assert set(sampler_of(job).batch(0).sentences) == {"pseudo"}
    (without, *others), fingerprint = video_set(job, "test")
    assert without.sentence is None and all(video.sentence for video in others)
    assert fingerprint != video_set(plain, "test")[1]
    assert video_set(job, "validation")[1] == video_set(plain, "validation")[1]
    more = {f"synthetic/test/{video.name}": "pseudo" for video in fresh_videos(plain, 2)[0]}
    found, _ = fresh_videos(job_with(tmp_path / "y.json", {**given, **more}), 2)
    assert [video.sentence for video in found] == ["pseudo", "pseudo"]


def test_names_that_are_no_videos_are_told(tmp_path, caplog):
    name = video_set(load_job("vlt_scar", SMALL), "test")[0][0].name
    with caplog.at_level(logging.WARNING, "asymnas.tracking"):
        job_with(tmp_path / "x.json", {f"synthetic/test/{name}": "a", "synthetic/test/gone": "b"}).open().load()
    (record,) = caplog.records
    assert "1 of 2 sentences" in record.getMessage() and "synthetic/test/gone" in record.getMessage()
    with pytest.raises(LanguageError, match=r"language\.sentences: must name a video of the job"):
        job_with(tmp_path / "x.json", {"gone": "b"}).open().load()


def test_the_language_section_is_checked(tmp_path):
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "x.yaml").write_text(
        "extends: vlt_scar\nname: x\nlanguage: {encoder: bag, pooling: mean, sentences: x.json}\n"
    )
    with pytest.raises(JobError) as caught:
        load_job(tmp_path / "x.yaml")
    told = str(caught.value)
    assert "language.pooling: must be left out, for the encoder 'bag'" in told
    assert "x.json: must be JSON" in told and len(caught.value.problems) == 2


def test_a_job_chooses_encoder_and_pooling():
    from asymnas.tracking.task.data import sentences_of

    assert sentences_of(load_job("vlt_scar", {"language.encoder": "bag"})).dim == 300
    try:
        load_encoder("minilm")
    except LanguageError as error:
        pytest.skip(str(error))
    table = sentences_of(load_job("vlt_scar", {"language.pooling": "last"}), "cpu")
    assert (table.encoder.pooling, table.encoder.device) == ("last", "cpu")
