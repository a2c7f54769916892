"""The model: its tokenizer, its training, its scores on the words that are held out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from model_zoo.common import report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.runs import Run
from model_zoo.grapheme_to_phoneme.baseline import Neighbours
from model_zoo.grapheme_to_phoneme.data import PHONES, Lexicon
from model_zoo.grapheme_to_phoneme.scoring import scores_of
from paddle_xformers import XByteTokenizer, XSeq2SeqConfig, XSeq2SeqForConditionalGeneration
from paddle_xformers._compat import import_paddle, import_paddlenlp

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.data import DataCollatorForSeq2Seq  # noqa: E402
from paddlenlp.transformers import AutoModelForConditionalGeneration, AutoTokenizer  # noqa: E402

LONGEST = 40  # tokens; the longest word of the dictionary has 28 phones
BATCH = 256  # words at once in generation
WAYS: dict[str, dict[str, Any]] = {
    "greedy": {"decode_strategy": "greedy_search"},
    "4 beams": {"decode_strategy": "beam_search", "num_beams": 4},
}


def phone_tokenizer() -> XByteTokenizer:
    """Make a tokenizer of bytes that has a token for each phone too, written " AA": words are in lower case."""
    tokenizer = XByteTokenizer()
    tokenizer.add_tokens([f" {phone}" for phone in PHONES])
    return tokenizer


def train(run: Run, plan: Plan, fields: dict[str, Any], lexicon: Lexicon, seed: int) -> bool:
    """Train the model, and save it with its tokenizer.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        lexicon: To train on; every pronunciation of a word is a row.
        seed: Of weights, dropout and order.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    tokenizer = phone_tokenizer()
    fields = {
        **fields,
        "enc_num_tokens": len(tokenizer),
        "dec_num_tokens": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "decoder_start_token_id": tokenizer.bos_token_id,
    }

    def make() -> Any:
        return XSeq2SeqForConditionalGeneration(XSeq2SeqConfig(**fields))

    def save(model: Any) -> None:
        model.generation_config.max_new_tokens = LONGEST
        model.save_pretrained(run.model)
        tokenizer.save_pretrained(run.model)

    rows = encoded(tokenizer, ((word, way) for word, ways in lexicon.items() for way in ways))
    return fit(run, plan, seed, make, rows, save, DataCollatorForSeq2Seq(tokenizer))


def encoded(tokenizer: Any, pairs: Iterable[tuple[str, tuple[str, ...]]]) -> list[dict[str, list[int]]]:
    """Turn words and pronunciations into rows of ids.

    Args:
        tokenizer: As of `phone_tokenizer`.
        pairs: Words and phones.
    """
    ids = dict(zip(PHONES, tokenizer.convert_tokens_to_ids([f" {phone}" for phone in PHONES]), strict=True))
    rows = []
    for word, phones in pairs:
        letters = tokenizer.encode_bytes(word.encode())
        target = [*(ids[phone] for phone in phones), tokenizer.eos_token_id]
        rows.append({"input_ids": letters, "attention_mask": [1] * len(letters), "labels": target})
    return rows


def show(run: Run, plan: Plan, train_words: Lexicon, held_out: Lexicon) -> None:
    """Score the saved model and the baseline on the words that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        train_words: What the baseline learns from.
        held_out: What both pronounce.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model = AutoModelForConditionalGeneration.from_pretrained(str(run.model))
    tokenizer = AutoTokenizer.from_pretrained(str(run.model))
    scores, said = {}, {}
    for name, settings in WAYS.items():
        said[name] = pronounced(model, tokenizer, list(held_out), settings)
        scores[f"this model, {name}"] = scores_of(said[name], held_out)
    neighbours = Neighbours(train_words)
    scores["letters by their neighbours"] = scores_of({word: neighbours.say(word) for word in held_out}, held_out)
    run.note(scores=scores)
    print("\n" + report.table(["held out", "phoneme errors", "words right"], scores))
    print("\nSome of them, greedy:")
    for word in list(held_out)[:8]:
        print(f"  {word}: {' '.join(said['greedy'][word])}  (right: {' or '.join(map(' '.join, held_out[word]))})")
    print(f"\nModel: {run.model}")


def pronounced(model: Any, tokenizer: Any, words: list[str], settings: dict[str, Any]) -> dict[str, list[str]]:
    """Pronounce words.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        words: The words.
        settings: Of generate().

    Returns:
        Word -> phones.
    """
    model.eval()
    found = {}
    for first in range(0, len(words), BATCH):
        some = words[first : first + BATCH]
        batch = tokenizer(some, padding=True, return_attention_mask=True, return_tensors="pd")
        ids, _ = model.generate(**batch, max_new_tokens=LONGEST, **settings)
        texts = tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True)
        found.update({word: text.split() for word, text in zip(some, texts, strict=True)})
    return found
