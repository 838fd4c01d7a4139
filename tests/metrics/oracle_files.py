"""The raw results and annotations beside the checkout, read by the plainest means."""

from __future__ import annotations

import json
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from asymnas.tracking.metrics import Clip

LASOT_ATTRIBUTES = ["IV", "POC", "DEF", "MB", "CM", "ROT", "BC", "VC", "SV", "FOC", "FM", "OV", "LR", "ARC"]
FROM_ONE = np.array([1, 1, 0, 0])


def expected(folder: Path) -> dict:
    return json.loads((folder / "expected.json").read_text())


def table(text: str) -> np.ndarray:
    lines = text.replace(",", " ").replace("\t", " ").split("\n")
    rows = len([line for line in lines if line.strip()])
    return np.array(" ".join(lines).split(), dtype=float).reshape(rows, -1)


def packed(path: Path) -> dict[str, str]:
    """Return the text files of an archive by path."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".txt")}
    with tarfile.open(path) as archive:
        members = [item for item in archive.getmembers() if item.isfile() and item.name.endswith(".txt")]
        return {item.name: archive.extractfile(item).read().decode() for item in members}


def _key(name: str) -> str:
    """OTB's names as lower case with underscores: human4-2, Human4_2 and Human4 are one video."""
    key = name.lower().replace("-", "_").replace(".", "_")
    return "human4_2" if key == "human4" else key


@cache
def otb(folder: Path) -> list[Clip]:
    found = json.loads((folder / "otb2015_gt.json").read_text())
    return [
        Clip(_key(name), np.array(item["gt_rect"], float) - FROM_ONE, np.zeros(len(item["gt_rect"]), bool))
        for name, item in found.items()
    ]


def otb99(folder: Path) -> list[Clip]:
    """The 48 test videos of OTB99-LANG: those of SNLT's results."""
    return [clip for clip in otb(folder) if clip.name in snlt(folder)]


@cache
def otb_results(folder: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return tracker to video to boxes.

    The scores to reproduce were computed by a reader that takes any file one row short for one without the first frame.
    That is so of SNLT's; two of MDNet's end one row early instead, on a frame without a box, which costs it up to 0.09
    points. To compare protocols and not readers, the same is done here.
    """
    truth = {clip.name: clip.boxes for clip in otb(folder)}
    trackers: dict[str, dict[str, np.ndarray]] = {}
    for path, text in packed(folder / "otb100_results.tar.xz").items():
        _, tracker, name = path.split("/")
        key, boxes = _key(name.removesuffix(".txt")), table(text) - FROM_ONE
        if len(boxes) == len(truth[key]) - 1:
            boxes = np.concatenate([truth[key][:1], boxes])
        trackers.setdefault(tracker, {})[key] = boxes
    return trackers


@cache
def snlt(folder: Path) -> dict[str, np.ndarray]:
    """SNLT's boxes; its files begin with the second frame, so the given box goes before them."""
    truth = {clip.name: clip.boxes for clip in otb(folder)}
    found = {}
    for path, text in packed(folder / "snlt_otb99lang_raw.zip").items():
        name = _key(Path(path).stem)
        boxes = table(text)[:, :4] - FROM_ONE
        assert len(boxes) == len(truth[name]) - 1
        found[name] = np.concatenate([truth[name][:1], boxes])
    return found


@cache
def lasot(folder: Path) -> list[Clip]:
    files = packed(folder / "lasot_test_annotations.tar.xz")
    names = files["sequence_evaluation_config/testing_set.txt"].split()
    return [
        Clip(
            name,
            table(files[f"annos/{name}.txt"]) - FROM_ONE,
            table(files[f"annos/absent/{name}.txt"]).ravel() > 0,
            frozenset(
                word
                for word, flag in zip(LASOT_ATTRIBUTES, table(files[f"annos/att/{name}.txt"]).ravel(), strict=True)
                if flag
            ),
        )
        for name in names
    ]


@cache
def atom(folder: Path) -> dict[str, np.ndarray]:
    files = packed(folder / "lasot_results_ATOM.tar.xz")
    return {Path(path).stem: table(text) - FROM_ONE for path, text in files.items()}


@cache
def tnl2k(folder: Path) -> list[Clip]:
    boxes, absent = packed(folder / "tnl2k_gt_rect.zip"), packed(folder / "tnl2k_absent.zip")
    clips = []
    for name in (folder / "TNL2K_testing_set.txt").read_text().split():
        rows = table(boxes[f"gt_rect/{name}.txt"]) - FROM_ONE
        flags = table(absent[f"absent/{name}.txt"]).ravel() > 0
        frames = min(len(rows), len(flags))  # one video has a flag too many
        clips.append(Clip(name, rows[:frames], flags[:frames]))
    return clips


def trackingnet(folder: Path) -> tuple[list[Clip], dict[str, np.ndarray]]:
    truth = {Path(name).stem: table(text) for name, text in packed(folder / "trackingnet_dummy_gt.zip").items()}
    given = {Path(name).stem: table(text) for name, text in packed(folder / "trackingnet_dummy_submission.zip").items()}
    return [Clip(name, boxes, np.zeros(len(boxes), bool)) for name, boxes in truth.items()], given
