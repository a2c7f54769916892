"""Images that cannot be read, are damaged, or would not fit into memory: a sentence each."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from paddle_xformers import InputError, XImageProcessor

from .pictures import bomb, encoded, pixels


def refused(source, message, **options):
    with pytest.raises(InputError, match=message) as caught:
        XImageProcessor(**options)(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(30_000, 30_000), (9_000, 9_000), (2**31 - 1, 2**31 - 1)])
def test_a_small_file_that_claims_a_huge_picture_is_not_decoded(size):
    tracemalloc.start()
    refused(bomb(*size), r"more (pixels )?than max_pixels=64000000")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_the_limit_counts_for_every_source(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(encoded(pixels()))
    for source in (file, encoded(pixels()), Image.fromarray(pixels()), pixels(), pixels() / 255):
        refused(source, "12 x 20 pixels, more than max_pixels=239", max_pixels=239)
        XImageProcessor(max_pixels=240)(source)


def test_a_long_picture_does_not_grow_on_its_way():
    """Cropping before resizing: a strip of 1 x 100000 pixels never becomes 224 x 22400000."""
    strip = np.zeros([1, 100_000], dtype="uint8")
    for crop in (True, False):
        assert XImageProcessor(do_center_crop=crop)(strip)["pixel_values"].shape == [1, 3, 224, 224]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_files_that_are_cut_off(kind):
    whole = encoded(pixels(64, 64), kind)
    XImageProcessor()(whole)
    for length in (0, 3, 20, len(whole) // 2, len(whole) * 3 // 4):
        refused(whole[:length], "is (no image|cut off|damaged)")


def test_damaged_files():
    rng = np.random.default_rng(0)
    whole = encoded(pixels(32, 32), "PNG")
    for _ in range(60):
        broken = bytearray(whole)
        for place in rng.integers(8, len(whole), 20):
            broken[place] = rng.integers(256)
        try:
            XImageProcessor()(bytes(broken))
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_image(content, tmp_path):
    refused(content, "is no image that can be read; known are PNG, JPEG")
    file = tmp_path / "a.png"
    file.write_bytes(content)
    refused(file, "image file '.*a.png' is no image")


def test_paths(tmp_path):
    refused(tmp_path / "none.png", "'.*none.png' does not exist; give the path of an image")
    refused(str(tmp_path), "is a folder")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "an image is a NoneType"),
        (7, "an image is a int"),
        ([], "there are no images"),
        (np.zeros([3], "uint8"), r"shape \[3\]"),
        (np.zeros([6, 5, 2], "uint8"), r"shape \[6, 5, 2\]; give pixels of 3 channels, or of 1, 3 or 4"),
        (np.zeros([0, 5, 3], "uint8"), r"shape \[0, 5, 3\]"),
        (np.zeros([4, 5, 3], "int64"), "dtype int64; give uint8 from 0 to 255, or floats from 0 to 1"),
        (np.zeros([4, 5, 3], "bool"), "dtype bool"),
        (np.full([4, 5, 3], 255.0), "goes from 255 to 255; floats stand for 0 to 1"),
        (np.full([4, 5, 3], -0.5), "goes from -0.5"),
        (np.full([4, 5, 3], np.nan), "goes from nan"),
        (Image.fromarray(np.zeros([4, 5], "float32")), "numbers of 32 bits"),
        (Image.fromarray(np.zeros([4, 5], "int32")), "numbers of 32 bits"),
    ],
)
def test_what_cannot_be_an_image(source, message):
    refused(source, message)


def test_images_of_different_sizes_need_resizing():
    refused([pixels(), pixels(8, 8)], "different sizes.*do_resize=True", do_resize=False)


def test_arguments():
    with pytest.raises(InputError, match="return_tensors='pt'"):
        XImageProcessor()(pixels(), return_tensors="pt")
    with pytest.raises(InputError, match="data_format='HWC'"):
        XImageProcessor()(pixels(), data_format="HWC")
    with pytest.raises(InputError, match="'sizes' is no argument"):
        XImageProcessor()(pixels(), sizes=3)
