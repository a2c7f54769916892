"""Masks of all dialects: 2, 3 or 4 axes; bool, int or float; with and without a cache."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ..contracts.cases import CONTEXT_LENGTH, build, extras, tokens

# Positions that do not depend on where the padding stands, so that masks of 2 and of 4 axes mean the same.
FIELDS = {"rotary": {"rotary_pos_emb": True}, "t5": {"position_bias": "t5"}}
EVERY = {"t5": FIELDS["t5"], "memory": {"rotary_pos_emb": True, "num_memory_tokens": 2}}
N, PADS = 14, 4


def keep() -> np.ndarray:
    """(2, N): the first row starts with padding."""
    mask = np.ones([2, N], dtype=bool)
    mask[0, :PADS] = False
    return mask


def additive(mask: np.ndarray, low: float) -> np.ndarray:
    return np.where(mask, 0.0, low).astype("float32")


DIALECTS = {
    "bool": lambda m: m,
    "int64": lambda m: m.astype("int64"),
    "int32": lambda m: m.astype("int32"),
    "int8": lambda m: m.astype("int8"),
    "uint8": lambda m: m.astype("uint8"),
    "int with negatives": lambda m: np.where(m, 1, -1_000_000),
    "int above one": lambda m: np.where(m, 7, 0),
    "float -1e4": lambda m: additive(m, -1e4),
    "float -1e6": lambda m: additive(m, -1e6),
    "float lowest": lambda m: additive(m, np.finfo("float32").min),
    "float64": lambda m: additive(m, -1e9).astype("float64"),
    "float -inf": lambda m: additive(m, -np.inf),
}
LOWER = np.tril(np.ones([N, N], dtype=bool))
SHAPES = {
    "2-D": lambda m: m,
    "3-D": lambda m: np.broadcast_to(m[:, None, :], [2, N, N]),
    "3-D with causality": lambda m: m[:, None, :] & LOWER,
    "4-D (b, 1, 1, n)": lambda m: m[:, None, None, :],
    "4-D (b, 1, n, n)": lambda m: np.broadcast_to(m[:, None, None, :], [2, 1, N, N]),
    "4-D with causality": lambda m: m[:, None, None, :] & LOWER,
    "4-D (b, h, n, n)": lambda m: np.broadcast_to(m[:, None, None, :], [2, 4, N, N]),
}


def tensor(array: np.ndarray) -> paddle.Tensor:
    return paddle.to_tensor(np.ascontiguousarray(array))


def seen(logits: paddle.Tensor) -> np.ndarray:
    """The logits of all tokens that are no padding."""
    return logits.numpy()[keep()]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("fields", EVERY.values(), ids=EVERY)
def test_masks_that_mean_the_same_give_the_same(fields, shape, dialect):
    model, ids = build(fields), tokens()
    places = tensor((keep().cumsum(-1) - 1).clip(0))
    expected = seen(model(ids, attention_mask=tensor(keep().astype("int64"))))
    found = model(ids, attention_mask=tensor(dialect(shape(keep()))), position_ids=places)
    np.testing.assert_allclose(seen(found), expected, atol=1e-5)
    assert np.isfinite(found.numpy()).all()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
def test_the_place_of_padding_does_not_matter(fields, dialect):
    """Relative positions: without position_ids a mask of 4 axes counts columns, which shifts all alike."""
    model, ids = build(fields), tokens()
    expected = seen(model(ids, attention_mask=tensor(keep())))
    found = model(ids, attention_mask=tensor(dialect(SHAPES["4-D (b, 1, 1, n)"](keep()))))
    np.testing.assert_allclose(seen(found), expected, atol=1e-4)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_mask_that_hides_nothing_is_no_mask(shape, dialect):
    model, ids = build({}), tokens()
    everything = tensor(dialect(shape(np.ones([2, N], dtype=bool))))
    np.testing.assert_allclose(model(ids, attention_mask=everything).numpy(), model(ids).numpy(), atol=1e-5)


@pytest.mark.parametrize("shape", [[1, 1, N, N], [1, 4, N, N], [1, 1, 1, N], [1, N, N]], ids=str)
def test_a_mask_for_all_rows(shape):
    model, ids = build({"rotary_pos_emb": True}), tokens()
    hidden = np.ones([N], dtype=bool)
    hidden[2] = False
    mask = np.broadcast_to(hidden, shape)
    each = np.broadcast_to(hidden, [2, *shape[1:]])
    found = model(ids, attention_mask=tensor(mask)).numpy()
    np.testing.assert_allclose(found, model(ids, attention_mask=tensor(each)).numpy(), atol=1e-6)
    assert np.abs(found - model(ids).numpy()).max() > 1e-3


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_masks_with_a_cache(dialect):
    model, ids = build({"rotary_pos_emb": True}), tokens()
    expected = seen(model(ids, attention_mask=tensor(keep())))[-5:]
    first = dialect(keep()[:, :9])
    cache = model(ids[:, :9], attention_mask=tensor(first), use_cache=True)[1]
    full = keep()
    for given in (full, np.broadcast_to(full[:, None, None], [2, 1, 5, N]), full[:, None, None]):
        found = model(ids[:, 9:], past_key_values=cache, attention_mask=tensor(dialect(given)))
        np.testing.assert_allclose(found[1].numpy(), expected, atol=1e-4)
        np.testing.assert_allclose(found[0].numpy(), seen(model(ids, attention_mask=tensor(keep())))[5:10], atol=1e-4)
    without = model(ids[:, 9:], past_key_values=cache)
    np.testing.assert_allclose(without[1].numpy(), expected, atol=1e-4)


def test_a_soft_bias_on_keys_and_a_bias_for_each_head():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    rng = np.random.default_rng(0)
    soft = rng.normal(size=[2, N]).astype("float32")
    as_four = np.broadcast_to(soft[:, None, None], [2, 4, N, N])
    found = model(ids, attention_mask=tensor(soft)).numpy()
    np.testing.assert_allclose(found, model(ids, attention_mask=tensor(as_four)).numpy(), atol=1e-5)
    assert np.abs(found - model(ids).numpy()).max() > 1e-3
    heads = tensor(rng.normal(size=[2, 4, N, N]).astype("float32"))
    assert np.abs(model(ids, attention_mask=heads).numpy() - found).max() > 1e-3


def test_a_bias_may_learn():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    bias = paddle.zeros([1, 4, N, N])
    bias.stop_gradient = False
    model(ids, attention_mask=bias, labels=ids)[0].backward()
    assert float(bias.grad.abs().max()) > 0


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("memory", [0, 2])
def test_masks_over_the_context(memory, dialect):
    model = build({"cross_attend": True, "num_memory_tokens": memory})
    ids, context = tokens(), extras(model)["encoder_hidden_states"]
    mask = np.ones([2, CONTEXT_LENGTH], dtype=bool)
    mask[0, 3:] = False
    short = model(ids[:1], encoder_hidden_states=context[:1, :3]).numpy()
    shapes = [mask, mask[:, None, None], np.broadcast_to(mask[:, None], [2, N, CONTEXT_LENGTH])]
    for given in shapes:
        found = model(ids, encoder_hidden_states=context, encoder_attention_mask=tensor(dialect(given)))
        np.testing.assert_allclose(found[:1].numpy(), short, atol=1e-5)


def test_packed_rows_equal_rows_alone():
    """A block diagonal mask and positions that start anew: two texts in one row do not see each other."""
    model, ids = build({}), tokens()
    blocks = np.zeros([N, N], dtype=bool)
    blocks[:6, :6] = blocks[6:, 6:] = True
    places = tensor(np.r_[np.arange(6), np.arange(8)][None])
    packed = model(ids, attention_mask=tensor(blocks[None, None]), position_ids=places).numpy()
    np.testing.assert_allclose(packed[:, :6], model(ids[:, :6]).numpy(), atol=1e-5)
    np.testing.assert_allclose(packed[:, 6:], model(ids[:, 6:]).numpy(), atol=1e-5)
