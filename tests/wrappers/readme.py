"""The examples of the old Paddle port's README, restated: its keywords and calls, with smaller numbers.

Each example is Python that leaves a model in `model`, or an output in `out` whose shape its README says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import paddle

import paddle_xformers

# Every number above 30 of the README, wherever it stands, and what stands for it here.
NUMBERS = {
    32: 4,
    96: 3,
    100: 7,
    128: 8,
    256: 16,
    512: 32,
    1000: 10,
    1024: 12,
    2048: 14,
    12288: 48,
    20000: 50,
    50000: 60,
}
CLASSES = (
    "TransformerWrapper",
    "Decoder",
    "Encoder",
    "CrossAttender",
    "AutoregressiveWrapper",
    "ContinuousTransformerWrapper",
    "ViTransformerWrapper",
    "XTransformer",
)


@dataclass(frozen=True)
class Example:
    """One example.

    Args:
        name: Name of its section.
        code: The code, with the numbers of the README.
        shape: Shape of `out`, with the numbers of the README; None where it says none.
    """

    name: str
    code: str
    shape: tuple[int, ...] | None = None


def small(number: int) -> int:
    return NUMBERS.get(number, number)


def run(code: str) -> dict[str, Any]:
    """Run an example with small numbers; return its variables."""
    variables = {"paddle": paddle} | {name: getattr(paddle_xformers, name) for name in CLASSES if name in code}
    exec(re.sub(r"\d+", lambda match: str(small(int(match[0]))), code), variables)  # noqa: S102 - ours, above
    return variables


def language(name: str, layers: str, options: str = "", *, heads: int = 8, around: str = "") -> Example:
    """The form of most examples: a language model with one more keyword, run once."""
    code = (
        f"model = TransformerWrapper(num_tokens=20000, max_seq_len=1024, {around} attn_layers="
        f"{layers}(dim=512, depth=6, heads={heads}, {options}))\n"
        "x = paddle.randint(0, 20000, (1, 1024))\n"
        "out = model(x)"
    )
    return Example(name, code, (1, 1024, 20000))


SEGMENTS = """
seg1 = paddle.randint(0, 20000, (1, 512))
seg2 = paddle.randint(0, 20000, (1, 512))
seg3 = paddle.randint(0, 20000, (1, 512))
logits1, mems1 = model(seg1, return_mems=True)
logits2, mems2 = model(seg2, mems=mems1, return_mems=True)
out, mems3 = model(seg3, mems=mems2, return_mems=True)
"""

LANGUAGE = [
    Example(
        "decoder only",
        "model = TransformerWrapper(num_tokens=20000, max_seq_len=1024, attn_layers=Decoder("
        "dim=512, depth=12, heads=8))\n"
        "x = paddle.randint(0, 256, (1, 1024))\n"
        "out = model(x)",
        (1, 1024, 20000),
    ),
    Example(
        "gpt3",
        "model = TransformerWrapper(num_tokens=50000, max_seq_len=2048, attn_layers=Decoder("
        "dim=12288, depth=96, heads=96, attn_dim_head=128))\n"
        "out = model(paddle.randint(0, 50000, (1, 2048)))",
        (1, 2048, 50000),
    ),
    Example(
        "encoder only",
        "model = TransformerWrapper(num_tokens=20000, max_seq_len=1024, attn_layers=Encoder("
        "dim=512, depth=12, heads=8))\n"
        "x = paddle.randint(0, 256, (1, 1024))\n"
        'mask = paddle.ones_like(x).astype("bool")\n'
        "out = model(x, mask=mask)",
        (1, 1024, 20000),
    ),
    language("dropouts", "Decoder", "attn_dropout=0.1, ff_dropout=0.1", around="emb_dropout=0.1,"),
    language("memory tokens", "Encoder", around="num_memory_tokens=20,"),
    language("scalenorm", "Decoder", "use_scalenorm=True"),
    language("glu", "Decoder", "ff_glu=True"),
    language("relu squared", "Decoder", "ff_relu_squared=True"),
    language("rezero", "Decoder", "use_rezero=True"),
    language("sparse top-k", "Decoder", "attn_sparse_topk=8"),
    language("entmax", "Decoder", "attn_use_entmax15=True"),
    language("talking heads", "Decoder", "attn_talking_heads=True"),
    language("collaborative heads", "Decoder", "attn_collab_heads=True, attn_collab_compression=.3"),
    language("attention on attention", "Encoder", "attn_on_attn=True"),
    language("gated values", "Encoder", "attn_gate_values=True"),
    language("sandwich", "Encoder", "sandwich_coef=6"),
    language("macaron", "Encoder", "macaron=True"),
    language("t5 bias", "Decoder", "rel_pos_bias=True"),
    language("position infused attention", "Decoder", "position_infused_attn=True"),
    language("residual attention", "Encoder", "pre_norm=False, residual_attn=True"),
    Example(
        "recurrence",
        "model = TransformerWrapper(num_tokens=20000, max_seq_len=512, max_mem_len=2048, attn_layers=Decoder("
        "dim=512, depth=6, heads=8, rel_pos_bias=True))" + SEGMENTS,
        (1, 512, 20000),
    ),
    Example(
        "enhanced recurrence",
        "model = TransformerWrapper(num_tokens=20000, max_seq_len=512, max_mem_len=2048, shift_mem_down=1, "
        "attn_layers=Decoder(dim=512, depth=6, heads=8, rotary_pos_emb=True))" + SEGMENTS,
        (1, 512, 20000),
    ),
    language("gated residual", "Decoder", "gate_residual=True", heads=16, around="max_mem_len=2048,"),
    language("rotary", "Decoder", "rotary_pos_emb=True"),
    language("alibi", "Decoder", "alibi_pos_emb=True, alibi_num_heads=4"),
    language("shifted tokens", "Decoder", "shift_tokens=1"),
    language("shifted tokens by layer", "Decoder", "shift_tokens=(1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0)"),
    language("sandwich norm", "Decoder", "sandwich_norm=True"),
    language("head scale", "Decoder", "attn_head_scale=True"),
    language("norm after activation", "Decoder", "ff_post_act_ln=True"),
    language("scaled residual", "Decoder", "scale_residual=True"),
    language("query-key norm", "Decoder", "use_qk_norm_attn=True, qk_norm_attn_seq_len=1024"),
]

XTRANSFORMER = """
model = XTransformer(dim=512, enc_num_tokens=256, enc_depth=6, enc_heads=8, enc_max_seq_len=1024, dec_num_tokens=256,
    dec_depth=6, dec_heads=8, dec_max_seq_len=1024, {})
src = paddle.randint(0, 256, (1, 1024))
src_mask = paddle.ones_like(src).astype("bool")
tgt = paddle.randint(0, 256, (1, 1024))
tgt_mask = paddle.ones_like(tgt).astype("bool")
out = model(src, tgt, src_mask=src_mask, tgt_mask=tgt_mask)
"""

OTHERS = [
    Example("encoder and decoder", XTRANSFORMER.format("tie_token_emb=True"), ()),
    Example("residual cross attention", XTRANSFORMER.format("dec_cross_residual_attn=True"), ()),
    Example(
        "image classification",
        "model = ViTransformerWrapper(image_size=256, patch_size=32, num_classes=1000, attn_layers=Encoder("
        "dim=512, depth=6, heads=8,))\n"
        "img = paddle.randn(1, 3, 256, 256)\n"
        "out = model(img)",
        (1, 1000),
    ),
    Example(
        "image to caption",
        "encoder = ViTransformerWrapper(image_size=256, patch_size=32, attn_layers=Encoder("
        "dim=512, depth=6, heads=8))\n"
        "model = TransformerWrapper(num_tokens=20000, max_seq_len=1024, attn_layers=Decoder("
        "dim=512, depth=6, heads=8, cross_attend=True))\n"
        "img = paddle.randn(1, 3, 256, 256)\n"
        "caption = paddle.randint(0, 20000, (1, 1024))\n"
        "encoded = encoder(img, return_embeddings=True)\n"
        "out = model(caption, context=encoded)",
        (1, 1024, 20000),
    ),
    Example(
        "persistent memory",
        "model = Encoder(dim=512, depth=6, heads=8, attn_num_mem_kv=16)\nout = model(paddle.randn(1, 5, 512))",
        (1, 5, 512),
    ),
    Example(
        "cross attention",
        "encoder = Encoder(dim=512, depth=6)\n"
        "model = CrossAttender(dim=512, depth=6)\n"
        "nodes = paddle.randn(1, 1, 512)\n"
        'node_masks = paddle.ones(1, 1).astype("bool")\n'
        "neighbors = paddle.randn(1, 5, 512)\n"
        'neighbor_masks = paddle.ones(1, 5).astype("bool")\n'
        "encoded_neighbors = encoder(neighbors, mask=neighbor_masks)\n"
        "out = model(nodes, context=encoded_neighbors, mask=node_masks, context_mask=neighbor_masks)",
        (1, 1, 512),
    ),
    Example(
        "continuous values",
        "model = ContinuousTransformerWrapper(dim_in=32, dim_out=100, max_seq_len=1024, attn_layers=Decoder("
        "dim=512, depth=12, heads=8))\n"
        "x = paddle.randn((1, 1024, 32))\n"
        'mask = paddle.ones(1, 1024).astype("bool")\n'
        "out = model(x, mask=mask)",
        (1, 1024, 100),
    ),
]

EXAMPLES = [*LANGUAGE, *OTHERS]
