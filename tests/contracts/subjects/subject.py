"""What the contracts need to know of a model: how to build a small one, what to feed it, and where its result is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle

from paddle_xformers.config import FieldInfo, schema

# Sizes of a small model, for every family that has the field.
SMALL = {
    "num_tokens": 37,
    "dim": 32,
    "depth": 2,
    "heads": 4,
    "attn_dim_head": 8,
    "max_seq_len": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
CONTEXT_LENGTH = 6
# Families that divide the fields of all families among them.
SHARES = 4

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """One model class, and how the contracts handle it.

    Args:
        name: For the names of the tests.
        config: The configuration class.
        model: The model class.
        inputs: What a forward is called with: from the model, the batch size b and a length n to tensors by argument
            name, batch first, the same numbers at each call.
        labels: From those inputs to what must be passed beside them for a loss; None: the loss is a weighted sum of
            the result.
        result: The attribute of the output that contracts compare.
        small: Fields of the small model.
        length: The length n that most contracts use.
        places: Number of hidden states of the first stack, where it is not the length.
        padded: The arguments whose second axis a mask covers; padding is put into those of them that there are, and
            the first is always there.
        mask: The argument that takes the mask, (b, n); None: the model has none, and contracts about masks do not run.
        per_token: Whether the second axis of the result belongs to that of `padded`.
        causal: Whether the contract holds that later tokens change nothing before them.
        grows: The argument that takes new tokens while decoding with past_key_values; None: there is no cache.
        grow_along: Further arguments with a place for each token of it.
        generates: Whether `generate` is held against its contract.
        own: Groups of options that this subject is about; None: all of the configuration's. A head that a few fields
            work in is a subject of its own with their group.
        every_example: Whether every example of every field is a case. Otherwise the fields that other families have
            too are tried with one example each: the code is the same there.
        effect_elsewhere: Fields whose work is not in the result, with the reason and where they are tested.
        kernels: The fields that choose a kernel.
        states: The attributes of the output with the hidden states and the attention weights of the first stack.
        not_beside_labels: Attributes of the output that a tuple leaves out where there are labels.
        only_with_head: Parameters of the base model that only the one inside this head has.
        share: Which one in `SHARES` of the fields that all families have it tries; None: all of them. They are the same
            code in every family, and the decoder and the encoder try each.
    """

    name: str
    config: Any
    model: Any
    inputs: Callable[[Any, int, int], Inputs]
    labels: Callable[[Inputs], Inputs] | None = None
    result: str = "logits"
    small: Mapping[str, Any] = dataclasses.field(default_factory=lambda: SMALL)
    length: int = 8
    places: int | None = None
    padded: tuple[str, ...] = ("input_ids",)
    mask: str | None = "attention_mask"
    per_token: bool = True
    causal: bool = False
    grows: str | None = None
    grow_along: tuple[str, ...] = ()
    generates: bool = False
    own: tuple[type, ...] | None = None
    every_example: bool = False
    effect_elsewhere: Mapping[str, str] = dataclasses.field(default_factory=dict)
    kernels: tuple[str, ...] = ("attn_kernel",)
    states: tuple[str, str] = ("hidden_states", "attentions")
    not_beside_labels: tuple[str, ...] = ()
    only_with_head: tuple[str, ...] = ()
    share: int | None = None

    def fields(self) -> Mapping[str, FieldInfo]:
        """The fields that are tried."""
        return own_fields(self.config) if self.own is None else schema(self.own)

    def build(self, values: Mapping[str, Any], *, seed: int = 0, redraw: bool = True, **more: Any) -> Any:
        """A small model in eval mode; `redraw` gives every parameter a value, also those that start at zero."""
        paddle.seed(seed)
        model = self.model(self.config(**{**self.small, **values, **more}))
        if redraw:
            redraw_parameters(model, seed)
        model.eval()
        return model

    def feed(self, model: Any, b: int = 2, n: int | None = None) -> Inputs:
        """Inputs of a batch of b rows of length n."""
        return self.inputs(model, b, n or self.length)

    def output(self, model: Any, inputs: Inputs, **more: Any) -> Any:
        """What a forward returns."""
        return model(**inputs, **more, return_dict=True)

    def result_of(self, output: Any) -> paddle.Tensor:
        """What contracts compare of an output."""
        return getattr(output, self.result)

    def numbers(self, model: Any, inputs: Inputs, **more: Any) -> np.ndarray:
        """The result of a forward."""
        return self.result_of(self.output(model, inputs, **more)).numpy()

    def part(self, inputs: Inputs, start: int, stop: int) -> Inputs:
        """The inputs with only the tokens from start to stop."""
        cut = {name: inputs[name][:, start:stop] for name in (self.grows, *self.grow_along) if name in inputs}
        return {**inputs, **cut}

    def embedded(self, model: Any, inputs: Inputs) -> Inputs:
        """The inputs with embeddings in place of token ids."""
        rest = {name: value for name, value in inputs.items() if name != "input_ids"}
        return {**rest, "inputs_embeds": model.get_input_embeddings()(inputs["input_ids"])}

    def loss(self, model: Any, inputs: Inputs, **more: Any) -> paddle.Tensor:
        """A loss that every parameter takes part in."""
        if self.labels is not None:
            return self.output(model, {**inputs, **self.labels(inputs)}, **more).loss
        return weighted(self.result_of(self.output(model, inputs, **more)))


def own_fields(config: Any) -> Mapping[str, FieldInfo]:
    """The fields of a family that are its own.

    Those of a part of a model, behind a prefix, are tried in the part's own family; that each of them reaches its part
    is shown beside the family's other tests.
    """
    parts = config.composition.parts if hasattr(config, "composition") else ()
    of_parts = set().union(*(part.fields() for part in parts))
    return {name: info for name, info in config.fields().items() if name not in of_parts}


def redraw_parameters(model: Any, seed: int = 0) -> None:
    """Give every parameter a random value: about 1 for the gains of norms, about 0 for the rest."""
    rng = np.random.default_rng(seed)
    for name, parameter in model.named_parameters():
        scale = 0.2 if parameter.ndim > 1 else 0.1
        noise = rng.normal(0, scale, parameter.shape).astype("float32")
        gain = 1.0 if name.endswith("norm.weight") else 0.0
        parameter.set_value(paddle.to_tensor(noise + gain))


def weighted(result: paddle.Tensor) -> paddle.Tensor:
    """Sum with a weight of its own for each number, so that no part of a gradient cancels."""
    weights = np.random.default_rng(9).normal(size=result.shape).astype("float32")
    return (result * paddle.to_tensor(weights)).sum()


def tokens(b: int = 2, n: int = 14, *, seed: int = 1, vocabulary: int = 37) -> paddle.Tensor:
    """Random token ids, none of them special."""
    return paddle.to_tensor(np.random.default_rng(seed).integers(3, vocabulary, (b, n)))


def context(model: Any, b: int = 2) -> Inputs:
    """Further inputs that the configuration asks for: what cross attention looks at, and a condition."""
    config, more = model.config, {}
    if config.cross_attend:
        more["encoder_hidden_states"] = drawn(5, b, CONTEXT_LENGTH, config.cross_attn_dim_context or config.dim)
    return {**more, **conditions(b, config)}


def extra_ids(model: Any, b: int, n: int) -> Inputs:
    """Further ids of each token, if the configuration asks for them."""
    sizes = getattr(model.config, "embed_num_tokens", None)
    if not sizes:
        return {}
    draw = np.random.default_rng(7)
    return {
        "embed_ids": paddle.to_tensor(np.stack([draw.integers(0, k, (b, n)) for _, k in sorted(sizes.items())], -1))
    }


def conditions(b: int, *configs: Any) -> Inputs:
    """What adaptive norms and scales depend on, and what a gate weighs, if one of the parts asks for it."""
    widths = [config.dim_condition or config.dim for config in configs if config.stack_options().needs_condition]
    given = {"condition": drawn(6, b, widths[0])} if widths else {}
    if any(config.stack_options().residual.gates_what_calls_add for config in configs):
        given["in_attn_cond"] = drawn(8, b, configs[0].dim)
    return given


def drawn(seed: int, *shape: int) -> paddle.Tensor:
    """Normally distributed numbers, the same for each seed."""
    return paddle.to_tensor(np.random.default_rng(seed).normal(size=shape).astype("float32"))
