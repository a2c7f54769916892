"""What the old Paddle port had and x-transformers has not: against a decoder in float64 NumPy."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.calls import StackCall, share
from paddle_xformers.nn.positions.alibi import alibi_slopes

from ..contracts.cases import build, tokens
from .decoder_reference import Reference, below

N, SPLIT = 12, 5
TEMPERATURE = {"attn_qk_norm": True, "attn_qk_norm_learned_temperature": True}
ALIBI = {"position_bias": "alibi", "alibi_learned": True}
ROTARY = {"rotary_pos_emb": True, "rotary_layout": "half", "rotary_emb_dim": 6}
COLLABORATIVE = {"attn_collab_heads": True}

# Name -> our fields, and what the reference does.
IDEAS = {
    "learned temperature": (TEMPERATURE, Reference(temperature=True)),
    "the old port's query-key norm": (
        {"use_qk_norm_attn": True, "attn_num_mem_kv": 2, "attn_kv_heads": 2},
        Reference(temperature=True, attn_branch=True, memory_kv=2, kv_heads=2),
    ),
    "collaborative heads": (COLLABORATIVE, Reference(collaborative=True)),
    "collaborative heads, wide, grouped values": (
        {**COLLABORATIVE, "attn_collab_compression": 0.75, "attn_kv_heads": 2, "attn_num_mem_kv": 1},
        Reference(collaborative=True, kv_heads=2, memory_kv=1),
    ),
    "collaborative heads of a head's width": (
        {**COLLABORATIVE, "attn_collab_compression": 0.25},
        Reference(collaborative=True),
    ),
    "collaborative heads with a temperature": (
        {**COLLABORATIVE, **TEMPERATURE},
        Reference(collaborative=True, temperature=True),
    ),
    "collaborative heads, narrower than rotated values": (
        {**COLLABORATIVE, **ROTARY, "attn_collab_compression": 0.2, "rotary_values": True},
        Reference(collaborative=True, rotary=6, rotary_values=True, learned_positions=False),
    ),
    "collaborative heads, rotary": (
        {**COLLABORATIVE, **ROTARY},
        Reference(collaborative=True, rotary=6, learned_positions=False),
    ),
    "infused positions": ({"position_infused_attn": True}, Reference(infused=True, learned_positions=False)),
    "infused and learned positions": (
        {"position_infused_attn": True, "position_embedding": "learned", "attn_kv_heads": 1},
        Reference(infused=True, kv_heads=1),
    ),
    "rotated values": (
        {**ROTARY, "rotary_values": True, "attn_kv_heads": 2},
        Reference(rotary=6, rotary_values=True, kv_heads=2, learned_positions=False),
    ),
    "learned slopes": (ALIBI, Reference(alibi=4)),
    "learned slopes of some heads": (
        {**ALIBI, "alibi_num_heads": 3, "attn_num_mem_kv": 2},
        Reference(alibi=3, memory_kv=2),
    ),
}
each_idea = pytest.mark.parametrize(("fields", "reference"), IDEAS.values(), ids=IDEAS)
each_kernel = pytest.mark.parametrize("kernel", ["auto", "eager", "fused", "blockwise"])


def arrays(model) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def assert_rows(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, atol=2e-5 * max(1, np.abs(wanted).max()))


@each_idea
@each_kernel
def test_logits(fields, reference, kernel):
    model, ids = build({**fields, "attn_kernel": kernel}), tokens(n=N)
    found = model(ids).numpy()
    for row in range(2):
        assert_rows(found[row], reference.decode(arrays(model), ids[row].numpy())[0])


@each_idea
def test_the_attention_layer_alone(fields, reference):
    stack = build(fields).xdecoder.stack
    x = np.random.default_rng(3).normal(size=(2, N, 32))
    given, places = paddle.to_tensor(x, "float32"), paddle.arange(N).unsqueeze(0)
    call = share(
        given,
        places,
        StackCall(),
        stack.options,
        stack.steps,
        stack.turning,
        stack.position_bias,
        stack.sinusoid,
    ).calls["a"]
    found = stack.layers[2].attn(given, call).output.numpy()
    weights = {name: value.astype("float64") for name, value in arrays(stack).items()}
    own, slopes = below(weights, "layers.2.attn."), weights.get("position_bias.log_slopes")
    for row in range(2):
        wanted = reference.attend(x[row], x[row], np.arange(N), np.arange(N), own, slopes)
        np.testing.assert_allclose(found[row], wanted, atol=1e-5)


@each_idea
def test_decoding_with_a_cache(fields, reference):
    model, ids = build({**fields, "num_memory_tokens": 2}), tokens(n=N)
    parts, cache = [], None
    for start, stop in ((0, 4), (4, 5), (5, 6), (6, 9), (9, N)):
        output = model(ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True)
        parts.append(output.logits.numpy())
        cache = output.past_key_values
    found = np.concatenate(parts, axis=1)
    for row in range(2):
        assert_rows(found[row], reference.decode(arrays(model), ids[row].numpy())[0])


@each_idea
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("memory", [0, 2], ids=["", "memory tokens"])
def test_segments_with_mems_and_padding(fields, reference, side, memory):
    """Two segments; in the first a row has padding, which neither counts nor is remembered as a token."""
    model = build({**fields, "max_mem_len": 16, "num_memory_tokens": memory})
    lengths, ids = (3, SPLIT), tokens(n=N).numpy()
    first, mask = np.zeros([2, SPLIT], "int64"), np.zeros([2, SPLIT], "int64")
    for row, length in enumerate(lengths):
        where = slice(SPLIT - length, None) if side == "left" else slice(length)
        first[row, where], mask[row, where] = ids[row, :length], 1
    asked = {"return_mems": True, "return_dict": True}
    before = model(paddle.to_tensor(first), attention_mask=paddle.to_tensor(mask), **asked)
    after = model(paddle.to_tensor(ids[:, SPLIT:]), mems=before.mems, **asked)
    for row, length in enumerate(lengths):
        wanted, reads = reference.decode(arrays(model), ids[row, :length])
        assert_rows(before.logits.numpy()[row][mask[row] > 0], wanted)
        assert_rows(after.logits.numpy()[row], reference.decode(arrays(model), ids[row, SPLIT:], reads)[0])


@each_idea
@each_kernel
def test_gradients_of_what_is_learned(fields, reference, kernel):
    """Of a padded batch, against central differences of the reference; three entries of each parameter."""
    model, ids, lengths = build({**fields, "attn_kernel": kernel}), tokens(n=8), (5, 8)
    rng = np.random.default_rng(4)
    slope = rng.normal(size=(2, 8, 37))
    mask = np.arange(8) < np.array(lengths)[:, None]
    factors = paddle.to_tensor(slope * mask[..., None], "float32")
    (model(ids, attention_mask=paddle.to_tensor(mask)) * factors).sum().backward()
    weights = {name: value.astype("float64") for name, value in arrays(model).items()}

    def loss() -> float:
        rows = [reference.decode(weights, ids[row, :length].numpy())[0] for row, length in enumerate(lengths)]
        return sum((logits * slope[row, : len(logits)]).sum() for row, logits in enumerate(rows))

    learned = ("log_slopes", "log_temperature", "mixing", "1.attn.k_proj.weight", "0.attn.v_proj.weight")
    for name, parameter in model.named_parameters():
        if not name.endswith(learned):
            continue
        flat, gradient = weights[name].reshape(-1), parameter.grad.numpy().reshape(-1)
        for entry in rng.choice(flat.size, min(3, flat.size), replace=False):
            value, sides = flat[entry], []
            for step in (1e-5, -1e-5):
                flat[entry] = value + step
                sides.append(loss())
            flat[entry] = value
            wanted = (sides[0] - sides[1]) / 2e-5
            assert gradient[entry] == pytest.approx(wanted, rel=1e-3, abs=2e-4), name


@pytest.mark.parametrize("dim", [31, 32])
def test_infused_positions_of_odd_widths(dim):
    fields = {"position_infused_attn": True, "dim": dim}
    model, ids = build(fields), tokens(n=N)
    wanted = Reference(infused=True, learned_positions=False).decode(arrays(model), ids[0].numpy())[0]
    assert_rows(model(ids).numpy()[0], wanted)


def test_infused_positions_follow_position_ids():
    model, ids = build({"position_infused_attn": True}), tokens(n=N)
    moved = model(ids, position_ids=paddle.arange(N).unsqueeze(0) + 9).numpy()
    assert np.abs(moved - model(ids).numpy()).max() > 1e-3


def test_slopes_start_at_those_of_alibi():
    model = build({**ALIBI, "alibi_num_heads": 3}, redraw=False)
    plain = build({"position_bias": "alibi", "alibi_num_heads": 3}, redraw=False)
    found = model.state_dict()["xdecoder.stack.position_bias.log_slopes"].numpy()
    np.testing.assert_allclose(np.exp(found), alibi_slopes(3), rtol=1e-6)
    plain.set_state_dict(model.state_dict())
    np.testing.assert_allclose(model(tokens()).numpy(), plain(tokens()).numpy(), atol=1e-6)


def test_padding_adds_nothing_to_the_gradient_of_the_slopes():
    """Padding stands at -2**24: were its distances to count, rounding would leave no digit of the gradient."""
    model, ids = build({**ALIBI, "depth": 1}), tokens(n=8)
    mask = np.ones([2, 8], "int64")
    mask[0, 5:] = 0
    slope, gradients = np.random.default_rng(6).normal(size=(2, 8, 37)), []
    for factors in (slope, slope * mask[..., None]):  # with what the model says at padding, and without
        logits = model(ids, attention_mask=paddle.to_tensor(mask))
        (logits * paddle.to_tensor(factors, "float32")).sum().backward()
        gradients.append(model.xdecoder.stack.position_bias.log_slopes.grad.numpy())
        model.clear_gradients()
    np.testing.assert_allclose(gradients[0], gradients[1], atol=1e-5)
    assert np.abs(gradients[1]).max() > 1e-2


def test_a_temperature_is_at_least_one_hundredth():
    """exp(s) below 0.01 counts as 0.01."""
    model, ids = build(TEMPERATURE), tokens(n=N)
    for layer in (0, 2):
        model.xdecoder.stack.layers[layer].attn.qk_norm.log_temperature.set_value(paddle.full([4, 1, 1], -9.0))
    assert_rows(model(ids).numpy()[0], Reference(temperature=True).decode(arrays(model), ids[0].numpy())[0])
