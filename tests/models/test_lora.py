"""LoRA (2106.09685) by paddlenlp.peft on our projections."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddlenlp.peft import LoRAConfig, LoRAModel

from paddle_xformers.nn.attention import attention as attention_module

from ..contracts.cases import build, logits, tokens
from .small import weights
from .training import Rows, losses, trainer

BUNDLES = {
    "default": {},
    "rotary": {"rotary_pos_emb": True, "attn_kv_heads": 2, "norm": "rmsnorm", "ff_glu": True},
    "biases": {"attn_qkv_bias": True, "attn_out_bias": True, "norm_bias": True},
}
TARGETS = [".*q_proj.*", ".*v_proj.*"]
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


def adapted(fields: dict, targets=TARGETS, *, noise: bool = True) -> LoRAModel:
    """A model with adapters; `noise` gives the second factors, which start at zero, a value."""
    model = LoRAModel(build(fields), LoRAConfig(target_modules=targets, r=4, lora_alpha=8, lora_dropout=0.0))
    model.mark_only_lora_as_trainable()
    if noise:
        rng = np.random.default_rng(0)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.set_value(paddle.to_tensor(rng.normal(0, 0.3, parameter.shape).astype("float32")))
    model.eval()
    return model


def lora_logits(model: LoRAModel) -> np.ndarray:
    return model(tokens()).numpy()


@each_bundle
def test_new_adapters_change_nothing(fields):
    np.testing.assert_allclose(lora_logits(adapted(fields, noise=False)), logits(build(fields), tokens()), atol=1e-5)
    assert np.abs(lora_logits(adapted(fields)) - logits(build(fields), tokens())).max() > 1e-2


@pytest.mark.parametrize(
    "targets",
    [TARGETS, [".*q_proj.*"], [".*o_proj.*"], [".*up_proj.*", ".*down_proj.*"], [".*_proj.*"]],
    ids=lambda names: " ".join(name.strip(".*") for name in names),
)
@each_bundle
def test_only_adapters_learn(fields, targets):
    model = adapted(fields, targets)
    model.train()
    model(tokens(), labels=tokens())[0].backward()
    trained = {name for name, p in model.named_parameters() if not p.stop_gradient}
    assert trained and all("lora" in name for name in trained)
    for name, parameter in model.named_parameters():
        if name in trained:
            assert np.abs(parameter.grad.numpy()).max() > 0, name
        else:
            assert parameter.grad is None, name


@each_bundle
def test_training_saving_loading_merging_and_generating(tmp_path, fields):
    model = adapted(fields, noise=False)
    base = {name: value.copy() for name, value in weights(model).items() if "lora" not in name}
    done = trainer(model, tmp_path / "run", data=Rows(), max_steps=12, learning_rate=3e-2)
    done.train()
    assert losses(done)[-1] < losses(done)[0]
    for name, value in base.items():
        np.testing.assert_array_equal(weights(model)[name], value, err_msg=name)
    model.eval()
    expected = lora_logits(model)

    model.save_pretrained(str(tmp_path / "adapter"))
    loaded = LoRAModel.from_pretrained(build(fields), str(tmp_path / "adapter"))
    loaded.eval()
    np.testing.assert_array_equal(lora_logits(loaded), expected)

    continued = model.generate(tokens(n=6), max_new_tokens=6)[0].numpy()
    loaded.merge()
    loaded.eval()
    np.testing.assert_allclose(lora_logits(loaded), expected, atol=1e-5)
    np.testing.assert_array_equal(loaded.generate(tokens(n=6), max_new_tokens=6)[0].numpy(), continued)

    plain = build(fields)
    plain.set_state_dict({k: v for k, v in loaded.model.state_dict().items() if "lora" not in k})
    np.testing.assert_allclose(logits(plain, tokens()), expected, atol=1e-5)


@each_bundle
def test_adapted_layers_leave_the_kernel_that_knows_only_plain_linears(fields, monkeypatch):
    """The blockwise kernel reads the weights itself, so it must not be used on adapted projections."""
    calls, original = [], attention_module.blockwise_causal_attention
    monkeypatch.setattr(
        attention_module, "blockwise_causal_attention", lambda *given: (calls.append(1), original(*given))[1]
    )
    logits(build(fields), tokens())
    assert len(calls) == 2
    calls.clear()
    found = lora_logits(adapted(fields))
    assert not calls
    eager = lora_logits(adapted({**fields, "attn_kernel": "eager"}))
    np.testing.assert_allclose(found, eager, atol=1e-5)


def test_recompute_with_frozen_embeddings():
    """All inputs of the first layer are frozen; its adapters must get their gradients all the same."""
    gradients = []
    for on in (False, True):
        model = adapted({})
        model.train()
        if on:
            model.model.recompute_enable()
        model(tokens(), labels=tokens())[0].backward()
        gradients.append({n: p.grad.numpy() for n, p in model.named_parameters() if not p.stop_gradient})
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], gradient, atol=1e-6, err_msg=name)
