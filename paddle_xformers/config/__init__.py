"""What a model is: every field declared once, the rules between fields, and the options `nn` builds from.

Pure Python: importing it loads neither paddle nor paddlenlp.
"""

from __future__ import annotations

from .caption import CAPTION
from .field import FieldInfo, option
from .parts import Composition, Part
from .registry import register_part, unregister_part
from .resolve import LayerOptions, StackOptions, stack_options
from .rule import Rule
from .rules import RULES
from .schema import schema
from .seq2seq import SEQ2SEQ
from .spelling import SPELLINGS, canonical
from .suggest import misspelt, nearest
from .validate import validate

__all__ = [
    "CAPTION",
    "RULES",
    "SEQ2SEQ",
    "SPELLINGS",
    "Composition",
    "FieldInfo",
    "LayerOptions",
    "Part",
    "Rule",
    "StackOptions",
    "canonical",
    "misspelt",
    "nearest",
    "option",
    "register_part",
    "schema",
    "stack_options",
    "unregister_part",
    "validate",
]
