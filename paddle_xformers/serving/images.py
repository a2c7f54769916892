"""From the images of a call to pixel values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers._compat import import_paddle
from paddle_xformers.errors import InputError
from paddle_xformers.serving.folders import load_processor
from paddle_xformers.serving.settings import Settings, one_of
from paddle_xformers.serving.task import LocalTask

paddle = import_paddle()


class ImageTask(LocalTask):
    """A task about images, with an image processor from the folder; see `LocalTask` for its arguments.

    An image is a path, the bytes of a file, a PIL image or an array, as `XImageProcessor` takes it. The keyword
    `data_format` of a call says where the channels of arrays stand ("channels_first", "channels_last"), if their sizes
    do not.
    """

    request_key = "image"
    settings: ClassVar[Settings] = {
        **LocalTask.settings,
        "data_format": one_of("channels_first", "channels_last", None),
    }

    def _construct_tokenizer(self, model: str) -> None:
        self._processor = load_processor(self._task_path)

    def _preprocess(self, inputs: tuple[Any, ...], settings: Mapping[str, Any]) -> list[tuple[int, Any]]:
        return list(enumerate(as_images(inputs)))

    def _pixels(self, batch: list[tuple[int, Any]], settings: Mapping[str, Any]) -> Any:
        """Pixel values of numbered images, (b, c, h, w)."""
        single = []
        for number, image in batch:
            try:
                made = self._processor(image, return_tensors="np", data_format=settings.get("data_format"))
            except InputError as error:
                raise InputError(f"image {number}: {error}") from error
            single.append(made["pixel_values"])
        shapes = sorted({pixels.shape[1:] for pixels in single})
        if len(shapes) > 1:
            raise InputError(
                f"the images have different sizes, such as {shapes[:2]}: save the image processor with do_resize=True."
            )
        return paddle.to_tensor(np.concatenate(single))


def as_images(inputs: tuple[Any, ...]) -> list[Any]:
    """Check what a Taskflow was called with.

    Args:
        inputs: The positional arguments: one image, or one list of images; an array with four axes is a list.

    Returns:
        The images.

    Raises:
        InputError: There is no image, or one is a list.
    """
    if len(inputs) != 1:
        raise InputError(f"got {len(inputs)} arguments: give one image, or several as one list.")
    given = inputs[0]
    if isinstance(given, (list, tuple)):
        images = list(given)
    else:
        images = list(given) if getattr(given, "ndim", 0) == 4 else [given]
    if not images:
        raise InputError("the list of images is empty: give at least one image.")
    for number, image in enumerate(images):
        if isinstance(image, (list, tuple)) or getattr(image, "ndim", 0) == 4:
            raise InputError(f"image {number} is a list of images: give one list with all of them.")
    return images
