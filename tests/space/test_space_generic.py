"""A space of audio, image and text branches with ops of its own: nothing in the DSL is about trackers."""

from __future__ import annotations

from math import prod

import pytest

from asymnas.core.errors import SpaceError
from asymnas.core.seeding import rng_for
from asymnas.space import (
    OpCost,
    SearchSpace,
    describe,
    distance,
    draw,
    load_architecture,
    load_space,
    register_op,
    save_architecture,
)

SPACE = """\
name: audio_image_text
branches:
  audio:
    input_channels: 1
    input_size: [16000]
    stem: {op: g_conv1d_5, channels: 8, stride: 4}
    stages:
      listen: {channels: 8, stride: 4, blocks: 3, ops: [g_conv1d_3, g_conv1d_5, g_skip]}
      fuse: {channels: 16, blocks: 1, ops: [g_conv1d_3, g_skip], mixer: {name: ask, ops_mixed: [g_skip, g_conv1d_3]}}
  image:
    input_channels: 3
    input_size: [48, 64]
    stages:
      see: {channels: 16, stride: 2, blocks: 2, ops: [shuffle_3x3, shuffle_7x7]}
  text:
    input_channels: 32
    input_size: [20]
    rate: video
    stages:
      read: {channels: 32, blocks: 3, ops: [g_conv1d_3, g_conv1d_5, g_skip]}
tie: audio.listen.block* = text.read.block*
fix: {image.see.block1: shuffle_3x3}
without: {"*.block1": [g_skip]}
constraints:
  - {measure: count, op: g_skip, genes: "audio.listen.*", max: 1}
  - {measure: params, branch: audio, max: 3.0e+3}
  - {measure: macs, amortised: 8, max: 2000000}
"""


@pytest.fixture(scope="module", autouse=True)
def _ops():
    def conv1d(kernel):
        def cost(place):
            weights = kernel * place.in_channels * place.out_channels
            return OpCost(weights * prod(place.out_size), weights)

        return cost

    def skip_error(place):
        return None if place.in_channels == place.out_channels else "g_skip keeps the number of channels"

    for kernel in (3, 5):
        register_op(f"g_conv1d_{kernel}", conv1d(kernel), replace=True)
    register_op("g_skip", lambda place: OpCost(0, 0), check=skip_error, replace=True)


@pytest.fixture
def space(_ops) -> SearchSpace:
    return SearchSpace.from_yaml(SPACE)


def test_rules_of_registered_ops_are_asked(_ops):
    rule = r"branches.audio.stages.fuse.ops: 'g_skip' cannot run in audio.fuse.block1: g_skip keeps the number"
    with pytest.raises(SpaceError, match=rule):  # nothing but `without` keeps it out there
        SearchSpace.from_yaml(SPACE.replace('{"*.block1": [g_skip]}', '{"*.listen.block1": [g_skip]}'))


def test_sizes_and_channels_go_through_the_branches(space):
    places = {gene.id: gene.place for gene in space.genes}
    assert places["audio.listen.block1"].in_size == (4000,) and places["audio.listen.block1"].out_size == (1000,)
    assert places["audio.fuse.block1"].in_channels == 8 and places["audio.ask.mixed"].in_channels == 16
    assert places["image.see.block2"].out_size == (24, 32)
    assert places["text.read.block1"].out_size == (20,)


def test_it_is_sampled_counted_changed_and_costed(space):
    assert space.size == (2 * 3 * 3) * (2 * 2) * 2 and len(space.free_genes) == 6
    found = list(space.enumerate())
    assert 0 < len(found) == space.count().feasible < space.size
    rng = rng_for(0, "x")
    for _ in range(20):
        a, b = space.sample(rng), space.sample(rng)
        child = space.mutate(space.crossover(a, b, rng, "stage"), rng, 0.5)
        assert child in found and a in found
        assert child.genes["audio.listen.block2"] == child.genes["text.read.block2"]
        assert sum(child.genes[f"audio.listen.block{n}"] == "g_skip" for n in (1, 2, 3)) <= 1
        cost = space.cost(child)
        assert cost.branches["audio"].params <= 3000 and cost.amortised(8) <= 2e6
    genes = {gene.id: gene.ops[0] for gene in space.free_genes} | {"audio.ask.mixed": "g_conv1d_3"}
    cost = space.cost(space.expand(genes))
    # stem 5*1*8; listen 3 x (3*8*8); fuse 3*8*16; ask.mixed and ask.visual 3*16*16 each
    assert cost.branches["audio"].params == 40 + 3 * 192 + 384 + 2 * 768
    assert cost.branches["audio"].macs == 40 * 4000 + (3 * 192 + 384 + 2 * 768) * 1000
    assert cost.branches["text"].macs == 20 * 3 * 3 * 32 * 32


def test_it_is_written_and_read(space, tmp_path):
    assert SearchSpace.from_yaml(space.to_yaml()) == space and load_space(space.to_dict()) == space
    arch = space.sample(rng_for(0, "x"))
    save_architecture(tmp_path / "a.json", arch)
    assert distance(load_architecture(tmp_path / "a.json").architecture, arch) == 0


def test_it_is_drawn(space):
    text = draw(space.sample(rng_for(0, "x")))
    assert all(word in text for word in ("audio", "listen", "ask", "image", "see", "text", "read", "g_skip"))
    text = draw(space)
    assert "16000" in text and "48 x 64" in text and "kept by" in text and "= tied" in text
    facts = describe(space)
    assert facts["branches"]["text"]["rate"] == "video" and facts["feasible"]["count"] == space.count().feasible
