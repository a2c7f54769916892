"""The decoder that classifies sequences: XDecoderForSequenceClassification."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...errors import InputError
from ...nn.linear import Linear
from ...nn.places import kept_tokens
from ...nn.pooling import last_token
from ..classification import sequence_loss
from ..extras import Extras, check_returned
from ..outputs import as_asked
from .configuration import XDecoderConfig
from .modeling import XDecoderModel, XDecoderPretrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_outputs import SequenceClassifierOutput  # noqa: E402


class XDecoderForSequenceClassification(XDecoderPretrainedModel):
    """The decoder with a linear layer on the state of the last token, the only one that has seen them all.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        self.xdecoder = XDecoderModel(config)
        if self.xdecoder.exit_gate is not None:
            self.xdecoder.exit_gate.weight.stop_gradient = True  # the loss of loops alone trains it
        self.score = Linear(config.dim, config.num_labels)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        prefix_attn_len: Tensor | int | None = None,
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
            input_ids: Token ids, (b, n).
            attention_mask: As in `XDecoderModel.forward`. With two axes it tells which token is the last, whatever
                side padding is on; otherwise the last token is that of the last column.
            position_ids: As in `XDecoderModel.forward`.
            inputs_embeds: Likewise.
            labels: One class for each row, (b), of integers; or 0 and 1 for each label, (b, num_labels); or numbers,
                (b) or (b, num_labels). What they are is told by config.problem_type, or else by num_labels, type and
                shape; see `paddle_xformers.models.classification`.
            encoder_hidden_states: As in `XDecoderModel.forward`.
            encoder_attention_mask: Likewise.
            prefix_attn_len: Likewise.
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
        if extras.get("flash_pack_seq_kwargs") is not None:
            raise InputError("flash_pack_seq_kwargs does not go with a class for each row; pass a padded batch")
        hidden = self.xdecoder(
            input_ids,
            attention_mask,
            position_ids,
            inputs_embeds,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            prefix_attn_len=prefix_attn_len,
            use_cache=False,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            condition=condition,
            sum_embeds=sum_embeds,
            embed_ids=embed_ids,
            prepend_embeds=prepend_embeds,
            prepend_mask=prepend_mask,
            **extras,
        )
        pooled = last_token(hidden.last_hidden_state, kept_tokens(attention_mask))  # (b, d)
        logits = self.score(pooled)  # (b, num_labels)
        output = SequenceClassifierOutput(
            loss=None if labels is None else sequence_loss(logits, labels, self.config.problem_type),
            logits=logits,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
