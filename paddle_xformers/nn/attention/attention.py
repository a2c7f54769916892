"""The attention layer: projections, positions, cache, and the choice of a kernel.

    x (b, n, d) -- q_proj, k_proj, v_proj --> heads -- rotate --> cache --> kernel --> o_proj --> (b, n, d)

Everything beyond that plugs in as a part, at one of the stages that `parts/base.py` lists.

Query heads that share a key/value head stand next to each other, as in LLaMA.
"""

from __future__ import annotations

import functools
from typing import Any

import paddle
from paddle import Tensor, nn

from ..cpu import on_cpu
from ..linear import Linear
from ..positions.polar import Turning
from ..positions.rotary import Angles
from ..sizes import sizes
from .cache import State, extend
from .call import AttentionCall, AttentionResult, Handed
from .deltas import added, with_weights
from .heads import is_plain, moved, project_feature_major, split
from .kernels.blockwise import blockwise_causal_attention
from .kernels.eager import eager_attention
from .kernels.fused import fused_attention
from .normalizers import make_normalizer
from .parts import NEEDS_SCORES, STAGES, Site, Step, acts_at, make_parts
from .parts.qk_norm import score_scale


class Attention(nn.Layer):
    """Multi-head attention (1706.03762) with grouped key/value heads (2305.13245).

    Keys may differ from values in width and in number of heads (see `AttentionOptions`).

    Args:
        site: Widths, fields and place of this layer.
        turning: What turns queries and keys by their positions, or None.
    """

    def __init__(self, site: Site, turning: Turning | None = None) -> None:
        super().__init__()
        self.options = options = site.options
        self.scale = score_scale(options)
        self.normalizer = make_normalizer(options)
        self.inner = site.inner
        self.turning = [turning]  # in a list, so that what the stack has once is not a sublayer of every layer
        queries, keys = options.query_heads * options.key_dim, options.projected_key_heads * options.key_dim
        values = options.value_heads * options.value_dim
        self.q_proj = Linear(site.query_width, queries, bias=options.attn_qkv_bias)
        self.k_proj = Linear(site.source_width, keys, bias=options.attn_qkv_bias)
        self.v_proj = Linear(site.source_width, values, bias=options.attn_qkv_bias)
        out_bias, zero_init = options.attn_out_bias, options.attn_zero_init_output
        self.o_proj = Linear(site.merged_width, site.dim, bias=out_bias, zero_init=zero_init)
        self.sublayer_dropout = nn.Dropout(options.attn_sublayer_dropout)
        parts = make_parts(site)
        for name, part in parts.items():
            self.add_sublayer(name, part)
        self.parts = {stage: [part for part in parts.values() if acts_at(part, stage)] for stage in STAGES}
        self.keepers = [part for part in parts.values() if part.leaves]
        self.leaves = 2 + sum(part.leaves for part in self.keepers)  # tensors in the cache
        self.is_plain = not parts and options.attn_normalizer == "softmax"
        self.needs_scores = options.attn_normalizer != "softmax" or any(self.parts[stage] for stage in NEEDS_SCORES)

    def forward(
        self,
        x: Tensor,
        call: AttentionCall,
        *,
        source: Tensor | None = None,
        value_source: Tensor | None = None,
        past: State = (),
        handed: Handed | None = None,
    ) -> AttentionResult:
        """Attend.

        Args:
            x: Input of the queries, (b, n, d).
            call: Mask, positions and wishes of this forward.
            source: Input of keys and values where it is not x: mems and x, or the context, (b, m, d).
            value_source: Input of values where it is another one than that of keys, (b, m, d).
            past: What the cache keeps of this layer: keys, values, and what its parts keep.
            handed: What the layers of this kind before it handed on.
        """
        handed = handed or Handed()
        if self._feature_major(x, call, source, past):
            return self._attend_feature_major(x, call)
        kept = self._parts_past(past)
        own = added(x if source is None else source, call.kv_residual)
        value_source = None if value_source is None else added(value_source, call.kv_residual)
        step = Step(x, own, call, handed.values, handed.scores, past=kept, value_source=value_source)
        seen = self._through("query_input", moved(x, call.q_sinusoid), step)
        q = split(added(self.q_proj(seen), call.deltas.q), self.options.query_heads)  # (b, h or 1, n, w)
        for part in self.parts["queries"]:
            q = part.queries(q, step)
        q = self._rotate(q, call.q_angles)
        values = handed.values
        if call.static_source and past:
            pair = past[:2]
        else:
            k, v, own = self._keys_values(step, call)
            values = own if values is None else values
            pair = extend(past[:2], (k, v), call.past_length)
        out, weights, scores = self._kernel(q, pair, call, step)
        output = self._output(out, step)
        state = (*pair, *(leaf for part in self.keepers for leaf in step.state[part])) if call.use_cache else ()
        kept_by_parts = step.kept
        made_of = (kept_by_parts.get("masked"), kept_by_parts.get("own_values")) if call.output_attentions else ()
        return AttentionResult(output, state, Handed(values, scores), weights, kept_by_parts.get("log_probs"), *made_of)

    def _parts_past(self, past: State) -> dict[nn.Layer, State]:
        """What each part that keeps something left in the cache."""
        found: dict[nn.Layer, State] = {}
        at = 2
        for part in self.keepers if past else ():
            found[part] = past[at : at + part.leaves]
            at += part.leaves
        return found

    def _keys_values(self, step: Step, call: AttentionCall) -> tuple[Tensor, Tensor, Tensor]:
        """Keys, values, and values before anything changed them, of the tokens of this call."""
        own_source = step.source if step.value_source is None else step.value_source
        source = placed = self._through("source_input", own_source, step)
        if call.k_sinusoid is not None or own_source is not step.source:
            placed = self._through("source_input", moved(step.source, call.k_sinusoid), step)
        k = split(added(self.k_proj(placed), call.deltas.k), self.options.projected_key_heads)  # (b, g, m, w)
        own = v = split(added(self.v_proj(source), call.deltas.v), self.options.value_heads)  # (b, g, m, k)
        step.kept["own_values"] = own
        for part in self.parts["keys_values"]:
            k, v = part.keys_values(k, v, step)
        return self._rotate(k, call.k_angles), self._rotate_values(v, call.k_angles), own

    def _output(self, out: Tensor, step: Step) -> Tensor:
        """Merge the heads, (b, h, n, k), and project: (b, n, d)."""
        for part in self.parts["attended"]:
            out = part.attended(out, step)
        n = out.shape[2]
        if n != 1:
            out = out.transpose([0, 2, 1, 3])  # (b, n, h, k)
        merged = added(out.reshape([0, n, self.inner]), step.call.deltas.o)  # (b, n, h * k)
        for part in self.parts["merged"]:
            merged = part.merged(merged, step)
        output = self.o_proj(merged)
        for part in self.parts["projected"]:
            output = part.projected(output, merged)
        return self.sublayer_dropout(output)

    def _rotate(self, t: Tensor, angles: Angles | None) -> Tensor:
        turning = self.turning[0]
        if angles is None or turning is None:
            return t
        return turning.turn(t, angles, self.options.turned_heads(t.shape[1]))

    def _rotate_values(self, t: Tensor, angles: Angles | None) -> Tensor:
        turning = self.turning[0]
        return self._rotate(t, angles) if turning is not None and turning.turns_values else t

    @property
    def kept_key_dim(self) -> int:
        """Width of keys in the cache, where positions may have made them wider."""
        return self.options.key_dim * getattr(self.turning[0], "widens", 1)

    def _dropout(self) -> float:
        return self.options.attn_dropout if self.training else 0.0

    def _kernel(
        self, q: Tensor, pair: tuple[Tensor, Tensor], call: AttentionCall, step: Step
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Attended values; weights and scores where they are wanted."""
        mask, (k, v) = call.mask_of(self.options), pair
        for part in self.parts["in_front"]:
            keys, values = part.in_front(k, v, step)
            keys = keys if part.front_is_fixed else self._through("front_keys", keys, step)
            k, v = paddle.concat([keys, k], axis=2), paddle.concat([values, v], axis=2)
        if self.parts["in_front"]:
            mask = mask.with_keys_in_front(sizes(k)[2])
        k, v, mask = call.front.before(k, v, mask, self.options.heads)
        v = self._through("all_values", v, step)
        for part in self.parts["compared"]:
            q, k = part.compared(q, k, step)
        if self._fused(q, v, call):
            plain = mask.causal and mask.simple and mask.key_bias is None and q.shape[2] == k.shape[2]
            bias, dropout = None if plain else mask.bias, self._dropout()
            out = fused_attention(
                q, k, v, scale=self.scale, bias=bias, visible=mask.visible, causal=plain, dropout=dropout
            )
            return out, None, None
        handed_on: list[Tensor] = []
        normalizer = self.normalizer
        for part in reversed(self.parts["normalized"]):  # the first is the outermost
            normalizer = functools.partial(part.normalized, step=step, normalizer=normalizer)

        normalizer = with_weights(normalizer, call.deltas.weights, call.room)

        def on_scores(scores: Tensor) -> Tensor:
            for part in self.parts["scores"]:
                scores = part.scores(scores, step)
                if part.hands_scores_on:
                    handed_on.append(scores)
            return scores

        def on_masked_scores(scores: Tensor) -> Tensor:
            scores = self._through("masked_scores", scores, step)
            if call.output_attentions:
                step.kept["masked"] = scores
            return scores

        out, weights = eager_attention(
            q,
            k,
            v,
            scale=self.scale,
            bias=mask.bias,
            visible=mask.visible,
            dropout=self._dropout(),
            normalizer=normalizer,
            on_scores=on_scores,
            on_masked_scores=on_masked_scores,
            on_weights=lambda weights: self._through("weights", weights, step),
        )
        return out, weights if call.output_attentions else None, handed_on[-1] if handed_on else None

    def _through(self, stage: str, t: Tensor, step: Step) -> Tensor:
        for part in self.parts[stage]:
            t = getattr(part, stage)(t, step)
        return t

    def _fused(self, q: Tensor, v: Tensor, call: AttentionCall) -> bool:
        """Whether Paddle's fused attention shall, and can, do what this call needs."""
        needs_scores = call.output_attentions or self.needs_scores or call.deltas.weights is not None
        if needs_scores or self.options.attn_kernel not in ("auto", "fused"):
            return False
        bias = call.mask_of(self.options).bias
        learns_bias = bias is not None and not bias.stop_gradient  # which flash kernels give no gradient
        if learns_bias or q.shape[-1] != v.shape[-1] or q.dtype != v.dtype:
            return False
        gpu = not q.place.is_cpu_place() if paddle.in_dynamic_mode() else paddle.is_compiled_with_cuda()
        return gpu or self.options.attn_kernel == "fused"

    def _feature_major(self, x: Tensor, call: AttentionCall, source: Tensor | None, past: Any) -> bool:
        """Whether the blockwise CPU kernel can do what this call needs."""
        return (
            self.options.attn_kernel in ("auto", "blockwise")
            and on_cpu(x)
            and x.shape[1] > 1
            and source is None
            and not past
            and call.mask_of(self.options).causal
            and call.mask_of(self.options).simple
            and not call.output_attentions
            and not call.steered
            and not self._dropout()
            and self.is_plain
            and all(is_plain(layer) for layer in (self.q_proj, self.k_proj, self.v_proj, self.o_proj))
        )

    def _attend_feature_major(self, x: Tensor, call: AttentionCall) -> AttentionResult:
        """Attend in the layout (b, heads, k, n), in which heads split and merge without a copy."""
        heads, kv_heads = self.options.heads, self.options.value_heads
        placed = moved(x, call.q_sinusoid)
        q = project_feature_major(self.q_proj, placed, heads)  # (b, h, k, n)
        k = project_feature_major(self.k_proj, placed, kv_heads)  # (b, g, k, n)
        v = project_feature_major(self.v_proj, x, kv_heads)  # (b, g, k, n)
        if call.q_angles is not None and call.k_angles is not None:
            angles = call.k_angles.as_feature_major
            q = self._rotate(q, call.q_angles.as_feature_major)
            k, v = self._rotate(k, angles), self._rotate_values(v, angles)
        state: State = ()
        if call.use_cache:
            state = (k.transpose([0, 1, 3, 2]), v.transpose([0, 1, 3, 2]))  # (b, g, n, k)
        repeats = heads // kv_heads
        if repeats > 1:
            k, v = (part.repeat_interleave(repeats, axis=1) for part in (k, v))  # (b, h, k, n)
        out = blockwise_causal_attention(q, k, v, self.scale, call.mask.key_bias)  # (b, h, k, n)
        if call.mask.visible is not None:
            out = out * call.mask.visible.transpose([0, 1, 3, 2]).astype(out.dtype)
        merged = out.reshape([0, self.inner, x.shape[1]])  # (b, h * k, n)
        output = paddle.matmul(merged, self.o_proj.weight, transpose_x=True)  # (b, n, d)
        if self.o_proj.bias is not None:
            output = output + self.o_proj.bias
        return AttentionResult(self.sublayer_dropout(output), state)
