"""Biases that tokens compute, and the dynamic bias, against numbers worked out in NumPy, in float64."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import ConfigError, Decoder, Encoder, XContinuousConfig, XContinuousModel, XEncoderConfig
from paddle_xformers.config.options import PositionOptions
from paddle_xformers.nn.attention.call import AttentionCall
from paddle_xformers.nn.attention.masks import Mask
from paddle_xformers.nn.attention.parts import Site, Step
from paddle_xformers.nn.attention.parts.contextual_positions import ContextualPositions
from paddle_xformers.nn.positions.dynamic import DynamicBias

from ..contracts.cases import build, logits, tokens
from ..contracts.subjects.subject import redraw_parameters

DRAW = np.random.default_rng(3)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def linear(layer, x):
    out = x @ layer.weight.numpy().astype("float64")
    return out if layer.bias is None else out + layer.bias.numpy()


def attention_of(causal=True, **values):
    """A model that is one attention layer without norms, and its attention."""
    size = {"dim": 12, "depth": 1, "heads": 2, "attn_dim_head": 4, "max_seq_len": 0}
    plain = {"custom_layers": ["a"], "norm": "identity", "position_embedding": "none"}
    model = XContinuousModel(XContinuousConfig(**size, **plain, causal=causal, **values))
    redraw_parameters(model)
    model.eval()
    return model, model.stack.layers[0].attn


def attended(attn, x, bias, causal=True):
    """What the model gives for (n, d), with a bias (h, n, n) on the scores."""
    n = len(x)
    q, k, v = (
        linear(layer, x).reshape(n, 2, 4).transpose(1, 0, 2) for layer in (attn.q_proj, attn.k_proj, attn.v_proj)
    )
    scores = q @ k.transpose(0, 2, 1) / 2 + bias
    if causal:
        scores = np.where(np.tri(n, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    merged = (weights @ v).transpose(1, 0, 2).reshape(n, 8)
    return x + linear(attn.o_proj, merged)


def run(model, x, **more):
    return model(paddle.to_tensor(x[None].astype("float32")), return_dict=True, **more).last_hidden_state.numpy()[0]


@pytest.mark.parametrize("causal", [True, False])
def test_forget_gates_add_up_from_key_to_query(causal):
    scale = {"data_dependent_alibi_post_log_scale": 0.5}
    model, attn = attention_of(causal, attn_data_dependent_alibi=True, **scale)
    x = DRAW.normal(size=(7, 12))
    gates = 0.5 * np.log(sigmoid(linear(attn.forgetting.proj, x) + attn.forgetting.bias.numpy()))  # (n, h or 2h)
    bias = np.zeros((2, 7, 7))
    for h in range(2):
        for i in range(7):
            for j in range(7):
                bias[h, i, j] = gates[j + 1 : i + 1, h].sum() if j <= i else 0
                if j > i and not causal:
                    bias[h, i, j] = gates[i + 1 : j + 1, 2 + h].sum()
    np.testing.assert_allclose(run(model, x), attended(attn, x, bias, causal), atol=1e-5)


def test_each_query_makes_its_own_forget_gates():
    fields = {"attn_data_dependent_alibi_per_row": True, "attn_data_dependent_alibi_per_row_dim_head": 3}
    model = build({"attn_data_dependent_alibi": True, "position_embedding": "none", **fields})
    attn = model.xdecoder.stack.layers[0].attn
    x = DRAW.normal(size=(6, 32))
    step_x = paddle.to_tensor(x[None].astype("float32"))
    q, k = (linear(layer, x).reshape(6, 4, 3) for layer in (attn.forgetting.q_proj, attn.forgetting.k_proj))
    bias = np.zeros((4, 6, 6))
    for h in range(4):
        for i in range(6):
            gate = np.log(sigmoid(k[:, h] @ q[i, h] / 3**0.5))
            for j in range(i):
                bias[h, i, j] = gate[j:i].sum()
    at = paddle.arange(6).unsqueeze(0)
    call = AttentionCall(Mask(None, None, False, simple=True, visible=None), q_positions=at, k_positions=at)
    step = Step(step_x, step_x, call)
    found = attn.forgetting.masked_scores(paddle.zeros([1, 4, 6, 6]), step).numpy()[0]
    np.testing.assert_allclose(found, bias, atol=1e-5)


def test_curves_of_distance():
    sizes = {"attn_rel_proj_num_distance_basis": 3, "attn_rel_proj_max_dist": 4}
    model, attn = attention_of(attn_use_rel_proj_pos_bias=True, **sizes)
    part = attn.relative_projection
    x = DRAW.normal(size=(7, 12))
    curves = linear(part.proj, x).reshape(7, 2, 3) @ part.curves.numpy()  # (n, h, 4)
    bias = np.zeros((2, 7, 7))
    places = np.array([0, 1, 2, 4, 5, 6, 9])
    for i in range(7):
        for j in range(i + 1):
            if places[i] - places[j] < 4:
                bias[:, i, j] = curves[i, :, places[i] - places[j]]
    found = run(model, x, position_ids=paddle.to_tensor(places))
    np.testing.assert_allclose(found, attended(attn, x, bias), atol=1e-5)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("mixed", [False, True])
def test_contextual_positions(soft, mixed):
    options = PositionOptions(
        attn_use_cope=True, attn_cope_max_pos=4, attn_cope_soft_onehot_pos=soft, attn_cope_talking_heads=mixed
    )
    part = ContextualPositions(Site(8, 8, build({}).config.stack_options().attention, position=options, causal=True))
    scores = DRAW.normal(size=(1, 4, 6, 6)) * 2
    hidden = np.triu(np.ones((6, 6), bool), 1)
    hidden[:, 1] = True  # a key that is padding
    seen = np.where(hidden, 0, scores)
    if mixed:
        seen = np.einsum("oh,bhnm->bonm", part.mix.numpy().astype("float64"), seen)
    gates = np.where(hidden, 0, sigmoid(seen))
    positions = np.minimum(gates[..., ::-1].cumsum(-1)[..., ::-1], 3)
    products = DRAW.normal(size=(1, 4, 6, 4))
    expected = np.zeros_like(scores)
    for at in np.ndindex(scores.shape):
        row, p = products[at[:3]], positions[at]
        if soft:
            weights = np.exp(-np.abs(p - np.arange(4)) / 0.05)
            expected[at] = row @ weights / weights.sum()
        else:
            expected[at] = np.interp(p, np.arange(4), row)
    call = AttentionCall(Mask(None, None, False, simple=True, visible=None))
    step = Step(paddle.zeros([1]), paddle.zeros([1]), call)
    step.kept["position_logits"] = paddle.to_tensor(products.astype("float32"))
    given = paddle.to_tensor(np.where(hidden, -1e30, scores).astype("float32"))
    found = part.masked_scores(given, step).numpy()
    np.testing.assert_allclose(found[..., ~hidden], (scores + expected)[..., ~hidden], atol=2e-5)
    assert (found[..., hidden] < -1e29).all()


@pytest.mark.parametrize("log_distance", [False, True])
def test_the_dynamic_bias_reads_distances_alone_or_from_a_table(log_distance):
    options = PositionOptions(
        position_bias="dynamic", dynamic_pos_bias_log_distance=log_distance, dynamic_pos_bias_dim=5
    )
    bias = DynamicBias(3, options, reach=10)
    redraw_parameters(bias)
    places = paddle.to_tensor([[0, 1, 2, 3, 9, 30]])
    whole = bias(places, places).numpy()  # more pairs than distances: a table
    last = bias(places[:, 4:5], places).numpy()  # fewer: each pair for itself
    np.testing.assert_allclose(whole[:, :, 4:5], last, atol=1e-6)
    far = np.clip(np.subtract.outer([0, 1, 2, 3, 9, 30], [0, 1, 2, 3, 9, 30]), -10, 10).astype("float64")
    x = np.sign(far) * np.log(np.abs(far) + 1) if log_distance else far
    x = x[..., None]
    for layer in bias.hidden:
        x = linear(layer.proj, x)
        x = x * sigmoid(x)
    np.testing.assert_allclose(whole[0], linear(bias.proj, x).transpose(2, 0, 1), atol=1e-5)


COMPUTED = {
    "forgetting": {"attn_data_dependent_alibi": True},
    "by row": {"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True},
    "curves": {"attn_use_rel_proj_pos_bias": True, "attn_rel_proj_max_dist": 9},
    "contextual": {"attn_use_cope": True, "attn_cope_max_pos": 5},
    "dynamic": {"position_bias": "dynamic"},
}


@pytest.mark.parametrize("name", COMPUTED)
def test_two_segments_with_mems_equal_one(name):
    """What is remembered takes part as what stands before does; x-transformers fails here, or is wrong."""
    values = {**COMPUTED[name], "depth": 1, "max_mem_len": 20, "position_embedding": "none"}
    model, ids = build(values), tokens(n=14)
    whole = logits(model, ids)
    mems = model(ids[:, :6], return_mems=True, return_dict=True).mems
    np.testing.assert_allclose(logits(model, ids[:, 6:], mems=mems), whole[:, 6:], atol=1e-5)


AROUND = (
    {"attn_num_mem_kv": 2, "attn_add_zero_kv": True},
    {"num_memory_tokens": 2, "attn_kv_heads": 2},
    {"max_attend_past": 4, "residual": "hyper", "num_residual_streams": 2},
    {"shift_tokens": 1, "cross_attend": True, "attn_dim_latent_kv": 6},
    {"attn_collab_heads": True, "attn_l2_distance": True, "weight_tie_layers": True},
    {"residual_attn": True, "attn_pre_talking_heads": True, "rotary_pos_emb": True},
)


@pytest.mark.parametrize("around", AROUND, ids=lambda values: "-".join(values))
@pytest.mark.parametrize("name", COMPUTED)
def test_decoding_after_a_padded_prompt_equals_one_pass(name, around):
    """A prompt padded on the right, then more tokens: the padding stays in the cache, and counts for nothing."""
    model = build({**COMPUTED[name], **around})
    ids = tokens(n=12)
    mask = paddle.ones([2, 12], dtype="int64")
    mask[1, 5:8] = 0
    whole = logits(model, ids, attention_mask=mask)
    found, cache, start = [], None, 0
    for size in (8, 1, 3):
        stop = start + size
        more = {} if model.config.cross_attend is False else {"encoder_hidden_states": paddle.ones([2, 6, 32])}
        output = model(
            ids[:, start:stop],
            attention_mask=mask[:, :stop],
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
            **more,
        )
        cache, start = output.past_key_values, stop
        found.append(output.logits.numpy())
        if more:
            whole = logits(model, ids, attention_mask=mask, **more)
    kept = mask.numpy().astype(bool)
    np.testing.assert_allclose(np.concatenate(found, 1)[kept], whole[kept], atol=1e-4)
    alone = paddle.to_tensor(ids.numpy()[1:, kept[1]])
    one = {name: value[1:] for name, value in more.items()}
    np.testing.assert_allclose(logits(model, alone, **one)[0], whole[1][kept[1]], atol=1e-4)


def test_bidirectional_models_have_no_causal_biases():
    by_row = {"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True}
    for fields in ({"attn_use_cope": True}, by_row, {"rotary_pos_emb": True, "rotary_xpos": True}):
        with pytest.raises(ConfigError, match=f"{list(fields)[-1]}=True tells .* and causal=False knows no order"):
            Encoder(dim=8, depth=1, **fields)
        with pytest.raises(ConfigError, match=f"{list(fields)[-1]}=True is a field of other families"):
            XEncoderConfig(**fields)
        Decoder(dim=8, depth=1, **fields)


def test_what_is_ahead_within_a_prefix_is_forgotten_too():
    model = build({"attn_data_dependent_alibi": True, "prefix_lm": True, "position_embedding": "none", "depth": 1})
    both = build({"attn_data_dependent_alibi": True, "position_embedding": "none", "depth": 1})
    gates = [m.xdecoder.stack.layers[0].attn.forgetting.bias.shape[0] for m in (model, both)]
    assert gates == [8, 4]
    ids = tokens(n=10)
    length = paddle.to_tensor([6, 6])
    whole = logits(model, ids, prefix_attn_len=length)
    first = model(ids[:, :6], prefix_attn_len=length, use_cache=True, return_dict=True)
    rest = logits(model, ids[:, 6:], past_key_values=first.past_key_values)
    np.testing.assert_allclose(np.concatenate([first.logits.numpy(), rest], 1), whole, atol=1e-4)
    bias = model.xdecoder.stack.layers[0].attn.forgetting.bias
    bias.set_value(bias.detach() + paddle.to_tensor([0.0] * 4 + [1.0] * 4))
    assert np.abs(logits(model, ids, prefix_attn_len=length) - whole)[:, :5].max() > 1e-4
