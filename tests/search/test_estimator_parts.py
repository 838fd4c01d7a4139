"""Parts of the estimator against dense computations: items, kernels, restricted likelihood, predictions."""

from __future__ import annotations

import numpy as np
import pytest
from planted_worths import distinct
from scipy.linalg import null_space

from asymnas.core.seeding import rng_for
from asymnas.search._items import additive_fit, kinship_noise, shared_errors
from asymnas.search._kernels import GeneKernels
from asymnas.search._restricted import RestrictedLikelihood, Told
from asymnas.space import load_space


@pytest.fixture(scope="module")
def space():
    return load_space("tiny_asymmetric")


def test_an_uneven_table_is_fitted_as_dummy_variables_do():
    rng = rng_for(0, "uneven")
    truth = rng.standard_normal(12)
    table = truth[:, None] + 30 * rng.standard_normal(40) + 0.1 * rng.standard_normal((12, 40))
    for row in range(8):
        table[row, 10 + 3 * row :] = np.nan
    fit = additive_fit(table)
    rows, columns = np.nonzero(~np.isnan(table))
    design = np.hstack([np.eye(12)[rows], np.eye(40)[columns]])
    solved = np.linalg.lstsq(design, table[rows, columns], rcond=None)[0]
    left = table[rows, columns] - design @ solved
    np.testing.assert_allclose(fit.means, solved[:12] + solved[12:].mean(), atol=1e-3)
    np.testing.assert_allclose(fit.items, solved[12:] - solved[12:].mean(), atol=1e-3)
    assert fit.noise**2 == pytest.approx(left @ left / (len(rows) - 12 - 40 + 1), rel=1e-3)


def test_an_even_table_has_means_with_independent_errors():
    table = rng_for(1, "even").standard_normal((9, 25)) + np.arange(25)
    fit = additive_fit(table)
    np.testing.assert_allclose(fit.means, table.mean(1), atol=1e-9)
    np.testing.assert_allclose(fit.covariance, np.eye(9) * fit.noise**2 / 25, atol=1e-9)


def test_measures_on_the_same_items_share_errors():
    """The covariance of two measures' errors is that of many draws; items and architectures are partly the same."""
    rng = rng_for(2, "shared")
    here, there = rng.random((6, 30)) < 0.7, rng.random((5, 24)) < 0.7  # rows 2.. and columns 10.. are the others' 0..
    here[:, 10:13] = there[:, :3] = True
    rows, columns = (np.arange(2, 6), np.arange(4)), (np.arange(10, 30), np.arange(20))
    errors, expected = [], []
    for _ in range(600):
        noise = rng.standard_normal((6, 30))
        other = rng.standard_normal((5, 24))
        other[np.ix_(rows[1], columns[1])] *= 0.6
        other[np.ix_(rows[1], columns[1])] += 0.8 * noise[np.ix_(rows[0], columns[0])]
        one, two = additive_fit(np.where(here, noise, np.nan)), additive_fit(np.where(there, other, np.nan))
        errors.append(np.outer(one.means, two.means))
        expected.append(shared_errors(one, two, rows, columns))
    errors, expected = np.array(errors), np.mean(expected, 0)
    doubt = errors.std(0) / np.sqrt(len(errors))
    assert (np.abs(errors.mean(0) - expected) < 4 * doubt + 0.002).all()
    assert expected[2, 0] > 5 * doubt[2, 0]


def test_kernels_have_variance_one_over_the_space(space):
    kernels = GeneKernels(space)
    coded = kernels.encode([space.sample(rng_for(n, "kernel")) for n in range(400)])
    stack = kernels.stack(coded, coded)
    assert kernels.labels[-3:] == ["common", "interactions", "residual"] and len(stack) == len(kernels.labels)
    np.testing.assert_allclose(stack.diagonal(axis1=1, axis2=2).mean(1), 1.0, atol=0.05)
    assert np.linalg.eigvalsh(stack.sum(0)).min() > 0
    np.testing.assert_allclose(
        kernels.combined(coded, coded, np.arange(len(stack))), np.tensordot(np.arange(7), stack, 1), atol=1e-12
    )


@pytest.mark.parametrize("missing", [False, True])
def test_relatives_that_err_alike_have_the_errors_of_many_draws(missing):
    """Close relatives share most of the noise of an item; what is left decides how their means differ."""
    rng = rng_for(3, "relatives")
    ops = np.sqrt(0.7) * rng.standard_normal(12) + np.sqrt(0.3) * rng.standard_normal((24, 12))
    kernel = ops @ ops.T / np.sqrt(np.outer(*[(ops**2).sum(1)] * 2))
    root = np.linalg.cholesky(0.7 * kernel + 0.3 * np.eye(24))
    centre = np.eye(24) - 1 / 24
    errors, expected, shares = [], [], []
    for _ in range(200):
        table = rng.standard_normal(30) + root @ rng.standard_normal((24, 30))
        if missing:
            table[12:, 20:] = np.nan
        fit = additive_fit(table)
        share, covariance = kinship_noise(fit, kernel[None])
        errors.append(centre @ fit.means)
        expected.append(centre @ covariance @ centre)
        shares.append(share)
    found, told = np.cov(np.array(errors).T), np.mean(expected, 0)
    assert np.mean(shares) == pytest.approx(0.7, abs=0.05)
    assert np.trace(told) == pytest.approx(np.trace(found), rel=0.1)
    assert np.corrcoef(found.ravel(), told.ravel())[0, 1] > 0.9


@pytest.fixture
def likelihood(space):
    rng = rng_for(2, "likelihood")
    kernels = GeneKernels(space)
    coded = kernels.encode(distinct(space, 2, 14))
    stack = kernels.stack(coded, coded)
    archs = np.concatenate([np.arange(8), np.arange(4, 14), np.arange(5)])
    noise = rng.standard_normal((23, 23))
    told = Told(
        rng.standard_normal(23),
        noise @ noise.T / 100,
        np.repeat([0, 1, 2], [8, 10, 5]),
        archs,
        stack,
        stack[:5].mean(0),
    )
    return RestrictedLikelihood(told, np.full(7, 0.1))


def dense(likelihood, theta):
    told, (variances, others) = likelihood.told, likelihood.split(theta)
    loading = np.array([1.0, *others[:, 0]])[told.measure]
    total = np.tensordot(variances, told.kernels, 1)[np.ix_(told.architecture, told.architecture)] * np.outer(
        loading, loading
    )
    total += told.noise
    for number, (_, shared, single) in enumerate(others, 1):
        mine = told.measure == number
        part = shared * told.own[np.ix_(told.architecture, told.architecture)] + single * np.eye(len(mine))
        total += part * np.outer(mine, mine)
    return loading, total


def test_the_likelihood_is_that_of_contrasts(likelihood):
    """Restricted likelihood is the likelihood of all contrasts that no level enters, up to a constant."""
    told = likelihood.told
    contrasts = null_space((told.measure[:, None] == np.arange(3)).astype(float).T)
    gaps = []
    for seed in range(4):
        theta = likelihood.prior + 0.5 * rng_for(seed, "theta").standard_normal(len(likelihood.prior))
        _, total = dense(likelihood, theta)
        inner, seen = contrasts.T @ total @ contrasts, contrasts.T @ told.values
        plain = -0.5 * (np.linalg.slogdet(inner)[1] + seen @ np.linalg.solve(inner, seen))
        gaps.append(likelihood._factors(theta)[0] - plain)
    assert np.ptp(gaps) < 1e-8


def test_the_gradient_is_that_of_the_value(likelihood):
    theta = likelihood.prior + 0.5 * rng_for(5, "theta").standard_normal(len(likelihood.prior))
    value, gradient = likelihood.with_gradient(theta)
    steps = 1e-5 * np.eye(len(theta))
    numeric = [(likelihood.value(theta - h) - likelihood.value(theta + h)) / 2e-5 for h in steps]
    assert value == pytest.approx(-likelihood.value(theta))
    np.testing.assert_allclose(gradient, numeric, atol=1e-6)


def test_predictions_are_those_of_a_dense_normal_model(space, likelihood):
    """Levels with a prior of variance 1e5 are as good as flat."""
    told, theta = likelihood.told, likelihood.prior
    solved, (loading, total) = likelihood.solved(theta), dense(likelihood, theta)
    total = total + 1e5 * (told.measure[:, None] == told.measure)
    k = np.tensordot(solved.variances, told.kernels, 1)
    cross = k[:, told.architecture] * loading + 1e5 * (told.measure == 0)
    mean = cross @ np.linalg.solve(total, told.values)
    covariance = k + 1e5 - cross @ np.linalg.solve(total, cross.T)
    tilt = k @ solved.tilt
    np.testing.assert_allclose(solved.level + k @ solved.weights, mean, atol=1e-3)
    ours = k + solved.doubt - tilt[:, None] - tilt - k @ solved.gain @ k
    np.testing.assert_allclose(ours, covariance, atol=1e-3)
