"""A tiny model of every task, with what it is called with, what that gives by hand, and what it must refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from paddle_xformers import (
    XByteTokenizer,
    XCaptionConfig,
    XCaptionForConditionalGeneration,
    XDecoderConfig,
    XDecoderForCausalLM,
    XDecoderForSequenceClassification,
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderForSequenceClassification,
    XEncoderForTokenClassification,
    XEncoderModel,
    XImageProcessor,
    XSeq2SeqConfig,
    XSeq2SeqForConditionalGeneration,
    XViTConfig,
    XViTForImageClassification,
)
from paddle_xformers._compat import import_paddle

LONGEST = 48
BODY = {"depth": 2, "heads": 2, "attn_dim_head": 16, "rotary_pos_emb": True}
WORDS = {"num_tokens": 264, "max_seq_len": LONGEST}
ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
COMMON = {"dim": 32, "initializer_range": 0.3}  # answers that differ from text to text
LABELS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC", 4: "I-LOC"}}
IMAGES = {"image_size": 8, "patch_size": 4}
TEXTS = ["to be", "or not to be, that is it", "Größe 中文", "x"]
MASKED = ["to <mask>e", "<mask>r n<mask>t to be, that is it", "Gr<mask><mask>ße 中文", "<mask>"]


def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    shapes = [(8, 8, 3), (12, 20, 3), (9, 5, 3), (30, 10, 3)]
    return [rng.integers(0, 256, shape, dtype="uint8") for shape in shapes]


def behind(prefix: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in fields.items()}


@dataclass(frozen=True)
class Served:
    """One row of the table of tasks.

    Args:
        task: Its name.
        model: The name of the model.
        model_class: What the folder holds.
        config: Its configuration.
        inputs: What the task is called with, of different lengths or sizes.
        texts: Whether there is a tokenizer.
        images: Whether there is an image processor.
        keywords: Keywords of the Taskflow.
    """

    task: str
    model: str
    model_class: Any
    config: Callable[[], Any]
    inputs: Callable[[], list[Any]] = lambda: TEXTS
    texts: bool = True
    images: bool = False
    keywords: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.task}-{self.model}"

    def save(self, path: Path) -> Path:
        """Write the folder."""
        import_paddle().seed(7)
        config = self.config()
        self.model_class(config).save_pretrained(path)
        if self.texts:
            XByteTokenizer(add_cls_sep_tokens=self.model == "xencoder").save_pretrained(path)
        if self.images:
            XImageProcessor(size=8).save_pretrained(path)
        return path

    def taskflow(self, path: Any, **kwargs: Any) -> Any:
        from paddlenlp import Taskflow

        return Taskflow(self.task, model=self.model, task_path=str(path), **{**self.keywords, **kwargs})


def encoder(**fields: Any) -> Callable[[], Any]:
    return lambda: XEncoderConfig(**COMMON, **BODY, **WORDS, **fields)


def decoder(**fields: Any) -> Callable[[], Any]:
    return lambda: XDecoderConfig(**COMMON, **BODY, **WORDS, **ENDS, **fields)


def seq2seq() -> Any:
    parts = {**behind("enc_", {**BODY, **WORDS}), **behind("dec_", {**BODY, **WORDS, "max_seq_len": 20})}
    return XSeq2SeqConfig(**COMMON, **ENDS, **parts)


def caption() -> Any:
    return XCaptionConfig(
        **COMMON, **ENDS, **behind("enc_", {**BODY, **IMAGES}), **behind("dec_", {**BODY, **WORDS, "max_seq_len": 20})
    )


SHORT = {"max_new_tokens": 6}
CASES = [
    Served("text_generation", "xdecoder", XDecoderForCausalLM, decoder(), keywords=SHORT),
    Served("text2text_generation", "xseq2seq", XSeq2SeqForConditionalGeneration, seq2seq, keywords=SHORT),
    Served("fill_mask", "xencoder", XEncoderForMaskedLM, encoder(), inputs=lambda: MASKED),
    Served("text_classification", "xencoder", XEncoderForSequenceClassification, encoder(**LABELS)),
    Served("text_classification", "xdecoder", XDecoderForSequenceClassification, decoder(**LABELS)),
    Served("token_classification", "xencoder", XEncoderForTokenClassification, encoder(**LABELS)),
    Served("feature_extraction", "xencoder", XEncoderModel, encoder(pooler="mean", pooler_dense=True)),
    Served(
        *("image_classification", "xvit", XViTForImageClassification),
        *(lambda: XViTConfig(**COMMON, **BODY, **IMAGES, **LABELS), pictures),
        texts=False,
        images=True,
    ),
    Served(
        *("image_to_text", "xcaption", XCaptionForConditionalGeneration, caption, pictures),
        images=True,
        keywords=SHORT,
    ),
]
BY_NAME = {case.name: case for case in CASES}
OF_TEXTS = [case for case in CASES if not case.images]
OF_IMAGES = [case for case in CASES if case.images]


def name_of(case: Served) -> str:
    return case.name


def close(found: Any, wanted: Any) -> bool:
    """Whether two answers are equal, up to the rounding of numbers."""
    if isinstance(wanted, (float, np.ndarray)):
        return type(found) is type(wanted) and np.allclose(found, wanted, atol=1e-5)
    if isinstance(wanted, dict):
        return list(found) == list(wanted) and all(close(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(close, found, wanted))
    return bool(found == wanted)
