"""PaddleNLP's GPT. It has no rotary positions but learned ones: max_seq_len * dim parameters more."""

from __future__ import annotations

from bench.systems.base import PaddleNLPSystem, System, quiet_paddlenlp
from bench.workload import Size


def build(size: Size) -> System:
    """Returns `GPTForCausalLM` without dropout, which no other system has."""
    quiet_paddlenlp()
    import paddle
    from paddlenlp.transformers import GPTConfig, GPTForCausalLM

    paddle.seed(0)
    config = GPTConfig(
        vocab_size=size.vocab,
        hidden_size=size.dim,
        num_hidden_layers=size.depth,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.dim,
        max_position_embeddings=size.max_seq_len,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        eos_token_id=None,  # decoding must never stop early
    )
    return PaddleNLPSystem(GPTForCausalLM(config), size)
