"""Frequencies of ops and likeness of branches, against chance."""

from __future__ import annotations

import numpy as np
import pytest

from asymnas.core.errors import EvaluationError
from asymnas.core.seeding import rng_for
from asymnas.search.analysis import asymmetry_index, op_frequencies
from asymnas.space import load_space


@pytest.fixture(scope="module")
def space():
    return load_space("vlt_asymmetric")


@pytest.fixture(scope="module")
def drawn(space):
    return [space.sample(rng_for(seed, "analysis")) for seed in range(200)]


def test_uniform_draws_are_mostly_inside_the_band(drawn):
    rows = op_frequencies(drawn)
    assert len(rows) == 48 * 4
    assert all(row.draws == 200 and row.expected == 0.25 for row in rows)
    assert 0 < sum(row.beyond_chance for row in rows) < 0.1 * len(rows)


def test_a_favoured_op_is_beyond_chance(space, drawn):
    place = "search.stage2.block1"
    fond = [space.architecture(item.genes | {place: "shuffle_7x7"}) for item in drawn[:20]]
    rows = {(row.place, row.op): row for row in op_frequencies(fond)}
    assert rows[place, "shuffle_7x7"].frequency == 1
    assert rows[place, "shuffle_7x7"].beyond_chance


def test_branches_are_counted_over_their_genes(space, drawn):
    rows = op_frequencies(drawn, by="branch")
    assert {(row.place, row.draws) for row in rows} == {("template", 24 * 200), ("search", 24 * 200)}
    assert sum(row.frequency for row in rows if row.place == "template") == pytest.approx(1)
    genes = [row for row in op_frequencies(drawn) if row.place.startswith("search.") and row.op == "shuffle_3x3"]
    (search,) = [row for row in rows if row.place == "search" and row.op == "shuffle_3x3"]
    assert search.count == sum(row.count for row in genes)


def test_tied_genes_count_once():
    tied = load_space("vlt_symmetric")
    rows = op_frequencies([tied.sample(rng_for(0, "tied"))])
    assert len({row.place for row in rows}) == 24


def test_one_space_at_a_time(drawn):
    with pytest.raises(EvaluationError, match="got 0 spaces"):
        op_frequencies([])
    with pytest.raises(EvaluationError, match="got 2 spaces"):
        op_frequencies([drawn[0], load_space("vlt_symmetric").sample(rng_for(0, "x"))])


def test_null_of_the_asymmetry_index_is_that_of_random_architectures(drawn):
    found = [asymmetry_index(item, "template", "search") for item in drawn]
    assert {(item.places, item.tied) for item in found} == {(24, 0)}
    assert found[0].expected == pytest.approx(0.25)
    assert found[0].null.sum() == pytest.approx(1)
    shares = np.array([item.share for item in found])
    assert abs(shares.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 24 / 200)
    low, high = found[0].band()
    assert np.mean((shares >= low) & (shares <= high)) > 0.9
    assert low < 0.25 < high
    assert np.mean([item.null[: item.equal + 1].sum() <= 0.05 for item in found]) < 0.12


def test_extremes(space):
    first = {gene.id: "shuffle_3x3" for gene in space.genes}
    equal = asymmetry_index(space.architecture(first), "template", "search")
    assert equal.share == 1
    assert equal.null[equal.equal :].sum() == pytest.approx(0.25**24)
    assert equal.null[: equal.equal + 1].sum() == pytest.approx(1)
    search = {name: "shuffle_5x5" for name in first if name.startswith("search.")}
    other = asymmetry_index(space.architecture(first | search), "template", "search")
    assert other.share == 0
    assert other.null[: other.equal + 1].sum() == pytest.approx(0.75**24)


def test_places_that_cannot_differ_are_set_apart():
    tied = asymmetry_index(load_space("vlt_symmetric").sample(rng_for(0, "tied")), "template", "search")
    assert (tied.places, tied.tied) == (0, 24)
    assert np.isnan(tied.share)
    assert np.isnan(tied.expected)
    assert np.isnan(tied.band()).all()
    half = load_space("vlt_fixed_mixer")
    found = asymmetry_index(half.sample(rng_for(0, "fixed")), "template", "search")
    assert (found.places, found.tied) == (16, 8)


def test_branches_without_places_in_common(drawn):
    with pytest.raises(EvaluationError, match="places in common"):
        asymmetry_index(drawn[0], "template", "audio")
