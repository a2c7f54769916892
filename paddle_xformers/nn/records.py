"""What single layers read and scored in a forward, for those who look into a model."""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor


@dataclass(frozen=True)
class LayerRecord:
    """What one layer did; of models that run their layers several times, in the last run.

    Args:
        kind: `a` for self attention, `c` for cross attention, `f` for feed-forward.
        hidden: What the layer read from the residual stream, before its norm, (b, n, d).
        scores: Scores of an attention layer as they go into the softmax, masks and biases on them, (b, h, n, m): at
            hidden keys large and negative. None for a feed-forward layer.
        weights: Its weights, (b, h, n, m), likewise.
        values: Its own values of the new tokens, or of the context, before norms and value residuals, (b, g, n, k);
            None likewise, and where the cache holds those of the context.
    """

    kind: str
    hidden: Tensor
    scores: Tensor | None = None
    weights: Tensor | None = None
    values: Tensor | None = None

    def of_tokens(self, lead: int, keys: int) -> LayerRecord:
        """Return the record without what stands in front of the tokens.

        Args:
            lead: Number of memory tokens and others in front of the new tokens.
            keys: Number of past and new tokens.
        """
        hidden, n = self.hidden[:, lead:], self.hidden.shape[1] - lead
        if self.weights is None or self.scores is None:
            return LayerRecord(self.kind, hidden)
        own = self.kind == "a"
        scores, weights = self.scores[:, :, lead:], self.weights[:, :, lead:]
        if own:
            scores, weights = scores[..., -keys:], weights[..., -keys:]
        values = self.values[:, :, -n:] if own and self.values is not None else self.values
        return LayerRecord(self.kind, hidden, scores, weights, values)
