"""Prefix decoders: theirs in a wrapper against ours, logits and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import Family, build, paddle
from x_transformers.x_transformers import PrefixDecoder

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM

TOLERANCE = 1e-5
FAMILY = Family("decoder", PrefixDecoder, XDecoderConfig, XDecoderForCausalLM)
OURS = {"prefix_lm": True}
CASES = [
    Case("learned positions", ours=OURS),
    Case("rotary, grouped heads", {"rotary_pos_emb": True, "attn_kv_heads": 2}, ours=OURS),
    Case("t5", {"rel_pos_bias": True}, ours=OURS),
    Case("alibi, padding", {"alibi_pos_bias": True}, ours=OURS, inputs=("right padding",)),
    Case("memory tokens", {"rotary_pos_emb": True}, {"num_memory_tokens": 3}, ours=OURS),
    Case("window, capped scores", {"attn_max_attend_past": 4, "attn_softclamp_logits": True}, ours=OURS),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("prefix", [5, [2, 9], None], ids=str)
def test_prefix_decoder(case: Case, prefix) -> None:
    pair = build(case, FAMILY)
    given, lead = pair.inputs, pair.theirs.num_memory_tokens
    theirs, ours = {}, {}
    if given.padding is not None:
        theirs["mask"], ours["attention_mask"] = torch.tensor(given.padding), paddle.to_tensor(given.padding)
    if prefix is not None:  # theirs counts the memory tokens as well
        counted = np.array(prefix) + lead
        theirs["prefix_attn_len"] = int(counted) if counted.ndim == 0 else torch.tensor(counted)
        ours["prefix_attn_len"] = prefix if isinstance(prefix, int) else paddle.to_tensor(prefix)
    expected = pair.theirs(torch.tensor(given.ids[0]), **theirs)
    found = pair.ours(paddle.to_tensor(given.ids[0]), return_dict=True, **ours).logits
    valid = given.valid
    np.testing.assert_allclose(found.numpy()[valid], expected.detach().numpy()[valid], atol=TOLERANCE)
    (expected * torch.tensor(given.weights)).sum().backward()
    (found * paddle.to_tensor(given.weights)).sum().backward()
    slopes = pair.theirs.token_emb.emb.weight.grad.numpy()
    gradient = pair.ours.xdecoder.embeddings.word_embeddings.weight.grad.numpy()
    assert np.abs(gradient - slopes).max() <= TOLERANCE * max(1.0, np.abs(slopes).max())
