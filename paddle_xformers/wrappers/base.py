"""What all wrappers are: a model of a family under the name and with the calls of x-transformers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paddle import nn

from ..errors import ConfigError
from ..nn.stack import Stack


class ModelWrapper(nn.Layer):
    """Holds one model of a family as `model`, and saves it as that family does."""

    model: Any

    @property
    def config(self) -> Any:
        """The configuration of the model, of its family's class."""
        return self.model.config

    def save_pretrained(self, save_dir: str | os.PathLike[str], **kwargs: Any) -> None:
        """Save configuration and weights; `from_pretrained` of the family's class and the Auto classes load them.

        Args:
            save_dir: The folder; made if it is missing.
            **kwargs: As in the family's `save_pretrained`.

        Raises:
            CheckpointError: If the folder could not be written.
        """
        self.model.save_pretrained(save_dir, **kwargs)


def adopt_stack(stack: Stack, layers: Stack) -> None:
    """Put the parts of one stack in the place of those of another: layers, positions, residuals and final norm.

    Only the shell stays, which knows what stands around it (mems, length of the sequence). So does the position bias,
    which that length tells how far to look; it gets the parameters of the other.

    Args:
        stack: The stack of a model.
        layers: A stack built from the same fields.

    Raises:
        ConfigError: If parts of the one look ahead, and their like in the other do not.
    """
    _check_directions(stack, layers)
    bias, own_bias = layers.position_bias, stack.position_bias
    for name, part in (*layers.named_children(), *layers.named_parameters(include_sublayers=False)):
        if part is not bias:
            setattr(stack, name, part)
    if bias is not None and own_bias is not None:
        places = dict(own_bias.named_sublayers(include_self=True))
        for place, part in bias.named_sublayers(include_self=True):
            for name, parameter in part.named_parameters(include_sublayers=False):
                setattr(places[place], name, parameter)


def _check_directions(stack: Stack, layers: Stack) -> None:
    """Refuse layers that were built to look backwards for a model that looks ahead in a prefix."""
    ahead = {name for name, part in stack.named_sublayers() if getattr(part, "both_ways", False)}
    differing = [name for name, part in layers.named_sublayers() if name in ahead and not part.both_ways]
    if differing:
        raise ConfigError(
            f"prefix_lm={stack.options.decoder.prefix_lm} lets tokens of a prefix look ahead, but {differing[0]} of "
            "these layers was built to look backwards only; build XDecoderForCausalLM(XDecoderConfig(..., "
            "prefix_lm=True)), or leave prefix_lm out"
        )


@contextmanager
def evaluating(layer: nn.Layer) -> Iterator[None]:
    """Turn dropout off for a while.

    Args:
        layer: Whose; afterwards it is in the mode it was in before.
    """
    training = layer.training
    layer.eval()
    try:
        yield
    finally:
        if training:
            layer.train()


def check_layers(owner: str, attn_layers: Any, wanted: type, name: str) -> None:
    """Refuse anything but the layers a wrapper can hold.

    Args:
        owner: Name of the wrapper.
        attn_layers: What it was given.
        wanted: Class of the layers.
        name: What to give, in words.

    Raises:
        ConfigError: If it is something else.
    """
    if not isinstance(attn_layers, wanted):
        raise ConfigError(f"attn_layers of {owner} is a {type(attn_layers).__name__}; give {name}")
