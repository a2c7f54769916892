"""Weights of other libraries as ours: tables of names with a transform each, numpy in and numpy out.

The tables need neither paddle nor the other library. `load_arrays` and `load_x_transformers` put the result
into a model and check that nothing is missing, left over, or of another shape.
"""

from __future__ import annotations

from .load import load_arrays, load_x_transformers
from .table import Rule
from .x_transformers import RULES, from_x_transformers

__all__ = ["RULES", "Rule", "from_x_transformers", "load_arrays", "load_x_transformers"]
