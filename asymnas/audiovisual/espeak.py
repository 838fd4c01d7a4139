"""Speech by espeak-ng, in a process of its own: its library keeps a state, and a fresh one says equal lists alike.

`python -m asymnas.audiovisual.espeak OUT.npz` reads a JSON list of [word, voice, rate, pitch] from standard input.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from asymnas.core.errors import DataError, MissingDependency, Problem

Utterance = tuple[str, str, int, int]
"""Word, voice such as "en-us+f2", words a minute (80..450), pitch (0..100)."""

SYNCHRONOUS, CHARACTERS, RATE, PITCH = 2, 1, 1, 3  # constants of espeak-ng's speak_lib.h


def synthesise(utterances: Sequence[Utterance]) -> tuple[list[np.ndarray], int]:
    """Return the sound of each utterance, int16 (samples,), and the samples a second of all.

    Raises:
        MissingDependency: the package `espeakng-loader` is not installed.
        DataError: espeak-ng lacks a voice.
    """
    if find_spec("espeakng_loader") is None:
        way_out = "Run pip install 'asymnas[audio]', or name a folder of recordings in data.recordings."
        raise MissingDependency(
            Problem("data.recordings", "spoken digits need the package espeakng-loader", "", way_out)
        )
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "sounds.npz")
        command = [sys.executable, "-m", __name__, str(out)]
        done = subprocess.run(command, input=json.dumps(utterances), text=True, capture_output=True)
        if done.returncode:
            raise DataError(Problem("espeak-ng", "could not speak the digits", done.stderr.strip()[-300:]))
        with np.load(out) as arrays:
            return np.split(arrays["samples"], np.cumsum(arrays["lengths"])[:-1]), int(arrays["rate"])


def _speak(utterances: Sequence[Utterance]) -> tuple[list[np.ndarray], int]:
    import espeakng_loader

    library, parts = ctypes.CDLL(espeakng_loader.get_library_path()), []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def receive(samples, count, events):
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    rate = library.espeak_Initialize(SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    library.espeak_SetSynthCallback(receive)
    sounds, current = [], ""
    for word, voice, speed, pitch in utterances:
        if voice != current and library.espeak_SetVoiceByName(voice.encode()):
            raise SystemExit(f"no voice '{voice}'")
        current = voice
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breath and flutter are random; the clock is the seed else
        library.espeak_SetParameter(RATE, speed, 0)
        library.espeak_SetParameter(PITCH, pitch, 0)
        text = word.encode()
        library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 0, 0, CHARACTERS, None, None)
        sounds.append(np.concatenate(parts))
        parts.clear()
    return sounds, rate


if __name__ == "__main__":
    spoken, samples_per_second = _speak(json.load(sys.stdin))
    lengths = [len(sound) for sound in spoken]
    np.savez(sys.argv[1], samples=np.concatenate(spoken), lengths=lengths, rate=samples_per_second)
