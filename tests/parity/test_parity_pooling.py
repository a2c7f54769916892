"""One vector for a sequence, or several side by side: their attention pool and their mean against our poolers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import FAMILIES, STACK, WRAPPER, build_theirs, make_inputs, numpy_weights, paddle

from paddle_xformers import XEncoderConfig, XEncoderModel
from paddle_xformers.convert import load_x_transformers

TOLERANCE = 1e-5
ENCODER = FAMILIES[1]
each_padding = pytest.mark.parametrize("inputs", [(), ("right padding",)], ids=["whole", "padded"])


def both(case: Case, **fields) -> tuple[torch.Tensor, paddle.Tensor, np.ndarray]:
    """What they return, our pooled vector, and the weight of their output layer."""
    theirs = build_theirs(case, ENCODER)
    ours = XEncoderModel(XEncoderConfig(**STACK | WRAPPER | case.upstream | fields))
    ours.eval()
    load_x_transformers(ours, numpy_weights(theirs))
    given = make_inputs(case)
    mask = given.padding
    with torch.no_grad():
        found = theirs(torch.tensor(given.ids[0]), mask=None if mask is None else torch.tensor(mask))
    mask = None if mask is None else paddle.to_tensor(mask)
    pooled = ours(paddle.to_tensor(given.ids[0]), attention_mask=mask, return_dict=True).pooler_output
    return found, pooled, numpy_weights(theirs)["to_logits.weight"]


@each_padding
@pytest.mark.parametrize("upstream", [{}, {"heads": 1, "attn_dim_head": 32}, {"attn_kv_heads": 2}], ids=str)
def test_attention_pool(inputs, upstream) -> None:
    case = Case("pool", upstream, their_wrapper={"attn_pool": True}, inputs=inputs)
    found, pooled, _ = both(case, pooler="attention")
    assert np.abs(found.numpy()).max() > 0.1
    np.testing.assert_allclose(pooled.numpy(), found.numpy()[:, 0], atol=TOLERANCE)


@each_padding
@pytest.mark.parametrize(
    "fields",
    [{"num_pooled_tokens": 3}, {"dim_pooled_tokens": 12}, {"attn_pool_depth": 2, "num_pooled_tokens": 2}],
    ids=str,
)
def test_several_pooled_tokens_and_blocks(inputs, fields) -> None:
    case = Case("pool", {"attn_kv_heads": 2}, their_wrapper={"attn_pool": True, **fields}, inputs=inputs)
    found, pooled, _ = both(case, pooler="attention", **fields)
    assert np.abs(found.numpy()).max() > 0.1
    np.testing.assert_allclose(pooled.numpy(), found.numpy().reshape(pooled.shape), atol=TOLERANCE)


@each_padding
def test_mean(inputs) -> None:
    case = Case("mean", their_wrapper={"average_pool_embed": True}, inputs=inputs)
    found, pooled, head = both(case, pooler="mean")
    np.testing.assert_allclose(pooled.numpy() @ head.T, found.numpy(), atol=TOLERANCE)
