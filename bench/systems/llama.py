"""PaddleNLP's Llama: rotary positions, RMS norm, and a gated feed-forward block of the same size."""

from __future__ import annotations

from typing import Any

from bench.systems.base import PaddleNLPSystem, System, quiet_paddlenlp
from bench.workload import Size


class LlamaSystem(PaddleNLPSystem):
    """Llama, whose `generate` cannot work with the mask that PaddleNLP makes by default."""

    def generation_arguments(self, prompt: Any) -> dict[str, Any]:
        """Returns a two-dimensional mask, because the default one has a shape that Llama refuses."""
        return {"attention_mask": self.paddle.ones_like(prompt)}


def build(size: Size) -> System:
    """Returns `LlamaForCausalLM`; the cache is off outside decoding, as in the other systems."""
    quiet_paddlenlp()
    import paddle
    from paddlenlp.transformers import LlamaConfig, LlamaForCausalLM

    paddle.seed(0)
    config = LlamaConfig(
        vocab_size=size.vocab,
        hidden_size=size.dim,
        num_hidden_layers=size.depth,
        num_attention_heads=size.heads,
        intermediate_size=gated_width(size.dim),
        max_position_embeddings=size.max_seq_len,
        seq_length=size.max_seq_len,
        eos_token_id=None,  # decoding must never stop early
    )
    return LlamaSystem(LlamaForCausalLM(config), size, call={"use_cache": False})


def gated_width(dim: int) -> int:
    """Returns the width at which three matrices of a gated block hold what two of width 4 * dim hold.

    Rounded to a multiple of 16, because odd widths are slow in every matrix library.
    """
    return round(8 * dim / 3 / 16) * 16
