"""The rules between the fields of images."""

from __future__ import annotations

from .options.vision import as_pair
from .rule import Rule, Values


def _no_height_and_width(v: Values) -> bool:
    size = v["image_size"]
    return not isinstance(size, int) and (len(size) != 2 or any(part < 1 for part in size))


def _patches_misfit(v: Values) -> bool:
    return not _no_height_and_width(v) and any(part % v["patch_size"] for part in as_pair(v["image_size"]))


VISION: tuple[Rule, ...] = (
    Rule(
        ("image_size",),
        _no_height_and_width,
        "image_size={image_size!r} must be one number, or the two of [height, width], each at least 1",
    ),
    Rule(
        ("image_size", "patch_size"),
        _patches_misfit,
        "image_size={image_size!r} is not a multiple of patch_size={patch_size} in both directions; change one of "
        "them so that whole patches fill the image",
    ),
    Rule(
        ("learned_reinject_input_gate", "reinject_input", "image_size"),
        lambda v: v["learned_reinject_input_gate"] and not v["reinject_input"],
        "learned_reinject_input_gate={learned_reinject_input_gate} has no effect while "
        "reinject_input={reinject_input}: calls of a model of images (image_size={image_size!r}) "
        "add nothing else to the inputs of branches; set "
        "reinject_input=True or leave it out",
    ),
)
