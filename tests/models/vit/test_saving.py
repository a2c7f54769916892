"""Image models on the disk: saved and loaded, for other sizes of images, and as static graphs."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec

from paddle_xformers import ConfigError, XViTConfig, XViTForImageClassification, XViTForMaskedImageModeling, XViTModel

from ..test_export import exported
from .images import build, images

FIELDS = {"pooling": "cls", "num_register_tokens": 2, "vit_head": "mlp", "norm_bias": True}
BUNDLES = {
    "default": {},
    "class token": FIELDS,
    "rotary": {"rotary_pos_emb": True, "norm": "rmsnorm", "ff_glu": True, "num_memory_tokens": 2},
    "rmsnorm after post-norm": {"norm": "rmsnorm", "norm_placement": "pre_and_post", "post_emb_norm": True},
    "alibi": {"position_bias": "alibi", "patch_norm": False},
    "t5": {"position_bias": "t5"},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)
PIXELS = InputSpec([None, 3, 8, 8], "float32", "pixel_values")


@each_bundle
def test_saving_and_loading_is_the_identity(fields, tmp_path):
    model = build(**fields)
    model.save_pretrained(tmp_path)
    loaded = XViTForImageClassification.from_pretrained(tmp_path)
    loaded.eval()
    assert loaded.config.values() == model.config.values()
    assert loaded.config.num_labels == 5
    np.testing.assert_array_equal(loaded(images()).numpy(), model(images()).numpy())
    bare = XViTModel.from_pretrained(tmp_path)
    bare.eval()
    np.testing.assert_array_equal(bare(images())[0].numpy(), model.xvit(images())[0].numpy())


def test_loading_for_images_of_another_size(tmp_path):
    model = build(**FIELDS)
    model.save_pretrained(tmp_path)
    wide = images(2, 12, 20)
    loaded = XViTForImageClassification.from_pretrained(tmp_path, image_size=[12, 20])
    loaded.eval()
    expected = model(wide, interpolate_pos_encoding=True)
    np.testing.assert_allclose(loaded(wide).numpy(), expected.numpy(), atol=1e-5)
    loaded.save_pretrained(tmp_path / "wide")
    again = XViTForImageClassification.from_pretrained(tmp_path / "wide")
    again.eval()
    assert again.config.image_size == [12, 20]
    np.testing.assert_array_equal(again(wide).numpy(), loaded(wide).numpy())
    with pytest.raises(ConfigError, match="patch_size=4"):
        XViTForImageClassification.from_pretrained(tmp_path, image_size=10)


def test_a_table_that_was_resized_trains():
    model = build()
    model.resize_images(12)
    model(images(2, 12)).sum().backward()
    weight = dict(model.named_parameters())["xvit.embeddings.position_embeddings.weight"]
    assert weight.shape == [9, 32] and np.abs(weight.grad.numpy()).max() > 0


def test_another_number_of_classes(tmp_path):
    build(num_classes=None).save_pretrained(tmp_path)
    assert XViTForImageClassification.from_pretrained(tmp_path).classifier is None
    assert XViTForImageClassification.from_pretrained(tmp_path, num_labels=3)(images()).shape == [2, 3]


def test_keys_of_other_families_are_not_taken_for_fields():
    assert XViTConfig(num_classes=3).values().keys() == XViTConfig.fields().keys()
    with pytest.raises(ConfigError, match="image_siz"):
        XViTConfig(image_siz=8)


@each_bundle
def test_static_graphs_equal_dynamic_ones(fields, tmp_path):
    model = build(**fields)
    static = exported(build(**fields), [PIXELS], tmp_path)
    for b in (2, 1, 5):
        np.testing.assert_allclose(static(images(b)).numpy(), model(images(b)).numpy(), atol=1e-5)


@each_bundle
def test_the_inference_engine(fields, tmp_path):
    """As deployed: with oneDNN, which Paddle Inference switches on by itself on the CPU."""
    from paddle import inference

    model = build(**fields)
    exported(build(**fields), [PIXELS], tmp_path)
    config = inference.Config(str(tmp_path / "model.json"), str(tmp_path / "model.pdiparams"))
    config.disable_glog_info()
    predictor = inference.create_predictor(config)
    for b in (2, 3):
        predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(images(b).numpy())
        predictor.run()
        found = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
        np.testing.assert_allclose(found, model(images(b)).numpy(), atol=1e-5)


def test_masked_images_as_a_static_graph(tmp_path):
    model = build(XViTForMaskedImageModeling, num_register_tokens=2)
    mask = InputSpec([None, 4], "bool", "bool_masked_pos")
    static = exported(build(XViTForMaskedImageModeling, num_register_tokens=2), [PIXELS, mask], tmp_path)
    hidden = paddle.to_tensor([[True, False, True, False]] * 3)
    expected = model(images(3), hidden)
    for found, wanted in zip(static(images(3), hidden), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), atol=1e-5)


def test_a_graph_needs_a_known_size(tmp_path):
    spec = InputSpec([None, 3, None, None], "float32", "pixel_values")
    with pytest.raises(Exception, match="height and width must be known"):
        exported(build(), [spec], tmp_path)
