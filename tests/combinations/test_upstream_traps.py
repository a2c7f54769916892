"""What x-transformers 2.31 builds and then crashes on, computes wrongly, or takes without an effect.

Each of it works here, or is refused by a sentence at construction; the names are those of our fields. What is wrong by
itself, whatever it stands beside (leaks, a cache that it does not go with), is held by the contracts over every field.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import ConfigError, Decoder, XEncoderConfig, XEncoderModel

from ..contracts.cases import extras, tokens
from ..contracts.subjects.subject import SMALL, Subject, drawn, redraw_parameters
from ..contracts.subjects.xcontinuous import CAUSAL as CONTINUOUS
from ..contracts.subjects.xdecoder import DECODER
from .outcome import RAN, outcome

GQA, MEM_KV, MEMS = {"attn_kv_heads": 2}, {"attn_num_mem_kv": 2}, {"max_mem_len": 6}
HYPER = {"residual": "hyper", "num_residual_streams": 2}
VIEWS = {**HYPER, "qkv_receive_diff_residuals": True}
FORGETTING = {"attn_data_dependent_alibi": True}
SHARED_VALUES = {"add_value_residual": True, "learned_value_residual_mix": True}

CRASHES: dict[str, dict[str, Any]] = {
    "projected distances, memory keys": {"attn_use_rel_proj_pos_bias": True, **MEM_KV},
    "value residual with a mix, grouped heads": {**SHARED_VALUES, **GQA},
    "norm on values, grouped heads": {"attn_value_rmsnorm": True, **GQA},
    "norm on values, another width": {"attn_value_rmsnorm": True, "attn_value_dim_head": 6},
    "memory keys, another width of values": {**MEM_KV, "attn_value_dim_head": 6},
    "polar positions, grouped heads": {"polar_pos_emb": True, **GQA},
    "polar positions, uniform start": {"polar_pos_emb": True, "polar_bias_uniform_init": True},
    "contextual positions, one-hot": {"attn_use_cope": True, "attn_cope_soft_onehot_pos": True},
    "more best keys than keys": {"attn_sparse_topk": 100},
    "u-net skips, blocks of three": {"unet_skips": True, "macaron": True},
    "u-net skips, cross attention": {"unet_skips": True, "cross_attend": True},
    "hybrid module without a fold": {"attn_hybrid_module": "gru"},
    "zero start, attention on attention": {"attn_zero_init_output": True, "attn_on_attn": True},
    "depth scale, attention on attention": {"depth_scale_residual": True, "attn_on_attn": True},
    "scores of the layer before, a sink": {"residual_attn": True, "attn_head_learned_sink": True},
    "streams, reinjection": {**HYPER, "reinject_input": True},
    "views, gates on values": {**VIEWS, "attn_gate_values": True},
    "views, forgetting": {**VIEWS, **FORGETTING},
    "views, hybrid module": {**VIEWS, "attn_hybrid_module": "gru"},
    "outputs of before, an order": {"integrate_layers": True, "layers_execute_order": [0, 1, 0, 1]},
    "latents, another context width": {
        **{"attn_dim_latent_kv": 12, "cross_attend": True, "cross_attn_dim_context": 20},
    },
    "interspersed memory, padding": {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "deep embeddings, memory tokens": {"ff_deep_embed": True, "num_memory_tokens": 2},
    "unit embeddings, sinusoid": {"l2norm_embed": True, "position_embedding": "sinusoidal"},
}


@pytest.mark.parametrize("values", CRASHES.values(), ids=CRASHES)
def test_what_it_crashes_on_works(values, tmp_path):
    """Forward, backward, cache, padding, saving: everything."""
    assert outcome(DECODER, values, tmp_path) == RAN


SEGMENTS: dict[str, dict[str, Any]] = {
    "value residual with a mix": SHARED_VALUES,
    "polar positions": {"polar_pos_emb": True},
    "streams": HYPER,
    "gated streams": {"residual": "gated_multi", "num_residual_streams": 2},
    "token shift": {"shift_tokens": 1},
}


@pytest.mark.parametrize("values", SEGMENTS.values(), ids=SEGMENTS)
def test_what_it_crashes_on_with_mems_works(values):
    """A segment with the mems of the one before, at once and token by token."""
    model, ids = DECODER.build({**values, **MEMS}), tokens()
    mems = model(ids[:, :6], return_mems=True, return_dict=True).mems
    whole = model(ids[:, 6:], mems=mems).numpy()
    cache, found = None, []
    for at in range(6, 14):
        given = {"mems": mems} if cache is None else {"past_key_values": cache}
        output = model(ids[:, at : at + 1], use_cache=True, return_dict=True, **given)
        cache = output.past_key_values
        found.append(output.logits.numpy())
    np.testing.assert_allclose(np.concatenate(found, 1), whole, atol=1e-4)
    assert np.abs(whole - model(ids[:, 6:]).numpy()).max() > 1e-4


FRONTS: dict[str, tuple[Subject, dict[str, Any]]] = {
    "deep embeddings": (DECODER, {"ff_deep_embed": True}),
    "deep embeddings, memory tokens": (DECODER, {"ff_deep_embed": True, "num_memory_tokens": 2}),
    "vectors, memory tokens": (CONTINUOUS, {"num_memory_tokens": 2}),
}


@pytest.mark.parametrize(("subject", "values"), FRONTS.values(), ids=FRONTS)
def test_vectors_in_front_go_with_what_it_crashes_on(subject, values):
    model = subject.build(values)
    inputs, front = subject.feed(model), drawn(3, 2, 3, 32)
    found = subject.numbers(model, inputs, prepend_embeds=front)
    assert found.shape == subject.numbers(model, inputs).shape
    assert np.abs(found - subject.numbers(model, inputs)).max() > 1e-4


def test_the_mean_of_tokens_goes_with_vectors_in_front_and_padding():
    sizes = {name: value for name, value in SMALL.items() if not name.endswith("_token_id")}
    paddle.seed(0)
    model = XEncoderModel(XEncoderConfig(**sizes, pooler="mean"))
    redraw_parameters(model)
    model.eval()
    ids, front = tokens(), drawn(3, 2, 3, 32)
    mask = paddle.ones_like(ids)
    mask[0, 9:] = 0
    together = model(ids, attention_mask=mask, prepend_embeds=front, return_dict=True).pooler_output
    alone = model(ids[:1, :9], prepend_embeds=front[:1], return_dict=True).pooler_output
    np.testing.assert_allclose(together[:1].numpy(), alone.numpy(), atol=1e-5)


@pytest.mark.parametrize("values", [{"max_attend_past": 4}, {"position_bias": "alibi"}, FORGETTING], ids=str)
def test_keys_from_outside_go_with_windows_and_biases(values):
    model, ids = DECODER.build(values), tokens()
    pairs = [(drawn(place, 2, 4, 3, 8), drawn(place + 5, 2, 4, 3, 8)) for place in range(2)]
    whole = model(ids, self_attn_additional_kv=pairs).numpy()
    assert np.abs(whole - model(ids).numpy()).max() > 1e-3
    first = model(ids[:, :9], self_attn_additional_kv=pairs, use_cache=True, return_dict=True)
    rest = model(ids[:, 9:], self_attn_additional_kv=pairs, past_key_values=first.past_key_values)
    np.testing.assert_allclose(rest[0].numpy() if isinstance(rest, tuple) else rest.numpy(), whole[:, 9:], atol=1e-4)


@pytest.mark.parametrize(
    "values",
    [{"sigsoftmax_logits": True}, {"mixture_of_softmax": True}, {"squeeze_out_last_dim": True, "logits_dim": 1}],
    ids=str,
)
def test_the_embeddings_of_any_head_can_be_had(values):
    """There it wants the logits, which it has not made."""
    model, ids = DECODER.build(values), tokens()
    found = model.xdecoder(ids, return_dict=True).last_hidden_state
    assert found.shape == [2, 14, 32]
    vectors = drawn(3, 2, 3, 32)
    whole = model.xdecoder(ids, prepend_embeds=vectors, excise_prepend_embeds=False, return_dict=True)
    assert whole.last_hidden_state.shape == [2, 17, 32]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "tied head, another width": (
        {"tie_word_embeddings": True, "emb_dim": 16},
        "tie_word_embeddings=True needs emb_dim",
    ),
    "polar positions, memory keys": ({"polar_pos_emb": True, **MEM_KV}, "attn_num_mem_kv=2"),
    "streams with views, mems": ({**VIEWS, **MEMS}, "qkv_receive_diff_residuals=True"),
    # Taken without an effect
    "a bound beside a gate": ({"ff_softclamp_value": 1.5, "ff_glu": True}, "ff_softclamp_value"),
    "bounds of a gate that is not bounded": ({"ff_glu": True, "ff_glu_up_softclamp_value": 3.0}, "ff_glu_up_softclamp"),
    "factors of a norm that is off": ({"attn_qk_norm_dim_scale": True}, "attn_qk_norm_dim_scale"),
    "two activations": ({"ff_swish": True, "ff_relu_squared": True}, "ff_swish=True and ff_relu_squared=True"),
    "weight of a loss": ({"attn_z_loss_weight": 0.1}, "attn_z_loss_weight"),
}


@pytest.mark.parametrize(("values", "named"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_by_name(values, named):
    with pytest.raises(ConfigError, match=named):
        DECODER.build(values)


@pytest.mark.parametrize("keywords", [{"input_not_include_cache": True}, {"attn_z_loss_weight": 0.1}], ids=str)
def test_keywords_that_it_drops_are_refused(keywords):
    with pytest.raises(ConfigError, match=next(iter(keywords))):
        Decoder(dim=32, depth=1, heads=4, **keywords)


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        ({"ff_glu": True, "ff_no_bias": True}, {"ff_glu": True}),
        ({"attn_inverted_attention": True}, {}),
        ({"attn_hybrid_module": "gru", "attn_hybrid_learned_mix": True}, {"attn_hybrid_module": "gru"}),
    ],
    ids=str,
)
def test_what_has_no_effect_there_has_one(values, plain):
    with_it, without = DECODER.build(values), DECODER.build(plain)
    names = {name for name, _ in without.named_parameters()} ^ {name for name, _ in with_it.named_parameters()}
    results = [DECODER.numbers(model, {"input_ids": tokens(), **extras(model)}) for model in (with_it, without)]
    assert np.abs(results[0] - results[1]).max() > 1e-3 or any("bias" in name for name in names)
