"""What x-transformers 2.31 has in `XValTransformerWrapper` and in `MultiInputTransformerWrapper` only."""

from __future__ import annotations

from .table import Rule
from .transforms import transposed

# The head that predicts numbers, beside that of tokens.
NUMBER_RULES: tuple[Rule, ...] = (Rule("to_numerical_output.0.{part}", "number_head.{part}", transposed),)

# A table and a head for each stream.
STREAM_RULES: tuple[Rule, ...] = (
    Rule("embeds.{stream}_embed.weight", "{base}.embeddings.tables.{stream}_embed.weight"),
    Rule("to_logits.{stream}.weight", "lm_heads.{stream}_head.weight"),
)
