"""The same program with x-transformers' classes and with ours: the same weights, the same calls, the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import x_transformers
import x_transformers.x_transformers as theirs
from parity_models import numpy_weights, paddle

import paddle_xformers
from paddle_xformers.convert import load_x_transformers

TOLERANCE = 1e-5
STACK = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
AROUND = {"num_tokens": 50, "max_seq_len": 24}
DRAW = np.random.default_rng(3)
IDS = DRAW.integers(0, 50, (2, 12))
MORE = DRAW.integers(0, 50, (2, 12))
RIGHT = np.arange(12) < np.array([[12], [8]])
STARTS = np.array([0, 3])
WINDOW = np.abs(np.arange(12)[:, None] - np.arange(12)) < 4
CONTEXT = DRAW.normal(size=(2, 5, 32)).astype("float32")
CONTEXT_MASK = np.arange(5) < np.array([[5], [2]])
VECTORS = DRAW.normal(size=(2, 12, 6)).astype("float32")
STATES = DRAW.normal(size=(2, 12, 32)).astype("float32")
IMAGES = DRAW.normal(size=(2, 3, 16, 16)).astype("float32")
BIAS = DRAW.normal(size=(2, 4, 12, 12)).astype("float32")
SEEN = DRAW.random((2, 12)) < 0.7
SEEN[:, 0] = True
EXTRA = DRAW.normal(size=(2, 12, 32)).astype("float32")

# Builds a model from the classes of a library.
Build = Callable[[Any], Any]
# Calls it; arrays come in as tensors of the library.
Call = Callable[[Any, Callable[[np.ndarray], Any]], Any]


@dataclass(frozen=True)
class Program:
    """What is written once and run with both libraries.

    Args:
        name: Its name in the test's id.
        build: From a library to a model.
        call: From a model, and a function that makes tensors, to tensors.
        valid: Places that are compared, (b, n); None: all.
    """

    name: str
    build: Build
    call: Call
    valid: np.ndarray | None = None


def with_learned_keys(model: Any, t: Any) -> Any:
    """The bias over tokens; theirs counts the learned keys in front of them as well."""
    return (
        t(BIAS) if isinstance(model, paddle_xformers.TransformerWrapper) else t(np.pad(BIAS, [(0, 0)] * 3 + [(2, 0)]))
    )


def language(layers: str, around: dict[str, Any] | None = None, **stack: Any) -> Build:
    return lambda lib: lib.TransformerWrapper(
        **{**AROUND, **(around or {})}, attn_layers=getattr(lib, layers)(**STACK, **stack)
    )


def bare(layers: str, **stack: Any) -> Build:
    return lambda lib: getattr(lib, layers)(**STACK, **stack)


def prefix_decoder(**stack: Any) -> Build:
    """Theirs is not among the names of its package."""
    return lambda lib: getattr(lib, "PrefixDecoder", theirs.PrefixDecoder)(**STACK, **stack)


def with_prefix(model: Any, t: Any) -> Any:
    return model(t(STATES), mask=t(RIGHT), prefix_attn_len=t(np.array([3, 7])))


def two_segments(model: Any, t: Any) -> Any:
    first, mems = model(t(IDS), return_mems=True)
    second, mems = model(t(MORE), mems=mems, return_mems=True)
    return [first, second, *mems]


def logits_and_weights(model: Any, t: Any) -> Any:
    logits, weights = model(t(IDS), context=t(CONTEXT), return_attn=True)
    return [logits, *weights]


def encoder_decoder(**options: Any) -> Build:
    parts = {**{name: value for name, value in STACK.items() if name != "dim"}, **AROUND}
    both = {prefix + name: value for prefix in ("enc_", "dec_") for name, value in parts.items()}
    return lambda lib: lib.XTransformer(dim=32, **both, **options)


PROGRAMS = [
    Program("decoder", language("Decoder"), lambda model, t: model(t(IDS))),
    Program("decoder, right padding", language("Decoder"), lambda model, t: model(t(IDS), mask=t(RIGHT)), RIGHT),
    Program(
        "decoder, left padding",
        language("Decoder"),
        lambda model, t: model(t(IDS), seq_start_pos=t(STARTS)),
        np.arange(12) >= STARTS[:, None],
    ),
    Program(
        "decoder, logits and embeddings",
        language("Decoder", {"tie_embedding": True, "post_emb_norm": True}, use_rmsnorm=True, ff_glu=True),
        lambda model, t: list(model(t(IDS), return_logits_and_embeddings=True)),
    ),
    Program(
        "decoder, positions and sums",
        language("Decoder"),
        lambda model, t: model(t(IDS), pos=t(np.arange(2, 14)), sum_embeds=t(EXTRA)),
    ),
    Program("decoder, mems", language("Decoder", {"max_mem_len": 16}, rel_pos_bias=True), two_segments),
    Program(
        "decoder, mems shifted down",
        language("Decoder", {"max_mem_len": 8, "shift_mem_down": 1}, rotary_pos_emb=True),
        two_segments,
    ),
    Program("decoder, attention weights", language("Decoder", cross_attend=True), logits_and_weights),
    Program(
        "encoder, mask",
        language("Encoder"),
        lambda model, t: model(t(IDS), mask=t(RIGHT), return_embeddings=True),
        RIGHT,
    ),
    Program(
        "encoder, mask of pairs",
        language("Encoder", {"emb_dim": 20}, alibi_pos_bias=True),
        lambda model, t: model(t(IDS), mask=t(RIGHT), attn_mask=t(WINDOW)),
        RIGHT,
    ),
    Program("encoder, memory tokens", language("Encoder", {"num_memory_tokens": 3}), lambda model, t: model(t(IDS))),
    Program(
        "autoregressive loss",
        lambda lib: lib.AutoregressiveWrapper(language("Decoder")(lib)),
        lambda model, t: model(t(IDS)),
    ),
    Program(
        "bare encoder", bare("Encoder", rotary_pos_emb=True), lambda model, t: model(t(STATES), mask=t(RIGHT)), RIGHT
    ),
    Program("bare decoder", bare("Decoder"), lambda model, t: model(t(STATES))),
    Program("bare prefix decoder", prefix_decoder(rotary_pos_emb=True), with_prefix, RIGHT),
    Program(
        "bare prefix decoder, mask",
        prefix_decoder(),
        lambda model, t: model(t(STATES), attn_mask=t(WINDOW), prefix_attn_len=5),
    ),
    Program("decoder, bias", bare("Decoder"), lambda model, t: model(t(STATES), attn_bias=t(BIAS))),
    Program(
        "bias, keys hidden",
        language("Decoder", attn_num_mem_kv=2),
        lambda model, t: model(t(IDS), attn_bias=with_learned_keys(model, t), self_attn_kv_mask=t(SEEN)),
    ),
    Program(
        "keys hidden, padding",
        language("Decoder", rotary_pos_emb=True),
        lambda model, t: model(t(IDS), mask=t(RIGHT), self_attn_kv_mask=t(SEEN & RIGHT)),
        RIGHT,
    ),
    Program(
        "encoder, bias, keys hidden",
        language("Encoder"),
        lambda model, t: model(t(IDS), attn_bias=t(BIAS[:, :1]), self_attn_kv_mask=t(SEEN)),
    ),
    Program(
        "cross attender",
        bare("CrossAttender"),
        lambda model, t: model(t(STATES), context=t(CONTEXT), context_mask=t(CONTEXT_MASK)),
    ),
    Program(
        "encoder and decoder",
        encoder_decoder(tie_token_emb=True),
        lambda model, t: model(t(IDS), t(MORE), mask=t(RIGHT)),
    ),
    Program(
        "encoder and decoder, vectors in front",
        encoder_decoder(),
        lambda model, t: model(t(IDS), t(MORE), mask=t(RIGHT), src_prepend_embeds=t(EXTRA[:, :3])),
    ),
    Program(
        "images",
        lambda lib: lib.ViTransformerWrapper(
            image_size=16, patch_size=4, num_classes=7, num_register_tokens=2, attn_layers=bare("Encoder")(lib)
        ),
        lambda model, t: list(model(t(IMAGES), return_logits_and_embeddings=True)),
    ),
    Program(
        "vectors",
        lambda lib: lib.ContinuousTransformerWrapper(
            dim_in=6, dim_out=5, max_seq_len=24, attn_layers=bare("Decoder")(lib)
        ),
        lambda model, t: model(t(VECTORS), mask=t(RIGHT)),
        RIGHT,
    ),
]


def theirs_of(program: Program) -> Any:
    model = program.build(x_transformers).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def compare(program: Program) -> None:
    """Run a program with both libraries and compare what it gives."""
    theirs, ours = theirs_of(program), program.build(paddle_xformers)
    ours.eval()
    inner = ours.net if isinstance(ours, paddle_xformers.AutoregressiveWrapper) else ours
    load_x_transformers(inner.model, numpy_weights(theirs))
    with torch.no_grad():
        expected = program.call(theirs, torch.tensor)
    with paddle.no_grad():
        found = program.call(ours, paddle.to_tensor)
    pairs = zip(found, expected, strict=True) if isinstance(expected, list) else [(found, expected)]
    for ours_given, theirs_given in pairs:
        mine, reference = ours_given.numpy(), theirs_given.numpy()
        assert mine.shape == reference.shape
        if program.valid is not None:
            mine, reference = mine[program.valid], reference[program.valid]
        difference = np.abs(mine - reference).max()
        assert difference <= TOLERANCE * max(1.0, np.abs(reference).max()), f"differ by {difference:.2e}"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_same_program_gives_the_same_numbers(program: Program) -> None:
    compare(program)
