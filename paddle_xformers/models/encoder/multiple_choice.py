"""The encoder that chooses among texts: XEncoderForMultipleChoice."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...errors import ConfigError, InputError
from ...nn.linear import Linear
from ...nn.sizes import sizes
from ..inputs import check_span
from ..losses import class_loss
from ..outputs import as_asked
from .configuration import XEncoderConfig
from .modeling import XEncoderModel, XEncoderPretrainedModel

import_paddlenlp()

from paddlenlp.transformers.model_outputs import MultipleChoiceModelOutput  # noqa: E402


class XEncoderForMultipleChoice(XEncoderPretrainedModel):
    """The encoder with one score for each of several texts: which of them is right?

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration, or it has no pooler.
    """

    def __init__(self, config: XEncoderConfig) -> None:
        super().__init__(config)
        if config.pooler == "none":
            raise ConfigError(
                "pooler='none' leaves XEncoderForMultipleChoice nothing to choose by; set pooler to 'cls', 'mean' or "
                "'attention'"
            )
        self.xencoder = XEncoderModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = Linear(config.encoder_options().pooled_width(config.dim), 1, bias=True)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        embed_ids: Tensor | None = None,
    ) -> MultipleChoiceModelOutput | tuple[Any, ...] | Tensor:
        """Score each choice.

        Args:
            input_ids: Token ids of every choice, (b, choices, n).
            token_type_ids: Likewise, (b, choices, n).
            position_ids: Likewise, (b, choices, n).
            attention_mask: Likewise, (b, choices, n).
            inputs_embeds: Token embeddings in place of ids, (b, choices, n, emb_dim).
            labels: The right choice of each row, (b); -100 is left out of the loss.
            encoder_hidden_states: As in `XEncoderModel.forward`, (b, m, c); all choices of a row see it.
            encoder_attention_mask: Likewise, over the context: (b, m) or as `XEncoderModel.forward` takes it.
            output_attentions: As in `XEncoderModel.forward`; a choice is a row there.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: As in `XEncoderModel.forward`, one a row of the batch, (b, dim_condition), for all its choices.
            sum_embeds: Added to the token embeddings of every choice, (b, choices, n, emb_dim).
            prepend_embeds: Vectors in front of the tokens, (b, p, emb_dim), the same for all choices of a row.
            prepend_mask: Which of them are no padding, (b, p).
            embed_ids: Further ids of every choice, (b, choices, n, kinds).

        Returns:
            A MultipleChoiceModelOutput, or a tuple of its values that are not None: the mean loss if there are labels,
            the logits (b, choices), and what was asked for. A tuple of the logits alone is returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        choices = _choices(input_ids, inputs_embeds)
        hidden = self.xencoder(
            _as_rows(input_ids, "input_ids", 3),
            _as_rows(token_type_ids, "token_type_ids", 3),
            _as_rows(position_ids, "position_ids", 3),
            _as_rows(attention_mask, "attention_mask", 3),
            _as_rows(inputs_embeds, "inputs_embeds", 4),
            _for_each_choice(encoder_hidden_states, choices),
            _for_each_choice(encoder_attention_mask, choices),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            condition=_for_each_choice(condition, choices),
            sum_embeds=_as_rows(sum_embeds, "sum_embeds", 4),
            prepend_embeds=_for_each_choice(prepend_embeds, choices),
            prepend_mask=_for_each_choice(prepend_mask, choices),
            embed_ids=_as_rows(embed_ids, "embed_ids", 4, "kinds"),
        )
        scores = self.classifier(self.dropout(hidden.pooler_output))  # (b * choices, 1)
        logits = scores.reshape([-1, choices])  # (b, choices)
        output = MultipleChoiceModelOutput(
            loss=None if labels is None else class_loss(logits, check_span(labels, "labels", logits.shape[0])),
            logits=logits,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)


def _choices(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Any:
    """Return the number of choices."""
    given = inputs_embeds if input_ids is None else input_ids
    if given is None:
        raise InputError("give either input_ids or inputs_embeds, one and not both")
    return sizes(given)[1]


def _for_each_choice(given: Tensor | None, choices: Any) -> Tensor | None:
    """Repeat what belongs to a question for each of its choices: (b, ...) to (b * choices, ...)."""
    if given is None:
        return None
    return given.unsqueeze(1).expand([-1, choices, *[-1] * (given.ndim - 1)]).flatten(0, 1)


def _as_rows(given: Tensor | None, name: str, axes: int, last: str = "emb_dim") -> Tensor | None:
    """Make each choice a row: (b, choices, ...) to (b * choices, ...)."""
    if given is None:
        return None
    if given.ndim != axes:
        axes_wanted = "(batch, choices, length)" if axes == 3 else f"(batch, choices, length, {last})"
        raise InputError(f"{name} has shape {list(given.shape)}; give {axes_wanted}")
    return given.flatten(0, 1)
