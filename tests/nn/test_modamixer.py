"""ModaMixer: the equation, sentences missing row by row, template embeddings, RoIAlign."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from asymnas.nn import Supernet
from asymnas.nn._roi import roi_align
from asymnas.space import load_space


@pytest.fixture
def path(small_space):
    return small_space().sample(np.random.default_rng(3)).genes


def _net(space, **more) -> Supernet:
    return Supernet(space, language_dim=12, seed=1, **more).eval()


def test_equation(small_space, pictures, sentences, path) -> None:
    net = _net(small_space())
    language = sentences([True, True])
    images = pictures(2, 32)
    network = net.network("template")
    x = network.stage1(network.enter(images, "template"), path, "template")
    mixer = network.mixer1
    token = mixer.project(language.embedding, "template")
    mixed = mixer.mixed[path["template.mixer1.mixed"]](x * token[:, :, None, None], "template")
    visual = mixer.visual[path["template.mixer1.visual"]](x, "template")
    out = net.branch("template", images, path, language=language)
    torch.testing.assert_close(out.features[0], mixed + visual)
    torch.testing.assert_close(out.tokens[0], token)


def test_a_mixed_block_of_zeros_leaves_the_sentence_out(pictures, sentences) -> None:
    space = load_space("tiny_fusion")
    net, images = _net(space), pictures(2, 64)
    path = space.sample(np.random.default_rng(0)).genes
    blind = path | {gene: "zero" for gene in space.matching("template.mixer*.mixed")}

    def last(genes, present):
        return net.branch("template", images, genes, language=sentences([present, present])).features[-1]

    torch.testing.assert_close(last(blind, True), last(blind, False), rtol=0, atol=0)
    late = blind | {"template.mixer4.mixed": "skip"}
    assert not torch.allclose(last(late, True), last(late, False))


def test_without_residual_the_visual_path_is_gone(small_space, pictures, sentences) -> None:
    space = small_space(residual=False)
    net = _net(space)
    path = space.sample(np.random.default_rng(0)).genes
    assert not [name for name, _ in net.named_parameters() if ".visual." in name]
    with torch.no_grad():
        told = net.branch("template", pictures(2, 32), path, language=sentences([True, True]))
    assert told.features[1].shape == (2, 24, 8, 8)


@pytest.mark.parametrize("missing", ["zero_tensor", "template_embedding"])
def test_a_row_does_not_depend_on_which_others_have_a_sentence(small_space, pictures, sentences, path, missing) -> None:
    net = _net(small_space(), missing=missing)
    images, boxes = pictures(4, 32), torch.tensor([[8.0, 8, 24, 24], [4, 6, 20, 30], [1, 1, 9, 9], [0, 0, 32, 32]])

    def run(present: list[bool]) -> tuple[Tensor, ...]:
        with torch.no_grad():
            out = net.branch("template", images, path, language=sentences(present), boxes=boxes)
        return *out.features, *out.tokens

    told, mixed, silent = run([True] * 4), run([True, False, True, False]), run([False] * 4)
    for all_, some, none in zip(told, mixed, silent, strict=True):
        torch.testing.assert_close(some[[0, 2]], all_[[0, 2]])
        torch.testing.assert_close(some[[1, 3]], none[[1, 3]])
    assert (mixed[-1][[1, 3]] == 0).all() == (missing == "zero_tensor")


def test_rows_without_sentence_stay_out_of_the_token_statistics(small_space, pictures, sentences, path) -> None:
    net = _net(small_space()).train()
    language = sentences([True, False, True, True])
    out = net.branch("template", pictures(4, 32), path, language=language)
    rows = language.embedding[language.present]
    linear = net.network("template").mixer2.project.linear(rows)
    expected = (linear - linear.mean(0)) / torch.sqrt(linear.var(0, correction=0) + 1e-5)
    torch.testing.assert_close(out.tokens[1][language.present], expected)
    assert (out.tokens[1][1] == 0).all()


def _trained_norms(net: Supernet) -> Supernet:
    """Give the language projections scales, offsets and statistics that are not those of the start."""
    generator = torch.Generator().manual_seed(4)
    for name, tensor in net.state_dict().items():
        if ".project.norm." in name:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return net


@pytest.mark.parametrize("norm", [True, False])
def test_a_zero_embedding_is_projected_as_any_other(small_space, pictures, sentences, path, norm) -> None:
    net = _trained_norms(_net(small_space(), missing="zero_embedding", token_norm=norm))
    given, images = sentences([True, False]), pictures(2, 32)
    given.embedding[1] = math.nan  # what a row without a sentence holds is not looked at
    with torch.no_grad():
        told = net.branch("template", images, path, language=given)
        silent = net.branch("template", images, path, language=None)
        none = net.branch("template", images, path, language=sentences([False, False]))
    for number, token in enumerate(told.tokens, start=1):
        project = net.network("template").get_submodule(f"mixer{number}.project")
        torch.testing.assert_close(token[1:], project(torch.zeros(1, 12), "template"))
        assert (token[1] == 0).all() == (not norm)
    for one, other, same in zip(
        told.features + told.tokens, silent.features + silent.tokens, none.features + none.tokens, strict=True
    ):
        torch.testing.assert_close(one[1], other[1])
        assert torch.equal(other, same)


def test_zero_embeddings_enter_the_token_statistics(small_space, pictures, sentences, path) -> None:
    net = _net(small_space(), missing="zero_embedding").train()
    language = sentences([True, False, True, True])
    out = net.branch("template", pictures(4, 32), path, language=language)
    linear = net.network("template").mixer2.project.linear(language.embedding)
    assert (linear[1] == 0).all()
    expected = (linear - linear.mean(0)) / torch.sqrt(linear.var(0, correction=0) + 1e-5)
    torch.testing.assert_close(out.tokens[1], expected)


def test_the_search_branch_projects_its_own_zero_embedding(small_space, pictures, sentences, path) -> None:
    net = _trained_norms(_net(small_space(), missing="zero_embedding"))
    handed = (torch.zeros(1, 16), torch.zeros(1, 24))
    x = net.branch("search", pictures(1, 64), path, language=None, tokens=handed)
    torch.testing.assert_close(x.tokens[0], net.network("search").mixer1.project(torch.zeros(1, 12), "search"))


def test_one_sentence_in_a_training_batch_stays_finite(small_space, pictures, sentences, path) -> None:
    net = _net(small_space()).train()
    out = net.branch("template", pictures(2, 32), path, language=sentences([True, False]))
    sum(feature.square().mean() for feature in out.features).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_no_language_at_all_is_no_sentence_in_any_row(small_space, pictures, sentences, path) -> None:
    net = _net(small_space())
    with torch.no_grad():
        one = net.branch("search", pictures(2, 64), path, language=None)
        other = net.branch("search", pictures(2, 64), path, language=sentences([False, False]))
    assert all(torch.equal(a, b) for a, b in zip(one.features, other.features, strict=True))


def test_search_uses_the_templates_tokens_where_a_sentence_is_missing(small_space, pictures, sentences, path) -> None:
    net = _net(small_space(), missing="template_embedding")
    boxes, language = torch.tensor([[8.0, 8, 24, 24]]).repeat(2, 1), sentences([True, False])
    z = net.branch("template", pictures(2, 32), path, language=language, boxes=boxes)
    x = net.branch("search", pictures(2, 64), path, language=language, tokens=z.tokens)
    for a, b in zip(z.tokens, x.tokens, strict=True):
        torch.testing.assert_close(a, b)
    with pytest.raises(ValueError, match="a row has no sentence"):
        net.branch("search", pictures(2, 64), path, language=language)


def test_token_norm_switch(small_space, pictures, sentences, path) -> None:
    net = _net(small_space(), token_norm=False).train()
    language = sentences([True, True])
    out = net.branch("template", pictures(2, 32), path, language=language)
    torch.testing.assert_close(out.tokens[0], net.network("template").mixer1.project.linear(language.embedding))


def test_template_embedding_scale_is_that_of_the_stage(small_space) -> None:
    space = load_space("vlt_asymmetric")
    assert [s.stride for s in space.branch("template").stages] == [2, 2, 1, 1]
    small = _net(small_space(), missing="template_embedding").network("template")
    assert [small.mixer1.template_embedding.scale, small.mixer2.template_embedding.scale] == [1 / 4, 1 / 4]
    public = _net(small_space(), missing="template_embedding", roi_scale=0.125).network("template")
    assert public.mixer1.template_embedding.scale == 0.125


def _roi_by_loops(feature: np.ndarray, box: np.ndarray, scale: float, bins: int = 3) -> np.ndarray:
    """RoIAlign sample by sample, as its definition goes."""
    channels, height, width = feature.shape
    x1, y1, x2, y2 = box * scale
    step_x, step_y = max(x2 - x1, 1.0) / bins, max(y2 - y1, 1.0) / bins
    nx, ny = math.ceil(step_x), math.ceil(step_y)
    out = np.zeros((channels, bins, bins))
    for p in range(bins):
        for q in range(bins):
            for i in range(ny):
                for j in range(nx):
                    y, x = y1 + p * step_y + (i + 0.5) * step_y / ny, x1 + q * step_x + (j + 0.5) * step_x / nx
                    if y < -1 or y > height or x < -1 or x > width:
                        continue
                    y, x = min(max(y, 0.0), height - 1), min(max(x, 0.0), width - 1)
                    top, left = min(int(y), max(height - 2, 0)), min(int(x), max(width - 2, 0))
                    fy, fx = y - top, x - left
                    part = feature[:, top : top + 2, left : left + 2]
                    weight = np.outer([1 - fy, fy], [1 - fx, fx])
                    out[:, p, q] += (part * weight).sum((1, 2)) / (nx * ny)
    return out


def test_roi_align_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    feature = rng.standard_normal((6, 4, 12, 10))
    boxes = np.array(
        [
            [3, 5, 30, 41],
            [-20, -9, 15, 20],
            [60, 70, 110, 130],
            [10, 10, 10.5, 11],
            [0, 0, 80, 96],
            [-90, -90, -80, -80],
        ],
        dtype=np.float64,
    )
    got = roi_align(torch.from_numpy(feature), torch.from_numpy(boxes), 0.125).numpy()
    for n in range(len(boxes)):
        np.testing.assert_allclose(got[n], _roi_by_loops(feature[n], boxes[n], 0.125), atol=1e-12)
