"""What changes gradients and no numbers."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM, XViTConfig, XViTForImageClassification
from paddle_xformers.nn.gradients import with_less_gradient

SMALL = {"dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 8}


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_only_a_share_of_the_gradient_flows_back(share):
    x = paddle.randn([3, 4])
    x.stop_gradient = False
    y = with_less_gradient(x, share)
    (y * 2).sum().backward()
    np.testing.assert_allclose(y.numpy(), x.numpy(), rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), np.full([3, 4], 2 * share), rtol=1e-6)


def gradients(model, *inputs):
    model.eval()
    output = model(*inputs, return_dict=True).logits
    output.sin().sum().backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters()}


def decoder(share):
    paddle.seed(1)
    model = XDecoderForCausalLM(XDecoderConfig(num_tokens=20, max_seq_len=8, emb_frac_gradient=share, **SMALL))
    return gradients(model, paddle.to_tensor([[3, 1, 4, 1, 5]]))


def vit(share):
    paddle.seed(1)
    model = XViTForImageClassification(XViTConfig(image_size=8, patch_size=4, emb_frac_gradient=share, **SMALL))
    return gradients(model, paddle.ones([1, 3, 8, 8]))


@pytest.mark.parametrize("family", [decoder, vit])
def test_the_embeddings_alone_get_less(family):
    whole, less = family(1.0), family(0.5)
    for name, gradient in whole.items():
        share = 0.5 if ".embeddings." in name else 1
        np.testing.assert_allclose(less[name], share * gradient, atol=1e-5, err_msg=name)
