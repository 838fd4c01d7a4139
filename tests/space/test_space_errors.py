"""Every wrong space is told with its place, rule, value and way out, all at once."""

from __future__ import annotations

import copy

import pytest

from asymnas.core.errors import InfeasibleConstraint, SpaceError
from asymnas.space import Branch, SearchSpace, Stage, Stem, load_space, register_op

GOOD = """\
name: good
ops: [shuffle_3x3, shuffle_5x5]
branches:
  a:
    input_channels: 3
    input_size: 32
    stem: {op: conv_3x3, channels: 8, stride: 2}
    stages:
      one: {channels: 16, stride: 2, blocks: 2}
  b:
    input_channels: 3
    input_size: 64
    stem: {op: conv_3x3, channels: 8, stride: 2}
    stages:
      one: {channels: 16, stride: 2, blocks: 3}
"""


def _errors(tmp_path, text: str) -> list[str]:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(SpaceError) as caught:
        load_space(path)
    return [str(problem).replace(f"{path}:", "@") for problem in caught.value.problems]


def test_the_starting_point_is_good(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(GOOD)
    assert load_space(path).size == 2**5
    assert load_space(str(path)).name == "good"


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("input_size: 32", "input_sise: 32", "@6: branches.a.input_sise", ["unknown key", "'input_size'"]),
        ("input_size: 32", "", "@4: branches.a.input_size", ["required"]),
        ("input_size: 32", "input_size: wide", "@6: branches.a.input_size", ["whole number", "'wide'"]),
        ("input_size: 32", "input_size: [32, 0]", "@6: branches.a.input_size", [">= 1", "0"]),
        ("input_size: 32", "input_size: true", "@6: branches.a.input_size", ["whole number", "True"]),
        ("blocks: 2", "blocks: 2.5", "@9: branches.a.stages.one.blocks", ["whole number", "2.5"]),
        ("blocks: 2", "blocks: 1001", "@9: branches.a.stages.one.blocks", ["<= 1000", "1001"]),
        ("blocks: 2", "blocks: 0", "@9: branches.a.stages.one.blocks", [">= 1", "0"]),
        ("blocks: 2", "blocks: 2, form: maping", "@9: branches.a.stages.one.form", ["'mapping'", "maping"]),
        ("blocks: 2", "blocks: 2, form: mapping", "@9: branches.a.stages.one.form", ["stride 1", "Leave `form` out"]),
        ("blocks: 2", "blocks: 2, mixer: m", "@9: branches.a.stages.one.mixer", ["mapping", "'m'"]),
        ("blocks: 2", "blocks: 2, mixer: {name: one}", "@8: branches.a.stages", ["unique", "'one' twice"]),
        ("channels: 16", "channels: 18", "@9: branches.a.stages.one.ops", ["divisible by 4", "18"]),
        ("channels: 16", "channels: 8", "@9: branches.a.stages.one.ops", ["two-branch form", "8"]),
        ("op: conv_3x3", "op: conv_3", "@7: branches.a.stem.op", ["not registered", "'conv_3x3'"]),
        ("shuffle_5x5", "shuffle_5", "branches.a.stages.one.ops", ["not registered", "'shuffle_5x5'"]),
        ("shuffle_5x5", "shuffle_3x3", "branches.a.stages.one.ops", ["listed once"]),
        ("name: good", "name: good\nwidth: 0.3", "@10: branches.a.stages.one.channels", ["whole number", "4.8"]),
        ("name: good", "name: good\nwidth: x", "@2: width", ["a number", "'x'"]),
        ("name: good", "name: good\nname: bad", "@2: name", ["twice", "first on line 1"]),
        ("  b:", "  a:", "@10: branches.a", ["twice", "first on line 4"]),
        ("name: good", "name: [good", "@2", ["not YAML"]),
        ("  b:", " b:", "@10", ["not YAML"]),
    ],
)
def test_one_wrong_thing_is_told_at_its_line(tmp_path, old, new, where, words):
    found = _errors(tmp_path, GOOD.replace(old, new, 1))
    assert any(text.startswith(where) or f" {where}" in text for text in found), found
    assert all(any(word in text for text in found) for word in words), found


@pytest.mark.parametrize(
    ("more", "where", "words"),
    [
        ("tie: a.* = c.*", "@16: tie[0]", ["matches no gene", "'c.*'"]),
        ("tie: a.one.* = b.*", "@16: tie[0]", ["counterpart", "'b.block1'"]),
        ("tie: a.* = b.*", "@16: tie[0]", ["counterpart", "b.one.block3", "'a.one.block3'"]),
        ("tie: a.*", "@16: tie[0]", ["two sides"]),
        ("tie: a.* = b.one.block1", "@16: tie[0]", ["equally many stars"]),
        ("tie: 3", "@16: tie", ["list", "3"]),
        ("tie: [[a.one.block1, 3]]", "@16: tie[0][1]", ["text"]),
        (
            "tie: [a.one.block1 = b.one.block1]\nwithout: {b.*: shuffle_5x5}",
            "@16: tie[0]",
            ["['shuffle_3x3', 'shuffle_5x5']", "b.one.block1 has ['shuffle_3x3']"],
        ),
        ("fix: {a.*: shuffle_7x7}", "@16: fix.a.*", ["shuffle_7x7", "['shuffle_3x3', 'shuffle_5x5']"]),
        ("fix: {c.*: shuffle_3x3}", "@16: fix.c.*", ["matches no gene"]),
        ("fix: [1, 2]", "@16: fix", ["mapping"]),
        ("fix: {a.*: 1}", "@16: fix.a.*", ["text", "1"]),
        ("fix: {a.one.block1: shuffle_3x3, a.*: shuffle_5x5}", "@16: fix.a.*", ["fixed to 'shuffle_3x3'"]),
        (
            "tie: a.one.block1 = b.one.block1\nfix: {a.one.block1: shuffle_3x3, b.one.block1: shuffle_5x5}",
            "@17: fix.b.one.block1",
            ["tied genes are one decision"],
        ),
        ("without: {a.*: shuffle_7x7}", "@16: without.a.*", ["none of the places", "'shuffle_7x7'"]),
        ("without: {c.*: shuffle_3x3}", "@16: without.c.*", ["matches no gene"]),
        ("without: {a.*: [shuffle_3x3, shuffle_5x5]}", "@16: without.a.*", ["no op would be left"]),
        ("without: {a.*: []}", "@16: without.a.*", ["at least 1"]),
        ("share_weights: [a, b]", "@16: share_weights[0]", ["list"]),
        ("share_weights: [[a, c]]", "@16: share_weights[0][1]", ["not known", "'c'"]),
        ("share_weights: [[a]]", "@16: share_weights[0]", ["two branches"]),
        ("share_weights: [[a, a]]", "@16: share_weights[0][1]", ["'a' twice"]),
        ("share_weights: [[a, b]]", "@16: share_weights[0]", ["same layers", "stage 'one'"]),
        ("constraints: {max: 3}", "@16: constraints", ["a list"]),
        ("constraints: [{max: 3}]", "@16: constraints[0].measure", ["required"]),
        ("constraints: [{measure: mac, max: 3}]", "@16: constraints[0].measure", ["'macs'"]),
        ("constraints: [{measure: macs}]", "@16: constraints[0]", ["`max`, `min` or both"]),
        ("constraints: [{measure: macs, max: 3, min: 4}]", "@16: constraints[0]", ["at most"]),
        ("constraints: [{measure: macs, max: -3}]", "@16: constraints[0].max", [">= 0", "-3"]),
        ("constraints: [{measure: macs, max: 3, branch: c}]", "@16: constraints[0].branch", ["not known"]),
        ("constraints: [{measure: macs, max: 3, op: x}]", "@16: constraints[0]", ["for `measure: count`"]),
        ("constraints: [{measure: params, max: 3, amortised: 9}]", "@16: constraints[0].amortised", ["only macs"]),
        ("constraints: [{measure: count, max: 3}]", "@16: constraints[0].op", ["names the op"]),
        ("constraints: [{measure: count, op: x, max: 3}]", "@16: constraints[0].op", ["none of the places"]),
        (
            "constraints: [{measure: count, op: shuffle_3x3, genes: c.*, max: 3}]",
            "@16: constraints[0].genes",
            ["matches no gene"],
        ),
        (
            "constraints: [{measure: count, op: shuffle_3x3, branch: a, max: 3}]",
            "@16: constraints[0].branch",
            ["`genes: a.*`"],
        ),
        (
            "constraints: [{measure: macs, max: 1000}]",
            "@16: constraints[0].max",
            ["no architecture can", "reaches from"],
        ),
        ("constraints: [{measure: macs, min: 1e12}]", "@16: constraints[0].min", ["no architecture can"]),
        ("widht: 2", "@16: widht", ["unknown key", "'width'"]),
    ],
)
def test_one_wrong_rule_is_told_at_its_line(tmp_path, more, where, words):
    found = _errors(tmp_path, GOOD + more + "\n")
    assert any(text.startswith(f"{where}: ") for text in found), found
    assert all(any(word in text for text in found) for word in words), found


def test_all_problems_come_at_once(tmp_path):
    more = (
        "tie: a.* = c.*\nfix: {d.*: shuffle_3x3}\nwithout: {e.*: shuffle_3x3}\nconstraints: [{measure: macs}]\nbox: 1\n"
    )
    found = _errors(tmp_path, GOOD + more)
    assert [text.split(": ")[1] for text in found] == ["box", "constraints[0]", "without.e.*", "tie[0]", "fix.d.*"]
    wrong = GOOD.replace("blocks: 2", "blocks: two").replace("input_size: 64", "input_size: []")
    assert len(_errors(tmp_path, wrong + "fix: 3\n")) == 3


def test_constraints_that_contradict_each_other_are_infeasible(tmp_path):
    path = tmp_path / "space.yaml"
    rules = [f"{{measure: count, op: {op}, genes: a.*, max: 0}}" for op in ("shuffle_3x3", "shuffle_5x5")]
    path.write_text(GOOD + f"constraints: [{', '.join(rules)}]\n")
    with pytest.raises(InfeasibleConstraint, match=r"space.yaml:16: constraints: none of the 32 architectures"):
        load_space(path)


def test_extends(tmp_path):
    base, child = tmp_path / "base.yaml", tmp_path / "child.yaml"
    base.write_text(GOOD + "tie: a.one.block1 = b.one.block1\nfix: {b.one.block3: shuffle_3x3}\n")
    child.write_text("extends: base.yaml\ntie: [a.one.block2 = b.one.block2]\nbranches: {b: {input_size: 16}}\n")
    space = load_space(child)
    assert space.name == "child" and space.branch("b").input_size == 16 and space.branch("a").input_size == 32
    assert len(space.tie) == 2 and space.size == 2**2
    child.write_text("extends: base.yaml\ntie: null\nfix: {b.one.block3: null, b.one.block1: shuffle_5x5}\n")
    space = load_space(child)
    assert space.tie == () and space.fixed == {"b.one.block1": "shuffle_5x5"}


def test_lines_of_extended_spaces_name_the_file_they_are_in(tmp_path):
    base, child = tmp_path / "base.yaml", tmp_path / "child.yaml"
    base.write_text(GOOD + "tie: a.x = b.x\n")
    child.write_text("extends: base.yaml\n\ntie: [c.* = d.*]\nbranches:\n  b:\n    rate: never\n")
    with pytest.raises(SpaceError) as caught:
        load_space(child)
    assert "/child.yaml:6: branches.b.rate" in [p.where.removeprefix(str(tmp_path)) for p in caught.value.problems]
    child.write_text("extends: base.yaml\n\ntie: [c.* = d.*]\n")
    with pytest.raises(SpaceError) as caught:
        load_space(child)
    assert {problem.where.removeprefix(str(tmp_path)) for problem in caught.value.problems} == {
        "/base.yaml:16: tie[0]",
        "/child.yaml:3: tie[1]",
    }


def test_extends_that_leads_nowhere(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("extends: two.yaml\n")
    two.write_text("name: two\nextends: one.yaml\n")
    with pytest.raises(SpaceError, match=r"two.yaml:2: extends: a space cannot extend itself.*one.yaml -> .*two.yaml"):
        load_space(one)
    one.write_text("extends: vlt_asymetric\n")
    with pytest.raises(SpaceError, match=r"one.yaml:1: extends: no such search space.*Did you mean 'vlt_asymmetric'"):
        load_space(one)
    one.write_text("extends: three.yaml\n")
    with pytest.raises(SpaceError, match=r"one.yaml:1: extends: no such file.*three.yaml"):
        load_space(one)
    one.write_text("extends: [vlt_asymmetric]\n")
    with pytest.raises(SpaceError, match="the name or file"):
        load_space(one)


@pytest.mark.parametrize(
    ("source", "words"),
    [("vlt", "no such search space"), ("none/there.yaml", "no such file")],
)
def test_sources_that_are_none(source, words):
    with pytest.raises(SpaceError, match=words):
        load_space(source)


@pytest.mark.parametrize(("text", "words"), [("", "mapping"), ("- a\n", "mapping"), ("a: &x [*y]\n", "not YAML")])
def test_texts_that_are_no_space(tmp_path, text, words):
    assert words in _errors(tmp_path, text)[0]


def test_unreadable_text(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(SpaceError, match="not UTF-8"):
        load_space(path)


def test_a_mapping_has_no_lines():
    with pytest.raises(SpaceError) as caught:
        load_space({"extends": "tiny_asymmetric", "tie": "template.* = serch.*"})
    assert caught.value.problems[0].where == "tie[0]"


def _branch(name: str = "a", *stages: Stage) -> Branch:
    stem = Stem(op="conv_3x3", channels=8, stride=2)
    stages = stages or (Stage(name="one", channels=16, stride=2, blocks=2, ops=("shuffle_3x3", "shuffle_5x5")),)
    return Branch(name=name, input_channels=3, input_size=32, stem=stem, stages=stages)


def test_python_says_the_same_as_yaml(tmp_path):
    space = SearchSpace(name="x", branches=(_branch("a"), _branch("b")), tie="a.* = b.*", share_weights=[["a", "b"]])
    assert space.size == 4 and SearchSpace.from_yaml(space.to_yaml()) == space
    with pytest.raises(SpaceError, match=r"x: tie\[0\]: the pattern matches no gene"):
        SearchSpace(name="x", branches=(_branch(),), tie="a.* = b.*")
    with pytest.raises(SpaceError, match=r"x: branches.a: branch names are unique"):
        SearchSpace(name="x", branches=(_branch(), _branch()))
    with pytest.raises(SpaceError, match="whole number"):
        SearchSpace(name="x", branches=(_branch("a", Stage(name="s", channels="16", blocks=1, ops=("shuffle_3x3",))),))
    with pytest.raises(SpaceError, match="unique in a branch"):
        stage = Stage(name="s", channels=16, stride=2, blocks=1, ops=("shuffle_3x3",))
        SearchSpace(name="x", branches=(_branch("a", stage, stage),))
    with pytest.raises(TypeError):
        Stage("s", 16)


def test_unknown_branches_and_ops():
    space = load_space("tiny_asymmetric")
    with pytest.raises(SpaceError, match="Did you mean 'template'"):
        space.branch("templat")
    with pytest.raises(KeyError):
        space.branch("template").stage("stage9")
    with pytest.raises(SpaceError, match="the name is taken"):
        register_op("conv_3x3", lambda place: None)
    with pytest.raises(SpaceError, match="letters, digits"):
        register_op("conv 3", lambda place: None)


def test_architectures_are_read_strictly():
    space = load_space("tiny_fixed_mixer")
    genes = space.expand({gene.id: "shuffle_5x5" for gene in space.free_genes}).genes
    wrong = {**genes, "template.mixer1.mixed": "shuffle_5x5", "search.stage1.block1": "shuffle_9x9", "search.x": "y"}
    del wrong["template.stage1.block1"]
    with pytest.raises(SpaceError) as caught:
        space.architecture(wrong)
    assert [problem.where for problem in caught.value.problems] == [
        "genes.search.x",
        "genes.template.stage1.block1",
        "genes.template.mixer1.mixed",
        "genes.search.stage1.block1",
    ]
    with pytest.raises(SpaceError, match="no such free gene"):
        space.expand(genes)


def _places(value, at=()):
    yield at
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(item, (*at, key))


_WHOLE = {
    **load_space("tiny_symmetric").to_dict(),
    "fix": {"*.mixer1.mixed": "shuffle_3x3"},
    "without": {"*.stage3.*": ["shuffle_5x5"]},
    "constraints": [{"measure": "count", "op": "shuffle_7x7", "genes": "search.*", "max": 9}],
    "width": 1,
}
_JUNK = [None, 0, -1, 2.5, True, "", "*", "x", "= =", [], {}, [[]], {"": 0}, {1: 2}, [None], float("nan"), 10**30]


@pytest.mark.parametrize("junk", _JUNK, ids=repr)
def test_junk_anywhere_is_an_error_of_ours_or_a_space(junk):
    for at in _places(_WHOLE):
        content = copy.deepcopy(_WHOLE) if at else junk
        inner = content
        for key in at[:-1]:
            inner = inner[key]
        if at:
            inner[at[-1]] = junk
        try:
            load_space(content)
        except SpaceError as error:
            assert error.problems and all(problem.rule for problem in error.problems)


def test_a_name_that_yaml_reads_as_something_else(tmp_path):
    messages = _errors(
        tmp_path,
        GOOD.replace(
            "      one: {channels: 16, stride: 2, blocks: 3}", "      on: {channels: 16, stride: 2, blocks: 3}"
        ),
    )
    assert messages == ["@14: branches.b.stages: a name is a text, but one is True; put it in quotes."]


def _two_branches():
    stages = {f"s{n}": {"channels": 8, "blocks": 1000} for n in range(7)}
    branch = {"input_channels": 8, "input_size": 4, "stages": stages}
    return {"ops": ["shuffle_3x3", "shuffle_5x5"], "branches": {"a": branch, "b": branch}}
