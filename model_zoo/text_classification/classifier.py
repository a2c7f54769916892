"""The classifier: its tokenizer, its training, its scores on the mails that are held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.common import adapters, report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.predicting import logits_of
from model_zoo.common.runs import Run
from model_zoo.common.subwords import train_tokenizer
from model_zoo.text_classification import baseline
from model_zoo.text_classification.data import LABELS, Mails
from paddle_xformers import XEncoderConfig, XEncoderForSequenceClassification
from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
from paddlenlp.data import DataCollatorWithPadding  # noqa: E402
from paddlenlp.transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: E402

CHARACTERS_A_TOKEN = 8  # more than any text has on average: what is beyond is not tokenized at all


def train(
    run: Run, plan: Plan, fields: dict[str, Any], mails: Mails, seed: int, start: str | None, lora: int | None
) -> bool:
    """Train the classifier, and save it with its tokenizer.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model, where it does not start from a saved one.
        mails: To train on.
        seed: Of weights, dropout and order.
        start: Folder of an encoder and its tokenizer to start from; of `fields` it gets the dropout.
        lora: Rank of the adapters to train in place of all weights.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    labels = {"num_labels": len(LABELS), "id2label": dict(enumerate(LABELS)), "label2id": _places()}
    if start:
        tokenizer = AutoTokenizer.from_pretrained(start)
    else:
        tokenizer = train_tokenizer(mails.texts, fields["num_tokens"], CHARACTERS_A_TOKEN * fields["max_seq_len"])
        fields = {**fields, "num_tokens": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, **labels}

    def plain() -> Any:
        if start:
            dropout = {name: value for name, value in fields.items() if name.endswith("dropout")}
            return AutoModelForSequenceClassification.from_pretrained(start, **labels, **dropout)
        return XEncoderForSequenceClassification(XEncoderConfig(**fields))

    def make() -> Any:
        return adapters.adapt(plain(), lora, ".*classifier.*") if lora else plain()

    def save(model: Any) -> None:
        if lora:
            adapters.save_adapters(model, run.folder / "lora")
            model = adapters.merged(model, plain())
        tokenizer.model_max_length = model.config.max_seq_len
        model.save_pretrained(run.model)
        tokenizer.save_pretrained(run.model)

    longest = plain().config.max_seq_len if start else fields["max_seq_len"]
    rows = encoded(tokenizer, mails.texts, longest, mails.labels)
    return fit(run, plan, seed, make, rows, save, DataCollatorWithPadding(tokenizer))


def encoded(tokenizer: Any, texts: list[str], longest: int, labels: list[int] | None = None) -> list[dict[str, Any]]:
    """Cut texts to what the model reads.

    Args:
        tokenizer: The tokenizer.
        texts: The texts.
        longest: Tokens of each that are kept.
        labels: Theirs.

    Returns:
        A row for each, with ids and mask and label.
    """
    rows = []
    for number, text in enumerate(texts):
        row = dict(tokenizer(text[: CHARACTERS_A_TOKEN * longest], max_length=longest, truncation=True))
        row.setdefault("attention_mask", [1] * len(row["input_ids"]))
        rows.append({**row, **({} if labels is None else {"labels": labels[number]})})
    return rows


def show(run: Run, plan: Plan, train_mails: Mails, held_out: Mails) -> None:
    """Score the saved model and the baselines on the mails that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        train_mails: What the baselines train on.
        held_out: What all label.
    """
    print(report.trained(run.outcome or {}, plan.batch))
    model = AutoModelForSequenceClassification.from_pretrained(str(run.model))
    tokenizer = AutoTokenizer.from_pretrained(str(run.model))
    longest = model.config.max_seq_len
    rows = encoded(tokenizer, held_out.texts, longest)
    found = {
        f"this model (first {longest} tokens)": logits_of(model, rows, DataCollatorWithPadding(tokenizer)).argmax(-1)
    }
    found |= baseline.predictions(train_mails.texts, train_mails.labels, held_out.texts)
    cut = [tokenizer.decode(row["input_ids"]) for row in encoded(tokenizer, train_mails.texts, longest)]
    short = [tokenizer.decode(row["input_ids"]) for row in rows]
    for name, labels in baseline.predictions(cut, train_mails.labels, short).items():
        found[f"{name}, first {longest} tokens"] = labels
    truth = np.asarray(held_out.labels)
    scores = {name: scores_of(labels, truth) for name, labels in found.items()}
    scores["always ham"] = scores_of(np.zeros_like(truth), truth)
    run.note(scores=scores)
    print("\n" + report.table(["held out", "accuracy", "spam caught", "ham lost"], scores))
    print(f"\nModel: {run.model}")


def scores_of(labels: np.ndarray, truth: np.ndarray) -> list[float]:
    """Return the share of right labels, of spam that is found, and of ham that is taken for spam.

    Args:
        labels: Found, (n).
        truth: (n).
    """
    spam = truth == LABELS.index("spam")
    return [float((labels == truth).mean()), float((labels[spam] == 1).mean()), float((labels[~spam] == 1).mean())]


def _places() -> dict[str, int]:
    return {label: place for place, label in enumerate(LABELS)}
