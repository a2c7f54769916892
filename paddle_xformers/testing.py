"""Hold a registered part against the contracts that every option of the package keeps.

    from paddle_xformers.testing import check_part

    def test_my_norm():
        check_part("norm", "my_norm")

Small models are built with the part: a decoder, and an encoder.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor

from . import XDecoderConfig, XDecoderForCausalLM, XEncoderConfig, XEncoderForMaskedLM
from .errors import ContractError

Numbers = NDArray[Any]

VOCABULARY, LENGTH = 37, 14
SMALL = {"num_tokens": VOCABULARY, "dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "max_seq_len": 64}
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def check_part(socket: str, value: Any, **fields: Any) -> list[str]:
    """Check that models with a registered part keep the contracts.

    Every parameter gets a random value first, so that nothing hides behind a start at zero.

    Args:
        socket: The field that chooses the part, such as `norm`.
        value: The registered name, or a mapping with the name and settings.
        **fields: Further fields of the small models, such as `num_memory_tokens=2`.

    Returns:
        What was checked, as words.

    Raises:
        ContractError: If a contract is broken, with the contract and what was found.
        ConfigError: If the fields do not go together.
    """
    values = {**SMALL, **SPECIAL, **fields}
    own = {**values, socket: value}
    decoder = _build(XDecoderForCausalLM, XDecoderConfig(**own))
    encoder = _build(XEncoderForMaskedLM, XEncoderConfig(**own))
    plain = _build(XDecoderForCausalLM, XDecoderConfig(**values))
    checks: list[tuple[str, Callable[[], None]]] = [
        ("the part has an effect", lambda: _has_effect(plain, decoder)),
        ("later tokens change nothing before them", lambda: _is_causal(decoder)),
        ("decoding with a cache equals one pass", lambda: _caches(decoder)),
        ("generate gives the same with a cache and without", lambda: _generates(decoder)),
        ("a padded row equals the row alone, in a decoder", lambda: _ignores_padding(decoder)),
        ("a padded row equals the row alone, in an encoder", lambda: _ignores_padding(encoder)),
        ("a gradient reaches every parameter", lambda: _learns(decoder)),
        ("recompute changes no gradient", lambda: _recomputes(decoder)),
        ("saving and loading is the identity", lambda: _saves(decoder)),
        ("a forward never waits for the device", lambda: _stays_on_device(decoder)),
    ]
    for words, check in checks:
        try:
            check()
        except AssertionError as error:
            raise ContractError(f"{socket}={value!r} breaks a contract: {words}; {_first_lines(error)}") from error
    return [words for words, _ in checks]


def _build(model_class: Any, config: Any) -> Any:
    """A model in eval mode, every parameter random: about 1 for the gains of norms, about 0 for the rest."""
    model = model_class(config)
    rng = np.random.default_rng(0)
    for name, parameter in model.named_parameters():
        noise = rng.normal(0, 0.2 if parameter.ndim > 1 else 0.1, parameter.shape)
        parameter.set_value(paddle.to_tensor((noise + name.endswith("norm.weight")).astype("float32")))
    model.eval()
    return model


def _tokens(b: int = 2, n: int = LENGTH, seed: int = 1) -> Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).integers(3, VOCABULARY, (b, n)))


def _inputs(model: Any, b: int = 2) -> dict[str, Any]:
    """What cross attention looks at, if there is any."""
    if not model.config.cross_attend:
        return {}
    width = model.config.cross_attn_dim_context or model.config.dim
    states = np.random.default_rng(5).normal(size=(b, 6, width)).astype("float32")
    return {"encoder_hidden_states": paddle.to_tensor(states)}


def _logits(model: Any, ids: Tensor, **more: Any) -> Numbers:
    result: Numbers = model(ids, **{**_inputs(model, ids.shape[0]), **more}, return_dict=True).logits.numpy()
    return result


def _equal(found: Numbers, expected: Numbers, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=tolerance)


def _has_effect(plain: Any, model: Any) -> None:
    shapes = [{name: tuple(p.shape) for name, p in m.named_parameters()} for m in (plain, model)]
    if shapes[0] == shapes[1] and np.abs(_logits(plain, _tokens()) - _logits(model, _tokens())).max() < 1e-4:
        raise AssertionError("the results are those of the default part")


def _is_causal(model: Any) -> None:
    ids = _tokens()
    changed = paddle.concat([ids[:, :9], _tokens(seed=2)[:, 9:]], axis=1)
    _equal(_logits(model, changed)[:, :9], _logits(model, ids)[:, :9])


def _caches(model: Any) -> None:
    ids = _tokens()
    parts, cache, start = [], None, 0
    for size in (5, 1, 1, 3, LENGTH - 10):
        piece = ids[:, start : start + size]
        output = model(piece, **_inputs(model), past_key_values=cache, use_cache=True, return_dict=True)
        parts.append(output.logits.numpy())
        cache, start = output.past_key_values, start + size
    _equal(np.concatenate(parts, 1), _logits(model, ids), 1e-4)


def _generates(model: Any) -> None:
    ids, mask = _tokens(), np.ones((2, LENGTH), dtype="int64")
    mask[0, :4] = 0
    for strategy in ({"decode_strategy": "greedy_search"}, {"decode_strategy": "beam_search", "num_beams": 3}):
        found = [
            model.generate(
                ids,
                attention_mask=paddle.to_tensor(mask),
                max_new_tokens=5,
                use_cache=cached,
                **strategy,
                **_inputs(model),
            )
            for cached in (True, False)
        ]
        np.testing.assert_array_equal(found[0][0].numpy(), found[1][0].numpy())


def _ignores_padding(model: Any) -> None:
    ids = _tokens(3)
    for left in (True, False):
        lengths = (4, 9, LENGTH)
        places = [slice(LENGTH - k, LENGTH) if left else slice(0, k) for k in lengths]
        batch, mask = np.zeros((3, LENGTH), dtype="int64"), np.zeros((3, LENGTH), dtype="int64")
        for row, place in enumerate(places):
            batch[row, place] = ids.numpy()[row, : lengths[row]]
            mask[row, place] = 1
        together = _logits(model, paddle.to_tensor(batch), attention_mask=paddle.to_tensor(mask))
        for row, place in enumerate(places):
            more = {name: states[row : row + 1] for name, states in _inputs(model, 3).items()}
            _equal(together[row, place], _logits(model, ids[row : row + 1, : lengths[row]], **more)[0])


def _gradients(model: Any) -> dict[str, Numbers]:
    model.clear_gradients()
    ids = _tokens()
    model(ids, labels=ids, **_inputs(model), return_dict=True).loss.backward()
    return {name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None}


def _learns(model: Any) -> None:
    found = _gradients(model)
    for name, _ in model.named_parameters():
        if name not in found or not np.isfinite(found[name]).all() or not np.abs(found[name]).max() > 0:
            raise AssertionError(f"{name} gets none, or one that is not finite")


def _recomputes(model: Any) -> None:
    model.train()
    plain = _gradients(model)
    model.recompute_enable()
    again = _gradients(model)
    model.recompute_disable()
    model.eval()
    for name, gradient in plain.items():
        _equal(again[name], gradient)


def _saves(model: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = type(model).from_pretrained(folder)
    loaded.eval()
    if loaded.config.values() != model.config.values():
        raise AssertionError("the configuration that was loaded is another one")
    np.testing.assert_array_equal(_logits(loaded, _tokens()), _logits(model, _tokens()))


def _stays_on_device(model: Any) -> None:
    ids, more = _tokens(), _inputs(model)
    model(ids, **more)  # whatever is made once is made

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("a tensor was read on the host: no item(), numpy(), bool() or the like in forward")

    reads = ("item", "numpy", "tolist", "__bool__", "__int__", "__float__", "__array__")
    with contextlib.ExitStack() as patches:
        for name in reads:
            patches.enter_context(mock.patch.object(paddle.Tensor, name, refuse))
        model(ids, **more)


def _first_lines(error: AssertionError) -> str:
    """The beginning of what NumPy says, in one line."""
    return " ".join(str(error).split())[:300]
