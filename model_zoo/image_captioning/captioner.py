"""The model: its tokenizer and image processor, its training, its scores on drawings that are held out."""

from __future__ import annotations

from typing import Any

from model_zoo.common import report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.runs import Run
from model_zoo.common.subwords import train_tokenizer
from model_zoo.image_captioning import baseline
from model_zoo.image_captioning.data import Drawings
from model_zoo.image_captioning.pictures import Rows, together
from model_zoo.image_captioning.scoring import scores_of
from paddle_xformers import XCaptionConfig, XCaptionForConditionalGeneration, XImageProcessor
from paddle_xformers._compat import import_paddle, import_paddlenlp

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.transformers import AutoImageProcessor, AutoModelForConditionalGeneration, AutoTokenizer  # noqa: E402

LONGEST = 200  # characters of a caption
BATCH = 64  # pictures at once in generation


def train(run: Run, plan: Plan, fields: dict[str, Any], drawings: Drawings, seed: int) -> bool:
    """Train the model, and save it with its tokenizer and image processor.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        drawings: To train on.
        seed: Of weights, dropout, order and changes of the pictures.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    longest = fields["dec_max_seq_len"]
    tokenizer = train_tokenizer(sorted(set(drawings.captions)), fields["dec_num_tokens"], LONGEST)
    config = XCaptionConfig(
        **fields,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
    )
    processor = XImageProcessor(size=config.enc_image_size, channels=config.enc_channels)

    def save(model: Any) -> None:
        tokenizer.model_max_length = longest
        model.generation_config.max_new_tokens = longest - 1
        model.save_pretrained(run.model)
        tokenizer.save_pretrained(run.model)
        processor.save_pretrained(run.model)

    captions = [encoded(tokenizer, caption, longest) for caption in drawings.captions]
    rows = Rows(drawings, captions, processor, seed)
    return fit(run, plan, seed, lambda: XCaptionForConditionalGeneration(config), rows, save, together)


def encoded(tokenizer: Any, caption: str, longest: int) -> list[int]:
    """Turn a caption into ids with an end.

    Args:
        tokenizer: The tokenizer.
        caption: The caption.
        longest: Tokens that are kept.
    """
    ids = tokenizer.encode(caption, add_special_tokens=False)["input_ids"]
    return [*ids[: longest - 1], tokenizer.eos_token_id]


def show(run: Run, plan: Plan, drawings: Drawings, held_out: Drawings) -> None:
    """Score the saved model and the baseline on the drawings that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        drawings: What the baseline looks at.
        held_out: What both describe.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model = AutoModelForConditionalGeneration.from_pretrained(str(run.model))
    tokenizer = AutoTokenizer.from_pretrained(str(run.model))
    rows = Rows(held_out, None, AutoImageProcessor.from_pretrained(str(run.model)))
    said = described(model, tokenizer, rows)
    found = {"this model": said, "caption of the nearest picture": baseline.captions(drawings, held_out)}
    scores = {name: scores_of(captions, held_out.captions) for name, captions in found.items()}
    run.note(scores=scores)
    print("\n" + report.table(["held out", "captions right", "but for skin", "F1 of words"], scores))
    print("\nSome of them:")
    for ours, theirs in list(zip(said, held_out.captions, strict=True))[:8]:
        print(f"  {ours}  (right: {theirs})")
    print(f"\nModel: {run.model}")


def described(model: Any, tokenizer: Any, rows: Rows) -> list[str]:
    """Describe pictures.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        rows: The pictures.

    Returns:
        A caption for each.
    """
    model.eval()
    captions: list[str] = []
    for first in range(0, len(rows), BATCH):
        batch = together([rows[number] for number in range(first, min(first + BATCH, len(rows)))])
        ids, _ = model.generate(**batch, decode_strategy="greedy_search")
        captions += tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True)
    return captions
