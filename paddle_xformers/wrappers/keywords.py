"""Which keyword goes where: to the stack of layers, to what stands around it, or nowhere.

A keyword is a field of ours, or a spelling of x-transformers or its old Paddle port that sets one.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

from ..config import nearest, schema
from ..config.options import (
    AttentionOptions,
    FeedForwardOptions,
    LayoutOptions,
    ModelOptions,
    NormOptions,
    PositionOptions,
    ResidualOptions,
)
from ..config.spelling import SPELLINGS
from ..errors import ConfigError, InputError

_STACK_GROUPS = {
    group.__name__
    for group in (
        ModelOptions,
        PositionOptions,
        LayoutOptions,
        AttentionOptions,
        FeedForwardOptions,
        NormOptions,
        ResidualOptions,
    )
}
# Position fields that say what is added to embeddings: they belong to what stands around the stack.
_AROUND_THE_STACK = ("max_seq_len", "position_embedding", "position_embedding_scale")
# It sets position_embedding, but x-transformers gives it to the stack.
ABSENT_POSITIONS = "disable_abs_pos_emb"
# It can only say what is so anyway; the configuration checks that.
_OUTER_WIDTH = "ff_dim_out"
# What is said of a keyword in a wrong place.
OF_LAYERS = "it is about the layers; give it to attn_layers=Encoder(...) or Decoder(...)"
AROUND_LAYERS = "it is about what stands around the layers; give it to the wrapper that they are given to"


def spelt(fields: Collection[str]) -> set[str]:
    """Return every keyword that sets nothing but these fields: their names and their other spellings.

    Args:
        fields: Names of fields.
    """
    return {*fields, *(spelling.keyword for spelling in SPELLINGS if set(spelling.fields) <= set(fields))}


_STACK_FIELDS = frozenset(
    name for name, info in schema().items() if info.group in _STACK_GROUPS and name not in _AROUND_THE_STACK
)
POSITION_KEYWORDS = frozenset(spelt(["position_embedding"]))
STACK_KEYWORDS = frozenset({ABSENT_POSITIONS, _OUTER_WIDTH, *spelt(_STACK_FIELDS)})


def keywords_around_stack(fields: Collection[str]) -> set[str]:
    """Return the keywords of a family that are not those of its stack.

    Args:
        fields: Names of the fields of the family.
    """
    return spelt(set(fields) - _STACK_FIELDS)


def accepted(
    owner: str, given: Mapping[str, Any], known: Collection[str], elsewhere: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the keyword arguments of a class, and refuse those it does not know.

    None means what leaving the keyword out means, as in x-transformers.

    Args:
        owner: Name of the class.
        given: Its keyword arguments.
        known: Keywords it takes.
        elsewhere: Keywords that another place takes, and what that place is.

    Raises:
        ConfigError: If a keyword is not known.
    """
    for name, value in given.items():
        if name in known:
            continue
        if name in elsewhere:
            raise ConfigError(f"{owner} does not take {name}={value!r}: {elsewhere[name]}")
        raise ConfigError(f"{owner} has no keyword {name!r}; {_hint(name, known)}")
    return {name: value for name, value in given.items() if value is not None}


def refuse_arguments(owner: str, given: Mapping[str, Any], call: Any, reasons: Mapping[str, str]) -> None:
    """Refuse arguments of a call that it can do nothing with; None and False are as good as leaving one out.

    Args:
        owner: Name of the call, for the message.
        given: Arguments that the call does not know.
        call: The method that is called.
        reasons: Why one is not taken and what to do instead, where there is more to say.

    Raises:
        InputError: If there is one.
    """
    for name, value in given.items():
        if name in reasons:
            if value is None or value is False:
                continue
            raise InputError(f"{owner} does not take {name}: {reasons[name]}")
        raise InputError(f"{owner} has no argument {name!r}; {_hint(name, inspect.signature(call).parameters)}")


def _hint(name: str, known: Collection[str]) -> str:
    near = nearest(name, sorted(known))
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return "docs/keyword-style.md lists what it takes"
