"""The image encoder against x-transformers' ViTransformerWrapper: the same weights, images, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_models import STACK, numpy_weights, paddle
from x_transformers import Decoder, Encoder, TransformerWrapper, ViTransformerWrapper

from paddle_xformers import (
    XCaptionConfig,
    XCaptionForConditionalGeneration,
    XViTConfig,
    XViTForImageClassification,
    XViTModel,
)
from paddle_xformers.convert import load_x_transformers
from paddle_xformers.convert.table import apply_rules
from paddle_xformers.convert.x_transformers import IMAGE_RULES

TOLERANCE = 1e-5
PARAMETER_TOLERANCE = 5e-5  # sums over all patches
WRAPPER = {"image_size": 12, "patch_size": 4, "num_classes": 7}
# x-transformers adds its positions whatever else tells the patches apart.
ADDED = {"position_embedding": "learned"}

# Keywords of the stack, keywords of the wrapper, fields of ours only.
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "default": ({}, {}, {}),
    "sizes": ({"dim": 24, "heads": 3}, {"image_size": 8, "patch_size": 2, "channels": 1}, {}),
    "register tokens": ({}, {"num_register_tokens": 3}, {}),
    "norm of the embeddings": ({}, {"post_emb_norm": True, "num_register_tokens": 2}, {}),
    "no head": ({}, {"num_classes": None}, {}),
    "rotary": ({"rotary_pos_emb": True}, {"num_register_tokens": 2}, ADDED),
    "alibi": ({"alibi_pos_bias": True}, {"num_register_tokens": 2}, {}),
    "t5": ({"rel_pos_bias": True}, {"num_register_tokens": 1}, ADDED),
    "memory keys, grouped heads": ({"attn_num_mem_kv": 2, "attn_kv_heads": 2}, {}, {}),
    "llama's layers": ({"use_rmsnorm": True, "ff_glu": True, "ff_swish": True, "sandwich_norm": True}, {}, {}),
    "post-norm": ({"pre_norm": False}, {}, {}),
    "dropouts": ({"ff_dropout": 0.3, "attn_dropout": 0.3}, {"emb_dropout": 0.3}, {}),
}


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES)
def pair(request: Any) -> tuple[Any, Any]:
    """Theirs, then ours, with the same random weights."""
    stack, wrapper, fields = request.param
    theirs = ViTransformerWrapper(**WRAPPER | wrapper, attn_layers=Encoder(**STACK | stack, verbose=False)).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    ours = XViTForImageClassification(XViTConfig(**STACK | stack | WRAPPER | wrapper | fields))
    ours.eval()
    load_x_transformers(ours, numpy_weights(theirs))
    return theirs, ours


def images(model: Any) -> np.ndarray:
    config = model.config
    shape = [2, config.channels, config.image_size, config.image_size]
    return np.random.default_rng(5).normal(size=shape).astype("float32")


def assert_close(ours: np.ndarray, theirs: np.ndarray, tolerance: float, what: str) -> None:
    assert ours.shape == theirs.shape, what
    difference, allowed = np.abs(ours - theirs).max(), tolerance * max(1.0, np.abs(theirs).max())
    assert difference <= allowed, f"{what}: differ by {difference:.2e}, allowed {allowed:.2e}"


def test_logits_and_patches(pair: tuple[Any, Any]) -> None:
    theirs, ours = pair
    given = images(ours)
    with torch.no_grad():
        logits, patches = theirs(torch.tensor(given), return_logits_and_embeddings=True)
    found = ours.xvit(paddle.to_tensor(given), return_dict=True)
    assert_close(found.last_hidden_state.numpy(), patches.numpy(), TOLERANCE, "patches")
    assert_close(found.pooler_output.numpy(), patches.numpy().mean(axis=1), TOLERANCE, "pooled")
    assert_close(ours(paddle.to_tensor(given)).numpy(), logits.numpy(), TOLERANCE, "logits")


def test_gradients(pair: tuple[Any, Any]) -> None:
    theirs, ours = pair
    given = images(ours)
    reference, pixels = torch.tensor(given, requires_grad=True), paddle.to_tensor(given, stop_gradient=False)
    expected, found = theirs(reference), ours(pixels)
    weights = np.random.default_rng(6).normal(size=found.shape).astype("float32")
    (expected * torch.tensor(weights)).sum().backward()
    (found * paddle.to_tensor(weights)).sum().backward()
    assert np.abs(reference.grad.numpy()).max() > 0.01
    assert_close(pixels.grad.numpy(), reference.grad.numpy(), TOLERANCE, "gradient of the pixels")
    gradients = {name: parameter.grad.numpy() for name, parameter in theirs.named_parameters()}
    options = ours.config.stack_options()
    wanted = apply_rules(IMAGE_RULES, gradients, options, "xvit", unit_offset=False)
    parameters = dict(ours.named_parameters())
    assert wanted.keys() == parameters.keys()
    for name, gradient in wanted.items():
        assert_close(parameters[name].grad.numpy(), gradient, PARAMETER_TOLERANCE, name)
    ours.clear_gradients()


def test_the_bare_model_takes_the_same_weights(pair: tuple[Any, Any]) -> None:
    theirs, ours = pair
    bare = XViTModel(ours.config)
    bare.eval()
    load_x_transformers(bare, numpy_weights(theirs))
    given = paddle.to_tensor(images(ours))
    np.testing.assert_array_equal(bare(given)[0].numpy(), ours.xvit(given)[0].numpy())


def test_interpolation_is_torch_s_bicubic() -> None:
    """The positions of another size of images, shrunk and stretched."""
    model = XViTModel(XViTConfig(**STACK, image_size=[12, 20], patch_size=4, pooling="cls"))
    table = model.embeddings.position_embeddings
    grid = table.weight.numpy()[1:].reshape(3, 5, -1).transpose(2, 0, 1)[None]
    for size in ((3, 5), (7, 4), (2, 9)):
        expected = torch.nn.functional.interpolate(torch.tensor(grid), size=size, mode="bicubic", align_corners=False)
        found = table.resized(size).numpy()
        np.testing.assert_array_equal(found[0], table.weight.numpy()[0])
        wanted = expected.numpy()[0].transpose(1, 2, 0).reshape(size[0] * size[1], -1)
        np.testing.assert_allclose(found[1:], wanted, atol=1e-5)


def test_captions() -> None:
    """An image encoder whose patches a decoder attends to, as x-transformers' README pairs them."""
    stack = {name: value for name, value in STACK.items() if name != "dim"}
    theirs = torch.nn.ModuleDict(
        {
            "encoder": ViTransformerWrapper(
                image_size=12, patch_size=4, num_register_tokens=2, attn_layers=Encoder(**STACK, verbose=False)
            ),
            "decoder": TransformerWrapper(
                num_tokens=40,
                max_seq_len=16,
                attn_layers=Decoder(**STACK, cross_attend=True, rotary_pos_emb=True, verbose=False),
            ),
        }
    ).eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    fields = {"enc_image_size": 12, "enc_patch_size": 4, "enc_num_register_tokens": 2, "dec_rotary_pos_emb": True}
    both = {prefix + name: value for prefix in ("enc_", "dec_") for name, value in stack.items()}
    config = XCaptionConfig(**both, **fields, dim=STACK["dim"], dec_num_tokens=40, dec_max_seq_len=16)
    ours = XCaptionForConditionalGeneration(config)
    ours.eval()
    load_x_transformers(ours, numpy_weights(theirs))
    draw = np.random.default_rng(4)
    pixels, ids = draw.normal(size=(2, 3, 12, 12)).astype("float32"), draw.integers(0, 40, (2, 9))
    with torch.no_grad():
        context = theirs["encoder"](torch.tensor(pixels), return_embeddings=True)
        expected = theirs["decoder"](torch.tensor(ids), context=context).numpy()
    found = ours(paddle.to_tensor(pixels), paddle.to_tensor(ids), return_dict=True)
    assert_close(found.encoder_last_hidden_state.numpy(), context.numpy(), TOLERANCE, "patches")
    assert_close(found.logits.numpy(), expected, TOLERANCE, "logits")
