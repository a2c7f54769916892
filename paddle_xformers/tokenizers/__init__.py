"""Tokenizers of bytes (`XByteTokenizer`, nothing to train) and of subwords (`XTokenizer`, sentencepiece).

The classes derive from PaddleNLP's `PretrainedTokenizer`. Importing this package is free: PaddleNLP is
imported when one of the two names is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paddle_xformers.tokenizers.byte import XByteTokenizer
    from paddle_xformers.tokenizers.subword import XTokenizer

__all__ = ["XByteTokenizer", "XTokenizer"]

_MODULE_OF = {"XByteTokenizer": "byte", "XTokenizer": "subword"}


def __getattr__(name: str) -> Any:
    """Import the module of a public name on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, also before they are imported."""
    return sorted({*globals(), *__all__})
