"""What single layers read and scored in a forward, for those who look into a model."""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor

from .shown import Shown
from .sizes import sizes


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

    def of_tokens(self, shown: Shown) -> LayerRecord:
        """Return the record without what stands in front of the tokens or between them.

        Args:
            shown: What of a call is shown.
        """
        hidden = shown.rows(self.hidden)
        if self.weights is None or self.scores is None:
            return LayerRecord(self.kind, hidden)
        if self.kind != "a":
            return LayerRecord(self.kind, hidden, shown.rows(self.scores, 2), shown.rows(self.weights, 2), self.values)
        values = self.values
        if values is not None:  # mems may stand in front of them
            values = shown.rows(values[:, :, -sizes(self.hidden)[1] :], 2)
        return LayerRecord(self.kind, hidden, shown.square(self.scores), shown.square(self.weights), values)
