"""Folders of saved models: written whole or not at all, and read with an explanation of what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CheckpointError, XFormersError

_WEIGHT_PATTERNS = ("model*.safetensors", "model*.safetensors.index.json", "model_state*.pdparams*")


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
    # Weights first, configuration last: a folder with a new configuration has its weights.
    for path in sorted(written, key=lambda path: path.name == "config.json"):
        place = target / path.relative_to(aside)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, place)
    names = {path.name for path in written}
    if any(path.match(pattern) for path in written for pattern in _WEIGHT_PATTERNS):
        for pattern in _WEIGHT_PATTERNS:
            for stale in target.glob(pattern):  # weights of another format would be loaded in their place
                if stale.name not in names:
                    stale.unlink()


def check_folder(path: str, model_class: type) -> None:
    """Refuse a folder that cannot hold a saved model, saying what is missing.

    Args:
        path: The folder.
        model_class: The class that is to be loaded, for the message.

    Raises:
        CheckpointError: If the folder, its config.json or its weights are missing, or the JSON is broken.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise CheckpointError(
            f"{model_class.__name__}.from_pretrained: there is no folder {path!r}; give the folder that "
            "save_pretrained wrote (names on a hub need from_hf_hub=True or from_aistudio=True)"
        )
    config = folder / "config.json"
    if not config.is_file():
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
        raise CheckpointError(f"{path} has no config.json (it holds: {found}); give the folder save_pretrained wrote")
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{config} is not valid JSON ({error}); it is damaged, save the model again") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{config} holds a {type(content).__name__}, not an object; save the model again")


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
    except (SafetensorError, pickle.UnpicklingError, EOFError, OSError) as error:
        names = sorted(entry.name for entry in Path(path).iterdir()) if os.path.isdir(path) else []
        weights = [name for name in names if name.endswith((".safetensors", ".pdparams"))]
        if not weights:
            raise CheckpointError(
                f"{path} holds no weights (looked for model.safetensors and model_state.pdparams); copy the whole "
                "folder that save_pretrained wrote"
            ) from error
        raise CheckpointError(
            f"the weights in {path} cannot be read ({type(error).__name__}: {error}); {', '.join(weights)} may be "
            "cut off or damaged: copy or save them again"
        ) from error
