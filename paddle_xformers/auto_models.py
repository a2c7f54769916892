"""Auto classes that PaddleNLP lacks; those it has load our families too, see `auto`."""

from __future__ import annotations

import os
from typing import Any

from ._compat import import_paddlenlp
from .models.checkpoint import check_folder

import_paddlenlp()

from paddlenlp.transformers.auto.modeling import _BaseAutoModelClass, get_name_mapping  # noqa: E402


class AutoModelForImageClassification(_BaseAutoModelClass):
    """Loads the image classifier of whichever family a folder holds."""

    _pretrained_model_dict: dict[Any, str] = {}  # names of PaddleNLP's own checkpoints: it has none of this kind
    _name_mapping = get_name_mapping("ForImageClassification")

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Load a classifier from a folder.

        Args:
            pretrained_model_name_or_path: The folder that save_pretrained wrote.
            *args: As in the model's own from_pretrained.
            **kwargs: Likewise; fields of the configuration may be overridden by name.

        Returns:
            The model, such as an XViTForImageClassification.

        Raises:
            CheckpointError: If the folder is missing, incomplete or corrupt.
            InputError: If the family of the folder has no image classifier.
        """
        path = os.path.expanduser(os.fspath(pretrained_model_name_or_path))
        if not (kwargs.get("from_hf_hub") or kwargs.get("from_aistudio")):
            check_folder(os.path.join(path, kwargs.get("subfolder") or ""), cls)
        return cls._from_pretrained(path, None, *args, **kwargs)
