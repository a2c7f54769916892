"""Batches: padding rows of any kind, and ids that stay integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import InputError

import_paddlenlp()
from paddlenlp.transformers.tokenizer_utils import BatchEncoding, PretrainedTokenizer  # noqa: E402


class BatchedTokenizer(PretrainedTokenizer):
    """Mends PaddleNLP's batching of NumPy rows, of empty texts, and of offsets of literal special tokens."""

    def pad(self, encoded_inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Pad encoded rows to one length; serves as the collate function of a DataLoader.

        Args:
            encoded_inputs: A list of rows (dicts with `input_ids`), or one dict of lists. The ids of a row
                are a list, a NumPy array or a tensor.
            *args: PaddleNLP's further arguments: `padding`, `max_length`.
            **kwargs: And `padding_side`, `pad_to_multiple_of`, `return_attention_mask`, `return_tensors`.

        Returns:
            A `BatchEncoding`; `attention_mask` is 1 for tokens and 0 for padding.

        Raises:
            InputError: There are no rows, or the rows do not have the same keys.
        """
        if isinstance(encoded_inputs, (list, tuple)):
            _check_rows(encoded_inputs)
            encoded_inputs = [_with_lists(row) for row in encoded_inputs]
        else:
            encoded_inputs = _with_lists(encoded_inputs)
            if encoded_inputs.get(self.model_input_names[0]) == []:  # one empty row: PaddleNLP would not pad it
                padded = super().pad([encoded_inputs], *args, **kwargs)
                return BatchEncoding({key: rows[0] for key, rows in padded.items()})
        return super().pad(encoded_inputs, *args, **kwargs)

    def encode(self, *args: Any, **kwargs: Any) -> Any:
        """Encode one text or pair; as in PaddleNLP the result is a `BatchEncoding`, not a list of ids."""
        return _with_integer_ids(super().encode(*args, **kwargs))

    def batch_encode(self, *args: Any, **kwargs: Any) -> Any:
        """Encode a batch of texts or pairs into one `BatchEncoding`."""
        encoded = super().batch_encode(*args, **kwargs)
        return encoded if isinstance(encoded, list) else _with_integer_ids(encoded)

    def prepare_for_model(self, *args: Any, **kwargs: Any) -> Any:
        """Frame, truncate and pad ids; the arguments are PaddleNLP's."""
        literal = kwargs.get("split_special_tokens", self.split_special_tokens)
        if kwargs.get("return_offsets_mapping") and literal != self.split_special_tokens:
            raise InputError(
                f"return_offsets_mapping=True cannot follow split_special_tokens={literal} of one call: set "
                f"tokenizer.split_special_tokens={literal} instead."
            )
        return super().prepare_for_model(*args, **kwargs)


def _check_rows(rows: Any) -> None:
    if not rows:
        raise InputError("encoded_inputs is empty: give at least one row with input_ids.")
    keys = set(rows[0].keys())
    for number, row in enumerate(rows):
        if set(row.keys()) != keys:
            raise InputError(
                f"row {number} of encoded_inputs has the keys {sorted(row.keys())} but row 0 has "
                f"{sorted(keys)}: give every row the same keys."
            )


def _with_lists(row: Any) -> dict[str, Any]:
    """Copy a row, so that the caller's stays as it is, with lists for arrays, which PaddleNLP refuses."""
    return {
        key: [_as_list(item) for item in value] if isinstance(value, (list, tuple)) else _as_list(value)
        for key, value in row.items()
    }


def _as_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _with_integer_ids(encoded: Any) -> Any:
    """Give tensors without any element (an empty text) the integer type that all others have."""
    for key, value in encoded.items():
        if isinstance(value, np.ndarray) and value.size == 0:
            encoded[key] = value.astype(np.int64)
        elif hasattr(value, "astype") and getattr(value, "size", 1) == 0:
            encoded[key] = value.astype("int64")
    return encoded
