"""What layers read and scored: ours against the intermediates of theirs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import FAMILIES, STACK, build, paddle

TOLERANCE = 1e-5
CASES = [
    Case("plain"),
    Case("grouped heads, capped", {"rotary_pos_emb": True, "attn_kv_heads": 2, "attn_softclamp_logits": True}),
    Case("memory tokens, t5", {"rel_pos_bias": True}, {"num_memory_tokens": 3}),
    Case("memory keys, shared values", {"attn_num_mem_kv": 2, "add_value_residual": True}),
    Case("cross attention", {"cross_attend": True, "sandwich_norm": True}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_intermediates(case: Case, family) -> None:
    pair = build(case, family)
    given, lead = pair.inputs, pair.theirs.num_memory_tokens
    theirs, ours = {}, {}
    if given.context is not None:
        theirs["context"], ours["encoder_hidden_states"] = torch.tensor(given.context), paddle.to_tensor(given.context)
    with torch.no_grad():
        _, seen = pair.theirs(torch.tensor(given.ids[0]), return_intermediates=True, **theirs)
    wishes = {"return_intermediates": True, "output_hidden_states": True, "return_dict": True}
    output = pair.ours(paddle.to_tensor(given.ids[0]), **wishes, **ours)

    def same(found, expected) -> None:
        np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=TOLERANCE, rtol=1e-5)

    records = output.intermediates
    for record, hidden in zip(records, seen.layer_hiddens[:-1], strict=True):
        same(record.hidden, hidden[:, lead:])
    reads = [record.hidden for record in records if record.kind == "a"]
    for hidden, expected in zip(reads, seen.hiddens, strict=True):
        same(hidden, expected[:, lead:])
    for states, expected in zip(output.hidden_states[1:], seen.block_hiddens, strict=True):
        same(states, expected[:, lead:])
    same(output.hidden_states[-1], seen.last_hidden[:, lead:])
    heads, groups = STACK["heads"], case.upstream.get("attn_kv_heads", STACK["heads"])
    order = np.arange(heads).reshape([-1, groups]).T.ravel()  # those that share a key head stand together here
    attended = [record for record in records if record.kind != "f"]
    length = given.ids[0].shape[1]
    for record, expected in zip(attended, seen.attn_intermediates, strict=True):
        assert record.kind == expected.layer_type
        keys = slice(-length, None) if record.kind == "a" else slice(None)
        if record.kind == "c":
            keys = slice(-given.context.shape[1], None)
        weights = expected.post_softmax_attn[:, order, lead:, keys]
        same(record.weights[..., keys.start or 0 :], weights)
        sees = weights.numpy() > 0
        scores = record.scores.numpy()[..., keys.start or 0 :]
        np.testing.assert_allclose(
            scores[sees], expected.pre_softmax_attn[:, order, lead:, keys].numpy()[sees], atol=1e-4
        )
        assert sees.all() or scores[~sees].max() < -1e4
        same(record.values, expected.values[:, :, lead:] if record.kind == "a" else expected.values)
    if lead:
        same(output.memory_states, seen.memory_tokens)
    assert pair.ours(paddle.to_tensor(given.ids[0]), return_dict=True, **ours).intermediates is None
