"""The two models of a case: built from the same options, with the same weights, and run on the same inputs."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np
import torch
from parity_cases import Case
from x_transformers import Decoder, Encoder, TransformerWrapper

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM, XEncoderConfig, XEncoderForMaskedLM
from paddle_xformers._compat import import_paddle
from paddle_xformers.convert import load_x_transformers

paddle = import_paddle()

STACK = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
WRAPPER = {"num_tokens": 50, "max_seq_len": 24}
BATCH, LENGTH, CONTEXT = 2, 14, 7


@dataclass(frozen=True)
class Family:
    """The classes of one family, theirs and ours.

    Args:
        name: As cases name it.
        stack: Their layers.
        config: Our configuration.
        model: Our model with its output head.
    """

    name: str
    stack: Any
    config: Any
    model: Any

    @property
    def base(self) -> str:
        """The first part of the names of our parameters."""
        return str(self.config.model_type)


FAMILIES = (
    Family("decoder", Decoder, XDecoderConfig, XDecoderForCausalLM),
    Family("encoder", Encoder, XEncoderConfig, XEncoderForMaskedLM),
)


@dataclass
class Inputs:
    """What both models are run on, as numpy arrays; None where a case has none.

    Args:
        ids: Token ids, (b, n), a segment each.
        padding: Which tokens are none, (b, n), False = padding; for the last segment.
        starts: First token of each row with left padding, (b).
        attention_mask: Who may look at whom, (b, h, n, n).
        context: What cross attention looks at, (b, m, c).
        context_mask: Which of it is no padding, (b, m).
        types: Token types, (b, n).
        extra: Ids of the kind "sentence", (b, n).
        condition: What adaptive norms depend on, (b, c) or (b, n, c).
        prepended: Vectors in front of the tokens, (b, p, e).
        prepended_mask: Which of them are no padding, (b, p).
        summed: What is added to the embeddings, (b, n, e).
        context_positions: Positions of the context, (b or 1, m), for theirs, where rotary positions turn it.
        given_positions: The same for ours, where they are not those that ours counts.
        weights: Random factors of the loss, (b, n, v), zero at padding.
    """

    ids: list[np.ndarray]
    padding: np.ndarray | None
    starts: np.ndarray | None
    attention_mask: np.ndarray | None
    context: np.ndarray | None
    context_mask: np.ndarray | None
    types: np.ndarray | None
    weights: np.ndarray
    extra: np.ndarray | None = None
    condition: np.ndarray | None = None
    prepended: np.ndarray | None = None
    prepended_mask: np.ndarray | None = None
    summed: np.ndarray | None = None
    context_positions: np.ndarray | None = None
    given_positions: np.ndarray | None = None

    @property
    def valid(self) -> np.ndarray:
        """Tokens whose logits are compared, (b, n)."""
        return np.ones((BATCH, LENGTH), bool) if self.padding is None else self.padding


@dataclass
class Result:
    """What a model gave: logits of each segment, mems after each (ours with `valid` in front), gradients by name."""

    logits: list[np.ndarray] = field(default_factory=list)
    mems: list[list[np.ndarray]] = field(default_factory=list)
    gradients: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """A case, its two models with equal weights, and their inputs."""

    case: Case
    family: Family
    theirs: Any
    ours: Any
    inputs: Inputs

    @functools.cached_property
    def their_result(self) -> Result:
        """What x-transformers gives."""
        return run_theirs(self.theirs, self.inputs)

    @functools.cached_property
    def our_result(self) -> Result:
        """What we give."""
        return run_ours(self.ours, self.inputs)


def build(case: Case, family: Family = FAMILIES[0]) -> Pair:
    """Build both models of a case, with all weights drawn anew: what starts at 0 or 1 must count as well."""
    theirs = build_theirs(case, family)
    ours = family.model(family.config(**STACK | WRAPPER | case.upstream | case.wrapper | case.ours))
    ours.eval()
    unit_offset = case.theirs.get("norm_add_unit_offset", True)
    load_x_transformers(ours, numpy_weights(theirs), unit_offset=unit_offset)
    return Pair(case, family, theirs, ours, make_inputs(case))


def build_theirs(case: Case, family: Family) -> Any:
    options = STACK | case.upstream | case.theirs
    if "ff_custom_activation" in options:
        options["ff_custom_activation"] = getattr(torch.nn, options["ff_custom_activation"])()
    depth = dict(options.get("attn_aggregated_residual_kwargs", {}))
    if "lora_activation" in depth:
        depth["lora_activation"] = getattr(torch.nn, depth["lora_activation"])()
        options["attn_aggregated_residual_kwargs"] = depth
    for cross in ("", "cross_"):
        if f"{cross}attn_hybrid_module" in options:
            width = options["heads"] * options["attn_dim_head"]
            options[f"{cross}attn_hybrid_module"] = torch.nn.GRU(options["dim"], width, batch_first=True)
    with mock.patch("torch.nn.functional.gumbel_softmax", without_noise):  # ours draws nothing in evaluation
        stack = family.stack(**options, verbose=False)
    model = TransformerWrapper(**WRAPPER | case.wrapper | case.their_wrapper, attn_layers=stack).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def without_noise(logits: Any, tau: float = 1, hard: bool = False, dim: int = -1) -> Any:
    """What torch's gumbel_softmax computes from logits and noise, for noise of 0."""
    soft = (logits / tau).softmax(dim)
    if not hard:
        return soft
    best = torch.zeros_like(soft).scatter(dim, soft.argmax(dim, keepdim=True), 1.0)
    return best - soft.detach() + soft


def numpy_weights(model: Any) -> dict[str, np.ndarray]:
    return {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


def make_inputs(case: Case) -> Inputs:
    draw = np.random.default_rng(11)
    options = STACK | WRAPPER | case.upstream | case.wrapper
    segments = 2 if "mems" in case.inputs else 1
    ids = [draw.integers(0, options["num_tokens"], (BATCH, LENGTH)) for _ in range(segments)]
    weights = draw.standard_normal((BATCH, LENGTH, options["num_tokens"])).astype("float32")
    inputs = Inputs(ids, None, None, None, None, None, None, weights)
    if "right padding" in case.inputs:
        inputs.padding = np.arange(LENGTH) < np.array([[LENGTH - 4], [LENGTH]])
    if "left padding" in case.inputs:
        inputs.starts = np.array([3, 0])
        inputs.padding = np.arange(LENGTH) >= inputs.starts[:, None]
    if "attention mask" in case.inputs:
        mask = draw.random((BATCH, options["heads"], LENGTH, LENGTH)) < 0.7
        mask |= np.eye(LENGTH, dtype=bool)
        mask[0, 1, 6] = False  # a query that sees nothing
        inputs.attention_mask = mask
    if options.get("cross_attend"):
        width = options.get("cross_attn_dim_context", options["dim"])
        inputs.context = draw.standard_normal((BATCH, CONTEXT, width)).astype("float32")
    if "context mask" in case.inputs:
        inputs.context_mask = np.arange(CONTEXT) < np.array([[CONTEXT], [CONTEXT - 3]])
    if "context positions" in case.inputs:
        inputs.context_positions = np.arange(CONTEXT)[None]
    if "far context" in case.inputs:
        inputs.context_positions = inputs.given_positions = np.sort(draw.integers(0, 40, (BATCH, CONTEXT)))
    if "extra ids" in case.inputs:
        inputs.extra = draw.integers(0, 3, (BATCH, LENGTH))
    if "token types" in case.inputs:
        inputs.types = draw.integers(0, 3, (BATCH, LENGTH))
    width = options.get("dim_condition", options["dim"])
    if "condition" in case.inputs:
        inputs.condition = draw.standard_normal((BATCH, width)).astype("float32")
    if "token conditions" in case.inputs:
        inputs.condition = draw.standard_normal((BATCH, LENGTH, width)).astype("float32")
    width = options.get("emb_dim", options["dim"])
    if "prepended" in case.inputs:
        inputs.prepended = draw.standard_normal((BATCH, 3, width)).astype("float32")
    if "prepended mask" in case.inputs:
        inputs.prepended_mask = np.array([[True, True, True], [False, True, True]])  # padding counts there
    if "summed" in case.inputs:
        inputs.summed = draw.standard_normal((BATCH, LENGTH, width)).astype("float32")
    weights[~inputs.valid] = 0
    return inputs


def run_theirs(model: Any, inputs: Inputs) -> Result:
    result, mems, mem_masks = Result(), None, None
    memory_keys = max((getattr(module, "num_mem_kv", 0) for module in model.modules()), default=0)
    for ids in inputs.ids:
        last = ids is inputs.ids[-1]
        given = {
            "mask": inputs.padding if last and inputs.starts is None else None,
            "seq_start_pos": inputs.starts,
            "attn_mask": with_memory(inputs.attention_mask, model.num_memory_tokens, memory_keys),
            "context": inputs.context,
            "context_mask": inputs.context_mask,
            "context_pos": inputs.context_positions,
            "condition": inputs.condition,
            "prepend_embeds": inputs.prepended,
            "prepend_mask": inputs.prepended_mask,
            "sum_embeds": inputs.summed,
        }
        tensors: dict[str, Any] = {name: torch.tensor(value) for name, value in given.items() if value is not None}
        if inputs.prepended is not None:
            tensors["excise_prepend_embeds"] = True
        if inputs.extra is not None:
            tensors["embed_ids"] = {"sentence": torch.tensor(inputs.extra)}
        if inputs.types is not None:
            tensors["embed_ids"] = {"sentence": torch.tensor(inputs.types)}
        logits, hidden = model(torch.tensor(ids), mems=mems, mem_masks=mem_masks, return_intermediates=True, **tensors)
        result.logits.append(logits.detach().numpy())
        if model.max_mem_len:
            _, mems = model(torch.tensor(ids), mems=mems, mem_masks=mem_masks, return_mems=True, **tensors)
            result.mems.append([states.numpy() for states in mems])
    (logits * torch.tensor(inputs.weights)).sum().backward()
    for name, parameter in model.named_parameters():
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        result.gradients[name] = gradient.numpy()
    return result


def with_memory(mask: np.ndarray | None, count: int, keys: int = 0) -> np.ndarray | None:
    """Their mask over the tokens counts the memory tokens in front of them as well, and memory keys."""
    front = ((0, 0), (0, 0), (count, 0), (keys + count, 0))
    return None if mask is None else np.pad(mask, front, constant_values=True)


def run_ours(model: Any, inputs: Inputs) -> Result:
    result, mems = Result(), None
    keeps_mems = bool(getattr(model.config, "max_mem_len", 0))
    for ids in inputs.ids:
        last = ids is inputs.ids[-1]
        given = our_arguments(inputs, 0, LENGTH, padded=last)
        if keeps_mems:
            given |= {"mems": mems, "return_mems": True}
        output = model(paddle.to_tensor(ids), return_dict=True, **given)
        result.logits.append(output.logits.numpy())
        if keeps_mems:
            mems = output.mems
            result.mems.append([part.numpy() for part in mems])
    (output.logits * paddle.to_tensor(inputs.weights)).sum().backward()
    for name, parameter in model.named_parameters():
        gradient = paddle.zeros_like(parameter) if parameter.grad is None else parameter.grad
        result.gradients[name] = gradient.numpy()
    model.clear_gradients()
    return result


def our_arguments(inputs: Inputs, start: int, stop: int, *, padded: bool = True) -> dict[str, Any]:
    """Masks and context for the tokens from start to stop, those before them being in the cache."""
    given: Mapping[str, np.ndarray | None] = {"encoder_hidden_states": inputs.context}
    mask, condition = None, inputs.condition
    if inputs.padding is not None and padded:
        mask = inputs.padding[:, :stop]
    if inputs.attention_mask is not None:
        seen = inputs.attention_mask[:, :, start:stop, :stop]
        mask = seen if mask is None else seen & mask[:, None, None, :]
    given = {
        **given,
        "attention_mask": mask,
        "encoder_attention_mask": inputs.context_mask,
        "encoder_position_ids": inputs.given_positions,
        "token_type_ids": inputs.types,
        "embed_ids": None if inputs.extra is None else inputs.extra[:, start:stop, None],
        "sum_embeds": None if inputs.summed is None else inputs.summed[:, start:stop],
        "prepend_embeds": None if start else inputs.prepended,
        "prepend_mask": None if start else inputs.prepended_mask,
        "condition": condition[:, start:stop] if condition is not None and condition.ndim == 3 else condition,
    }
    return {name: paddle.to_tensor(value) for name, value in given.items() if value is not None}


def decode(model: Any, inputs: Inputs, mems: Any, prompt: int) -> np.ndarray:
    """Logits of the last segment with a cache: the prompt at once, then one token after the other."""
    ids, cache, logits = inputs.ids[-1], None, []
    bounds = [0, *range(prompt, LENGTH + 1)]
    for start, stop in itertools.pairwise(bounds):
        output = model(
            paddle.to_tensor(ids[:, start:stop]),
            past_key_values=cache,
            mems=None if start else mems,
            use_cache=True,
            return_dict=True,
            **our_arguments(inputs, start, stop),
        )
        cache = output.past_key_values
        logits.append(output.logits.numpy())
    return np.concatenate(logits, axis=1)
