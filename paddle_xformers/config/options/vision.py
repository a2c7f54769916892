"""From an image to the first hidden state, and from the last one to classes."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class VisionOptions:
    """Patches of an image, the tokens beside them, pooling and head."""

    image_size: int | tuple[int, ...] = option(
        224,
        "Height and width of an image in pixels: one number for a square, or [height, width].",
        feature="mod-vit",
        paper="2010.11929",
        minimum=1,
        examples=(12, (8, 16)),
        beside={"patch_size": 4},
    )
    patch_size: int = option(
        16,
        "Height and width of a patch in pixels; it divides those of the image.",
        feature="mod-vit",
        paper="2010.11929",
        minimum=1,
        examples=(2,),
        beside={"image_size": 8},
    )
    channels: int = option(
        3, "Channels of an image: 3 for colour, 1 for grey.", feature="mod-vit", minimum=1, examples=(1,)
    )
    patch_norm: bool = option(
        True,
        "LayerNorm before and after the projection of the patches (x-transformers; its old port has none).",
        feature="mod-vit",
        paper="2302.01327",
    )
    pooling: str = option(
        "mean",
        "What becomes of the image as a whole. mean: the mean of its patches. cls: a learned token in front of them.",
        feature="mod-vit-cls-head",
        paper="2205.01580; 2010.11929",
        choices=("mean", "cls"),
    )
    num_register_tokens: int = option(
        0,
        "Number of learned tokens behind the patches, left out of what is returned.",
        feature="mod-vit-registers",
        paper="2309.16588",
        minimum=0,
        examples=(3,),
    )
    patch_dropout: float = option(
        0.0,
        "Share of the patches that a training step leaves out, drawn anew for each image.",
        feature="mod-vit",
        paper="2212.00794",
        minimum=0,
        maximum=1,
        examples=(0.5,),
    )
    vit_head: str = option(
        "linear",
        "From the pooled vector to classes. linear: one linear. mlp: two, of inner width 4 dim, with GELU and dropout.",
        feature="mod-vit-cls-head",
        paper="2010.11929",
        choices=("linear", "mlp"),
    )

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of an image in pixels."""
        return as_pair(self.image_size)

    @property
    def grid(self) -> tuple[int, int]:
        """Number of patches from top to bottom and from left to right."""
        height, width = self.image_shape
        return height // self.patch_size, width // self.patch_size

    @property
    def patch_width(self) -> int:
        """Numbers in a patch."""
        return self.patch_size * self.patch_size * self.channels


def as_pair(size: int | tuple[int, ...] | list[int]) -> tuple[int, int]:
    """Return height and width, of one number for both or of the two.

    Args:
        size: One number, or height and width.
    """
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width
