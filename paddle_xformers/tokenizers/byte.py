"""A tokenizer of bytes: nothing to train, no vocabulary file, every byte string comes back exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_xformers.errors import InputError
from paddle_xformers.tokenizers import layout
from paddle_xformers.tokenizers.base import LosslessTokenizer
from paddle_xformers.tokenizers.layout import BYTE_PIECES, FIRST_BYTE_ID, SPECIAL_PIECES


class XByteTokenizer(LosslessTokenizer):
    """One token for each byte of the UTF-8 encoding of a text (as in ByT5, arXiv:2105.13626).

    There are 264 ids: 0 `<pad>`, 1 `<bos>`, 2 `<eos>`, 3 `<unk>`, 4 `<mask>`, 5 `<cls>`, 6 `<sep>`, 7
    `<reserved>` (unused), and `8 + b` for the byte `b`, whose token is written like `<0x41>`. Added tokens
    follow from 264.

    For every str that UTF-8 can hold, `decode(tokenizer(text)["input_ids"]) == text`: nothing is stripped,
    tidied or normalised. A lone surrogate is refused with an `InputError`. The text of a special token, such
    as `"<pad>"`, becomes that token; `split_special_tokens=True` (an argument of a call, or a saved option)
    or `encode_bytes` cut it into bytes instead.

    Example:
        ```python
        tokenizer = XByteTokenizer()
        tokenizer("hi")["input_ids"]                          # [112, 113]
        tokenizer.decode([112, 113])                          # "hi"
        corpus = Path("corpus.txt").read_bytes()
        ids = tokenizer.encode_bytes_array(corpus)            # int64; milliseconds for megabytes
        ```

    Args:
        pad_token: Fills short rows of a batch. This and the other names may be changed: a name that is not
            among the 264 tokens is added after them.
        bos_token: Begins a sequence.
        eos_token: Ends a sequence.
        unk_token: Stands for an unknown token or id; no text ever produces it.
        mask_token: Hides a byte in masked language modelling.
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
        InputError: Options that exclude each other, or a chat template that is not valid.
    """

    def __init__(
        self,
        pad_token: str | None = layout.PAD,
        bos_token: str | None = layout.BOS,
        eos_token: str | None = layout.EOS,
        unk_token: str | None = layout.UNK,
        mask_token: str | None = layout.MASK,
        cls_token: str | None = layout.CLS,
        sep_token: str | None = layout.SEP,
        add_bos_token: bool = False,
        add_eos_token: bool = False,
        add_cls_sep_tokens: bool = False,
        chat_template: Any = None,
        **kwargs: Any,
    ) -> None:
        self.add_bos_token = add_bos_token
        self.add_eos_token = add_eos_token
        self.add_cls_sep_tokens = add_cls_sep_tokens
        self._pieces = [*SPECIAL_PIECES, *BYTE_PIECES]
        self._vocab = {piece: index for index, piece in enumerate(self._pieces)}
        self._piece_bytes = {piece: bytes([value]) for value, piece in enumerate(BYTE_PIECES)}
        self._unknown_id = self._vocab[layout.UNK]
        self._finish_construction(chat_template, kwargs)

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        return [BYTE_PIECES[value] for value in layout.utf8(text)]

    def encode_bytes_array(self, data: Any) -> np.ndarray:
        """Turn bytes into ids with one vectorised step; the way to encode a corpus.

        Args:
            data: `bytes`, `bytearray`, `memoryview`, or an array of uint8.

        Returns:
            int64 ids of shape [number of bytes].

        Raises:
            InputError: `data` is not made of bytes.
        """
        if isinstance(data, np.ndarray) and data.dtype != np.uint8:
            raise InputError(f"data is an array of {data.dtype}; it must be of uint8, one element a byte.")
        try:
            values = np.frombuffer(data, dtype=np.uint8)
        except (TypeError, ValueError, BufferError) as error:
            raise InputError(
                f"data is a {type(data).__name__}, not bytes: for a str, pass text.encode('utf-8')."
            ) from error
        return np.add(values, FIRST_BYTE_ID, dtype=np.int64)

    def encode_bytes(self, data: Any) -> list[int]:
        """Turn bytes into ids; `decode_bytes` is the exact inverse.

        Args:
            data: `bytes`, `bytearray`, `memoryview`, or an array of uint8.

        Returns:
            One id for each byte, special-token texts included.

        Raises:
            InputError: `data` is not made of bytes.
        """
        ids: list[int] = self.encode_bytes_array(data).tolist()
        return ids

    def decode_bytes(self, ids: Any, skip_special_tokens: bool = False) -> bytes:
        """Turn ids back into the exact bytes.

        Args:
            ids: A list, array or tensor of ids, shape [length].
            skip_special_tokens: Leave out ids that are no bytes (special, added and unknown tokens).

        Returns:
            The bytes.

        Raises:
            InputError: `ids` is not one row of integers, or has an id that is no byte and is not to be
            skipped.
        """
        values = np.asarray(ids)
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise InputError(f"ids has shape {values.shape} and type {values.dtype}; it must be one row of integers.")
        is_byte = (values >= FIRST_BYTE_ID) & (values < FIRST_BYTE_ID + len(BYTE_PIECES))
        if not skip_special_tokens and not is_byte.all():
            position = int(np.argmin(is_byte))
            raise InputError(
                f"ids[{position}] is {values[position]}, which is no byte (bytes are {FIRST_BYTE_ID}.."
                f"{FIRST_BYTE_ID + 255}): pass skip_special_tokens=True to leave such ids out."
            )
        return (values[is_byte] - FIRST_BYTE_ID).astype(np.uint8).tobytes()
