"""Configurations of several parts: every field behind its prefix, spellings, rules and messages."""

from __future__ import annotations

import string
from typing import Any

import pytest

from paddle_xformers.config import SEQ2SEQ, Composition, Part, schema, stack_options
from paddle_xformers.config.field import ANY_LAYER, fields_of
from paddle_xformers.config.options import TOKEN_GROUPS, CausalBiasOptions, OutputOptions, Seq2SeqOptions
from paddle_xformers.config.rules import combinations_of
from paddle_xformers.errors import ConfigError

from .config_values import flat
from .test_rules import TRIGGERS

DECODER = SEQ2SEQ.part("dec_")
SMALL = {"depth": 2, "heads": 4, "attn_dim_head": 8, "num_tokens": 37, "max_seq_len": 64}
# Examples are for blocks of two layers; those of the decoder have three.
FITTED = {"custom_layers": ("a", "c", "f"), "par_ratio": 3}
EXAMPLES = [
    pytest.param(part, info, example, id=f"{part.prefix}{info.name}={example}".replace(" ", ""))
    for part in SEQ2SEQ.parts
    for info in part.own().values()
    for example in info.examples
]


def values(**given: Any) -> dict[str, Any]:
    """The default of every field, with some given in any spelling."""
    return {**{name: info.default for name, info in SEQ2SEQ.fields().items()}, **SEQ2SEQ.canonical(given)}


def problem(**given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        SEQ2SEQ.validate(values(**given))
    return str(caught.value)


def test_the_fields_are_those_of_both_parts_and_what_they_share():
    fields_of_output = set(schema((OutputOptions,)))
    core, fields = set(schema(TOKEN_GROUPS)), SEQ2SEQ.fields()
    decoder = {name.removeprefix("dec_") for name in fields if name.startswith("dec_")}
    encoder = {name.removeprefix("enc_") for name in fields if name.startswith("enc_")}
    assert core - decoder == {
        *("dim", "initializer_range"),
        *("cross_attend", "cross_attn_dim_context", "max_mem_len", "shift_mem_down"),
    }
    across = {name for name in core if "cross" in name}
    own = {"tie_word_embeddings", "tie_embedding_scale", "logits_bias", "rotary_xpos", "rotary_xpos_scale_base"}
    own |= {
        "attn_selective",
        "memory_tokens_interspersed_every",
        *fields_of_output,
        *(info.name for info in fields_of(CausalBiasOptions)),
    }
    assert decoder - encoder == (across & decoder) | own
    assert {"dim", "initializer_range", "tie_token_emb"} <= set(fields)
    assert all(info.name == name for name, info in fields.items())
    assert all(set(info.needs) | set(info.beside) <= set(fields) for info in fields.values())


@pytest.mark.parametrize(("part", "info", "example"), EXAMPLES)
def test_every_field_reaches_its_part(part: Part, info, example):
    """The options that a part is built from are those of the same fields in a model of its own."""
    fixed = {name: value for name, value in part.fixed.items() if name in schema(part.groups)}
    around = {name: value for name, value in {**info.needs, **info.beside}.items() if name not in fixed}
    if part is DECODER:
        example = FITTED.get(info.name, example)
        if info.per_layer == ANY_LAYER and isinstance(example, tuple):
            example = (*example, *example[:2])
    chosen = {**SMALL, **around, info.name: example}
    given = values(dim=32, **{part.prefix + name: value for name, value in chosen.items()})
    SEQ2SEQ.validate(given)
    alone = {name: value for name, value in flat(dim=32, **fixed, **chosen).items() if name in schema(part.groups)}
    assert part.values(given) == alone
    assert stack_options(part.values(given), causal=True) == stack_options(alone, causal=True)
    other = next(other for other in SEQ2SEQ.parts if other is not part)
    assert other.values(given) == other.values(values(dim=32))


@pytest.mark.parametrize("part", SEQ2SEQ.parts, ids=lambda part: part.title)
def test_every_rule_holds_in_every_part_and_names_its_fields(part: Part):
    """What breaks a rule of one model breaks that rule in each part, with a sentence about the prefixed fields."""
    left = {fields: list(triggers) for fields, triggers in TRIGGERS.items()}
    tried = 0
    for rule in combinations_of(schema(part.groups)):
        trigger = left[rule.fields].pop(0)
        if trigger.keys() - {*part.own(), *part.fixed}:
            continue  # it needs a field that has no effect in this part
        given = {part.prefix + name: value for name, value in trigger.items() if name in part.own()}
        plain = {**flat(), **part.values(values(**given))}
        if not rule.broken(plain):
            continue  # beside what is fixed in this part, the combination is none
        sentence = problem(**given)
        assert any(name in sentence for name in given), sentence
        assert rule.sentence.format(**plain) in sentence.replace(part.prefix, "")
        tried += 1
    assert tried >= 20


def test_what_cross_attention_needs_may_be_as_in_self_attention():
    """A field of cross attention that is None holds what self attention does, behind a prefix as well."""
    chosen = {"dec_cross_attn_qk_norm_groups": 2, "dec_attn_qk_norm": True}
    SEQ2SEQ.validate(values(**chosen))
    assert problem(dec_cross_attn_qk_norm_groups=2) == (
        "dec_cross_attn_qk_norm_groups=2 has no effect while dec_cross_attn_qk_norm=None; "
        "set dec_cross_attn_qk_norm=True or leave it out"
    )


@pytest.mark.parametrize("part", SEQ2SEQ.parts, ids=lambda part: part.title)
def test_sentences_show_only_fields_that_exist(part: Part):
    for rule in part.rules():
        shown = {name for _, name, _, _ in string.Formatter().parse(rule.sentence) if name}
        assert shown <= set(SEQ2SEQ.fields()), rule.sentence


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"enc_rel_pos_bias": True}, "enc_position_bias", "t5"),
        ({"dec_use_rmsnorm": True}, "dec_norm", "rmsnorm"),
        ({"dec_num_residual_streams": 2}, "dec_residual", "hyper"),
        ({"enc_use_abs_pos_emb": False}, "enc_position_embedding", "none"),
        ({"dec_cross_attn_one_kv_head": True}, "dec_cross_attn_kv_heads", 1),
    ],
)
def test_foreign_spellings_behind_a_prefix(given, field, value):
    found = values(**given)
    assert found[field] == value
    assert set(found) == set(SEQ2SEQ.fields())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"heads": 8}, "'heads' is no field of the whole model.*write enc_heads or dec_heads"),
        ({"rotary_pos_emb": True}, "write enc_rotary_pos_emb or dec_rotary_pos_emb"),
        ({"tie_word_embeddings": True}, "write dec_tie_word_embeddings$"),
        ({"use_rmsnorm": True}, "write enc_use_rmsnorm or dec_use_rmsnorm"),
        ({"enc_dim": 64}, "enc_dim=64 is not allowed: all parts share one dim; give dim"),
        ({"dec_cross_attend": False}, "the decoder of this model always has cross_attend=True; leave it out"),
        ({"enc_cross_attn_dropout": 0.1}, "has no effect: the encoder of this model always has cross_attend=False"),
        ({"enc_depht": 3}, r"'enc_depht' is not a field of this model; did you mean 'enc_depth'\?"),
        ({"dec_no_such_thing_at_all": 3}, "no field looks like it"),
        ({"enc_max_mem_len": 3}, "'enc_max_mem_len' is not a field"),
        ({"dec_max_mem_len": 3}, "the decoder of this model always has max_mem_len=0"),
        ({"dec_use_rmsnorm": 1}, "dec_use_rmsnorm=1 is not allowed: it is a switch"),
        (
            {"enc_rel_pos_bias": True, "enc_alibi_pos_bias": True},
            "enc_rel_pos_bias=True and enc_alibi_pos_bias=True exclude each other: both set enc_position_bias",
        ),
    ],
)
def test_what_no_part_has_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        SEQ2SEQ.canonical(given)


def test_what_is_always_so_may_be_said():
    assert "dec_cross_attend" not in SEQ2SEQ.canonical({"dec_cross_attend": True})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"enc_depth": 0}, "^enc_depth=0 is too small; allowed is int, >= 1$"),
        ({"dec_attn_dropout": [0.1, 0.2], "dec_depth": 3}, "^dec_attn_dropout=.* has 2 values for 3 self attention"),
        ({"dec_cross_attn_dropout": [0.1], "dec_depth": 3}, "^dec_cross_attn_dropout=.* 3 cross attention layers"),
        ({"enc_rotary_base": 3.0}, "^enc_rotary_base=3.0 has no effect while enc_rotary_pos_emb=False; set enc_rot"),
        (
            {"tie_token_emb": True, "enc_num_tokens": 9},
            "^tie_token_emb=True needs one vocabulary, but enc_num_tokens=9",
        ),
        ({"tie_token_emb": True, "enc_emb_dim": 9}, r"enc_emb_dim=9 and dec_emb_dim=None \(None: dim=512\)"),
        ({"dec_custom_layers": ["a", "f"]}, r"^dec_custom_layers=\['a', 'f'\] and dec_cross_attend=True disagree"),
        (
            {"enc_norm": "adaptive_rmsnorm", "dec_use_adaptive_layerscale": True, "dec_dim_condition": 3},
            r"^enc_dim_condition=None and dec_dim_condition=3 \(None: dim=512\) differ.*; use one width$",
        ),
        (
            {"enc_learned_reinject_input_gate": True},
            "^enc_learned_reinject_input_gate=True has no effect while enc_reinject_input=False.*; set enc_reinject",
        ),
        ({"dec_learned_reinject_input_gate": True}, "while dec_reinject_input=False.*; set dec_reinject_input=True or"),
        ({"dec_layers_execute_order": [0, 2]}, "leaves out every cross attention layer.*; add one$"),
        ({"cross_attn_tokens_dropout": 2.0}, "^cross_attn_tokens_dropout=2.0 is too large"),
    ],
)
def test_values_that_no_model_is_built_from(given, message):
    with pytest.raises(ConfigError, match=message):
        SEQ2SEQ.validate(values(**given))


def test_a_composition_of_other_parts():
    """The mechanism knows nothing of encoders and decoders."""
    whole = Composition(
        groups=(Seq2SeqOptions,),
        parts=(
            Part("left_", "left part", shared=("dim", "depth")),
            Part("right_", "right part", groups=TOKEN_GROUPS, shared=("dim", "depth"), fixed={"macaron": True}),
        ),
    )
    fields = whole.fields()
    assert {"dim", "depth", "left_heads", "right_heads", "left_macaron"} <= set(fields)
    assert not {"left_depth", "right_macaron", "heads"} & set(fields)
    given = {name: info.default for name, info in fields.items()}
    whole.validate(given)
    assert whole.part("right_").values(given)["macaron"] is True
    with pytest.raises(ConfigError, match="^right_macaron=True adds feed-forward layers and right_only_attn=True"):
        whole.validate({**given, "right_only_attn": True})
