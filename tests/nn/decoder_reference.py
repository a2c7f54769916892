"""A decoder in float64 NumPy, written from the papers: one row at a time, one head at a time, no cache, no mask.

Only what its options name is here. It serves as the oracle for ideas that x-transformers does not have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Weights = dict[str, np.ndarray]
_erf = np.vectorize(math.erf)


@dataclass(frozen=True)
class Reference:
    """What the decoder does beside the plain one.

    Args:
        heads: Number of query heads.
        width: Width of a head.
        kv_heads: Number of value heads, and of key heads unless they are shared.
        collaborative: Heads share queries and keys (2006.16362).
        temperature: Cosines with a learned temperature for each head (2010.04245).
        attn_branch: The norm stands on the output of attention branches.
        infused: Positions go into the inputs of queries and keys (2012.15832).
        rotary: Number of rotated features (2104.09864), half-split; 0: none.
        rotary_values: Values turn as well.
        alibi: Number of heads with a learned slope (2108.12409); 0: none.
        learned_positions: A learned vector a position is added to the tokens.
        memory_kv: Number of learned keys and values that every query sees.
    """

    heads: int = 4
    width: int = 8
    kv_heads: int = 4
    collaborative: bool = False
    temperature: bool = False
    attn_branch: bool = False
    infused: bool = False
    rotary: int = 0
    rotary_values: bool = False
    alibi: int = 0
    learned_positions: bool = True
    memory_kv: int = 0

    def decode(self, weights: Weights, ids: np.ndarray, mems: list[np.ndarray] | None = None):
        """Logits of one row, (n, v), and what each attention layer read, (t + n, d) each.

        Args:
            weights: Arrays by parameter name.
            ids: Token ids, (n).
            mems: What the attention layers read in the segment before, or None.
        """
        weights = {name.removeprefix("xdecoder."): value.astype("float64") for name, value in weights.items()}
        x = weights["embeddings.word_embeddings.weight"][ids]
        if self.learned_positions:
            x = x + weights["embeddings.position_embeddings.weight"][: len(ids)] / math.sqrt(x.shape[1])
        memory = weights.get("memory_tokens.weight", x[:0])
        x = np.concatenate([memory, x])
        places = np.arange(len(x)) - len(memory)
        reads, index = [], 0
        while (
            f"stack.layers.{index}.ff.up_proj.weight" in weights
            or f"stack.layers.{index}.attn.q_proj.weight" in weights
        ):
            own = below(weights, f"stack.layers.{index}.")
            if "ff.up_proj.weight" in own:
                x = x + feedforward(norm(x, own["pre_norm.weight"]), below(own, "ff."))
            else:
                reads.append(x)
                mem = mems[len(reads) - 1] if mems is not None else x[:0]
                x = x + self._branch(x, mem, places, own, weights.get("stack.position_bias.log_slopes"))
            index += 1
        x = norm(x, weights["stack.final_norm.weight"])
        return x[len(memory) :] @ weights["lm_head.weight"].T, reads

    def _branch(self, x, mem, places, own, log_slopes):
        both = np.concatenate([mem, x])
        far = np.concatenate([places[0] - len(mem) + np.arange(len(mem)), places])
        if self.attn_branch:
            return norm(self.attend(x, both, places, far, below(own, "attn."), log_slopes), own["branch_norm.weight"])
        gain = own["pre_norm.weight"]
        return self.attend(norm(x, gain), norm(both, gain), places, far, below(own, "attn."), log_slopes)

    def attend(self, x, source, q_places, k_places, own, log_slopes=None):
        """Causal attention of one row.

        Args:
            x: Input of the queries, (n, d).
            source: Input of keys and values, (m, d).
            q_places: Positions of the queries, (n).
            k_places: Positions of the keys, (m).
            own: The layer's arrays by parameter name.
            log_slopes: Logarithms of the ALiBi slopes.
        """
        placed, placed_source = x, source
        if self.infused:
            placed, placed_source = x + sinusoid(q_places, x.shape[1]), source + sinusoid(k_places, x.shape[1])
        outputs = []
        for head in range(self.heads):
            group = head // (self.heads // self.kv_heads)
            columns = slice(head * self.width, (head + 1) * self.width)
            shared = slice(group * self.width, (group + 1) * self.width)
            if self.collaborative:
                q = placed @ own["q_proj.weight"] * own["collaborative_heads.mixing"].reshape(self.heads, -1)[head]
                k = placed_source @ own["k_proj.weight"]
            else:
                q, k = placed @ own["q_proj.weight"][:, columns], placed_source @ own["k_proj.weight"][:, shared]
            v = source @ own["v_proj.weight"][:, shared]
            q, k = self._turned(q, q_places), self._turned(k, k_places)
            v = self._turned(v, k_places) if self.rotary_values else v
            if self.memory_kv:
                k = np.concatenate([own["memory_kv.keys"][0 if self.collaborative else group], k])
                v = np.concatenate([own["memory_kv.values"][group], v])
            if self.temperature:
                q, k = (t / np.linalg.norm(t, axis=1, keepdims=True) for t in (q, k))
                scores = q @ k.T / max(math.exp(own["qk_norm.log_temperature"].reshape(-1)[head]), 0.01)
            else:
                scores = q @ k.T / math.sqrt(self.width)
            distances = q_places[:, None] - k_places  # (n, m)
            if head < self.alibi:
                scores[:, self.memory_kv :] -= math.exp(log_slopes[head]) * distances
            scores[:, self.memory_kv :][distances < 0] = -np.inf
            weights = np.exp(scores - scores.max(1, keepdims=True))
            outputs.append(weights / weights.sum(1, keepdims=True) @ v)
        return np.concatenate(outputs, axis=1) @ own["o_proj.weight"]

    def _turned(self, t, places):
        half = self.rotary // 2
        turn = np.exp(1j * places[:, None] * 10000.0 ** (-np.arange(half) / max(half, 1)))
        pairs = (t[:, :half] + 1j * t[:, half : self.rotary]) * turn
        return np.concatenate([pairs.real, pairs.imag, t[:, self.rotary :]], axis=1)


def sinusoid(places: np.ndarray, dim: int) -> np.ndarray:
    """Sines in the first half of the features, cosines in the second, (n, d)."""
    result, sines = np.zeros([len(places), dim]), math.ceil(dim / 2)
    for feature in range(dim):
        pair = feature if feature < sines else feature - sines
        angles = places * 10000.0 ** (-2 * pair / dim)
        result[:, feature] = np.sin(angles) if feature < sines else np.cos(angles)
    return result


def norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """LayerNorm (1607.06450)."""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gain


def feedforward(x: np.ndarray, own: Weights) -> np.ndarray:
    """Two linears with a GELU between them."""
    x = x @ own["up_proj.weight"] + own["up_proj.bias"]
    return x * (1 + _erf(x / math.sqrt(2))) / 2 @ own["down_proj.weight"] + own["down_proj.bias"]


def below(weights: Weights, prefix: str) -> Weights:
    """The arrays whose names start with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
