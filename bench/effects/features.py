"""The features that docs/features/ explains: id, the page, and the heading of its section there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One row of the index.

    Attributes:
        id: Its name in the field reference.
        page: The page of its section, without ".md".
        title: The heading of its section.
    """

    id: str
    page: str
    title: str

    @property
    def link(self) -> str:
        """Link to the section, from the index."""
        kept = "".join(letter for letter in self.title.lower() if letter.isalnum() or letter in " -_")
        return f"[{self.title}]({self.page}.md#{kept.replace(' ', '-')})"


_PAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "attention": (
        ("attn-multi-head", "Multi-head attention"),
        ("attn-output-projection", "Output projection"),
        ("attn-causal", "Causal mask"),
        ("attn-mask-key-padding", "Padding masks"),
        ("attn-mask-custom", "Masks of your own"),
        ("attn-mask-self-kv", "Hidden keys"),
        ("attn-bias-external", "Bias of your own"),
        ("attn-window", "Sliding window"),
        ("attn-dropout", "Attention dropout"),
        ("attn-sublayer-dropout", "Dropout of the output"),
        ("cross-attention", "Cross attention"),
        ("cross-attn-token-dropout", "Dropout of source tokens"),
        ("attn-qkvo-deltas", "Deltas of projections"),
        ("attn-weight-delta", "Delta of weights"),
        ("attn-flash", "Kernels"),
        ("attn-flash-packed", "Packed rows"),
        ("attn-onnxable", "Masks that export"),
    ),
    "attention-scores": (
        ("attn-softclamp-logits", "Capped scores"),
        ("attn-l2-distance", "Distances as scores"),
        ("attn-talking-heads", "Talking heads"),
        ("attn-pre-scale-post-talking-heads", "Scores that scale weights"),
        ("attn-selective", "Selective attention"),
        ("attn-sparse-topk", "Sparse top-k attention"),
        ("attn-entmax15", "Entmax"),
        ("attn-sigmoid", "Sigmoid attention"),
        ("attn-hard", "Hard attention"),
        ("attn-gumbel-softmax", "Drawn keys"),
        ("attn-cog-signed", "Cog attention"),
        ("attn-inverted", "Inverted attention"),
        ("attn-learned-sink", "Learned sinks"),
        ("attn-custom-fn", "A function of your own"),
    ),
    "attention-keys": (
        ("attn-kv-heads", "Grouped heads"),
        ("attn-value-dim-head", "Width of values"),
        ("attn-collab-heads", "Collaborative heads"),
        ("attn-mla", "Latent attention"),
        ("attn-mla-decoupled-rope", "Rotary heads past the latent"),
        ("attn-qk-norm", "Query-key norm"),
        ("attn-qk-norm-dim-scale", "Query-key norm with factors of features"),
        ("attn-qk-norm-learned-temperature", "Query-key norm with a learned temperature"),
        ("attn-qk-rmsnorm", "RMSNorm of queries and keys"),
        ("attn-k-rmsnorm", "RMSNorm of keys"),
        ("attn-mem-kv", "Memory keys and values"),
        ("attn-add-zero-kv", "Zero key and value"),
    ),
    "attention-values": (
        ("attn-head-scale", "Head scale"),
        ("attn-gate-value-heads", "Gated heads"),
        ("attn-gate-values", "Gated values"),
        ("attn-output-gate", "Output gate"),
        ("attn-on-attn", "Attention on attention"),
        ("attn-value-rmsnorm", "RMSNorm of values"),
        ("attn-laser", "LASER"),
        ("attn-belief", "Belief attention"),
        ("attn-hybrid-module", "A module beside attention"),
    ),
    "positions": (
        ("pos-absolute", "Learned absolute positions"),
        ("pos-scaled-sinusoidal", "Scaled sinusoidal positions"),
        ("pos-custom", "Positions of your own"),
        ("pos-t5-bias", "T5 relative bias"),
        ("pos-alibi", "ALiBi"),
        ("pos-alibi-learned", "Learned ALiBi slopes"),
        ("pos-infused-attention", "Position-infused attention"),
        ("pos-dynamic-bias", "Dynamic position bias"),
        ("pos-rel-module-kwargs", "Your own slopes"),
        ("pos-seq-start", "Where a text begins"),
        ("pos-seq-offset", "Positions that go on"),
    ),
    "rotary": (
        ("pos-rotary", "Rotary positions"),
        ("pos-rotary-half-split", "Half-split rotary layout"),
        ("pos-rotary-values", "Rotary positions on values"),
        ("pos-rotary-partial-heads", "Rotary positions in some heads"),
        ("pos-rotary-xpos", "xPos"),
        ("pos-rotary-interpolation", "Position interpolation"),
        ("pos-rotary-ntk", "NTK-aware rotary base"),
        ("pos-polar", "Polar positions"),
        ("pos-rotary-cross", "Rotary positions across"),
    ),
    "token-positions": (
        ("pos-forgetting", "Forgetting attention"),
        ("pos-forgetting-per-row", "Forget gates by row"),
        ("pos-cope", "Contextual positions"),
        ("pos-rel-proj-bias", "Projected distances"),
    ),
    "norms": (
        ("norm-layernorm", "LayerNorm"),
        ("norm-layernorm-bias", "LayerNorm with a bias"),
        ("norm-rmsnorm", "RMSNorm"),
        ("norm-simple-rmsnorm", "RMSNorm without gains"),
        ("norm-scalenorm", "ScaleNorm"),
        ("norm-dynamic-tanh", "Dynamic tanh"),
        ("norm-derf", "Derf"),
        ("norm-unit-offset", "Gains stored less 1"),
        ("norm-pre-post", "Pre-norm and post-norm"),
        ("norm-final", "Final norm"),
        ("norm-sandwich", "Sandwich norm"),
        ("norm-pre-and-post", "Norms before and after"),
        ("norm-resi-dual", "ResiDual"),
        ("norm-softclamp-output", "Soft clamp of the output"),
    ),
    "residuals": (
        ("norm-rezero", "ReZero"),
        ("residual-layerscale", "LayerScale"),
        ("residual-zero-init", "Branches that start at zero"),
        ("residual-depth-scale", "Branches scaled by depth"),
        ("residual-layer-dropout", "Stochastic depth"),
        ("residual-plain", "Plain residual"),
        ("residual-scale", "Scaled residual"),
        ("residual-gru", "Gated residual"),
        ("residual-orthogonal", "Orthogonal residual"),
        ("residual-mv-split", "Mean-variance split residual"),
        ("residual-fn-kwargs", "Settings of a residual"),
    ),
    "streams": (
        ("residual-attention-scores", "Residual attention"),
        ("residual-value", "Value residual"),
        ("residual-lime", "Layer-integrated memory"),
        ("residual-attn-aggregated", "Attention over depth"),
        ("residual-hyper-connections", "Hyper-connections"),
        ("residual-gated-multi", "Gated streams"),
        ("residual-qkv-views", "Readings for queries, keys and values"),
        ("residual-unet-skips", "U-Net skips"),
        ("residual-reinject", "Input reinjection"),
    ),
    "feedforward": (
        ("ff-mlp", "Feed-forward layer"),
        ("ff-glu", "Gated linear unit"),
        ("ff-glu-softclamp", "Gated unit with soft clamps"),
        ("ff-relu-squared", "Squared ReLU"),
        ("ff-swish", "SiLU"),
        ("ff-solu", "SoLU"),
        ("ff-custom-activation", "Activation by name"),
        ("ff-softclamp", "Soft clamp before the activation"),
        ("ff-post-act-ln", "Norm after the activation"),
        ("ff-dropout", "Feed-forward dropout"),
        ("ff-sublayer-dropout", "Dropout of the output"),
        ("ff-no-bias", "Linears without bias"),
        ("ff-deep-embed", "Deep embeddings"),
    ),
    "layers": (
        ("layers-core", "Blocks and depth"),
        ("layers-prefixed-kwargs", "Values by layer"),
        ("layers-custom", "Layers one by one"),
        ("layers-sandwich-coef", "Sandwich order"),
        ("layers-par-ratio", "PAR order"),
        ("layers-macaron", "Macaron"),
        ("layers-only-attn", "Attention only"),
        ("layers-shift-tokens", "Token shift"),
        ("layers-weight-tie", "Tied layers"),
        ("layers-execute-order", "Order of execution"),
        ("layers-repeat-blocks", "Blocks that repeat in a call"),
        ("layers-transform-block-inputs", "Functions of block inputs"),
        ("layers-prefix-decoder", "Prefix language model"),
        ("layers-transformer-block", "A block by itself"),
        ("layers-verbose", "Warnings"),
    ),
    "embeddings": (
        ("emb-token", "Token embedding and head"),
        ("emb-factorized", "Narrow embeddings"),
        ("emb-tied-output", "Tied output head"),
        ("emb-l2norm", "Embeddings of length 1"),
        ("emb-post-norm", "Norm of the embeddings"),
        ("emb-dropout", "Embedding dropout"),
        ("emb-frac-gradient", "Part of the gradient"),
        ("emb-tied-enc-dec", "One embedding for encoder and decoder"),
        ("emb-extra-ids", "Further ids"),
        ("emb-sum", "Added vectors"),
        ("emb-prepend", "Vectors in front"),
        ("emb-custom-embedder", "An embedder of your own"),
        ("emb-transform-tokens", "A function of the embeddings"),
    ),
    "memory": (
        ("mem-tokens", "Memory tokens"),
        ("mem-tokens-interspersed", "Interspersed memory tokens"),
        ("mem-xl", "Transformer-XL recurrence"),
        ("mem-shift-down", "Mems shifted down"),
        ("mem-recycling", "Recycling"),
        ("mem-looped", "Looped language models"),
        ("loss-looped-exit", "Loss of looped models"),
        ("mem-kv-cache", "Key/value cache"),
    ),
    "outputs": (
        ("out-return-embeddings", "Embeddings as output"),
        ("out-intermediates", "What layers did"),
        ("out-logits", "Number of scores"),
        ("out-logits-bias", "Bias of the head"),
        ("out-mixture-of-softmax", "Mixture of softmaxes"),
        ("out-sigsoftmax", "Sigsoftmax"),
        ("out-multiple-heads", "Several heads"),
        ("out-squeeze", "A number for each place"),
        ("out-next-embed-head", "Next-embedding head"),
        ("out-logit-entropies", "Entropies"),
        ("out-average-pool", "Mean of the tokens"),
        ("out-cls-token", "Class token"),
        ("out-attn-pool", "Attention pooling"),
    ),
    "conditioning": (
        ("cond-adaptive-layernorm", "Adaptive LayerNorm"),
        ("cond-adaptive-rmsnorm", "Adaptive RMSNorm"),
        ("cond-adaptive-layerscale", "Adaptive LayerScale"),
        ("cond-adaptive-mlp", "A network for the condition"),
        ("cond-additional-kv", "Keys and values of another model"),
        ("cond-kv-residuals", "Residuals of keys and values"),
        ("mem-in-attn-cond", "A condition in every layer"),
    ),
    "families": (
        ("loss-seq2seq", "Encoder and decoder"),
        ("mod-vit", "Vision transformer"),
        ("mod-vit-cls-head", "Class token and feed-forward head"),
        ("mod-continuous", "Continuous inputs"),
    ),
}

FEATURES: tuple[Feature, ...] = tuple(
    Feature(id, page, title) for page, sections in _PAGES.items() for id, title in sections
)
PAGES: tuple[str, ...] = tuple(_PAGES)
