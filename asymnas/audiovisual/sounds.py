"""Spoken digits at 8 kHz, from espeak-ng or from a folder of recordings, and how they become noisy log-mel pictures."""

from __future__ import annotations

import hashlib
import io
import json
import re
import wave
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from asymnas.audiovisual.espeak import Utterance, synthesise
from asymnas.core.errors import DataError, Problem
from asymnas.core.files import cache_folder, write_whole
from asymnas.core.seeding import rng_for

RATE, HOP, WINDOW, FRAMES, MELS = 8000, 200, 400, 32, 32
LENGTH = HOP * FRAMES  # 0.8 seconds
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ACCENTS = ("en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-us-nyc")
SPEAKERS = {
    "training": "m1 m2 m3 m4 f1 f2 f3 Alex Andy Annie Lee Michael adam linda steph klatt2",
    "validation": "m5 m6 f4 belinda edward Mario",
    "test": "m7 m8 f5 Alicia john shelby Gene",
}
"""Voice variants of espeak-ng; each part of the data has its own."""


@dataclass(frozen=True)
class Speech:
    """Words without noise: (n, LENGTH) int16 with silence around the word, what is said (n,), and by whom (n,)."""

    waves: np.ndarray
    digits: np.ndarray
    speakers: np.ndarray


def spoken() -> dict[str, Speech]:
    """Return the words of espeak-ng by part of the data; they are made once and kept in the cache folder."""
    utterances = {part: _utterances(part) for part in SPEAKERS}
    key = hashlib.sha256(json.dumps([RATE, LENGTH, utterances]).encode()).hexdigest()[:16]
    file = Path(cache_folder()) / "audiovisual" / f"digits_{key}.npz"
    if not file.exists():
        sounds, rate = synthesise([one for part in utterances.values() for one in part])
        buffer = io.BytesIO()
        np.savez_compressed(buffer, waves=np.stack([_fitted(sound, rate) for sound in sounds]))
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, buffer.getvalue())
    with np.load(file) as arrays:
        waves = arrays["waves"]
    parts, start = {}, 0
    for part, said in utterances.items():
        digits = np.array([WORDS.index(word) for word, *_ in said])
        parts[part] = Speech(waves[start : start + len(said)], digits, np.array([voice for _, voice, *_ in said]))
        start += len(said)
    return parts


def _utterances(part: str) -> list[Utterance]:
    """Every word twice by every voice, at a pace and a pitch drawn once and for all."""
    rng, said = rng_for(0, "audiovisual", "voices", part), []
    for variant in SPEAKERS[part].split():
        for accent in ACCENTS:
            for word in WORDS * 2:
                said.append((word, f"{accent}+{variant}", int(rng.integers(130, 221)), int(rng.integers(25, 76))))
    return said


def recorded(folder: Path) -> dict[str, Speech]:
    """Return the recordings `digit_speaker_index.wav` of a folder by part of the data, each part with its own speakers.

    The last quarter of the speakers' names in alphabetical order is the test, the quarter before it the validation.
    """
    found = sorted((m[2], int(m[1]), file) for file in folder.glob("*.wav") if (m := _NAME.fullmatch(file.name)))
    speakers = sorted({speaker for speaker, *_ in found})
    if len(speakers) < 3:
        rule = "needs files digit_speaker_index.wav of three speakers or more"
        raise DataError(Problem(str(folder), rule, f"{len(found)} files of {len(speakers)}"))
    held = max(1, len(speakers) // 4)
    names = {"training": speakers[: -2 * held], "validation": speakers[-2 * held : -held], "test": speakers[-held:]}
    parts = {}
    for part, mine in names.items():
        chosen = [item for item in found if item[0] in mine]
        lacking = sorted(set(range(10)) - {digit for _, digit, _ in chosen})
        if lacking:
            raise DataError(Problem(str(folder), f"the speakers of {part} must say every digit", f"no {lacking}"))
        waves = np.stack([_fitted(*_read(file)) for *_, file in chosen])
        parts[part] = Speech(waves, np.array([d for _, d, _ in chosen]), np.array([s for s, *_ in chosen]))
    return parts


_NAME = re.compile(r"(\d)_(.+)_[^_]+\.wav")


def _read(file: Path) -> tuple[np.ndarray, int]:
    try:
        with wave.open(str(file)) as sound:
            if (sound.getnchannels(), sound.getsampwidth()) != (1, 2):
                raise wave.Error(f"{sound.getnchannels()} channels of {8 * sound.getsampwidth()} bits")
            return np.frombuffer(sound.readframes(sound.getnframes()), "<i2"), sound.getframerate()
    except (wave.Error, EOFError) as error:
        raise DataError(Problem(str(file), "must be a mono WAV file of 16 bits", str(error))) from error


def _fitted(sound: np.ndarray, rate: int) -> np.ndarray:
    """Return a sound at 8 kHz and equal loudness, (LENGTH,) int16: its silent ends cut, the word in the middle."""
    from scipy.signal import resample_poly

    divisor = gcd(RATE, rate)
    sound = resample_poly(sound.astype(np.float64), RATE // divisor, rate // divisor)
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    sound = sound[loud[0] : loud[-1] + 1][:LENGTH] if len(loud) else sound[:LENGTH]
    sound = sound * (3000.0 / max(np.sqrt(np.mean(sound**2)), 1e-9))
    before = (LENGTH - len(sound)) // 2
    return np.pad(sound, (before, LENGTH - len(sound) - before)).clip(-32768, 32767).astype(np.int16)


def noisy(waves: np.ndarray, others: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Return words moved in time under noise, (n, LENGTH) float32: half of them under white noise, half under babble.

    The babble is made of `others` (m, LENGTH), six at a time. A word is, while it lasts, `decibels` above the noise.
    """
    out = np.empty(waves.shape, np.float32)
    for i, word in enumerate(waves.astype(np.float64)):
        said = np.flatnonzero(word)
        shift = int(rng.integers(-said[0], LENGTH - said[-1]))
        if rng.random() < 0.5:
            noise = rng.standard_normal(LENGTH)
        else:
            drawn, turns = rng.integers(len(others), size=6), rng.integers(LENGTH, size=6)
            noise = sum(np.roll(others[j].astype(np.float64), turn) for j, turn in zip(drawn, turns, strict=True))
        power = np.mean(word[said] ** 2) / 10 ** (decibels / 10)
        out[i] = np.roll(word, shift) + noise * np.sqrt(power / np.mean(noise**2))
    return out


def log_mel(waves: np.ndarray) -> np.ndarray:
    """Return log-mel pictures (n, MELS, FRAMES) float32 of waves (n, LENGTH), each of mean 0 and standard deviation 1.

    Rows are 32 mel bands from low to high, 0 to 4 kHz; columns are windows of 50 ms, 25 ms apart.
    """
    around = np.pad(waves, ((0, 0), (WINDOW // 2, WINDOW // 2)))
    frames = np.lib.stride_tricks.sliding_window_view(around, WINDOW, axis=1)[:, HOP // 2 :: HOP][:, :FRAMES]
    power = [np.abs(np.fft.rfft(some * np.hanning(WINDOW), 512)) ** 2 for some in frames]
    mel = np.log(np.stack(power) @ _mel_bands().T + 1e3)
    mel = (mel - mel.mean((1, 2), keepdims=True)) / mel.std((1, 2), keepdims=True)
    return np.swapaxes(mel, 1, 2).astype(np.float32)


def _mel_bands() -> np.ndarray:
    """Triangles, (MELS, 257), whose corners are equally spaced on the mel scale, 2595 log10(1 + f / 700)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, MELS + 2) / 2595) - 1)
    bins = np.linspace(0, RATE / 2, 257)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    return np.clip(np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)), 0, None)
