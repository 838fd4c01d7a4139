"""SiamCAR: the tracker contract, training, and its network with public weights against the public code (golden C)."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
import torch
from asymnas_trackers.siamcar import SiamCAROptions, convert, plugin
from torch import Tensor

from asymnas.core.errors import WeightsError
from asymnas.space import load_space
from asymnas.testing import TrackerContract
from asymnas.tracking import Language, get_tracker
from asymnas.tracking.siamese.correlation import correlate

SMALL = {"channels": 32, "head_depth": 1, "min_side": 4.0}


class TestContract(TrackerContract):
    lockstep_tolerance = 1e-3

    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls):
        return get_tracker("siamcar")

    @pytest.fixture(scope="class")
    @classmethod
    def options(cls):
        return SMALL

    @pytest.fixture(scope="class")
    @classmethod
    def space(cls):
        return load_space("tiny_resnet")

    def test_a_few_steps_reduce_the_loss(self, plugin, options, space, architecture) -> None:
        tracker = self.build(plugin, options, space).train()
        batch, losses = self.batch(tracker), []
        optimiser = torch.optim.AdamW(tracker.parameters(), lr=3e-3)
        for _ in range(6):
            optimiser.zero_grad(set_to_none=True)
            losses.append(tracker.loss(batch, architecture.genes)["total"])
            losses[-1].backward()
            optimiser.step()
        assert losses[-1] < 0.8 * losses[0]

    def test_the_geometry_is_that_of_tiny_asymmetric(self, tracker) -> None:
        grid = tracker.grid
        assert (grid.crops.template_size, grid.crops.search_size) == (64, 128)
        assert (grid.kernel, grid.size, grid.stride) == (4, 13, 8)

    def test_batch_norms_have_scales(self, tracker) -> None:
        assert tracker.supernet.settings["affine"]


def by_rule(key: str, shape: tuple[int, ...]) -> Tensor:
    """The weight that the rule gives to a public key."""
    noise = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    last = key.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return torch.tensor(0)
    if last == "running_var":
        noise = 1 + 0.2 * np.abs(noise)
    elif last in ("running_mean", "bias"):
        noise = 0.1 * noise
    elif len(shape) == 1:
        noise = 1 + 0.1 * noise
    else:
        noise = noise * np.sqrt(2.0 / np.prod(shape[1:]))
    return torch.from_numpy(noise.astype(np.float32))


@pytest.fixture(scope="module")
def case(shared):
    folder = shared / "golden" / "C_siamcar_r50"
    with np.load(folder / "data.npz") as data:
        return json.loads((folder / "case.json").read_text()), dict(data)


@pytest.fixture(scope="module")
def state(case) -> dict[str, Tensor]:
    return {key: by_rule(key, tuple(shape)) for key, shape in case[0]["key_shapes"].items()}


@pytest.fixture(scope="module")
def public():
    return plugin.build(SiamCAROptions(public=True), space=load_space("resnet50"), seed=0)


def test_the_network_gives_the_public_numbers(case, state, public) -> None:
    meta, data = case
    public.load_state_dict(convert(state, public))
    path = next(public.space.enumerate()).genes

    def draw(seed: int, side: int) -> Tensor:  # the first of the case's two samples
        images = np.random.default_rng(seed).uniform(0, 255, (2, 3, side, side)).astype(np.float32)
        return torch.from_numpy(images[:1])

    found: dict[str, Tensor] = {}

    def keep(module, inputs) -> None:
        features, role = inputs
        letter = {"template": "z", "search": "x"}[role]
        found.update({f"{letter}.layer{level}": value for level, value in enumerate(features, start=2)})

    handle = public.neck.register_forward_pre_hook(keep)
    with torch.no_grad():
        boxes = torch.tensor([[40.0, 40.0, 90.0, 90.0]])
        template = public.embed_template(draw(3001, 127), boxes, path, Language.absent(1, 0), online=True)
        search = public.embed_search(draw(3002, 255), template, path)
        for letter, maps in (("z", template.maps), ("x", search)):
            found |= {f"{letter}.neck{level}": value for level, value in enumerate(maps, start=2)}
        pairs = [correlate(wide, narrow) for wide, narrow in zip(search, template.maps, strict=True)]
        found |= {f"xcorr{level}": value for level, value in enumerate(pairs, start=2)}
        found["down"] = public.head.fuse(torch.cat(pairs, dim=1))
        answers = public.head(template.maps, search)
        found |= {"cls": answers.cls, "loc": answers.box, "cen": answers.centre}
    handle.remove()
    assert set(found) == set(meta["outputs"])
    wrong = []
    for name, entry in meta["outputs"].items():
        assert list(found[name].shape[1:]) == entry["shape"][1:]
        ours = found[name].double().reshape(-1)[:: entry["stride"]].numpy()
        gap = np.abs(ours - data[f"{name}.f64"].reshape(-1)[: len(ours)]).max()
        if not gap <= entry["tol_f32"]["atol"]:
            wrong.append(f"{name}: {gap:.3g} > {entry['tol_f32']['atol']:.3g}")
    assert not wrong, "\n".join(wrong)


def test_all_public_weights_have_their_place_and_what_has_none_is_named(case, state, public) -> None:
    backbone = [key for key in state if key.startswith("backbone.") and state[key].ndim == 4]
    assert public.space.cost(next(public.space.enumerate())).params == sum(state[key].numel() for key in backbone)
    wrong = {f"module.{key}": value for key, value in state.items() if key != "neck.downsample3.downsample.1.bias"}
    wrong["module.car_head.cls_logits.weight"] = torch.zeros(2, 128, 3, 3)
    wrong["module.backbone.layer4.3.conv1.weight"] = torch.zeros(1)
    with pytest.raises(WeightsError) as caught:
        convert(wrong, public)
    for part in (
        "neck.layers.both.1.norm.bias (from neck.downsample3.downsample.1.bias)",
        "car_head.cls_logits.weight is (2, 128, 3, 3), head.cls.weight is (2, 256, 3, 3)",
        "no place (affine=True has scales): layer4.3.conv1.weight",
    ):
        assert part in str(caught.value)
