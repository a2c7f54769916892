"""The encoder-decoder: which fields its two parts have, and the rules between them."""

from __future__ import annotations

from .layout import layer_layout
from .options import BIDIRECTIONAL_GROUPS, LayoutOptions, Seq2SeqOptions
from .parts import Composition, Part
from .rule import Rule, Values
from .schema import group_values

# Neither part keeps mems: source and target are whole.
ENCODER = Part(
    "enc_",
    "encoder",
    groups=BIDIRECTIONAL_GROUPS,
    fixed={
        **{"cross_attend": False, "tie_word_embeddings": False, "logits_bias": False},
        **{"logits_dim": None, "sigsoftmax_logits": False, "mixture_of_softmax": False},
    },
)
DECODER = Part(
    "dec_",
    "decoder",
    fixed={"cross_attend": True, "cross_attn_dim_context": None, "max_mem_len": 0, "shift_mem_down": 0},
)


def _widths_differ(v: Values) -> bool:
    return bool((v["enc_emb_dim"] or v["dim"]) != (v["dec_emb_dim"] or v["dim"]))


def _never_looks_at_the_source(v: Values) -> bool:
    if v["dec_layers_execute_order"] is None:
        return False
    layout = layer_layout(LayoutOptions(**group_values(LayoutOptions, DECODER.values(v))))
    return not any(layout.kinds[index] == "c" for index in layout.order if 0 <= index < len(layout.kinds))


NEVER_LOOKS = Rule(
    ("dec_layers_execute_order",),
    _never_looks_at_the_source,
    "dec_layers_execute_order={dec_layers_execute_order!r} leaves out every cross attention layer, so that the "
    "decoder never looks at the source; add one",
)


def _gate_of_nothing(prefix: str) -> Rule:
    """The rule of a part whose calls add nothing to the inputs of branches that a gate could weigh."""
    gate, reinject = f"{prefix}learned_reinject_input_gate", f"{prefix}reinject_input"
    return Rule(
        (gate, reinject),
        lambda v: v[gate] and not v[reinject],
        f"{gate}={{{gate}}} has no effect while {reinject}={{{reinject}}}: calls of a model of two parts add nothing "
        f"else to the inputs of branches; set {reinject}=True or leave it out",
    )


GATE_OF_NOTHING = _gate_of_nothing("dec_")


def _reads_a_condition(v: Values, prefix: str) -> bool:
    adaptive = v[f"{prefix}norm"] in ("adaptive_layernorm", "adaptive_rmsnorm")
    return bool(adaptive or v[f"{prefix}use_adaptive_layerscale"])


# Of one width: both parts read the same condition.
ONE_CONDITION = Rule(
    ("enc_dim_condition", "dec_dim_condition"),
    lambda v: (
        (v["enc_dim_condition"] or v["dim"]) != (v["dec_dim_condition"] or v["dim"])
        and all(_reads_a_condition(v, prefix) for prefix in ("enc_", "dec_"))
    ),
    "enc_dim_condition={enc_dim_condition} and dec_dim_condition={dec_dim_condition} (None: dim={dim}) differ, but "
    "encoder and decoder read one condition; use one width",
)


SEQ2SEQ = Composition(
    groups=(Seq2SeqOptions,),
    parts=(ENCODER, DECODER),
    rules=(
        Rule(
            ("tie_token_emb", "enc_num_tokens", "dec_num_tokens"),
            lambda v: v["tie_token_emb"] and v["enc_num_tokens"] != v["dec_num_tokens"],
            "tie_token_emb=True needs one vocabulary, but enc_num_tokens={enc_num_tokens} and dec_num_tokens="
            "{dec_num_tokens}; untie or use one size",
        ),
        Rule(
            ("tie_token_emb", "enc_emb_dim", "dec_emb_dim"),
            lambda v: v["tie_token_emb"] and _widths_differ(v),
            "tie_token_emb=True needs embeddings of one width, but enc_emb_dim={enc_emb_dim} and dec_emb_dim="
            "{dec_emb_dim} (None: dim={dim}); untie or use one width",
        ),
        Rule(
            ("tie_token_emb", "enc_token_emb", "dec_token_emb"),
            lambda v: v["tie_token_emb"] and not v["enc_token_emb"] == v["dec_token_emb"] == "lookup",
            "tie_token_emb=True shares one table, and of enc_token_emb={enc_token_emb!r} and dec_token_emb="
            "{dec_token_emb!r} not both have one; untie or use 'lookup' in both",
        ),
        NEVER_LOOKS,
        ONE_CONDITION,
        _gate_of_nothing("enc_"),
        GATE_OF_NOTHING,
    ),
)
