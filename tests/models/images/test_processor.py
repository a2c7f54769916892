"""The image processor: sizes, scales, sources, and what is stored."""

from __future__ import annotations

import json
import os

import numpy as np
import paddle
import pytest
from paddlenlp.transformers import AutoImageProcessor
from PIL import Image

from paddle_xformers import CheckpointError, ConfigError, InputError, XImageProcessor, XViTConfig

from ..vit.images import build
from .pictures import encoded, pixels

PLAIN = {"do_resize": False, "do_normalize": False}


def values(images, *, data_format=None, **options) -> np.ndarray:
    made = XImageProcessor(**options)(images, return_tensors="np", data_format=data_format)["pixel_values"]
    assert made.dtype == np.float32
    return made


def test_bytes_become_numbers_from_0_to_1_with_channels_first():
    picture = pixels()
    found = values(picture, **PLAIN)
    np.testing.assert_allclose(found, picture.transpose(2, 0, 1)[None] / 255, atol=1e-7)


def test_normalising():
    picture = pixels()
    found = values(picture, do_resize=False, image_mean=[0.1, 0.2, 0.3], image_std=[0.5, 1.0, 2.0])
    wanted = (picture / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0]
    np.testing.assert_allclose(found[0], wanted.transpose(2, 0, 1), atol=1e-6)
    found = values(picture, do_resize=False)
    np.testing.assert_allclose(found[0], (picture / 127.5 - 1).transpose(2, 0, 1), atol=1e-6)
    raw = values(picture, do_rescale=False, **PLAIN)
    np.testing.assert_array_equal(raw[0], picture.transpose(2, 0, 1))


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_resizing_is_pillow_s(resample):
    picture = pixels()
    found = values(picture, size=[6, 8], do_normalize=False, resample=resample)
    wanted = np.asarray(Image.fromarray(picture).resize((8, 6), Image.Resampling[resample.upper()]))
    np.testing.assert_allclose(found[0] * 255, wanted.transpose(2, 0, 1), atol=1e-4)


def test_floats_resize_to_what_bytes_do_up_to_their_rounding():
    picture = pixels()
    floats = values(picture.astype("float32") / 255, size=[6, 8], do_normalize=False)
    np.testing.assert_allclose(floats, values(picture, size=[6, 8], do_normalize=False), atol=1.5 / 255)


@pytest.mark.parametrize("floats", [False, True])
def test_cropping_keeps_proportions(floats):
    """The same as resizing the whole, and then cutting the middle out."""
    picture = pixels(10, 30)
    whole = np.asarray(Image.fromarray(picture).resize((15, 5), Image.Resampling.BICUBIC))[:, 5:10] / 255
    given = picture.astype("float32") / 255 if floats else picture
    found = values(given, size=5, do_center_crop=True, do_normalize=False)
    np.testing.assert_allclose(found[0], whole.transpose(2, 0, 1), atol=2.1 / 255)
    tall = values(
        given.transpose(1, 0, 2), size=5, do_center_crop=True, do_normalize=False, data_format="channels_last"
    )
    np.testing.assert_allclose(tall[0], whole.transpose(2, 1, 0), atol=2.1 / 255)


def test_cropping_without_resizing():
    picture = pixels(7, 9)
    found = values(picture, size=[3, 4], do_center_crop=True, **PLAIN)
    np.testing.assert_allclose(found[0], picture[2:5, 2:6].transpose(2, 0, 1) / 255, atol=1e-7)
    floats = values(picture / 255, size=[3, 4], do_center_crop=True, **PLAIN)
    np.testing.assert_allclose(floats, found, atol=1e-7)
    with pytest.raises(InputError, match=r"7 x 9 pixels is smaller than the size=\[8, 4\]"):
        values(picture, size=[8, 4], do_center_crop=True, **PLAIN)


def test_every_kind_of_source_gives_the_same(tmp_path):
    picture = pixels()
    file = tmp_path / "a.png"
    file.write_bytes(encoded(picture))
    wanted = values(picture, size=6)
    channels_first = np.ascontiguousarray(picture.transpose(2, 0, 1))
    sources = [
        *(str(file), file, encoded(picture), bytearray(encoded(picture)), memoryview(encoded(picture))),
        *(Image.fromarray(picture), channels_first, paddle.to_tensor(picture), [picture], (file,), picture[None]),
    ]
    for source in sources:
        np.testing.assert_array_equal(values(source, size=6), wanted)
    batch = values(sources[:8], size=6)
    assert batch.shape == (8, 3, 6, 6) and (batch == wanted).all()
    np.testing.assert_array_equal(values(np.stack([picture, picture]), size=6), batch[:2])
    home = os.environ["HOME"]
    os.environ["HOME"] = str(tmp_path)
    try:
        np.testing.assert_array_equal(values("~/a.png", size=6), wanted)
    finally:
        os.environ["HOME"] = home


def test_grey_and_colour_become_each_other():
    colour, grey = pixels(), pixels(channels=1)
    wanted = np.asarray(Image.fromarray(colour).convert("L")) / 255
    np.testing.assert_allclose(values(colour, channels=1, **PLAIN)[0, 0], wanted, atol=1e-6)
    for source in (grey, grey[:, :, 0], grey / 255, encoded(grey[:, :, 0])):
        found = values(source, **PLAIN)
        assert found.shape == (1, 3, 12, 20)
        np.testing.assert_allclose(found[0], np.repeat(grey.transpose(2, 0, 1), 3, 0) / 255, atol=1e-6)
    floats = values(colour / 255, channels=1, **PLAIN)
    np.testing.assert_allclose(floats, values(colour, channels=1, **PLAIN), atol=1.1 / 255)


def test_transparency_palettes_and_sixteen_bits():
    picture = pixels(channels=4)
    wanted = values(picture[:, :, :3].copy(), **PLAIN)
    np.testing.assert_array_equal(values(picture, **PLAIN), wanted)
    np.testing.assert_array_equal(values(encoded(picture), **PLAIN), wanted)
    np.testing.assert_allclose(values(picture / 255, **PLAIN), wanted, atol=1e-6)
    palette = Image.fromarray(pixels(channels=1)[:, :, 0]).convert("P")
    assert values(encoded(palette, "GIF"), **PLAIN).shape == (1, 3, 12, 20)
    deep = np.array([[0, 256 * 7 + 3], [65535, 256]], dtype="uint16")
    found = values(encoded(Image.fromarray(deep)), channels=1, **PLAIN)
    np.testing.assert_allclose(found[0, 0] * 255, [[0, 7], [255, 1]], atol=1e-4)


def test_the_camera_s_turn_is_undone():
    picture = pixels(4, 6)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    found = values(encoded(picture, "PNG", exif=exif), **PLAIN)
    np.testing.assert_allclose(found[0] * 255, np.rot90(picture, -1).transpose(2, 0, 1), atol=1e-4)


def test_other_numbers_of_channels():
    many = np.random.default_rng(0).random((9, 7, 5)).astype("float32")
    found = values(many, channels=5, size=[4, 3], do_normalize=False)
    assert found.shape == (1, 5, 4, 3)
    plane = np.asarray(Image.fromarray(many[:, :, 2]).resize((3, 4), Image.Resampling.BICUBIC)).clip(0, 1)
    np.testing.assert_allclose(found[0, 2], plane, atol=1e-6)
    as_bytes = pixels(channels=5)
    np.testing.assert_allclose(values(as_bytes, channels=5, **PLAIN)[0], as_bytes.transpose(2, 0, 1) / 255, atol=1e-6)
    with pytest.raises(InputError, match="channels=5"):
        values(encoded(pixels()), channels=5)


def test_where_channels_stand_can_be_said():
    both = pixels(3, 20, 3)
    with pytest.raises(InputError, match="data_format='channels_first'"):
        values(both)
    last = values(both, data_format="channels_last", **PLAIN)
    first = values(both, data_format="channels_first", **PLAIN)
    assert (last.shape, first.shape) == ((1, 3, 3, 20), (1, 3, 20, 3))
    np.testing.assert_allclose(first[0] * 255, both, atol=1e-4)


def test_a_model_takes_what_it_makes():
    model = build(image_size=[8, 12], channels=1)
    processor = XImageProcessor.from_config(model.config, do_center_crop=True)
    assert (processor.size, processor.channels, processor.do_center_crop) == ([8, 12], 1, True)
    batch = processor([pixels(), encoded(pixels(30, 5))])
    assert isinstance(batch["pixel_values"], paddle.Tensor)
    assert model(**batch).shape == [2, 5]


def test_saving_and_loading(tmp_path):
    processor = XImageProcessor([8, 12], resample="bilinear", image_mean=[0.1, 0.2, 0.3], do_center_crop=True)
    assert processor.save_pretrained(tmp_path) == [str(tmp_path / "preprocessor_config.json")]
    stored = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert stored["image_processor_type"] == "XImageProcessor" and stored["size"] == [8, 12]
    for load in (XImageProcessor.from_pretrained, AutoImageProcessor.from_pretrained):
        loaded = load(str(tmp_path))
        assert type(loaded) is XImageProcessor
        assert loaded.to_dict() == processor.to_dict()
        np.testing.assert_array_equal(
            loaded(pixels(), return_tensors="np")["pixel_values"],
            processor(pixels(), return_tensors="np")["pixel_values"],
        )
    assert XImageProcessor.from_pretrained(tmp_path, size=6).size == [6, 6]
    with pytest.raises(ConfigError, match="resample"):
        XImageProcessor.from_pretrained(tmp_path, resample="cubic")


def test_files_of_other_processors():
    """Names of filters as numbers, sizes as dictionaries."""
    processor = XImageProcessor(size={"height": 3, "width": 4}, resample=2)
    assert (processor.size, processor.resample) == ([3, 4], "bilinear")


def test_folders_without_a_processor_are_explained(tmp_path):
    with pytest.raises(CheckpointError, match="there is no .*preprocessor_config.json"):
        XImageProcessor.from_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read as JSON"):
        XImageProcessor.from_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="holds a list"):
        XImageProcessor.from_pretrained(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is a file"):
        XImageProcessor().save_pretrained(tmp_path / "file")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 0}, "size=0 is not allowed"),
        ({"size": [8]}, r"size=\[8\] is not allowed"),
        ({"size": "8"}, "size='8'"),
        ({"size": {"shortest_edge": 8}}, "size="),
        ({"channels": 0}, "channels=0"),
        ({"resample": "cubic"}, "one of nearest, bilinear, bicubic, lanczos"),
        ({"resample": 9}, "resample=9"),
        ({"image_mean": [0.5, 0.5]}, "one for each of channels=3"),
        ({"image_std": 0}, "image_std=0 divides"),
        ({"image_std": "1"}, "image_std='1'"),
        ({"max_pixels": 0}, "max_pixels=0"),
        ({"do_resise": True}, "did you mean do_resize"),
        ({"quite_another": 1}, "known are size, channels"),
    ],
)
def test_values_that_are_not_allowed_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        XImageProcessor(**given)


def test_the_configuration_and_the_processor_agree_on_names():
    assert XImageProcessor.from_config(XViTConfig()).size == [224, 224]
