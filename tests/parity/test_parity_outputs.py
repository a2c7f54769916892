"""What else both models give: hidden states and attention weights; and weights in other wrappings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import Pair, build, numpy_weights, paddle
from x_transformers import AutoregressiveWrapper

from paddle_xformers import XDecoderModel
from paddle_xformers.convert import load_x_transformers
from paddle_xformers.convert.heads import head_order

TOLERANCE = 1e-5
KV_HEADS, HEADS = 2, 4


@pytest.fixture(scope="module")
def pair() -> Pair:
    return build(Case("cross attention, grouped heads", {"cross_attend": True, "attn_kv_heads": KV_HEADS}))


@pytest.fixture(scope="module")
def outputs(pair: Pair):
    """Ours, then theirs: last hidden state and intermediates."""
    ids, context = pair.inputs.ids[0], pair.inputs.context
    with torch.no_grad():
        hidden, seen = pair.theirs(
            torch.tensor(ids), context=torch.tensor(context), return_embeddings_and_intermediates=True
        )
    with paddle.no_grad():
        ours = pair.ours.xdecoder(
            paddle.to_tensor(ids),
            encoder_hidden_states=paddle.to_tensor(context),
            output_hidden_states=True,
            output_attentions=True,
            return_dict=True,
        )
    return ours, hidden, seen


def test_last_hidden_state(outputs) -> None:
    ours, hidden, _ = outputs
    np.testing.assert_allclose(ours.last_hidden_state.numpy(), hidden.numpy(), atol=TOLERANCE)
    assert (ours.hidden_states[-1] == ours.last_hidden_state).all()


def test_hidden_states_before_each_block(outputs) -> None:
    ours, _, seen = outputs
    for states, reference in zip(ours.hidden_states[:-1], seen.hiddens, strict=True):
        np.testing.assert_allclose(states.numpy(), reference.numpy(), atol=TOLERANCE)


def test_attention_weights_in_our_order_of_heads(outputs) -> None:
    ours, _, seen = outputs
    order = head_order(HEADS, KV_HEADS)
    for kind, weights in (("a", ours.attentions), ("c", ours.cross_attentions)):
        theirs = [layer.post_softmax_attn for layer in seen.attn_intermediates if layer.layer_type == kind]
        for mine, reference in zip(weights, theirs, strict=True):
            np.testing.assert_allclose(mine.numpy(), reference.numpy()[:, order], atol=TOLERANCE)


def test_weights_of_an_autoregressive_wrapper(pair: Pair) -> None:
    wrapped = numpy_weights(AutoregressiveWrapper(pair.theirs))
    assert all(name.startswith("net.") for name in wrapped)
    before = {name: value.numpy() for name, value in pair.ours.state_dict().items()}
    load_x_transformers(pair.ours, wrapped)
    for name, value in pair.ours.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_the_base_model_takes_the_same_weights(pair: Pair, outputs) -> None:
    base = XDecoderModel(pair.ours.config)
    base.eval()
    load_x_transformers(base, numpy_weights(pair.theirs))
    context = paddle.to_tensor(pair.inputs.context)
    hidden = base(paddle.to_tensor(pair.inputs.ids[0]), encoder_hidden_states=context, return_dict=True)
    np.testing.assert_allclose(hidden.last_hidden_state.numpy(), outputs[1].numpy(), atol=TOLERANCE)
