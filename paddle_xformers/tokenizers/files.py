"""Saving and loading a tokenizer: complete files or none, nothing of this machine in them, clear refusals."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import uuid4

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import CheckpointError

import_paddlenlp()
from paddlenlp.transformers.tokenizer_utils import AddedToken, ChatTemplate, PretrainedTokenizer  # noqa: E402

CHAT_TEMPLATE_FILE = "chat_template.json"
ADDED_TOKENS_FILE = "added_tokens.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"

# Attributes that may be changed after construction, so their present value is what is saved.
_SAVED_ATTRIBUTES = (
    "add_bos_token",
    "add_eos_token",
    "add_cls_sep_tokens",
    "padding_side",
    "truncation_side",
    "split_special_tokens",
    "clean_up_tokenization_spaces",
    "model_input_names",
)
_NO_LENGTH_LIMIT = 10**20  # PaddleNLP's own "no limit" is 1e30
_NOT_SAVED = {"name_or_path", "from_slow"}  # nor any path ("*_file"): facts of this machine


class SavedTokenizer(PretrainedTokenizer):
    """Writes and reads a tokenizer folder in PaddleNLP's format."""

    def save_pretrained(
        self, save_directory: Any, filename_prefix: str | None = None, **kwargs: Any
    ) -> tuple[str, ...]:
        """Save the tokenizer so that `from_pretrained` and `AutoTokenizer` give back an equal one.

        Every file is written completely under a temporary name and then renamed, so that a reader never sees
        half of it.

        Args:
            save_directory: The folder; it is created when needed, other files in it are left alone.
            filename_prefix: Written, with a dash, before the names of the JSON files.
            **kwargs: Accepted and not used, as in PaddleNLP.

        Returns:
            The paths of the files that were written.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        folder = Path(save_directory).expanduser()
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        contents = {
            **self._resource_contents(),
            prefix + SPECIAL_TOKENS_FILE: _to_json(self.special_tokens_map),
            prefix + self.tokenizer_config_file: _to_json(self._saved_config()),
        }
        if self.added_tokens_encoder:
            contents[prefix + ADDED_TOKENS_FILE] = _to_json(self.added_tokens_encoder)
        stale = {CHAT_TEMPLATE_FILE, prefix + ADDED_TOKENS_FILE} - contents.keys()
        _write_all(folder, contents)
        for name in stale:  # of an earlier tokenizer in this folder; it would be read as part of this one
            (folder / name).unlink(missing_ok=True)
        return tuple(str(folder / name) for name in contents)

    def save_resources(self, save_directory: Any) -> None:
        """Write the files that are not JSON configuration: the vocabulary and a `chat_template.json`.

        Args:
            save_directory: The folder.

        Raises:
            CheckpointError: The folder cannot be written.
        """
        _write_all(Path(save_directory).expanduser(), self._resource_contents())

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Load a tokenizer from a folder that `save_pretrained` wrote.

        Args:
            pretrained_model_name_or_path: The folder (`~` is expanded). A name on a hub only together with
                `from_hf_hub=True` or `from_aistudio=True`; otherwise nothing is ever downloaded.
            *args: Positional arguments of the class.
            **kwargs: Arguments of the class that replace the saved ones, and PaddleNLP's loading options.

        Returns:
            The tokenizer.

        Raises:
            CheckpointError: The folder or one of its files is missing or unreadable, or holds another
            tokenizer.
        """
        name = str(pretrained_model_name_or_path)
        if not (kwargs.get("from_hf_hub") or kwargs.get("from_aistudio")):
            name = str(Path(name).expanduser())
            cls._check_folder(Path(name) / (kwargs.get("subfolder") or ""))
        return super().from_pretrained(name, *args, **kwargs)

    @classmethod
    def _check_folder(cls, folder: Path) -> None:
        if not folder.is_dir():
            raise CheckpointError(
                f"{folder} is not a folder: pass the folder of {cls.__name__}.save_pretrained, or a hub's "
                "name with from_hf_hub=True."
            )
        required = list(cls.resource_files_names.values()) or [cls.tokenizer_config_file]
        for name in required:
            if not (folder / name).is_file():
                found = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
                raise CheckpointError(f"{folder} has no {name}, which {cls.__name__} needs (found: {found}).")
        for name in (cls.tokenizer_config_file, SPECIAL_TOKENS_FILE, CHAT_TEMPLATE_FILE):
            if (folder / name).is_file():
                saved = _read_json_object(folder / name)
                if name == cls.tokenizer_config_file:
                    cls._check_class(saved.get("tokenizer_class"), folder)

    @classmethod
    def _check_class(cls, saved_class: str | None, folder: Path) -> None:
        """Refuse another tokenizer's folder, where no vocabulary file would give the mistake away."""
        family = {base.__name__ for base in cls.__mro__}
        if saved_class and saved_class not in family and not cls.resource_files_names:
            raise CheckpointError(
                f"{folder} holds the tokenizer {saved_class}, not {cls.__name__}: load it with "
                f"{saved_class}.from_pretrained or AutoTokenizer.from_pretrained."
            )

    def _resource_contents(self) -> dict[str, bytes]:
        """File name -> content of everything but the JSON configuration."""
        if isinstance(self.chat_template, ChatTemplate):
            return {CHAT_TEMPLATE_FILE: _to_json(asdict(self.chat_template))}
        return {}

    def _saved_config(self) -> dict[str, Any]:
        """The arguments that rebuild this tokenizer as it is now."""
        config = {
            key: value for key, value in self.init_kwargs.items() if key not in _NOT_SAVED and not key.endswith("_file")
        }
        config.update({name: getattr(self, name) for name in _SAVED_ATTRIBUTES})
        if self.model_max_length < _NO_LENGTH_LIMIT:
            config["model_max_length"] = self.model_max_length
        for name in self.SPECIAL_TOKENS_ATTRIBUTES:
            config[name] = self.special_tokens_map.get(name)
        # Pieces of the vocabulary that became unsplittable, such as a special token before it was renamed.
        special_or_added = {*self.all_special_tokens, *self.added_tokens_encoder}
        config["no_split_tokens"] = sorted(set(self.unique_no_split_tokens) - special_or_added)
        config["chat_template"] = self._chat_template_source
        config["added_tokens_decoder"] = {
            str(index): AddedToken(token, special=token in self.all_special_tokens).__getstate__()
            for token, index in sorted(self.added_tokens_encoder.items(), key=lambda item: item[1])
        }
        config["tokenizer_class"] = type(self).__name__
        return config


def _to_json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _read_json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}): save the tokenizer again.") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path} holds a JSON {type(value).__name__}, not an object: save the tokenizer again.")
    return value


def _write_all(folder: Path, contents: dict[str, bytes]) -> None:
    """Write every file under a temporary name in `folder`, then rename it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            temporary = folder / f".{name}.{uuid4().hex}"
            try:
                temporary.write_bytes(content)
                os.replace(temporary, folder / name)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CheckpointError(f"the tokenizer cannot be saved in {folder}: {error}.") from error
