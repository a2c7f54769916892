"""Where a token stands: added to the input, turned into the queries and keys, or added to the scores."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option
from .position_bias import BiasOptions, CausalBiasOptions


@dataclass(frozen=True)
class PlacedOptions:
    """Positions added to the input, and those turned into queries and keys; one of each kind can be combined."""

    position_embedding: str = option(
        "auto",
        "Positions added to the token embeddings. auto: learned, unless rotary, polar, T5 or infused positions are on. "
        "sinusoidal: sines and cosines of the positions (of patches, row by row), times one learned factor.",
        feature="pos-absolute",
        paper="2203.16634; 1706.03762",
        choices=("auto", "learned", "sinusoidal", "none"),
        examples=("none", "sinusoidal"),
        socket="position_embedding",
    )
    position_embedding_scale: float | None = option(
        None,
        "Factor on the learned position embedding; None: emb_dim**-0.5, and 1 for the patches of XViT.",
        feature="pos-absolute",
        above=0,
        examples=(0.5,),
        beside={"position_embedding": "learned"},
    )
    rotary_pos_emb: bool = option(
        False, "Rotate queries and keys by their positions.", feature="pos-rotary", paper="2104.09864"
    )
    rotary_emb_dim: int | None = option(
        None,
        "Rotated features of each head, from the first; None: half of attn_dim_head.",
        feature="pos-rotary",
        paper="2104.09864",
        minimum=2,
        examples=(2, 8),
        needs={"rotary_pos_emb": True},
    )
    rotary_base: float = option(
        10000.0,
        "Base of the rotary frequencies (rope_theta).",
        feature="pos-rotary",
        paper="2104.09864",
        above=1,
        examples=(500.0,),
        needs={"rotary_pos_emb": True},
    )
    rotary_base_rescale_factor: float = option(
        1.0,
        "Longer sequences without training: the base is multiplied by this factor to the power of w / (w - 2), w being "
        "the rotated features (NTK-aware scaling).",
        feature="pos-rotary-ntk",
        paper="2309.00071",
        above=0,
        examples=(2.0,),
        needs={"rotary_pos_emb": True},
    )
    rotary_interpolation_factor: float = option(
        1.0,
        "Longer sequences with little training: positions are divided by this factor.",
        feature="pos-rotary-interpolation",
        paper="2306.15595",
        minimum=1,
        examples=(2.0,),
        needs={"rotary_pos_emb": True},
    )
    rotate_num_heads: int | None = option(
        None,
        "Number of heads (the last ones) that are rotated; the others know no positions. None: all.",
        feature="pos-rotary-partial-heads",
        paper="2405.04434",
        minimum=1,
        examples=(3,),
        needs={"rotary_pos_emb": True},
    )
    rotary_layout: str = option(
        "interleaved",
        "Which features form a rotated pair. interleaved: (0, 1), (2, 3) ...; half: (i, i + rotary_emb_dim/2), "
        "as in LLaMA.",
        feature="pos-rotary-half-split",
        paper="2104.09864",
        choices=("interleaved", "half"),
        needs={"rotary_pos_emb": True},
        beside={"rotary_emb_dim": 8},
    )
    rotary_values: bool = option(
        False,
        "Rotate values too, as the old Paddle port did (with rotary_layout='half' and rotary_emb_dim at least 32).",
        feature="pos-rotary-values",
        paper="2104.09864",
        needs={"rotary_pos_emb": True},
    )
    cross_attn_rotary_pos_emb: bool = option(
        False,
        "Rotary positions in cross attention too: queries turn by their own positions, keys by those of the context, "
        "which are counted by its mask or given as encoder_position_ids. In x-transformers a forward that gets "
        "context_pos does it, and memory tokens move the queries there.",
        feature="pos-rotary-cross",
        paper="2104.09864",
        needs={"rotary_pos_emb": True, "cross_attend": True},
    )
    polar_pos_emb: bool = option(
        False,
        "Polar positions (PoPE): each feature of queries and keys becomes a length and the position its angle, so that "
        "contents and distances never mix; with a learned angle for each head and feature between -2 pi and 0. The "
        "cache holds keys of twice the width.",
        feature="pos-polar",
        paper="2509.10534",
    )
    polar_bias_uniform_init: bool = option(
        False,
        "The learned angles start spread evenly between -2 pi and 0; False: at 0. x-transformers fails with it.",
        feature="pos-polar",
        paper="2509.10534",
        needs={"polar_pos_emb": True},
    )
    position_infused_attn: bool = option(
        False,
        "A sinusoid of the positions is added to what self attention makes queries and keys of, in every layer; "
        "values stay free of positions.",
        feature="pos-infused-attention",
        paper="2012.15832; 2005.12872",
    )

    def rotary_width(self, head_dim: int) -> int:
        """Features of a head that rotary positions turn.

        Args:
            head_dim: Width of a head.
        """
        return head_dim // 2 if self.rotary_emb_dim is None else self.rotary_emb_dim

    def rotary_rescaled_base(self, width: int) -> float:
        """Base of the rotary frequencies, rescaled.

        Args:
            width: Features of a head that are turned.
        """
        factor = self.rotary_base_rescale_factor
        return self.rotary_base if factor == 1 else self.rotary_base * factor ** (width / (width - 2))


@dataclass(frozen=True)
class SchemeOptions(BiasOptions, PlacedOptions):
    """Position schemes; one of each kind can be combined."""

    @property
    def adds_learned_positions(self) -> bool:
        """Whether a learned position embedding is added to the tokens."""
        if self.position_embedding != "auto":
            return self.position_embedding == "learned"
        elsewhere = (
            self.rotary_pos_emb or self.polar_pos_emb or self.position_infused_attn or self.position_bias == "t5"
        )
        return not elsewhere and getattr(self, "max_seq_len", 1) > 0


@dataclass(frozen=True)
class SequenceOptions(SchemeOptions):
    """Position schemes, and the length of a sequence."""

    max_seq_len: int = option(
        1024,
        "Longest sequence of tokens (prompt and generated). It is the size of the learned position table; "
        "other schemes only refuse longer input.",
        feature="emb-token",
        minimum=0,
        examples=(48,),
    )


@dataclass(frozen=True)
class PositionOptions(CausalBiasOptions, SequenceOptions):
    """Position schemes, those for causal attention too, and the length of a sequence."""

    rotary_xpos: bool = option(
        False,
        "Rotated queries and keys also fade with distance (xPos): the faster a pair turns, the faster. For causal "
        "attention.",
        feature="pos-rotary-xpos",
        paper="2212.10554",
        needs={"rotary_pos_emb": True},
    )
    rotary_xpos_scale_base: float = option(
        512.0,
        "Distance over which rotary_xpos fades by its full factor. Positions beyond 60 times as many are too far.",
        feature="pos-rotary-xpos",
        paper="2212.10554",
        above=0,
        examples=(8.0,),
        needs={"rotary_xpos": True},
        beside={"rotary_pos_emb": True},
    )
