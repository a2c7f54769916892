"""The stack of an attention pooling of several blocks, from the fields of the encoder that it stands behind."""

from __future__ import annotations

from .options import AttentionOptions, EncoderOptions
from .resolve import StackOptions, stack_options
from .schema import schema


def pooling_stack(dim: int, options: EncoderOptions, attention: AttentionOptions) -> StackOptions:
    """Return the options of a stack of cross attention and feed-forward layers, without positions.

    Args:
        dim: Width of the hidden states that it looks at.
        options: The encoder fields.
        attention: Number and width of the heads, and the kernel.
    """
    values = {name: info.default for name, info in schema().items()}
    values |= {
        "dim": options.dim_pooled_tokens or dim,
        "depth": options.attn_pool_depth,
        "heads": attention.heads,
        "attn_dim_head": attention.attn_dim_head,
        "attn_kernel": attention.attn_kernel,
        "cross_attend": True,
        "only_cross": True,
        "cross_attn_dim_context": dim,
        "position_embedding": "none",
    }
    return stack_options(values, causal=False)
