"""Biases that tokens compute, under masks of three and four axes; test_attention_combinations.py has their bundles."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ..contracts.cases import build, logits, tokens
from .position_bundles import BY_ROW, COPE, CURVES, DYNAMIC, FORGETTING

MASKED = {"forgetting": FORGETTING, "by row": BY_ROW, "curves": CURVES, "contextual": COPE, "dynamic": DYNAMIC}


@pytest.mark.parametrize("fields", MASKED.values(), ids=MASKED)
@pytest.mark.parametrize("axes", [3, 4])
def test_what_a_mask_with_more_axes_hides_is_not_seen(fields, axes):
    """A token that nobody may look at still has its place, and its gate; only that is left of it."""
    model, ids = build({**fields, "depth": 1, "position_embedding": "none"}), tokens()
    mask = paddle.ones([2, 14, 14], dtype="int64")
    mask[:, :, 4] = 0
    mask[:, 4, 4] = 1
    mask = mask if axes == 3 else mask.unsqueeze(1)
    whole = logits(model, ids, attention_mask=mask)
    first = model(ids[:, :9], attention_mask=mask[..., :9, :9], use_cache=True, return_dict=True)
    rest = logits(model, ids[:, 9:], attention_mask=mask[..., 9:, :], past_key_values=first.past_key_values)
    np.testing.assert_allclose(np.concatenate([first.logits.numpy(), rest], 1), whole, atol=1e-4)
    keys = paddle.ones([2, 14], dtype="int64")
    keys[:, 4] = 0
    hidden = logits(model, ids, self_attn_kv_mask=keys)
    others = [place for place in range(14) if place != 4]
    np.testing.assert_allclose(hidden[:, others], whole[:, others], atol=1e-5)
    other = ids.clone()
    other[:, 4] = (other[:, 4] - 3 + 7) % 34 + 3
    moved = np.abs(logits(model, other, attention_mask=mask) - whole)[:, others].max()
    assert (moved > 1e-5) == ("attn_data_dependent_alibi" in fields)
