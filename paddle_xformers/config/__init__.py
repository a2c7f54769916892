"""What a model is: every field declared once, the rules between fields, and the options `nn` builds from.

Pure Python: importing it loads neither paddle nor paddlenlp.
"""

from __future__ import annotations

from .field import FieldInfo, option
from .resolve import LayerOptions, StackOptions, stack_options
from .rule import Rule
from .rules import RULES
from .schema import schema
from .spelling import SPELLINGS, canonical
from .suggest import misspelt, nearest
from .validate import validate

__all__ = [
    "RULES",
    "SPELLINGS",
    "FieldInfo",
    "LayerOptions",
    "Rule",
    "StackOptions",
    "canonical",
    "misspelt",
    "nearest",
    "option",
    "schema",
    "stack_options",
    "validate",
]
