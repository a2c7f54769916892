"""What `check_part` promises: it passes good parts, and says which contract a bad one breaks."""

from __future__ import annotations

from typing import Any

import paddle
import pytest
from paddle import Tensor, nn

from paddle_xformers import ConfigError, ContractError, register_part
from paddle_xformers.config import unregister_part
from paddle_xformers.testing import check_part

from .contracts import registered  # noqa: F401 - registers its parts


def test_a_good_part_passes_every_check():
    checked = check_part("norm", {"name": "peak_norm", "floor": 0.2}, num_memory_tokens=2)
    assert "decoding with a cache equals one pass" in checked
    assert len(checked) == 10
    assert check_part("attn_normalizer", "tempered", cross_attend=True) == checked


class Layer(nn.Layer):
    def __init__(self, dim: int, options: Any) -> None:
        super().__init__()
        self.weight = self.create_parameter([dim])
        self.bias = self.create_parameter([1])


class Leaking(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight + x.mean(axis=1, keepdim=True) + self.bias


class Forgetful(Layer):
    def forward(self, x: Tensor) -> Tensor:
        before = paddle.concat([paddle.zeros_like(x[:, :1]), x[:, :-1]], axis=1)
        return x * self.weight + before + self.bias


class Unused(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Waiting(Layer):
    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight + self.bias if float(x.mean()) < 1e9 else x


@pytest.mark.parametrize(
    ("part", "contract"),
    [
        (Leaking, "later tokens change nothing before them"),
        (Forgetful, "decoding with a cache equals one pass"),
        (Unused, "a gradient reaches every parameter; .*ff.bias gets none"),
        (Waiting, "a forward never waits for the device; a tensor was read on the host"),
    ],
)
def test_a_bad_part_is_told_which_contract_it_breaks(part, contract):
    register_part("ff_layer", "bad")(part)
    try:
        with pytest.raises(ContractError, match=f"ff_layer='bad' breaks a contract: {contract}"):
            check_part("ff_layer", "bad")
    finally:
        unregister_part("ff_layer", "bad")


def test_a_part_without_effect_is_refused():
    register_part("ff_activation", "same")(nn.functional.gelu)
    try:
        with pytest.raises(ContractError, match="the part has an effect; the results are those of the default part"):
            check_part("ff_activation", "same")
    finally:
        unregister_part("ff_activation", "same")


def test_fields_that_do_not_go_together_are_told():
    with pytest.raises(ConfigError, match="norm='unheard_of' is not a known name"):
        check_part("norm", "unheard_of")
