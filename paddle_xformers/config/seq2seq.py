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
        NEVER_LOOKS,
    ),
)
