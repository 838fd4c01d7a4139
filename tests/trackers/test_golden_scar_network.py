"""VLT_SCAR with public weights: its numbers in the geometries of training and of tracking (golden case C)."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from asymnas_trackers.vlt_scar import VLTSCAROptions, convert, plugin
from torch import Tensor

from asymnas.core.errors import WeightsError
from asymnas.space import load_space
from asymnas.testing import moving_square
from asymnas.tracking import Language, track
from asymnas.tracking.siamese.car.loss import assign, tracking_losses
from asymnas.tracking.siamese.correlation import correlate

OPS = ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception")
BLOCKS = (3, 3, 7, 3)  # per stage, without the mixer's visual block, which the public list counts as the stage's last


def genes_of(architecture: list[list[int]]) -> dict[str, str]:
    """The public lists [template, search, mixed template, mixed search] as genes."""
    genes = {}
    for branch, blocks, mixed in zip(("template", "search"), architecture[:2], architecture[2:], strict=True):
        ops = iter(blocks)
        for stage, count in enumerate(BLOCKS, start=1):
            genes |= {f"{branch}.stage{stage}.block{n}": OPS[next(ops)] for n in range(1, count + 1)}
            genes[f"{branch}.mixer{stage}.visual"] = OPS[next(ops)]
            genes[f"{branch}.mixer{stage}.mixed"] = OPS[mixed[stage - 1]]
    return genes


def by_rule(key: str, shape: tuple[int, ...]) -> Tensor:
    """The weight that the rule gives to a public key."""
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    last = key.rsplit(".", 1)[-1]
    if last == "running_var":
        drawn = 1 + 0.2 * np.abs(noise)
    elif last in ("running_mean", "bias"):
        drawn = 0.1 * noise
    elif len(shape) == 1:
        drawn = 1 + 0.1 * noise
    else:
        drawn = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    drawn = drawn.astype(np.float32)
    scale = 1e-3 if "vistoken_layers" in key and key.endswith(".0.weight") else 1.0  # the case's weight_override
    return torch.from_numpy((drawn.astype(np.float64) * scale).astype(np.float32))


@dataclass
class Case:
    folder: Path

    def __post_init__(self) -> None:
        self.content = json.loads((self.folder / "case.json").read_text())
        with np.load(self.folder / "data.npz") as data:
            self.data = dict(data)


@pytest.fixture(scope="module")
def cases(shared) -> dict[str, Case]:
    return {name: Case(shared / "golden" / f"C_vlt_scar_{name}_lang") for name in ("train", "test")}


@pytest.fixture(scope="module")
def public_state(cases) -> dict[str, Tensor]:
    shapes = cases["test"].content["key_shapes"]
    counters = {key: torch.tensor(1) for key in shapes if key.endswith("num_batches_tracked")}
    return counters | {key: by_rule(key, tuple(shape)) for key, shape in shapes.items() if key not in counters}


@pytest.fixture(scope="module")
def tracker(public_state):
    made = plugin.build(VLTSCAROptions(public=True), space=load_space("vlt_asymmetric"), language_dim=768, seed=0)
    made.load_state_dict(convert(public_state, made))
    return made


@pytest.fixture(scope="module")
def path(cases) -> dict[str, str]:
    return genes_of(cases["test"].content["arch"])


def run(tracker, path: dict[str, str], count: int, *, online: bool) -> dict[str, Tensor]:
    """Our outputs under the public names, and the head's answers."""

    def draw(seed: int, side: int) -> Tensor:
        images = np.random.default_rng(seed).uniform(0, 255, (count, 3, side, side)).astype(np.float32)
        return torch.from_numpy(images)

    found: dict[str, Tensor] = {}

    def keep(module, inputs) -> None:
        features, role = inputs
        letter = {"template": "z", "search": "x"}[role]
        found.update({f"{letter}.neck_in{level}": value for level, value in enumerate(features, start=2)})

    sentence = (np.random.default_rng(3103).standard_normal((count, 1, 768)) * 0.5).astype(np.float32)
    language = Language(torch.from_numpy(sentence).mean(dim=1), torch.ones(count, dtype=torch.bool))
    boxes = torch.tensor([[40.0, 40.0, 90.0, 90.0]]).repeat(count, 1)
    handle = tracker.neck.register_forward_pre_hook(keep)
    with torch.no_grad():
        template = tracker.embed_template(draw(3101, 127), boxes, path, language, online=online)
        search = tracker.embed_search(draw(3102, 255), template, path)
        for letter, maps in (("z", template.maps), ("x", search)):
            found |= {f"{letter}.neck{level}": value for level, value in enumerate(maps, start=2)}
        pairs = zip(search, template.maps, strict=True)
        found["xcorr_cat"] = torch.cat([correlate(wide, narrow) for wide, narrow in pairs], dim=1)
        found["down"] = tracker.head.fuse(found["xcorr_cat"])
        answers = tracker.head(template.maps, search)
    handle.remove()
    return found | {"cls": answers.cls, "reg": answers.box, "cen": answers.centre, "answers": answers}


def check(case: Case, results: dict[str, Tensor]) -> None:
    assert set(results) == set(case.content["outputs"])
    wrong = []
    for name, entry in case.content["outputs"].items():
        assert list(results[name].shape) == entry["shape"]
        ours = results[name].double().reshape(-1)[:: entry["stride"]].numpy()
        gap = np.abs(ours - case.data[f"{name}.f64"].reshape(-1)).max()
        if not gap <= entry["tol_f32"]["atol"]:
            wrong.append(f"{name}: {gap:.3g} > {entry['tol_f32']['atol']:.3g}")
    assert not wrong, "\n".join(wrong)


def test_training_gives_the_public_numbers(cases, tracker, path) -> None:
    case = cases["train"]
    results = run(tracker, path, 2, online=False)
    answers = results.pop("answers")
    boxes = torch.from_numpy(case.data["in.search_bbox"])
    targets = assign(boxes, torch.ones(2, dtype=torch.bool), tracker.axis, ensure_positive=True)
    parts = tracking_losses(answers, targets, tracker.options.box_loss)
    check(
        case,
        results | {f"loss.{ours}_loss": parts[name] for ours, name in zip(("cls", "reg", "cen"), parts, strict=True)},
    )


def test_tracking_gives_the_public_numbers(cases, tracker, path) -> None:
    results = run(tracker, path, 1, online=True)
    results.pop("answers")
    check(cases["test"], results)


@pytest.mark.parametrize("told", [True, False])
def test_a_video_is_tracked_with_public_weights(tracker, path, told: bool) -> None:
    video = moving_square(0, frames=4)
    embedding = torch.from_numpy(np.random.default_rng(3103).standard_normal((1, 768)).astype(np.float32))
    language = Language(embedding, torch.tensor([told]))
    (session,) = tracker.start([video.frame(0)], video.boxes[:1], language=language, path=path)
    assert [tuple(item.shape) for item in session.template.maps] == [(1, 256, 7, 7)] * 3
    result = track(tracker, [video], path=path, language=language)[0]
    assert np.isfinite(result.boxes).all()
    assert (result.boxes[:, 2:] > 0).all()
    assert ((result.scores >= 0) & (result.scores <= 1)).all()


def test_all_that_does_not_fit_is_named(public_state, tracker) -> None:
    wrong = {
        f"module.{key}": value for key, value in public_state.items() if key != "neck.downsample5.downsample.1.bias"
    }
    wrong["module.head.cls_logits.weight"] = torch.zeros(2, 128, 3, 3)
    wrong["module.backbone.token_map.2.0.weight"] = torch.zeros(320, 512, 1, 1)
    wrong |= {"module.neck.downsample8.downsample.0.weight": torch.zeros(1), "module.nlp.embedding": torch.zeros(1)}
    del wrong["module.backbone.first_conv.0.weight"]
    with pytest.raises(WeightsError) as caught:
        convert(wrong, tracker)
    text = str(caught.value)
    for part in (
        "neck.layers.search.0.norm.bias (from neck.downsample5.downsample.1.bias)",
        "(from first_conv.0.weight)",
        "head.cls_logits.weight is (2, 128, 3, 3), head.cls.weight is (2, 256, 3, 3)",
        "token_map.2.0.weight is (320, 512, 1, 1)",
        "neck.downsample8.downsample.0.weight",
    ):
        assert part in text
    assert "nlp.embedding" not in text
