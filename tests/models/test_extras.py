"""Further arguments of a forward: masks over keys, biases, and what is added inside attention layers."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    InputError,
    XContinuousConfig,
    XContinuousModel,
    XDecoderConfig,
    XDecoderForSequenceClassification,
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderForQuestionAnswering,
    XEncoderForSequenceClassification,
    XEncoderForTokenClassification,
)

from ..contracts.cases import SMALL, build, tokens

N, CUT = 14, 9
BUNDLES = {
    "rotary": {"rotary_pos_emb": True, "attn_kv_heads": 2},
    "memory, alibi": {"position_bias": "alibi", "num_memory_tokens": 3, "attn_num_mem_kv": 2},
    "window, shifted": {"max_attend_past": 4, "shift_tokens": 1, "add_value_residual": True},
    "latents, sinks": {"attn_dim_latent_kv": 12, "attn_head_learned_sink": True, "attn_softclamp_logits": True},
    "cross, streams": {"cross_attend": True, "num_residual_streams": 2, "attn_gate_values": True},
    "memory between": {"rotary_pos_emb": True, "num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "selective, tied": {"attn_selective": True, "weight_tie_layers": True, "attn_pre_talking_heads": True},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)
RNG = np.random.default_rng(4)
SEEN = RNG.random([2, N]) > 0.3
SEEN[:, :2] = True, False
BIAS = RNG.normal(size=[2, 4, N, N]).astype("float32")


def tensor(array: np.ndarray) -> paddle.Tensor:
    return paddle.to_tensor(np.ascontiguousarray(array))


def deltas(model, n: int = N, seed: int = 8) -> list[dict[str, np.ndarray]]:
    """Random ones for every self attention layer."""
    rng = np.random.default_rng(seed)
    steps = [step for step in model.base_model.stack.steps if step.kind == "a"]
    layer = model.base_model.stack.layers[0].attn
    widths = {"q_delta": layer.q_proj, "k_delta": layer.k_proj, "v_delta": layer.v_proj}
    shapes = {name: [2, n, linear.weight.shape[1]] for name, linear in widths.items()}
    shapes |= {"o_delta": [2, n, layer.o_proj.weight.shape[0]], "attn_delta": [2, 4, n, n]}
    return [{name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()} for _ in steps]


def part(given, start: int, stop: int):
    """The same for the tokens from start to stop, those before them being in a cache."""
    if given is None:
        return None
    if isinstance(given, list):
        return [{name: part(value, start, stop) for name, value in entry.items()} for entry in given]
    if given.dtype == bool:
        return tensor(given[:, :stop])
    return tensor(given[:, start:stop] if given.ndim == 3 else given[..., start:stop, :stop])


def context(model, given):
    if model.config.cross_attend:
        rng = np.random.default_rng(5)
        given["encoder_hidden_states"] = paddle.to_tensor(rng.normal(size=[2, 6, 32]).astype("float32"))
    return given


def run(model, ids, start=0, stop=N, cache=None, **extras):
    given = context(model, {name: part(value, start, stop) for name, value in extras.items()})
    return model(ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True, **given)


@each_bundle
@pytest.mark.parametrize("name", ["self_attn_kv_mask", "attn_bias", "attn_deltas"])
def test_in_pieces_with_a_cache_as_at_once(fields, name):
    model, ids = build(fields), tokens()
    given = {name: {"self_attn_kv_mask": SEEN, "attn_bias": BIAS}.get(name)}
    if name == "attn_deltas":
        given = {name: deltas(model)}
    whole = run(model, ids, **given).logits.numpy()
    plain = run(model, ids).logits.numpy()
    assert np.abs(whole - plain).max() > 1e-2
    first = run(model, ids, 0, CUT, **given)
    second = run(model, ids, CUT, N, first.past_key_values, **given)
    found = np.concatenate([first.logits.numpy(), second.logits.numpy()], 1)
    np.testing.assert_allclose(found, whole, atol=1e-4)


@each_bundle
@pytest.mark.parametrize("name", ["self_attn_kv_mask", "attn_bias", "attn_deltas"])
def test_later_tokens_change_nothing_before_them(fields, name):
    """Nor what is added to their weights: those of keys that are not seen count for nothing."""
    model, ids = build(fields), tokens()
    given = {name: {"self_attn_kv_mask": SEEN, "attn_bias": BIAS}.get(name)}
    if name == "attn_deltas":
        given = {name: deltas(model)}
    changed = ids.clone()
    changed[:, CUT:] = (changed[:, CUT:] + 5) % 30 + 3
    before, after = (run(model, t, **given).logits.numpy()[:, :CUT] for t in (ids, changed))
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_a_mask_over_keys_hides_tokens_that_keep_their_positions():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    found = model(ids, self_attn_kv_mask=tensor(SEEN)).numpy()
    np.testing.assert_allclose(found, model(ids, attention_mask=tensor(SEEN[:, None, None])).numpy(), atol=1e-5)
    padded = model(ids, attention_mask=tensor(SEEN)).numpy()
    assert np.abs(found - padded)[SEEN].max() > 1e-3  # padding has no position
    soft = model(ids, self_attn_kv_mask=tensor(np.where(SEEN, 0, -1e4).astype("float32"))).numpy()
    np.testing.assert_allclose(soft, found, atol=1e-5)


@pytest.mark.parametrize("kernel", ["auto", "blockwise", "fused", "eager"])
def test_a_mask_over_keys_beside_padding_and_with_every_kernel(kernel):
    model, ids = build({"attn_kernel": kernel}), tokens()
    keep = np.ones([2, N], bool)
    keep[0, :4] = False
    places = tensor((keep.cumsum(-1) - 1).clip(0))
    found = model(ids, attention_mask=tensor(keep), self_attn_kv_mask=tensor(SEEN)).numpy()
    both = model(ids, attention_mask=tensor((keep & SEEN)[:, None, None]), position_ids=places).numpy()
    np.testing.assert_allclose(found[keep], both[keep], atol=1e-5)


def test_cross_attention_knows_no_mask_over_keys_of_self_attention():
    model, ids = build({"cross_attend": True, "only_cross": True}), tokens()
    given = context(model, {})
    with pytest.raises(InputError, match="self_attn_kv_mask.*self attention.*none"):
        model(ids, self_attn_kv_mask=tensor(SEEN), **given)


def test_generation_with_a_mask_over_keys():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    settings = {"max_new_tokens": 5, "decode_strategy": "beam_search", "num_beams": 3}
    given = {"self_attn_kv_mask": tensor(SEEN)}
    found = [model.generate(ids, use_cache=cached, **settings, **given)[0].numpy() for cached in (True, False)]
    np.testing.assert_array_equal(found[0], found[1])
    wide = {"attention_mask": tensor(SEEN[:, None, None].astype("int64"))}
    np.testing.assert_array_equal(found[0], model.generate(ids, **settings, **wide)[0].numpy())


@each_bundle
def test_a_bias_is_a_mask_of_floats(fields):
    model, ids = build(fields), tokens()
    given = context(model, {})
    found = model(ids, attn_bias=tensor(BIAS), **given).numpy()
    np.testing.assert_allclose(found, model(ids, attention_mask=tensor(BIAS), **given).numpy(), atol=1e-5)
    half = tensor(BIAS / 2)
    np.testing.assert_allclose(model(ids, attn_bias=half, attention_mask=half, **given).numpy(), found, atol=1e-5)


@pytest.mark.parametrize("fields", [{"position_bias": "alibi"}, {"position_bias": "t5"}], ids=str)
def test_a_bias_beside_a_position_bias_is_added(fields):
    """x-transformers refuses the pair, or forgets one of the two."""
    model, ids = build({**fields, "position_embedding": "none"}), tokens()
    attention = model.xdecoder.stack.position_bias
    places = paddle.arange(N).unsqueeze(0)
    own = attention(places, places).detach()
    plain = build({"position_embedding": "none"})
    plain.set_state_dict({name: value for name, value in model.state_dict().items() if "position_bias" not in name})
    found = model(ids, attn_bias=tensor(BIAS)).numpy()
    np.testing.assert_allclose(found, plain(ids, attn_bias=tensor(BIAS) + own).numpy(), atol=1e-5)


@pytest.mark.parametrize("shape", [[N, N], [4, N, N], [1, 1, N, N], [2, 1, 1, N], [2, 4, N, N]], ids=str)
@pytest.mark.parametrize("memory", [0, 2])
def test_axes_of_a_bias_may_be_left_out_or_be_one(shape, memory):
    model, ids = build({"num_memory_tokens": memory}), tokens()
    bias = np.random.default_rng(1).normal(size=shape).astype("float32")
    found = model(ids, attn_bias=tensor(bias)).numpy()
    wide = tensor(np.broadcast_to(bias, [2, 4, N, N]))
    if shape[-2] == 1 and memory:
        return  # memory tokens, which ask too, get what all rows get
    np.testing.assert_allclose(found, model(ids, attn_bias=wide).numpy(), atol=1e-5)


def test_a_bias_and_deltas_get_gradients():
    model, ids = build({}), tokens()
    bias = paddle.to_tensor(BIAS, stop_gradient=False)
    given = [
        {name: paddle.to_tensor(value, stop_gradient=False) for name, value in entry.items()} for entry in deltas(model)
    ]
    model(ids, attn_bias=bias, attn_deltas=given, labels=ids)[0].backward()
    for leaf in (bias, *(value for entry in given for value in entry.values())):
        assert float(leaf.grad.abs().max()) > 0 and bool(paddle.isfinite(leaf.grad).all())


def test_deltas_of_projections_are_biases():
    """One for all tokens does what the bias of the projection does."""
    fields = {"attn_qkv_bias": True, "attn_kv_heads": 2, "attn_qk_norm": True}
    model, ids = build(fields), tokens()
    plain = build(fields)
    plain.set_state_dict(model.state_dict())
    given = []
    for layer in (layer for layer in plain.xdecoder.stack.layers if layer.kind == "a"):
        linears = {"q_delta": layer.attn.q_proj, "k_delta": layer.attn.k_proj, "v_delta": layer.attn.v_proj}
        given.append({name: linear.bias.detach().expand([1, N, -1]) for name, linear in linears.items()})
        for linear in linears.values():
            linear.bias.set_value(paddle.zeros_like(linear.bias))
    np.testing.assert_allclose(plain(ids, attn_deltas=given).numpy(), model(ids).numpy(), atol=1e-5)


def test_a_layer_may_be_left_alone():
    model, ids = build({}), tokens()
    alone = model(ids, attn_deltas=[None, {"q_delta": None}]).numpy()
    np.testing.assert_allclose(alone, model(ids).numpy(), atol=1e-5)
    one = [{name: tensor(value) for name, value in deltas(model)[0].items()}, None]
    states = model.xdecoder(ids, attn_deltas=one, output_hidden_states=True, return_dict=True).hidden_states
    plain = model.xdecoder(ids, output_hidden_states=True, return_dict=True).hidden_states
    assert np.abs((states[1] - plain[1]).numpy()).max() > 1e-2


def test_mems_stay_as_they_are():
    model, ids = build({"max_mem_len": 6, "num_memory_tokens": 2}), tokens()
    mems = model(ids, return_mems=True, return_dict=True).mems
    zeros = [{name: tensor(0 * value) for name, value in entry.items()} for entry in deltas(model)]
    plain = model(ids, mems=mems).numpy()
    np.testing.assert_allclose(model(ids, mems=mems, attn_deltas=zeros).numpy(), plain, atol=1e-5)
    np.testing.assert_allclose(model(ids, mems=mems, attn_bias=tensor(0 * BIAS)).numpy(), plain, atol=1e-5)
    everything = tensor(np.ones([2, N], bool))
    np.testing.assert_allclose(model(ids, mems=mems, self_attn_kv_mask=everything).numpy(), plain, atol=1e-5)


def test_recompute_carries_them_along():
    gradients = []
    for on in (False, True):
        model, ids = build({"num_memory_tokens": 2}), tokens()
        model.train()
        if on:
            model.recompute_enable()
        given = [{name: tensor(value) for name, value in entry.items()} for entry in deltas(model)]
        loss = model(ids, attn_bias=tensor(BIAS), attn_deltas=given, self_attn_kv_mask=tensor(SEEN), labels=ids)[0]
        loss.backward()
        gradients.append({name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None})
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], gradient, atol=1e-5, err_msg=name)


def test_other_families_take_them():
    encoder = XEncoderForMaskedLM(XEncoderConfig(**SMALL))
    encoder.eval()
    ids = tokens()
    found = encoder(ids, attn_bias=tensor(BIAS), self_attn_kv_mask=tensor(SEEN)).numpy()
    hidden = tensor(np.where(SEEN[:, None, None], BIAS, -1e9).astype("float32"))
    np.testing.assert_allclose(found, encoder(ids, attention_mask=hidden).numpy(), atol=1e-5)
    sizes = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
    vectors = XContinuousModel(XContinuousConfig(**sizes))
    vectors.eval()
    x = paddle.randn([2, N, 32])
    found = vectors(x, attn_bias=tensor(BIAS))[0].numpy()
    np.testing.assert_allclose(found, vectors(x, attention_mask=tensor(BIAS))[0].numpy(), atol=1e-5)


WIDE = {"q_delta": paddle.ones([2, N, 31])}
REFUSED = {
    "another name": ({"attn_biass": None}, ("attn_biass", "attn_bias")),
    "mask of three axes": ({"self_attn_kv_mask": paddle.ones([2, 1, N])}, ("self_attn_kv_mask", "[2, 1, 14]")),
    "mask too long": ({"self_attn_kv_mask": paddle.ones([2, N + 1])}, ("self_attn_kv_mask", "[2, 15]", "(2, 14)")),
    "bias of ints": ({"attn_bias": paddle.ones([N, N], dtype="int64")}, ("attn_bias", "int64", "floats")),
    "bias of other heads": ({"attn_bias": paddle.ones([3, N, N])}, ("attn_bias", "[3, 14, 14]", "4 or 1")),
    "bias too short": ({"attn_bias": paddle.ones([N, N - 1])}, ("attn_bias", "[14, 13]")),
    "bias of one axis": ({"attn_bias": paddle.ones([N])}, ("attn_bias", "[14]")),
    "too few layers": ({"attn_deltas": [None]}, ("attn_deltas", "1 entries", "2 self attention")),
    "unknown delta": ({"attn_deltas": [{"x_delta": None}, None]}, ("x_delta", "q_delta")),
    "wide delta": ({"attn_deltas": [None, WIDE]}, ("q_delta", "attn_deltas[1]", "[2, 14, 31]", "32")),
    "delta of weights": ({"attn_deltas": [{"attn_delta": paddle.ones([5, 5])}, None]}, ("attn_delta", "[5, 5]")),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(given, words):
    with pytest.raises(InputError) as caught:
        build({})(tokens(), **given)
    assert [word for word in words if word not in str(caught.value)] == []


HEADS = {
    XEncoderForSequenceClassification: XEncoderConfig,
    XEncoderForTokenClassification: XEncoderConfig,
    XEncoderForQuestionAnswering: XEncoderConfig,
    XDecoderForSequenceClassification: XDecoderConfig,
}


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.__name__)
@pytest.mark.parametrize("name", ["return_intermediates", "return_gumbel_log_probs"])
def test_a_head_refuses_what_it_does_not_return(head, name):
    sizes = {"num_tokens": 30, "dim": 16, "depth": 1, "heads": 2, "attn_dim_head": 8, "attn_normalizer": "gumbel"}
    model = head(HEADS[head](**sizes, num_labels=2, pad_token_id=0))
    ids = paddle.to_tensor([[5, 6, 7]])
    with pytest.raises(InputError, match=f"{head.__name__} does not return what {name} asks for"):
        model(ids, **{name: True})
    output = model.base_model(ids, return_dict=True, **{name: True})
    assert len(output[name.removeprefix("return_")]) == (2 if name == "return_intermediates" else 1)
