"""Mixers of all kinds: two branches that read each other, sentences, missing rows, costs, kinds of packages."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from asymnas.core.errors import SpaceError
from asymnas.nn import MixerSetup, Supernet, extract, recalibrated
from asymnas.space import MIXERS, MixerKind, MixerPlace, OpCost, SearchSpace, load_space

KINDS = ["moda", "film", "concat"]
OPS = ["skip", "conv_3x3", "conv_1x5", "shuffle_3x3"]


def space(
    kind: str, *, image: str = "audio", audio: str | None = "image", audio_stages: int = 2, **more
) -> SearchSpace:
    """Two branches of two stages; `image` and `audio` say what their mixers read."""

    def branch(channels: int, size: object, reads: str | None, stages: int = 2) -> dict[str, object]:
        def stage(number: int) -> dict[str, object]:
            found = {"channels": channels * number, "stride": 2, "blocks": 1}
            return (
                found if reads is None else {**found, "mixer": {"name": f"mixer{number}", "kind": kind, "from": reads}}
            )

        stem = {"op": "conv_3x3", "channels": 4}
        content = {f"stage{number}": stage(number) for number in range(1, stages + 1)}
        return {"input_channels": 1, "input_size": size, "stem": stem, "stages": content}

    branches = {"image": branch(8, 8, image), "audio": branch(12, [16, 24], audio, audio_stages)}
    return load_space({"name": "pair", "ops": OPS, "branches": branches, **more})


def draw(n: int = 4, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "image": torch.rand(n, 1, 8, 8, generator=generator),
        "audio": torch.rand(n, 1, 16, 24, generator=generator),
    }


def net(where: SearchSpace, seed: int = 1) -> Supernet:
    return Supernet(where, language_dim=12, seed=seed)


@pytest.mark.parametrize("kind", KINDS)
def test_branches_read_each_other(kind: str) -> None:
    pair = space(kind)
    model = net(pair)
    for seed in range(3):
        path = pair.sample(np.random.default_rng(seed)).genes
        model.zero_grad(set_to_none=True)
        outputs = model(draw(), path)
        assert [feature.shape[1:] for feature in outputs["image"].features] == [(8, 4, 4), (16, 2, 2)]
        assert [feature.shape[1:] for feature in outputs["audio"].features] == [(12, 8, 12), (24, 4, 6)]
        assert len(outputs["image"].tokens) == (2 if kind == "moda" else 0)
        sum(out.features[-1].square().mean() for out in outputs.values()).backward()
        touched = [name for name, p in model.named_parameters() if p.grad is not None]
        assert model.active_parameters(path) == touched
    model.eval()
    with torch.no_grad():
        first, other = model(draw(), path), model({**draw(), "audio": draw(seed=1)["audio"]}, path)
        subnet = extract(model, path)(draw(), path)
    for stage in range(2):
        assert not torch.equal(first["image"].features[stage], other["image"].features[stage])
        assert torch.equal(first["image"].features[stage], subnet["image"].features[stage])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("audio_stages", [1, 2])
def test_a_mixer_reads_the_same_stage_before_its_mixer_or_the_last(kind: str, audio_stages: int) -> None:
    one, both = (space(kind, audio=reads, audio_stages=audio_stages) for reads in (None, "image"))
    free, mixed = net(one).eval(), net(both).eval()
    path = both.sample(np.random.default_rng(0)).genes
    with torch.no_grad():
        expected, found = free(draw(), path), mixed(draw(), path)
    # The first stage of audio is the same with and without a mixer of its own, so image reads the same.
    assert torch.equal(found["image"].features[0], expected["image"].features[0])
    assert not torch.equal(found["audio"].features[0], expected["audio"].features[0])
    changes = not torch.equal(found["image"].features[1], expected["image"].features[1])
    assert changes == (audio_stages == 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reads", ["audio", "language"])
def test_a_row_depends_on_its_own_source_alone(kind: str, reads: str) -> None:
    pair = space(kind, image=reads, audio=None)
    model = net(pair).eval()
    path = pair.sample(np.random.default_rng(2)).genes

    def run(present: list[bool], seed: int = 0) -> Tensor:
        mask = torch.tensor(present)
        with torch.no_grad():
            if reads == "language":
                embedding = torch.randn(4, 12, generator=torch.Generator().manual_seed(seed))
                language = SimpleNamespace(embedding=embedding, present=mask)  # whatever is embedded there
                return model({"image": draw()["image"]}, path, language)["image"].features[-1]
            inputs = {"image": draw()["image"], "audio": draw(seed=seed)["audio"]}
            return model(inputs, path, present={"audio": mask})["image"].features[-1]

    full, some, none = run([True] * 4), run([True, False, True, False]), run([False] * 4)
    torch.testing.assert_close(some[[0, 2]], full[[0, 2]])
    torch.testing.assert_close(some[[1, 3]], none[[1, 3]])
    assert not torch.equal(full, none)
    assert torch.equal(none, run([False] * 4, seed=1))
    torch.testing.assert_close(some[[1, 3]], run([True, False, True, False], seed=1)[[1, 3]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("declared", [False, True])
def test_zero_embeddings_stand_for_missing_sentences(kind: str, declared: bool, sentences) -> None:
    more = {"inputs": {"language": {"channels": 12}}} if declared else {}
    pair = space(kind, image="language", audio=None, **more)
    path = pair.sample(np.random.default_rng(5)).genes
    model = Supernet(pair, language_dim=0 if declared else 12, missing="zero_embedding", seed=1).eval()
    zeros = SimpleNamespace(embedding=torch.zeros(4, 12), present=torch.ones(4, dtype=torch.bool))
    given = [zeros, sentences([True, False, True, False]), None]
    with torch.no_grad():
        zero, some, none = (model({"image": draw()["image"]}, path, one)["image"].features[-1] for one in given)
    assert torch.equal(zero, none)
    torch.testing.assert_close(some[1::2], zero[1::2])
    assert not torch.allclose(some[::2], zero[::2])


def test_film_lets_a_row_without_source_pass_unchanged() -> None:
    pair = space("film", audio=None)
    model = net(pair).eval()
    path = {**pair.sample(np.random.default_rng(2)).genes, "image.mixer1.mixed": "skip"}
    with torch.no_grad():
        missing = model(draw(), path, present={"audio": torch.zeros(4, dtype=torch.bool)})["image"].features[0]
        network = model.network("image")
        assert torch.equal(missing, network.stage1(network.enter(draw()["image"], "image"), path, "image"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reads", ["audio", "language"])
def test_a_mixer_costs_what_its_kind_says(kind: str, reads: str, sentences) -> None:
    pair = space(kind, image=reads, audio=None)
    path = dict.fromkeys(pair.gene_ids, "skip")
    model = net(pair).eval()
    mixer = model.network("image").mixer2
    channels, size = (12, None) if reads == "language" else (24, (4, 6))
    cost = MIXERS.get(kind).cost(MixerPlace(16, (2, 2), channels, size))
    weights = [p for name, p in mixer.named_parameters() if not name.startswith(("mixed.", "visual.")) and p.ndim > 1]
    assert sum(p.numel() for p in weights) == cost.params
    inputs = {name: values[:1] for name, values in draw().items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(inputs, path, sentences([True]))
    assert sum(counter.get_flop_counts()["Supernet.branches.image.mixer2"].values()) == 2 * cost.macs


def test_recalibration_sees_all_branches() -> None:
    pair = space("concat")
    model = net(pair)
    path = pair.sample(np.random.default_rng(4)).genes
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    trained = model(draw(32), path)
    with recalibrated(model, lambda batch: model(batch, path), [draw(32)]), torch.no_grad():
        found = model(draw(32), path)
    for name, output in found.items():
        torch.testing.assert_close(output.features[-1], trained[name].features[-1], atol=1e-4, rtol=1e-3)
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())


def test_what_a_mixer_reads_must_be_there() -> None:
    pair = space("film")
    path = pair.sample(np.random.default_rng(0)).genes
    with pytest.raises(ValueError, match="branch 'image' reads 'audio', which is not among the inputs"):
        net(pair).branch("image", draw()["image"], path, language=None)
    with pytest.raises(ValueError, match="`present` names sound"):
        net(pair)(draw(), path, present={"sound": torch.ones(4, dtype=torch.bool)})
    pair = space("film", image="language", audio=None)
    declared = pair.replace(inputs={"language": {"channels": 12}})
    assert Supernet(declared).network("image").mixer1.project.linear.in_features == 12
    for where, dim in ((pair, 0), (declared, 8)):
        with pytest.raises(SpaceError, match=r"image\.mixer1: reads language of"):
            Supernet(where, language_dim=dim)


def test_a_mixer_reads_another_input() -> None:
    pair = space("concat", image="music", audio=None, inputs={"music": {"channels": 5}})
    path = pair.sample(np.random.default_rng(0)).genes
    inputs = {"image": draw()["image"], "music": torch.ones(4, 5)}
    model = Supernet(pair).eval()
    with torch.no_grad():
        full = model(inputs, path)["image"].features[1]
        none = model(inputs, path, present={"music": torch.zeros(4, dtype=torch.bool)})["image"].features[1]
    assert not torch.equal(full, none)


class Added(nn.Module):
    """A kind as a package would write it: the pooled source added to the features."""

    def __init__(self, setup: MixerSetup) -> None:
        super().__init__()
        self.after = setup.choices["after"]
        self.linear = nn.Linear(setup.source_channels, setup.place.channels)

    def forward(self, x, source, path, branch):
        vector = source.vector()
        if vector is not None:
            x = x + self.linear(vector)[:, :, None, None]
        return self.after(x, path, branch), None


def test_a_kind_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MIXERS, "_objects", dict(MIXERS._objects))
    kind = MixerKind("added", lambda options: ("after",), lambda place: OpCost(0, 0), Added)
    MIXERS.register("added", kind)
    pair = space("added")
    model = net(pair)
    path = pair.sample(np.random.default_rng(0)).genes
    assert "image.mixer1.after" in path
    assert "branches.image.mixer1.linear.weight" in model.active_parameters(path)
    assert model(draw(), path)["audio"].features[1].shape == (4, 24, 4, 6)
    MIXERS.register("gone", MixerKind("gone", lambda options: ("a",), lambda place: OpCost(0, 0), "toy_gone:build"))
    with pytest.raises(SpaceError, match="mixer kind 'gone': cannot import its module builder toy_gone:build"):
        net(space("gone"))
