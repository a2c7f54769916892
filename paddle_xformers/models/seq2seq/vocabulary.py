"""The vocabularies of source and target: embeddings that may be one, a head that may be tied, and their sizes."""

from __future__ import annotations

from typing import Any

from paddle import nn

from ...errors import InputError

_PARTS = ("encoder", "decoder")


class Vocabularies:
    """Embeddings and head of an encoder-decoder; mixed in before XPretrainedModel."""

    # From PretrainedModel.
    config: Any
    base_model: Any
    lm_head: Any
    resized_head: Any

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the token embedding of the source."""
        return self.base_model.encoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the token embedding of the source, and of the target where they are tied."""
        self.base_model.encoder.set_input_embeddings(value)
        self.tie_weights()

    def tie_weights(self) -> None:
        """Make what shall be one parameter one: the embeddings of source and target, the target's and the head."""
        embeddings = self.base_model.decoder.get_input_embeddings()
        if self.config.tie_token_emb:
            embeddings.weight = self.get_input_embeddings().weight
        if self.config.dec_tie_word_embeddings and self is not self.base_model:
            self.lm_head.weight = embeddings.weight

    def resize_token_embeddings(self, new_num_tokens: int | None = None, part: str | None = None) -> nn.Embedding:
        """Change the size of the vocabularies; the output head follows that of the target.

        Args:
            new_num_tokens: The new size; None changes nothing.
            part: "encoder" for the vocabulary of the source only, "decoder" for that of the target only; None: both,
                which must then have had one size.

        Returns:
            The token embedding of the part, or of the source. New rows have fresh initial values, rows that stay are
            unchanged.

        Raises:
            InputError: If the size is not a positive number, or one part of a tied embedding is asked for, or both of
                different sizes.
        """
        config = self.config
        if part not in (None, *_PARTS):
            raise InputError(f"part={part!r} is not allowed; give 'encoder', 'decoder', or None for both")
        if part is not None and config.tie_token_emb:
            raise InputError(
                f"part={part!r} has no embedding of its own (tie_token_emb=True); leave it out to resize both"
            )
        if part is None and config.enc_num_tokens != config.dec_num_tokens:
            raise InputError(
                f"the vocabularies differ (enc_num_tokens={config.enc_num_tokens}, dec_num_tokens="
                f"{config.dec_num_tokens}), so that both cannot become {new_num_tokens}; give part='encoder' or "
                "'decoder'"
            )
        for name in _PARTS if part is None else (part,):
            self._resize(name, new_num_tokens)
        self.tie_weights()
        return getattr(self.base_model, part or "encoder").get_input_embeddings()

    def _resize(self, part: str, size: int | None) -> None:
        model = getattr(self.base_model, part)
        kept = model.config.num_tokens
        model.resize_token_embeddings(size)
        if model.config.num_tokens == kept:
            return
        config, size = self.config, model.config.num_tokens
        if part == "encoder":
            config.enc_num_tokens = size
            return
        config.dec_num_tokens = size
        head = getattr(self, "lm_head", None)
        if head is not None:
            self.lm_head = self.resized_head(head, kept, size)
