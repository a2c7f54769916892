"""Vectors in front of the tokens, and vectors added to them: outputs, padding, the cache, generation."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    AutoregressiveWrapper,
    ContinuousTransformerWrapper,
    Decoder,
    InputError,
    TransformerWrapper,
    XContinuousConfig,
    XContinuousForRegression,
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderForSequenceClassification,
)
from paddle_xformers.nn.attention.cache import reserve

from ..contracts.cases import SMALL, build, extras, logits, tokens
from ..contracts.subjects.subject import drawn, redraw_parameters

P = 3
BETWEEN = {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3}
AROUND: dict[str, dict[str, Any]] = {
    "": {"emb_dim": 24, "post_emb_norm": True},
    "memory": {"num_memory_tokens": 3, "attn_num_mem_kv": 2, "rotary_pos_emb": True},
    "t5": {"position_bias": "t5", "max_attend_past": 9, "attn_kv_heads": 2},
    "streams": {"num_residual_streams": 2, "position_bias": "alibi", "add_value_residual": True},
    "shift": {"shift_tokens": 2, "rotary_pos_emb": True, "residual_attn": True, "num_memory_tokens": 1},
    "cross": {"cross_attend": True, "rotary_pos_emb": True, "rotary_xpos": True},
    "forgetting": {"attn_data_dependent_alibi": True, "num_memory_tokens": 2, "residual": "mv_split"},
    "curves": {"attn_use_rel_proj_pos_bias": True, "attn_use_cope": True, "attn_cope_max_pos": 4},
    "by row": {
        **{"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True},
        **{"position_bias": "dynamic", "attn_selective": True},
    },
    "between": {
        "rotary_pos_emb": True,
        "num_memory_tokens": 2,
        "memory_tokens_interspersed_every": 3,
        "shift_tokens": 1,
    },
    "condition": {"norm": "adaptive_rmsnorm", "position_infused_attn": True},
}


def width(model: Any) -> int:
    return model.config.emb_dim or model.config.dim


def mask_of(rows: list[list[int]]) -> paddle.Tensor:
    return paddle.to_tensor(rows, dtype="int64")


@pytest.fixture(params=AROUND)
def model(request) -> Any:
    return build(AROUND[request.param])


def test_tokens_look_at_vectors_in_front_which_are_left_out_of_the_result(model):
    ids, vectors = tokens(), drawn(1, 2, P, width(model))
    given = {**extras(model), "output_hidden_states": True, "output_attentions": True, "return_dict": True}
    output = model(ids, prepend_embeds=vectors, **given)
    assert output.logits.shape == [2, 14, 37]
    assert all(states.shape == [2, 14, 32] for states in output.hidden_states)
    assert all(weights.shape == [2, 4, 14, 14] for weights in output.attentions)
    whole = model(ids, prepend_embeds=vectors, excise_prepend_embeds=False, labels=ids, **given)
    assert whole.logits.shape == [2, P + 14, 37]
    assert all(weights.shape == [2, 4, P + 14, P + 14] for weights in whole.attentions)
    np.testing.assert_allclose(whole.logits[:, P:].numpy(), output.logits.numpy(), atol=1e-6)
    loss = model(ids, prepend_embeds=vectors, labels=ids, **given).loss
    np.testing.assert_allclose(float(whole.loss), float(loss), rtol=1e-6)
    assert np.abs(output.logits.numpy() - logits(model, ids)).max() > 1e-3


def test_embedded_tokens_in_front_of_tokens_are_those_tokens():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    front = model.xdecoder.embeddings.look_up(ids[:, :P])
    np.testing.assert_allclose(logits(model, ids[:, P:], prepend_embeds=front), logits(model, ids)[:, P:], atol=1e-5)


def test_padding_among_them_and_among_the_tokens_changes_nothing(model):
    ids, vectors = tokens(), drawn(1, 2, P, width(model))
    rows = [{"prepend_embeds": vectors[:1, :2], **one(model, 0)}, {"prepend_embeds": vectors[1:], **one(model, 1)}]
    alone = [logits(model, ids[:1, :10], **rows[0])[0], logits(model, ids[1:], **rows[1])[0]]
    for side in ("left", "right"):
        place = slice(4, 14) if side == "left" else slice(0, 10)
        padded, mask = ids.clone(), paddle.ones([2, 14], dtype="int64")
        padded[0] = 0
        padded[0, place] = ids[0, :10]
        mask[0] = 0
        mask[0, place] = 1
        for keep, order in (([[1, 1, 0], [1, 1, 1]], [0, 1, 2]), ([[0, 1, 1], [1, 1, 1]], [2, 0, 1])):
            front = vectors.clone()
            front[0] = vectors[0].index_select(paddle.to_tensor(order))
            together = logits(model, padded, attention_mask=mask, prepend_embeds=front, prepend_mask=mask_of(keep))
            np.testing.assert_allclose(together[0, place], alone[0], atol=1e-5)
            np.testing.assert_allclose(together[1], alone[1], atol=1e-5)


def one(model: Any, row: int) -> dict[str, Any]:
    return {name: value[row : row + 1] for name, value in extras(model).items()}


@pytest.mark.parametrize("room", [False, True])
def test_the_cache_holds_them(model, room):
    ids, vectors = tokens(), drawn(1, 2, P, width(model))
    keep, mask = mask_of([[1, 1, 1], [0, 1, 1]]), paddle.ones([2, 14], dtype="int64")
    mask[0, :4] = 0
    for given in ({}, {"prepend_mask": keep}, {"prepend_mask": keep, "attention_mask": mask}):
        whole = logits(model, ids, prepend_embeds=vectors, **given)
        for masked_steps in (False, True) if "attention_mask" in given else (False,):
            parts, cache = [], None
            for start, stop in ((0, 5), (5, 6), (6, 9), (9, 14)):
                more: dict[str, Any] = {}
                if start == 0:
                    more = {"prepend_embeds": vectors, "prepend_mask": given.get("prepend_mask")}
                if "attention_mask" in given and (start == 0 or masked_steps):
                    more["attention_mask"] = mask[:, :stop]
                step = model(
                    ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True, **extras(model), **more
                )
                parts.append(step.logits.numpy())
                cache = step.past_key_values
                cache = reserve(cache, model.xdecoder.stack.steps) if room else cache
            found = np.concatenate(parts, 1)
            np.testing.assert_allclose(found[0, 4:], whole[0, 4:], atol=1e-4)
            np.testing.assert_allclose(found[1], whole[1], atol=1e-4)


@pytest.mark.parametrize("around", ["", "memory", "shift"])
def test_generation_gives_the_same_with_a_cache_and_without(around):
    model, ids = build(AROUND[around]), tokens(n=7)
    mask = paddle.ones([2, 7], dtype="int64")
    mask[1, :2] = 0
    given = {"prepend_embeds": drawn(1, 2, P, width(model)), "prepend_mask": mask_of([[0, 1, 1], [1, 1, 1]])}
    given |= {"sum_embeds": drawn(2, 2, 7, width(model)), "attention_mask": mask, "max_new_tokens": 5}
    for strategy in ({"decode_strategy": "greedy_search"}, {"decode_strategy": "beam_search", "num_beams": 3}):
        found = [model.generate(ids, use_cache=cached, **given, **strategy) for cached in (True, False)]
        np.testing.assert_array_equal(found[0][0].numpy(), found[1][0].numpy())
        np.testing.assert_allclose(found[0][1].numpy(), found[1][1].numpy(), atol=1e-4)


def test_keys_that_are_hidden_beside_them():
    model, ids, vectors = build({"rotary_pos_emb": True, "num_memory_tokens": 2}), tokens(), drawn(1, 2, P, 32)
    seen = paddle.ones([2, 14], dtype="int64")
    seen[:, 3] = 0
    whole = logits(model, ids, prepend_embeds=vectors, self_attn_kv_mask=seen)
    given = {"use_cache": True, "return_dict": True}
    first = model(ids[:, :6], prepend_embeds=vectors, self_attn_kv_mask=seen[:, :6], **given)
    rest = model(ids[:, 6:], past_key_values=first.past_key_values, self_attn_kv_mask=seen, **given)
    np.testing.assert_allclose(np.concatenate([first.logits.numpy(), rest.logits.numpy()], 1), whole, atol=1e-4)
    assert np.abs(whole - logits(model, ids, prepend_embeds=vectors)).max() > 1e-4


def test_a_whole_window_of_tokens_goes_behind_them():
    """max_seq_len counts tokens: vectors in front need no positions."""
    model = build({"max_seq_len": 14})
    assert np.isfinite(logits(model, tokens(), prepend_embeds=drawn(1, 2, P, 32))).all()


def test_a_prefix_language_model_sees_them_from_the_whole_prefix():
    model, vectors = build({"prefix_lm": True}), drawn(1, 2, P, 32)
    given = {"prepend_embeds": vectors, "excise_prepend_embeds": False, "prefix_attn_len": paddle.to_tensor([4, 4])}
    changed = tokens()
    changed[:, 2] = 3
    found = np.abs(logits(model, tokens(), **given) - logits(model, changed, **given)).max(axis=(0, 2))
    assert (found > 1e-5).all()


def test_mems_stand_in_front_of_them():
    model = build({"max_mem_len": 6, "rotary_pos_emb": True})
    mems = model(tokens(), return_mems=True, return_dict=True).mems
    vectors = drawn(1, 2, P, 32)
    hidden = mask_of([[1, 1, 0]] * 2)
    alone = logits(model, tokens(seed=2), mems=mems, prepend_embeds=vectors[:, :2])
    found = logits(model, tokens(seed=2), mems=mems, prepend_embeds=vectors, prepend_mask=hidden)
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_gradients_reach_them():
    model, vectors, added = build({"emb_frac_gradient": 0.5}), drawn(1, 2, P, 32), drawn(2, 2, 14, 32)
    vectors.stop_gradient = added.stop_gradient = False
    model(tokens(), labels=tokens(), prepend_embeds=vectors, sum_embeds=added, return_dict=True).loss.backward()
    assert np.abs(vectors.grad.numpy()).min(axis=-1).max() > 0
    assert np.abs(added.grad.numpy()).max() > 0


def test_what_is_added_is_added_before_the_norm():
    model, ids, added = build({"post_emb_norm": True}), tokens(), drawn(2, 2, 14, 32)
    embedded = model.xdecoder.embeddings.look_up(ids) + added
    np.testing.assert_allclose(
        logits(model, ids, sum_embeds=added), model(inputs_embeds=embedded, return_dict=True).logits.numpy(), atol=1e-5
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"prepend_embeds": paddle.zeros([2, 3, 31])}, r"shape \[2, 3, 31\].*\(batch, length, 32\)"),
        ({"prepend_embeds": paddle.zeros([2, 3, 32], "int64")}, "floating point"),
        ({"prepend_mask": paddle.ones([2, 3], "int64")}, "prepend_mask has no effect without prepend_embeds"),
        (
            {"prepend_embeds": paddle.zeros([2, 3, 32]), "prepend_mask": paddle.ones([2, 4], "int64")},
            r"prepend_mask has shape \[2, 4\]",
        ),
        (
            {"prepend_embeds": paddle.zeros([2, 3, 32]), "attention_mask": paddle.ones([2, 14, 14], "int64")},
            "must tell padding alone",
        ),
        (
            {"prepend_embeds": paddle.zeros([2, 3, 32]), "attn_bias": paddle.zeros([14, 14])},
            "attn_bias and attn_deltas are about tokens",
        ),
        ({"sum_embeds": paddle.zeros([2, 13, 32])}, r"sum_embeds has shape \[2, 13, 32\].*\(2, 14, 32\)"),
        ({"sum_embeds": paddle.zeros([2, 14, 32], "int64")}, "sum_embeds .* floating point"),
    ],
)
def test_what_does_not_fit_is_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        build({})(tokens(), **given)


def test_they_come_with_the_first_call():
    model, vectors = build({}), drawn(1, 2, P, 32)
    cache = model(tokens(), prepend_embeds=vectors, use_cache=True, return_dict=True).past_key_values
    with pytest.raises(InputError, match="prepend_embeds goes in front of the first token"):
        model(tokens(n=1), prepend_embeds=vectors, past_key_values=cache)


def test_encoders_leave_them_out_of_logits_and_pooling():
    ids, vectors = tokens(n=8), drawn(1, 2, P, 32)
    for head, shape in ((XEncoderForMaskedLM, [2, 8, 37]), (XEncoderForSequenceClassification, [2, 2])):
        model = head(XEncoderConfig(**SMALL))
        redraw_parameters(model)
        model.eval()
        found = model(ids, prepend_embeds=vectors)
        assert found.shape == shape
        assert np.abs((found - model(ids)).numpy()).max() > 1e-3


def test_vectors_go_in_front_of_vectors():
    sizes = {name: SMALL[name] for name in ("dim", "depth", "heads", "attn_dim_head", "max_seq_len")}
    model = XContinuousForRegression(XContinuousConfig(**sizes, causal=True, dim_in=5, dim_out=5))
    redraw_parameters(model)
    model.eval()
    inputs, vectors = drawn(1, 2, 6, 5), drawn(2, 2, P, 32)
    output = model(inputs, labels=inputs, prepend_embeds=vectors, return_dict=True)
    whole = model(inputs, labels=inputs, prepend_embeds=vectors, excise_prepend_embeds=False, return_dict=True)
    assert whole.predictions.shape == [2, P + 6, 5]
    np.testing.assert_allclose(float(whole.loss), float(output.loss), rtol=1e-6)
    made = [model.generate(inputs, 4, prepend_embeds=vectors, use_cache=cached).numpy() for cached in (True, False)]
    np.testing.assert_allclose(*made, atol=1e-5)


def test_the_keyword_style_takes_them():
    stack = {"dim": 32, "depth": 1, "heads": 4}
    model = TransformerWrapper(num_tokens=37, max_seq_len=20, attn_layers=Decoder(**stack))
    model.eval()
    vectors = drawn(2, 2, P, 32)
    assert model(tokens(), prepend_embeds=vectors).shape == [2, P + 14, 37]
    assert model(tokens(), prepend_embeds=vectors, excise_prepend_embeds=True).shape == [2, 14, 37]
    trained = AutoregressiveWrapper(model)
    assert np.isfinite(float(trained(tokens(), prepend_embeds=vectors)))
    assert trained.generate(tokens(n=4), 3, prepend_embeds=vectors).shape == [2, 3]
    continuous = ContinuousTransformerWrapper(max_seq_len=20, dim_in=5, dim_out=4, attn_layers=Decoder(**stack))
    found = continuous(drawn(1, 2, 6, 5), prepend_embeds=vectors, sum_embeds=drawn(3, 2, 6, 32))
    assert found.shape == [2, P + 6, 4]
