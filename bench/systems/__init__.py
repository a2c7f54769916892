"""The systems that are compared, by name. A new one is an entry here and a module with `build`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

from bench.systems.base import System
from bench.workload import Size


@dataclass(frozen=True)
class Spec:
    """How one system is started.

    Args:
        module: Module of this package that holds `build(size, **options)`.
        label: What the table and the chart call it.
        tuned: Call `paddle_xformers.tune_cpu()` before anything else is imported.
        options: Keyword arguments of `build`.
    """

    module: str
    label: str
    tuned: bool = False
    options: Mapping[str, bool] = field(default_factory=dict)


BASELINE = "ours"

SYSTEMS: dict[str, Spec] = {
    "ours": Spec("ours", "paddle_xformers, tune_cpu()", tuned=True),
    "ours-untuned": Spec("ours", "paddle_xformers, untuned"),
    "xt-flash": Spec("xtransformers", "x-transformers, attn_flash=True", options={"flash": True}),
    "xt-default": Spec("xtransformers", "x-transformers, default", options={"flash": False}),
    "gpt": Spec("gpt", "PaddleNLP GPT"),
    "llama": Spec("llama", "PaddleNLP Llama"),
    "gpt-tuned": Spec("gpt", "PaddleNLP GPT, tune_cpu()", tuned=True),
    "llama-tuned": Spec("llama", "PaddleNLP Llama, tune_cpu()", tuned=True),
    "xt-flash-tuned": Spec("xtransformers", "x-transformers, flash, tune_cpu()", True, {"flash": True}),
}

# `tune_cpu` is made for Paddle's libraries and shares only the allocator with PyTorch: a row for the curious.
BY_DEFAULT = [name for name in SYSTEMS if name != "xt-flash-tuned"]


def build(name: str, size: Size) -> System:
    """Build a system in this process.

    Args:
        name: A key of `SYSTEMS`.
        size: The model and the shapes.

    Returns:
        The system, its model built and its inputs in place.

    Raises:
        ImportError: A package that it needs is missing.
    """
    spec = SYSTEMS[name]
    if spec.tuned:
        # Threads and allocator are read once, when the framework starts: tune before any other import.
        import paddle_xformers

        paddle_xformers.tune_cpu()
    return import_module(f"bench.systems.{spec.module}").build(size, **spec.options)
