"""From token ids to embeddings, and from the last hidden state to logits."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class EmbeddingWidthOptions:
    """Width of the token embedding, for families whose vocabulary is declared elsewhere."""

    emb_dim: int | None = option(
        None,
        "Width of the embeddings; a linear maps it to dim where they differ. None: dim.",
        feature="emb-factorized",
        paper="1909.11942",
        minimum=1,
        examples=(24,),
    )


@dataclass(frozen=True)
class TokenOptions(EmbeddingWidthOptions):
    """Vocabulary: token embedding and output head."""

    num_tokens: int = option(
        256, "Size of the vocabulary.", feature="emb-token", paper="1706.03762", minimum=1, examples=(61,)
    )
    token_emb: str = option(
        "lookup",
        "What makes vectors of token ids. lookup: a table. A registered embedder is a layer of its own.",
        feature="emb-custom-embedder",
        choices=("lookup",),
        socket="token_emb",
    )
    transform_token_embeds: str | None = option(
        None,
        "What the vectors of tokens go through before positions are added: a registered function or layer.",
        feature="emb-transform-tokens",
        paper="2608.08888",
        socket="transform_token_embeds",
    )
    l2norm_embed: bool = option(
        False,
        "The vectors of tokens and of learned positions are brought to length 1; both tables start small.",
        feature="emb-l2norm",
        paper="1910.05895",
    )
    tie_word_embeddings: bool = option(
        False,
        "The output head is the token embedding transposed.",
        feature="emb-tied-output",
        paper="1608.05859",
    )
    tie_embedding_scale: float | None = option(
        None,
        "Factor on the logits of a tied head; None: dim**-0.5.",
        feature="emb-tied-output",
        paper="1608.05859",
        above=0,
        examples=(1.0,),
        needs={"tie_word_embeddings": True},
    )
    logits_bias: bool = option(False, "The output head has a bias.", feature="out-logits-bias")


@dataclass(frozen=True)
class ExtraTokenOptions:
    """Further ids of each token, for families whose forward takes them."""

    embed_num_tokens: dict[str, int] | None = option(
        None,
        "Further ids of each token (embed_ids), each kind with an embedding of its own that is added to that of the "
        "token: how many ids there are of each kind, by name.",
        feature="emb-extra-ids",
        paper="1810.04805",
        examples=({"sentence": 3}, {"speaker": 2, "part_of_speech": 4}),
    )
    ff_deep_embed: bool = option(
        False,
        "Each token of the vocabulary scales the output of every feed-forward layer, feature by feature; needs "
        "input_ids. The factors start at 1, and what stands in front of the tokens keeps it.",
        feature="ff-deep-embed",
    )
