"""The shipped spaces: sizes, variants, and the costs that are known from elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from asymnas.core.seeding import rng_for
from asymnas.space import (
    OpCost,
    SearchSpace,
    diff_spaces,
    list_architectures,
    list_spaces,
    load_architecture,
    load_space,
    register_op,
    stage_sizes,
)

SIZES = {
    "vlt_asymmetric": 4**48,
    "vlt_asymmetric_256": 4**48,
    "vlt_symmetric": 4**24,
    "vlt_fixed_mixer": 4**32,
    "vlt_no_mixer": 4**40,
    "tiny_asymmetric": 4**26,
    "tiny_symmetric": 4**13,
    "tiny_fixed_mixer": 4**10,
    "tiny_no_mixer": 4**18,
    "tiny_no_residual": 4**18,
    "resnet50": 1,
    "resnet50_transt": 1,
    "resnet50_mixer": 1,
    "tiny_resnet": 1,
    "tiny_resnet_mixer": 1,
}
OPS = ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception")


def test_every_shipped_space_has_its_size():
    assert set(SIZES) <= set(list_spaces())
    assert {name: load_space(name).size for name in SIZES} == SIZES


@pytest.mark.parametrize("name", list_spaces())
def test_shipped_spaces_survive_every_form(name):
    space = load_space(name)
    for other in (
        load_space(space.to_dict()),
        SearchSpace.from_yaml(space.to_yaml()),
        load_space(space.to_dict()),
    ):
        assert other == space
        assert other.hash == space.hash
        assert other.to_dict() == space.to_dict()


def test_stage_strides_channels_and_forms_are_vlts():
    branch = load_space("vlt_asymmetric").branch("search")
    assert [stage.channels for stage in branch.stages] == [64, 160, 320, 640]
    assert [stage.blocks for stage in branch.stages] == [3, 3, 7, 3]
    assert [stage.form for stage in branch.stages] == ["auto", "auto", "mapping", "mapping"]
    genes = {gene.id: gene.place for gene in load_space("vlt_asymmetric").genes}
    sizes = [genes[f"template.mixer{n}.mixed"].out_size[0] for n in (1, 2, 3, 4)]
    assert sizes == [32, 16, 16, 16]
    assert [genes[f"search.mixer{n}.mixed"].out_size[0] for n in (1, 2, 3, 4)] == [64, 32, 32, 32]


def test_tied_genes_are_one_decision_with_two_places():
    free = load_space("vlt_symmetric").free_genes
    assert len(free) == 24
    assert free[0].places == ("template.stage1.block1", "search.stage1.block1")


def test_variants_fit_the_same_weights_and_lie_within():
    base = load_space("vlt_asymmetric")
    for name in ("vlt_symmetric", "vlt_fixed_mixer"):
        variant = load_space(name)
        assert variant.structure_hash == base.structure_hash and variant.hash != base.hash
        assert diff_spaces(base, variant).relation == "b within a"
    assert load_space("vlt_no_mixer").structure_hash != base.structure_hash


@pytest.mark.parametrize(
    ("name", "backbone", "mixed"),
    [("vlt_scar_released", (0.45, 1.92), (0.08, 0.33)), ("vlt_tt_released", (0.46, 1.81), None)],
)
def test_released_architectures_cost_what_is_known(name, backbone, mixed):
    """The known figures are those of the 20 backbone blocks (the mixers' visual blocks are among them)."""
    assert name in list_architectures()
    arch = load_architecture(name).architecture
    cost, table = arch.space.cost(arch), arch.space.cost_table
    for n, branch in enumerate(("template", "search")):
        genes = {gene: op for gene, op in arch.genes.items() if gene.startswith(branch) and gene.endswith("mixed")}
        extra = sum(table.ops[gene][op].macs for gene, op in genes.items())
        assert round((cost.branches[branch].macs - extra) / 1e9, 2) == backbone[n]
        if mixed:
            assert round(extra / 1e9, 2) == mixed[n]


def _imagenet_space() -> SearchSpace:
    """SPOS' ImageNet net: 4/4/8/4 blocks at stride 2 each, and its tail as a stage with a single op."""

    def tail(place):
        conv, linear = place.in_channels * 1024, 1024 * place.out_channels
        return OpCost(conv * place.in_size[0] * place.in_size[1] + linear, conv + linear)

    register_op("imagenet_tail", tail, replace=True)
    stages = {
        f"stage{n}": {"channels": channels, "stride": 2, "blocks": blocks, "ops": list(OPS)}
        for n, (channels, blocks) in enumerate(zip((64, 160, 320, 640), (4, 4, 8, 4), strict=True), 1)
    }
    stages["tail"] = {"channels": 1000, "blocks": 1, "ops": ["imagenet_tail"]}
    branch = {
        "input_channels": 3,
        "input_size": 224,
        "stem": {"op": "conv_3x3", "channels": 16, "stride": 2},
        "stages": stages,
    }
    return load_space({"name": "spos", "branches": {"image": branch}})


@pytest.mark.parametrize(
    ("path", "millions"),
    [
        ((2, 1, 0, 1, 2, 0, 2, 0, 2, 0, 2, 3, 0, 0, 0, 0, 3, 2, 3, 3), 322.92),
        ((0,) * 20, 295.84),
        ((1,) * 20, 313.65),
        ((2,) * 20, 340.37),
        ((3,) * 20, 358.83),
    ],
)
def test_spos_costs(path, millions):
    space = _imagenet_space()
    assert space.size == 4**20
    arch = space.expand({gene.id: OPS[n] for gene, n in zip(space.free_genes, path, strict=True)})
    cost = space.cost(arch)
    assert round(cost.macs / 1e6, 2) == millions
    if millions == 322.92:
        assert round(cost.params / 1e6, 2) == 3.53


def test_resnet50_costs_what_is_published():
    """torchvision's: 25,557,032 parameters and 4.09 G multiply-accumulates at 224 pixels, the classifier among them."""
    stages = {
        f"stage{n}": {"channels": 128 * 2**n, "stride": min(n, 2), "blocks": blocks, "ops": ["bottleneck"]}
        for n, blocks in enumerate((3, 4, 6, 3), 1)
    }
    stem = {"op": "resnet_stem", "channels": 64, "stride": 4}
    image = {"input_channels": 3, "input_size": 224, "stem": stem, "stages": stages}
    space = load_space({"name": "resnet", "branches": {"image": image}})
    cost = space.cost(next(space.enumerate()))
    classifier, normalisation = 2048 * 1000, 2 * 26_560
    assert cost.params + normalisation + classifier + 1000 == 25_557_032
    assert cost.macs + classifier == 4_089_184_256


@pytest.mark.parametrize(
    ("name", "template", "search"),
    [
        ("resnet50", [31, 15, 15, 15], [63, 31, 31, 31]),
        ("resnet50_mixer", [31, 15, 15, 15], [63, 31, 31, 31]),
        ("resnet50_transt", [32, 16, 16], [64, 32, 32]),
        ("tiny_resnet", [16, 8, 8, 8], [32, 16, 16, 16]),
    ],
)
def test_resnets_have_the_published_maps(name, template, search):
    branches = load_space(name).branches
    assert [[size[0] for size in stage_sizes(branch)] for branch in branches] == [template, search]


def test_shared_weights_are_counted_once():
    space = load_space("tiny_symmetric")
    arch = space.sample(rng_for(0, "x"))
    cost = space.cost(arch)
    assert cost.params == cost.branches["template"].params == cost.branches["search"].params
    apart = load_space({**space.to_dict(), "share_weights": None})
    assert apart.cost(apart.architecture(arch.genes)).params == 2 * cost.params


def test_amortised_cost_counts_the_template_once_a_video():
    space = load_space("tiny_asymmetric")
    cost = space.cost(space.sample(rng_for(0, "x")))
    template, search = cost.branches["template"].macs, cost.branches["search"].macs
    assert cost.amortised(1) == template + search == cost.macs
    assert cost.amortised(100) == template / 100 + search


def test_spaces_load_without_heavy_packages():
    code = (
        "import sys; from asymnas.space import load_space; load_space('vlt_asymmetric'); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'ray', 'nni', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
