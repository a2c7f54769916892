"""The table of Taskflow tasks, and its registration with PaddleNLP."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from paddle_xformers._compat import import_paddlenlp


@dataclass(frozen=True)
class ServedModel:
    """One row of the table: `Taskflow(task, model=model, task_path=folder)`.

    Attributes:
        task: Name of the task.
        model: Name of the model within the task; the first of a task that has no model yet is its default.
        task_class: Module and name of the class that serves it, with a colon between.
        model_class: Module and name of the class that loads the folder; only folders with the `model_type` of
            its configuration are accepted.
    """

    task: str
    model: str
    task_class: str
    model_class: str


# One entry a task and family. Only names, so that reading the table imports nothing.
SERVED = (
    ServedModel(
        task="text_generation",
        model="xdecoder",
        task_class="paddle_xformers.serving.text_generation:TextGenerationTask",
        model_class="paddle_xformers.models:XDecoderForCausalLM",
    ),
)


def register_tasks() -> None:
    """Make PaddleNLP's Taskflow know the tasks of this package; calling it again changes nothing.

    A task or model that another package has registered under the same name before is left as it is.

    Raises:
        DependencyError: Paddle or PaddleNLP is missing.
    """
    import_paddlenlp()
    from paddlenlp.taskflow.taskflow import TASKS

    for served in SERVED:
        task = TASKS.setdefault(served.task, {"models": {}, "default": {"model": served.model}})
        task["models"].setdefault(
            served.model,
            {
                "task_class": _load(served.task_class),
                "task_flag": f"{served.task}-{served.model}",
                "model_class": _load(served.model_class),
            },
        )


def _load(place: str) -> type:
    """Import what "module:name" stands for."""
    module, name = place.split(":")
    loaded: type = getattr(importlib.import_module(module), name)
    return loaded
