"""The model: its tokenizer, its training, its scores on the sentences that are held out."""

from __future__ import annotations

from collections import Counter
from typing import Any

from model_zoo.common import report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.predicting import padded_logits_of
from model_zoo.common.runs import Run
from model_zoo.token_classification import baseline
from model_zoo.token_classification.data import KINDS, LABELS, Sentences, packed
from model_zoo.token_classification.scoring import scores_of
from paddle_xformers import XByteTokenizer, XEncoderConfig, XEncoderForTokenClassification
from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
from paddlenlp.data import DataCollatorForTokenClassification  # noqa: E402
from paddlenlp.transformers import AutoModelForTokenClassification, AutoTokenizer  # noqa: E402

RARE = 3  # a character that is seen less often is spelled in bytes


def character_tokenizer(texts: list[str], longest: int) -> XByteTokenizer:
    """Make a tokenizer of bytes that has a token for each usual character too.

    Args:
        texts: Say which are usual.
        longest: Tokens that the model reads.
    """
    tokenizer = XByteTokenizer(model_max_length=longest)
    counts = Counter(character for text in texts for character in text)
    tokenizer.add_tokens(sorted(character for character, count in counts.items() if count >= RARE))
    return tokenizer


def train(run: Run, plan: Plan, fields: dict[str, Any], sentences: Sentences, seed: int) -> bool:
    """Train the model, and save it with its tokenizer.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        sentences: To train on.
        seed: Of weights, dropout and order.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    tokenizer = character_tokenizer(sentences.texts, fields["max_seq_len"])
    labels = {
        "id2label": dict(enumerate(LABELS)),
        "label2id": {label: place for place, label in enumerate(LABELS)},
    }
    fields = {**fields, "num_tokens": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, **labels}

    def make() -> Any:
        return XEncoderForTokenClassification(XEncoderConfig(**fields))

    def save(model: Any) -> None:
        model.save_pretrained(run.model)
        tokenizer.save_pretrained(run.model)

    together = packed(sentences)
    rows = encoded(tokenizer, together.texts, together.labels)
    return fit(run, plan, seed, make, rows, save, DataCollatorForTokenClassification(tokenizer))


def encoded(tokenizer: Any, texts: list[str], labels: list[list[int]] | None = None) -> list[dict[str, Any]]:
    """Turn texts into rows of ids; every byte of a character has its label.

    Args:
        tokenizer: As of `character_tokenizer`; what is longer than its model_max_length is cut off.
        texts: The texts.
        labels: Of their characters.
    """
    rows = []
    for number, text in enumerate(texts):
        found = tokenizer(text, truncation=True, max_length=tokenizer.model_max_length, return_offsets_mapping=True)
        row = {name: found[name] for name in ("input_ids", "attention_mask")}
        if labels is not None:
            row["labels"] = [labels[number][first] for first, _ in found["offset_mapping"]]
        rows.append(row)
    return rows


def labelled(model: Any, tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Label the characters of texts: a character of several bytes as the first of them.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        texts: The texts.

    Returns:
        Places in LABELS; "O" for what is cut off.
    """
    collate = DataCollatorForTokenClassification(tokenizer)
    labels = []
    for text, logits in zip(texts, padded_logits_of(model, encoded(tokenizer, texts), collate), strict=True):
        found = [0] * len(text)
        offsets = tokenizer.get_offset_mapping(text)[: tokenizer.model_max_length]
        for (first, _), label in reversed([*zip(offsets, logits.argmax(-1).tolist(), strict=False)]):
            found[first] = label
        labels.append(found)
    return labels


def show(run: Run, plan: Plan, train_sentences: Sentences, held_out: Sentences) -> None:
    """Score the saved model and the baselines on the sentences that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        train_sentences: What the baselines train on.
        held_out: What all label.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model = AutoModelForTokenClassification.from_pretrained(str(run.model))
    tokenizer = AutoTokenizer.from_pretrained(str(run.model))
    ours = labelled(model, tokenizer, held_out.texts)
    found = {"this model": ours, **baseline.predictions(train_sentences, held_out.texts)}
    scores = {name: scores_of(labels, held_out.labels) for name, labels in found.items()}
    scores |= {f"this model, {kind} only": scores_of(ours, held_out.labels, kind) for kind in KINDS.values()}
    run.note(scores=scores)
    print("\n" + report.table(["held out", "precision", "recall", "F1"], scores))
    print(f"\nModel: {run.model}")
