"""The base of all our models: initial values, embeddings, recompute, and safe saving and loading."""

from __future__ import annotations

import os
from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Normal

from .._compat import import_paddlenlp
from ..errors import CheckpointError, InputError
from ..nn.linear import Linear
from ..nn.lm_head import LMHead
from ..nn.stack import Stack
from .checkpoint import check_folder, check_names, explained, of_other_shapes, without_value
from .saving import saved_whole

import_paddlenlp()

from paddlenlp.transformers import PretrainedModel  # noqa: E402


class XPretrainedModel(PretrainedModel):
    """What all our families have in common, on top of PaddleNLP's PretrainedModel."""

    model_config_file = "config.json"
    resource_files_names = {"model_state": "model_state.pdparams"}
    pretrained_init_configuration: dict[str, Any] = {}
    pretrained_resource_files_map: dict[str, Any] = {"model_state": {}}
    _keys_to_ignore_on_load_unexpected: list[str] = []
    # Names of the weights that the folder it was loaded from did not hold, and that still have initial values.
    missing_weights: tuple[str, ...] = ()

    def _init_weights(self, layer: nn.Layer) -> None:
        """Redraw linears and embeddings from a normal distribution, if `initializer_range` asks for it.

        All layers have drawn their own initial values already; those with a start of their own, such as zero, keep it.
        """
        std = self.config.initializer_range
        if std is None or getattr(layer, "own_start", False):
            return
        if isinstance(layer, (Linear, nn.Embedding, LMHead)):
            Normal(0.0, std)(layer.weight)
            bias = getattr(layer, "bias", None)
            if bias is not None:
                bias.set_value(paddle.zeros_like(bias))

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the token embedding.

        Raises:
            InputError: If the model reads no tokens.
        """
        embeddings = self.base_model.embeddings
        if not hasattr(embeddings, "word_embeddings"):
            raise InputError(f"{type(self).__name__} reads no tokens: it has no token embedding to get, set or resize")
        return embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the token embedding."""
        self.get_input_embeddings()
        self.base_model.embeddings.word_embeddings = value

    def get_output_embeddings(self) -> LMHead | None:
        """Return the output head, or None for a model without one."""
        return getattr(self, "lm_head", None)

    def resize_token_embeddings(self, new_num_tokens: int | None = None) -> nn.Embedding:
        """Change the size of the vocabulary; an output head of its own follows.

        Args:
            new_num_tokens: The new size; None changes nothing.

        Returns:
            The token embedding. New rows have fresh initial values, rows that stay are unchanged.

        Raises:
            InputError: If the size is not a positive number.
        """
        if new_num_tokens is not None and new_num_tokens < 1:
            raise InputError(f"new_num_tokens={new_num_tokens} is not allowed; give a size of at least 1")
        old = self.get_input_embeddings()
        if not isinstance(old, nn.Embedding):
            raise InputError(
                f"the embedder that token_emb={self.base_model.config.token_emb!r} names has no table to resize; build "
                "a model with another num_tokens"
            )
        kept = old.weight.shape[0]
        embedding = super().resize_token_embeddings(new_num_tokens)
        if embedding is old:
            return embedding
        deep = getattr(self.base_model, "deep_embeddings", None)
        if deep is not None:
            deep.resize(embedding.weight.shape[0])
        std = self.config.initializer_range
        redraw_rows(embedding.weight, kept, std or self.base_model.embeddings.std)
        head = self.get_output_embeddings()
        if head is not None and not self.config.tie_word_embeddings:
            self.lm_head = self.resized_head(head, kept, embedding.weight.shape[0])
        return embedding

    def resized_head(self, head: LMHead, kept: int, size: int) -> LMHead:
        """Return an output head that follows the vocabulary, or as it is if `logits_dim` gives it a width of its own.

        Args:
            head: The head.
            kept: Size of the old vocabulary.
            size: Size of the new one.
        """
        if head.options.logits_dim is not None:
            return head
        resized = head.resized(size)
        redraw_rows(resized.weight, kept, self.config.initializer_range or (3 * self.config.dim) ** -0.5)
        return resized

    def recompute_disable(self) -> None:
        """Stop computing activations again in the backward (PaddleNLP's own method leaves it on)."""
        for layer in self.sublayers(include_self=True):
            if isinstance(layer, Stack):
                layer.enable_recompute = False

    def save_pretrained(self, save_dir: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Save configuration and weights, as safetensors unless `safe_serialization=False`.

        PaddleNLP's Trainer saves its checkpoints as model_state.pdparams, from which alone it can go on.

        Everything is written aside first: if that fails (a full disk, say), what the folder held before is
        untouched.

        Args:
            save_dir: The folder; made if it is missing.
            *args: As in PaddleNLP's PretrainedModel.save_pretrained.
            **kwargs: Likewise.

        Raises:
            CheckpointError: If the folder could not be written.
        """
        # PaddleNLP's Trainer, which passes a save_function, resumes from model_state.pdparams only.
        kwargs.setdefault("safe_serialization", "save_function" not in kwargs)
        with saved_whole(save_dir) as aside:
            super().save_pretrained(aside, *args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        """Load a model from a folder.

        Args:
            pretrained_model_name_or_path: A local folder with config.json and weights; `~` is expanded.
                Names on a hub need `from_hf_hub=True` or `from_aistudio=True`.
            *args: As in PaddleNLP's PretrainedModel.from_pretrained.
            **kwargs: Likewise; fields of the configuration may be overridden by name. `low_cpu_mem_usage` is taken
                and has no effect.

        Raises:
            CheckpointError: If the folder is missing, incomplete or corrupt.
        """
        path = os.path.expanduser(os.fspath(pretrained_model_name_or_path))
        if not (kwargs.get("from_hf_hub") or kwargs.get("from_aistudio")):
            check_folder(os.path.join(path, kwargs.get("subfolder") or ""), cls)
        # PaddleNLP then leaves parameters without any value where the checkpoint has none, and says nothing.
        kwargs.pop("low_cpu_mem_usage", None)
        with explained(path):
            model = super().from_pretrained(path, *args, **kwargs)
        check_names(os.path.join(path, kwargs.get("subfolder") or ""), set(model.state_dict()), model.base_model_prefix)
        return model

    @classmethod
    def _load_pretrained_model(cls, *args: Any, **kwargs: Any) -> Any:
        """Say in a sentence that weights have other shapes, and remember which were not there."""
        try:
            loaded = super()._load_pretrained_model(*args, **kwargs)
        except RuntimeError as error:
            raise CheckpointError(of_other_shapes(cls.__name__, error)) from error
        model = loaded[0]
        model.missing_weights = without_value(model, loaded[1])
        return loaded


def redraw_rows(weight: Tensor, kept: int, std: float) -> None:
    """Draw new rows of a table from a normal distribution.

    Args:
        weight: The table, changed in place.
        kept: Number of rows that stay, from the first.
        std: Standard deviation.
    """
    rows = weight.shape[0] - kept
    if rows > 0:
        fresh = (paddle.randn([rows, weight.shape[1]]) * std).astype(weight.dtype)
        weight.set_value(paddle.concat([weight[:kept], fresh]))
