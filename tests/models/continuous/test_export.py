"""Models over vectors as static graphs: traced, saved, loaded, and equal to the dynamic ones."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec

from ..test_export import exported
from .vectors import BUNDLES, CAUSAL, build, inputs_of, padded, vectors

each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


def spec(model, *more):
    return [InputSpec([None, None, model.config.width_in], "float32", "inputs"), *more]


@each_bundle
def test_vectors_alone_of_any_batch_and_length(tmp_path, fields):
    model = build(**fields)
    static = exported(build(**fields), spec(model), tmp_path)
    for b, n in ((2, 10), (1, 1), (3, 32)):
        x = inputs_of(model, b, n)
        found = static(x)
        found = found if isinstance(found, (list, tuple)) else [found]
        expected = model(x, return_dict=True)
        np.testing.assert_allclose(found[0].numpy(), expected.predictions.numpy(), atol=1e-5)
        if model.config.probabilistic:
            np.testing.assert_allclose(found[1].numpy(), expected.variances.numpy(), rtol=1e-4)


@pytest.mark.parametrize("name", ["both ways", "rotary", "memory tokens"])
def test_vectors_and_mask_or_lens(tmp_path, name):
    model = build(**BUNDLES[name])
    mask_spec = InputSpec([None, None], "int64", "attention_mask")
    with_mask = exported(build(**BUNDLES[name]), spec(model, mask_spec), tmp_path / "mask")
    lens_spec = InputSpec([None], "int64", "lens")
    with_lens = exported(build(**BUNDLES[name]), spec(model, None, None, lens_spec), tmp_path / "lens")
    for n in (10, 7):
        x, mask = padded(vectors(2, n), [4, n], "right", float("nan"))
        keep = mask.numpy() > 0
        expected = model(x, attention_mask=mask).numpy()[keep]
        np.testing.assert_allclose(with_mask(x, mask).numpy()[keep], expected, atol=1e-5)
        np.testing.assert_allclose(with_lens(x, mask.sum(axis=1)).numpy()[keep], expected, atol=1e-5)


def test_cached_decoding(tmp_path):
    fields = {**CAUSAL, "use_cache": True, "rotary_pos_emb": True}
    model, x = build(**fields), vectors()
    first = exported(build(**fields), spec(model), tmp_path)
    found = first(x[:, :9])
    whole = model(x, return_dict=True).predictions.numpy()
    np.testing.assert_allclose(found[0].numpy(), whole[:, :9], atol=1e-5)
    cache = paddle.utils.pack_sequence_as(model(x[:, :9])[1], list(found[1:]))
    np.testing.assert_allclose(model(x[:, 9:], past_key_values=cache)[0].numpy(), whole[:, 9:], atol=1e-5)


def test_a_traced_model_trains():
    found = []
    for traced in (False, True):
        model = build(**CAUSAL, probabilistic=True, depth=1)
        model.train()
        loss = (paddle.jit.to_static(model, full_graph=True) if traced else model)(vectors(), labels=vectors())[0]
        loss.backward()
        found.append((float(loss), model.head.mean.weight.grad.numpy()))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-5)
    np.testing.assert_allclose(found[1][1], found[0][1], atol=1e-5)
