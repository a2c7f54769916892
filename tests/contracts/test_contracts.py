"""The contracts of docs/architecture.md that every family keeps, held against every declared option."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.attention.attention import Attention
from paddle_xformers.nn.stack import Stack

from .cases import PAIRS, SUBJECTS, Case, Subject, each_case
from .subjects.subject import own_fields

each_masked_case = each_case(lambda subject: subject.mask is not None)

# Options whose work is not in the numbers of one forward; each is tested where it works.
EFFECT_ELSEWHERE = {
    "attn_kernel": "all kernels give the same numbers: test_every_kernel_equals_eager",
    "cross_attn_kernel": "likewise",
    "initializer_range": "initial values: tests/nn/test_initial_values.py",
    "attn_zero_init_output": "initial values: tests/nn/test_initial_values.py",
    "cross_attn_zero_init_output": "likewise",
    "attn_qk_norm_seq_len": "likewise",
    "cross_attn_qk_norm_seq_len": "likewise",
    "attn_qk_norm_temperature_init": "likewise",
    "cross_attn_qk_norm_temperature_init": "likewise",
    "ff_zero_init_output": "likewise",
    "attn_sparse_topk_straight_through": "changes gradients alone: tests/parity/",
    "cross_attn_sparse_topk_straight_through": "likewise",
    "dynamic_tanh_init_alpha": "likewise",
    "layerscale_init_value": "likewise",
    "adaptive_layerscale_init_bias": "likewise",
    "mv_split_init_alpha": "initial values: tests/nn/test_residuals.py",
    "mv_split_init_beta": "likewise",
    "verbose": "lines in the log: tests/config/test_advice.py",
    "polar_bias_uniform_init": "initial values: tests/nn/test_initial_values.py",
    "data_dependent_alibi_bias_init": "likewise",
    "emb_frac_gradient": "gradients: tests/parity/test_parity.py and tests/nn/test_gradients.py",
    "depth_scale_residual": "likewise",
}


def with_mask(subject: Subject, inputs: dict, hidden: slice, row: int = 0) -> dict:
    """The inputs with a mask that hides some places of one row."""
    if subject.mask is None:
        return inputs
    mask = paddle.ones(inputs[subject.padded[0]].shape[:2], dtype="int64")
    mask[row, hidden] = 0
    return {**inputs, subject.mask: mask}


def rows_of(inputs: dict, rows: slice) -> dict:
    return {name: value[rows] for name, value in inputs.items()}


@pytest.mark.parametrize(
    "config", dict.fromkeys(subject.config for subject in SUBJECTS), ids=lambda config: config.model_type
)
def test_every_field_has_a_case(config):
    tried = {case.field for subject, case in PAIRS if subject.config is config} - {""}
    if any(subject.share is not None for subject in SUBJECTS if subject.config is config):
        decoder = {case.field for subject, case in PAIRS if subject.every_example}
        tried |= decoder & set(own_fields(config))
    assert tried == set(own_fields(config))


def padded_rows(subject: Subject, case: Case, places: list[slice]) -> None:
    """Hold rows with their tokens at the given places of a batch against the same rows alone."""
    model = subject.build(case.values)
    b, n = len(places), subject.length
    whole = subject.feed(model, b)
    batch = dict(whole)
    mask = np.zeros([b, n], dtype="int64")
    padded = [name for name in subject.padded if name in whole]
    for name in padded:
        values = whole[name].numpy()
        moved = np.zeros_like(values)
        for row, place in enumerate(places):
            moved[row, place] = values[row, : place.stop - place.start]
            mask[row, place] = 1
        batch[name] = paddle.to_tensor(moved)
    together = subject.numbers(model, batch, **{subject.mask: paddle.to_tensor(mask)})
    for row, place in enumerate(places):
        own = rows_of(whole, slice(row, row + 1))
        own |= {name: own[name][:, : place.stop - place.start] for name in padded}
        alone = subject.numbers(model, own)[0]
        found = together[row, place] if subject.per_token else together[row]
        np.testing.assert_allclose(found, alone, atol=1e-5)


@each_masked_case
def test_a_padded_row_equals_the_row_alone(subject: Subject, case: Case):
    n = subject.length
    if subject.every_example:
        for side in ("left", "right"):
            lengths = (4, 9, n)
            padded_rows(subject, case, [slice(n - k, n) if side == "left" else slice(0, k) for k in lengths])
    else:
        padded_rows(subject, case, [slice(0, n - 3), slice(2, n), slice(0, n)])


@each_case()
def test_every_kernel_equals_eager(subject: Subject, case: Case):
    if case.field.endswith("attn_kernel"):
        return

    def with_kernel(name: str) -> Any:
        return subject.build(case.values, **dict.fromkeys(subject.kernels, name))

    def ran(model: Any) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
        found, inputs = [], subject.feed(model)
        for given in (inputs, with_mask(subject, inputs, slice(0, 3))):
            model.clear_gradients()
            subject.loss(model, given).backward()
            gradients = {n: p.grad.numpy() for n, p in model.named_parameters() if p.grad is not None}
            found.append((subject.numbers(model, given), gradients))
        return found

    eager = with_kernel("eager")
    layers = [layer for layer in eager.sublayers() if isinstance(layer, Attention)]
    able = {"fused": any(not layer.needs_scores for layer in layers)}
    # Blocks of queries are for causal attention; for others once is enough to see them replaced.
    able["blockwise"] = subject.causal and any(layer.is_plain for layer in layers)
    kernels = [name for name, is_able in able.items() if is_able or not case.field]
    results = ran(eager) if kernels else []
    for kernel in kernels:
        for (expected, slopes), (found, found_slopes) in zip(results, ran(with_kernel(kernel)), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=kernel)
            assert slopes.keys() == found_slopes.keys()
            for name, slope in slopes.items():
                close = 1e-5 * max(1, np.abs(slope).max())
                np.testing.assert_allclose(found_slopes[name], slope, atol=close, err_msg=f"{kernel}: {name}")


@each_case()
def test_saving_and_loading_is_the_identity(subject: Subject, case: Case, tmp_path):
    model = subject.build(case.values)
    model.save_pretrained(tmp_path)
    loaded = subject.model.from_pretrained(tmp_path)
    loaded.eval()
    assert {**loaded.config.values()} == {**model.config.values()}
    assert subject.config.from_dict(json.loads(model.config.to_json_string())).values() == model.config.values()
    inputs = subject.feed(model)
    np.testing.assert_array_equal(subject.numbers(loaded, inputs), subject.numbers(model, inputs))


@each_case()
def test_gradient_reaches_every_parameter(subject: Subject, case: Case):
    model = subject.build(case.values)
    subject.loss(model, subject.feed(model)).backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not np.abs(p.grad.numpy()).max() > 0]
    assert not missing
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters())


@each_case()
def test_every_option_has_an_effect(subject: Subject, case: Case):
    if not case.field or case.field in EFFECT_ELSEWHERE or case.field in subject.effect_elsewhere:
        return
    plain, model = subject.build(case.base), subject.build(case.values)
    shapes = [{name: tuple(p.shape) for name, p in m.named_parameters()} for m in (plain, model)]
    if shapes[0] != shapes[1]:
        return
    model.set_state_dict(plain.state_dict())
    for count in (1, 4):  # what is drawn, such as the layers to leave out, shows only now and then
        found = []
        for m in (plain, model):
            m.train()
            paddle.seed(3)
            random.seed(3)
            found.append(np.stack([subject.numbers(m, subject.feed(m)) for _ in range(count)]))
        if found[0].shape != found[1].shape or np.abs(found[0] - found[1]).max() > 1e-4:
            return
    raise AssertionError(f"{case.field} changes nothing")


@each_masked_case
def test_a_row_without_keys_is_zero_and_has_finite_gradients(subject: Subject, case: Case):
    model = subject.build(case.values)
    inputs = subject.feed(model)
    masked = with_mask(subject, inputs, slice(None))
    numbers = subject.numbers(model, masked)
    assert np.isfinite(numbers).all()
    subject.loss(model, masked).backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters() if p.grad is not None)
    np.testing.assert_allclose(numbers[1:], subject.numbers(model, rows_of(inputs, slice(1, None))), atol=1e-5)


@each_case()
def test_forward_never_waits_for_the_device(subject: Subject, case: Case, monkeypatch):
    model = subject.build(case.values)
    inputs = with_mask(subject, subject.feed(model), slice(0, 3))
    subject.output(model, inputs)  # whatever is made once is made
    cached = {"use_cache": True} if subject.grows else {}

    def refuse(*_args, **_kwargs):
        raise AssertionError("a tensor was read on the host during forward")

    with monkeypatch.context() as patch:
        for name in ("item", "numpy", "tolist", "__bool__", "__int__", "__float__", "__array__"):
            patch.setattr(paddle.Tensor, name, refuse)
        output = subject.output(model, inputs, **cached)
        if subject.grows:
            step = subject.part(inputs, 0, 1)
            step.pop(subject.mask, None)
            subject.output(model, step, past_key_values=output.past_key_values, **cached)


@each_case()
def test_recompute_changes_no_gradient(subject: Subject, case: Case):
    gradients, model = [], subject.build(case.values)
    model.train()
    for on in (False, True):
        model.clear_gradients()
        if on:
            model.recompute_enable()
            assert all(layer.enable_recompute for layer in model.sublayers() if isinstance(layer, Stack))
        paddle.seed(11)
        random.seed(11)
        subject.loss(model, subject.feed(model)).backward()
        gradients.append({n: p.grad.numpy() for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], gradient, atol=1e-5, err_msg=name)


FIELDS = [
    pytest.param(subject, info, id=f"{subject.name}-{info.name}")
    for subject in SUBJECTS
    for info in subject.fields().values()
]


@pytest.mark.parametrize(("subject", "info"), FIELDS)
def test_bad_values_are_refused_at_construction(subject: Subject, info):
    bad = [object(), "no such name"] if info.choices else [object(), "text"]
    if info.minimum is not None:
        bad.append(info.minimum - 1)
    if info.above is not None:
        bad.append(info.above)
    if info.maximum is not None:
        bad.append(info.maximum + 1)
    for value in bad:
        config = subject.config(**subject.small)
        setattr(config, info.name, value)
        with pytest.raises(ValueError) as caught:
            subject.model(config)
        assert info.name in str(caught.value)
        assert repr(value) in str(caught.value)
        assert info.allowed in str(caught.value)


@each_case()
def test_frozen_parameters_do_not_break_the_backward(subject: Subject, case: Case):
    """Partial fine-tuning and LoRA: what is trained gets the gradient it gets when nothing is frozen."""
    model = subject.build(case.values)
    inputs = subject.feed(model)
    subject.loss(model, inputs).backward()
    whole = {name: p.grad.numpy() for name, p in model.named_parameters()}
    parts = ("norm", "weight", "stack.layers.0", "embeddings")
    for frozen in parts if subject.every_example else parts[::2]:
        model.clear_gradients()
        for name, parameter in model.named_parameters():
            parameter.stop_gradient = frozen in name
        if all(p.stop_gradient for p in model.parameters()):
            continue
        subject.loss(model, inputs).backward()
        for name, parameter in model.named_parameters():
            if not parameter.stop_gradient:
                np.testing.assert_allclose(parameter.grad.numpy(), whole[name], atol=1e-5, err_msg=name)
