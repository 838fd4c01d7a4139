"""Properties that hold for every space and every architecture."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.core.errors import ArchitectureMismatch, InfeasibleConstraint
from asymnas.core.seeding import rng_for
from asymnas.space import Constraint, SearchSpace, distance, list_spaces, load_space

OPS = ["shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "shuffle_xception"]
SEEDS = st.integers(0, 2**32)
SHIPPED = {name: load_space(name) for name in list_spaces()}
SHIPPED = {name: space for name, space in SHIPPED.items() if space.free_genes and not space.constraints}
NAMES = st.sampled_from(sorted(SHIPPED))


@st.composite
def spaces(draw, *, small: bool = False) -> SearchSpace:
    """Random spaces of two branches with ties, fixes, removals and shared weights."""
    most = 1 if small else 3
    stages = {}
    for n in range(1, draw(st.integers(1, 1 if small else 3)) + 1):
        stage = {"channels": 16 * n, "stride": draw(st.sampled_from([1, 2])), "blocks": draw(st.integers(1, most))}
        if stage["stride"] == 1:
            stage["form"] = "mapping"
        if draw(st.booleans()):
            stage["mixer"] = {"name": f"mixer{n}", "residual": draw(st.booleans())}
        stages[f"stage{n}"] = stage
    stem = {"op": "conv_3x3", "channels": 8, "stride": 2}
    branches = {
        name: {"input_channels": 3, "input_size": size, "rate": rate, "stem": stem, "stages": stages}
        for name, size, rate in (("a", 32, "video"), ("b", [64, 48], "frame"))
    }
    content = {"name": "drawn", "ops": OPS[: draw(st.integers(2, 3 if small else 4))], "branches": branches}
    if draw(st.booleans()):
        content["tie"] = "a.* = b.*"
    if draw(st.booleans()):
        content["fix"] = {"a.stage1.block1": "shuffle_3x3"}
    if draw(st.booleans()):
        content["without"] = {"*.stage1.block1": ["shuffle_5x5"]}
    if draw(st.booleans()):
        content["share_weights"] = [["a", "b"]]
    if draw(st.booleans()):
        content["constraints"] = [{"measure": "count", "op": "shuffle_3x3", "genes": "b.*", "max": 3}]
    return load_space(content)


@given(spaces())
def test_spaces_round_trip(space):
    assert load_space(space.to_dict()) == space
    assert SearchSpace.from_yaml(space.to_yaml()) == space
    assert load_space(json.loads(json.dumps(space.to_dict()))).hash == space.hash


@given(spaces(), SEEDS)
def test_architectures_round_trip_and_ties_expand_and_contract(space, seed):
    arch = space.sample(rng_for(seed, "x"))
    assert space.satisfies(arch)
    assert space.expand(arch.free) == arch
    assert space.architecture(arch.genes) == arch
    for gene in space.free_genes:
        assert {arch.genes[place] for place in gene.places} == {arch.free[gene.id]}
    places = [place for gene in space.free_genes for place in gene.places]
    assert sorted([*places, *space.fixed]) == sorted(space.gene_ids)


@given(spaces(small=True))
def test_count_equals_enumeration(space):
    found = list(space.enumerate())
    assert len(found) == len({arch.key for arch in found}) == len(set(found)) == space.count().feasible
    assert space.count().share == len(found) / space.size
    if not space.constraints:
        assert len(found) == space.size


@given(NAMES, SEEDS)
def test_mutation_changes_something_and_stays_in_the_space(name, seed):
    space = SHIPPED[name]
    arch = space.sample(rng_for(seed, "x"))
    child = space.mutate(arch, rng_for(seed, "m"), 0.0)
    assert sum(child.free[gene] != op for gene, op in arch.free.items()) == 1
    assert space.mutate(arch, rng_for(seed, "m"), 0.0, force=False) == arch
    every = space.mutate(arch, rng_for(seed, "m"), 1.0)
    assert all(every.free[gene] != op for gene, op in arch.free.items())
    assert space.architecture(every.genes) == every


@pytest.mark.parametrize("name", ["vlt_asymmetric", "vlt_symmetric", "tiny_fixed_mixer"])
def test_every_free_gene_changes_within_500_mutations(name):
    space, rng = SHIPPED[name], rng_for(1, "mutations")
    arch = space.sample(rng)
    changed = set()
    for _ in range(500):
        child = space.mutate(arch, rng, 0.1)
        changed |= {gene for gene, op in arch.free.items() if child.free[gene] != op}
    assert changed == {gene.id for gene in space.free_genes}


@given(NAMES, SEEDS, st.sampled_from(["gene", "stage", "branch"]))
def test_children_take_each_unit_from_one_parent(name, seed, level):
    space, rng = SHIPPED[name], rng_for(seed, "x")
    a, b = space.sample(rng), space.sample(rng)
    child = space.crossover(a, b, rng, level)
    owners: dict[object, set[str]] = {}
    genes = {gene.id: gene for gene in space.genes}
    for gene in space.free_genes:
        one, two, got = a.free[gene.id], b.free[gene.id], child.free[gene.id]
        assert got in (one, two)
        first = genes[gene.id]
        unit = {"gene": gene.id, "stage": (first.branch, first.stage), "branch": first.branch}[level]
        if one != two:
            owners.setdefault(unit, set()).add("a" if got == one else "b")
    assert all(len(found) == 1 for found in owners.values())


def test_crossover_takes_from_both_parents():
    space, rng = SHIPPED["vlt_asymmetric"], rng_for(0, "x")
    a, b = space.expand(dict.fromkeys(space.gene_ids, OPS[0])), space.expand(dict.fromkeys(space.gene_ids, OPS[1]))
    assert {space.crossover(a, b, rng, "branch").free_ops for _ in range(40)} > {a.free_ops, b.free_ops}
    assert 10 < distance(space.crossover(a, b, rng), a) < 38


@given(NAMES, SEEDS)
def test_the_seed_decides(name, seed):
    space = SHIPPED[name]
    assert space.sample(rng_for(seed, "x")) == space.sample(rng_for(seed, "x"))
    assert space.sample(rng_for(seed, "x")).key != space.sample(rng_for(seed + 1, "x")).key


def test_samples_are_uniform():
    space = SHIPPED["tiny_symmetric"]
    rng = rng_for(0, "uniform")
    counts = np.zeros((len(space.free_genes), 4))
    for _ in range(2000):
        for n, op in enumerate(space.sample(rng).free_ops):
            counts[n, OPS.index(op)] += 1
    assert np.abs(counts - 500).max() < 100  # more than five standard deviations


@given(NAMES, SEEDS)
def test_neighbours_are_one_free_gene_away(name, seed):
    space = SHIPPED[name]
    arch = space.sample(rng_for(seed, "x"))
    found = list(space.neighbours(arch))
    assert len(found) == len(set(found)) == sum(len(gene.ops) - 1 for gene in space.free_genes)
    places = {gene.id: len(gene.places) for gene in space.free_genes}
    for other in found:
        (changed,) = [gene for gene, op in arch.free.items() if other.free[gene] != op]
        assert distance(arch, other) == distance(other, arch) == places[changed]


@given(NAMES, SEEDS)
def test_cost_lies_in_the_described_range(name, seed):
    from asymnas.space import describe

    space = SHIPPED[name]
    cost = space.cost(space.sample(rng_for(seed, "x")))
    for branch, facts in describe(space)["branches"].items():
        for measure in ("macs", "params"):
            low, high = facts[measure]
            assert low <= getattr(cost.branches[branch], measure) <= high


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        ({"measure": "macs", "branch": "search", "max": 22e6}, lambda cost: cost.branches["search"].macs),
        ({"measure": "macs", "amortised": 10, "max": 22e6}, lambda cost: cost.amortised(10)),
        ({"measure": "macs", "max": 2.7e7}, lambda cost: cost.macs),
        ({"measure": "params", "max": 125_000}, lambda cost: cost.params),
        ({"measure": "params", "branch": "template", "max": 80_000}, lambda cost: cost.branches["template"].params),
    ],
)
def test_constraints_hold_for_everything_drawn(constraint, value):
    space = load_space({"extends": "tiny_asymmetric", "constraints": [constraint]})
    free = load_space("tiny_asymmetric")
    limit, rng = float(constraint["max"]), rng_for(0, "x")
    drawn = [free.sample(rng) for _ in range(200)]
    kept = [value(free.cost(arch)) <= limit for arch in drawn]
    assert 0 < sum(kept) < 200  # else the limit tests nothing
    assert [space.satisfies(space.architecture(arch.genes)) for arch in drawn] == kept
    parents = [space.sample(rng) for _ in range(4)]
    children = [space.mutate(parents[0], rng), space.crossover(parents[1], parents[2], rng), *parents]
    assert all(value(space.cost(arch)) <= limit for arch in children)
    assert all(value(space.cost(arch)) <= limit for arch in space.neighbours(parents[3]))
    count = space.count(draws=200)
    assert count.feasible is None and 0 < count.share < 1 and count.se > 0


def test_constraints_that_are_too_tight_fail_with_the_acceptance_rate():
    """The bounds cannot tell, as several constraints are feasible one by one only."""
    low = load_space("tiny_asymmetric").cost_table
    least = sum(min(cost.macs for cost in ops.values()) for gene, ops in low.ops.items() if gene.startswith("search"))
    limit = least + low.fixed["search"].macs + 1000
    with pytest.raises(InfeasibleConstraint, match=r"0 of 2000 draws .acceptance rate below 0.05%."):
        load_space(
            {"extends": "tiny_asymmetric", "constraints": [{"measure": "macs", "branch": "search", "max": limit}]}
        )


def test_limits_are_numbers_however_they_are_written():
    base = SHIPPED["tiny_symmetric"]
    limits = [base.replace(constraints=(Constraint(measure="macs", max=value),)) for value in (5e8, 500_000_000)]
    limits += [SearchSpace.from_yaml(base.to_yaml() + "constraints: [{measure: macs, max: 5e8}]")]
    assert len({space.hash for space in limits}) == 1 and limits[0].hash != base.hash
    assert SearchSpace.from_yaml(limits[0].to_yaml()).hash == limits[0].hash


@given(spaces(), SEEDS)
def test_they_cross_processes(space, seed):
    arch = space.sample(rng_for(seed, "x"))
    other = pickle.loads(pickle.dumps(arch))
    assert other == arch and other.space == space and other.key == arch.key and hash(other) == hash(arch)


def test_an_architecture_of_a_wider_space_can_be_taken_where_it_fits():
    wide, tied = SHIPPED["tiny_asymmetric"], SHIPPED["tiny_symmetric"]
    arch = tied.sample(rng_for(0, "x"))
    assert wide.architecture(arch.genes).genes == arch.genes
    with pytest.raises(ArchitectureMismatch, match="are tied"):
        tied.architecture(wide.sample(rng_for(0, "x")).genes)
    with pytest.raises(ArchitectureMismatch, match="same genes"):
        distance(arch, SHIPPED["tiny_no_mixer"].sample(rng_for(0, "x")))


def test_keys_and_hashes_do_not_change():
    """Scores are cached and files are checked by these: another value makes all earlier runs worthless."""
    space = SHIPPED["tiny_symmetric"]
    assert space.expand({gene.id: "shuffle_3x3" for gene in space.free_genes}).key == "5c7268aa1afd50d8"
    assert {name: (space.hash, space.structure_hash) for name, space in SHIPPED.items() if name in HASHES} == HASHES


HASHES = {
    "tiny_asymmetric": ("3d60f67c88ef77b1", "13d19f32f3ca6333"),
    "tiny_fixed_mixer": ("4898d9e9ec9a7dfe", "13d19f32f3ca6333"),
    "tiny_no_mixer": ("3973ccd5e8499423", "f0a491ffc9962dde"),
    "tiny_symmetric": ("5996cb95e6c41ec7", "13d19f32f3ca6333"),
    "vlt_asymmetric": ("031f9ac3337708a4", "3f0022e94f2e1e85"),
    "vlt_fixed_mixer": ("04aa6c71bb88c712", "3f0022e94f2e1e85"),
    "vlt_no_mixer": ("9a6babcaf8827e53", "db7b77d6bc61950b"),
    "vlt_symmetric": ("d9f7860f79e926a4", "3f0022e94f2e1e85"),
}
