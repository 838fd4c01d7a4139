"""Recalibration: exact pooling, statistics per branch, no trace left behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from asymnas.core.errors import EvaluationError
from asymnas.nn import RecalibratedBatchNorm, Supernet, recalibrate, recalibrated


def _buffers(net: nn.Module) -> list[torch.Tensor]:
    return [buffer.clone() for buffer in net.buffers()]


class _Runner:
    """Runs both branches of a path on batches of (template, search)."""

    def __init__(self, net: Supernet, path, sentences) -> None:
        self.net, self.path, self.sentences = net, path, sentences

    def __call__(self, batch):
        language = self.sentences([True] * len(batch[0]))
        z = self.net.branch("template", batch[0], self.path, language=language)
        x = self.net.branch("search", batch[1], self.path, language=language)
        return [*z.features, *x.features]


@pytest.fixture
def net(small_space) -> Supernet:
    return Supernet(small_space(), language_dim=12, seed=2).eval()


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.integers(0, 1000))
def test_pooling_is_exact(sizes: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    data = torch.randn(sum(sizes), 3, 4, 5, generator=generator) * 3 + 100
    layer = RecalibratedBatchNorm(3, ("a", "b"))
    recalibrate(layer, data.split(sizes), lambda batch: layer(batch, branch="b"))
    flat = data.double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(layer.stats["b"].running_mean.double(), flat.mean(1), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(layer.stats["b"].running_var.double(), flat.var(1, correction=0), rtol=1e-4, atol=1e-5)
    assert (layer.stats["a"].running_mean == 0).all()


def test_evaluation_after_one_big_batch_equals_training_mode(net, pictures, sentences) -> None:
    path = net.space.sample(np.random.default_rng(0)).genes
    run, batch = _Runner(net, path, sentences), (pictures(6, 32), pictures(6, 64, 1))
    with torch.no_grad():
        net.train()
        expected = run(batch)
        with recalibrated(net, run, [batch]):
            assert not net.training
            got = run(batch)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)


def test_template_and_search_have_statistics_of_their_own(net, pictures, sentences) -> None:
    path = {gene.id: "shuffle_3x3" for gene in net.space.genes}
    recalibrate(net, [(pictures(4, 32), pictures(4, 64, 1) * 0.3)], _Runner(net, path, sentences))
    stats = net.network("search").stem._modules["1"].stats
    ratio = stats["search"].running_var / stats["template"].running_var
    assert (ratio < 0.2).all()
    shared = Supernet(net.space, language_dim=12, bn_statistics="shared")
    assert not [name for name, _ in shared.named_buffers() if ".stats.template." in name]


def test_no_trace_in_the_next_candidate(net, pictures, sentences) -> None:
    batches = [(pictures(4, 32, n), pictures(4, 64, n + 10)) for n in range(3)]
    test = (pictures(2, 32, 50), pictures(2, 64, 51))
    paths = [net.space.sample(np.random.default_rng(n)).genes for n in (1, 2)]
    before = _buffers(net)

    def score(path) -> list[torch.Tensor]:
        run = _Runner(net, path, sentences)
        with torch.no_grad(), recalibrated(net, run, batches):
            return run(test)

    first, other, again = score(paths[0]), score(paths[1]), score(paths[0])
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[-1], other[-1])
    assert all(torch.equal(a, b) for a, b in zip(before, _buffers(net), strict=True))


def test_statistics_do_not_depend_on_earlier_ones(net, pictures, sentences) -> None:
    batches = [(pictures(4, 32, n), pictures(4, 64, n + 10)) for n in range(2)]
    runs = [_Runner(net, net.space.sample(np.random.default_rng(n)).genes, sentences) for n in (1, 2)]
    recalibrate(net, batches, runs[0])
    first = _buffers(net)
    recalibrate(net, batches, runs[1])
    recalibrate(net, batches, runs[0])
    again = dict(net.named_buffers())
    ran = [n for n, b in Supernet(net.space, language_dim=12).named_buffers() if not torch.equal(b, again[n])]
    assert ran
    recalibrate(net, batches, runs[0])
    names = [name for name, _ in net.named_buffers()]
    kept = {n: b for n, b in zip(names, first, strict=True) if not torch.equal(b, torch.zeros_like(b))}
    moved = {n for n, b in kept.items() if "_mean" in n and not torch.equal(b, dict(net.named_buffers())[n])}
    assert not moved


def test_state_is_restored_after_an_error(net, pictures, sentences) -> None:
    net.train()
    before = _buffers(net)

    def fail(_batch):
        raise RuntimeError("broken batch")

    with pytest.raises(RuntimeError, match="broken batch"), recalibrated(net, fail, [0]):
        pass
    assert net.training
    assert all(module.training for module in net.modules())
    assert all(torch.equal(a, b) for a, b in zip(before, _buffers(net), strict=True))
    assert not any(module._forward_pre_hooks for module in net.modules())


def test_training_changes_no_buffer(net, pictures, sentences) -> None:
    before = _buffers(net.train())
    _Runner(net, net.space.sample(np.random.default_rng(0)).genes, sentences)((pictures(2, 32), pictures(2, 64)))
    assert all(torch.equal(a, b) for a, b in zip(before, _buffers(net), strict=True))


def test_dropout_is_off_and_torchs_own_layers_are_covered() -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(2))
    data = torch.randn(8, 2, 3, 3, generator=torch.Generator().manual_seed(0)) + 5
    recalibrate(model, data.split(4), model)
    torch.testing.assert_close(model[1].running_mean, data.mean((0, 2, 3)))
    torch.testing.assert_close(model[1].running_var, data.var((0, 2, 3), correction=0))
    assert model.training
    assert model[1].num_batches_tracked == 0


def test_no_batch_is_an_error(net) -> None:
    with pytest.raises(EvaluationError, match="at least one batch"):
        recalibrate(net, [], lambda _batch: None)
