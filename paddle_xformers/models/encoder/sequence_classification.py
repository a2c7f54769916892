"""The encoder that classifies sequences: XEncoderForSequenceClassification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...errors import ConfigError
from ...nn.linear import Linear
from ..classification import sequence_loss
from ..extras import Extras, check_returned
from ..outputs import as_asked
from .configuration import XEncoderConfig
from .modeling import XEncoderModel, XEncoderPretrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_outputs import SequenceClassifierOutput  # noqa: E402


class XEncoderForSequenceClassification(XEncoderPretrainedModel):
    """The encoder with a linear layer on its pooled vector: classes, several labels, or numbers for a sequence.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration, or it has no pooler.
    """

    def __init__(self, config: XEncoderConfig) -> None:
        super().__init__(config)
        if config.pooler == "none":
            raise ConfigError(
                "pooler='none' leaves XEncoderForSequenceClassification nothing to classify; set pooler to 'cls', "
                "'mean' or 'attention'"
            )
        self.xencoder = XEncoderModel(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = Linear(config.encoder_options().pooled_width(config.dim), config.num_labels, bias=True)

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
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        **extras: Unpack[Extras],
    ) -> SequenceClassifierOutput | tuple[Any, ...] | Tensor:
        """Predict the label, the labels or the numbers of each sequence.

        Args:
            input_ids: As in `XEncoderModel.forward`, like all that are not named here.
            token_type_ids: Likewise.
            position_ids: Likewise.
            attention_mask: Likewise.
            inputs_embeds: Likewise.
            labels: One class for each row, (b), of integers; or 0 and 1 for each label, (b, num_labels); or numbers,
                (b) or (b, num_labels). What they are is told by config.problem_type, or else by num_labels, type and
                shape; see `paddle_xformers.models.classification`.
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
            A SequenceClassifierOutput, or a tuple of its values that are not None: the mean loss if there are labels,
            the logits (b, num_labels), and what was asked for. A tuple of the logits alone is returned as the bare
            tensor.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        check_returned(type(self).__name__, extras, ("return_intermediates", "return_gumbel_log_probs"))
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
        logits = self.classifier(self.dropout(hidden.pooler_output))  # (b, num_labels)
        output = SequenceClassifierOutput(
            loss=None if labels is None else sequence_loss(logits, labels, self.config.problem_type),
            logits=logits,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
