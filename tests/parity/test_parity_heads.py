"""Output heads that give more than the logits of the vocabulary: theirs against ours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_cases import Case
from parity_models import FAMILIES, LENGTH, Pair, build, paddle
from x_transformers import AutoregressiveWrapper

TOLERANCE = 1e-5
DECODER = FAMILIES[0]


def both(case: Case, **given: Any) -> tuple[Pair, torch.Tensor, paddle.Tensor]:
    pair = build(case, DECODER)
    ids = pair.inputs.ids[0]
    return pair, torch.tensor(ids), paddle.to_tensor(ids)


def assert_same_gradients(pair: Pair) -> None:
    theirs = pair.theirs.token_emb.emb.weight.grad.numpy()
    ours = pair.ours.xdecoder.embeddings.word_embeddings.weight.grad.numpy()
    assert np.abs(theirs).max() > 1e-4
    assert np.abs(ours - theirs).max() <= TOLERANCE * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize("more", [{}, {"logits_dim": 9}], ids=str)
def test_several_heads(more) -> None:
    pair, theirs, ours = both(Case("heads", wrapper={"num_output_heads": 3, **more}))
    expected, output = pair.theirs(theirs), pair.ours(ours, return_dict=True)
    assert len(expected) == len(output.head_logits) == 3
    total, our_total = 0, 0
    for number, (reference, found) in enumerate(zip(expected, output.head_logits, strict=True)):
        np.testing.assert_allclose(found.numpy(), reference.detach().numpy(), atol=TOLERANCE)
        factors = np.random.default_rng(number).normal(size=found.shape).astype("float32")
        total = total + (reference * torch.tensor(factors)).sum()
        our_total = our_total + (found * paddle.to_tensor(factors)).sum()
    np.testing.assert_array_equal(output.logits.numpy(), output.head_logits[0].numpy())
    total.backward()
    our_total.backward()
    assert_same_gradients(pair)


@pytest.mark.parametrize(
    "wrapper", [{"logits_dim": 9}, {"logits_dim": 1, "squeeze_out_last_dim": True}, {"logits_dim": 1}], ids=str
)
def test_another_number_of_scores(wrapper) -> None:
    pair, theirs, ours = both(Case("width", wrapper=wrapper))
    expected, found = pair.theirs(theirs), pair.ours(ours)
    assert list(found.shape) == list(expected.shape)
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), atol=TOLERANCE)
    expected.square().sum().backward()
    found.square().sum().backward()
    assert_same_gradients(pair)


@pytest.mark.parametrize("wrapper", [{}, {"sigsoftmax_logits": True}, {"mixture_of_softmax": True}], ids=str)
def test_entropies(wrapper) -> None:
    pair, theirs, ours = both(Case("entropies", wrapper=wrapper))
    with torch.no_grad():
        _, seen = pair.theirs(theirs, return_logit_entropies=True)
    found = pair.ours(ours, return_logit_entropies=True, return_dict=True).logit_entropies
    np.testing.assert_allclose(found.numpy(), seen.logit_entropies.numpy(), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("upstream", "wrapper"), [({}, {}), ({"rotary_pos_emb": True}, {"post_emb_norm": True, "num_memory_tokens": 2})]
)
def test_the_next_embedding_and_its_loss(upstream, wrapper) -> None:
    pair, theirs, ours = both(Case("next", upstream, {"add_continuous_pred_head": True, **wrapper}))
    _, (predicted, read) = pair.theirs(theirs, return_next_embed_pred=True)
    output = pair.ours(ours, return_next_embed_pred=True, return_dict=True)
    np.testing.assert_allclose(output.next_embed_pred.numpy(), predicted.detach().numpy(), atol=TOLERANCE)
    embeddings, places = pair.ours.xdecoder.embeddings, paddle.arange(LENGTH).unsqueeze(0)
    np.testing.assert_allclose(embeddings.read(ours, places, None).numpy(), read.detach().numpy(), atol=TOLERANCE)
    wrapped = AutoregressiveWrapper(pair.theirs, ignore_index=-100, pad_value=0)
    ids = theirs.clone()
    ids[0, 6] = ids[1, 9] = -100
    expected = wrapped(ids)
    labels, places = paddle.to_tensor(ids.numpy()), paddle.to_tensor(ids.clamp(min=0).numpy())
    found = pair.ours(places, labels=labels)[0]
    np.testing.assert_allclose(float(found), expected.item(), atol=TOLERANCE)
