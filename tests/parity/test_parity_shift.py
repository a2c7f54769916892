"""Token shift of a bidirectional stack: the cases of test_parity.py are all causal."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parity_models import BATCH, LENGTH, STACK, WRAPPER, numpy_weights, paddle
from x_transformers import Encoder, TransformerWrapper
from x_transformers.x_transformers import ShiftTokens

from paddle_xformers import XEncoderConfig, XEncoderModel
from paddle_xformers.convert import load_x_transformers
from paddle_xformers.nn.shift import TokenShift, line_up

VALID = {
    "whole rows": [[0, LENGTH], [0, LENGTH]],
    "left padding": [[4, LENGTH], [0, LENGTH]],
    "right padding": [[0, LENGTH], [0, LENGTH - 5]],
}


def mask_of(bounds) -> np.ndarray:
    places = np.arange(LENGTH)
    return np.stack([(places >= start) & (places < stop) for start, stop in bounds])


@pytest.mark.parametrize("reach", [1, 2, 3])
@pytest.mark.parametrize("bounds", VALID.values(), ids=VALID)
def test_chunks_of_one_layer(bounds, reach) -> None:
    x, valid = np.random.default_rng(0).standard_normal((BATCH, LENGTH, 32)).astype("float32"), mask_of(bounds)
    theirs = ShiftTokens(range(-reach, reach + 1), lambda t, mask: t)(torch.tensor(x), mask=torch.tensor(valid))
    ours, _ = TokenShift(32, reach, causal=False)(paddle.to_tensor(x), line_up(paddle.to_tensor(valid)))
    np.testing.assert_array_equal(ours.numpy()[valid], theirs.numpy()[valid])


# Upstream hands no mask to its feed-forward layers, so that padding leaks into the shift of theirs.
@pytest.mark.parametrize(
    ("shift", "bounds"),
    [(2, VALID["whole rows"]), ((1, 0, 2, 0), VALID["left padding"]), ((1, 0, 2, 0), VALID["right padding"])],
    ids=VALID,
)
def test_hidden_states_of_an_encoder(shift, bounds) -> None:
    options = {"rotary_pos_emb": True, "shift_tokens": shift}
    theirs = TransformerWrapper(**WRAPPER, attn_layers=Encoder(**STACK, **options, verbose=False)).eval()
    ours = XEncoderModel(XEncoderConfig(**STACK, **WRAPPER, **options))
    ours.eval()
    load_x_transformers(ours, numpy_weights(theirs))
    ids, valid = np.random.default_rng(1).integers(0, 50, (BATCH, LENGTH)), mask_of(bounds)
    with torch.no_grad():
        expected = theirs(torch.tensor(ids), mask=torch.tensor(valid), return_embeddings=True).numpy()
    found = ours(paddle.to_tensor(ids), attention_mask=paddle.to_tensor(valid))[0].numpy()
    np.testing.assert_allclose(found[valid], expected[valid], atol=1e-5)
