"""Weights of x-transformers 2.31: stacks such as `Decoder(...)`, bare or in a wrapper, and `XTransformer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..config import StackOptions
from ..config.options import FeedForwardOptions
from ..config.pooling import pooling_stack
from ..errors import CheckpointError
from .continuous import continuous_rules
from .modalities import NUMBER_RULES, STREAM_RULES
from .parts import by_part, pooling_blocks
from .stack_rules import STACK_RULES
from .table import Rule, apply_rules
from .transforms import (
    of_extra_ids,
    of_types,
    one_row,
    transposed,
)

_POOL = "{base}.pooler.attention."

# What stands around the tables of tokens.
_AROUND: tuple[Rule, ...] = (
    Rule("pos_emb.emb.weight", "{base}.embeddings.position_embeddings.weight"),
    Rule("pos_emb.scale", "{base}.embeddings.position_function.scale"),
    Rule("post_emb_norm.gamma", "{base}.embeddings.norm.weight"),
    Rule("project_emb.{part}", "{base}.embeddings.project.{part}", transposed),
    Rule("ff_deep_embed", "{base}.deep_embeddings.weight"),
    Rule("recycled_proj.weight", "{base}.recycled_proj.weight", transposed),
    Rule("exit_gate.weight", "{base}.exit_gate.weight", transposed),
    Rule("memory_tokens", "{base}.memory_tokens.weight"),
)

# From ids to the first hidden state, and back.
TOKEN_RULES: tuple[Rule, ...] = (
    *_AROUND,
    Rule("token_emb.emb.weight", "{base}.embeddings.word_embeddings.weight"),
    Rule("embeds.{name}_embed.weight", "{base}.embeddings.token_type_embeddings.weight", of_types),
    Rule("embeds.{name}_embed.weight", "{base}.extra_embeddings.tables.{name}.weight", of_extra_ids),
    Rule("to_logits.{part}", "lm_head.{part}"),
    Rule("to_logits.0.weight", "lm_head.weight"),
    Rule("to_logits.{head}.weight", "more_lm_heads.{head}.weight"),
    Rule("to_mixture.0.weight", "lm_head.mixture.states_proj.weight", transposed),
    Rule("combine_mixture.weight", "lm_head.mixture.shares_proj.weight", transposed),
    Rule("to_next_embed_pred.0.weight", "next_embed_head.up_proj.weight", transposed),
    Rule("to_next_embed_pred.2.weight", "next_embed_head.down_proj.weight", transposed),
    Rule("attn_pool.queries", _POOL + "queries"),
    Rule("attn_pool.pooler.to_q.weight", _POOL + "attn.q_proj.weight", transposed),
    Rule("attn_pool.pooler.to_k.weight", _POOL + "attn.k_proj.weight", transposed),
    Rule("attn_pool.pooler.to_v.weight", _POOL + "attn.v_proj.weight", transposed),
    Rule("attn_pool.pooler.to_out.weight", _POOL + "attn.o_proj.weight", transposed),
)

# From an image to the first hidden state, and from the pooled vector to classes.
VISION_RULES: tuple[Rule, ...] = (
    Rule("pos_embedding", "{base}.embeddings.position_embeddings.weight", one_row),
    Rule("patch_to_embedding.0.gamma", "{base}.embeddings.pre_norm.weight"),
    Rule("patch_to_embedding.1.{part}", "{base}.embeddings.proj.{part}", transposed),
    Rule("patch_to_embedding.2.gamma", "{base}.embeddings.post_norm.weight"),
    Rule("post_emb_norm.gamma", "{base}.embeddings.norm.weight"),
    Rule("register_tokens", "{base}.embeddings.register_tokens"),
    Rule("mlp_head.{part}", "classifier.proj.{part}", transposed),
)


# The whole table of a model of tokens, of one of images, and of one of several streams of tokens.
RULES: tuple[Rule, ...] = (*TOKEN_RULES, *STACK_RULES)
IMAGE_RULES: tuple[Rule, ...] = (*VISION_RULES, *STACK_RULES)
MULTI_INPUT_RULES: tuple[Rule, ...] = (*_AROUND, *STREAM_RULES, *STACK_RULES)


def rules_for(stack: StackOptions) -> tuple[Rule, ...]:
    """Return the whole table of a stack with what stands around it.

    Args:
        stack: Options of the stack.
    """
    if stack.vision is not None:
        return IMAGE_RULES
    if stack.streams is not None:
        return MULTI_INPUT_RULES
    if stack.numbers is not None:
        return RULES + NUMBER_RULES
    if stack.continuous is not None:
        return RULES + continuous_rules(probabilistic=stack.continuous.probabilistic)
    return RULES


def from_x_transformers(
    state_dict: Mapping[str, Any], config: Any, *, unit_offset: bool = True
) -> dict[str, np.ndarray]:
    """Turn the weights of an x-transformers model into those of ours.

    A decoder becomes an XDecoderForCausalLM, an encoder an XEncoderForMaskedLM, one of images an
    XViTForImageClassification, an XTransformer (encoder and decoder) an XSeq2SeqForConditionalGeneration, a
    ContinuousTransformerWrapper an XContinuousForRegression, an XValTransformerWrapper an XValForCausalLM, a
    MultiInputTransformerWrapper an XMultiInputForCausalLM, and a stack without a wrapper (Encoder, Decoder,
    CrossAttender) an XContinuousModel without projections. With grouped key/value heads the query heads change places
    (see `heads`), and so do the attention weights that the model returns. Names that are missing, and shapes, are
    checked by `load_x_transformers`, which knows the model.

    Args:
        state_dict: Numpy arrays (or what numpy can read without a copy to another device) by x-transformers'
            name; the `net.` of an AutoregressiveWrapper may stand in front.
        config: The configuration of the model they go to, built from the same options. One table of `embed_num_tokens`
            is `type_vocab_size`; `attn_pool=True` is `pooler="attention"`.
        unit_offset: Whether the gains of norms are stored less 1; False for norm_add_unit_offset=False.

    Returns:
        Arrays by our name, linear weights as (in, out). They may share memory with those given.

    Raises:
        CheckpointError: If a name has no place in the model, or an array contradicts the configuration.
        ConfigError: If no model can be built from the configuration.
    """
    base = config.model_type
    if not config.is_encoder_decoder:
        stack = config.stack_options()
        pooled, rest = pooling_blocks(state_dict, config)
        found = _stack_weights(rest, stack, base, unit_offset)
        if pooled:
            blocks = pooling_stack(stack.dim, config.encoder_options(), stack.attention)
            arrays = {name: _as_array(name, value) for name, value in pooled.items()}
            found |= apply_rules(STACK_RULES, arrays, blocks, f"{base}.pooler.attention", unit_offset=unit_offset)
        return found
    config.validate()
    parts = {"encoder": config.encoder_config(), "decoder": config.decoder_config()}
    given = by_part(state_dict, parts)
    result: dict[str, np.ndarray] = {}
    for part, own in parts.items():
        result |= _stack_weights(given[part], own.stack_options(), f"{base}.{part}", unit_offset)
    return result


def _stack_weights(
    state_dict: Mapping[str, Any], stack: StackOptions, base: str, unit_offset: bool
) -> dict[str, np.ndarray]:
    """The weights of one stack, with its embeddings and head."""
    arrays = {name: _as_array(name, value) for name, value in _unwrapped(state_dict).items()}
    result = apply_rules(rules_for(stack), arrays, stack, base, unit_offset=unit_offset)
    if stack.tokens is not None and stack.tokens.tie_word_embeddings:
        result |= _tied_head(base, result)
    return {**_left_out(stack, base, result), **result}


def _unwrapped(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Take off the level that an AutoregressiveWrapper puts in front of every name, and give a bare stack its own."""
    level = "net." if state_dict and all(name.startswith("net.") for name in state_dict) else ""
    arrays = {name.removeprefix(level): value for name, value in state_dict.items()}
    if any(name.startswith("layers.") for name in arrays):
        arrays = {f"attn_layers.{name}": value for name, value in arrays.items()}
    return arrays


def _as_array(name: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except (TypeError, RuntimeError, ValueError) as error:
        raise CheckpointError(
            f"{name} cannot be read as a numpy array ({error}); give "
            "{name: tensor.detach().cpu().float().numpy() for name, tensor in model.state_dict().items()}"
        ) from error
    if array.dtype.kind != "f":
        raise CheckpointError(f"{name} has dtype {array.dtype}; weights must be floating point numbers")
    return array


def _tied_head(base: str, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    if "lm_head.weight" in found:
        raise CheckpointError(
            "the weights hold to_logits.weight, a head of their own, but tie_word_embeddings=True; "
            "set tie_word_embeddings=False"
        )
    name = f"{base}.embeddings.word_embeddings.weight"
    return {"lm_head.weight": found[name]} if name in found else {}


def _left_out(stack: StackOptions, base: str, found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What x-transformers has no parameter for, because it is constant there."""
    constants: dict[str, np.ndarray] = {}
    gated = []
    for index, layer in enumerate(stack.layers):
        prefix, branch = f"{base}.stack.layers.{index}.", layer.branch
        if isinstance(branch, FeedForwardOptions):
            if branch.ff_glu and not branch.ff_no_bias:
                gated.append(f"{prefix}ff.down_proj.bias")
        elif branch.heads == 1 and branch.value_dim == stack.dim:  # a single head is not projected
            name = "attn" if layer.kind == "a" else "cross_attn"
            constants[f"{prefix}{name}.o_proj.weight"] = np.eye(stack.dim, dtype="float32")
    pool = _POOL.format(base=base)
    if pool + "queries" in found and stack.attention.heads == 1:
        constants[pool + "attn.o_proj.weight"] = np.eye(stack.dim, dtype="float32")
    if not any(name in found for name in gated):  # ff_no_bias leaves the first bias of a gated unit in place
        constants |= {name: np.zeros(stack.dim, dtype="float32") for name in gated}
    return constants
