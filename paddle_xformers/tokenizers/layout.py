"""The first ids of both vocabularies, and the one rule about text: it must be encodable as UTF-8.

Ids 0..7 are the special pieces, ids 8..263 are the bytes 0x00..0xFF. The special pieces come first because a
PaddleNLP config has `pad_token_id=0` unless told otherwise: id 0 must then be padding, and never a byte of
the text. The eighth piece has no meaning of its own: it makes 264 a multiple of 8, so that an embedding of
exactly this vocabulary splits over 2, 4 or 8 devices.
"""

from __future__ import annotations

from paddle_xformers.errors import InputError

PAD, BOS, EOS, UNK, MASK, CLS, SEP, RESERVED = SPECIAL_PIECES = (
    "<pad>",
    "<bos>",
    "<eos>",
    "<unk>",
    "<mask>",
    "<cls>",
    "<sep>",
    "<reserved>",
)
FIRST_BYTE_ID = len(SPECIAL_PIECES)
BYTE_PIECES = tuple(f"<0x{value:02X}>" for value in range(256))


def utf8(text: str) -> bytes:
    """Encode a text, or say which character has no encoding.

    Args:
        text: Any string.

    Returns:
        The UTF-8 bytes.

    Raises:
        InputError: `text` is not a string, or holds a lone surrogate (half of a UTF-16 pair).
    """
    if not isinstance(text, str):
        raise InputError(f"text is a {type(text).__name__}, not a str: decode it, or use encode_bytes for raw bytes.")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"text has the lone surrogate {text[error.start]!r} at position {error.start}, which UTF-8 "
            "cannot hold: replace it with text.encode('utf-8', 'replace').decode('utf-8')."
        ) from error
