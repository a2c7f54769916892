"""paddle_xformers: the decoder of this project."""

from __future__ import annotations

from bench.systems.base import PaddleNLPSystem, System, quiet_paddlenlp
from bench.workload import Size


def build(size: Size) -> System:
    """Returns `XDecoderForCausalLM` with rotary positions."""
    quiet_paddlenlp()
    import paddle

    from paddle_xformers import XDecoderConfig, XDecoderForCausalLM

    paddle.seed(0)
    config = XDecoderConfig(
        num_tokens=size.vocab,
        max_seq_len=size.max_seq_len,
        dim=size.dim,
        depth=size.depth,
        heads=size.heads,
        rotary_pos_emb=True,
    )
    return PaddleNLPSystem(XDecoderForCausalLM(config), size)
