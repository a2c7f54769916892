"""Which layers a stack has, and the order they run in."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import ANY_LAYER, option


@dataclass(frozen=True)
class LayoutOptions:
    """Layer kinds: a = self attention, c = cross attention, f = feed-forward."""

    depth: int = option(6, "Number of blocks.", feature="layers-core", paper="1706.03762", minimum=1, examples=(1, 3))
    cross_attend: bool = option(
        False,
        "Blocks are (a, c, f): they also attend to encoder_hidden_states.",
        feature="cross-attention",
        paper="1706.03762",
    )
    only_cross: bool = option(
        False,
        "Blocks are (c, f): no self attention. Needs cross_attend.",
        feature="cross-attention",
        paper="1706.03762",
        needs={"cross_attend": True},
    )
    only_attn: bool = option(
        False, "Leave the feed-forward layers out.", feature="layers-only-attn", paper="2607.18363"
    )
    macaron: bool = option(
        False,
        "A feed-forward layer on both sides of the attention, each counted half.",
        feature="layers-macaron",
        paper="1906.02762",
    )
    custom_layers: tuple[str, ...] | None = option(
        None,
        "The layers one by one, e.g. ['a', 'f', 'f']; replaces depth times the block.",
        feature="layers-custom",
        paper="1911.03864",
        examples=(("a", "f", "f", "a"),),
    )
    sandwich_coef: int | None = option(
        None,
        "Sandwich order: this many attention layers first, as many feed-forward layers last.",
        feature="layers-sandwich-coef",
        paper="1911.03864",
        minimum=1,
        examples=(1,),
    )
    par_ratio: int | None = option(
        None,
        "PAR order: attention in the first two thirds only, one attention block in par_ratio layers.",
        feature="layers-par-ratio",
        paper="2009.04534",
        minimum=2,
        examples=(2,),
        beside={"depth": 4},
    )
    weight_tie_layers: bool = option(
        False,
        "Build one block and run it depth times.",
        feature="layers-weight-tie",
        paper="1909.11942",
    )
    layers_execute_order: tuple[int, ...] | None = option(
        None,
        "Indices of the built layers in the order they run; a layer may run more than once.",
        feature="layers-execute-order",
        paper="2405.15071",
        examples=((0, 1, 2, 3, 0, 1), (2, 3, 0, 1)),
    )
    shift_tokens: int = option(
        0,
        "Token shift: a layer's input is cut along the features into equal chunks; one stays, the others come from 1, "
        "2, ... this many tokens before (in a bidirectional stack also behind); what is left over stays.",
        feature="layers-shift-tokens",
        paper="2106.07477",
        minimum=0,
        per_layer=ANY_LAYER,
        examples=(1, 2, (3, 0, 1, 0)),
    )
    layer_dropout: float = option(
        0.0,
        "Stochastic depth: probability that a layer is skipped in a training step.",
        feature="residual-layer-dropout",
        paper="1603.09382",
        minimum=0,
        maximum=1,
        per_layer=ANY_LAYER,
        examples=(0.5, (0.0, 0.9, 0.9, 0.0)),
    )
