"""Models over vectors against x-transformers 2.31: ContinuousTransformerWrapper, its loss, and bare stacks."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from parity_models import numpy_weights
from x_transformers import (
    ContinuousAutoregressiveWrapper,
    ContinuousTransformerWrapper,
    CrossAttender,
    Decoder,
    Encoder,
)

from paddle_xformers import XContinuousConfig, XContinuousForRegression, XContinuousModel
from paddle_xformers._compat import import_paddle
from paddle_xformers.convert import load_x_transformers
from paddle_xformers.convert.continuous import continuous_rules
from paddle_xformers.convert.table import apply_rules
from paddle_xformers.convert.x_transformers import RULES

paddle = import_paddle()

TOLERANCE = 1e-5
PARAMETER_TOLERANCE = 5e-5
STACK = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
BATCH, LENGTH, CONTEXT = 2, 11, 5
KINDS = {
    Encoder: {"causal": False},
    Decoder: {"causal": True},
    CrossAttender: {"causal": False, "cross_attend": True, "only_cross": True},
}
WIDTHS = {"dim_in": 6, "dim_out": 5}
GAUSS = {"probabilistic": True}
T5, ALIBI, ROTARY = {"rel_pos_bias": True}, {"alibi_pos_bias": True}, {"rotary_pos_emb": True}


@dataclass(frozen=True)
class Case:
    """One model, built twice: a kind of stack with its keywords, the wrapper's, and what the inputs have."""

    name: str
    kind: Any
    upstream: dict[str, Any] = field(default_factory=dict)
    wrapper: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


PLACED = {"max_seq_len": 16}
WRAPPED = [
    Case(f"{kind.__name__}, {name}", kind, upstream, wrapper, inputs)
    for kind in (Encoder, Decoder)
    for name, upstream, wrapper, inputs in (
        ("no projections, no positions", {}, {}, ()),
        ("projections", {}, WIDTHS, ()),
        ("one width in and out", {}, {"dim_in": 32, "dim_out": 32}, ()),
        ("positions, norm", {}, WIDTHS | PLACED | {"post_emb_norm": True}, ()),
        ("positions off", {}, WIDTHS | PLACED | {"use_abs_pos_emb": False}, ()),
        ("memory tokens", {}, WIDTHS | {"num_memory_tokens": 3}, ()),
        ("memory tokens, mask", {}, WIDTHS | {"num_memory_tokens": 3}, ("mask",)),
        ("mask", {}, WIDTHS | PLACED, ("mask",)),
        ("lens", {}, WIDTHS | PLACED, ("lens",)),
        ("rotary, grouped heads", ROTARY | {"attn_kv_heads": 2}, WIDTHS, ("mask",)),
        ("alibi", ALIBI, WIDTHS, ("mask",)),
        ("t5", T5, WIDTHS, ()),
        ("mems", ROTARY, WIDTHS | {"max_mem_len": 8}, ("mems",)),
        ("mems longer than kept, memory tokens", ALIBI, WIDTHS | {"max_mem_len": 6, "num_memory_tokens": 2}, ("mems",)),
        ("cross attention", {"cross_attend": True, "cross_attn_dim_context": 20}, WIDTHS, ()),
        ("Gaussian", {}, WIDTHS | GAUSS, ()),
        ("Gaussian, mask", ROTARY, WIDTHS | PLACED | GAUSS, ("mask",)),
    )
]
BARE = [
    Case(f"{kind.__name__}, {name}", kind, upstream, {}, inputs)
    for kind, name, upstream, inputs in (
        (Encoder, "plain", {}, ()),
        (Encoder, "mask", {"use_rmsnorm": True, "ff_glu": True}, ("mask",)),
        (Encoder, "rotary", ROTARY, ()),
        (Encoder, "t5, grouped heads", T5 | {"attn_kv_heads": 2}, ("mask",)),
        (Encoder, "alibi, post-norm", ALIBI | {"pre_norm": False}, ()),
        (Encoder, "mems", ROTARY, ("mems",)),
        (Decoder, "plain", {}, ()),
        (Decoder, "mask, streams", {"num_residual_streams": 3}, ("mask",)),
        (Decoder, "cross attention", {"cross_attend": True}, ()),
        (CrossAttender, "plain", {}, ()),
        (CrossAttender, "context of another width", {"cross_attn_dim_context": 20, "ff_swish": True}, ()),
    )
]


@dataclass(frozen=True)
class Pair:
    """A case, its two models with equal weights, and their inputs as numpy arrays."""

    case: Case
    theirs: Any
    ours: Any
    segments: list[np.ndarray]
    context: np.ndarray | None

    @functools.cached_property
    def valid(self) -> np.ndarray:
        """Which vectors are no padding, (b, n)."""
        padded = {"mask", "lens"} & set(self.case.inputs)
        return np.arange(LENGTH) < np.array([[LENGTH - 4 if padded else LENGTH], [LENGTH]])

    def arguments(self, make: Any, names: tuple[str, str, str]) -> dict[str, Any]:
        """Mask, lengths and context as keywords of one of the models."""
        given = dict.fromkeys(names)
        given[names[0]] = self.valid if "mask" in self.case.inputs else None
        given[names[1]] = self.valid.sum(1) if "lens" in self.case.inputs else None
        given[names[2]] = self.context
        return {name: make(value) for name, value in given.items() if value is not None}

    def our_arguments(self) -> dict[str, Any]:
        return self.arguments(paddle.to_tensor, ("attention_mask", "lens", "encoder_hidden_states"))

    def their_arguments(self) -> dict[str, Any]:
        return self.arguments(torch.tensor, ("mask", "lens", "context"))


def build(case: Case, *, bare: bool = False, **ours_only: Any) -> Pair:
    options = STACK | case.upstream
    theirs = case.kind(**options, verbose=False)
    if not bare:
        theirs = ContinuousTransformerWrapper(attn_layers=theirs, **case.wrapper)
    theirs.eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    more: dict[str, Any] = {"max_seq_len": None} | KINDS[case.kind] | ours_only
    if "num_residual_streams" in options:
        more["upstream_compat"] = True
    if bare and "mems" in case.inputs:
        more["max_mem_len"] = LENGTH
    config = XContinuousConfig(**more | options | case.wrapper)
    ours = (XContinuousModel if bare else XContinuousForRegression)(config)
    ours.eval()
    load_x_transformers(ours, numpy_weights(theirs))
    draw = np.random.default_rng(11)
    count = 2 if "mems" in case.inputs else 1
    segments = [draw.standard_normal((BATCH, LENGTH, config.width_in)).astype("float32") for _ in range(count)]
    context = None
    if config.cross_attend:
        width = config.cross_attn_dim_context or config.dim
        context = draw.standard_normal((BATCH, CONTEXT, width)).astype("float32")
    return Pair(case, theirs, ours, segments, context)


def assert_close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = TOLERANCE, what: str = "") -> None:
    assert ours.shape == theirs.shape, what
    difference = np.abs(ours - theirs).max()
    allowed = tolerance * max(1.0, np.abs(theirs).max())
    assert difference <= allowed, f"{what}: differ by {difference:.2e}, allowed {allowed:.2e}"


def assert_same_gradients(pair: Pair, ours: Any, theirs: Any) -> None:
    """Gradients of inputs and of all parameters after a backward of both models."""
    assert_close(ours.grad.numpy()[pair.valid], theirs.grad.numpy()[pair.valid], what="gradient of the inputs")
    gradients = {
        name: np.zeros(p.shape, "float32") if p.grad is None else p.grad.numpy()
        for name, p in pair.theirs.named_parameters()
    }
    if not hasattr(pair.theirs, "attn_layers"):
        gradients = {f"attn_layers.{name}": value for name, value in gradients.items()}
    rules = RULES + continuous_rules(probabilistic=pair.ours.config.probabilistic)
    converted = apply_rules(rules, gradients, pair.ours.config.stack_options(), "xcontinuous", unit_offset=False)
    level = "xcontinuous." if pair.ours.base_model is pair.ours else ""
    found = {level + name: p.grad for name, p in pair.ours.named_parameters()}
    assert found.keys() <= converted.keys()
    for name, gradient in converted.items():
        mine = np.zeros_like(gradient) if found[name] is None else found[name].numpy()
        assert_close(mine, gradient, PARAMETER_TOLERANCE, name)


@pytest.fixture(scope="module", params=WRAPPED, ids=lambda case: case.name)
def pair(request: Any) -> Pair:
    return build(request.param)


def test_outputs_mems_and_gradients(pair: Pair) -> None:
    theirs = [torch.tensor(x, requires_grad=True) for x in pair.segments]
    ours = [paddle.to_tensor(x, stop_gradient=False) for x in pair.segments]
    their_mems = our_mems = None
    keeps = "mems" in pair.case.inputs
    for x, y in zip(theirs, ours, strict=True):
        expected = pair.theirs(x, mems=their_mems, **pair.their_arguments())
        output = pair.ours(y, mems=our_mems, return_mems=keeps, return_dict=True, **pair.our_arguments())
        found = output.predictions
        if pair.ours.config.probabilistic:
            found = paddle.stack([found, output.variances])
        assert_close(found.numpy()[..., pair.valid, :], expected.detach().numpy()[..., pair.valid, :], what="outputs")
        if keeps:
            _, new = pair.theirs(x, mems=their_mems, return_mems=True, **pair.their_arguments())
            their_mems = list(new)  # a tuple of its own it refuses
            our_mems = output.mems
            for mine, reference in zip(our_mems[1:], their_mems, strict=True):
                assert_close(mine.numpy(), reference.numpy(), what="mems")
    weights = np.random.default_rng(5).standard_normal(found.shape).astype("float32") * pair.valid[..., None]
    (expected * torch.tensor(weights)).sum().backward()
    (found * paddle.to_tensor(weights)).sum().backward()
    assert_same_gradients(pair, ours[-1], theirs[-1])
    pair.ours.clear_gradients()
    pair.theirs.zero_grad()


@pytest.mark.parametrize("case", BARE, ids=lambda case: case.name)
def test_bare_stacks(case: Case) -> None:
    pair = build(case, bare=True)
    theirs = [torch.tensor(x, requires_grad=True) for x in pair.segments]
    ours = [paddle.to_tensor(x, stop_gradient=False) for x in pair.segments]
    their_mems = our_mems = None
    keeps = "mems" in case.inputs
    for x, y in zip(theirs, ours, strict=True):
        expected, seen = pair.theirs(x, mems=their_mems, return_hiddens=True, **pair.their_arguments())
        output = pair.ours(y, mems=our_mems, return_mems=keeps, return_dict=True, **pair.our_arguments())
        their_mems, our_mems = [states.detach() for states in seen.hiddens] if keeps else None, output.mems
        found = output.last_hidden_state
        assert_close(found.numpy()[pair.valid], expected.detach().numpy()[pair.valid], what="outputs")
    weights = np.random.default_rng(5).standard_normal(found.shape).astype("float32") * pair.valid[..., None]
    (expected * torch.tensor(weights)).sum().backward()
    (found * paddle.to_tensor(weights)).sum().backward()
    assert_same_gradients(pair, ours[-1], theirs[-1])


LOSSES = {
    "squared": ({}, {}, ()),
    "squared, mask": ({}, {}, ("mask",)),
    "absolute": ({}, {"use_l1_loss": True}, ()),
    "absolute, mask": ({}, {"use_l1_loss": True}, ("mask",)),
    "rows count the same": ({}, {"equal_loss_weight_batch": True}, ("mask",)),
    "Gaussian": (GAUSS, {}, ()),
    "Gaussian, mask": (GAUSS, {}, ("mask",)),
}


@pytest.mark.parametrize(("wrapper", "objective", "inputs"), LOSSES.values(), ids=LOSSES)
def test_the_loss_of_the_autoregressive_wrapper(wrapper: Any, objective: Any, inputs: Any) -> None:
    pair = build(Case("", Decoder, ROTARY, {"dim_in": 5, "dim_out": 5} | wrapper, inputs), **objective)
    wrapped = ContinuousAutoregressiveWrapper(pair.theirs, **objective)
    x, y = torch.tensor(pair.segments[0], requires_grad=True), paddle.to_tensor(pair.segments[0], stop_gradient=False)
    given = {}
    if inputs:
        # Theirs counts a place whose input is valid, and so the step from the last vector into padding. Told which
        # targets are valid it counts ours, and the places it hides are seen by none that count.
        given["mask"] = torch.tensor(pair.valid[:, 1:])
    expected = wrapped(x, **given)
    if objective.get("equal_loss_weight_batch"):
        expected = expected / 5  # theirs sums over the numbers of a vector here, and takes their mean elsewhere
    found = pair.ours(y, labels=y.detach(), return_dict=True, **pair.our_arguments()).loss
    assert_close(found.numpy(), expected.detach().numpy())
    # Their inputs are their targets as well: compare the gradients of the parameters only.
    expected.backward()
    found.backward()
    gradients = {name: p.grad.numpy() for name, p in pair.theirs.named_parameters()}
    rules = RULES + continuous_rules(probabilistic=pair.ours.config.probabilistic)
    converted = apply_rules(rules, gradients, pair.ours.config.stack_options(), "xcontinuous", unit_offset=False)
    for name, parameter in pair.ours.named_parameters():
        assert_close(parameter.grad.numpy(), converted[name], PARAMETER_TOLERANCE, name)


def test_weights_of_an_autoregressive_wrapper() -> None:
    pair = build(Case("", Decoder, {}, {"dim_in": 5, "dim_out": 5}))
    before = {name: value.numpy() for name, value in pair.ours.state_dict().items()}
    load_x_transformers(pair.ours, numpy_weights(ContinuousAutoregressiveWrapper(pair.theirs)))
    for name, value in pair.ours.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


@pytest.mark.parametrize("cached", [True, False])
def test_continuations(cached: bool) -> None:
    pair = build(Case("", Decoder, ROTARY, {"dim_in": 5, "dim_out": 5}))
    wrapped = ContinuousAutoregressiveWrapper(pair.theirs)
    expected = wrapped.generate(torch.tensor(pair.segments[0]), 6, cache_kv=False).numpy()
    found = pair.ours.generate(paddle.to_tensor(pair.segments[0]), 6, use_cache=cached).numpy()
    assert_close(found, expected, 1e-4)
