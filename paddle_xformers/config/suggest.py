"""Did you mean: tell a misspelt field of ours from a foreign key that PaddleNLP keeps."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# A key with one of these prefixes can only be meant for us.
OUR_PREFIXES = (
    "attn_",
    "cross_attn_",
    "ff_",
    "rotary_",
    "alibi_",
    "rel_pos_",
    "norm_",
    "hyper_conn_",
    "layers_",
)
_NEAR = 0.86


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that look like `name`, best first."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """Return a sentence if an unknown key was probably meant to be one of our fields.

    Args:
        name: The unknown key.
        known: All field names and accepted spellings.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=_NEAR)
    ours = name.startswith(OUR_PREFIXES)
    if not near and not ours:
        return None
    candidates = near or nearest(name, names)
    hint = f"did you mean {' or '.join(repr(c) for c in candidates)}?" if candidates else "no field looks like it."
    return f"{name!r} is not a field of this model; {hint} List them with: python -m paddle_xformers fields"
