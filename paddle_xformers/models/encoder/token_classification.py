"""The encoder that classifies each token: XEncoderForTokenClassification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...nn.linear import Linear
from ..extras import Extras, check_returned
from ..losses import token_loss
from ..outputs import as_asked
from .configuration import XEncoderConfig
from .modeling import XEncoderModel, XEncoderPretrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_outputs import TokenClassifierOutput  # noqa: E402


class XEncoderForTokenClassification(XEncoderPretrainedModel):
    """The encoder with a linear layer on each hidden state: a class for each token.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XEncoderConfig) -> None:
        super().__init__(config)
        self.xencoder = XEncoderModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = Linear(config.dim, config.num_labels, bias=True)

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
    ) -> TokenClassifierOutput | tuple[Any, ...] | Tensor:
        """Predict the class of each token.

        Args:
            input_ids: As in `XEncoderModel.forward`, like all that are not named here.
            token_type_ids: Likewise.
            position_ids: Likewise.
            attention_mask: Likewise.
            inputs_embeds: Likewise.
            labels: The class of each token, (b, n); -100 is left out of the loss.
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
            A TokenClassifierOutput, or a tuple of its values that are not None: the mean loss if there are labels, the
            logits (b, n, num_labels), and what was asked for. A tuple of the logits alone is returned as the bare
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
        logits = self.classifier(self.dropout(hidden.last_hidden_state))  # (b, n, num_labels)
        output = TokenClassifierOutput(
            loss=None if labels is None else token_loss(logits, labels),
            logits=logits,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
