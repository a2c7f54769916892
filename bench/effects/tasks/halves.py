"""Tasks in which the second half of a window is the target: read alone, or after the first half as a source."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.effects.plan import Plan
from bench.effects.tasks.base import State, Task, Texts, chosen_rows
from model_zoo.quickstart import data
from paddle_xformers._compat import import_paddle

paddle = import_paddle()


class _Halves(Task):
    """Bits per byte of the second half of windows.

    Args:
        plan: Sizes.
        texts: The text.
    """

    def __init__(self, plan: Plan, texts: Texts) -> None:
        self.plan, self.texts, self.half = plan, texts, plan.window // 2
        self.windows = data.Windows(texts.train, 2 * self.half)
        self.held_out = data.Windows(texts.held_out, 2 * self.half)

    def predicted(self, model: Any, source: Any, target: Any) -> Any:
        """Return the mean loss of (b, n) targets, each id predicted from those before it in its half."""
        raise NotImplementedError

    def loss(self, model: Any, step: int, state: State) -> tuple[Any, State]:
        """Return the mean loss of a batch."""
        rows = chosen_rows(len(self.windows), self.plan.batch, step)
        return self.predicted(model, *self._halves(self.windows, rows)), None

    def score(self, model: Any) -> float:
        """Return bits per byte of the second halves of all held-out windows."""
        rows = np.arange(len(self.held_out))
        nats = 0.0
        with paddle.no_grad():
            for part in np.array_split(rows, -(-len(rows) // 16)):
                nats += float(self.predicted(model, *self._halves(self.held_out, part))) * len(part)
        return nats / len(rows) / math.log(2)

    def _halves(self, windows: Any, rows: np.ndarray) -> tuple[Any, Any]:
        ids = np.stack([windows[int(row)]["input_ids"] for row in rows])
        return paddle.to_tensor(ids[:, : self.half]), paddle.to_tensor(ids[:, self.half :])


class Targets(_Halves):
    """The second halves with nothing before them, for a decoder.

    Args:
        plan: Sizes.
        texts: The text.
    """

    about = "the second half of a window, byte by byte, with nothing known of the first"

    def build(self, fields: dict[str, Any]) -> Any:
        """Return a byte-level decoder."""
        return self.texts.decoder(self.plan, fields, self.half + 1)

    def predicted(self, model: Any, source: Any, target: Any) -> Any:
        """Return the mean loss of the targets, behind an end token: all of their bytes count."""
        start = paddle.full([target.shape[0], 1], self.texts.tokenizer.eos_token_id, dtype="int64")
        ids = paddle.concat([start, target], axis=1)
        return model(input_ids=ids, labels=ids, return_dict=True).loss


class Seq2Seq(_Halves):
    """The second halves with the first halves as their source, for an encoder-decoder.

    Args:
        plan: Sizes.
        texts: The text.
    """

    about = "the second half of a window, byte by byte, by a decoder that looks at what an encoder made of the first"

    def build(self, fields: dict[str, Any]) -> Any:
        """Return a byte-level encoder-decoder."""
        from paddle_xformers import XSeq2SeqConfig, XSeq2SeqForConditionalGeneration

        tokenizer, plan = self.texts.tokenizer, self.plan
        both = {"num_tokens": len(tokenizer), "max_seq_len": self.half, "rotary_pos_emb": plan.rotary, **plan.sizes}
        dim = both.pop("dim")
        parts = {prefix + name: value for prefix in ("enc_", "dec_") for name, value in both.items()}
        config = XSeq2SeqConfig(
            dim=dim,
            decoder_start_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **{**parts, **fields},
        )
        return XSeq2SeqForConditionalGeneration(config)

    def predicted(self, model: Any, source: Any, target: Any) -> Any:
        """Return the mean loss of the targets."""
        return model(input_ids=source, labels=target, return_dict=True).loss
