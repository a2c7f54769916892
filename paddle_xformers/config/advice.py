"""What works but is seldom wise: sentences for the log, where `verbose` asks for them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .position_rules import rotary_width

_LOG = logging.getLogger("paddle_xformers")
# With fewer features the slowest pairs still turn fast, and far positions look like near ones.
_ROTARY_FEATURES = 32


def advice(values: Mapping[str, Any]) -> list[str]:
    """Return what is to be said of a valid configuration.

    Args:
        values: Value of every field.
    """
    found = []
    if values["rotary_pos_emb"] and rotary_width(values) < _ROTARY_FEATURES:
        found.append(
            f"rotary positions turn only {rotary_width(values)} features of a head (rotary_emb_dim="
            f"{values['rotary_emb_dim']}, None: half of attn_dim_head={values['attn_dim_head']}), and "
            f"{_ROTARY_FEATURES} or more are usual; widen the heads, or set rotary_emb_dim"
        )
    return found


def advise(values: Mapping[str, Any]) -> None:
    """Write it to the log "paddle_xformers", as warnings.

    Args:
        values: Value of every field, with `verbose`.
    """
    for sentence in advice(values) if values["verbose"] else ():
        _LOG.warning(sentence)
