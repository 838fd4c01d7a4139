"""NNI as an oracle of our spaces, and its tuners as searchers."""

from __future__ import annotations

import random

import pytest

from asymnas.core.errors import ArchitectureMismatch, SearchSpaceExhausted
from asymnas.core.seeding import rng_for
from asymnas.space import SearchSpace, load_space

pytest.importorskip("nni")

from nni.mutable import Categorical

from asymnas.search.nni import NNISearcher, from_nni, not_lowered, to_nni, to_sample

SEVENS = {"measure": "count", "op": "shuffle_7x7", "genes": "template.*", "max": 3}


def _small(**more: object) -> SearchSpace:
    """Eight free genes of two ops: few enough for NNI's grid."""
    fix = {"*.mixer*": "shuffle_3x3", "search.stage4.*": "shuffle_7x7"}
    without = {"*": ["shuffle_5x5", "shuffle_xception"]}
    return load_space({"extends": "tiny_asymmetric", "fix": fix, "without": without, **more})


@pytest.mark.parametrize("name", ["vlt_asymmetric", "vlt_symmetric", "vlt_fixed_mixer", "vlt_no_mixer"])
def test_nni_has_one_label_a_free_gene(name):
    space = load_space(name)
    lowered = to_nni(space)
    labels = lowered.simplify()
    assert list(labels) == [gene.id for gene in space.free_genes]
    assert all(isinstance(labels[gene.id], Categorical) for gene in space.free_genes)
    assert all(list(labels[gene.id].values) == list(gene.ops) for gene in space.free_genes)
    assert lowered.freeze(to_sample(space.sample(rng_for(0, "x")))).keys() == set(space.gene_ids) - set(space.fixed)


def test_nni_agrees_on_a_thousand_architectures():
    """A quarter of them each of: the space, a wider one, one without ops, and ones that break the constraint."""
    rng = rng_for(0, "nni")
    limit = [{**SEVENS, "min": 1}]
    space = load_space({"extends": "vlt_symmetric", "without": {"*.stage3.*": "shuffle_7x7"}, "constraints": limit})
    wide = load_space("vlt_symmetric")
    lowered = to_nni(space)
    agreed = {True: 0, False: 0}
    for n in range(1000):
        arch = space.sample(rng) if n % 4 == 0 else wide.sample(rng)
        if n % 4 == 1:
            arch = wide.expand({**arch.free, **dict.fromkeys(_stage3(wide), "shuffle_5x5")})
        try:
            ours = space.satisfies(from_nni(to_sample(arch), space))
        except ArchitectureMismatch:
            ours = False
        assert lowered.contains(to_sample(arch)) is ours
        agreed[ours] += 1
    assert min(agreed.values()) > 200  # else one side was hardly asked


def _stage3(space: SearchSpace) -> list[str]:
    return [gene.id for gene in space.free_genes if ".stage3." in gene.id]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"tie": "template.stage*.block1 = search.stage*.block1", "fix": {"*.mixer*": "shuffle_3x3"}},
        {"constraints": [SEVENS]},
        {"constraints": [{**SEVENS, "genes": "*", "min": 4, "max": 5}]},
        {"constraints": [{**SEVENS, "genes": "*.mixer*", "max": 1}]},
    ],
)
def test_grid_gives_what_enumeration_gives(more):
    space = _small(**more)
    ours = {arch.key for arch in space.enumerate()}
    memo: dict[str, str] = {}
    found = [from_nni(dict(memo), space).key for _ in to_nni(space).grid(memo)]
    assert len(found) == len(set(found)) == len(ours) and set(found) == ours


def test_samples_go_both_ways_strictly():
    space = load_space("tiny_symmetric")
    arch = space.sample(rng_for(0, "x"))
    sample = to_sample(arch)
    assert from_nni(sample, space) == arch and len(sample) == 13
    for wrong in (
        {**sample, "more": "shuffle_3x3"},
        {**sample, "template.mixer1.mixed": "k3"},
        {name: op for name, op in sample.items() if name != "template.mixer1.mixed"},
    ):
        with pytest.raises(ArchitectureMismatch):
            from_nni(wrong, space)


def test_limits_on_cost_are_not_lowered():
    space = _small(constraints=[SEVENS, {"measure": "macs", "max": 1e12}, {"measure": "params", "max": 1e12}])
    assert [item.measure for item in not_lowered(space)] == ["macs", "params"]
    assert [label for label in to_nni(space).simplify() if label.startswith("constraint")] == ["constraint.0.max"]


def _run(searcher: NNISearcher, *, each: int | None = None, fail: int = 0) -> list[str]:
    """Search with the share of 5 x 5 blocks as the score; every `fail`-th evaluation fails."""
    while not searcher.done:
        asked = searcher.ask(each)
        assert asked
        told = len(searcher.archive)
        scores = [sum(op == "shuffle_5x5" for op in arch.genes.values()) / len(arch.genes) for arch in asked]
        failed = [bool(fail) and (told + n) % fail == 0 for n in range(len(asked))]
        results = zip(asked, scores, failed, strict=True)
        searcher.tell([(arch, None if bad else score) for arch, score, bad in results])
    return [arch.key for arch, _ in searcher.archive]


@pytest.mark.parametrize("algorithm", ["tpe", "evolution"])
def test_tuners_search(algorithm):
    space = load_space("tiny_asymmetric")
    state = random.getstate()

    def made(seed: int = 3) -> NNISearcher:
        return NNISearcher(space, seed=seed, budget=120, algorithm=algorithm, batch=20)

    searcher = made()
    keys = _run(searcher, fail=7)
    assert len(keys) == len(set(keys)) == 120
    assert random.getstate() == state, "the process-wide random state was moved"
    random.seed(99)
    assert _run(made(), each=3, fail=7) == keys, "same seed, other pace"
    assert _run(made(4), fail=7) != keys
    first = [score for _, score in searcher.archive[:40] if score is not None]
    last = [score for _, score in searcher.archive[-40:] if score is not None]
    assert sum(last) / len(last) > sum(first) / len(first) + 0.05, "it learns"


@pytest.mark.parametrize("algorithm", ["tpe", "evolution"])
def test_a_search_goes_on_after_it_was_read_back(algorithm):
    space = load_space("tiny_symmetric")
    whole = NNISearcher(space, seed=1, budget=40, algorithm=algorithm, batch=10)
    keys = _run(whole)
    half = NNISearcher(space, seed=1, budget=40, algorithm=algorithm, batch=10)
    told = iter(whole.archive[:25])
    while len(half.archive) < 25:
        half.tell([(item, next(told)[1]) for item in half.ask(25 - len(half.archive))])
    assert _run(half) == keys


@pytest.mark.parametrize("algorithm", ["tpe", "evolution"])
def test_constraints_hold(algorithm):
    space = load_space({"extends": "tiny_asymmetric", "constraints": [{**SEVENS, "max": 2}]})
    searcher = NNISearcher(space, seed=0, budget=40, algorithm=algorithm, batch=10)
    _run(searcher)
    assert all(space.satisfies(arch) for arch, _ in searcher.archive)


def test_a_space_is_searched_to_its_end_or_an_error():
    space = _small()
    assert space.size == 2**9
    tight = _small(constraints=[{**SEVENS, "genes": "*", "max": 2}])
    feasible = tight.count().feasible
    assert feasible is not None and feasible < 50
    with pytest.raises(SearchSpaceExhausted):
        NNISearcher(space, seed=0, budget=513)
    with pytest.raises(SearchSpaceExhausted, match=f"only {feasible} that keep its constraints"):
        NNISearcher(tight, seed=0, budget=50)
    assert len(_run(NNISearcher(tight, seed=0, budget=feasible, algorithm="tpe", batch=10))) == feasible
    with pytest.raises(SearchSpaceExhausted, match="NNI's evolution tuner was asked"):
        _run(NNISearcher(tight, seed=0, budget=feasible, algorithm="evolution", batch=10))
