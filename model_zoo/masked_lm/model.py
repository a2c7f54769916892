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
    masked = Masked(unseen[:EVALUATED], tokenizer, seed=0)
    rows = [masked[number] for number in range(len(masked))]
    truth = np.concatenate([row["labels"][_hidden(row)] for row in rows])
    words = np.array([any(map(str.isalnum, tokenizer.decode([token]))) for token in truth])
    neighbours = Neighbours(seen)
    found = {
        "this model": _found(model, rows),
        "commonest between the neighbours": np.array(
            [neighbours.find(row["input_ids"].tolist(), place) for row in rows for place in _hidden(row)]
        ),
        "commonest of all": np.full_like(truth, neighbours.commonest[()]),
    }
    right = {name: tokens == truth for name, tokens in found.items()}
    scores = {name: [float(one.mean()), float(one[words].mean())] for name, one in right.items()}
    run.note(scores=scores)
    print("\n" + report.table(["hidden tokens, held out", "found", "with a letter or digit"], scores))
    print(f"\nModel: {run.model}")


def _hidden(row: dict[str, np.ndarray]) -> np.ndarray:
    """The places of hidden tokens."""
    return np.flatnonzero(row["labels"] != LEFT_OUT)


def _found(model: Any, rows: list[dict[str, np.ndarray]]) -> np.ndarray:
    """The tokens that the model thinks likeliest, (hidden)."""
    model.eval()
    found: list[np.ndarray] = []
    for first in range(0, len(rows), BATCH):
        some = rows[first : first + BATCH]
        ids = paddle.to_tensor(np.stack([row["input_ids"] for row in some]))
        with paddle.no_grad():
            likeliest = model(input_ids=ids, return_dict=True).logits.argmax(axis=-1).numpy()
        found += [tokens[_hidden(row)] for tokens, row in zip(likeliest, some, strict=True)]
    return np.concatenate(found)
