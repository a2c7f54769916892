"""What is added inside an attention layer, against x-transformers' Attention, which alone takes it there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import Pair, build, paddle

N, HEADS, WIDTH = 14, 4, 8
DRAW = np.random.default_rng(2)
DELTAS = {name: DRAW.normal(size=(2, N, HEADS * WIDTH)).astype("float32") for name in ("q", "k", "v", "o")}
WEIGHTS = np.tril(DRAW.normal(size=(2, HEADS, N, N))).astype("float32")  # theirs adds to keys that are not seen as well
X = DRAW.normal(size=(2, N, 32)).astype("float32")


@pytest.mark.parametrize(
    "options", [{}, {"attn_gate_values": True, "attn_qk_rmsnorm": True}, {"attn_head_scale": True, "attn_laser": True}]
)
@pytest.mark.parametrize("names", [("q",), ("k",), ("v",), ("o",), ("attn",), ("q", "k", "v", "o", "attn")], ids=str)
def test_deltas(options: dict[str, Any], names: tuple[str, ...]) -> None:
    pair: Pair = build(Case("deltas", options))
    arrays = {f"{name}_delta": DELTAS.get(name, WEIGHTS) for name in names}
    theirs = pair.theirs.attn_layers.layers[0][1]
    with torch.no_grad():
        expected = theirs(torch.tensor(X), **{name: torch.tensor(array) for name, array in arrays.items()}).numpy()
    stack, found = pair.ours.xdecoder.stack, {}
    layer = stack.layers[0].attn
    layer.register_forward_post_hook(lambda _layer, _given, result: found.update(output=result.output))
    stack.layers[0].pre_norm = None
    given = {name: paddle.to_tensor(array) for name, array in arrays.items()}
    pair.ours.xdecoder(inputs_embeds=paddle.to_tensor(X) - _positions(pair), attn_deltas=[given, None])
    np.testing.assert_allclose(found["output"].numpy(), expected, atol=1e-5 * max(1, np.abs(expected).max()))


def _positions(pair: Pair) -> Any:
    """What the embeddings add to the vectors that they are given."""
    table = pair.ours.xdecoder.embeddings.position_embeddings.weight[:N]
    return table * table.shape[1] ** -0.5
