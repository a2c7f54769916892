"""What a task loads from its folder: a model, a tokenizer, an image processor; with a sentence for each that fails."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import CheckpointError, ConfigError, InputError, XFormersError
from paddle_xformers.models import XImageProcessor

import_paddlenlp()
from paddlenlp.transformers import AutoTokenizer  # noqa: E402


def folder_of(path: Any, task: str, model: str) -> str:
    """Return the absolute path of the folder that the user named; `~` is expanded.

    Args:
        path: What the user gave as task_path.
        task: Name of the task, for the message.
        model: Name of the model within the task, likewise.

    Raises:
        InputError: It is no path.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise InputError(
            f"task_path={path!r} is no folder: give the one save_pretrained wrote, as in "
            f"Taskflow({task!r}, model={model!r}, task_path='my_model')."
        )
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def load_model(folder: str, model_class: Any, optional: Iterable[str] = (), **overrides: Any) -> Any:
    """Load a model whose every weight is in the folder, in eval mode.

    Args:
        folder: The folder.
        model_class: The class that is wanted.
        optional: Beginnings of the names of weights that may be missing.
        **overrides: Arguments of from_pretrained.

    Raises:
        CheckpointError: The folder is missing, incomplete or damaged, or holds another kind of model.
    """
    _check_model_type(folder, model_class)
    advice = f"give a folder that {model_class.__name__}.save_pretrained wrote"
    try:
        model = model_class.from_pretrained(folder, **overrides)
    except ConfigError as error:
        raise CheckpointError(f"no model can be built from {folder}: {error}") from error
    except XFormersError:
        raise
    except Exception as error:  # a damaged configuration fails in any way
        raise CheckpointError(
            f"the model in {folder} cannot be loaded ({type(error).__name__}: {error}); {advice}."
        ) from error
    missing = [name for name in model.missing_weights if not name.startswith(tuple(optional))]
    if missing:
        names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise CheckpointError(
            f"{folder} holds no weights for {names} of {model_class.__name__}, so its answers would be noise: {advice}."
        )
    model.eval()
    return model


def load_tokenizer(folder: str) -> Any:
    """Load the tokenizer of a folder.

    Args:
        folder: The folder.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    advice = "save it there with tokenizer.save_pretrained"
    if not (Path(folder) / "tokenizer_config.json").is_file():
        raise CheckpointError(f"{folder} has no tokenizer_config.json, so no tokenizer; {advice}.")
    try:
        return AutoTokenizer.from_pretrained(folder)
    except XFormersError:
        raise
    except Exception as error:  # every tokenizer has its own way to fail on damaged files
        raise CheckpointError(
            f"the tokenizer in {folder} cannot be loaded ({type(error).__name__}: {error}); {advice} again."
        ) from error


def load_processor(folder: str) -> XImageProcessor:
    """Load the image processor of a folder.

    Args:
        folder: The folder.

    Raises:
        CheckpointError: There is none, or it is damaged.
    """
    try:
        processor: XImageProcessor = XImageProcessor.from_pretrained(folder)
        trial = np.zeros([*processor.size, processor.channels], "uint8")
        processor(trial, return_tensors="np", data_format="channels_last")
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file fails in any way, and some only with an image
        raise CheckpointError(
            f"the image processor in {folder} is damaged ({error}); save it there with XImageProcessor.save_pretrained "
            "again."
        ) from error
    return processor


def _check_model_type(folder: str, model_class: Any) -> None:
    """Refuse a folder of another kind of model; what else may be wrong with it, `from_pretrained` says."""
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    expected = model_class.config_class.model_type
    found = config.get("model_type") if isinstance(config, dict) else expected
    if found != expected:
        raise CheckpointError(
            f"{folder} holds a model of type {found!r}, but this task is for {expected!r}: "
            f"give a folder that {model_class.__name__}.save_pretrained wrote."
        )
