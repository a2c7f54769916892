"""The order of heads.

In x-transformers query head q reads key/value head q modulo kv_heads. Ours stand in groups, as in LLaMA: heads
that share a key/value head are neighbours. So the query heads of a grouped layer change places, in the query
projection, in the output projection, and in everything else that belongs to single heads.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from ..config import LayerOptions
from ..config.options import AttentionOptions
from ..errors import CheckpointError
from .table import Place


def head_order(heads: int, kv_heads: int) -> np.ndarray:
    """Return, for each of our heads, the number it has in x-transformers.

    Args:
        heads: Number of query heads.
        kv_heads: Number of key/value heads.
    """
    return np.arange(heads).reshape(-1, kv_heads).T.reshape(-1)


def query_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """The query projection, (h * k, d) to (d, h * k)."""
    layer = cast(LayerOptions, place.layer)
    order = _order(layer)
    moved = (order != np.arange(order.size)).any()
    if moved and layer.kind == "a" and place.stack.position.position_bias == "alibi":
        raise CheckpointError(_stuck("position_bias='alibi' has a fixed slope for each head", layer))
    return _reordered(array, order, place, _attention(layer).attn_dim_head).T


def output_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """The output projection, (d, h * k) to (h * k, d)."""
    layer = cast(LayerOptions, place.layer)
    order, width = _order(layer), _attention(layer).value_dim
    twice = array.shape[1] == 2 * order.size * width  # belief attention may hand on two vectors
    parts = np.split(array.T, 2) if twice else [array.T]
    return np.concatenate([_reordered(rows, order, place, width) for rows in parts])


def key_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """The key projection, (g * k, c) to (c, g * k).

    A configuration with more key/value heads than the array gets each of them written out as often as needed.
    """
    options = _attention(cast(LayerOptions, place.layer))
    return _written_out(array, options.projected_key_heads, options.attn_dim_head)


def value_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """The value projection, likewise."""
    options = _attention(cast(LayerOptions, place.layer))
    return _written_out(array, options.value_heads, options.value_dim)


def _written_out(array: np.ndarray, wanted: int, width: int) -> np.ndarray:
    given = array.shape[0] // width
    repeats = wanted // given if given and wanted % given == 0 else 1
    return np.tile(array, (repeats, 1)).T


def features_of_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """A projection with a row for each feature that each query head attends, (h * k, d) to (d, h * k)."""
    layer = cast(LayerOptions, place.layer)
    return _reordered(array, _order(layer), place, _attention(layer).value_dim).T


def output_value(array: np.ndarray, place: Place) -> np.ndarray:
    """The first half of an output projection that gates itself, (2d, h * k) to (h * k, d)."""
    return output_heads(array[: array.shape[0] // 2], place)


def output_gate(array: np.ndarray, place: Place) -> np.ndarray:
    """The second half of an output projection that gates itself, (2d, h * k) to (h * k, d)."""
    return output_heads(array[array.shape[0] // 2 :], place)


def memory_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """What belongs to key/value heads, (g, n, k), written out for as many heads as the configuration has."""
    options = _attention(cast(LayerOptions, place.layer))
    wanted = options.attn_kv_heads or options.heads
    return np.tile(array, (wanted // array.shape[0] if wanted % array.shape[0] == 0 else 1, 1, 1))


def head_factors(array: np.ndarray, place: Place) -> np.ndarray:
    """A factor for each query head, (1, h, 1, 1) to (h, 1, 1)."""
    return array.reshape(-1, 1, 1)[_order(cast(LayerOptions, place.layer))]


def features_of_head(array: np.ndarray, place: Place) -> np.ndarray:
    """A factor for each feature of each query head, (h, 1, k)."""
    return array[_order(cast(LayerOptions, place.layer))]


def in_head_order(array: np.ndarray, place: Place) -> np.ndarray:
    """What each query head has one of, (h, ...)."""
    return array[_order(cast(LayerOptions, place.layer))]


def heads_last(array: np.ndarray, place: Place) -> np.ndarray:
    """A projection with a row for each query head, (h, d) to (d, h)."""
    return in_head_order(array, place).T


def features_of_heads_or_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """A projection with a row for each query head or for each of its features."""
    one_each = array.shape[0] == _attention(cast(LayerOptions, place.layer)).heads
    return (heads_last if one_each else features_of_heads)(array, place)


def gate_of_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """The same that reads what all heads attended, (h or h * k, h * k)."""
    return features_of_heads_or_heads(output_heads(array, place).T, place)


def gru_of_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """The rows of a GRU whose states are the features of query heads, (3 * h * k, ...), gate by gate."""
    order = _order(cast(LayerOptions, place.layer))
    return array.reshape(3, order.size, -1, *array.shape[1:])[:, order].reshape(array.shape)


def gru_of_states(array: np.ndarray, place: Place) -> np.ndarray:
    """The same from these states, (3 * h * k, h * k)."""
    return output_heads(gru_of_heads(array, place), place).T


def head_mix(array: np.ndarray, place: Place) -> np.ndarray:
    """A mix of query heads, (h, h, 1, 1) to (h, h)."""
    order = _order(cast(LayerOptions, place.layer))
    return array.reshape(array.shape[:2])[order][:, order]


def bias_table(array: np.ndarray, place: Place) -> np.ndarray:
    """The T5 bias of all self attention layers, (buckets, h)."""
    return array[:, _shared_order(array.shape[1], place, "position_bias='t5' has one table for")]


def dynamic_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """What makes the dynamic bias of all self attention layers: (h, w) to (w, h), or (h)."""
    return array[_shared_order(array.shape[0], place, "position_bias='dynamic' is one network for")].T


def _shared_order(heads: int, place: Place, reason: str) -> np.ndarray:
    """The order of the heads of all self attention layers, which must be the same."""
    layers = [layer for layer in place.stack.layers if layer.kind == "a"]
    orders = [_order(layer) for layer in layers] or [np.arange(heads)]
    for layer, order in zip(layers, orders, strict=False):
        if (order != orders[0]).any():
            raise CheckpointError(_stuck(f"{reason} the heads of all layers", layer))
    return orders[0]


def forget_gates(array: np.ndarray, place: Place) -> np.ndarray | None:
    """What makes the forget gates, in both directions where attention has both: (h or 2h, d), or (h or 2h)."""
    if place.stack.position.attn_data_dependent_alibi_per_row:
        return None
    order = _order(cast(LayerOptions, place.layer))
    gates = array.reshape(-1, order.size, *array.shape[1:])[:, order]
    return gates.reshape(array.shape).T


def gate_queries(array: np.ndarray, place: Place) -> np.ndarray | None:
    """What makes the queries of forget gates, the first half of (2 h s, d), to (d, h s)."""
    return _of_gates(array, place, 0)


def gate_keys(array: np.ndarray, place: Place) -> np.ndarray | None:
    """What makes the keys of forget gates, the second half of (2 h s, d), to (d, h s)."""
    return _of_gates(array, place, 1)


def _of_gates(array: np.ndarray, place: Place, which: int) -> np.ndarray | None:
    position = place.stack.position
    if not position.attn_data_dependent_alibi_per_row:
        return None
    half, order = np.split(array, 2)[which], _order(cast(LayerOptions, place.layer))
    return _reordered(half, order, place, position.attn_data_dependent_alibi_per_row_dim_head).T


def curves_of_heads(array: np.ndarray, place: Place) -> np.ndarray:
    """What mixes the basis curves of each query head: (h c, d) to (d, h c), or (h c)."""
    order, count = _order(cast(LayerOptions, place.layer)), place.stack.position.attn_rel_proj_num_distance_basis
    return array.reshape(order.size, count, *array.shape[1:])[order].reshape(array.shape).T


def _reordered(rows: np.ndarray, order: np.ndarray, place: Place, width: int) -> np.ndarray:
    """Put (h * k, d), with heads of k = width, into another order of heads."""
    if rows.shape[0] != order.size * width:
        own = width != _attention(cast(LayerOptions, place.layer)).attn_dim_head
        field = "attn_value_dim_head" if own else "attn_dim_head"
        raise CheckpointError(
            f"{place.source} serves heads of {rows.shape[0]} features in all, but heads={order.size} and "
            f"{field}={width} make {order.size * width}; set both as in training"
        )
    return rows.reshape(order.size, width, -1)[order].reshape(rows.shape)


def _order(layer: LayerOptions) -> np.ndarray:
    options = _attention(layer)
    return head_order(options.heads, options.attn_kv_heads or options.heads)


def _attention(layer: LayerOptions) -> AttentionOptions:
    return cast(AttentionOptions, layer.branch)


def _stuck(reason: str, layer: LayerOptions) -> str:
    """Say why heads cannot change places, and the way out."""
    options = _attention(layer)
    return (
        f"{reason}, and attn_kv_heads={options.attn_kv_heads} would change the order of the heads; set "
        f"attn_kv_heads=None: keys and values are then written out for all heads={options.heads}, and the "
        "model computes the same"
    )
