"""Blocks that run more than once in one call, and functions of their inputs, as in x-transformers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import build, paddle

CALLS = {
    "one block": {"repeat_blocks": (1, 3)},
    "a group": {"repeat_blocks": ((0, 1), 2)},
    "two groups": {"repeat_blocks": (((1, 2), 2), (3, 3))},
    "layers": {"layers_execute_order": (0, 1, 4, 5, 4, 5)},
    "functions by block": {"transform_block_inputs": {2: lambda x: x * 2, 4: lambda x: x + 1}},
    "one function": {"transform_block_inputs": lambda block, x: x * block},
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_with_its_own_order_of_layers(name):
    call = CALLS[name]
    pair = build(Case(name, {"depth": 4, "rotary_pos_emb": True}))
    ids = pair.inputs.ids[-1]
    ours = pair.ours(paddle.to_tensor(ids), return_dict=True, **call).logits.numpy()
    theirs = pair.theirs(torch.tensor(ids), **call).detach().numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * max(1.0, np.abs(theirs).max()))
    assert np.abs(theirs - pair.theirs(torch.tensor(ids)).detach().numpy()).max() > 1e-3
