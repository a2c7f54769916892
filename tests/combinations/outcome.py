"""What becomes of a configuration: it is refused by a sentence, or everything works. There is no third outcome."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from paddle_xformers import ConfigError
from paddle_xformers.nn.attention.cache import reserve
from paddle_xformers.nn.stack import Stack

from ..contracts.subjects.subject import Subject

REFUSED, RAN = "refused", "ran"
# The cache is filled in these pieces, then with the rest.
PIECES = (5, 1)


def outcome(subject: Subject, values: dict[str, Any], folder: Path) -> str:
    """Build a model and put it through everything.

    Raises:
        Exception: Whatever is neither a refusal nor right.
    """
    try:
        model = subject.build(values)
    except ConfigError as error:
        assert any(f"{name}=" in str(error) for name in {**subject.small, **values}), f"names no field: {error}"
        return REFUSED
    inputs = subject.feed(model)
    whole = subject.numbers(model, inputs)
    assert np.isfinite(whole).all(), "the result is not finite"
    learns(subject, model, inputs)
    with paddle.no_grad():
        if subject.causal:
            looks_backwards_only(subject, model, inputs, whole)
        if subject.grows:
            decodes(subject, model, inputs, whole)
        if subject.mask:
            ignores_padding(subject, model, inputs)
        comes_back(subject, model, inputs, whole, folder)
    return RAN


def close(found: np.ndarray, expected: np.ndarray, what: str, tolerance: float = 1e-4) -> None:
    """Equal up to rounding, which is as large as the numbers are."""
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found / scale, expected / scale, atol=tolerance, err_msg=what)


def learns(subject: Subject, model: Any, inputs: dict[str, Any]) -> None:
    """Every parameter of a layer that runs gets a gradient; with dropout and stochastic depth it stays finite."""
    subject.loss(model, inputs).backward()
    idle = idle_layers(model)
    gradients = {n: p.grad for n, p in model.named_parameters() if not n.startswith(idle)}
    assert not [n for n, slope in gradients.items() if slope is None], "parameters without a gradient"
    model.clear_gradients()
    model.train()
    paddle.seed(3)
    random.seed(3)
    subject.loss(model, inputs).backward()
    slopes = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    assert all(np.isfinite(slope).all() for slope in slopes), "a gradient is not finite"
    model.clear_gradients()
    model.eval()


def idle_layers(model: Any) -> tuple[str, ...]:
    """How the names of parameters begin that belong to layers which the order of execution leaves out."""
    stacks = [(name, layer) for name, layer in model.named_sublayers() if isinstance(layer, Stack)]
    return tuple(
        f"{name}.layers.{index}."
        for name, stack in stacks
        for index in range(len(stack.layers))
        if index not in stack.options.order
    )


def looks_backwards_only(subject: Subject, model: Any, inputs: dict[str, Any], whole: np.ndarray) -> None:
    """Later tokens change nothing before them."""
    name = subject.grows or subject.padded[0]
    changed = inputs[name].clone()
    changed[:, 9:] = (changed[:, 9:] - 3 + 7) % 34 + 3
    close(subject.numbers(model, {**inputs, name: changed})[:, :9], whole[:, :9], "later tokens changed earlier ones")


def decodes(subject: Subject, model: Any, inputs: dict[str, Any], whole: np.ndarray) -> None:
    """Decoding with a cache, and with one that has spare room, equals one pass."""
    steps = next(layer for layer in model.sublayers() if isinstance(layer, Stack) and layer.options.causal).steps
    length = inputs[subject.grows].shape[1]
    for room in (False, True):
        parts, cache, start = [], None, 0
        for size in (*PIECES, length - sum(PIECES)):
            piece = {**inputs, subject.grows: inputs[subject.grows][:, start : start + size]}
            output = subject.output(model, piece, past_key_values=cache, use_cache=True)
            parts.append(getattr(output, subject.result).numpy())
            cache = reserve(output.past_key_values, steps) if room else output.past_key_values
            start += size
        close(np.concatenate(parts, 1), whole, f"decoding with a cache, spare room: {room}")


def ignores_padding(subject: Subject, model: Any, inputs: dict[str, Any]) -> None:
    """A row that is padded on the left is what it is alone."""
    names = [name for name in subject.padded if name in inputs]
    length = inputs[names[0]].shape[1]
    mask = np.ones([inputs[names[0]].shape[0], length], dtype="int64")
    mask[0, :3] = 0
    batch, alone = dict(inputs), {name: value[:1] for name, value in inputs.items()}
    for name in names:
        batch[name] = inputs[name].clone()
        batch[name][0] = paddle.concat([paddle.zeros_like(inputs[name][0, :3]), inputs[name][0, :-3]])
        alone[name] = alone[name][:, :-3]
    together = subject.numbers(model, batch, **{subject.mask: paddle.to_tensor(mask)})[0]
    close(together[3:] if subject.per_token else together, subject.numbers(model, alone)[0], "left padding")


def comes_back(subject: Subject, model: Any, inputs: dict[str, Any], whole: np.ndarray, folder: Path) -> None:
    """Saving and loading is the identity."""
    model.save_pretrained(folder)
    loaded = subject.model.from_pretrained(folder)
    loaded.eval()
    assert loaded.config.values() == model.config.values()
    np.testing.assert_array_equal(subject.numbers(loaded, inputs), whole, err_msg="saving and loading")
