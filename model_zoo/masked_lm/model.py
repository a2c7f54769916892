"""The model: its tokenizer, its training, its scores on the hidden tokens of texts that are held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.common import report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.runs import Run
from model_zoo.common.subwords import train_tokenizer
from model_zoo.masked_lm.baseline import Neighbours
from model_zoo.masked_lm.data import HIDDEN_IN_TRAINING, LEFT_OUT, Masked, as_windows
from model_zoo.text_classification.data import Mails
from paddle_xformers import XEncoderConfig, XEncoderForMaskedLM
from paddle_xformers._compat import import_paddle, import_paddlenlp

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.data import DefaultDataCollator  # noqa: E402
from paddlenlp.transformers import AutoModelForMaskedLM, AutoTokenizer  # noqa: E402

LONGEST = 4000  # characters of each text that are read
BATCH = 32  # windows at once in the evaluation
EVALUATED = 512  # windows that are held out and scored, at most


def train(run: Run, plan: Plan, fields: dict[str, Any], mails: Mails, seed: int) -> bool:
    """Train the model, and save it with its tokenizer.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        mails: To train on.
        seed: Of weights, dropout, order and masks.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    texts = [text[:LONGEST] for text in mails.texts]
    tokenizer = train_tokenizer(texts, fields["num_tokens"], LONGEST)
    fields = {**fields, "num_tokens": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}

    def make() -> Any:
        return XEncoderForMaskedLM(XEncoderConfig(**fields))

    def save(model: Any) -> None:
        tokenizer.model_max_length = model.config.max_seq_len
        model.save_pretrained(run.model)
        tokenizer.save_pretrained(run.model)

    rows = Masked(as_windows(texts, tokenizer, fields["max_seq_len"]), tokenizer, seed, HIDDEN_IN_TRAINING)
    return fit(run, plan, seed, make, rows, save, DefaultDataCollator())


def show(run: Run, plan: Plan, mails: Mails, held_out: Mails) -> None:
    """Score the saved model and the baseline on hidden tokens.

    Args:
        run: The finished run.
        plan: Its length.
        mails: What the baseline learns from.
        held_out: Whose tokens are hidden, always the same.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model = AutoModelForMaskedLM.from_pretrained(str(run.model))
    tokenizer = AutoTokenizer.from_pretrained(str(run.model))
    window = model.config.max_seq_len
    seen, unseen = (
        as_windows([text[:LONGEST] for text in some.texts], tokenizer, window) for some in (mails, held_out)
    )
    rows = [dict(row) for row in _rows(Masked(unseen[:EVALUATED], tokenizer, seed=0))]
    neighbours = Neighbours(seen)
    scores = {
        "this model": _model_score(model, rows),
        "commonest between the neighbours": _share(
            neighbours.find(row["input_ids"].tolist(), place) == row["labels"][place]
            for row in rows
            for place in np.flatnonzero(row["labels"] != LEFT_OUT)
        ),
        "commonest of all": _share(
            neighbours.commonest[()] == token for row in rows for token in row["labels"][row["labels"] != LEFT_OUT]
        ),
    }
    run.note(scores={name: [score] for name, score in scores.items()})
    print("\n" + report.table(["hidden tokens, held out", "found"], {name: [one] for name, one in scores.items()}))
    print(f"\nModel: {run.model}")


def _rows(masked: Masked) -> Any:
    return (masked[number] for number in range(len(masked)))


def _share(right: Any) -> float:
    return float(np.mean(list(right)))


def _model_score(model: Any, rows: list[dict[str, np.ndarray]]) -> float:
    """The share of hidden tokens that the model finds."""
    model.eval()
    right: list[np.ndarray] = []
    for first in range(0, len(rows), BATCH):
        ids, labels = (np.stack([row[name] for row in rows[first : first + BATCH]]) for name in ("input_ids", "labels"))
        with paddle.no_grad():
            found = model(input_ids=paddle.to_tensor(ids), return_dict=True).logits.argmax(axis=-1).numpy()
        right.append((found == labels)[labels != LEFT_OUT])
    return float(np.concatenate(right).mean())
