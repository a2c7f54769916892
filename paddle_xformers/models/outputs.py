"""Output classes: PaddleNLP's, with the mems of Transformer-XL."""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor

from .._compat import import_paddlenlp

import_paddlenlp()

from paddlenlp.transformers.model_outputs import (  # noqa: E402
    BaseModelOutputWithPastAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
)


@dataclass
class XModelOutput(BaseModelOutputWithPastAndCrossAttentions):
    """Output of a bare model.

    Args:
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
    """

    mems: tuple[Tensor, ...] | None = None


@dataclass
class XCausalLMOutput(CausalLMOutputWithCrossAttentions):
    """Output of a causal language model.

    Args:
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
    """

    mems: tuple[Tensor, ...] | None = None
