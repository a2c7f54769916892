"""A subword tokenizer on a sentencepiece model, and how to train one."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import sentencepiece

from paddle_xformers.errors import CheckpointError
from paddle_xformers.tokenizers import layout
from paddle_xformers.tokenizers.base import LosslessTokenizer
from paddle_xformers.tokenizers.training import find_text_files, read_lines, train_model

MODEL_FILE = "sentencepiece.model"
_SPACE = "\u2581"  # how sentencepiece writes a space
# Two characters are spelt with byte pieces here: U+2581 itself, which sentencepiece would take for a space,
# and the line feed, which is in no learnt piece anyway. Cutting there is several times faster for long texts,
# and keeps rounding errors of scores summed over megabytes out of the unigram model's choices.
_OUTSIDE_PIECES = re.compile(f"([{_SPACE}\n])")
_IN_BYTES = {char: [layout.BYTE_PIECES[value] for value in char.encode("utf-8")] for char in (_SPACE, "\n")}


class XTokenizer(LosslessTokenizer):
    """Subwords of a sentencepiece model (arXiv:1808.06226); train one with `XTokenizer.train`.

    A model of `XTokenizer.train` starts like the byte vocabulary of `XByteTokenizer`: 0 `<pad>`, 1 `<bos>`, 2
    `<eos>`, 3 `<unk>`, 4 `<mask>`, 5 `<cls>`, 6 `<sep>`, 7 `<reserved>` (unused), then the 256 bytes, then
    the learnt pieces. It is lossless: `decode(tokenizer(text)["input_ids"]) == text`, with all spaces, tabs,
    new lines and emoji.

    Other sentencepiece models can be loaded too; they are as lossless as their own normalisation allows.

    The text of a special token, such as `"<pad>"`, becomes that token; `split_special_tokens=True` (an
    argument of a call, or a saved option) cuts it like any other text. A lone surrogate is refused with an
    `InputError`.

    Args:
        vocab_file: The sentencepiece model. Its content is kept in memory, so the file may go away
            afterwards.
        pad_token: Fills short rows of a batch. Default of this and the other names: the piece of the model,
            or None when it has none. Any other name is added after the model's pieces.
        bos_token: Begins a sequence.
        eos_token: Ends a sequence.
        unk_token: Stands for what the model cannot spell (nothing, with byte fallback) and for unknown ids.
        mask_token: Hides a token in masked language modelling.
        cls_token: Begins a sequence for an encoder.
        sep_token: Ends each sequence for an encoder.
        add_bos_token: Put `bos_token` before every sequence.
        add_eos_token: Put `eos_token` after every sequence.
        add_cls_sep_tokens: Put `cls_token` and `sep_token` around sequences as BERT does. Excludes the two
            above.
        chat_template: A Jinja text; default: `role:`, a new line, the content and `eos_token` for every
            message.
        **kwargs: PaddleNLP's options, such as `model_max_length`, `padding_side` ("right" unless set: for
            batched generation set "left"), `truncation_side`, `split_special_tokens`,
            `additional_special_tokens`.

    Raises:
        CheckpointError: The model file is missing or is not a sentencepiece model.
        InputError: Options that exclude each other, or a chat template that is not valid.
    """

    resource_files_names = {"vocab_file": MODEL_FILE}

    def __init__(
        self,
        vocab_file: Any = None,
        pad_token: str | None = None,
        bos_token: str | None = None,
        eos_token: str | None = None,
        unk_token: str | None = None,
        mask_token: str | None = None,
        cls_token: str | None = None,
        sep_token: str | None = None,
        add_bos_token: bool = False,
        add_eos_token: bool = False,
        add_cls_sep_tokens: bool = False,
        chat_template: Any = None,
        **kwargs: Any,
    ) -> None:
        self.add_bos_token = add_bos_token
        self.add_eos_token = add_eos_token
        self.add_cls_sep_tokens = add_cls_sep_tokens
        self._model_content = _read_model(vocab_file)
        self.sp_model = _load_model(self._model_content, vocab_file)
        self._read_pieces()
        self._name_special_tokens()
        self._finish_construction(chat_template, kwargs)

    @classmethod
    def train(
        cls,
        files: Any,
        vocab_size: int,
        *,
        model_type: str = "bpe",
        character_coverage: float = 0.9995,
        byte_fallback: bool = True,
        split_digits: bool = False,
        max_lines: int = 0,
        verbose: bool | None = None,
        output_dir: Any = None,
        **options: Any,
    ) -> XTokenizer:
        """Train a tokenizer on text files. The same files and arguments always give the same tokenizer.

        Args:
            files: A UTF-8 text file, a folder (all `*.txt` files in and below it), or an iterable of those.
            vocab_size: Number of tokens, the 8 special and 256 byte pieces included.
            model_type: "bpe" or "unigram".
            character_coverage: Share of the text's characters (0.98 to 1) that get a piece of their own.
            byte_fallback: Spell all other characters with byte pieces; without it they become `<unk>` and are
                lost.
            split_digits: Give every digit its own piece.
            max_lines: Train on a random sample of that many lines (more than 100); 0 means on all.
            verbose: Show sentencepiece's progress on stderr. Default: only when that is a terminal.
            output_dir: Save the tokenizer there.
            **options: Arguments of `XTokenizer`, such as `add_eos_token=True`.

        Returns:
            The tokenizer.

        Raises:
            InputError: A file is missing, empty or not UTF-8, or another argument does not suit it.
            CheckpointError: `output_dir` cannot be written.
        """
        content = train_model(
            read_lines(find_text_files(files)),
            vocab_size,
            model_type=model_type,
            character_coverage=character_coverage,
            byte_fallback=byte_fallback,
            split_digits=split_digits,
            max_lines=max_lines,
            verbose=verbose,
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL_FILE
            path.write_bytes(content)
            tokenizer = cls(vocab_file=str(path), **options)
        if output_dir is not None:
            tokenizer.save_pretrained(output_dir)
        return tokenizer

    def _read_pieces(self) -> None:
        model = self.sp_model
        self._pieces = [model.id_to_piece(index) for index in range(model.get_piece_size())]
        self._vocab = {piece: index for index, piece in enumerate(self._pieces)}
        self._unknown_id = model.unk_id()
        self._piece_bytes = {}
        for index, piece in enumerate(self._pieces):
            if model.is_byte(index):
                self._piece_bytes[piece] = bytes([int(piece[3:5], 16)])
            elif not (model.is_control(index) or model.is_unknown(index)):
                self._piece_bytes[piece] = piece.replace(_SPACE, " ").encode("utf-8")
        self._spells_leading_space = self._spell("a")[0].startswith(_SPACE)
        self._cuts_locally = self._spell("  a  \n b") == [
            *self._spell("  a  "),
            *_IN_BYTES["\n"],
            *self._spell(" b"),
        ]

    def _name_special_tokens(self) -> None:
        """Take the names that were not given from the model."""
        model = self.sp_model
        ids = {"pad": model.pad_id(), "bos": model.bos_id(), "eos": model.eos_id(), "unk": model.unk_id()}
        names = {name: self._pieces[index] for name, index in ids.items() if index >= 0}
        for piece in (layout.MASK, layout.CLS, layout.SEP):
            if piece in self._vocab:
                names[piece.strip("<>")] = piece
        for name, piece in names.items():
            if getattr(self, f"_{name}_token") is None:
                setattr(self, f"{name}_token", piece)

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        if not self._cuts_locally:
            return self._spell(text)
        tokens: list[str] = []
        for part in _OUTSIDE_PIECES.split(text):
            tokens += _IN_BYTES.get(part) or self._spell(part)
        return tokens

    def _spell(self, text: str) -> list[str]:
        return list(self.sp_model.encode(text, out_type=str))

    def _resource_contents(self) -> dict[str, bytes]:
        return {**super()._resource_contents(), MODEL_FILE: self._model_content}


def _read_model(vocab_file: Any) -> bytes:
    if vocab_file is None:
        raise CheckpointError(f"vocab_file is None: pass a {MODEL_FILE}, or make one with XTokenizer.train.")
    path = Path(vocab_file).expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"vocab_file {path} cannot be read ({error.strerror}): pass a {MODEL_FILE}, or make one with "
            "XTokenizer.train."
        ) from error


def _load_model(content: bytes, vocab_file: Any) -> sentencepiece.SentencePieceProcessor:
    model = sentencepiece.SentencePieceProcessor()
    try:
        if not content:
            raise RuntimeError("the file is empty")
        model.load_from_serialized_proto(content)
    except RuntimeError as error:
        raise CheckpointError(
            f"vocab_file {vocab_file} is not a sentencepiece model ({error}): copy it again, or make one "
            "with XTokenizer.train."
        ) from error
    return model
