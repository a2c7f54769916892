"""The image encoder without a head: XViTModel."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...config.options import VisionOptions
from ...errors import InputError
from ...nn.calls import StackCall
from ...nn.patches import PatchEmbeddings
from ..backbone import Backbone
from ..outputs import XModelOutput
from ..pretrained import XPretrainedModel
from .configuration import XViTConfig
from .inputs import check_hidden_patches, check_pixels
from .outputs import XVisionOutput

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XViTPretrainedModel(XPretrainedModel):
    """Base of the image family."""

    config_class = XViTConfig
    base_model_prefix = "xvit"
    main_input_name = "pixel_values"
    # What masked image modelling has beside the encoder.
    _keys_to_ignore_on_load_unexpected = [r"mask_token", r"pixel_head"]

    def get_input_embeddings(self) -> nn.Layer:
        """Return the projection of the patches."""
        return self.base_model.embeddings.proj

    def resize_token_embeddings(self, new_num_tokens: int | None = None) -> Any:
        """Refuse: there is no vocabulary.

        Args:
            new_num_tokens: The new size of the vocabulary.

        Raises:
            InputError: Always.
        """
        raise InputError("XViT has no vocabulary to resize; resize_images changes the size of the images")

    def resize_images(self, image_size: int | tuple[int, int]) -> None:
        """Make the model one for images of another size: its positions are interpolated (bicubic).

        Args:
            image_size: Height and width in pixels: one number for a square, or (height, width).

        Raises:
            ConfigError: If `patch_size` does not divide the size.
        """
        old, self.config.image_size = self.config.image_size, image_size
        try:
            options = self.config.stack_options()
        except ValueError:
            self.config.image_size = old
            raise
        self.base_model.take_images(options.vision)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Load a model from a folder, for images of another size if `image_size` says so.

        Args:
            pretrained_model_name_or_path: As in `XPretrainedModel.from_pretrained`, like all that follows.
            *args: Likewise.
            **kwargs: Likewise. `image_size` interpolates the positions of the checkpoint, see `resize_images`.

        Raises:
            CheckpointError: If the folder is missing, incomplete or corrupt.
            ConfigError: If `patch_size` does not divide the size.
        """
        image_size = kwargs.pop("image_size", None)
        model = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        if image_size is not None:
            model.resize_images(image_size)
        return model


@register_base_model
class XViTModel(XViTPretrainedModel, Backbone):
    """The image encoder: pixels to hidden states, every patch looking at every other.

    Args:
        config: The configuration.
        mask_token: Whether there is a learned vector to take the place of hidden patches (`bool_masked_pos`).

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XViTConfig, mask_token: bool = False) -> None:
        super().__init__(config)
        options = config.stack_options()
        self.vision = cast(VisionOptions, options.vision)
        self.embeddings = PatchEmbeddings(options, mask_token=mask_token)
        self.build_body(options)

    def take_images(self, vision: VisionOptions) -> None:
        """Become a model for images of the size in other options; `resize_images` calls it."""
        self.vision = vision
        if self.embeddings.position_embeddings is not None:
            self.embeddings.position_embeddings.resize(vision.grid)

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
    ) -> XVisionOutput | tuple[Any, ...]:
        """Encode images.

        Args:
            pixel_values: Images, (b, c, h, w), floating point.
            bool_masked_pos: Patches to hide behind the mask token, (b, n), bool or int, from left to right and top to
                bottom.
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it, (b, m); int or bool: attend where > 0; float: added to the scores.
            interpolate_pos_encoding: Take images of another size than config.image_size, with interpolated positions.
            output_attentions: Return attention weights; default config.output_attentions.
            output_hidden_states: Return hidden states: before each block, and the last; default
                config.output_hidden_states.
            return_dict: Return an XVisionOutput rather than a tuple of its values that are not None; default
                config.return_dict.
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n, dim_condition) for each
                place of the encoder; needed where the configuration has such parts.

        Returns:
            The last hidden state (class token and patches), (b, n, d), the pooled vector, (b, d), and what was asked
            for.

        Raises:
            InputError: If an argument does not fit the model.
        """
        config, embeddings = self.config, self.embeddings
        table = embeddings.position_embeddings is not None
        n = check_pixels(pixel_values, self.vision, table=table, interpolate=interpolate_pos_encoding)
        b = pixel_values.shape[0]
        hidden = check_hidden_patches(bool_masked_pos, b, n, mask_token=embeddings.mask_token is not None)
        patches = embeddings(pixel_values, hidden)
        call = StackCall(
            condition=condition,
            context=encoder_hidden_states,
            context_mask=encoder_attention_mask,
            output_attentions=config.output_attentions if output_attentions is None else output_attentions,
            output_hidden_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
        )
        x = patches.hidden
        output = self.run_body(lambda positions: x, (b, x.shape[1]), patches.positions, call)
        seen = self._seen(output, patches.kept)
        return seen if (config.return_dict if return_dict is None else return_dict) else seen.to_tuple()

    def _seen(self, output: XModelOutput, kept: int) -> XVisionOutput:
        """Pool, and leave register tokens out of what the caller sees.

        Args:
            output: What the body gave back.
            kept: Number of places before those of register tokens.
        """
        last = output.last_hidden_state[:, :kept]
        return XVisionOutput(
            last_hidden_state=last,
            pooler_output=last[:, 0] if self.vision.pooling == "cls" else last.mean(axis=1),
            hidden_states=_each(output.hidden_states, lambda states: states[:, :kept]),
            attentions=_each(output.attentions, lambda weights: weights[:, :, :kept, :kept]),
            cross_attentions=_each(output.cross_attentions, lambda weights: weights[:, :, :kept]),
        )


def _each(tensors: tuple[Tensor, ...] | None, cut: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...] | None:
    return None if tensors is None else tuple(cut(tensor) for tensor in tensors)
