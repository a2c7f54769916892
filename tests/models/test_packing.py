"""Several sequences in one row: each gives what it gives alone, whatever the configuration."""

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
    XEncoderModel,
)

from ..contracts.cases import SMALL, build, tokens

LENGTHS, ENDS = (5, 1, 8), [0, 5, 6, 14]
CONTEXT = [0, 2, 5, 9]
BETWEEN = {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3}
BUNDLES = {
    "default": {},
    "rotary, memory": {"rotary_pos_emb": True, "num_memory_tokens": 3, "attn_num_mem_kv": 2},
    "alibi, shifted": {"position_bias": "alibi", "shift_tokens": 2, "max_attend_past": 3},
    "selective, streams": {"attn_selective": True, "num_residual_streams": 2, "attn_kv_heads": 2},
    "inverted, sinks": {"attn_inverted_attention": True, "attn_head_learned_sink": True},
    "forgetting, curves": {"attn_data_dependent_alibi": True, "attn_use_rel_proj_pos_bias": True},
    "forgetting by row, dynamic": {
        **{"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True},
        **{"position_bias": "dynamic", "num_memory_tokens": 2},
    },
    "contextual": {"attn_use_cope": True, "attn_cope_max_pos": 4, "attn_cope_talking_heads": True},
    "memory between, window": {
        "rotary_pos_emb": True,
        "num_memory_tokens": 2,
        "memory_tokens_interspersed_every": 3,
        "max_attend_past": 4,
    },
    "latents": {"attn_dim_latent_kv": 12, "attn_latent_rope_subheads": 1, "rotary_pos_emb": True},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


def parts(row):
    return [row[:, start:stop] for start, stop in zip(ENDS, ENDS[1:], strict=False)]


@each_bundle
@pytest.mark.parametrize("as_tensor", [False, True])
def test_each_sequence_gives_what_it_gives_alone(fields, as_tensor):
    model, ids = build(fields), tokens(1)
    given = (
        {"cu_seqlens_q": paddle.to_tensor(ENDS, "int32"), "max_seqlen_q": 8} if as_tensor else {"cu_seqlens_q": ENDS}
    )
    output = model(ids, flash_pack_seq_kwargs=given, output_hidden_states=True, return_dict=True)
    alone = np.concatenate([model(part).numpy() for part in parts(ids)], axis=1)
    np.testing.assert_allclose(output.logits.numpy(), alone, atol=1e-5)
    assert all(states.shape == [1, 14, 32] for states in output.hidden_states)
    changed = ids.clone()
    changed[:, :5] = 7
    after = model(changed, flash_pack_seq_kwargs=given).numpy()
    np.testing.assert_allclose(after[:, 5:], alone[:, 5:], atol=1e-5)


@each_bundle
def test_the_loss_is_that_of_the_sequences(fields):
    model, ids = build(fields), tokens(1)
    loss = model(ids, labels=ids, flash_pack_seq_kwargs={"cu_seqlens_q": ENDS})[0]
    pieces = [part for part in parts(ids) if part.shape[1] > 1]
    losses = [float(model(part, labels=part)[0]) for part in pieces]
    counts = [part.shape[1] - 1 for part in pieces]
    assert float(loss) == pytest.approx(np.average(losses, weights=counts), abs=1e-5)
    loss.backward()
    assert all(bool(paddle.isfinite(p.grad).all()) for p in model.parameters() if p.grad is not None)


def test_a_context_of_several_sequences():
    model, ids = build({"cross_attend": True}), tokens(1)
    context = paddle.randn([1, CONTEXT[-1], 32])
    packed = {"flash_pack_seq_kwargs": {"cu_seqlens_q": ENDS}}
    packed |= {"flash_pack_seq_context_kwargs": {"cu_seqlens_k": CONTEXT}}
    found = model(ids, encoder_hidden_states=context, **packed).numpy()
    seen = [context[:, start:stop] for start, stop in zip(CONTEXT, CONTEXT[1:], strict=False)]
    alone = [model(part, encoder_hidden_states=own).numpy() for part, own in zip(parts(ids), seen, strict=True)]
    np.testing.assert_allclose(found, np.concatenate(alone, axis=1), atol=1e-5)
    with pytest.raises(InputError, match="flash_pack_seq_context_kwargs"):
        model(ids, encoder_hidden_states=context, flash_pack_seq_kwargs={"cu_seqlens_q": ENDS})


def test_encoders_too():
    model, ids = XEncoderForMaskedLM(XEncoderConfig(**SMALL)), tokens(1)
    model.eval()
    found = model(ids, flash_pack_seq_kwargs={"cu_seqlens_q": ENDS}).numpy()
    np.testing.assert_allclose(found, np.concatenate([model(part).numpy() for part in parts(ids)], axis=1), atol=1e-5)


REFUSED = {
    "two rows": (2, {"cu_seqlens_q": ENDS}, {}, "one row"),
    "another length": (1, {"cu_seqlens_q": [0, 5, 13]}, {}, "length of the row, 14"),
    "no lengths": (1, {}, {}, "cu_seqlens_q"),
    "a tensor alone": (1, {"cu_seqlens_q": paddle.to_tensor(ENDS)}, {}, "max_seqlen_q"),
    "a mask": (1, {"cu_seqlens_q": ENDS}, {"attention_mask": paddle.ones([1, 14])}, "attention_mask does not go"),
    "a cache": (1, {"cu_seqlens_q": ENDS}, {"use_cache": True}, "use_cache does not go"),
}


@pytest.mark.parametrize(("b", "given", "more", "words"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_go_with_packed_sequences(b, given, more, words):
    with pytest.raises(InputError, match=words):
        build({})(tokens(b), flash_pack_seq_kwargs=given, **more)


def test_models_over_vectors_take_no_packed_sequences():
    model = XContinuousModel(XContinuousConfig(dim=32, depth=1, heads=2, attn_dim_head=8))
    with pytest.raises(InputError, match="flash_pack_seq_kwargs"):
        model(paddle.randn([1, 14, 32]), flash_pack_seq_kwargs={"cu_seqlens_q": ENDS})


def test_what_makes_one_result_of_a_row_takes_no_packed_sequences():
    decoder = XDecoderForSequenceClassification(XDecoderConfig(**SMALL))
    answers = XEncoderForQuestionAnswering(XEncoderConfig(**SMALL))
    models = (decoder, answers, XEncoderModel(XEncoderConfig(**SMALL, pooler="mean")))
    for model in models:
        with pytest.raises(InputError, match="flash_pack_seq_kwargs does not go"):
            model(tokens(1), flash_pack_seq_kwargs={"cu_seqlens_q": ENDS})


def test_a_loss_of_embeddings_takes_no_packed_sequences():
    model, ids = build({"add_continuous_pred_head": True}), tokens(1)
    with pytest.raises(InputError, match="add_continuous_pred_head=True"):
        model(ids, labels=ids, flash_pack_seq_kwargs={"cu_seqlens_q": ENDS})
