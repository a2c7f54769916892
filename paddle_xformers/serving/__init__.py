"""Serving through PaddleNLP: Taskflow tasks, and the handler for its SimpleServer.

Importing this package is free; PaddleNLP is imported when `register_tasks` is called, or when one of the
classes is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from paddle_xformers.serving.tasks import register_tasks

if TYPE_CHECKING:
    from paddle_xformers.serving.feature_extraction import FeatureExtractionTask
    from paddle_xformers.serving.fill_mask import FillMaskTask
    from paddle_xformers.serving.handler import GenerationHandler, TaskHandler
    from paddle_xformers.serving.image_classification import ImageClassificationTask
    from paddle_xformers.serving.image_to_text import ImageToTextTask
    from paddle_xformers.serving.text2text_generation import Text2TextGenerationTask
    from paddle_xformers.serving.text_classification import TextClassificationTask
    from paddle_xformers.serving.text_generation import TextGenerationTask
    from paddle_xformers.serving.token_classification import TokenClassificationTask

__all__ = [
    "FeatureExtractionTask",
    "FillMaskTask",
    "GenerationHandler",
    "ImageClassificationTask",
    "ImageToTextTask",
    "TaskHandler",
    "Text2TextGenerationTask",
    "TextClassificationTask",
    "TextGenerationTask",
    "TokenClassificationTask",
    "register_tasks",
]

_MODULE_OF = {
    "FeatureExtractionTask": "feature_extraction",
    "FillMaskTask": "fill_mask",
    "GenerationHandler": "handler",
    "ImageClassificationTask": "image_classification",
    "ImageToTextTask": "image_to_text",
    "TaskHandler": "handler",
    "Text2TextGenerationTask": "text2text_generation",
    "TextClassificationTask": "text_classification",
    "TextGenerationTask": "text_generation",
    "TokenClassificationTask": "token_classification",
}


def __getattr__(name: str) -> Any:
    """Import the module of a public name on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, also before they are imported."""
    return sorted({*globals(), *__all__})
