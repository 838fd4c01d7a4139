"""The difference of two spaces, and drawings."""

from __future__ import annotations

import json

import pytest

from asymnas.core.seeding import rng_for
from asymnas.space import describe, diff_spaces, draw, load_architecture, load_space


def _tiny(*, tie="template.* = search.*", **more):
    return load_space({"extends": "tiny_asymmetric", "tie": tie, **more})


LIMIT = [{"measure": "count", "op": "shuffle_7x7", "max": 6}]
TIGHTER = [{"measure": "count", "op": "shuffle_7x7", "max": 4}]
TWO_OPS = {"*": ["shuffle_5x5", "shuffle_xception"]}


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        ({}, {}, "equal"),
        ({"name": "other"}, {}, "equal"),
        ({"tie": None}, {}, "b within a"),
        ({}, {"tie": None}, "a within b"),
        ({"fix": {"*.mixer1.mixed": "shuffle_3x3"}}, {}, "a within b"),
        ({"without": {"*": "shuffle_7x7"}}, {}, "a within b"),
        ({"without": {"*": "shuffle_7x7"}}, {"without": {"*": "shuffle_5x5"}}, "neither within the other"),
        ({"without": {"*": "shuffle_7x7"}, "tie": None}, {}, "neither within the other"),
        ({"constraints": LIMIT}, {}, "a within b"),
        ({"constraints": LIMIT}, {"constraints": LIMIT}, "equal"),
        ({"constraints": LIMIT}, {"constraints": TIGHTER}, "undecided"),
        # so small that looking decides it
        ({"without": TWO_OPS, "constraints": LIMIT}, {"without": TWO_OPS, "constraints": TIGHTER}, "b within a"),
        # places without a tie, but fixed to the same op
        ({"tie": "template.st* = search.st*", "fix": {"*.mixer*": "shuffle_3x3"}}, {}, "a within b"),
        ({"share_weights": None}, {}, "equal"),
    ],
)
def test_relations(a, b, relation):
    one = _tiny(**a)
    found = diff_spaces(one, _tiny(**b))
    assert found.relation == relation, str(found)
    mirrored = {"a within b": "b within a", "b within a": "a within b"}
    assert diff_spaces(_tiny(**b), one).relation == mirrored.get(relation, relation)
    assert found.same is (relation == "equal" and not found.settings)
    json.dumps(found.to_dict())


def test_every_difference_is_listed():
    a, b = load_space("tiny_asymmetric"), load_space("tiny_no_mixer")
    found = diff_spaces(a, b)
    assert "template.mixer1.mixed" in found.only_a and "search.stage4.block2" in found.only_b
    assert found.layers["template.stage3"][0]["blocks"] == 2 and not found.same_weights
    text = str(found)
    assert text.splitlines()[0] == "- tiny_asymmetric: 4.5e15 architectures, 26 free genes"
    assert "+ gene search.stage4.block2" in text
    found = diff_spaces(a, load_space({"extends": "tiny_asymmetric", "without": {"*.mixer1.*": "shuffle_5x5"}}))
    assert found.ops["search.mixer1.mixed"][1] == ("shuffle_3x3", "shuffle_7x7", "shuffle_xception")
    assert "without: *.mixer1.*: shuffle_5x5" in str(found)
    assert "the same space" in str(diff_spaces(a, a))


def test_an_architecture_is_drawn_a_row_a_branch():
    text = draw(load_architecture("vlt_scar_released").architecture)
    template, search = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("temp", "sea"))
    assert " ".join(template.split()[1:]) == "o 7 7 7 X 3 X 5 X 3 X X 3 7 X 3 7 7 X 7 7 X 7 3 5"
    assert " ".join(search.split()[1:]) == "o 5 X 3 X 7 5 7 7 3 X 5 7 X 3 X 5 7 X X X X 7 3 3"
    assert "X shuffle_xception" in text.splitlines()[-1]


def test_a_space_is_drawn_with_what_is_free_tied_and_fixed():
    text = draw(_tiny(fix={"*.mixer1.mixed": "shuffle_7x7"}))
    template, search = (next(line for line in text.splitlines() if line.startswith(name)) for name in ("temp", "sea"))
    assert template.split()[1:5] == ["o", ".", "7", "."] and search.split()[1:5] == ["o", "=", "7", "="]
    assert "4^12 = 1.6e7 architectures" in text and "template.* = search.*" in text


def test_described_ranges_are_reached():
    space = load_space("tiny_fixed_mixer")
    facts = describe(space)
    assert facts["size"] == 4**10 and len(facts["free_genes"]) == 10
    table = space.cost_table
    for pick, n in ((min, 0), (max, 1)):
        free = {g.id: pick(g.ops, key=lambda op, g=g: table.ops[g.id][op].macs) for g in space.free_genes}
        cost = space.cost(space.expand(free))
        assert cost.macs == facts["macs"][n]
        assert cost.branches["search"].macs == facts["branches"]["search"]["macs"][n]
    limited = describe(load_space({"extends": "tiny_fixed_mixer", "constraints": LIMIT}))
    assert 0 < limited["feasible"]["share"] < 1 and limited["feasible"]["count"] is None
    assert space.cost(space.sample(rng_for(0, "x"))).macs <= facts["macs"][1]
