"""Numbers among tokens and several streams of tokens against x-transformers 2.31, on the same weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from parity_models import numpy_weights
from x_transformers import Decoder, XValAutoregressiveWrapper, XValTransformerWrapper
from x_transformers.multi_input import MultiInputTransformerWrapper

from paddle_xformers import XMultiInputConfig, XMultiInputForCausalLM, XValConfig, XValForCausalLM
from paddle_xformers._compat import import_paddle
from paddle_xformers.convert import load_x_transformers
from paddle_xformers.convert.table import apply_rules
from paddle_xformers.convert.x_transformers import rules_for

paddle = import_paddle()

TOLERANCE = 1e-5
PARAMETER_TOLERANCE = 5e-5
STACK = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
BATCH, LENGTH, CONTEXT, NUMBER = 2, 12, 5, 3
XVAL = {"num_tokens": 6, "max_seq_len": 20, "numerical_token_id": NUMBER}
SIZES = {"note": 20, "pitch": 32, "tone": 16}
MULTI = {"num_tokens": SIZES, "max_seq_len": 20}
ROTARY = {"rotary_pos_emb": True}


@dataclass(frozen=True)
class Case:
    """One model, built twice: the keywords of the layers, those of the wrapper, and what the inputs have."""

    name: str
    layers: dict[str, Any] = field(default_factory=dict)
    wrapper: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


SHARED = (
    Case("plain"),
    Case("positions off", ROTARY | {"attn_kv_heads": 2}, {"use_abs_pos_emb": False}),
    Case("sinusoid", {}, {"scaled_sinu_pos_emb": True}),
    Case("memory tokens, mask", {}, {"num_memory_tokens": 3}, ("mask",)),
    Case("alibi, mask", {"alibi_pos_bias": True}, {}, ("mask",)),
    Case("cross attention", {"cross_attend": True, "cross_attn_dim_context": 20}, {}),
    Case("rmsnorm, glu", {"use_rmsnorm": True, "ff_glu": True}, {}, ("mask",)),
)
NUMBERS = (*SHARED, Case("tied head", {}, {"tie_embedding": True}))
STREAMS = (
    *SHARED,
    Case("narrow embedding", {}, {"emb_dim": 16}),
    Case("norm of the embedding", {}, {"post_emb_norm": True}),
    Case("less gradient", {}, {"emb_frac_gradient": 0.1}),
)


@dataclass(frozen=True)
class Pair:
    """A case and its two models with equal weights."""

    case: Case
    theirs: Any
    ours: Any

    @property
    def valid(self) -> np.ndarray:
        """Which places are no padding, (b, n)."""
        return np.arange(LENGTH) < np.array([[LENGTH - 4 if self.case.inputs else LENGTH], [LENGTH]])

    def arguments(self, make: Any, mask: str, context: str) -> dict[str, Any]:
        given = {mask: make(self.valid)} if self.case.inputs else {}
        if self.ours.config.cross_attend:
            states = np.random.default_rng(4).standard_normal((BATCH, CONTEXT, 20)).astype("float32")
            given[context] = make(states)
        return given

    def our_arguments(self) -> dict[str, Any]:
        return self.arguments(paddle.to_tensor, "attention_mask", "encoder_hidden_states")

    def their_arguments(self) -> dict[str, Any]:
        return self.arguments(torch.tensor, "mask", "context")

    def assert_same_gradients(self) -> None:
        """Of all parameters, after a backward of both."""
        gradients = {
            name: np.zeros(p.shape, "float32") if p.grad is None else p.grad.numpy()
            for name, p in self.theirs.named_parameters()
        }
        options = self.ours.config.stack_options()
        converted = apply_rules(rules_for(options), gradients, options, self.ours.config.model_type, unit_offset=False)
        found = {name: p.grad for name, p in self.ours.named_parameters()}
        assert found.keys() == converted.keys()
        for name, gradient in converted.items():
            mine = np.zeros_like(gradient) if found[name] is None else found[name].numpy()
            assert_close(mine, gradient, PARAMETER_TOLERANCE, name)


def assert_close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = TOLERANCE, what: str = "") -> None:
    assert ours.shape == theirs.shape, what
    difference = np.abs(ours - theirs).max()
    allowed = tolerance * max(1.0, np.abs(theirs).max())
    assert difference <= allowed, f"{what}: differ by {difference:.2e}, allowed {allowed:.2e}"


def build(case: Case, wrapper: Any, config: Any, model: Any, own: dict[str, Any], **ours: Any) -> Pair:
    theirs = wrapper(**own | case.wrapper, attn_layers=Decoder(**STACK | case.layers, verbose=False)).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    mine = model(config(**STACK | case.layers | own | case.wrapper | ours))
    mine.eval()
    load_x_transformers(mine, numpy_weights(theirs))
    return Pair(case, theirs, mine)


def numbers_pair(case: Case, **ours: Any) -> Pair:
    ours = {"logits_bias": not case.wrapper.get("tie_embedding")} | ours
    return build(case, XValTransformerWrapper, XValConfig, XValForCausalLM, XVAL, **ours)


def streams_pair(case: Case) -> Pair:
    return build(case, MultiInputTransformerWrapper, XMultiInputConfig, XMultiInputForCausalLM, MULTI)


def text(n: int = LENGTH) -> tuple[np.ndarray, np.ndarray]:
    """Token ids with numbers among them, and nan where there is none."""
    draw = np.random.default_rng(11)
    ids = draw.integers(0, XVAL["num_tokens"], (BATCH, n))
    numbers = draw.standard_normal((BATCH, n)).astype("float32")
    assert 3 < (ids == NUMBER).sum() < ids.size / 2
    return ids, np.where(ids == NUMBER, numbers, np.float32("nan"))


@pytest.mark.parametrize("case", NUMBERS, ids=lambda case: case.name)
def test_logits_numbers_and_gradients(case: Case) -> None:
    pair = numbers_pair(case)
    ids, numbers = text()
    values = np.nan_to_num(numbers)
    x, y = torch.tensor(values, requires_grad=True), paddle.to_tensor(values, stop_gradient=False)
    theirs = pair.theirs(torch.tensor(ids), x, **pair.their_arguments())
    output = pair.ours(paddle.to_tensor(ids), y, return_dict=True, **pair.our_arguments())
    total_theirs: Any = 0
    total_ours: Any = 0
    for found, expected in zip((output.logits, output.numbers), theirs, strict=True):
        assert_close(found.numpy()[pair.valid], expected.detach().numpy()[pair.valid])
        weights = np.random.default_rng(5).standard_normal(found.shape).astype("float32")
        weights[~pair.valid] = 0
        total_theirs = total_theirs + (expected * torch.tensor(weights)).sum()
        total_ours = total_ours + (found * paddle.to_tensor(weights)).sum()
    total_theirs.backward()
    total_ours.backward()
    assert_close(y.grad.numpy(), x.grad.numpy(), what="gradient of the numbers")
    assert np.abs(x.grad.numpy()).max() > 0.01
    pair.assert_same_gradients()


@pytest.mark.parametrize("weight", [1.0, 0.3])
@pytest.mark.parametrize("masked", [False, True])
def test_the_loss_of_tokens_and_numbers(weight: float, masked: bool) -> None:
    pair = numbers_pair(Case("", ROTARY, {}, ("mask",) if masked else ()), numerical_loss_weight=weight)
    ids, numbers = text()
    wrapped = XValAutoregressiveWrapper(pair.theirs, numerical_loss_weight=weight)
    given = {"mask": torch.tensor(pair.valid)} if masked else {}
    expected, parts = wrapped(torch.tensor(ids), torch.tensor(numbers), return_loss_breakdown=True, **given)
    labels = np.where(pair.valid, ids, -100)
    output = pair.ours(
        paddle.to_tensor(ids),
        paddle.to_tensor(numbers),
        labels=paddle.to_tensor(labels),
        return_loss_breakdown=True,
        return_dict=True,
        **pair.our_arguments(),
    )
    assert_close(output.loss.numpy(), expected.detach().numpy())
    kept = pair.valid[:, 1:]
    for found, theirs in zip((output.token_loss, output.number_loss), parts, strict=True):
        assert_close(found.numpy(), theirs.detach().numpy()[kept].mean())
    expected.backward()
    output.loss.backward()
    pair.assert_same_gradients()


@pytest.mark.parametrize("cached", [True, False])
def test_texts_with_numbers_go_on_alike(cached: bool) -> None:
    pair = numbers_pair(Case("", ROTARY))
    ids, numbers = text(8)
    wrapped = XValAutoregressiveWrapper(pair.theirs)
    with torch.no_grad():
        scores, _ = pair.theirs(torch.tensor(ids), torch.tensor(numbers))
        others = torch.cat([scores[..., :NUMBER], scores[..., NUMBER + 1 :]], -1).amax(-1)
        pair.theirs.to_logits.bias[NUMBER] += (others - scores[..., NUMBER]).median()  # numbers now and then
        load_x_transformers(pair.ours, numpy_weights(pair.theirs))
        expected = wrapped.generate(torch.tensor(ids), torch.tensor(numbers), 10, filter_kwargs={"k": 1})
    found = pair.ours.generate(
        paddle.to_tensor(ids), input_numbers=paddle.to_tensor(numbers), max_new_tokens=10, use_cache=cached
    )
    assert 0 < expected.is_number_mask.sum() < expected.is_number_mask.numel()
    np.testing.assert_array_equal(found.ids.numpy(), expected.sampled_token_ids.numpy())
    np.testing.assert_allclose(found.numbers.numpy(), expected.sampled_numbers.numpy(), atol=1e-4)


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.name)
def test_streams_and_gradients(case: Case) -> None:
    pair = streams_pair(case)
    draw = np.random.default_rng(11)
    ids = {name: draw.integers(0, size, (BATCH, LENGTH)) for name, size in SIZES.items()}
    theirs = pair.theirs({name: torch.tensor(value) for name, value in ids.items()}, **pair.their_arguments())
    ours = pair.ours({name: paddle.to_tensor(value) for name, value in ids.items()}, **pair.our_arguments())
    assert list(ours) == list(theirs) == list(SIZES)
    total_theirs: Any = 0
    total_ours: Any = 0
    for name, expected in theirs.items():
        assert_close(ours[name].numpy()[pair.valid], expected.detach().numpy()[pair.valid], what=name)
        weights = np.random.default_rng(5).standard_normal(expected.shape).astype("float32")
        weights[~pair.valid] = 0
        total_theirs = total_theirs + (expected * torch.tensor(weights)).sum()
        total_ours = total_ours + (ours[name] * paddle.to_tensor(weights)).sum()
    total_theirs.backward()
    total_ours.backward()
    pair.assert_same_gradients()


FRONTS = (
    Case("plain"),
    Case("positions off, rotary", ROTARY, {"use_abs_pos_emb": False}),
    Case("mask", {}, {}, ("mask",)),
)


def front_and_sum() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(12)
    return tuple(draw.standard_normal((BATCH, n, STACK["dim"])).astype("float32") for n in (3, LENGTH))


@pytest.mark.parametrize("case", FRONTS, ids=lambda case: case.name)
def test_streams_with_vectors_in_front_and_added(case: Case) -> None:
    pair = streams_pair(case)
    draw = np.random.default_rng(11)
    ids = {name: draw.integers(0, size, (BATCH, LENGTH)) for name, size in MULTI["num_tokens"].items()}
    front, added = front_and_sum()
    theirs = pair.theirs(
        {name: torch.tensor(values) for name, values in ids.items()},
        prepend_embeds=torch.tensor(front),
        sum_embeds=torch.tensor(added),
        **pair.their_arguments(),
    )
    ours = pair.ours(
        {name: paddle.to_tensor(values) for name, values in ids.items()},
        prepend_embeds=paddle.to_tensor(front),
        sum_embeds=paddle.to_tensor(added),
        excise_prepend_embeds=False,
        **pair.our_arguments(),
    )
    valid = np.concatenate([np.ones((BATCH, 3), bool), np.broadcast_to(pair.valid, (BATCH, LENGTH))], axis=1)
    for name, expected in theirs.items():
        assert_close(ours[name].numpy()[valid], expected.detach().numpy()[valid])


@pytest.mark.parametrize("case", FRONTS[:2], ids=lambda case: case.name)
def test_numbers_with_vectors_in_front(case: Case) -> None:
    """Without a mask: theirs has no mask over the vectors."""
    pair = numbers_pair(case)
    ids, numbers = text()
    values, front = np.nan_to_num(numbers), front_and_sum()[0]
    theirs = pair.theirs(torch.tensor(ids), torch.tensor(values), prepend_embeds=torch.tensor(front))
    vectors = paddle.to_tensor(front)
    given = {"prepend_embeds": vectors, "excise_prepend_embeds": False, "return_dict": True}
    output = pair.ours(paddle.to_tensor(ids), paddle.to_tensor(values), **given)
    for found, expected in zip((output.logits, output.numbers), theirs, strict=True):
        assert_close(found.numpy(), expected.detach().numpy())
