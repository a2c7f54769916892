"""The encoder that finds an answer in a text: XEncoderForQuestionAnswering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...errors import InputError
from ...nn.linear import Linear
from ...nn.places import kept_tokens
from ..extras import Extras, check_returned
from ..inputs import check_span
from ..losses import IGNORED, class_loss
from ..outputs import as_asked
from .configuration import XEncoderConfig
from .modeling import XEncoderModel, XEncoderPretrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_outputs import QuestionAnsweringModelOutput  # noqa: E402

# The score of padding; finite, so that a row without tokens has a finite loss, and representable in half precision.
HIDDEN = -1e4


class XEncoderForQuestionAnswering(XEncoderPretrainedModel):
    """The encoder with two scores for each token: that the answer starts, and that it ends there.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XEncoderConfig) -> None:
        super().__init__(config)
        self.xencoder = XEncoderModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = Linear(config.dim, 2, bias=True)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        start_positions: Tensor | None = None,
        end_positions: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        **extras: Unpack[Extras],
    ) -> QuestionAnsweringModelOutput | tuple[Any, ...] | Tensor:
        """Score each token as the first and as the last of the answer.

        Args:
            input_ids: As in `XEncoderModel.forward`, like all that are not named here.
            token_type_ids: Likewise.
            position_ids: Likewise.
            attention_mask: Likewise.
            inputs_embeds: Likewise.
            start_positions: The place of the answer's first token in each row, (b); one outside the row (the answer was
                cut off, say) is left out of the loss.
            end_positions: Likewise of its last token.
            encoder_hidden_states: As in `XEncoderModel.forward`.
            encoder_attention_mask: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.
            sum_embeds: Likewise.
            prepend_embeds: Likewise.
            prepend_mask: Likewise.
            embed_ids: Likewise.
            **extras: Further arguments about single layers; see `paddle_xformers.models.extras.Extras`.

        Returns:
            A QuestionAnsweringModelOutput, or a tuple of its values that are not None: the mean loss if there are
            start and end positions, the start logits (b, n), the end logits (b, n), and what was asked for. Padding has
            logits so low that it is never the answer.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        check_returned(type(self).__name__, extras, ("return_intermediates", "return_gumbel_log_probs"))
        if extras.get("flash_pack_seq_kwargs") is not None:
            raise InputError("flash_pack_seq_kwargs does not go with one answer for each row; pass a padded batch")
        hidden = self.xencoder(
            input_ids,
            token_type_ids,
            position_ids,
            attention_mask,
            inputs_embeds,
            encoder_hidden_states,
            encoder_attention_mask,
            output_attentions,
            output_hidden_states,
            return_dict=True,
            condition=condition,
            sum_embeds=sum_embeds,
            embed_ids=embed_ids,
            prepend_embeds=prepend_embeds,
            prepend_mask=prepend_mask,
            **extras,
        )
        scores = self.classifier(self.dropout(hidden.last_hidden_state))  # (b, n, 2)
        start, end = (_without_padding(scores[:, :, i], attention_mask) for i in range(2))
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = (
                _end_loss(start, start_positions, "start_positions") + _end_loss(end, end_positions, "end_positions")
            ) / 2
        output = QuestionAnsweringModelOutput(
            loss=loss,
            start_logits=start,
            end_logits=end,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)


def _without_padding(scores: Tensor, attention_mask: Tensor | None) -> Tensor:
    """Give places that are no tokens a score that no softmax sees, (b, n)."""
    keep = kept_tokens(attention_mask)
    return scores if keep is None else paddle.where(keep, scores, paddle.full([1], HIDDEN, dtype=scores.dtype))


def _end_loss(scores: Tensor, positions: Tensor, name: str) -> Tensor:
    """Mean cross entropy of one end of the answer over the tokens of each row."""
    places = check_span(positions, name, scores.shape[0])
    inside = (places >= 0) & (places < scores.shape[1])
    return class_loss(scores, paddle.where(inside, places, paddle.full([1], IGNORED, dtype=places.dtype)))
