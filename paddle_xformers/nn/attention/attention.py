"""The attention layer: projections, positions, cache, and the choice of a kernel.

    x (b, n, d) -- q_proj, k_proj, v_proj --> heads -- value residual --> rotate --> cache --> kernel --> o_proj

Query heads that share a key/value head stand next to each other, as in LLaMA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor, nn

from ...config.options import AttentionOptions
from ..cpu import on_cpu
from ..linear import Linear
from ..positions.rotary import Angles, Rotary
from .cache import extend
from .kernels.blockwise import blockwise_causal_attention
from .kernels.eager import eager_attention
from .kernels.fused import fused_attention
from .masks import Mask
from .value_residual import ValueResidual


@dataclass(frozen=True)
class AttentionCall:
    """What one forward hands to every attention layer of a kind.

    Args:
        mask: Who may look at whom.
        q_angles: Rotary angles of the new tokens, or None.
        k_angles: Rotary angles of the keys' tokens that this call computes (mems and new tokens), or None.
        past_length: Number of cached tokens.
        output_attentions: Whether the weights are wanted.
        use_cache: Whether keys and values are wanted.
    """

    mask: Mask
    q_angles: Angles | None = None
    k_angles: Angles | None = None
    past_length: int = 0
    output_attentions: bool = False
    use_cache: bool = False


@dataclass(frozen=True)
class AttentionResult:
    """What an attention layer gives back.

    Args:
        output: The branch output, (b, n, d).
        pair: Keys and values for the cache, or None.
        values: The layer's own values before any mixing, (b, g, m, k), for the value residual; or None.
        weights: The attention weights, (b, h, n, m), or None.
    """

    output: Tensor
    pair: tuple[Tensor, Tensor] | None = None
    values: Tensor | None = None
    weights: Tensor | None = None


class Attention(nn.Layer):
    """Multi-head attention (1706.03762) with grouped key/value heads (2305.13245).

    Args:
        dim: Width of the queries' input and of the output.
        options: The attention fields of this layer.
        context_dim: Width of the keys' and values' input; None: dim.
        rotary: The rotary positions of the stack, or None.
        first: Whether it is the first attention layer of its kind, which gives the value residual away.
        learned_mix: Whether a value residual may learn its share (self attention only).
    """

    def __init__(
        self,
        dim: int,
        options: AttentionOptions,
        *,
        context_dim: int | None = None,
        rotary: Rotary | None = None,
        first: bool = True,
        learned_mix: bool = True,
    ) -> None:
        super().__init__()
        self.options = options
        self.heads = options.heads
        self.kv_heads = options.attn_kv_heads or options.heads
        self.head_dim = options.attn_dim_head
        self.scale = options.attn_scale or self.head_dim**-0.5
        self.rotary = [rotary]  # in a list, so that the stack's one rotary is not a sublayer of every layer
        context_dim = context_dim or dim
        inner, kv_inner = self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.q_proj = Linear(dim, inner, bias=options.attn_qkv_bias)
        self.k_proj = Linear(context_dim, kv_inner, bias=options.attn_qkv_bias)
        self.v_proj = Linear(context_dim, kv_inner, bias=options.attn_qkv_bias)
        self.o_proj = Linear(inner, dim, bias=options.attn_out_bias, zero_init=options.attn_zero_init_output)
        self.sublayer_dropout = nn.Dropout(options.attn_sublayer_dropout)
        self.value_residual = None
        if options.add_value_residual:
            learned = options.learned_value_residual_mix and learned_mix and not first
            self.value_residual = ValueResidual(context_dim, self.kv_heads, learned=learned)

    def forward(
        self,
        x: Tensor,
        call: AttentionCall,
        *,
        kv_input: Tensor | None = None,
        past: tuple[Tensor, Tensor] | None = None,
        first_values: Tensor | None = None,
    ) -> AttentionResult:
        """Attend.

        Args:
            x: Input of the queries, (b, n, d).
            call: Mask, positions and wishes of this forward.
            kv_input: Input of keys and values where it is not x: mems and x, or the context, (b, m, d).
            past: This layer's cached keys and values.
            first_values: Values of the first layer, for the value residual.
        """
        if self._feature_major(x, call, kv_input, past):
            return self._attend_feature_major(x, call)
        source = x if kv_input is None else kv_input
        q = self._split(self.q_proj(x), self.heads)  # (b, h, n, k)
        k = self._split(self.k_proj(source), self.kv_heads)  # (b, g, m, k)
        values = self._split(self.v_proj(source), self.kv_heads)  # (b, g, m, k)
        v = values
        if self.value_residual is not None and first_values is not None:
            v = self.value_residual(v, first_values, source)
        q, k = self._rotate(q, call.q_angles), self._rotate(k, call.k_angles)
        pair = extend(past, (k, v), call.past_length)
        out, weights = self._kernel(q, *pair, call)
        return AttentionResult(self._output(out), pair if call.use_cache else None, values, weights)

    def attend_cached(self, x: Tensor, call: AttentionCall, pair: tuple[Tensor, Tensor]) -> AttentionResult:
        """Attend to a context whose keys and values are known already; see `forward`."""
        q = self._rotate(self._split(self.q_proj(x), self.heads), call.q_angles)
        out, weights = self._kernel(q, *pair, call)
        return AttentionResult(self._output(out), pair, None, weights)

    def _output(self, out: Tensor) -> Tensor:
        """Merge the heads, (b, h, n, k), and project: (b, n, d)."""
        n = out.shape[2]
        if n > 1:
            out = out.transpose([0, 2, 1, 3])  # (b, n, h, k)
        merged = out.reshape([0, n, self.heads * self.head_dim])  # (b, n, h * k)
        return self.sublayer_dropout(self.o_proj(merged))

    def _split(self, t: Tensor, heads: int) -> Tensor:
        """(b, n, heads * k) to (b, heads, n, k)."""
        if t.shape[1] == 1:
            return t.reshape([0, heads, 1, self.head_dim])
        return t.reshape([0, 0, heads, self.head_dim]).transpose([0, 2, 1, 3])

    def _rotate(self, t: Tensor, angles: Angles | None) -> Tensor:
        rotary = self.rotary[0]
        return t if angles is None or rotary is None else rotary.turn(t, angles)

    def _dropout(self) -> float:
        return self.options.attn_dropout if self.training else 0.0

    def _kernel(self, q: Tensor, k: Tensor, v: Tensor, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        mask, choice = call.mask, self.options.attn_kernel
        gpu = not q.place.is_cpu_place() if paddle.in_dynamic_mode() else paddle.is_compiled_with_cuda()
        if not call.output_attentions and (choice == "fused" or (choice == "auto" and gpu)):
            plain_causal = mask.causal and mask.simple and mask.key_bias is None and q.shape[2] == k.shape[2]
            return (
                fused_attention(
                    q,
                    k,
                    v,
                    scale=self.scale,
                    bias=None if plain_causal else mask.bias,
                    visible=mask.visible,
                    causal=plain_causal,
                    dropout=self._dropout(),
                ),
                None,
            )
        out, weights = eager_attention(
            q, k, v, scale=self.scale, bias=mask.bias, visible=mask.visible, dropout=self._dropout()
        )
        return out, weights if call.output_attentions else None

    def _feature_major(self, x: Tensor, call: AttentionCall, kv_input: Tensor | None, past: Any) -> bool:
        """Whether the blockwise CPU kernel can do what this call needs."""
        return (
            self.options.attn_kernel in ("auto", "blockwise")
            and on_cpu(x)
            and x.shape[1] > 1
            and kv_input is None
            and past is None
            and call.mask.causal
            and call.mask.simple
            and not call.output_attentions
            and not self._dropout()
            and not self.options.add_value_residual
            and all(_is_plain(layer) for layer in (self.q_proj, self.k_proj, self.v_proj, self.o_proj))
        )

    def _attend_feature_major(self, x: Tensor, call: AttentionCall) -> AttentionResult:
        """Attend in the layout (b, heads, k, n), in which heads split and merge without a copy."""
        q = self._project_feature_major(self.q_proj, x, self.heads)  # (b, h, k, n)
        k = self._project_feature_major(self.k_proj, x, self.kv_heads)  # (b, g, k, n)
        v = self._project_feature_major(self.v_proj, x, self.kv_heads)  # (b, g, k, n)
        if call.q_angles is not None:
            angles = call.q_angles.as_feature_major
            q, k = self._rotate(q, angles), self._rotate(k, angles)
        pair = None
        if call.use_cache:
            pair = (k.transpose([0, 1, 3, 2]), v.transpose([0, 1, 3, 2]))  # (b, g, n, k)
        repeats = self.heads // self.kv_heads
        if repeats > 1:
            k, v = (part.repeat_interleave(repeats, axis=1) for part in (k, v))  # (b, h, k, n)
        out = blockwise_causal_attention(q, k, v, self.scale, call.mask.key_bias)  # (b, h, k, n)
        if call.mask.visible is not None:
            out = out * call.mask.visible.transpose([0, 1, 3, 2]).astype(out.dtype)
        merged = out.reshape([0, self.heads * self.head_dim, x.shape[1]])  # (b, h * k, n)
        output = paddle.matmul(merged, self.o_proj.weight, transpose_x=True)  # (b, n, d)
        if self.o_proj.bias is not None:
            output = output + self.o_proj.bias
        return AttentionResult(self.sublayer_dropout(output), pair)

    def _project_feature_major(self, layer: Linear, x: Tensor, heads: int) -> Tensor:
        """(b, n, d) to (b, heads, k, n): the product written as W^T x^T."""
        t = paddle.matmul(layer.weight, x, transpose_x=True, transpose_y=True)  # (b, heads * k, n)
        if layer.bias is not None:
            t = t + layer.bias.unsqueeze(-1)
        return t.reshape([0, heads, self.head_dim, x.shape[1]])


def _is_plain(layer: nn.Layer) -> bool:
    """Whether a projection is our own linear, unhooked: LoRA and others put theirs in its place."""
    return type(layer) is Linear and not layer._forward_pre_hooks and not layer._forward_post_hooks
