"""The image as the decoder sees it: states of the image encoder."""

from __future__ import annotations

from typing import Any

from paddle import Tensor

from ...errors import InputError
from ..seq2seq.source import Source, states_of
from ..vit import XViTModel


def read_image(
    encoder: XViTModel, pixel_values: Tensor | None, encoder_output: Any, *, cached: bool, **wanted: Any
) -> Source:
    """Encode the image, unless there is a cache or what the encoder gave before.

    Args:
        encoder: The image encoder.
        pixel_values: Images, (b, c, h, w), or None.
        encoder_output: What it gave before, or None.
        cached: Whether a cache holds the keys and values of the image.
        **wanted: Further arguments of the encoder.

    Raises:
        InputError: If there is no image, or one is given twice.
    """
    states = states_of(encoder_output)
    if states is not None and pixel_values is not None:
        raise InputError("pixel_values has no effect beside encoder_output; leave one of them out")
    if states is None and pixel_values is None and not cached:
        raise InputError("there is no image: give pixel_values or encoder_output")
    if states is not None or cached:
        return Source(states, None)
    encoded = encoder(pixel_values, **wanted, return_dict=True)
    return Source(encoded.last_hidden_state, None, encoded.hidden_states, encoded.attentions)
