"""Handwritten and spoken digits as arrays: three parts, whose writers and voices differ."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asymnas.audiovisual.sounds import log_mel, noisy, recorded, spoken
from asymnas.core.seeding import rng_for

PARTS = {"training": (0, 1029), "validation": (1029, 1415), "test": (1415, 1797)}
"""First and last row of `load_digits` that a part has.

The rows are 14 forms, one after the other: each begins with 0 to 9 three times (rows 0, 130, 256, 386, 516, 646, 776,
905, 1029, 1157, 1287, 1415, 1545, 1667). They are of 13 writers, whose names are not given; a writer's forms would be
neighbours. So parts end where a form ends, and the forms that look most alike (0 and 1, 9 and 10) lie in one part.
"""
NOISES = 3  # noisy copies of each spoken word of training


@dataclass(frozen=True)
class Part:
    """A part: `pictures` (n) and `sounds` (m), (., 1, 32, 32) float32, and the digits they show and say."""

    pictures: np.ndarray
    digits: np.ndarray
    sounds: np.ndarray
    said: np.ndarray
    names: tuple[str, ...]
    fingerprint: str

    def voiced(self, digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the index of a random sound that says each of `digits`, (n,)."""
        order, counts = np.argsort(self.said, kind="stable"), np.bincount(self.said, minlength=10)
        within = (rng.random(len(digits)) * counts[digits]).astype(np.int64)
        return order[(counts.cumsum() - counts)[digits] + within]


def load_parts(recordings: Path | None, *, components: int, noise: float) -> dict[str, Part]:
    """Return training, validation and test data, degraded so that neither input suffices.

    `recordings` is None for espeak-ng; of a picture, `components` of its 64 principal components (of the training
    pictures) are left; a word is `noise` dB louder than its noise.
    """
    from sklearn.datasets import load_digits

    speech = spoken() if recordings is None else recorded(recordings)
    pictures, digits = load_digits(return_X_y=True)
    first, last = PARTS["training"]
    mean = pictures[first:last].mean(0)
    _, axes = np.linalg.eigh(np.cov(pictures[first:last], rowvar=False))
    kept = axes[:, -components:]
    blurred = (pictures - mean) @ kept @ kept.T / pictures[first:last].std()
    large = blurred.reshape(-1, 1, 8, 8).repeat(4, axis=2).repeat(4, axis=3).astype(np.float32)
    parts = {}
    for name, (first, last) in PARTS.items():
        words = speech[name]
        copies = NOISES if name == "training" else 1
        waves, said = words.waves.repeat(copies, axis=0), words.digits.repeat(copies)
        sounds = log_mel(noisy(waves, words.waves, noise, rng_for(0, "audiovisual", "noise", name)))[:, None]
        settings = f"1 {components} {noise} {copies} {first} {last}".encode()
        content = hashlib.sha256(settings + words.waves.tobytes() + words.digits.tobytes())
        names = tuple(f"digit{row:04}" for row in range(first, last))
        parts[name] = Part(large[first:last], digits[first:last], sounds, said, names, content.hexdigest()[:16])
    return parts
