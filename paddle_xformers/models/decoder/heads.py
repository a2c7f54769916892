"""What XDecoderForCausalLM makes of hidden states: logits of one head or several, the next embedding, and the loss."""

from __future__ import annotations

from typing import Any

from paddle import Tensor, nn
from paddle.nn import functional as F

from ...errors import InputError
from ...nn.lm_head import LMHead, NextEmbedding, entropy, make_lm_head
from ...nn.places import token_positions
from ...nn.sizes import sizes
from ..inputs import check_labels
from ..losses import IGNORED, loss_of_loops, next_token_loss, number_loss, shifted
from ..outputs import XModelOutput
from ..prefix import tokens_of


class DecoderHeads:
    """The output heads of the causal language model; mixed in before its PretrainedModel."""

    # From PretrainedModel.
    config: Any
    base_model: Any

    def build_heads(self) -> None:
        """Build `lm_head`, the further heads `more_lm_heads`, numbered from 1, and `next_embed_head`."""
        options = self.base_model.stack.options
        decoder = options.decoder
        self.lm_head = make_lm_head(options)
        self.more_lm_heads = None
        if decoder.num_output_heads > 1:
            numbers = range(1, decoder.num_output_heads)
            self.more_lm_heads = nn.LayerDict({str(number): make_lm_head(options) for number in numbers})
        self.next_embed_head = NextEmbedding(options.dim) if decoder.add_continuous_pred_head else None

    def resize_token_embeddings(self, new_num_tokens: int | None = None) -> nn.Embedding:
        """Change the size of the vocabulary, and of every output head; see `XPretrainedModel`."""
        kept = self.config.num_tokens
        embedding: nn.Embedding = super().resize_token_embeddings(new_num_tokens)  # type: ignore[misc]
        size = self.config.num_tokens
        if self.more_lm_heads is not None and size != kept:
            for number, head in self.more_lm_heads.items():
                self.more_lm_heads[number] = self.resized_head(head, kept, size)  # type: ignore[attr-defined]
        return embedding

    def logits_of_heads(self, hidden: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of every head, (b, n, v) each, or (b, n) with squeeze_out_last_dim.

        Args:
            hidden: (b, n, d).
        """
        heads: list[LMHead] = [self.lm_head, *(self.more_lm_heads.values() if self.more_lm_heads is not None else ())]
        found = tuple(head(hidden) for head in heads)
        return tuple(logits.squeeze(-1) for logits in found) if self.config.squeeze_out_last_dim else found

    def loss_of_heads(self, found: tuple[Tensor, ...], labels: Tensor) -> Tensor:
        """Return the mean loss of all heads.

        Args:
            found: The logits of every head.
            labels: For all heads, (b, n), or for each, (b, n, heads).

        Raises:
            InputError: If the labels do not fit.
        """
        each: list[Tensor] = [labels] * len(found)
        if len(found) > 1 and labels.ndim == 3:
            if labels.shape[-1] != len(found):
                raise InputError(
                    f"labels has shape {list(labels.shape)}, but num_output_heads={len(found)}; give (batch, length) "
                    f"for all heads, or (batch, length, {len(found)})"
                )
            each = list(labels.unbind(axis=-1))
        one = number_loss if self.config.squeeze_out_last_dim else next_token_loss
        losses = [one(logits, own) for logits, own in zip(found, each, strict=True)]
        total = losses[0]
        for loss in losses[1:]:
            total = total + loss
        return total / len(losses) if len(losses) > 1 else total

    def embedding_loss(self, predicted: Tensor, labels: Tensor, **inputs: Any) -> Tensor:
        """Return the mean absolute error of predicted embeddings, those of places whose label is left out apart.

        Args:
            predicted: (b, n, d).
            labels: (b, n) or (b, n, heads), not shifted; the first head's count.
            **inputs: What the model read: input_ids, inputs_embeds, attention_mask, position_ids, past_key_values,
                sum_embeds, embed_ids, told.
        """
        n = sizes(predicted)[1]
        positions = token_positions(n, inputs["attention_mask"], inputs["position_ids"], inputs["past_key_values"])
        base = self.base_model
        added = base.added(inputs.get("embed_ids"), inputs.get("sum_embeds"), sizes(predicted)[:2])
        read = base.embeddings.read(inputs["input_ids"], positions, inputs["inputs_embeds"], added, inputs.get("told"))
        read = read.detach()
        follows = shifted(labels[..., 0] if labels.ndim == 3 else labels) != IGNORED  # (b, n)
        follows = follows.astype("float32")
        errors = F.l1_loss(predicted[:, :-1].astype("float32"), read[:, 1:].astype("float32"), reduction="none").mean(
            axis=-1
        )  # (b, n - 1)
        return (errors * follows[:, :-1]).sum() / follows.sum().clip(min=1)

    def heads_output(
        self,
        output: XModelOutput,
        labels: Tensor | None,
        *,
        entropies: bool,
        next_embedding: bool,
        loops: bool,
        **inputs: Any,
    ) -> dict[str, Any]:
        """Return what the heads add to the output: loss, logits and what was asked for.

        Args:
            output: What the model without heads gave.
            labels: Labels, or None.
            entropies: Whether the entropies of the logits are asked for.
            next_embedding: Whether the predicted embeddings are asked for.
            loops: Whether the logits after each loop are asked for.
            **inputs: As in `embedding_loss`, and prepend_embeds where the result begins with them.

        Raises:
            InputError: If the labels do not fit, or the model has not what is asked for.
        """
        if next_embedding and self.next_embed_head is None:
            raise InputError(
                "return_next_embed_pred needs add_continuous_pred_head=True in the configuration; set it or leave the "
                "argument out"
            )
        if loops and output.loop_states is None:
            raise InputError(
                "looped_pred_all_logits needs looped=True in the configuration; set it or leave the argument out"
            )
        hidden = output.last_hidden_state
        found = self.logits_of_heads(hidden)
        front = inputs["prepend_embeds"]
        loss, each = None, None
        if output.loop_states is not None and (loops or labels is not None):
            each = tuple(self.lm_head(states) for states in output.loop_states)
        if labels is not None and each is not None and output.exit_logits is not None:
            each_of_tokens = [tokens_of(logits, front, False) for logits in each]
            check_labels(labels, each_of_tokens[0])
            loss = loss_of_loops(
                each_of_tokens,
                shifted(labels),
                tokens_of(output.exit_logits, front, False),
                self.base_model.stack.options.rounds,
            )
        elif labels is not None:
            loss = self.loss_of_heads(tuple(tokens_of(logits, front, False) for logits in found), labels)
        predicted = None
        if self.next_embed_head is not None and (next_embedding or loss is not None):
            predicted = self.next_embed_head(hidden)  # (b, n, d)
        if loss is not None and labels is not None and predicted is not None:
            loss = loss + self.config.next_embed_loss_weight * self.embedding_loss(
                tokens_of(predicted, front, False), labels, **inputs
            )
        return {
            "loss": loss,
            "logits": found[0],
            "head_logits": found if len(found) > 1 else None,
            "logit_entropies": entropy(found[0]) if entropies else None,
            "next_embed_pred": predicted if next_embedding else None,
            "loop_logits": each if loops else None,
            "exit_logits": output.exit_logits if loops else None,
        }
