"""Parameters that do not learn: the others get the gradients they would get anyway."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ..contracts.cases import build, tokens

BUNDLES = {
    "default": {},
    "llama": {"rotary_pos_emb": True, "attn_kv_heads": 2, "ff_glu": True, "norm": "rmsnorm"},
    "biases": {"attn_qkv_bias": True, "attn_out_bias": True, "norm_bias": True, "post_emb_norm": True},
    "scalenorm": {"norm": "scalenorm", "position_bias": "t5"},
    "streams": {"residual": "hyper", "num_residual_streams": 2, "num_memory_tokens": 2},
    "tied": {"tie_word_embeddings": True},
}
FROZEN = {
    "embeddings": "embeddings",
    "norms": "norm",
    "projections": "q_proj|v_proj",
    "keys": "k_proj",
    "feed-forward": r"\.ff\.",
    "biases": r"\.bias$",
    "weights of linears": r"proj\.weight$",
    "embeddings and keys": "embeddings|k_proj",
    "all but the head": "^xdecoder",
    "all but the last layer": "^(?!.*layers.3)",
    "all but the norms": "^(?!.*norm)",
    "all but the biases": r"^(?!.*\.bias$)(?!.*lm_head)",
}


def gradients(fields: dict, frozen: str | None, kernel: str) -> dict[str, np.ndarray | None]:
    model = build(fields, attn_kernel=kernel)
    model.train()
    for name, parameter in model.named_parameters():
        parameter.stop_gradient = frozen is not None and bool(re.search(frozen, name))
    model(tokens(), labels=tokens())[0].backward()
    return {
        name: None if parameter.grad is None else parameter.grad.numpy() for name, parameter in model.named_parameters()
    }


@pytest.mark.parametrize("kernel", ["auto", "eager"])
@pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)
def test_frozen_parameters_change_no_gradient_of_the_others(fields, kernel):
    whole = gradients(fields, None, kernel)
    for frozen in FROZEN.values():
        found = gradients(fields, frozen, kernel)
        for name, gradient in whole.items():
            if re.search(frozen, name):
                assert found[name] is None, (frozen, name)
            else:
                np.testing.assert_allclose(found[name], gradient, atol=1e-6, err_msg=f"{frozen}: {name}")


def test_nothing_to_learn_needs_no_graph():
    model = build({})
    for parameter in model.parameters():
        parameter.stop_gradient = True
    assert model(tokens(), labels=tokens())[0].stop_gradient
