"""Folders of saved models are written whole or not at all, also by a process that is killed meanwhile.

Everything is written into `.saving-...` inside the target. Renaming that folder to `.saved-...` is the one step that
makes the save count: before it the target holds the old model, after it the new one, whose files only have to be
moved to their places. If that is cut short, the next process that reads the folder or saves to it moves the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import CheckpointError, XFormersError

# Weights of one model, in one file or many; those of a variant (model.fp16.safetensors) stand beside them.
_WEIGHTS = re.compile(r"(model(-\d+-of-\d+)?\.safetensors|model_state(-\d+-of-\d+)?\.pdparams)(\.index\.json)?")
_SAVING, _SAVED, _BACKUPS = ".saving-", ".saved-", ".replaced"
# Names of the files of a save, so that whoever finishes it knows which weights are not of it.
_MANIFEST = ".manifest.json"


@contextmanager
def saved_whole(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Give a folder inside the target to write into; move its files to their places when all are written.

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
        finish_saving(target)
        for left_over in target.glob(_SAVING + "*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=_SAVING, dir=target))
    except OSError as error:
        raise CheckpointError(f"cannot save to {target}: {error.strerror or error}; give a writable folder") from error
    ready = target / aside.name.replace(_SAVING, _SAVED, 1)
    try:
        yield str(aside)
        names = _flushed(aside)
        replaced = _second_names(target, aside, names)
        os.rename(aside, ready)  # from here on the target holds the new model
        changed: list[str] = []
        try:
            _move(target, ready, names, changed)
        except OSError as error:
            _put_back(target, ready, changed, replaced, error)
            raise
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
        shutil.rmtree(ready, ignore_errors=True)


def finish_saving(folder: Path) -> None:
    """Move the rest of a save to its place that counts already, but whose process was killed.

    Args:
        folder: Folder of a saved model, or any path.

    Raises:
        CheckpointError: If there is such a rest and it cannot be moved.
    """
    if not folder.is_dir():
        return
    for ready in sorted(folder.glob(_SAVED + "*")):
        manifest = ready / _MANIFEST
        try:
            if manifest.is_file():  # else another process has just finished it
                _move(folder, ready, json.loads(manifest.read_text(encoding="utf-8")))
            shutil.rmtree(ready, ignore_errors=True)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{folder} holds a save that was cut short, whose last files in {ready.name} cannot be moved to their "
                f"places ({error}); make the folder writable and load again"
            ) from error


def _flushed(aside: Path) -> list[str]:
    """Have every written file on the disk, with a list of them; return the list, weights first, configuration last."""
    written = [path for path in aside.rglob("*") if path.is_file()]
    names = [str(path.relative_to(aside)) for path in written]
    names.sort(key=lambda name: (name == "config.json", not _WEIGHTS.fullmatch(name), name))
    (aside / _MANIFEST).write_text(json.dumps(names), encoding="utf-8")
    for name in (*names, _MANIFEST):
        with (aside / name).open("rb") as file:
            os.fsync(file.fileno())
    return names


def _second_names(target: Path, aside: Path, names: list[str]) -> set[str]:
    """Give the files that will be replaced or removed a second name, so that they can be put back; return which."""
    replaced = {name for name in (*names, *_stale(target, names)) if (target / name).exists()}
    for name in replaced:
        place, backup = target / name, aside / _BACKUPS / name
        backup.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(place, backup)
        except OSError:  # a file system without second names
            shutil.copy2(place, backup)
    return replaced


def _stale(target: Path, names: list[str]) -> list[str]:
    """Weights that would be loaded in place of new ones, which have other names."""
    if not any(_WEIGHTS.fullmatch(name) for name in names):
        return []
    return [path.name for path in target.iterdir() if _WEIGHTS.fullmatch(path.name) and path.name not in names]


def _move(target: Path, ready: Path, names: list[str], changed: list[str] | None = None) -> None:
    """Move the files of a save to their places and remove weights that are not of it; note in `changed` which."""
    changed = [] if changed is None else changed
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # moved already
            os.replace(ready / name, place)
            changed.append(name)
    for name in _stale(target, names):
        (target / name).unlink(missing_ok=True)
        changed.append(name)


def _put_back(target: Path, ready: Path, changed: list[str], replaced: set[str], error: OSError) -> None:
    """Undo a move that failed half-way."""
    for name in reversed(changed):
        try:
            if name in replaced:
                os.replace(ready / _BACKUPS / name, target / name)
            else:
                (target / name).unlink(missing_ok=True)
        except OSError as second:
            raise CheckpointError(
                f"saving to {target} failed ({error}) after some of its files had been replaced, and {name} "
                f"could not be put back ({second}); do not load from this folder, save the model elsewhere"
            ) from error
