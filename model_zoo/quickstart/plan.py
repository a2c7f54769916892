"""Sizes of the model and of its training: one set for the real run, one for a trial of seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What a run is made of.

    Attributes:
        dim: Width of the model.
        depth: Number of blocks.
        heads: Number of attention heads; each is dim / heads wide.
        window: Length of a training window in bytes, and of the longest text the model takes.
        batch: Windows a step.
        learning_rate: Its highest value.
        seconds: Time for training; None means `steps` decide.
        steps: Number of training steps; None means `seconds` decide.
        held_out_bytes: How much of the held-out text is evaluated.
        primer_bytes: How much of the training text is given to xz in advance.
        new_tokens: Length of the completions.
    """

    dim: int = 128
    depth: int = 4
    heads: int = 2
    window: int = 256
    batch: int = 4
    learning_rate: float = 3e-3
    seconds: float | None = 300.0
    steps: int | None = None
    held_out_bytes: int = 256 << 10
    primer_bytes: int = 8 << 20
    new_tokens: int = 160


SMOKE = Plan(
    dim=32,
    depth=2,
    heads=2,
    window=64,
    batch=4,
    seconds=None,
    steps=30,
    held_out_bytes=4 << 10,
    primer_bytes=16 << 10,
    new_tokens=24,
)


def build_model(plan: Plan, tokenizer: Any) -> Any:
    """Build the model with fresh weights: a decoder with rotary positions, RMSNorm and SwiGLU, as in LLaMA."""
    from paddle_xformers import XDecoderConfig, XDecoderForCausalLM

    head = plan.dim // plan.heads
    config = XDecoderConfig(
        num_tokens=len(tokenizer),
        max_seq_len=plan.window,  # rotary positions beyond those of training would be untested
        dim=plan.dim,
        depth=plan.depth,
        heads=plan.heads,
        attn_dim_head=head,
        rotary_pos_emb=True,
        rotary_emb_dim=head,
        norm="rmsnorm",
        ff_glu=True,
        ff_activation="silu",
        ff_mult=8 / 3,
        ff_no_bias=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.eos_token_id,  # every text of the stream begins after an end
        eos_token_id=tokenizer.eos_token_id,
    )
    return XDecoderForCausalLM(config)
