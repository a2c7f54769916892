"""Outputs of the image family; PaddleNLP's own for images carry no attention weights."""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor

from ..._compat import import_paddlenlp

import_paddlenlp()

from paddlenlp.transformers.model_outputs import ModelOutput  # noqa: E402


@dataclass
class XVisionOutput(ModelOutput):
    """Output of the bare model. Memory and register tokens are left out everywhere.

    Args:
        last_hidden_state: The class token, if there is one, and the patches, (b, n, d).
        pooler_output: The image as a whole, (b, d).
        hidden_states: The same places before each block, and the last hidden state, each (b, n, d).
        attentions: Weights of each self attention layer, (b, h, n, n).
        cross_attentions: Weights of each cross attention layer, (b, h, n, m).
    """

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass
class XImageClassifierOutput(ModelOutput):
    """Output of an image classifier.

    Args:
        loss: The loss, if there are labels.
        logits: One number for each class, (b, classes).
        hidden_states: As in `XVisionOutput`.
        attentions: Likewise.
        cross_attentions: Likewise.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None


@dataclass
class XMaskedImageOutput(ModelOutput):
    """Output of masked image modelling.

    Args:
        loss: The mean absolute error of the pixels of hidden patches, if any are hidden.
        reconstruction: Predicted images, (b, c, h, w).
        hidden_states: As in `XVisionOutput`.
        attentions: Likewise.
        cross_attentions: Likewise.
    """

    loss: Tensor | None = None
    reconstruction: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
