"""Sentence embeddings computed once and kept on disk."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from asymnas.core.errors import LanguageError, shown
from asymnas.core.files import disk_errors, write_whole
from asymnas.language.embedding import Language, check_sentence
from asymnas.language.encoders import FlawFinder, TextEncoder, load_encoder

log = logging.getLogger("asymnas.language")

_BLOCK = 64  # sentences a cache file; a kill while embedding loses at most so many
_REVISION = 3  # of how embeddings are made; another one's embeddings differ in their last bits and are not read


class SentenceTable:
    """Embeddings by sentence, from memory, else from the disk cache, else from the encoder.

    The cache is a folder for each encoder, named by its fingerprint and by what computes the embeddings (this package's
    way and the versions of torch and transformers), of files that are written once and never changed; so any number of
    processes may share it. The encoder's weights are loaded only if a sentence is in no file. Another kind of CPU, or a
    GPU, may make embeddings that differ in their last bits; those in the cache are taken.

    Sentences that the encoder cannot read as they are (`FlawFinder`) are told in a warning, one for each reason, also
    where their embeddings are those of the cache.

    Args:
        spec: what `load_encoder` takes, or an encoder.
        cache_dir: the cache's folder, made if it is missing.

    Raises:
        LanguageError: the encoder cannot be found, or the cache cannot be written.
    """

    def __init__(self, spec: str | TextEncoder, cache_dir: str | Path) -> None:
        self.encoder: TextEncoder = load_encoder(spec) if isinstance(spec, str) else spec
        self.dim = self.encoder.dim
        self.name = self.encoder.name
        self.fingerprint = self.encoder.fingerprint()
        self.folder = Path(cache_dir).expanduser() / f"{self.name}-{self.fingerprint[:16]}-{_makers()[:8]}"
        self._rows: dict[str, int] = {}
        self._matrix = np.zeros((1, self.dim), dtype=np.float32)  # row 0: no sentence
        self._files: set[str] = set()
        self._flaws: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def embed(self, sentences: Sequence[str | None]) -> Language:
        """Return the embeddings of b sentences, zeros and `present` False where a sentence is None.

        Raises:
            LanguageError: a sentence is empty text.
        """
        import torch

        if any(sentence is not None and sentence not in self._rows for sentence in sentences):
            self._tell(self._fill(sentences), len(sentences))
        rows = [0 if sentence is None else self._rows[sentence] for sentence in sentences]
        present = torch.tensor([row > 0 for row in rows], dtype=torch.bool)
        return Language(torch.from_numpy(self._matrix[rows]), present, tuple(sentences))

    def prepare(self, sentences: Iterable[str | None], on_progress: Callable[[int, int], None] | None = None) -> int:
        """Embed every sentence that has no embedding yet, and keep it on disk.

        Args:
            sentences: in any order, repeats and None allowed.
            on_progress: called with (sentences embedded, sentences to embed) after each block.

        Returns:
            how many the encoder had to embed.
        """
        wanted = {sentence for sentence in sentences if sentence is not None}
        missing = self._fill(wanted, on_progress)
        self._tell(sorted(wanted), len(wanted))
        return len(missing)

    def _fill(
        self, sentences: Iterable[str | None], on_progress: Callable[[int, int], None] | None = None
    ) -> list[str]:
        """Embed the sentences that have no embedding, and return them."""
        wanted = sorted({check_sentence(sentence) for sentence in sentences if sentence is not None})
        if any(sentence not in self._rows for sentence in wanted):
            self._read_new_files()
        missing = [sentence for sentence in wanted if sentence not in self._rows]
        if missing:
            log.info("embedding %d sentences with %s", len(missing), self.name)
        for start in range(0, len(missing), _BLOCK):
            block = missing[start : start + _BLOCK]
            # One by one, so that an embedding's last bit never depends on the sentences beside it.
            rows = np.concatenate([self.encoder.embed([sentence]) for sentence in block]).astype(np.float32)
            flaws = dict(self.encoder.flaws(block)) if isinstance(self.encoder, FlawFinder) else {}
            self._write(block, rows, flaws)
            self._add(block, rows, flaws)
            if on_progress is not None:
                on_progress(start + len(block), len(missing))
        return missing

    def _tell(self, sentences: Sequence[str], total: int) -> None:
        reasons: dict[str, list[str]] = {}
        for sentence in sentences:
            if sentence in self._flaws:
                reasons.setdefault(self._flaws[sentence], []).append(sentence)
        for reason, found in reasons.items():
            first = ", ".join(shown(sentence) for sentence in found[:3]) + (", ..." if len(found) > 3 else "")
            log.warning("%d of %d sentences are %s: %s", len(found), total, reason, first)

    def _add(self, sentences: Sequence[str], rows: np.ndarray, flaws: Mapping[str, str]) -> None:
        self._flaws.update(flaws)
        fresh = [index for index, sentence in enumerate(sentences) if sentence not in self._rows]
        for index, sentence in enumerate(sentences[index] for index in fresh):
            self._rows[sentence] = len(self._matrix) + index
        self._matrix = np.concatenate([self._matrix, rows[fresh]])

    def _read_new_files(self) -> None:
        from safetensors import SafetensorError, safe_open

        for file in sorted(self.folder.glob("*.safetensors")):
            if file.name in self._files:
                continue
            self._files.add(file.name)
            try:
                with safe_open(str(file), framework="numpy") as content:
                    text, rows = content.metadata()["sentences"], content.get_tensor("embedding")
                    flaws = content.metadata()["flaws"]
                if file.stem != _digest(text, rows, flaws):
                    raise ValueError("checksum")
            except FileNotFoundError:  # removed by another process that found it corrupt
                continue
            except (SafetensorError, ValueError) as error:
                log.warning("%s is corrupt (%s): removed, its sentences are embedded anew", file, error)
                file.unlink(missing_ok=True)
                continue
            self._add(json.loads(text), rows, json.loads(flaws))

    def _write(self, sentences: list[str], rows: np.ndarray, flaws: Mapping[str, str]) -> None:
        from safetensors.numpy import save

        text, reasons = json.dumps(sentences, ensure_ascii=False), json.dumps(flaws, ensure_ascii=False)
        file = self.folder / f"{_digest(text, rows, reasons)}.safetensors"
        with disk_errors(self.folder, LanguageError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(file, save({"embedding": rows}, metadata={"sentences": text, "flaws": reasons}), sync=False)
        self._files.add(file.name)


def _makers() -> str:
    """Hash of what embeddings depend on beside the encoder's files; all packages named are installed with this one."""
    versions = [importlib.metadata.version(name) for name in ("torch", "transformers")]
    return hashlib.sha256(" ".join([str(_REVISION), *versions]).encode()).hexdigest()


def _digest(text: str, rows: np.ndarray, flaws: str) -> str:
    """A cache file's name: its content's checksum."""
    return hashlib.sha256(text.encode() + np.ascontiguousarray(rows).tobytes() + flaws.encode()).hexdigest()[:24]
