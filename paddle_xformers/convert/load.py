"""Putting converted arrays into a model: all of them, of the right shapes, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._compat import import_paddle
from ..errors import CheckpointError
from .table import listed
from .x_transformers import from_x_transformers


def load_x_transformers(model: Any, state_dict: Mapping[str, Any], *, unit_offset: bool = True) -> None:
    """Give a model the weights of an x-transformers model.

    Args:
        model: An XDecoderForCausalLM, XEncoderForMaskedLM, XSeq2SeqForConditionalGeneration,
            XContinuousForRegression, XValForCausalLM, XMultiInputForCausalLM or XViTForImageClassification, or the
            family's bare model, which takes no output head. Its configuration must have the options that the weights
            were trained with.
        state_dict: As in `from_x_transformers`.
        unit_offset: Likewise.

    Raises:
        CheckpointError: If a name is unknown or missing, or a shape differs; the model is then unchanged.
    """
    load_arrays(model, from_x_transformers(state_dict, model.config, unit_offset=unit_offset))


def load_arrays(model: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a model weights by the names of its head model.

    Args:
        model: A model of this package, with or without a head.
        arrays: Arrays by name; a model without a head takes only those of the base.

    Raises:
        CheckpointError: If a name is unknown or missing, or a shape differs; the model is then unchanged.
    """
    if model.base_model is model:
        level = f"{model.base_model_prefix}."
        arrays = {name.removeprefix(level): value for name, value in arrays.items() if name.startswith(level)}
    parameters = model.state_dict()
    _check_names(parameters, arrays)
    _check_shapes(parameters, arrays)
    paddle = import_paddle()
    for name, parameter in parameters.items():
        value = np.ascontiguousarray(arrays[name], dtype="float32")
        parameter.set_value(paddle.to_tensor(value).astype(parameter.dtype))


def _check_names(parameters: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    missing, unexpected = parameters.keys() - arrays.keys(), arrays.keys() - parameters.keys()
    problems = []
    if missing:
        problems.append(f"the weights have nothing for {listed(missing)}")
    if unexpected:
        problems.append(f"the model has no place for {listed(unexpected)}")
    if problems:
        raise CheckpointError("; ".join(problems) + "; build the configuration with the options of the weights")


def _check_shapes(parameters: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    wrong = [
        f"{name} has shape {list(arrays[name].shape)} instead of {list(parameter.shape)}"
        for name, parameter in parameters.items()
        if list(arrays[name].shape) != list(parameter.shape)
    ]
    if wrong:
        raise CheckpointError(f"{listed(wrong)}; build the configuration with the sizes of the weights")
