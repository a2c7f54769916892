"""Recycled and looped stacks: theirs against ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import FAMILIES, Pair, build, numpy_weights, paddle
from x_transformers import AutoregressiveWrapper

import paddle_xformers
from paddle_xformers.convert.table import apply_rules
from paddle_xformers.convert.x_transformers import RULES

TOLERANCE = 1e-5
ROTARY = {"rotary_pos_emb": True}
LOOPED = {"looped": True, "max_looped_steps": 3}
POST = {"pre_and_post_norm": True}


def both(case: Case) -> tuple[Pair, torch.Tensor, paddle.Tensor]:
    pair = build(case, FAMILIES[0])
    ids = pair.inputs.ids[0]
    return pair, torch.tensor(ids), paddle.to_tensor(ids)


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """As in test_parity.py."""
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= TOLERANCE * max(1.0, np.abs(theirs).max())


def assert_same_gradients(pair: Pair) -> None:
    theirs = {name: p.grad.numpy() for name, p in pair.theirs.named_parameters() if p.grad is not None}
    options = pair.ours.config.stack_options()
    expected = apply_rules(RULES, theirs, options, "xdecoder", unit_offset=False)
    ours = dict(pair.ours.named_parameters())
    assert {"xdecoder.recycled_proj.weight", "xdecoder.exit_gate.weight"} & expected.keys()
    for name, gradient in expected.items():
        close = 5e-5 * max(1.0, np.abs(gradient).max())
        np.testing.assert_allclose(ours[name].grad.numpy(), gradient, atol=close, err_msg=name)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(("upstream", "wrapper"), [({}, {}), (ROTARY, {"num_memory_tokens": 2})], ids=str)
def test_recycled(upstream: dict[str, Any], wrapper: dict[str, Any], steps: int) -> None:
    pair, theirs, ours = both(Case("recycled", upstream, {"recycling": True, **wrapper}))
    expected, found = pair.theirs(theirs, recycle_steps=steps), pair.ours(ours, recycle_steps=steps)
    assert_close(found.numpy(), expected.detach().numpy())
    factors = pair.inputs.weights
    (expected * torch.tensor(factors)).sum().backward()
    (found * paddle.to_tensor(factors)).sum().backward()
    if steps > 1:
        assert_same_gradients(pair)


@pytest.mark.parametrize("steps", [None, 1, 4])
@pytest.mark.parametrize(("upstream", "wrapper"), [({}, {}), (ROTARY, {"num_memory_tokens": 2})], ids=str)
def test_looped(upstream: dict[str, Any], wrapper: dict[str, Any], steps: int | None) -> None:
    pair, theirs, ours = both(Case("looped", upstream | POST, LOOPED | wrapper))
    with torch.no_grad():
        last, seen = pair.theirs(theirs, looped_steps=steps, looped_pred_all_logits=True, return_intermediates=True)
    output = pair.ours(ours, looped_steps=steps, looped_pred_all_logits=True, return_dict=True)
    assert_close(output.logits.numpy(), last.numpy())
    assert len(output.loop_logits) == len(seen.all_pred_logits) == (steps or 3)
    for found, expected in zip(output.loop_logits, seen.all_pred_logits, strict=True):
        assert_close(found.numpy(), expected[:, -ours.shape[1] :].numpy())  # memory tokens are in front
    gates = torch.cat([gate[:, -ours.shape[1] :] for gate in seen.exit_logits], dim=-1)
    assert_close(output.exit_logits.numpy(), gates.numpy())


@pytest.mark.parametrize("more", [{}, {"looped_loss_slope": 3.0, "looped_loss_threshold_exit": 0.3}], ids=str)
def test_the_loss_of_looped_models(more: dict[str, Any]) -> None:
    pair, theirs, ours = both(Case("looped", POST, LOOPED, ours={**more, "looped_exit_loss_weight": 0.4}))
    wrapped = AutoregressiveWrapper(pair.theirs, **more, looped_exit_loss_weight=0.4)
    theirs[0, 6] = theirs[1, 9] = -100
    expected = wrapped(theirs)
    labels, places = paddle.to_tensor(theirs.numpy()), paddle.to_tensor(theirs.clamp(min=0).numpy())
    loss = pair.ours(places, labels=labels)[0]
    np.testing.assert_allclose(float(loss), expected.item(), atol=TOLERANCE)
    expected.backward()
    loss.backward()
    assert_same_gradients(pair)


def test_the_keyword_style() -> None:
    pair, theirs, _ = both(Case("looped", POST, LOOPED))
    stack = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
    net = paddle_xformers.TransformerWrapper(
        num_tokens=50, max_seq_len=24, attn_layers=paddle_xformers.Decoder(**stack, **POST), **LOOPED
    )
    paddle_xformers.convert.load_x_transformers(net.model, numpy_weights(pair.theirs))
    net.eval()
    more = {"looped_loss_threshold_exit": 0.2, "looped_loss_slope": 4.0, "looped_exit_loss_weight": 0.6}
    expected = AutoregressiveWrapper(pair.theirs, **more)(theirs)
    found = paddle_xformers.AutoregressiveWrapper(net, **more)(paddle.to_tensor(theirs.numpy()))
    np.testing.assert_allclose(float(found), expected.item(), atol=TOLERANCE)
