"""The image encoder with a head: classification, and masked image modelling."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...errors import ConfigError
from ...nn.heads import HEADS
from ...nn.linear import Linear
from ...nn.patches import from_patches, to_patches
from ..classification import sequence_loss
from .configuration import XViTConfig
from .modeling import XViTModel, XViTPretrainedModel
from .outputs import XImageClassifierOutput, XMaskedImageOutput


class XViTForImageClassification(XViTPretrainedModel):
    """The image encoder with classes on top of the pooled vector.

    Args:
        config: The configuration; with `num_labels=0` there is no head, and the logits are the pooled vector.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XViTConfig) -> None:
        super().__init__(config)
        self.xvit = XViTModel(config)
        self.classifier = None
        if config.num_labels:
            head, dropout = HEADS[config.vit_head], config.classifier_dropout
            self.classifier = head(config.dim, config.num_labels, dropout=dropout)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        pixel_values: Tensor,
        labels: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
    ) -> XImageClassifierOutput | tuple[Any, ...] | Tensor:
        """Classify images.

        Args:
            pixel_values: As in `XViTModel.forward`, like all that are not named here.
            labels: The class of each image, (b), integers; or whether each class is in it, (b, classes); or, with one
                class, a number to meet, (b).
            encoder_hidden_states: As in `XViTModel.forward`.
            encoder_attention_mask: Likewise.
            interpolate_pos_encoding: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.

        Returns:
            An XImageClassifierOutput, or a tuple of its values that are not None: the loss if there are labels, the
            logits (b, classes), and what was asked for. A tuple of the logits alone is returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model.
        """
        hidden = self.xvit(
            pixel_values,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            interpolate_pos_encoding=interpolate_pos_encoding,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            condition=condition,
        )
        pooled = hidden.pooler_output
        logits = pooled if self.classifier is None else self.classifier(pooled)  # (b, classes)
        output = XImageClassifierOutput(
            loss=None if labels is None else sequence_loss(logits, labels, self.config.problem_type),
            logits=logits,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
        )
        return _given(output, self.config, return_dict)


class XViTForMaskedImageModeling(XViTPretrainedModel):
    """The image encoder that predicts the pixels of hidden patches by one linear (SimMIM, 2111.09886).

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XViTConfig) -> None:
        super().__init__(config)
        if config.patch_dropout:
            raise ConfigError(
                f"patch_dropout={config.patch_dropout} leaves out patches whose pixels XViTForMaskedImageModeling has "
                "to predict; set patch_dropout=0, bool_masked_pos hides patches instead"
            )
        self.xvit = XViTModel(config, mask_token=True)
        self.pixel_head = Linear(config.dim, self.xvit.vision.patch_width, bias=True)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        pixel_values: Tensor,
        bool_masked_pos: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
    ) -> XMaskedImageOutput | tuple[Any, ...] | Tensor:
        """Predict images of which some patches are hidden.

        Args:
            pixel_values: As in `XViTModel.forward`, like all that are not named here. The pixels of hidden patches are
                the targets.
            bool_masked_pos: Patches to hide, (b, n), bool or int; `random_patch_mask` draws one. None: none, no loss.
            encoder_hidden_states: As in `XViTModel.forward`.
            encoder_attention_mask: Likewise.
            interpolate_pos_encoding: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.

        Returns:
            An XMaskedImageOutput, or a tuple of its values that are not None: the mean absolute error of the pixels of
            hidden patches, the predicted images (b, c, h, w), and what was asked for. A tuple of the images alone is
            returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model.
        """
        hidden = self.xvit(
            pixel_values,
            bool_masked_pos,
            encoder_hidden_states=encoder_hidden_states,
            encoder_attention_mask=encoder_attention_mask,
            interpolate_pos_encoding=interpolate_pos_encoding,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            condition=condition,
        )
        states, size = hidden.last_hidden_state, self.config.patch_size
        if self.xvit.embeddings.cls_token is not None:
            states = states[:, 1:]
        patches = self.pixel_head(states)  # (b, n, p)
        grid = (pixel_values.shape[2] // size, pixel_values.shape[3] // size)
        loss = None
        if bool_masked_pos is not None:
            loss = _hidden_error(patches, to_patches(pixel_values, size), bool_masked_pos)
        output = XMaskedImageOutput(
            loss=loss,
            reconstruction=from_patches(patches, size, grid),
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
        )
        return _given(output, self.config, return_dict)


def _hidden_error(found: Tensor, wanted: Tensor, hidden: Tensor) -> Tensor:
    """The mean absolute error of the numbers, (b, n, p), of hidden patches, (b, n), in float32."""
    weights = (hidden > 0 if hidden.dtype != paddle.bool else hidden).astype("float32")
    errors = (found.astype("float32") - wanted.astype("float32")).abs().mean(axis=-1)  # (b, n)
    return (errors * weights).sum() / weights.sum().clip(min=1)


def _given(output: Any, config: XViTConfig, return_dict: bool | None) -> Any:
    """The output as it is wanted: whole, as a tuple, or as the only value of the tuple."""
    if config.return_dict if return_dict is None else return_dict:
        return output
    values = output.to_tuple()
    return values[0] if len(values) == 1 else values
