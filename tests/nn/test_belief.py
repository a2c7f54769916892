"""Belief attention in a decoder of one attention layer, against float64 NumPy: token by token, head by head."""

from __future__ import annotations

import numpy as np
import pytest

from ..contracts.cases import build, tokens
from .decoder_reference import norm

WHOLE, BY_HEAD = "attn_orthog_projected_values", "attn_orthog_projected_values_per_head"
HEADS, KV, WIDTH = 4, 2, 8


def rest(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What is left of one vector without another's direction."""
    return x - (x @ y) / (y @ y) * y


def logits(weights: dict[str, np.ndarray], ids: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    own = {name.partition("attn.")[2]: value for name, value in weights.items() if "layers.0.attn." in name}
    x = weights["xdecoder.embeddings.word_embeddings.weight"][ids]
    x = x + weights["xdecoder.embeddings.position_embeddings.weight"][: len(ids)] / np.sqrt(x.shape[1])
    seen = norm(x, weights["xdecoder.stack.layers.0.pre_norm.weight"])
    q, k, v = (seen @ own[f"{name}_proj.weight"] for name in "qkv")
    groups = [slice(head // (HEADS // KV) * WIDTH, (head // (HEADS // KV) + 1) * WIDTH) for head in range(HEADS)]
    parts: dict[str, list[np.ndarray]] = {WHOLE: [], BY_HEAD: []}
    for at in range(len(ids)):
        attended, values = [], []
        for head, group in enumerate(groups):
            scores = k[: at + 1, group] @ q[at, head * WIDTH : (head + 1) * WIDTH] / np.sqrt(WIDTH)
            shares = np.exp(scores - scores.max())
            attended.append(shares / shares.sum() @ v[: at + 1, group])
            values.append(v[at, group])
        parts[WHOLE].append(rest(np.concatenate(attended), np.concatenate(values)))
        parts[BY_HEAD].append(np.concatenate([rest(*pair) for pair in zip(attended, values, strict=True)]))
    merged = np.concatenate([np.stack(parts[name]) for name in (WHOLE, BY_HEAD) if name in names], axis=1)
    x = norm(x + merged @ own["o_proj.weight"], weights["xdecoder.stack.final_norm.weight"])
    return x @ weights["lm_head.weight"].T


@pytest.mark.parametrize("names", [(WHOLE,), (BY_HEAD,), (WHOLE, BY_HEAD)], ids=str)
def test_what_points_along_the_own_values_is_left_out(names):
    fields = {"depth": 1, "only_attn": True, "attn_kv_heads": KV, **dict.fromkeys(names, True)}
    model, ids = build(fields), tokens()
    weights = {name: value.numpy().astype("float64") for name, value in model.state_dict().items()}
    found = model(ids).numpy()
    # The first token sees itself alone, and nothing is left of what it attended.
    for row, own in enumerate(ids.numpy()):
        np.testing.assert_allclose(found[row], logits(weights, own, names), atol=1e-5)
