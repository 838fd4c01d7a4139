"""Path sampling, learning rates and settings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from toy_task import toy_space

from asymnas.core.errors import ArchitectureMismatch, InfeasibleConstraint
from asymnas.space import load_space
from asymnas.training import TrainingConfig, lr_at, paths_for_step


def test_uniform_paths_are_a_function_of_seed_and_step_and_cover_the_space():
    space = toy_space(3)
    keys = [paths_for_step(space, 7, step, "uniform")[0].key for step in range(64)]
    assert keys == [paths_for_step(space, 7, step, "uniform")[0].key for step in range(64)]
    assert keys != [paths_for_step(space, 8, step, "uniform")[0].key for step in range(64)]
    assert len(set(keys)) == space.size == 8


def test_fair_paths_use_every_op_of_every_free_gene_once():
    for name in ("vlt_asymmetric", "vlt_symmetric"):
        space = load_space(name)
        for step in range(3):
            paths = paths_for_step(space, 0, step, "fair")
            assert len(paths) == 4
            for gene in space.free_genes:
                assert sorted(path.free[gene.id] for path in paths) == sorted(gene.ops)
        assert paths_for_step(space, 0, 0, "fair")[0].key != paths_for_step(space, 0, 1, "fair")[0].key


def test_fair_paths_meet_constraints_or_say_that_they_cannot():
    at_most_one = {"constraints": [{"measure": "count", "op": "shuffle_5x5", "max": 1}]}
    space = toy_space(2, **at_most_one)
    for step in range(20):
        paths = paths_for_step(space, 0, step, "fair")
        assert all(space.satisfies(path) for path in paths)
    with pytest.raises(InfeasibleConstraint, match="sampling: uniform"):
        paths_for_step(toy_space(3, **at_most_one), 0, 0, "fair")


def test_the_warm_up_trains_one_path_of_the_seed():
    space = toy_space(6)
    warm = {paths_for_step(space, 3, step, "fair", warmup_path_steps=5)[0].key for step in range(5)}
    assert len(warm) == 1 and len(paths_for_step(space, 3, 5, "fair", warmup_path_steps=5)) == 2
    other = {paths_for_step(space, seed, 0, "uniform", warmup_path_steps=5)[0].key for seed in range(8)}
    assert len(other) > 1


def test_an_architecture_is_always_itself_and_must_be_of_the_space():
    space = toy_space()
    (chosen,) = paths_for_step(space, 0, 0, "uniform")
    assert paths_for_step(space, 1, 99, chosen, warmup_path_steps=100) == [chosen]
    with pytest.raises(ArchitectureMismatch, match="must be of the model's space"):
        paths_for_step(toy_space(3), 0, 0, chosen)


def config(**more) -> TrainingConfig:
    return TrainingConfig(**({"steps": 101, "batch_size": 8, "lr": 0.1} | more))


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        ({"schedule": "cosine"}, {0: 0.1, 50: 0.05, 100: 0.0}),
        ({"schedule": "linear", "lr_end": 0.02}, {0: 0.1, 50: 0.06, 100: 0.02}),
        ({"schedule": "log", "lr_end": 0.001}, {0: 0.1, 50: 0.01, 100: 0.001}),
        ({"schedule": "log"}, {100: 0.01}),
        ({"schedule": "constant", "warmup_steps": 10}, {0: 0.02, 5: 0.06, 10: 0.1, 100: 0.1}),
        ({"schedule": "log", "warmup_steps": 2}, {0: 0.02, 1: 0.1 / 5**0.5, 2: 0.1}),
        ({"schedule": "cosine", "warmup_steps": 500}, {100: 0.02 + 0.08 / 5}),
    ],
)
def test_learning_rates(settings, values):
    for step, expected in values.items():
        assert lr_at(config(**settings), step) == pytest.approx(expected, abs=1e-12)


def test_settings_are_checked_as_a_job_s():
    with pytest.raises(ValidationError) as caught:
        config(steps=0, lr=float("nan"), optimizer="sdg", sampling="unifrom", momentum=1.0, lr_scale={"a": -1})
    assert len(caught.value.errors()) == 6


def test_identity_leaves_out_what_changes_no_number():
    moved = config(workers=2, shards=2, log_every=3, checkpoint_every=7)
    assert moved.identity() == config(shards=2).identity() != config(shards=2, lr=0.2).identity()


def test_fair_sampling_of_a_space_with_nothing_to_choose_gives_its_one_path():
    space = load_space({"extends": "tiny_asymmetric", "fix": {"*": "shuffle_3x3"}})
    (path,) = paths_for_step(space, 0, 5, "fair")
    assert set(path.genes.values()) == {"shuffle_3x3"}
