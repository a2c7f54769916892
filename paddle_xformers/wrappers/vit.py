"""ViTransformerWrapper: patches of images, a stack of layers, and a head."""

from __future__ import annotations

from typing import Any

from paddle import Tensor

from ..errors import InputError
from ..models import XViTConfig, XViTForImageClassification
from .base import ModelWrapper, adopt_stack, check_layers
from .keywords import OF_LAYERS, POSITION_KEYWORDS, STACK_KEYWORDS, accepted, keywords_around_stack
from .stacks import Encoder


class ViTransformerWrapper(ModelWrapper):
    """An image classifier; holds an XViTForImageClassification as `model`, whose layers are those of `attn_layers`.

    Args:
        image_size: Height and width of an image in pixels; one number for a square.
        patch_size: Height and width of a patch in pixels.
        attn_layers: The layers, an Encoder.
        num_classes: Number of classes; None: no head, the model gives the pooled vector.
        dropout: Dropout of the head.
        **options: Fields around the layers, in any spelling (channels, emb_dropout, post_emb_norm,
            num_register_tokens, pooling, ...); see docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no model can be built from the values.
    """

    def __init__(
        self,
        *,
        image_size: int | tuple[int, int],
        patch_size: int,
        attn_layers: Encoder,
        num_classes: int | None = None,
        dropout: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__()
        check_layers("ViTransformerWrapper", attn_layers, Encoder, "an Encoder(...)")
        around = keywords_around_stack(XViTConfig.fields())
        options = accepted("ViTransformerWrapper", options, around, dict.fromkeys(STACK_KEYWORDS, OF_LAYERS))
        # Patches get learned positions whatever else tells them apart, as in x-transformers.
        positions = {} if POSITION_KEYWORDS & {*options, *attn_layers.keywords} else {"position_embedding": "learned"}
        config = XViTConfig(
            image_size=image_size,
            patch_size=patch_size,
            num_classes=num_classes,
            dropout=dropout,
            **{**attn_layers.keywords, **positions, **options},
        )
        self.model = XViTForImageClassification(config)
        adopt_stack(self.model.base_model.stack, attn_layers.stack)

    def forward(
        self,
        img: Tensor,
        return_embeddings: bool = False,
        return_logits_and_embeddings: bool = False,
        *,
        condition: Tensor | None = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Run the model.

        Args:
            img: Images, (b, c, h, w), floating point.
            return_embeddings: Return the hidden states of the patches in place of logits; a decoder takes them as its
                context.
            return_logits_and_embeddings: Return a pair of both.
            condition: What adaptive norms and scales depend on, (b, dim_condition).

        Returns:
            Logits, (b, classes), or the pooled vector, (b, d), without classes; or hidden states, (b, patches, d), the
            class token in front where pooling="cls"; or a pair of logits and hidden states.

        Raises:
            InputError: If the images do not fit the model, or both kinds of output are asked for in both ways.
        """
        if return_embeddings and return_logits_and_embeddings:
            raise InputError("return_embeddings and return_logits_and_embeddings exclude each other; ask for one")
        if return_embeddings:
            states: Tensor = self.model.base_model(img, condition=condition, return_dict=True).last_hidden_state
            return states
        wanted = return_logits_and_embeddings
        output = self.model(img, output_hidden_states=wanted, condition=condition, return_dict=True)
        logits: Tensor = output.logits
        return (logits, output.hidden_states[-1]) if return_logits_and_embeddings else logits
