"""What a caller puts into single layers: keys and values in front, and what is added to their inputs."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError
from paddle_xformers.models.put_in import key_values

from ..contracts.cases import build, tokens
from .test_extras import BUNDLES, context, tensor

N, CUT, M = 14, 9, 3
RNG = np.random.default_rng(6)
FRONT = RNG.normal(size=[6, 2, 2, 4, M, 8]).astype("float32")  # of layers, keys and values, (b, h, m, w)
SEEN = np.array([[True, False, True], [False, True, True]])
RESIDUALS = RNG.normal(size=[2, 2, N, 32]).astype("float32")
CONTEXT_RESIDUALS = RNG.normal(size=[2, 2, 6, 32]).astype("float32")
CONDITION = RNG.normal(size=[2, N, 32]).astype("float32")
MORE = {
    "window, t5": {"max_attend_past": 3, "position_bias": "t5", "attn_kv_heads": 2},
    "scores of the layer before": {"residual_attn": True, "attn_num_mem_kv": 2},
    "forgetting, sparse": {"attn_data_dependent_alibi": True, "attn_sparse_topk": 4, "attn_laser": True},
    "cope, qk norm": {"attn_use_cope": True, "attn_qk_norm": True, "attn_gate_value_heads": True},
    "inverted": {"attn_inverted_attention": True},
    "streams, reads of their own": {"num_residual_streams": 2, "qkv_receive_diff_residuals": True},
}
GATE = {"learned_reinject_input_gate": True}
GATED = {
    "": GATE,
    "memory": {**GATE, "num_memory_tokens": 2, "rotary_pos_emb": True},
    "memory between": {**GATE, "num_memory_tokens": 1, "memory_tokens_interspersed_every": 4},
}
GIVEN = {
    "front": {"self_attn_additional_kv": FRONT[:1], "additional_kv_mask": SEEN},
    "front of all": {"self_attn_additional_kv": FRONT},
    "two heads": {"self_attn_additional_kv": FRONT[:1, :, :, :2]},
    "residuals": {"self_attn_kv_residuals": RESIDUALS},
    "one residual": {"self_attn_kv_residuals": RESIDUALS[0]},
    "condition": {"in_attn_cond": CONDITION},
    "one condition": {"in_attn_cond": CONDITION[:, 0]},
}
each_kind = pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
each_bundle = pytest.mark.parametrize("fields", [*BUNDLES.values(), *MORE.values()], ids=[*BUNDLES, *MORE])


def part(name: str, value, start: int = 0, stop: int = N):
    """The same for the tokens from start to stop, as tensors."""
    if name == "self_attn_additional_kv":
        return [tuple(tensor(side) for side in entry) for entry in value]
    if name in ("self_attn_kv_residuals", "in_attn_cond") and value.ndim > 2:
        return tensor(value[..., start:stop, :])
    return tensor(value)


def run(model, ids, start=0, stop=N, cache=None, **given):
    inside = context(model, {name: part(name, value, start, stop) for name, value in given.items()})
    return model(ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True, **inside)


@each_bundle
@each_kind
def test_in_pieces_with_a_cache_as_at_once_and_nothing_looks_ahead(fields, given):
    model, ids = build(fields), tokens()
    whole = run(model, ids, **given)
    assert np.abs(whole.logits.numpy() - run(model, ids).logits.numpy()).max() > 1e-3
    first = run(model, ids, 0, CUT, **given)
    second = run(model, ids, CUT, N, first.past_key_values, **given)
    found = np.concatenate([first.logits.numpy(), second.logits.numpy()], 1)
    np.testing.assert_allclose(found, whole.logits.numpy(), atol=1e-4)


@pytest.mark.parametrize("kernel", ["auto", "blockwise", "fused", "eager"])
@each_kind
def test_every_kernel_and_padding_on_both_sides(kernel, given):
    plain, model, ids = build({"attn_kernel": "eager"}), build({"attn_kernel": kernel}), tokens()
    model.set_state_dict(plain.state_dict())
    keep = np.ones([2, N], bool)
    keep[0, :3], keep[1, -4:] = False, False
    inside = {name: part(name, value) for name, value in given.items()}
    found = model(ids, attention_mask=tensor(keep), **inside).numpy()
    np.testing.assert_allclose(found[keep], plain(ids, attention_mask=tensor(keep), **inside).numpy()[keep], atol=1e-5)
    for row, (start, stop) in enumerate([(3, N), (0, N - 4)]):
        only = {}
        for name, value in given.items():
            value = value[:, :, row : row + 1] if name == "self_attn_additional_kv" else value
            value = value[row : row + 1] if name in ("additional_kv_mask", "in_attn_cond") else value
            if name == "self_attn_kv_residuals":
                value = value[..., row : row + 1, :, :]
            only[name] = part(name, value, start, stop)
        alone = model(ids[row : row + 1, start:stop], **only).numpy()
        np.testing.assert_allclose(found[row : row + 1, start:stop], alone, atol=1e-5)


def test_keys_in_front_that_may_not_be_seen_change_nothing():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    pairs = part("self_attn_additional_kv", FRONT)
    nothing = paddle.zeros([2, M], dtype="int64")
    found = model(ids, self_attn_additional_kv=pairs, additional_kv_mask=nothing).numpy()
    np.testing.assert_allclose(found, model(ids).numpy(), atol=1e-5)
    hidden = {"self_attn_kv_mask": paddle.zeros([2, N], dtype="int64")}
    one_row = tensor(np.array([[1, 1, 1], [0, 0, 0]]))
    first = model(ids, self_attn_additional_kv=pairs, additional_kv_mask=one_row, **hidden).numpy()
    np.testing.assert_allclose(first[1], model(ids, **hidden).numpy()[1], atol=1e-5)  # which sees nothing at all
    np.testing.assert_allclose(first[0], model(ids, self_attn_additional_kv=pairs, **hidden).numpy()[0], atol=1e-5)
    soft = tensor(np.where(SEEN, 0, -1e5).astype("float32"))
    found = [
        model(ids, self_attn_additional_kv=pairs, additional_kv_mask=mask).numpy() for mask in (tensor(SEEN), soft)
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_keys_of_tokens_given_as_keys_in_front_are_those_tokens():
    """Without positions it is one text in two calls, of which the second has no cache."""
    fields = {"position_embedding": "none", "attn_kv_heads": 2}
    model, ids = build(fields), tokens()
    past = model(ids[:, :CUT], use_cache=True, return_dict=True).past_key_values
    found = model(ids[:, CUT:], self_attn_additional_kv=key_values(model, past)).numpy()
    np.testing.assert_allclose(found, model(ids).numpy()[:, CUT:], atol=1e-5)


def test_keys_of_polar_positions_are_twice_as_wide():
    model, ids = build({"polar_pos_emb": True}), tokens()
    pairs = key_values(model, model(ids[:, :CUT], use_cache=True, return_dict=True).past_key_values)
    whole = model(ids, self_attn_additional_kv=pairs)
    first = model(ids[:, :CUT], self_attn_additional_kv=pairs, use_cache=True, return_dict=True)
    rest = model(ids[:, CUT:], self_attn_additional_kv=pairs, past_key_values=first.past_key_values)
    np.testing.assert_allclose(rest.numpy(), whole.numpy()[:, CUT:], atol=1e-4)
    with pytest.raises(InputError, match="a, m, 16"):
        model(ids, self_attn_additional_kv=part("self_attn_additional_kv", FRONT))


def test_attention_maps_are_of_tokens_alone():
    model, ids = build({"num_memory_tokens": 2, "attn_num_mem_kv": 1}), tokens()
    given = {"self_attn_additional_kv": part("self_attn_additional_kv", FRONT), "output_attentions": True}
    weights = model(ids, return_dict=True, **given).attentions
    assert all(list(layer.shape) == [2, 4, N, N] and float(layer[0, 0].sum(-1).max()) < 1 for layer in weights)


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("recompute", [False, True])
def test_gradients(detach, recompute):
    model, ids = build({"num_memory_tokens": 2}), tokens()
    model.train()
    if recompute:
        model.recompute_enable()
    leaves = [paddle.to_tensor(part, stop_gradient=False) for part in FRONT[0]]
    others = {"self_attn_kv_residuals": RESIDUALS, "in_attn_cond": CONDITION}
    given = {name: paddle.to_tensor(value, stop_gradient=False) for name, value in others.items()}
    model(ids, self_attn_additional_kv=[tuple(leaves)], detach_additional_kv=detach, labels=ids, **given)[0].backward()
    assert all((leaf.grad is None) == detach for leaf in leaves)
    for leaf in [*given.values(), *([] if detach else leaves)]:
        assert float(leaf.grad.abs().max()) > 0 and bool(paddle.isfinite(leaf.grad).all())


@pytest.mark.parametrize("fields", GATED.values(), ids=GATED)
@pytest.mark.parametrize("condition", [CONDITION, CONDITION[:, 0]], ids=["a token", "one"])
def test_a_gate_on_what_is_added(fields, condition):
    """Each token has a share of it: shut, nothing is added; open, what is added without a gate."""
    model, ids = build(fields), tokens()
    plain = build({name: value for name, value in fields.items() if name not in GATE})
    plain.set_state_dict({name: value for name, value in model.state_dict().items() if "reinjection" not in name})
    given = {"in_attn_cond": condition}
    whole = run(model, ids, **given)
    first = run(model, ids, 0, CUT, **given)
    second = run(model, ids, CUT, N, first.past_key_values, **given)
    found = np.concatenate([first.logits.numpy(), second.logits.numpy()], 1)
    np.testing.assert_allclose(found, whole.logits.numpy(), atol=1e-4)
    added, nothing = run(plain, ids, **given).logits.numpy(), run(plain, ids).logits.numpy()
    assert min(np.abs(whole.logits.numpy() - other).max() for other in (added, nothing)) > 1e-3
    gate = model.base_model.stack.reinjection.gate.weight
    gate.set_value(paddle.zeros_like(gate))
    half = run(plain, ids, in_attn_cond=condition / 2).logits.numpy()
    np.testing.assert_allclose(run(model, ids, **given).logits.numpy(), half, atol=1e-5)
    assert set(model.state_dict()) - set(plain.state_dict()) == {"xdecoder.stack.reinjection.gate.weight"}


def test_a_residual_of_the_context_is_a_change_of_the_context():
    model, ids = build({"cross_attend": True, "num_memory_tokens": 2}), tokens()
    given = context(model, {})
    one = tensor(CONTEXT_RESIDUALS[0])
    both = paddle.stack([one, one])
    changed = given["encoder_hidden_states"] + one
    found = model(ids, cross_attn_kv_residuals=both, **given).numpy()
    np.testing.assert_allclose(found, model(ids, encoder_hidden_states=changed).numpy(), atol=1e-5)
    first = model(ids[:, :CUT], cross_attn_kv_residuals=both, use_cache=True, return_dict=True, **given)
    rest = model(ids[:, CUT:], past_key_values=first.past_key_values, cross_attn_kv_residuals=both, **given)
    np.testing.assert_allclose(rest.numpy(), found[:, CUT:], atol=1e-4)


@each_kind
@pytest.mark.parametrize(
    "strategy", [{"decode_strategy": "greedy_search"}, {"decode_strategy": "beam_search"}], ids=str
)
def test_generation_carries_them(given, strategy):
    model, ids = build({"rotary_pos_emb": True, "num_memory_tokens": 1}), tokens()[:, : N - 5]
    inside = {name: part(name, value) for name, value in given.items()}
    settings = {"max_new_tokens": 5, **strategy}
    if "beam_search" in strategy.values():
        settings["num_beams"] = 3
    found = [model.generate(ids, use_cache=cached, **settings, **inside)[0].numpy() for cached in (True, False)]
    np.testing.assert_array_equal(found[0], found[1])
    if "num_beams" in settings:
        return
    open_rows = np.ones([2], bool)  # until the id of the end
    for step in range(5):  # what it generates is what it says in one pass over the text so far
        so_far = paddle.concat([ids, paddle.to_tensor(found[0][:, :step])], axis=1)
        now = {name: part(name, value, 0, N - 5 + step) for name, value in given.items()}
        said = model(so_far, **now).numpy()[:, -1].argmax(-1)
        np.testing.assert_array_equal(said[open_rows], found[0][open_rows, step])
        open_rows &= found[0][:, step] != model.config.eos_token_id


PAIR = (paddle.zeros([2, 4, 3, 8]), paddle.zeros([2, 4, 3, 8]))
PAIRS = {"self_attn_additional_kv": [PAIR]}
REFUSED = {
    "mask alone": ({"additional_kv_mask": paddle.ones([2, 3])}, ("additional_kv_mask", "self_attn_additional_kv")),
    "detach alone": ({"detach_additional_kv": True}, ("detach_additional_kv", "self_attn_additional_kv")),
    "heads": ({"self_attn_additional_kv": [(paddle.zeros([2, 3, 3, 8]),) * 2]}, ("[2, 3, 3, 8]", "heads=4")),
    "width": ({"self_attn_additional_kv": [(paddle.zeros([2, 4, 3, 7]),) * 2]}, ("[2, 4, 3, 7]", "a, m, 8")),
    "rows": ({"self_attn_additional_kv": [(paddle.zeros([3, 4, 3, 8]),) * 2]}, ("[3, 4, 3, 8]", "(2, a")),
    "other lengths": ({"self_attn_additional_kv": [(PAIR[0], PAIR[0][:, :, :2])]}, ("[2, 4, 2, 8]",)),
    "integers": ({"self_attn_additional_kv": [(PAIR[0].astype("int64"),) * 2]}, ("floats",)),
    "mask of other length": ({**PAIRS, "additional_kv_mask": paddle.ones([2, 4])}, ("[2, 4]", "(2, 3)")),
    "too many residuals": (
        {"self_attn_kv_residuals": paddle.zeros([3, 2, N, 32])},
        ("self_attn_kv_residuals", "3", "2"),
    ),
    "short residual": ({"self_attn_kv_residuals": paddle.zeros([2, N - 1, 32])}, ("[2, 13, 32]", "(2, 14, 32)")),
    "no context": ({"cross_attn_kv_residuals": paddle.zeros([2, 6, 32])}, ("cross_attn_kv_residuals", "0 cross")),
    "condition": ({"in_attn_cond": paddle.zeros([2, 31])}, ("in_attn_cond", "[2, 31]", "dim=32")),
}


@pytest.mark.parametrize(("given", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(given, words):
    model, ids = build({}), tokens()
    with pytest.raises(InputError) as refusal:
        model(ids, **given)
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_other_refusals():
    ids = tokens()
    with pytest.raises(InputError, match="in_attn_cond.*reinject_input=True"):
        build({"reinject_input": True})(ids, in_attn_cond=paddle.zeros([2, 32]))
    with pytest.raises(InputError, match="in_attn_cond is missing: learned_reinject_input_gate=True.*dim=32"):
        build(GATE)(ids)
    with pytest.raises(InputError, match="in_attn_cond covers 14 tokens"):
        build({}).generate(ids, in_attn_cond=tensor(CONDITION), max_new_tokens=3)
    with pytest.raises(InputError, match="self_attn_kv_residuals covers 14 tokens"):
        build({}).generate(ids, self_attn_kv_residuals=tensor(RESIDUALS), max_new_tokens=3)
    crossed = build({"cross_attend": True, "only_cross": True})
    with pytest.raises(InputError, match="self_attn_additional_kv is for self attention.*none"):
        crossed(ids, **PAIRS, **context(crossed, {}))
    lengths = {"flash_pack_seq_kwargs": {"cu_seqlens_q": [0, 5, N]}}
    for given in (PAIRS, {"self_attn_kv_residuals": tensor(RESIDUALS)}, {"in_attn_cond": tensor(CONDITION)}):
        with pytest.raises(InputError, match=f"{next(iter(given))}.*flash_pack_seq_kwargs"):
            build({})(ids[:1], **lengths, **given)
