"""Architecture files: what is written is read, and nothing wrong is."""

from __future__ import annotations

import json

import pytest

from asymnas.core.errors import RunFolderError, SpaceError
from asymnas.core.seeding import rng_for
from asymnas.space import list_architectures, load_architecture, load_space, save_architecture

SCORE = {"metric": "SUC", "value": 0.5, "se": 0.01, "videos": 4, "frames": 80}


_UNTIED = {"template.mixer1.mixed": "shuffle_3x3", "search.mixer1.mixed": "shuffle_5x5"}


@pytest.fixture
def saved(tmp_path):
    space = load_space("tiny_symmetric")
    arch = space.sample(rng_for(0, "x"))
    path = tmp_path / "architecture.json"
    save_architecture(path, arch, score=SCORE, cost=space.cost(arch), provenance={"seed": 3})
    return path, arch


def test_files_round_trip(saved):
    path, arch = saved
    found = load_architecture(path)
    assert found.architecture == arch and found.architecture.space == arch.space
    assert found.score == SCORE and found.provenance == {"seed": 3}
    assert found.cost["template"]["macs"] == arch.space.cost(arch).branches["template"].macs
    content = json.loads(path.read_text())
    assert list(content) == ["format", "version", "space", "genes", "ties", "score", "cost", "provenance"]
    assert content["ties"]["template.stage1.block1"] == ["template.stage1.block1", "search.stage1.block1"]
    assert set(content["genes"]) == set(arch.space.gene_ids)
    save_architecture(path, arch)
    assert load_architecture(str(path)).score is None and [p.name for p in path.parent.iterdir()] == [path.name]


def test_released_architectures_are_there():
    assert {"vlt_scar_released", "vlt_tt_released"} <= set(list_architectures())
    for name in list_architectures():
        found = load_architecture(name)
        assert found.score is None and "SOTS" in found.provenance["source"]
        assert found.architecture.space == load_space("vlt_asymmetric")


def test_a_shipped_space_of_one_architecture_names_it():
    found = load_architecture("tiny_resnet")
    assert found.architecture.space == load_space("tiny_resnet") and found.score is None
    assert found.architecture.genes["search.stage3.block2"] == "bottleneck_d2"
    with pytest.raises(SpaceError, match="no such architecture"):
        load_architecture("tiny_asymmetric")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(format="other"), ["architecture.json: format", "asymnas-architecture"]),
        (lambda c: c.update(version=2), ["architecture.json: format", "version 1", "version 2"]),
        (lambda c: c.update(gense={}), ["architecture.json: gense", "Did you mean 'genes'"]),
        (lambda c: c.pop("genes"), ["architecture.json: genes", "required"]),
        (lambda c: c.update(cost=[]), ["architecture.json: cost", "mapping"]),
        (lambda c: c.update(score=0.5), ["architecture.json: score", "mapping"]),
        (lambda c: c["score"].update(value="high"), ["score.value", "number", "'high'"]),
        (lambda c: c["score"].pop("metric"), ["score.metric"]),
        (lambda c: c["space"].update(hash="0" * 16), ["space.hash", "embedded space", "0000"]),
        (lambda c: c["space"].pop("definition"), ["space.definition", "required"]),
        (lambda c: c["space"]["definition"].update(tie="a.* = b.*"), ["space.definition.tie[0]", "matches no gene"]),
        (lambda c: c["space"]["definition"].update(tie=[]), ["space.hash"]),
        (lambda c: c["genes"].update({"template.stage9.block1": "x"}), ["genes.template.stage9.block1", "stage4"]),
        (lambda c: c["genes"].pop("search.mixer1.mixed"), ["genes.search.mixer1.mixed", "every gene"]),
        (lambda c: c["genes"].update({"search.mixer1.mixed": "shuffle_3"}), ["Did you mean 'shuffle_3x3'"]),
        (lambda c: c["genes"].update({"search.mixer1.mixed": ["shuffle_3x3"]}), ["search.mixer1.mixed", "text"]),
        (lambda c: c["genes"].update(_UNTIED), ["are tied"]),
    ],
)
def test_wrong_files_are_told(saved, change, words):
    path, _ = saved
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(SpaceError) as caught:
        load_architecture(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert all(problem.where.startswith(str(path)) for problem in caught.value.problems)


def test_all_problems_come_at_once(saved):
    path, _ = saved
    content = json.loads(path.read_text())
    content["genes"]["x"] = content["genes"].pop("search.mixer1.mixed")
    path.write_text(json.dumps(content))
    with pytest.raises(SpaceError) as caught:
        load_architecture(path)
    assert len(caught.value.problems) == 2
    content |= {"score": {"metric": "SUC", "value": None}, "cost": [], "prov": {}}
    path.write_text(json.dumps(content))
    with pytest.raises(SpaceError) as caught:
        load_architecture(path)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "architecture.json:1: the file is no JSON"), ("[]", "format")],
)
def test_files_that_are_no_json(tmp_path, text, words):
    path = tmp_path / "architecture.json"
    path.write_text(text)
    with pytest.raises(SpaceError, match=words):
        load_architecture(path)


def test_sources_that_are_none(tmp_path):
    with pytest.raises(SpaceError, match="Did you mean 'vlt_scar_released'"):
        load_architecture("vlt_scar_release")
    with pytest.raises(SpaceError, match="No such file"):
        load_architecture(tmp_path / "none.json")


def test_a_file_that_cannot_be_written_leaves_the_old_one(saved, monkeypatch):
    path, arch = saved
    before = path.read_text()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(RunFolderError, match="No space left"):
        save_architecture(path, arch)
    assert path.read_text() == before and [p.name for p in path.parent.iterdir()] == [path.name]
    with pytest.raises(RunFolderError, match="No such file"):
        save_architecture(path.parent / "none" / "a.json", arch)
