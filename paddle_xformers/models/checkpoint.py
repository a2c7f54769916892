"""Folders of saved models, read with an explanation of what is wrong; `saving` writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, XFormersError
from .saving import finish_saving

_WEIGHT_ENDINGS = (".safetensors", ".pdparams", ".index.json")
_CONFIG_NAMES = ("config.json", "model_config.json")


def check_folder(path: str, wanted: type) -> None:
    """Refuse a folder that cannot hold a saved model, saying what is missing.

    Args:
        path: The folder.
        wanted: The class that is to be loaded.

    Raises:
        CheckpointError: If the folder or its config.json is missing, the JSON is broken, or it is that of another
            family; likewise a broken generation_config.json.
    """
    folder = Path(path)
    finish_saving(folder)
    if not path or not folder.is_dir():
        raise CheckpointError(
            f"{wanted.__name__}.from_pretrained: there is no folder {path!r}; give the folder that "
            "save_pretrained wrote (names on a hub need from_hf_hub=True or from_aistudio=True)"
        )
    config = next((folder / name for name in _CONFIG_NAMES if (folder / name).is_file()), None)
    if config is None:
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
        raise CheckpointError(f"{path} has no config.json (it holds: {found}); give the folder save_pretrained wrote")
    model_type = _read_object(config).get("model_type")
    family = getattr(getattr(wanted, "config_class", wanted), "model_type", None)
    if model_type is not None and family and model_type != family:
        raise CheckpointError(
            f"{path} holds a model of type {model_type!r}, but {wanted.__name__} loads {family!r}; load it with the "
            "class of its own family, or through AutoModel"
        )
    generation = folder / "generation_config.json"
    if generation.is_file():
        _read_object(generation)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path} is not valid JSON ({error}); it is damaged, save the model again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not an object; save the model again")
    return content


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn what readers raise on missing or damaged weight files into one sentence.

    Args:
        path: The folder that is read.

    Raises:
        CheckpointError: In place of the reader's own error.
    """
    import pickle

    from safetensors import SafetensorError

    try:
        yield
    except XFormersError:
        raise
    except (SafetensorError, pickle.UnpicklingError, EOFError, OSError, KeyError, ValueError) as error:
        names = sorted(entry.name for entry in Path(path).rglob("*")) if os.path.isdir(path) else []
        weights = [name for name in names if name.endswith(_WEIGHT_ENDINGS)]
        if not weights:
            raise CheckpointError(
                f"{path} holds no weights (looked for model.safetensors and model_state.pdparams); copy the whole "
                "folder that save_pretrained wrote"
            ) from error
        raise CheckpointError(
            f"the weights in {path} cannot be read ({type(error).__name__}: {str(error)[:200]}); one of "
            f"{', '.join(weights)} is missing its like, cut off or damaged: copy or save them again"
        ) from error


def check_names(path: str, known: set[str], prefix: str) -> None:
    """Refuse weights of which not a single one belongs to the model: it would be loaded with none of them.

    Args:
        path: The folder.
        known: Names of the model's parameters.
        prefix: Name of its base model, which a checkpoint of the base model alone lacks.

    Raises:
        CheckpointError: If the folder's safetensors file holds nothing for this model.
    """
    from safetensors import safe_open

    file = Path(path) / "model.safetensors"
    if not file.is_file():
        return
    with safe_open(str(file), framework="np") as weights:
        names = set(weights.keys())
    ours = {name.removeprefix(prefix + ".") for name in known}
    if not any(name.removeprefix(prefix + ".") in ours for name in names):
        raise CheckpointError(
            f"{file} holds {len(names)} weights, but none of this model's; it belongs to another model or is empty: "
            "copy or save it again"
        )


def of_other_shapes(name: str, error: RuntimeError) -> str:
    """Say in one sentence what PaddleNLP says in a line for each weight.

    Args:
        name: Name of the class that is loaded.
        error: PaddleNLP's error.
    """
    lines = [line.strip() for line in str(error).splitlines()]
    wrong = [line.split(". ", 1)[-1].rstrip(".") for line in lines if "receives a shape" in line]
    if not wrong:
        return f"the weights cannot be put into {name} ({error})"
    return (
        f"{len(wrong)} of the weights have other shapes than {name} with this configuration: {wrong[0]}; load with the "
        "configuration they were saved with, or pass ignore_mismatched_sizes=True to draw those anew"
    )


def without_value(model: Any, missing: Iterable[str]) -> tuple[str, ...]:
    """Tell which weights of a model still have initial values: a weight tied to one that was loaded has not.

    Args:
        model: The model.
        missing: Names that the checkpoint did not hold, as PaddleNLP gives them: with or without the prefix.
    """
    prefix = model.base_model_prefix + "."
    absent = {name.removeprefix(prefix) for name in missing}
    state = model.state_dict()
    filled = {id(weight) for name, weight in state.items() if name.removeprefix(prefix) not in absent}
    return tuple(
        sorted(name for name in state if name.removeprefix(prefix) in absent and id(state[name]) not in filled)
    )
