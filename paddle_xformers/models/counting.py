"""How many parameters a model has: it is built as always, from parameters that have a shape and no memory.

Nothing is worked out beside the models, so that nothing can drift from them. Paddle's LazyGuard makes such parameters
too, but for every thread at once: a model that another thread builds meanwhile would be left without values.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import math
import threading
from collections.abc import Iterator
from typing import Any

from .._compat import import_paddle
from ..errors import InputError

import_paddle()

from paddle import nn  # noqa: E402
from paddle.base import unique_name as names  # noqa: E402
from paddle.base.framework import EagerParamBase  # noqa: E402

_one_at_a_time = threading.RLock()


def count_parameters(config: Any, model_class: Any = None) -> int:
    """Count the parameters of a model without building any of them; tied ones count once.

    Args:
        config: A configuration.
        model_class: The model's class; None: the main class of the configuration's family.

    Raises:
        ConfigError: If no model can be built from the configuration.
        InputError: If the class is not one of the configuration's family.
    """
    if model_class is None:
        model_class = getattr(importlib.import_module(__package__), config.main_model)
    family = getattr(model_class, "config_class", None)
    if not (isinstance(model_class, type) and isinstance(family, type) and isinstance(config, family)):
        name = getattr(model_class, "__name__", repr(model_class))
        raise InputError(
            f"model_class={name} cannot be built from {type(config).__name__}; give a model class of its family, such "
            f"as {config.main_model}"
        )
    plain: Any = copy.deepcopy(config)
    plain.initializer_range = None  # or PaddleNLP would draw the values anew once the model is built
    with shapes_only():
        model = model_class(plain)
    return sum(math.prod(parameter.shape) for parameter in model.parameters())


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """Let this thread build layers whose parameters have no memory; others build as always.

    Random numbers and the names of later parameters, by which optimizers know them, stay as they would be without.
    """
    here = threading.get_ident()
    with _one_at_a_time:
        create, name, checker = nn.Layer.create_parameter, names.generator, names.dygraph_parameter_name_checker

        def create_shape(layer: nn.Layer, shape: Any, attr: Any = None, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != here:
                return create(layer, shape, attr, *args, **kwargs)
            return None if attr is False else EagerParamBase(shape=list(shape), dtype="float32", name="counted")

        names.switch(lambda key: key if threading.get_ident() == here else name(key), checker)
        nn.Layer.create_parameter = create_shape  # type: ignore[method-assign]
        try:
            yield
        finally:
            nn.Layer.create_parameter = create  # type: ignore[method-assign]
            names.switch(name, checker)
