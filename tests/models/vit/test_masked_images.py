"""Masked image modelling (SimMIM, 2111.09886)."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    InputError,
    XViTConfig,
    XViTForImageClassification,
    XViTForMaskedImageModeling,
    random_patch_mask,
)
from paddle_xformers.nn.patches import to_patches

from .images import SMALL, build, images

MASK = [[True, False, False, True], [False, True, False, False]]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_loss_is_the_mean_error_of_hidden_pixels(pooling):
    model = build(XViTForMaskedImageModeling, pooling=pooling, num_register_tokens=2)
    output = model(images(), paddle.to_tensor(MASK), return_dict=True)
    assert output.reconstruction.shape == [2, 3, 8, 8]
    errors = np.abs(output.reconstruction.numpy() - images().numpy()).astype("float64")
    # Patches by hand: rows of patches, pixels within, columns of patches, pixels within.
    hidden = np.array(MASK).reshape(2, 1, 2, 1, 2, 1)
    errors = errors.reshape(2, 3, 2, 4, 2, 4)
    wanted = (errors * hidden).sum() / (hidden.sum() * 3 * 4 * 4)
    assert float(output.loss) == pytest.approx(wanted, rel=1e-5)
    as_numbers = model(images(), paddle.to_tensor(MASK).astype("int64"))
    np.testing.assert_array_equal(as_numbers[1].numpy(), output.reconstruction.numpy())


def test_the_pixels_of_hidden_patches_are_not_seen():
    model, mask = build(XViTForMaskedImageModeling), paddle.to_tensor(MASK)
    patches = to_patches(images(), 4)
    changed = paddle.where(mask.unsqueeze(-1), patches * 5 + 1, patches)
    from paddle_xformers.nn.patches import from_patches

    before = model(images(), mask, return_dict=True)
    after = model(from_patches(changed, 4, (2, 2)), mask, return_dict=True)
    np.testing.assert_array_equal(before.reconstruction.numpy(), after.reconstruction.numpy())
    assert float(before.loss) != float(after.loss)


def test_without_a_mask_there_is_no_loss():
    model = build(XViTForMaskedImageModeling)
    assert model(images()).shape == [2, 3, 8, 8]
    nothing = model(images(), paddle.zeros([2, 4], dtype="bool"))
    assert float(nothing[0]) == 0
    np.testing.assert_array_equal(nothing[1].numpy(), model(images()).numpy())


def test_every_parameter_learns():
    model = build(XViTForMaskedImageModeling, pooling="cls", num_register_tokens=2)
    model(images(), paddle.to_tensor(MASK))[0].backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not np.abs(p.grad.numpy()).max() > 0]
    assert not missing


def test_a_few_steps_lower_the_loss():
    model = build(XViTForMaskedImageModeling)
    model.train()
    optimizer = paddle.optimizer.AdamW(1e-2, parameters=model.parameters())
    losses = []
    for _ in range(15):
        loss = model(images(), paddle.to_tensor(MASK))[0]
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]


def test_its_encoder_serves_a_classifier(tmp_path):
    model = build(XViTForMaskedImageModeling)
    model.save_pretrained(tmp_path)
    classifier = XViTForImageClassification.from_pretrained(tmp_path)
    classifier.eval()
    np.testing.assert_array_equal(classifier.xvit(images())[0].numpy(), model.xvit(images())[0].numpy())
    assert classifier.xvit.embeddings.mask_token is None
    again = XViTForMaskedImageModeling.from_pretrained(tmp_path)
    again.eval()
    np.testing.assert_array_equal(again(images()).numpy(), model(images()).numpy())


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (paddle.ones([2, 5], dtype="bool"), r"shape \[2, 5\].*give \(2, 4\)"),
        (paddle.ones([1, 4], dtype="bool"), r"shape \[1, 4\]"),
        (paddle.ones([2, 4]), "dtype paddle.float32"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, message):
    with pytest.raises(InputError, match=message):
        build(XViTForMaskedImageModeling)(images(), mask)


def test_patch_dropout_is_refused():
    with pytest.raises(ConfigError, match="patch_dropout=0.5.*set patch_dropout=0"):
        build(XViTForMaskedImageModeling, patch_dropout=0.5)


def test_random_masks_hide_the_same_share_of_every_image():
    config = XViTConfig(**{**SMALL, "image_size": [16, 24]})
    mask = random_patch_mask(config, 3, ratio=0.5, seed=4).numpy()
    assert mask.shape == (3, 24) and mask.dtype == bool
    assert list(mask.sum(axis=1)) == [12] * 3
    assert (mask[0] != mask[1]).any()
    np.testing.assert_array_equal(mask, random_patch_mask(config, 3, ratio=0.5, seed=4).numpy())
    squares = random_patch_mask(config, 2, ratio=0.5, block=2, seed=4).numpy().reshape(2, 2, 2, 3, 2)
    assert (squares == squares[:, :, :1, :, :1]).all()
    assert list(squares.sum(axis=(1, 2, 3, 4))) == [12, 12]
    assert random_patch_mask(config, 1, ratio=1e-9).numpy().sum() == 1
    assert random_patch_mask(config, 1, ratio=1.0, block=5).numpy().all()


@pytest.mark.parametrize("given", [{"ratio": 0}, {"ratio": 1.5}, {"block": 0}])
def test_random_masks_refuse_bad_numbers(given):
    with pytest.raises(InputError):
        random_patch_mask(XViTConfig(**SMALL), 1, **given)
