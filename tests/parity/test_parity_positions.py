"""Positions that a call gives: whole numbers are `position_ids`, vectors are `sum_embeds` without positions of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_models import BATCH, FAMILIES, LENGTH, STACK, WRAPPER, numpy_weights, paddle
from x_transformers import TransformerWrapper

from paddle_xformers.convert import load_x_transformers

# Some stand twice, some are left out; rows differ.
PLACES = np.array([[0, 0, 1, 1, 4, 5, 6, 7, 8, 9, 12, 12, 13, 20], [3, 4, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]])


def pair(family: Any, options: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]) -> tuple[Any, Any]:
    """Both models with the same weights."""
    stack = family.stack(**STACK, **options, verbose=False)
    expected = TransformerWrapper(**WRAPPER, **theirs, attn_layers=stack).eval()
    found = family.model(family.config(**STACK, **WRAPPER, **options, **ours))
    found.eval()
    load_x_transformers(found, numpy_weights(expected))
    return expected, found


def ids() -> np.ndarray:
    return np.random.default_rng(0).integers(0, WRAPPER["num_tokens"], (BATCH, LENGTH))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize(
    "options", [{}, {"rotary_pos_emb": True}, {"alibi_pos_bias": True}], ids=["table", "rotary", "alibi"]
)
@pytest.mark.parametrize("shared", [False, True], ids=["each row", "all rows"])
def test_positions_of_a_call(family: Any, options: dict[str, Any], shared: bool) -> None:
    theirs, ours = pair(family, options, {}, {})
    places = PLACES[0] if shared else PLACES
    with torch.no_grad():
        expected = theirs(torch.tensor(ids()), pos=torch.tensor(places)).numpy()
    found = ours(paddle.to_tensor(ids()), position_ids=paddle.to_tensor(places), return_dict=True).logits.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_vectors_of_positions(family: Any) -> None:
    theirs, ours = pair(family, {}, {"use_abs_pos_emb": False}, {"position_embedding": "none"})
    vectors = np.random.default_rng(1).standard_normal((BATCH, LENGTH, STACK["dim"])).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.tensor(ids()), pos=torch.tensor(vectors)).numpy()
    found = ours(paddle.to_tensor(ids()), sum_embeds=paddle.to_tensor(vectors), return_dict=True).logits.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
