"""SOTS' lists of integers, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asymnas.core.errors import ArchitectureMismatch
from asymnas.core.seeding import rng_for
from asymnas.interop.sots import from_cand, to_cand
from asymnas.space import list_spaces, load_architecture, load_space

MIXED = [3, 0, 3, 0]
RELEASED = {
    "vlt_scar_released": ("22203133302302222321", "13021223123031233320"),
    "vlt_tt_released": ("33223300233222032113", "21033120001133302132"),
}


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_released_architectures_are_the_published_lists(name):
    template, search = ([int(digit) for digit in digits] for digits in RELEASED[name])
    arch = load_architecture(name).architecture
    assert to_cand(arch) == [template, search, MIXED, MIXED]
    assert from_cand([template, search, MIXED, MIXED], arch.space) == arch
    assert sum(a == b for a, b in zip(template, search, strict=True)) == 4  # reference fact 2.2


def test_the_last_of_each_group_is_the_visual_block_of_the_mixer():
    space = load_space("vlt_asymmetric")
    template = [0, 1, 2, 3, *[0] * 16]
    arch = from_cand([template, [0] * 20, MIXED, [0] * 4], space)
    assert arch.genes["template.stage1.block3"] == "shuffle_7x7"
    assert arch.genes["template.mixer1.visual"] == "shuffle_xception"
    assert arch.genes["template.mixer1.mixed"] == "shuffle_xception"
    assert arch.genes["search.mixer1.mixed"] == "shuffle_3x3"


def of_shuffle_units(name):
    return all(op.startswith("shuffle_") for gene in load_space(name).genes for op in gene.ops)


@given(
    st.sampled_from([name for name in list_spaces() if name.startswith(("tiny", "vlt")) and of_shuffle_units(name)]),
    st.integers(0, 2**32),
)
def test_lists_round_trip(name, seed):
    space = load_space(name)
    arch = space.sample(rng_for(seed, "x"))
    assert from_cand(to_cand(arch), space) == arch


@pytest.mark.parametrize(
    ("cand", "words"),
    [
        ([[0] * 20, [0] * 20, MIXED], ["four lists", "3 lists"]),
        ("0" * 48, ["four lists"]),
        ([[0] * 19, [0] * 20, MIXED, [0] * 3], ["CAND[0] (template)", "20 choice blocks", "19", "CAND[3]"]),
        ([[4, *[0] * 19], [0] * 20, MIXED, MIXED], ["CAND[0] (template)[0]", "0 to 3", "4"]),
    ],
)
def test_wrong_lists_are_told(cand, words):
    with pytest.raises(ArchitectureMismatch) as caught:
        from_cand(cand, load_space("vlt_asymmetric"))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_ties_are_kept():
    space = load_space("vlt_symmetric")
    with pytest.raises(ArchitectureMismatch, match="are tied"):
        from_cand([[0] * 20, [1] * 20, MIXED, MIXED], space)
    assert from_cand([[1] * 20, [1] * 20, MIXED, MIXED], space).free["template.mixer1.mixed"] == "shuffle_xception"


def test_other_spaces_have_no_lists():
    tiny = load_space("tiny_asymmetric").to_dict()
    branches = {"left": tiny["branches"]["template"], "right": tiny["branches"]["search"]}
    space = load_space({**tiny, "branches": branches, "share_weights": None})
    with pytest.raises(ArchitectureMismatch, match="branches template and search"):
        to_cand(space.sample(rng_for(0, "x")))
    stage = {"channels": 8, "blocks": 1, "ops": ["conv_3x3", "conv_5x5"]}
    branch = {"input_channels": 3, "input_size": 8, "stages": {"one": stage}}
    space = load_space({"name": "x", "branches": {"template": branch, "search": branch}})
    with pytest.raises(ArchitectureMismatch, match="four shuffle ops"):
        to_cand(space.sample(rng_for(0, "x")))
