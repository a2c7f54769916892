"""The folder of a run: whose it is, and what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from model_zoo.common.files import write_whole
from paddle_xformers.errors import InputError

RECORD = "run.json"


class Run:
    """A folder, made for a run or found to hold this very run.

    Args:
        folder: Where checkpoints, the model and the record are kept.
        settings: All that decides how the run ends; JSON values.

    Raises:
        InputError: The folder is a file, or holds something else, or a run with other settings.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--output {folder}: this is a file; give a folder.")
        folder.mkdir(parents=True, exist_ok=True)
        record = self._read()
        if not record:
            if any(folder.iterdir()):
                raise InputError(f"--output {folder}: it holds other files and no run; give a new or an empty folder.")
            self._write({"settings": settings})
            return
        known = record.get("settings", {})
        changed = [name for name, value in settings.items() if known.get(name) != value]
        if changed:
            raise InputError(
                f"--output {folder}: it holds a run with other settings ({', '.join(changed)}); repeat its options to "
                "go on with it, give another --output, or delete the folder."
            )

    @property
    def model(self) -> Path:
        """Where the finished model is saved."""
        return self.folder / "model"

    @property
    def outcome(self) -> dict[str, Any] | None:
        """What came of the training; None before its end."""
        return self._read().get("outcome")

    def note(self, **content: Any) -> None:
        """Add to the record.

        Args:
            **content: JSON values by name; "outcome" says that the training is done.
        """
        self._write({**self._read(), **content})

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise InputError(
                f"{self.folder / RECORD} is damaged ({error}); delete {self.folder} or give another --output."
            ) from error

    def _write(self, content: dict[str, Any]) -> None:
        write_whole(self.folder / RECORD, json.dumps(content).encode())
