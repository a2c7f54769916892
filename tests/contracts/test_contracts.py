"""The contracts of docs/architecture.md, held against every declared option."""

from __future__ import annotations

import json

import numpy as np
import paddle
import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM
from paddle_xformers.config import schema
from paddle_xformers.nn.attention.cache import reserve

from .cases import CASES, IDS, LENGTH, SMALL, Case, build, extras, logits, tokens

each_case = pytest.mark.parametrize("case", CASES, ids=IDS)

# Options whose work is not in the numbers of one forward; each is tested where it works.
EFFECT_ELSEWHERE = {
    "attn_kernel": "all kernels give the same numbers: test_every_kernel_equals_eager",
    "cross_attn_kernel": "likewise",
    "initializer_range": "initial values: tests/nn/test_initial_values.py",
    "attn_zero_init_output": "initial values: tests/nn/test_initial_values.py",
    "cross_attn_zero_init_output": "likewise",
    "ff_zero_init_output": "likewise",
    "max_mem_len": "needs a second segment: tests/models/test_mems.py",
    "shift_mem_down": "likewise",
}


def test_every_field_has_a_case():
    assert {case.field for case in CASES} - {""} == set(schema())


@each_case
def test_cached_decoding_equals_one_pass(case: Case):
    model = build(case.values)
    ids = tokens()
    whole = logits(model, ids)
    for room in (False, True):
        parts, cache, start = [], None, 0
        for size in (5, 1, 1, 3, LENGTH - 10):
            piece = ids[:, start : start + size]
            output = model(piece, past_key_values=cache, use_cache=True, return_dict=True, **extras(model))
            parts.append(output.logits.numpy())
            cache = output.past_key_values
            if room:
                cache = reserve(cache, model.xdecoder.stack.steps)
            start += size
        np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)


@each_case
def test_a_cache_is_a_value(case: Case):
    """Two continuations of one cache do not disturb each other."""
    model = build(case.values)
    ids, more = tokens(n=6), extras(model)
    cache = model(ids[:, :4], use_cache=True, return_dict=True, **more).past_key_values
    first = model(ids[:, 4:5], past_key_values=cache, use_cache=True, return_dict=True, **more).logits.numpy()
    model(ids[:, 5:6], past_key_values=cache, use_cache=True, return_dict=True, **more)
    again = model(ids[:, 4:5], past_key_values=cache, use_cache=True, return_dict=True, **more).logits.numpy()
    np.testing.assert_array_equal(first, again)


@each_case
def test_later_tokens_change_nothing_before_them(case: Case):
    model = build(case.values)
    ids = tokens()
    changed = ids.clone()
    changed[:, 9:] = (ids[:, 9:] - 3 + 7) % 34 + 3
    before, after = logits(model, ids), logits(model, changed)
    np.testing.assert_allclose(before[:, :9], after[:, :9], atol=1e-5)
    assert np.abs(before[:, 9:] - after[:, 9:]).max() > 1e-3


@each_case
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_equals_the_row_alone(case: Case, side: str):
    model = build(case.values)
    lengths, n = [4, 9, LENGTH], LENGTH
    ids = tokens(b=3)
    mask = np.zeros([3, n], dtype="int64")
    padded = np.zeros([3, n], dtype="int64")
    for row, length in enumerate(lengths):
        place = slice(n - length, n) if side == "left" else slice(0, length)
        mask[row, place] = 1
        padded[row, place] = ids[row, :length].numpy()
    more = extras(model, 3)
    batch = logits(model, paddle.to_tensor(padded), attention_mask=paddle.to_tensor(mask))
    for row, length in enumerate(lengths):
        place = slice(n - length, n) if side == "left" else slice(0, length)
        own = {name: value[row : row + 1] for name, value in more.items()}
        alone = logits(model, ids[row : row + 1, :length], **own)
        np.testing.assert_allclose(batch[row, place], alone[0], atol=1e-5)


@each_case
@pytest.mark.parametrize("kernel", ["fused", "blockwise"])
def test_every_kernel_equals_eager(case: Case, kernel: str):
    if case.field.endswith("attn_kernel"):
        return
    ids = tokens()
    mask = paddle.ones_like(ids)
    mask[0, :3] = 0
    results = []
    for name in ("eager", kernel):
        model = build(case.values, attn_kernel=name)
        for given in (None, mask):
            output = model(ids, attention_mask=given, return_dict=True, **extras(model))
            (output.logits * paddle.linspace(-1, 1, 37)[: output.logits.shape[-1]].mean()).sum().backward()
            gradient = model.get_input_embeddings().weight.grad.numpy()
            model.clear_gradients()
            results.append((output.logits.numpy(), gradient))
    for (expected, slope), (found, found_slope) in zip(results[:2], results[2:], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(found_slope, slope, atol=1e-4 * max(1, np.abs(slope).max()))


@each_case
def test_saving_and_loading_is_the_identity(case: Case, tmp_path):
    model = build(case.values)
    model.save_pretrained(tmp_path)
    loaded = XDecoderForCausalLM.from_pretrained(tmp_path)
    loaded.eval()
    assert {**loaded.config.values()} == {**model.config.values()}
    assert XDecoderConfig.from_dict(json.loads(model.config.to_json_string())).values() == model.config.values()
    np.testing.assert_array_equal(logits(loaded, tokens()), logits(model, tokens()))


@each_case
def test_gradient_reaches_every_parameter(case: Case):
    model = build(case.values)
    output = model(tokens(), labels=tokens(), return_dict=True, **extras(model))
    output.loss.backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not np.abs(p.grad.numpy()).max() > 0]
    assert not missing
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters())


@each_case
def test_every_option_has_an_effect(case: Case):
    if not case.field or case.field in EFFECT_ELSEWHERE:
        return
    plain, model = build(case.base), build(case.values)
    shapes = [{name: tuple(p.shape) for name, p in m.named_parameters()} for m in (plain, model)]
    if shapes[0] != shapes[1]:
        return
    model.set_state_dict(plain.state_dict())
    found = []
    for m in (plain, model):
        m.train()
        paddle.seed(3)
        import random

        random.seed(3)
        found.append(np.stack([logits(m, tokens()) for _ in range(4)]))
    assert np.abs(found[0] - found[1]).max() > 1e-4


@each_case
def test_a_row_without_keys_is_zero_and_has_finite_gradients(case: Case):
    model = build(case.values)
    ids = tokens()
    mask = paddle.ones_like(ids)
    mask[0] = 0
    output = model(ids, attention_mask=mask, labels=ids, return_dict=True, **extras(model))
    assert np.isfinite(output.logits.numpy()).all()
    output.loss.backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters() if p.grad is not None)
    alone = logits(model, ids[1:], **{k: v[1:] for k, v in extras(model).items()})
    np.testing.assert_allclose(output.logits.numpy()[1:], alone, atol=1e-5)


@each_case
def test_forward_never_waits_for_the_device(case: Case, monkeypatch):
    model = build(case.values)
    ids, more = tokens(), extras(model)
    mask = paddle.ones_like(ids)
    mask[0, :3] = 0
    model(ids, attention_mask=mask, **more)  # whatever is made once is made

    def refuse(*_args, **_kwargs):
        raise AssertionError("a tensor was read on the host during forward")

    with monkeypatch.context() as patch:
        for name in ("item", "numpy", "tolist", "__bool__", "__int__", "__float__", "__array__"):
            patch.setattr(paddle.Tensor, name, refuse)
        output = model(ids, attention_mask=mask, use_cache=True, return_dict=True, **more)
        model(ids[:, :1], past_key_values=output.past_key_values, use_cache=True, **more)


@each_case
def test_recompute_changes_no_gradient(case: Case):
    gradients = []
    for on in (False, True):
        model = build(case.values)
        model.train()
        if on:
            model.recompute_enable()
            assert model.xdecoder.stack.enable_recompute
        paddle.seed(11)
        import random

        random.seed(11)
        model(tokens(), labels=tokens(), return_dict=True, **extras(model)).loss.backward()
        gradients.append({n: p.grad.numpy() for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], gradient, atol=1e-5, err_msg=name)


@each_case
def test_generation_with_a_cache_equals_generation_without(case: Case):
    model = build(case.values)
    ids = tokens()
    mask = paddle.ones_like(ids)
    mask[0, :4] = 0
    for strategy in (
        {"decode_strategy": "greedy_search"},
        {"decode_strategy": "beam_search", "num_beams": 3},
    ):
        found = [
            model.generate(ids, attention_mask=mask, max_new_tokens=5, use_cache=cached, **strategy, **extras(model))
            for cached in (True, False)
        ]
        np.testing.assert_array_equal(found[0][0].numpy(), found[1][0].numpy())
        np.testing.assert_allclose(found[0][1].numpy(), found[1][1].numpy(), atol=1e-4)


@pytest.mark.parametrize("info", schema().values(), ids=schema())
def test_bad_values_are_refused_at_construction(info):
    bad = [object(), "no such name"] if info.choices else [object(), "text"]
    if info.minimum is not None:
        bad.append(info.minimum - 1)
    if info.above is not None:
        bad.append(info.above)
    if info.maximum is not None:
        bad.append(info.maximum + 1)
    for value in bad:
        config = XDecoderConfig(**SMALL)
        setattr(config, info.name, value)
        with pytest.raises(ValueError) as caught:
            XDecoderForCausalLM(config)
        assert info.name in str(caught.value)
        assert repr(value) in str(caught.value)
        assert info.allowed in str(caught.value)


@each_case
def test_frozen_parameters_do_not_break_the_backward(case: Case):
    """Partial fine-tuning and LoRA: what is trained gets the gradient it gets when nothing is frozen."""
    model = build(case.values)
    inputs = {"labels": tokens(), "return_dict": True, **extras(model)}
    model(tokens(), **inputs).loss.backward()
    whole = {name: p.grad.numpy() for name, p in model.named_parameters()}
    for frozen in ("norm", "weight", "stack.layers.0", "embeddings"):
        model.clear_gradients()
        for name, parameter in model.named_parameters():
            parameter.stop_gradient = frozen in name
        if all(p.stop_gradient for p in model.parameters()):
            continue
        model(tokens(), **inputs).loss.backward()
        for name, parameter in model.named_parameters():
            if not parameter.stop_gradient:
                np.testing.assert_allclose(parameter.grad.numpy(), whole[name], atol=1e-5, err_msg=name)
