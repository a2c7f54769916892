"""What both tokenizers share: splitting, joining and batching without losing a character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import numpy as np

from paddle_xformers.errors import InputError
from paddle_xformers.tokenizers.batching import BatchedTokenizer
from paddle_xformers.tokenizers.chat import DEFAULT_CHAT_TEMPLATE, ChatTokenizer
from paddle_xformers.tokenizers.files import SavedTokenizer
from paddle_xformers.tokenizers.framing import FramedTokenizer, Offsets
from paddle_xformers.tokenizers.layout import utf8


class LosslessTokenizer(BatchedTokenizer, FramedTokenizer, ChatTokenizer, SavedTokenizer):
    """The half of a tokenizer that does not depend on how plain text is cut.

    PaddleNLP strips the text around special tokens, puts spaces between them when decoding and tidies spaces
    before punctuation. Here none of that happens: `decode(tokenizer(text)["input_ids"]) == text`.

    A special or added token that occurs in a text becomes that token (PaddleNLP's convention). With
    `split_special_tokens=True`, as a saved option or in one call, it is cut like any other text.

    A subclass sets `_vocab`, `_pieces`, `_piece_bytes` and `_unknown_id`, and defines `_tokenize`.
    PaddleNLP's metaclass runs its base class' constructor, with all arguments, before the subclass' own, so
    that a subclass must not call it again and ends with `_finish_construction`.
    """

    model_input_names = ["input_ids", "attention_mask"]
    padding_side = "right"

    unique_no_split_tokens: list[str]
    _vocab: dict[str, int]  # piece -> id
    _pieces: list[str]  # id -> piece
    _piece_bytes: dict[str, bytes]  # the bytes that a piece stands for; pieces that are not text have none
    _unknown_id: int
    _spells_leading_space = False  # a foreign sentencepiece model may put a space before every text
    _no_split: re.Pattern[str]  # special and added tokens, longest first

    def _finish_construction(self, chat_template: Any, saved: dict[str, Any]) -> None:
        """End a subclass' constructor, with the arguments in `saved` that only a loaded tokenizer has."""
        self.unique_no_split_tokens = sorted({*self.added_tokens_encoder, *saved.get("no_split_tokens", ())})
        self.sanitize_special_tokens()  # into the vocabulary, and into the tokens that are not split
        self._frame()  # refuses options that exclude each other
        if chat_template is not None:
            self.init_chat_template(chat_template)
        elif not saved.get("chat_template_file"):  # PaddleNLP reads that file after construction
            self.init_chat_template(DEFAULT_CHAT_TEMPLATE)

    # Vocabulary

    @property
    def vocab_size(self) -> int:
        """Number of ids without the added tokens; `len(tokenizer)` counts those too."""
        return len(self._pieces)

    def get_vocab(self) -> dict[str, int]:
        """Return token -> id of every token, added ones included."""
        return {**self._vocab, **self.added_tokens_encoder}

    def _convert_token_to_id(self, token: str) -> int | None:
        if token in self._vocab:
            return self._vocab[token]
        if self._unk_token is None:
            return None
        # PaddleNLP takes a token for new when its id equals that of unk_token, whichever token that is.
        unknown = str(self._unk_token)
        return self.added_tokens_encoder.get(unknown, self._vocab.get(unknown, self._unknown_id))

    def _convert_id_to_token(self, index: int) -> str:
        # A model's vocabulary may be padded above the tokenizer's, and labels may hold -100.
        return self._pieces[index] if 0 <= index < len(self._pieces) else self._pieces[self._unknown_id]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """Turn ids into tokens.

        Args:
            ids: One id or a sequence of ids. An id outside the vocabulary becomes the unknown token.
            skip_special_tokens: Leave special tokens out.

        Returns:
            A token for one id, a list of tokens for a sequence.
        """
        if isinstance(ids, (int, np.integer)):
            return self._token_of({}, int(ids))
        known: dict[int, str] = {}
        tokens = [known.get(index) or self._token_of(known, index) for index in map(int, ids)]
        if not skip_special_tokens:
            return tokens
        special = set(self.all_special_tokens)
        return [token for token in tokens if token not in special]

    def _token_of(self, known: dict[int, str], index: int) -> str:
        added = self.added_tokens_decoder.get(index)  # a str, or an AddedToken after loading
        known[index] = self._convert_id_to_token(index) if added is None else str(added)
        return known[index]

    # Text to tokens

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """Cut a text into tokens.

        Args:
            text: Any text; nothing of it is stripped.
            **kwargs: `split_special_tokens` (default: the attribute): cut special tokens like any other text.

        Returns:
            The tokens.

        Raises:
            InputError: The text is not encodable as UTF-8.
        """
        literal = bool(kwargs.get("split_special_tokens", self.split_special_tokens))
        tokens: list[str] = []
        for _, part, atomic in self._parts(text, literal):
            tokens += [part] if atomic else self._tokenize(part)
        return tokens

    def _parts(self, text: str, literal: bool) -> Iterator[tuple[int, str, bool]]:
        """Yield (first character, part of the text, is it one special or added token)."""
        utf8(text)
        start = 0
        for match in () if literal else self._no_split.finditer(text):
            if match.start() > start:
                yield start, text[start : match.start()], False
            yield match.start(), match.group(), True
            start = match.end()
        if start < len(text):
            yield start, text[start:], False

    def _create_trie(self, unique_no_split_tokens: list[str]) -> None:
        """Compile the splitter, whenever PaddleNLP adds a token; its own trie is a slow loop in Python."""
        longest_first = sorted(filter(None, unique_no_split_tokens), key=len, reverse=True)
        self._no_split = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def _add_tokens(self, new_tokens: list[Any], special_tokens: bool = False) -> int:
        for token in new_tokens:
            for flag in ("lstrip", "rstrip", "single_word"):
                if getattr(token, flag, False) is True:
                    raise InputError(
                        f"token {str(token)!r} asks for {flag}=True, but {type(self).__name__} never strips "
                        f"or skips text around a token: add it as a str, or with {flag}=False."
                    )
        return super()._add_tokens(new_tokens, special_tokens=special_tokens)

    def get_offset_mapping(self, text: str | None, split_tokens: list[str] | None = None) -> Offsets | None:
        """Find the characters that every token covers; the byte tokens of one character all cover it.

        Args:
            text: The text.
            split_tokens: Accepted and not used, as the text is cut again.

        Returns:
            (start, end) in characters for every token of `tokenize(text)`, or None without a text.

        Raises:
            InputError: The tokens do not spell the text, because a foreign sentencepiece model normalises it.
        """
        if text is None:
            return None
        offsets: Offsets = []
        for start, part, atomic in self._parts(text, self.split_special_tokens):
            spans = [(0, len(part))] if atomic else self._spans(part)
            offsets.extend((start + first, start + end) for first, end in spans)
        return offsets

    def _spans(self, part: str) -> Offsets:
        character_of = list(chain.from_iterable(repeat(i, len(utf8(char))) for i, char in enumerate(part)))
        position, spans = -int(self._spells_leading_space), []
        for token in self._tokenize(part):
            end = position + len(self._piece_bytes.get(token, token.encode()))
            first = character_of[max(position, 0)] if position < len(character_of) else len(part)
            spans.append((first, character_of[min(end, len(character_of)) - 1] + 1 if end > 0 else 0))
            position = end
        if position != len(character_of):
            raise InputError(
                f"offsets are not known: the sentencepiece model spells {part[:40]!r} in other characters. "
                "Use a model with identity normalisation, as XTokenizer.train makes."
            )
        return spans

    # Tokens to text

    def convert_tokens_to_string(self, tokens: Any) -> str:
        """Join tokens into the text that they spell.

        Args:
            tokens: One token or a list of tokens. Bytes that are no valid UTF-8 become U+FFFD.

        Returns:
            The text.
        """
        return "".join(self._spelled([tokens] if isinstance(tokens, str) else tokens))

    def _spelled(self, tokens: list[str]) -> Iterator[str]:
        """Yield the text of every run of plain tokens, and every special or added token by itself."""
        run = bytearray()
        for token in tokens:
            spelling = self._piece_bytes.get(token)
            if spelling is not None:
                run += spelling
                continue
            yield from self._decoded(run)
            run.clear()
            yield token
        yield from self._decoded(run)

    def _decoded(self, run: bytearray) -> Iterator[str]:
        if run:
            text = run.decode("utf-8", errors="replace")
            yield text[1:] if self._spells_leading_space and text.startswith(" ") else text

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> str:
        """Turn ids back into the text they came from.

        Args:
            token_ids: One id, or a list, array or tensor of ids.
            skip_special_tokens: Leave special tokens and unknown ids out.
            clean_up_tokenization_spaces: Remove spaces before punctuation, which is not lossless. Default:
                the attribute of the same name, which is False unless set.
            **kwargs: `spaces_between_special_tokens` (default False).

        Returns:
            The text; bytes that are no valid UTF-8 become U+FFFD.
        """
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return super().decode(token_ids, skip_special_tokens, clean_up_tokenization_spaces, **kwargs)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Decode every sequence of a batch; the arguments are those of `decode`."""
        options = (skip_special_tokens, clean_up_tokenization_spaces)
        return [self.decode(ids, *options, **kwargs) for ids in sequences]

    def _decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
        spaces_between_special_tokens: bool = False,
        **kwargs: Any,
    ) -> str:
        ids = [token_ids] if isinstance(token_ids, int) else token_ids
        tokens = self.convert_ids_to_tokens(ids, skip_special_tokens)
        text = (" " if spaces_between_special_tokens else "").join(self._spelled(tokens))
        return self.clean_up_tokenization(text) if clean_up_tokenization_spaces else text
