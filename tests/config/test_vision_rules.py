"""The rules between the fields of images, and which fields the family of images has."""

from __future__ import annotations

import string
from typing import Any

import pytest

from paddle_xformers.config import schema, stack_options, validate
from paddle_xformers.config.field import fields_of
from paddle_xformers.config.options import TOKEN_GROUPS, VISION_GROUPS, CausalBiasOptions, OutputOptions, VisionOptions
from paddle_xformers.config.rules import broken_rules
from paddle_xformers.config.vision_rules import VISION
from paddle_xformers.errors import ConfigError

FIELDS = schema(VISION_GROUPS)
SMALL = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "image_size": 8, "patch_size": 4}
TRIGGERS: dict[tuple[str, ...], list[dict[str, Any]]] = {
    ("image_size",): [{"image_size": [8]}, {"image_size": [8, 8, 3]}, {"image_size": [0, 8]}],
    ("learned_reinject_input_gate", "reinject_input", "image_size"): [{"learned_reinject_input_gate": True}],
    ("image_size", "patch_size"): [{"image_size": 10}, {"image_size": [8, 6]}],
}


def flat(**given: Any) -> dict[str, Any]:
    return {**{name: info.default for name, info in FIELDS.items()}, **SMALL, **given}


@pytest.mark.parametrize("rule", VISION, ids=lambda rule: "-".join(rule.fields))
def test_values_that_break_exactly_this_rule(rule):
    for trigger in TRIGGERS[rule.fields]:
        values = flat(**trigger)
        assert broken_rules(values, FIELDS) == [rule.sentence.format(**values)]
        with pytest.raises(ConfigError) as caught:
            validate(values, FIELDS)
        assert str(caught.value) == rule.sentence.format(**values)
    shown = {name for _, name, _, _ in string.Formatter().parse(rule.sentence) if name}
    assert shown == set(rule.fields)


def test_every_rule_has_a_trigger():
    assert {rule.fields for rule in VISION} == set(TRIGGERS)


@pytest.mark.parametrize("info", FIELDS.values(), ids=FIELDS)
def test_every_example_is_valid(info):
    for example in info.examples:
        validate(flat(**{**info.needs, **info.beside, info.name: example}), FIELDS)


def test_an_image_has_no_vocabulary_no_length_and_no_segment_before():
    assert set(schema(TOKEN_GROUPS)) - set(FIELDS) == {
        *(
            "num_tokens",
            "emb_dim",
            "token_emb",
            "transform_token_embeds",
            "l2norm_embed",
            "tie_word_embeddings",
            "tie_embedding_scale",
            "logits_bias",
        ),
        *(
            "max_seq_len",
            "max_mem_len",
            "shift_mem_down",
            "memory_tokens_interspersed_every",
            "rotary_xpos",
            "rotary_xpos_scale_base",
        ),
        "attn_selective",
        *schema((OutputOptions,)),
        *(info.name for info in fields_of(CausalBiasOptions)),
    }


def test_the_options_of_images():
    options = stack_options(flat(image_size=[8, 16], channels=1, emb_dropout=0.25), causal=False)
    assert options.tokens is None and options.embedding.emb_dropout == 0.25
    vision = options.vision
    assert vision == VisionOptions(image_size=(8, 16), patch_size=4, channels=1)
    assert (vision.image_shape, vision.grid, vision.patch_width) == ((8, 16), (2, 4), 16)
    assert VisionOptions(image_size=12, patch_size=4).grid == (3, 3)
    assert stack_options({**flat(), "num_tokens": 5}, causal=False).tokens.num_tokens == 5
