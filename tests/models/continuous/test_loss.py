"""The loss against its definition in float64: which places and numbers count, and how much."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.regression import LEAST_VARIANCE, gaussian_nll

from .vectors import CAUSAL, GAUSS, build, padded, vectors


def of_numbers(fields, means, variances, labels):
    """Loss of single numbers, from the definitions."""
    if fields.get("probabilistic"):
        return 0.5 * (np.log(variances) + (labels - means) ** 2 / variances)
    return np.abs(means - labels) if fields.get("regression_loss") == "l1" else (means - labels) ** 2


def expected_loss(fields, output, labels, lengths):
    """Row by row: the places of right-padded rows, next or same, and no number whose label is nan."""
    means = output.predictions.numpy().astype("float64")
    variances = np.ones_like(means) if output.variances is None else output.variances.numpy().astype("float64")
    shift = int(fields.get("regression_target", "next" if fields.get("causal") else "same") == "next")
    rows = []
    for row, length in enumerate(lengths):
        here = slice(0, length - shift)
        losses = of_numbers(fields, means[row, here], variances[row, here], labels[row, shift:length])
        rows.append(losses[~np.isnan(losses)])
    if fields.get("equal_loss_weight_batch"):
        return np.mean([losses.mean() for losses in rows if losses.size])
    return np.concatenate(rows).mean()


KINDS = {
    "same": {},
    "next": CAUSAL,
    "same, though causal": {**CAUSAL, "regression_target": "same"},
    "next, said so": {**CAUSAL, "regression_target": "next"},
    "absolute": {"regression_loss": "l1"},
    "rows alike": {"equal_loss_weight_batch": True},
    "rows alike, next": {**CAUSAL, "equal_loss_weight_batch": True, "regression_loss": "l1"},
    "Gaussian": GAUSS,
    "Gaussian, next": {**GAUSS, **CAUSAL},
}
each_kind = pytest.mark.parametrize("fields", KINDS.values(), ids=KINDS)


@each_kind
@pytest.mark.parametrize("holes", [False, True], ids=["", "holes"])
def test_the_loss_is_that_of_the_definition(fields, holes):
    model, labels = build(**fields), vectors(seed=4).numpy()
    lengths = [4, 10]
    if holes:
        labels[0, 2, 1] = labels[1, 5] = labels[1, 0, 0] = np.nan
    labels[0, 4:] = np.nan  # at padding, where it does not matter
    x, mask = padded(vectors(), lengths, "right", float("nan"))
    for given in (mask, mask.astype("bool"), (mask.astype("float32") - 1) * 1e4):
        output = model(x, attention_mask=given, labels=paddle.to_tensor(labels), return_dict=True)
        assert float(output.loss) == pytest.approx(expected_loss(fields, output, labels, lengths), rel=1e-5)


@each_kind
def test_without_a_mask_every_place_counts(fields):
    model, labels = build(**fields), vectors(seed=4)
    output = model(vectors(), labels=labels, return_dict=True)
    assert float(output.loss) == pytest.approx(expected_loss(fields, output, labels.numpy(), [10, 10]), rel=1e-5)


@each_kind
def test_left_padding_gives_the_loss_of_right_padding(fields):
    model = build(**fields)
    losses = []
    for side in ("left", "right"):
        x, mask = padded(vectors(), [4, 10], side, float("nan"))
        labels, _ = padded(vectors(seed=4), [4, 10], side, 5.0)
        losses.append(float(model(x, attention_mask=mask, labels=labels, return_dict=True).loss))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@each_kind
def test_rows_without_a_label(fields):
    model, labels = build(**fields), vectors(seed=4)
    labels[0] = float("nan")
    loss = model(vectors(), labels=labels, return_dict=True).loss
    alone = model(vectors()[1:], labels=labels[1:], return_dict=True).loss
    assert float(loss) == pytest.approx(float(alone), rel=1e-5)
    nothing = model(vectors(), labels=labels * float("nan"), return_dict=True).loss
    assert float(nothing) == 0
    nothing.backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters() if p.grad is not None)


def test_one_vector_has_no_next_one():
    model = build(**CAUSAL)
    assert float(model(vectors(n=1), labels=vectors(n=1), return_dict=True).loss) == 0


def test_a_piece_beside_a_cache_has_its_own_loss():
    model, x = build(**CAUSAL), vectors()
    mask = paddle.ones([2, 10], dtype="int64")
    mask[0, 6:] = 0
    cache = model(x[:, :4], use_cache=True, return_dict=True).past_key_values
    found = model(x[:, 4:], attention_mask=mask, past_key_values=cache, labels=x[:, 4:], return_dict=True)
    part = expected_loss(CAUSAL, found, x[:, 4:].numpy(), [2, 6])
    assert float(found.loss) == pytest.approx(part, rel=1e-5)


def test_the_least_variance():
    log_variance = paddle.to_tensor([-40.0, np.log(LEAST_VARIANCE) + 1.0], stop_gradient=False)
    error = paddle.to_tensor([0.5, 0.5])
    losses = gaussian_nll(error, log_variance)
    variances = np.array([LEAST_VARIANCE, LEAST_VARIANCE * np.e])
    np.testing.assert_allclose(losses.numpy(), 0.5 * (np.log(variances) + 0.25 / variances), rtol=1e-5)
    losses.sum().backward()
    assert float(log_variance.grad[0]) < -1e4, "a variance that is too small still learns to grow"


@pytest.mark.parametrize("field", ["regression_loss", "regression_target", "equal_loss_weight_batch"])
def test_fields_of_the_loss_have_an_effect(field):
    value = {"regression_loss": "l1", "regression_target": "same", "equal_loss_weight_batch": True}[field]
    lens = paddle.to_tensor([3, 10])
    plain, other = (build(**CAUSAL, **more) for more in ({}, {field: value}))
    losses = [float(model(vectors(), lens=lens, labels=vectors(), return_dict=True).loss) for model in (plain, other)]
    assert abs(losses[0] - losses[1]) > 1e-4
