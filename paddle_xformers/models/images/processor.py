"""The image processor: whatever an image comes as, to the pixel values of a model."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..._compat import import_paddlenlp
from ...config import nearest
from ...config.options.vision import as_pair
from ...errors import CheckpointError, ConfigError, InputError
from ..saving import saved_whole
from .fitting import RESAMPLING, centre_cropped, resized
from .reading import read_image

import_paddlenlp()

from paddlenlp.transformers.image_processing_utils import (  # noqa: E402
    IMAGE_PROCESSOR_NAME,
    BaseImageProcessor,
    BatchFeature,
)

# Pillow's numbers for the filters, which other libraries write into their files.
_FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
_FORMATS = (None, "channels_first", "channels_last")


class XImageProcessor(BaseImageProcessor):
    """Reads images, gives them one size, scales and normalises their pixels.

    Args:
        size: Height and width of the result: one number for a square, or [height, width].
        channels: Channels of the result: 3 for colour, 1 for grey; arrays may have others.
        do_resize: Resize images to `size`.
        do_center_crop: With `do_resize`: keep the proportions and cut off what hangs over on two sides, rather than
            stretch. Without: cut `size` out of the middle.
        resample: How to resize: nearest, bilinear, bicubic or lanczos (Pillow's, which smooth what shrinks).
        do_rescale: Multiply bytes by `rescale_factor`. Arrays of floats are taken to go from 0 to 1 already.
        rescale_factor: 1/255 maps bytes to 0 to 1.
        do_normalize: Subtract `image_mean` and divide by `image_std`.
        image_mean: One number, or one for each channel.
        image_std: Likewise; above 0.
        max_pixels: Most pixels (height times width) of an image that is read; a small file can claim a huge picture.
        **kwargs: What PaddleNLP writes beside them; anything else is refused.

    Raises:
        ConfigError: If a value is not allowed, or a keyword unknown.
    """

    model_input_names = ["pixel_values"]

    def __init__(
        self,
        size: int | list[int] | tuple[int, int] | dict[str, int] = 224,
        channels: int = 3,
        do_resize: bool = True,
        do_center_crop: bool = False,
        resample: str | int = "bicubic",
        do_rescale: bool = True,
        rescale_factor: float = 1 / 255,
        do_normalize: bool = True,
        image_mean: float | list[float] = 0.5,
        image_std: float | list[float] = 0.5,
        max_pixels: int = 64_000_000,
        **kwargs: Any,
    ) -> None:
        _check_names(kwargs)
        super().__init__(processor_class=kwargs.get("processor_class"))
        self.size = list(_height_and_width(size))
        self.channels = _at_least_one("channels", channels)
        self.do_resize, self.do_center_crop = do_resize, do_center_crop
        self.resample = _FILTERS.get(resample, "?") if isinstance(resample, int) else resample
        if self.resample not in RESAMPLING:
            raise ConfigError(f"resample={resample!r} is not a known name; allowed is one of {', '.join(RESAMPLING)}")
        self.do_rescale, self.rescale_factor, self.do_normalize = do_rescale, rescale_factor, do_normalize
        self.image_mean = _for_channels("image_mean", image_mean, channels)
        self.image_std = _for_channels("image_std", image_std, channels)
        if min(self.image_std) <= 0:
            raise ConfigError(f"image_std={image_std!r} divides the pixels; give numbers above 0")
        self.max_pixels = _at_least_one("max_pixels", max_pixels)

    @classmethod
    def from_config(cls, config: Any, **kwargs: Any) -> XImageProcessor:
        """Make the processor for a model.

        Args:
            config: Configuration of the model, with image_size and channels.
            **kwargs: Further arguments of the processor.
        """
        return cls(**{"size": config.image_size, "channels": config.channels, **kwargs})

    def preprocess(
        self, images: Any, return_tensors: str = "pd", data_format: str | None = None, **kwargs: Any
    ) -> BatchFeature:
        """Turn images into what a model takes; calling the processor does the same.

        Args:
            images: One image or a list of them: paths, bytes of files, PIL images, arrays or tensors of (h, w),
                (h, w, channels) or (channels, h, w), uint8 or floats from 0 to 1; an array with four axes is a batch.
            return_tensors: "pd" for a Paddle tensor, "np" for an array (in the workers of a data loader, say).
            data_format: Where the channels of arrays stand: "channels_first", "channels_last", or None to tell by
                size.
            **kwargs: None is known.

        Returns:
            `pixel_values`, float32 of (b, channels, h, w).

        Raises:
            InputError: If there is no image, or one cannot be read, is damaged, has too many pixels or does not fit.
        """
        if kwargs:
            raise InputError(f"{next(iter(kwargs))!r} is no argument of an image processor's call")
        if return_tensors not in ("pd", "np"):
            raise InputError(f"return_tensors={return_tensors!r} is not allowed; give 'pd' (Paddle) or 'np' (NumPy)")
        if data_format not in _FORMATS:
            raise InputError(f"data_format={data_format!r} is not allowed; give one of {_FORMATS}")
        single = [self._pixels(image, data_format) for image in _listed(images)]
        if not single:
            raise InputError("there are no images; give at least one")
        shapes = {pixels.shape for pixels in single}
        if len(shapes) > 1:
            raise InputError(
                f"the images have different sizes, such as {sorted(shapes)[:2]}; set do_resize=True to stack them"
            )
        batch: Any = np.stack(single)
        if return_tensors == "pd":
            import paddle

            batch = paddle.to_tensor(batch)
        return BatchFeature({"pixel_values": batch})

    def _pixels(self, source: Any, data_format: str | None) -> np.ndarray:
        """Pixel values of one image, (channels, h, w)."""
        image = read_image(source, channels=self.channels, max_pixels=self.max_pixels, data_format=data_format)
        size = as_pair(self.size)
        if self.do_resize:
            image = resized(image, size, self.resample, crop=self.do_center_crop)
        elif self.do_center_crop:
            image = centre_cropped(image, size)
        pixels = np.asarray(image)
        factor = self.rescale_factor if self.do_rescale and pixels.dtype == np.uint8 else 1.0
        pixels = pixels.astype("float32") * np.float32(factor)
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if self.do_normalize:
            pixels = (pixels - np.asarray(self.image_mean, "float32")) / np.asarray(self.image_std, "float32")
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype="float32")

    def save_pretrained(self, save_directory: str | os.PathLike[str], **kwargs: Any) -> list[str]:
        """Write preprocessor_config.json, whole or not at all.

        Args:
            save_directory: The folder; made if it is missing.
            **kwargs: As in PaddleNLP's BaseImageProcessor.save_pretrained.

        Returns:
            The path of the file.

        Raises:
            CheckpointError: If the folder could not be written.
        """
        with saved_whole(save_directory) as aside:
            super().save_pretrained(aside, **kwargs)
        return [str(Path(save_directory).expanduser() / IMAGE_PROCESSOR_NAME)]

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any) -> Any:
        """Load a processor from a folder.

        Args:
            pretrained_model_name_or_path: A local folder with preprocessor_config.json; `~` is expanded. Names on a hub
                need `from_hf_hub=True` or `from_aistudio=True`.
            **kwargs: Arguments of the processor to override.

        Raises:
            CheckpointError: If the folder or the file is missing or damaged.
            ConfigError: If a value is not allowed.
        """
        if kwargs.get("from_hf_hub") or kwargs.get("from_aistudio"):
            return super().from_pretrained(pretrained_model_name_or_path, **kwargs)
        for name in ("from_hf_hub", "from_aistudio", "cache_dir"):
            kwargs.pop(name, None)
        folder = Path(pretrained_model_name_or_path).expanduser() / (kwargs.pop("subfolder", None) or "")
        return cls.from_dict(_read(folder / IMAGE_PROCESSOR_NAME), **kwargs)

    @classmethod
    def from_dict(cls, image_processor_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Build a processor from a dictionary.

        Args:
            image_processor_dict: Its arguments, as in preprocessor_config.json.
            **kwargs: Arguments to override.

        Returns:
            The processor; with `return_unused_kwargs=True` a pair of it and an empty dictionary.
        """
        pair = kwargs.pop("return_unused_kwargs", False)
        processor = cls(**{**image_processor_dict, **kwargs})
        return (processor, {}) if pair else processor


_WRITTEN = ("image_processor_type", "processor_class", "feature_extractor_type")
_ARGUMENTS = tuple(inspect.signature(XImageProcessor).parameters)[:-1]


def _check_names(given: dict[str, Any]) -> None:
    for name in given:
        if name not in _WRITTEN:
            near = nearest(name, _ARGUMENTS)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(_ARGUMENTS)}"
            raise ConfigError(f"{name!r} is no argument of XImageProcessor; {hint}")


def _height_and_width(size: Any) -> tuple[int, int]:
    if isinstance(size, dict):  # as PaddleNLP's own processors write it
        size = [size.get("height"), size.get("width")]
    parts: list[Any] = list(size) if isinstance(size, (list, tuple)) else [size, size]
    if len(parts) != 2 or any(not isinstance(part, int) or part < 1 for part in parts):
        raise ConfigError(f"size={size!r} is not allowed; give one number, or [height, width], each at least 1")
    return parts[0], parts[1]


def _at_least_one(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{name}={value!r} is not allowed; give a whole number, at least 1")
    return value


def _for_channels(name: str, value: Any, channels: int) -> list[float]:
    """One number for each channel."""
    numbers = list(value) if isinstance(value, (list, tuple)) else [value] * channels
    if len(numbers) != channels or any(not isinstance(number, (int, float)) for number in numbers):
        raise ConfigError(f"{name}={value!r} is not allowed; give one number, or one for each of channels={channels}")
    return [float(number) for number in numbers]


def _listed(images: Any) -> list[Any]:
    """Images one by one."""
    if isinstance(images, (list, tuple)):
        return list(images)
    if getattr(images, "ndim", 0) == 4:
        return list(images.numpy() if hasattr(images, "numpy") else images)
    return [images]


def _read(path: Path) -> dict[str, Any]:
    """Read the file of a processor."""
    if not path.is_file():
        raise CheckpointError(f"there is no {path}; give the folder that XImageProcessor.save_pretrained wrote")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}); save the processor again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not an object; save the processor again")
    return content
