"""What upstream takes as modules and functions, and we as registered names, on the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_models import BATCH, FAMILIES, LENGTH, STACK, WRAPPER, numpy_weights, paddle
from x_transformers import TransformerWrapper

from paddle_xformers import InputError, register_part
from paddle_xformers.convert import from_x_transformers
from paddle_xformers.convert.load import load_arrays

nn = paddle.nn


def their_weights(scores: torch.Tensor, dim: int = -1) -> torch.Tensor:
    positive = torch.relu(scores) ** 2
    return positive / (positive.sum(dim=dim, keepdim=True) + 1e-3)


@register_part("attn_normalizer", "parity_weights")
def our_weights(scores: Any) -> Any:
    positive = nn.functional.relu(scores) ** 2
    return positive / (positive.sum(axis=-1, keepdim=True) + 1e-3)


class TheirEmbedder(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rows = torch.nn.Embedding(7, STACK["dim"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rows(x % 7) * 2


@register_part("token_emb", "parity_embedder")
class OurEmbedder(nn.Layer):
    def __init__(self, num_tokens: int, width: int, options: Any) -> None:
        super().__init__()
        self.rows = nn.Embedding(7, width)

    def forward(self, input_ids: Any) -> Any:
        return self.rows(input_ids % 7) * 2


@register_part("transform_token_embeds", "parity_transform")
def our_transform(x: Any) -> Any:
    return x.tanh() * 3


CASES = {
    "scores to weights": (
        {"attn_custom_attn_fn": their_weights, "rotary_pos_emb": True},
        {},
        {},
        {"attn_normalizer": "parity_weights", "rotary_pos_emb": True},
    ),
    "embedder": ({}, {"token_emb": TheirEmbedder}, {}, {"token_emb": "parity_embedder"}),
    "transform": (
        {},
        {},
        {"transform_token_embeds": lambda x: torch.tanh(x) * 3},
        {"transform_token_embeds": "parity_transform"},
    ),
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("name", CASES)
def test_modules_there_and_names_here(name: str, family: Any) -> None:
    options, wrapper, call, fields = CASES[name]
    wrapper = {key: value() for key, value in wrapper.items()}
    theirs = TransformerWrapper(
        **WRAPPER, **wrapper, attn_layers=family.stack(**STACK, **options, verbose=False)
    ).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    ours = family.model(family.config(**STACK, **WRAPPER, **fields))
    ours.eval()
    weights = numpy_weights(theirs)
    own = {key: weights.pop(key) for key in list(weights) if key.startswith("token_emb.rows.")}
    arrays = from_x_transformers(weights, ours.config)
    for key, value in own.items():
        arrays[f"{family.base}.embeddings.word_embeddings.{key.removeprefix('token_emb.')}"] = value
    load_arrays(ours, arrays)

    draw = np.random.default_rng(3)
    ids = draw.integers(0, WRAPPER["num_tokens"], (BATCH, LENGTH))
    factors = draw.standard_normal((BATCH, LENGTH, WRAPPER["num_tokens"])).astype("float32")
    expected = theirs(torch.tensor(ids), **call)
    found = ours(paddle.to_tensor(ids), return_dict=True).logits
    assert_close(found.numpy(), expected.detach().numpy(), 1e-5)
    (expected * torch.tensor(factors)).sum().backward()
    (found * paddle.to_tensor(factors)).sum().backward()
    table = theirs.token_emb.rows if own else theirs.token_emb.emb
    ours_table = ours.get_input_embeddings().rows if own else ours.get_input_embeddings()
    assert_close(ours_table.weight.grad.numpy(), table.weight.grad.numpy(), 1e-5)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert np.abs(found - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


class TheirTold(TheirEmbedder):
    def forward(self, x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * factor


@register_part("token_emb", "parity_told")
class OurTold(OurEmbedder):
    def forward(self, input_ids: Any, factor: Any) -> Any:
        return super().forward(input_ids) * factor


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_an_embedder_that_is_told_more(family: Any) -> None:
    theirs = TransformerWrapper(**WRAPPER, token_emb=TheirTold(), attn_layers=family.stack(**STACK, verbose=False))
    ours = family.model(family.config(**STACK, **WRAPPER, token_emb="parity_told"))
    ours.eval()
    weights = numpy_weights(theirs.eval())
    rows = weights.pop("token_emb.rows.weight")
    table = {f"{family.base}.embeddings.word_embeddings.rows.weight": rows}
    load_arrays(ours, from_x_transformers(weights, ours.config) | table)
    draw = np.random.default_rng(4)
    ids = draw.integers(0, WRAPPER["num_tokens"], (BATCH, LENGTH))
    factor = draw.standard_normal((BATCH, LENGTH, 1)).astype("float32")
    with torch.no_grad():
        expected = theirs(torch.tensor(ids), token_emb_kwargs={"factor": torch.tensor(factor)}).numpy()
    told = {"factor": paddle.to_tensor(factor)}
    assert_close(ours(paddle.to_tensor(ids), token_emb_kwargs=told, return_dict=True).logits.numpy(), expected, 1e-5)


def test_a_table_cannot_be_told_more() -> None:
    family = FAMILIES[0]
    model = family.model(family.config(**STACK, **WRAPPER))
    with pytest.raises(InputError, match=r"token_emb_kwargs=\['factor'\] are for a registered embedder"):
        model(paddle.to_tensor([[3, 4]]), token_emb_kwargs={"factor": 2.0})
