"""PaddleNLP's Auto classes find every class of every family, and name those that exist where one is missing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from paddlenlp.transformers import AutoConfig, AutoModel
from paddlenlp.transformers import auto as paddlenlp_auto

import paddle_xformers
from paddle_xformers import AutoModelForImageClassification, InputError
from paddle_xformers.auto import FAMILIES

from ..small import assert_same_weights
from .members import MEMBERS, Member


def auto_class(suffix: str) -> Any:
    """The Auto class that loads classes with this ending, or None where PaddleNLP has none."""
    if suffix == "ForImageClassification":
        return AutoModelForImageClassification
    return getattr(paddlenlp_auto.modeling, "AutoModel" + suffix.removeprefix("Model"), None)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.model.__name__)
def test_every_class_is_found_from_a_folder(member: Member, tmp_path):
    model = member.subject.build({})
    model.save_pretrained(tmp_path)
    folder = str(tmp_path)
    assert type(AutoConfig.from_pretrained(folder)) is member.subject.config
    base = AutoModel.from_pretrained(folder)
    assert type(base) is type(model.base_model)
    auto = auto_class(member.suffix)
    found = AutoModel.from_pretrained(folder, task=member.suffix) if auto is None else auto.from_pretrained(folder)
    assert type(found) is member.model
    if member.suffix != "Model":
        assert_same_weights(found, model)
    built = AutoModel.from_config(member.subject.config(**member.subject.small))
    assert type(built) is type(model.base_model)


@pytest.mark.parametrize(("prefix", "suffixes"), FAMILIES, ids=[prefix for prefix, _ in FAMILIES])
def test_a_missing_head_says_which_there_are(prefix: str, suffixes: tuple[str, ...], tmp_path):
    member = next(member for member in MEMBERS if member.model.__name__.startswith(prefix) and member.suffix == "Model")
    member.subject.build({}).save_pretrained(tmp_path)
    all_heads = dict.fromkeys(suffix for _, known in FAMILIES for suffix in known)
    missing = [suffix for suffix in all_heads if suffix not in suffixes and auto_class(suffix) is not None]
    assert missing
    names = [re.escape(f"({prefix}{suffix})") for suffix in suffixes]
    for suffix in missing:
        with pytest.raises(InputError, match=".*".join([f"{prefix} has no {prefix}{suffix}", *names])):
            auto_class(suffix).from_pretrained(str(tmp_path))


def test_every_public_class_belongs_to_a_member():
    heads = {name for name in paddle_xformers.__all__ if re.fullmatch(r"X[A-Za-z0-9]+?(Model|For[A-Z]\w+)", name)}
    named = {member.model.__name__ for member in MEMBERS}
    assert {name for name in heads if not name.endswith("PretrainedModel")} == named
