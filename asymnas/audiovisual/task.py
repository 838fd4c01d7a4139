"""The task: which items, which conditions, what a score is, and what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path as File
from types import MappingProxyType
from typing import Any

import numpy as np

from asymnas.audiovisual.model import DigitBatches, DigitModel, digit_batch
from asymnas.audiovisual.samples import Part, load_parts
from asymnas.audiovisual.schema import AudiovisualJob
from asymnas.core.errors import Problem, SpaceError
from asymnas.core.seeding import rng_for
from asymnas.space import load_space
from asymnas.task import GenePath, Measurement, Reward, Split, Task

LEAST = -5.0
"""Log-probabilities below count as this."""
NEIGHBOURS = 15
INPUTS = {"image": "audio", "audio": "image"}
"""Each input, and the condition that withholds it."""
REWARDS = (Reward("accuracy", "accuracy"), Reward("log_likelihood", "log-likelihood", low=LEAST, high=0.0))


class AudiovisualTask(Task):
    """An item is a picture, heard in several voices: its value is the mean over them.

    Conditions: "both" gives all inputs that the space has a branch for; "image" and "audio" withhold the other one;
    "wrong_audio" joins each picture with another digit's sound (each of the nine equally likely), and what counts is
    still the picture's digit. A space of one branch has "both" alone.
    """

    rewards = MappingProxyType({reward.name: reward for reward in REWARDS})
    scored = ("both",)

    def __init__(self, job: AudiovisualJob) -> None:
        self.job, self.space = job, load_space(job.space)
        self.baselines = tuple(job.baselines.models)
        names = {branch.name for branch in self.space.branches}
        if not names <= {"image", "audio"}:
            rule = "the branches are image, audio, or both"
            raise SpaceError(Problem(self.space.name, rule, ", ".join(sorted(names))))
        self.conditions = ("both", "image", "audio", "wrong_audio") if len(names) == 2 else ("both",)

    @cached_property
    def parts(self) -> dict[str, Part]:
        """Training, validation and test data."""
        data, folder = self.job.data, self.job.data.recordings
        return load_parts(File(folder) if folder else None, components=data.components, noise=data.noise)

    def load(self) -> None:
        """Read pictures and sounds; words of espeak-ng are made if the cache does not have them."""
        assert self.parts

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """The pictures of validation and test."""
        return {
            name: Split(part.names, f"{part.fingerprint}-{self.job.data.voices}", "pictures")
            for name, part in self.parts.items()
            if name != "training"
        }

    def fingerprint(self) -> Mapping[str, Any]:
        """The data of recalibration."""
        training = self.parts["training"].fingerprint
        return {"training": training, "withheld": self.job.data.withheld, "seed": self.job.seed}

    def baseline_fingerprint(self) -> Mapping[str, Any]:
        """The training data."""
        return {"training": self.parts["training"].fingerprint}

    def model(self) -> DigitModel:
        """Return the model over the space."""
        return DigitModel(self.space, self.job.seed)

    def batches(self, purpose: str) -> DigitBatches:
        """Return batches of training data."""
        settings = self.job.training if purpose == "training" else self.job.evaluation.recalibration
        withheld = self.job.data.withheld if len(self.conditions) > 1 else 0.0
        return DigitBatches(self.parts["training"], settings.batch_size, withheld, self.job.seed, purpose)

    def _sounds(self, split: str, *, wrong: bool = False) -> np.ndarray:
        """The indices of the sounds that each item is joined with, (items, voices): the same for every seed."""
        part, voices = self.parts[split], self.job.data.voices
        rng = rng_for(0, "audiovisual", "wrong voices" if wrong else "voices of items", split)
        digits = part.digits.repeat(voices)
        if wrong:
            digits = (digits + rng.integers(1, 10, len(digits))) % 10
        return part.voiced(digits, rng).reshape(-1, voices)

    def measure(
        self,
        model: Any,
        path: GenePath,
        split: str,
        *,
        reward: Reward,
        condition: str,
        items: Sequence[str],
        keep: bool = False,
    ) -> Measurement:
        """Measure one path; `kept` are the predicted digits, (items, voices)."""
        part, device = self.parts[split], model.head.weight.device
        places = {name: place for place, name in enumerate(part.names)}
        rows = np.array([places[item] for item in items])
        found = []
        for sounds in self._sounds(split, wrong=condition == "wrong_audio")[rows].T:
            present = {name: np.full(len(rows), condition != other) for name, other in INPUTS.items()}
            batch = digit_batch(part, rows, sounds, present).to(device)
            found.append(model(batch, path).double().log_softmax(1).cpu().numpy())
        return self._measured(np.stack(found, 1), part, rows, reward, keep)

    def measure_baseline(self, name: str, split: str, *, reward: Reward, keep: bool = False) -> Measurement:
        """Measure a baseline of scikit-learn, fitted on the training data."""
        from sklearn.dummy import DummyClassifier
        from sklearn.neighbors import KNeighborsClassifier

        training, part, sounds = self.parts["training"], self.parts[split], self._sounds(split)
        hears = name == "nearest_audio"
        known, digits = (training.sounds, training.said) if hears else (training.pictures, training.digits)
        asked = part.sounds if hears else part.pictures
        model = DummyClassifier() if name == "majority" else KNeighborsClassifier(NEIGHBOURS)
        model.fit(known.reshape(len(known), -1), digits)
        shares = model.predict_proba(asked.reshape(len(asked), -1))  # (sounds or pictures, 10)
        probable = shares[sounds] if hears else shares[:, None].repeat(sounds.shape[1], 1)  # (items, voices, 10)
        return self._measured(np.log(np.maximum(probable, 1e-9)), part, np.arange(len(sounds)), reward, keep)

    def _measured(self, logs: np.ndarray, part: Part, rows: np.ndarray, reward: Reward, keep: bool) -> Measurement:
        """Score log-probabilities (items, voices, 10) of the items with these places."""
        guesses, digits = logs.argmax(2), part.digits[rows]
        of_right = np.take_along_axis(logs, digits[:, None, None], 2)[..., 0]
        by_item = {
            "accuracy": (guesses == digits[:, None]).mean(1),
            "log_likelihood": np.maximum(of_right, LEAST).mean(1),
        }
        return Measurement(
            values=dict(zip([part.names[row] for row in rows], by_item[reward.name].tolist(), strict=True)),
            measures={name: float(values.mean()) for name, values in by_item.items() if name != reward.name},
            facts={"voices": str(logs.shape[1])},
            kept=guesses if keep else None,
        )
