"""Kinds of mixers in spaces: what they read, their blocks and options, costs, and what is wrong with them."""

from __future__ import annotations

import pytest

from asymnas.core.errors import SpaceError
from asymnas.interop.sots import to_cand
from asymnas.space import (
    MIXERS,
    Branch,
    Input,
    Mixer,
    MixerKind,
    MixerPlace,
    OpCost,
    SearchSpace,
    Stage,
    diff_spaces,
    draw,
    load_space,
)

PAIR = """\
name: pair
ops: [conv_3x3, conv_1x7, conv_7x1, skip]
inputs:
  language: {channels: 10}
branches:
  image:
    input_channels: 1
    input_size: 16
    stages:
      one: {channels: 8, stride: 2, blocks: 1, mixer: {name: m1, kind: film, from: audio}}
      two: {channels: 12, stride: 2, blocks: 1, mixer: {name: m2, kind: concat, from: audio, ops: [skip, conv_3x3]}}
  audio:
    input_channels: 1
    input_size: [32, 20]
    stages:
      one: {channels: 6, stride: 2, blocks: 2, mixer: {name: m1, ops_visual: [skip], residual: true}}
"""


def pair(old: str = "", new: str = "") -> SearchSpace:
    assert old in PAIR
    return SearchSpace.from_yaml(PAIR.replace(old, new, 1))


def test_genes_and_ops_of_every_kind():
    space = pair()
    genes = {gene.id: gene.ops for gene in space.genes}
    assert list(genes) == [
        *("image.one.block1", "image.m1.mixed", "image.two.block1", "image.m2.mixed"),
        *("audio.one.block1", "audio.one.block2", "audio.m1.mixed", "audio.m1.visual"),
    ]
    assert genes["image.m2.mixed"] == ("skip", "conv_3x3") and len(genes["image.m1.mixed"]) == 4
    assert genes["audio.m1.visual"] == ("skip",) and len(genes["audio.m1.mixed"]) == 4
    text = draw(space)
    assert "mixer     image.m2: concat of audio" in text and "audio.m1" not in text and "- skip" in text


def test_what_mixers_read_has_the_channels_and_size_of_the_stage():
    places = pair().mixer_places
    assert list(places) == ["image.m1", "image.m2", "audio.m1"]
    first, second, third = places.values()
    assert (first.channels, first.size, first.source_channels, first.source_size) == (8, (8, 8), 6, (16, 10))
    assert (second.channels, second.source_channels, second.source_size) == (12, 6, (16, 10))  # its last stage
    assert (third.source_channels, third.source_size, third.options.residual) == (10, None, True)


def test_the_cost_counts_what_is_known_of_the_source():
    space = pair()
    fixed = space.cost_table.fixed
    # film: 6 -> 2 x 8; concat: 12 + 6 -> 12 at 4 x 4 places; moda: 10 -> 6
    assert fixed["image"] == OpCost(6 * 16 + 18 * 12 * 16, 6 * 16 + 18 * 12) and fixed["audio"] == OpCost(60, 60)
    unknown = pair("inputs:\n  language: {channels: 10}\n", "")
    assert unknown.cost_table.fixed["audio"] == OpCost(0, 0)
    assert unknown.structure_hash != space.structure_hash and space.hash != unknown.hash
    skips = {gene.id: "skip" for gene in space.genes}
    # the first blocks change channels: 1x1 convolutions; everything else passes
    cost = space.cost(space.architecture(skips)).branches["image"]
    assert cost.params == 8 + 8 * 12 + fixed["image"].params
    assert cost.macs == 8 * 64 + 96 * 16 + fixed["image"].macs
    tall = space.cost(space.architecture(skips | {"audio.one.block2": "conv_7x1"})).branches["audio"]
    assert tall.params - space.cost(space.architecture(skips)).branches["audio"].params == 7 * 6 * 6


def test_every_form_says_the_same():
    space = pair()
    mixer = space.branch("image").stages[1].mixer
    assert (mixer.kind, mixer.reads, mixer.blocks) == ("concat", "audio", ("mixed",))
    written = space.to_dict()["branches"]["image"]["stages"]["one"]["mixer"]
    assert written == {"name": "m1", "kind": "film", "from": "audio"}
    again = [SearchSpace.from_yaml(space.to_yaml()), load_space(space.to_dict()), space.replace()]
    assert {item.hash for item in again} == {space.hash} and all(item == space for item in again)
    assert diff_spaces(space, pair("film", "concat")).layers["image.m1"][1]["kind"] == "concat"
    ops = ("conv_3x3", "skip")
    stage = Stage(name="s", channels=4, blocks=1, ops=ops, mixer=Mixer(name="m", ops={"visual": ["skip"]}))
    made = SearchSpace(
        name="made",
        branches=[Branch(name="a", input_channels=4, input_size=8, stages=[stage])],
        inputs={"language": Input(channels=3)},
    )
    assert [gene.ops for gene in made.genes] == [ops, ops, ("skip",)]
    every = Stage(name="s", channels=4, blocks=1, ops=ops, mixer=Mixer(name="m", ops=["skip"]))
    assert set(every.mixer_ops.values()) == {("skip",)}


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("kind: film", "kind: flim", "m1|kind", ["registered mixer kind", "'film'"]),
        ("kind: film, from: audio", "kind: film, from: image", "m1|from", ["another branch", "'image'"]),
        ("kind: film, from: audio", "kind: film, from: adio", "m1|from", ["'adio'", "Did you mean 'audio'"]),
        ("kind: film, from: audio", "kind: film, residual: true", "m1|residual", ["unknown", "True"]),
        ("residual: true", "residal: true", "m1|residal", ["Did you mean 'residual'"]),
        ("residual: true", "residual: 3", "m1|residual", ["true or false", "3"]),
        ("ops_visual: [skip]", "ops_visal: [skip]", "m1|ops_visal", ["no such block", "'visual'"]),
        ("ops_visual: [skip]", "ops_visual: [skp]", "m1|ops_visual", ["not registered", "'skip'"]),
        ("ops: [skip, conv_3x3]", "ops: [skip, conv3]", "m2|ops", ["not registered", "conv_"]),
        ("channels: 10", "chanels: 10", "|inputs.language.chanels", ["unknown key", "'channels'"]),
        ("language: {channels: 10}", "speech: {channels: 0}", "|inputs.speech.channels", [">= 1"]),
    ],
)
def test_what_is_wrong_with_a_mixer(old, new, where, words):
    with pytest.raises(SpaceError) as caught:
        pair(old, new)
    text = str(caught.value)
    assert where.rpartition("|")[2] in text and all(word in text for word in words), text
    assert all(problem.where.startswith("yaml:") for problem in caught.value.problems)


def test_a_wrong_value_of_a_mixer_suggests_no_other_key():
    with pytest.raises(SpaceError) as caught:
        pair("residual: true", "residual: 3")
    assert "Did you mean" not in str(caught.value)


def test_branches_that_read_each_other_can_share_weights():
    stages = "stages: {one: {channels: 4, stride: 2, blocks: 1, mixer: {name: m, kind: film, from: %s}}}"
    head = "name: twins\nops: [conv_3x3, skip]\nshare_weights: [[a, b]]\nbranches:\n"
    branch = "  %s: {input_channels: 3, input_size: 8, %s}\n"
    space = SearchSpace.from_yaml(head + branch % ("a", stages % "b") + branch % ("b", stages % "a"))
    assert space.mixer_places["a.m"] == space.mixer_places["b.m"]
    with pytest.raises(SpaceError, match="differ in stage 'one'"):
        SearchSpace.from_yaml(head + branch % ("a", stages % "b") + branch % ("b", stages % "language"))


def test_kinds_can_be_registered():
    def cost(place: MixerPlace) -> OpCost:
        return OpCost(7, place.source_channels or 0)

    with pytest.raises(SpaceError, match="taken"):
        MIXERS.register("moda", MixerKind("other", lambda options: ("x",), cost, "none:none"))
    kind = MixerKind("adds", lambda options: ("before", "after"), cost, "none:none")
    MIXERS.register("test_add", kind, replace=True)
    space = pair("kind: film, from: audio", "kind: test_add, from: audio, ops_after: [skip]")
    assert space.fixed["image.m1.after"] == "skip" and space.cost_table.fixed["image"].params == 6 + 18 * 12


def test_rectangular_kernels_need_two_dimensions():
    with pytest.raises(SpaceError, match="1-dimensional"):
        pair("input_size: [32, 20]", "input_size: [32]")


def test_sots_lists_are_of_moda_mixers_alone():
    from asymnas.core.errors import ArchitectureMismatch

    space = load_space("tiny_symmetric").to_dict()
    for branch in space["branches"].values():
        for stage in branch["stages"].values():
            stage["mixer"]["kind"] = "film"
    film = load_space(space)
    with pytest.raises(ArchitectureMismatch, match="ModaMixer"):
        to_cand(next(film.enumerate()))
