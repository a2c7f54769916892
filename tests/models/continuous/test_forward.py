"""One pass over vectors: padding, direction, cache, mems, context, and what is returned."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import XContinuousConfig, XContinuousModel
from paddle_xformers.nn.attention.cache import reserve

from .vectors import BUNDLES, CAUSAL, GAUSS, SMALL, build, inputs_of, padded, vectors

each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)
each_causal = pytest.mark.parametrize(
    "fields", [f for f in BUNDLES.values() if "causal" in f], ids=[name for name, f in BUNDLES.items() if "causal" in f]
)


def run(model, x, **kwargs):
    return model(x, return_dict=True, **kwargs)


@each_bundle
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("fill", [7.0, float("nan")], ids=["numbers", "nan"])
def test_a_padded_row_equals_the_row_alone(fields, side, fill):
    model = build(**fields)
    lengths, rows = [3, 7, 10], inputs_of(model, 3)
    batch, mask = padded(rows, lengths, side, fill)
    found = run(model, batch, attention_mask=mask).predictions.numpy()
    assert np.isfinite(found).all()
    for row, length in enumerate(lengths):
        alone = run(model, rows[row : row + 1, :length]).predictions.numpy()[0]
        np.testing.assert_allclose(found[row][mask[row].numpy() > 0], alone, atol=1e-5)


@each_bundle
def test_lens_are_a_mask(fields):
    model = build(**fields)
    batch, mask = padded(inputs_of(model), [4, 10], "right", float("nan"))
    labels = paddle.zeros([2, 10, model.config.width_out])
    for kind in ("int64", "int32"):
        found = run(model, batch, lens=paddle.to_tensor([4, 10], dtype=kind), labels=labels)
        expected = run(model, batch, attention_mask=mask, labels=labels)
        np.testing.assert_array_equal(found.predictions.numpy(), expected.predictions.numpy())
        assert float(found.loss) == float(expected.loss)
    base = model.xcontinuous(batch, lens=paddle.to_tensor([4, 10]), return_dict=True).last_hidden_state
    np.testing.assert_array_equal(base.numpy(), model.xcontinuous(batch, mask, return_dict=True)[0].numpy())


@each_bundle
def test_direction(fields):
    model = build(**fields)
    x = inputs_of(model)
    changed = x.clone()
    changed[:, 6:] += 1.0
    before = np.abs(run(model, x).predictions.numpy() - run(model, changed).predictions.numpy())[:, :6].max()
    assert before < 1e-5 if model.config.causal else before > 1e-3


@each_causal
@pytest.mark.parametrize("room", [False, True])
def test_pieces_with_a_cache_equal_one_pass(fields, room):
    model = build(**fields)
    batch, mask = padded(inputs_of(model), [7, 10], "left", float("nan"))
    whole = run(model, batch, attention_mask=mask)
    cache, start, found, variances = None, 0, [], []
    for size in (4, 1, 1, 3, 1):
        stop = start + size
        piece = run(model, batch[:, start:stop], attention_mask=mask[:, :stop], past_key_values=cache, use_cache=True)
        cache, start = piece.past_key_values, stop
        if room:
            cache = reserve(cache, model.xcontinuous.stack.steps)
        found.append(piece.predictions.numpy())
        variances.append(piece.variances)
    seen = mask.numpy() > 0
    np.testing.assert_allclose(np.concatenate(found, 1)[seen], whole.predictions.numpy()[seen], atol=1e-4)
    if model.config.probabilistic:
        np.testing.assert_allclose(paddle.concat(variances, 1).numpy()[seen], whole.variances.numpy()[seen], rtol=1e-3)


def test_mems_of_one_layer_equal_one_long_pass():
    model = build(causal=True, depth=1, max_mem_len=16, rotary_pos_emb=True)
    x = vectors()
    first = run(model, x[:, :4], return_mems=True)
    second = run(model, x[:, 4:], mems=first.mems, return_mems=True)
    np.testing.assert_allclose(second.predictions.numpy(), run(model, x).predictions.numpy()[:, 4:], atol=1e-4)
    assert second.mems[1].shape == [2, 10, 32]


def test_a_model_in_both_directions_takes_mems_as_well():
    model = build(max_mem_len=16, position_bias="alibi")
    x = vectors()
    second = run(model, x[:, 4:], mems=run(model, x[:, :4], return_mems=True).mems)
    assert np.abs(second.predictions.numpy() - run(model, x[:, 4:]).predictions.numpy()).max() > 1e-3


def test_context():
    model = build(cross_attend=True, only_cross=True, cross_attn_dim_context=20)
    x, context = vectors(), vectors(n=5, width=20)
    mask = paddle.to_tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    found = run(model, x, encoder_hidden_states=context, encoder_attention_mask=mask).predictions.numpy()
    alone = run(model, x[:1], encoder_hidden_states=context[:1, :3]).predictions.numpy()
    np.testing.assert_allclose(found[:1], alone, atol=1e-5)
    changed = run(model, x, encoder_hidden_states=context * 2, encoder_attention_mask=mask).predictions.numpy()
    assert np.abs(found - changed).max() > 1e-3


def test_position_ids():
    model = build()
    x = vectors()
    np.testing.assert_array_equal(run(model, x, position_ids=paddle.arange(10)).predictions, run(model, x).predictions)
    moved = run(model, x, position_ids=paddle.arange(3, 13)).predictions.numpy()
    assert np.abs(moved - run(model, x).predictions.numpy()).max() > 1e-3
    free = build(max_seq_len=0)
    assert free.xcontinuous.embeddings.position_embeddings is None
    assert run(free, vectors(n=50)).predictions.shape == [2, 50, 6]


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_vectors_of_another_precision(dtype):
    model = build()
    x = vectors().astype(dtype)
    found = run(model, x, labels=x).predictions
    assert found.dtype == paddle.float32
    np.testing.assert_allclose(found.numpy(), run(model, x.astype("float32")).predictions.numpy(), atol=1e-6)


def test_nan_at_a_place_that_counts_is_not_hidden():
    """It spreads over its row (nan times a weight of zero is nan) and no further."""
    x = vectors()
    x[0, 3, 0] = float("nan")
    found = run(build(causal=True), x).predictions.numpy()
    assert np.isnan(found[0, 3:]).all() and np.isfinite(found[1]).all()


def test_what_is_returned():
    model, x = build(**CAUSAL), vectors()
    assert isinstance(model(x), paddle.Tensor) and model(x).shape == [2, 10, 6]
    loss, predictions = model(x, labels=x)
    assert loss.shape == [] and predictions.shape == [2, 10, 6]
    means, variances = build(**CAUSAL, **GAUSS)(x)
    assert means.shape == variances.shape == [2, 10, 6] and float(variances.min()) > 0
    output = run(model, x, output_hidden_states=True, output_attentions=True, use_cache=True)
    assert len(output.hidden_states) == 3 and output.hidden_states[0].shape == [2, 10, 32]
    assert len(output.attentions) == 2 and output.attentions[0].shape == [2, 4, 10, 10]
    np.testing.assert_array_equal(model.head.mean(output.hidden_states[-1]).numpy(), output.predictions.numpy())


def test_a_model_without_projections_is_a_bare_stack():
    model = XContinuousModel(XContinuousConfig(**{**SMALL, "dim_in": None, "max_seq_len": None}))
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == {"stack"}
    x = vectors(width=32)
    expected = model.stack(x, paddle.arange(10).unsqueeze(0), _plain_call()).hidden
    np.testing.assert_array_equal(model(x)[0].numpy(), expected.numpy())


def _plain_call():
    from paddle_xformers.nn.calls import StackCall

    return StackCall()


@each_bundle
def test_gradients_reach_everything_with_and_without_recompute(fields):
    gradients = []
    for on in (False, True):
        model = build(**fields)
        model.train()
        if on:
            model.recompute_enable()
        x = inputs_of(model)
        x.stop_gradient = False
        run(model, x, labels=paddle.zeros([2, 10, model.config.width_out])).loss.backward()
        gradients.append({"inputs": x.grad, **{name: p.grad for name, p in model.named_parameters()}})
    for name, gradient in gradients[0].items():
        assert gradient is not None and 0 < np.abs(gradient.numpy()).max() < np.inf, name
        np.testing.assert_allclose(gradients[1][name].numpy(), gradient.numpy(), atol=1e-5, err_msg=name)


@each_bundle
def test_forward_never_waits_for_the_device(fields, monkeypatch):
    model = build(**fields)
    x = inputs_of(model)
    lens, labels = paddle.to_tensor([4, 10]), paddle.zeros([2, 10, model.config.width_out])
    run(model, x, lens=lens, labels=labels)  # whatever is made once is made

    def refuse(*_args, **_kwargs):
        raise AssertionError("a tensor was read on the host during forward")

    with monkeypatch.context() as patch:
        for name in ("item", "numpy", "tolist", "__bool__", "__int__", "__float__", "__array__"):
            patch.setattr(paddle.Tensor, name, refuse)
        run(model, x, lens=lens, labels=labels)
