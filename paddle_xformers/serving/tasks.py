"""The table of Taskflow tasks, and its registration with PaddleNLP."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from paddle_xformers._compat import import_paddlenlp, let_model_choose_a_mode


@dataclass(frozen=True)
class ServedModel:
    """One row of the table: `Taskflow(task, model=model, task_path=folder)`.

    Attributes:
        task: Name of the task.
        model: Name of the model within the task; the first of a task that has no model yet is its default.
        task_class: Module and name of the class that serves it, with a colon between.
        model_class: Name of the class in `paddle_xformers.models` that loads the folder; only folders with the
            `model_type` of its configuration are accepted.
    """

    task: str
    model: str
    task_class: str
    model_class: str


# One entry a task and family. Only names, so that reading the table imports nothing.
SERVED = (
    ServedModel("text_generation", "xdecoder", "text_generation:TextGenerationTask", "XDecoderForCausalLM"),
    ServedModel(
        *("text2text_generation", "xseq2seq"),
        *("text2text_generation:Text2TextGenerationTask", "XSeq2SeqForConditionalGeneration"),
    ),
    ServedModel("fill_mask", "xencoder", "fill_mask:FillMaskTask", "XEncoderForMaskedLM"),
    ServedModel(
        *("text_classification", "xencoder"),
        *("text_classification:TextClassificationTask", "XEncoderForSequenceClassification"),
    ),
    ServedModel(
        *("text_classification", "xdecoder"),
        *("text_classification:TextClassificationTask", "XDecoderForSequenceClassification"),
    ),
    ServedModel(
        *("token_classification", "xencoder"),
        *("token_classification:TokenClassificationTask", "XEncoderForTokenClassification"),
    ),
    ServedModel("feature_extraction", "xencoder", "feature_extraction:FeatureExtractionTask", "XEncoderModel"),
    ServedModel(
        "image_classification", "xvit", "image_classification:ImageClassificationTask", "XViTForImageClassification"
    ),
    ServedModel("image_to_text", "xcaption", "image_to_text:ImageToTextTask", "XCaptionForConditionalGeneration"),
)


def register_tasks() -> None:
    """Make PaddleNLP's Taskflow know the tasks of this package; calling it again changes nothing.

    A task or model that another package has registered under the same name before is left as it is.

    Raises:
        DependencyError: Paddle or PaddleNLP is missing.
    """
    import_paddlenlp()
    from paddlenlp.taskflow.taskflow import TASKS

    let_model_choose_a_mode()
    models = importlib.import_module("paddle_xformers.models")
    for served in SERVED:
        task = TASKS.setdefault(served.task, {"models": {}, "default": {"model": served.model}})
        task["modes" if "modes" in task else "models"].setdefault(
            served.model,
            {
                "task_class": _load(served.task_class),
                "task_flag": f"{served.task}-{served.model}",
                "model_class": getattr(models, served.model_class),
            },
        )


def _load(place: str) -> type:
    """Import what "module:name" stands for."""
    module, name = place.split(":")
    loaded: type = getattr(importlib.import_module(f"paddle_xformers.serving.{module}"), name)
    return loaded
