"""Folders of saved models: written whole or not at all, and read with an explanation of what is wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, XFormersError

# Weights of one model, in one file or many; those of a variant (model.fp16.safetensors) stand beside them.
_WEIGHTS = re.compile(r"(model(-\d+-of-\d+)?\.safetensors|model_state(-\d+-of-\d+)?\.pdparams)(\.index\.json)?")
_WEIGHT_ENDINGS = (".safetensors", ".pdparams", ".index.json")
_CONFIG_NAMES = ("config.json", "model_config.json")


@contextmanager
def saved_whole(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Give a folder beside the target to write into; move its files over the target when all are written.

    Args:
        folder: Where the files shall end up.

    Yields:
        Path of the folder to write into, on the same file system.

    Raises:
        CheckpointError: If the target is a file, or writing failed; the target is then as it was.
    """
    target = Path(folder).expanduser()
    if target.is_file():
        raise CheckpointError(f"cannot save to {target}: it is a file; give a folder")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for left_over in target.glob(".saving-*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=".saving-", dir=target))
    except OSError as error:
        raise CheckpointError(f"cannot save to {target}: {error.strerror or error}; give a writable folder") from error
    try:
        yield str(aside)
        written = [path for path in aside.rglob("*") if path.is_file()]
        for path in written:
            _flush(path)
        _replace(target, aside, written)
    except XFormersError:
        raise
    except Exception as error:
        free = shutil.disk_usage(target).free
        raise CheckpointError(
            f"saving to {target} failed ({type(error).__name__}: {error}); what the folder held before is unchanged. "
            f"{free / 2**20:,.0f} MB are free there; make room, or save elsewhere"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have the file on the disk before it takes the place of another."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace(target: Path, aside: Path, written: list[Path]) -> None:
    """Move files over those of the target; if one cannot be moved, put all back."""
    undo: list[tuple[Path, Path | None]] = []
    try:
        # Weights first, configuration last: a folder with a new configuration has its weights.
        for path in sorted(written, key=lambda path: path.name == "config.json"):
            place = target / path.relative_to(aside)
            place.parent.mkdir(parents=True, exist_ok=True)
            before = _second_name(place, aside) if place.exists() else None
            os.replace(path, place)
            undo.append((place, before))
    except OSError as error:
        _put_back(target, undo, error)
        raise
    names = {path.name for path in written}
    if any(_WEIGHTS.fullmatch(name) for name in names):
        for stale in target.iterdir():  # weights of another format would be loaded in their place
            if _WEIGHTS.fullmatch(stale.name) and stale.name not in names:
                stale.unlink()


def _second_name(place: Path, aside: Path) -> Path:
    """Give a file a second name, so that it survives when another takes its place."""
    folder = Path(tempfile.mkdtemp(prefix=".replaced-", dir=aside))
    try:
        os.link(place, folder / place.name)
    except OSError:  # a file system without second names
        shutil.copy2(place, folder / place.name)
    return folder / place.name


def _put_back(target: Path, undo: list[tuple[Path, Path | None]], error: OSError) -> None:
    for place, before in reversed(undo):
        try:
            if before is None:
                place.unlink(missing_ok=True)
            else:
                os.replace(before, place)
        except OSError as second:
            raise CheckpointError(
                f"saving to {target} failed ({error}) after some of its files had been replaced, and {place.name} "
                f"could not be put back ({second}); do not load from this folder, save the model elsewhere"
            ) from error


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
