"""Every class that an Auto class loads, with small models of many kinds.

How a class is called is told by its subject in `tests/contracts/subjects/`, so a new family joins by its file there and
its line in `paddle_xformers.auto.FAMILIES`. A bundle runs over the families that have all of its fields.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import paddle_xformers
from paddle_xformers.auto import FAMILIES

from ...contracts.subjects import SUBJECTS
from ...contracts.subjects.subject import Subject

BUNDLES: dict[str, dict[str, Any]] = {
    "default": {},
    "bert": {
        "norm_placement": "post",
        "norm_bias": True,
        "post_emb_norm": True,
        "attn_qkv_bias": True,
        "attn_out_bias": True,
        "final_norm": False,
        "tie_word_embeddings": True,
        "tie_embedding_scale": 1.0,
        "logits_bias": True,
    },
    "llama": {
        "rotary_pos_emb": True,
        "rotary_layout": "half",
        "rotary_emb_dim": 8,
        "attn_kv_heads": 2,
        "ff_glu": True,
        "ff_activation": "silu",
        "norm": "rmsnorm",
    },
    "t5": {"position_bias": "t5", "norm": "rmsnorm", "attn_scale": 1.0, "rel_pos_scale": 1.0},
    "alibi": {"position_bias": "alibi", "attn_kv_heads": 1, "norm_placement": "sandwich"},
    "tied head": {"tie_word_embeddings": True, "initializer_range": 0.02},
    "head with bias": {"logits_bias": True, "emb_dropout": 0.1, "attn_dropout": 0.1, "ff_dropout": 0.1},
    "narrow embedding": {"emb_dim": 16, "position_embedding": "none"},
    "memory tokens": {"num_memory_tokens": 3, "rotary_pos_emb": True},
    "streams": {"residual": "hyper", "num_residual_streams": 2},
    "value residual": {"add_value_residual": True, "attn_dim_head": 12},
    "attention parts": {
        "attn_pre_talking_heads": True,
        "attn_sparse_topk": 3,
        "attn_num_mem_kv": 2,
        "attn_head_scale": True,
    },
    "macaron": {"macaron": True, "norm": "scalenorm", "ff_mult": [1, 2, 1, 2]},
    "layer order": {"custom_layers": ["a", "f", "f", "a"], "ff_activation": "relu_squared"},
    "tied layers": {"weight_tie_layers": True, "depth": 3},
    "cross attention": {"cross_attend": True, "cross_attn_kv_heads": 2, "cross_attn_dim_context": 20},
}
FEW = ("default", "bert", "llama")


@dataclasses.dataclass(frozen=True)
class Member:
    """One class of a family.

    Args:
        subject: How it is called.
        suffix: What follows the family's name in the name of the class.
        is_main: Whether it is the base model or the first head, which all bundles run over.
    """

    subject: Subject
    suffix: str
    is_main: bool

    @property
    def model(self) -> Any:
        """The class."""
        return self.subject.model


def members() -> list[Member]:
    """Every class of every family; the base model is called like the first head."""
    found = []
    for prefix, suffixes in FAMILIES:
        config = getattr(paddle_xformers, f"{prefix}Config")
        family = [subject for subject in SUBJECTS if subject.config is config]
        by_class = {subject.model: subject for subject in reversed(family)}  # the first one of a class
        for suffix in suffixes:
            model = getattr(paddle_xformers, prefix + suffix)
            if suffix == "Model":
                base = dataclasses.replace(family[0], model=model, labels=None, result="last_hidden_state")
                found.append(Member(base, suffix, True))
            else:
                found.append(Member(by_class[model], suffix, model is family[0].model))
    return found


MEMBERS = members()
CONFIGS = [getattr(paddle_xformers, f"{prefix}Config") for prefix, _ in FAMILIES]


def spelt(config: Any, fields: dict[str, Any]) -> dict[str, Any] | None:
    """The fields as a family has them, behind the prefix of each part if it is made of parts; None if it lacks one."""
    parts = config.composition.parts if hasattr(config, "composition") else ()
    found: dict[str, Any] = {}
    for name, value in fields.items():
        names = [name] if name in config.fields() else [part.prefix + name for part in parts if name in part.own()]
        if not names:
            return None
        found |= dict.fromkeys(names, value)
    return found


def runs(config: Any, bundle: dict[str, Any]) -> bool:
    """Whether a bundle is one of the family's."""
    fields = spelt(config, bundle)
    return fields is not None and "dec_custom_layers" not in fields  # its bundle has no cross attention


def each_model(wanted: Any = lambda member: True) -> Any:
    """Run a test over the members and their bundles, as arguments `subject` and `fields`."""
    chosen = [
        pytest.param(member.subject, fields, id=f"{member.model.__name__}-{name}")
        for member in MEMBERS
        for name, bundle in BUNDLES.items()
        if (fields := spelt(member.subject.config, bundle)) is not None
        and wanted(member)
        and (member.is_main or name in FEW)
        and not (fields.get("cross_attend") and member.suffix == "ForMultipleChoice")
        and runs(member.subject.config, bundle)
    ]
    return pytest.mark.parametrize(("subject", "fields"), chosen)


each_config = pytest.mark.parametrize("config_class", CONFIGS, ids=lambda config: config.__name__)
