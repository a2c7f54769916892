"""The encoder that fills in masked tokens: XEncoderForMaskedLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from ...nn.linear import Linear
from ...nn.lm_head import make_lm_head
from ...nn.norms import LayerNorm
from ..extras import Extras, check_returned
from ..losses import token_loss
from ..outputs import XMaskedLMOutput, as_asked
from ..prefix import tokens_of
from .configuration import XEncoderConfig
from .modeling import XEncoderModel, XEncoderPretrainedModel

if TYPE_CHECKING:
    from typing_extensions import Unpack


class LMTransform(nn.Layer):
    """A linear layer, GELU and LayerNorm in front of the output head (1810.04805).

    Args:
        dim: Width of the hidden states.
        eps: Added to the variance.
    """

    def __init__(self, dim: int, eps: float | None) -> None:
        super().__init__()
        self.dense = Linear(dim, dim, bias=True)
        self.norm = LayerNorm(dim, bias=True, eps=eps or 1e-5)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (b, n, d) to (b, n, d)."""
        return self.norm(F.gelu(self.dense(hidden)))


class XEncoderForMaskedLM(XEncoderPretrainedModel):
    """The encoder with a language model head: a score for each token of the vocabulary at every place.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    _tied_weights_keys = ["lm_head.weight"]

    def __init__(self, config: XEncoderConfig) -> None:
        super().__init__(config)
        self.xencoder = XEncoderModel(config, add_pooling_layer=False)
        self.transform = LMTransform(config.dim, config.norm_eps) if config.lm_head_transform else None
        self.lm_head = make_lm_head(self.xencoder.stack.options)
        self.tie_weights()

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
        excise_prepend_embeds: bool = True,
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        **extras: Unpack[Extras],
    ) -> XMaskedLMOutput | tuple[Any, ...] | Tensor:
        """Predict the token at every place.

        Args:
            input_ids: As in `XEncoderModel.forward`, like all that are not named here.
            token_type_ids: Likewise.
            position_ids: Likewise.
            attention_mask: Likewise.
            inputs_embeds: Likewise.
            labels: The right token of each place, (b, n); -100, at the places that were not masked, is left out of the
                loss.
            encoder_hidden_states: As in `XEncoderModel.forward`.
            encoder_attention_mask: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.
            sum_embeds: Likewise.
            prepend_embeds: Likewise.
            prepend_mask: Likewise.
            excise_prepend_embeds: Likewise.
            embed_ids: Likewise.
            **extras: Further arguments about single layers; see `paddle_xformers.models.extras.Extras`.

        Returns:
            An XMaskedLMOutput, or a tuple of its values that are not None: the mean loss if there are labels, the
            logits (b, n, v), and what was asked for. A tuple of the logits alone is returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        check_returned(type(self).__name__, extras, ("return_gumbel_log_probs",))
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
            excise_prepend_embeds=excise_prepend_embeds,
            **extras,
        )
        x = hidden.last_hidden_state
        logits = self.lm_head(x if self.transform is None else self.transform(x))  # (b, n, v)
        output = XMaskedLMOutput(
            loss=None
            if labels is None
            else token_loss(tokens_of(logits, prepend_embeds, excise_prepend_embeds), labels),
            logits=logits,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            intermediates=hidden.intermediates,
            memory_states=hidden.memory_states,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
