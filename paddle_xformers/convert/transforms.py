"""What happens to single arrays: transposes, gains, halves of a gated unit."""

from __future__ import annotations

import numpy as np

from ..config.options import FeedForwardOptions
from ..errors import CheckpointError
from .table import Place


def transposed(array: np.ndarray, place: Place) -> np.ndarray:
    """(out, in) to (in, out)."""
    return array.T


def gain(array: np.ndarray, place: Place) -> np.ndarray:
    """A norm's gain, which may be stored less 1."""
    return array + array.dtype.type(_offset(place))


def _offset(place: Place) -> float:
    """What a gain of theirs is stored less by, compared with ours."""
    return float(place.unit_offset) - place.stack.norm.offset


def number(array: np.ndarray, place: Place) -> np.ndarray:
    """A norm's one number, () to (1), which may be stored less 1."""
    return gain(array, place).reshape(1)


def tanh_scale(array: np.ndarray, place: Place) -> np.ndarray:
    """The steepness of dynamic tanh, () to (1), which may be stored less what it starts from."""
    start = place.stack.norm.dynamic_tanh_init_alpha * _offset(place)
    return array.reshape(1) + array.dtype.type(start)


def one_axis(array: np.ndarray, place: Place) -> np.ndarray:
    """() to (1)."""
    return array.reshape(1)


def one_row(array: np.ndarray, place: Place) -> np.ndarray:
    """(1, n, d) to (n, d)."""
    return array[0]


def column(array: np.ndarray, place: Place) -> np.ndarray:
    """(n) to (n, 1)."""
    return array.reshape(-1, 1)


def value_half(array: np.ndarray, place: Place) -> np.ndarray | None:
    """The first half of a gated unit: weight (2f, d) to (d, f), or bias (2f) to (f)."""
    return _half(array, place, 0)


def gate_half(array: np.ndarray, place: Place) -> np.ndarray | None:
    """The second half of a gated unit: weight (2f, d) to (d, f), or bias (2f) to (f)."""
    return _half(array, place, 1)


def _half(array: np.ndarray, place: Place, which: int) -> np.ndarray | None:
    if array.shape[0] % 2:
        raise CheckpointError(
            f"{place.source} has shape {list(array.shape)}, but holds value and gate one after the other, so that "
            "its first axis must be even; the weights are damaged, fetch them again"
        )
    if array.ndim == 1 and _without_bias(place):
        if array.any():
            raise CheckpointError(
                f"{place.source} is not zero, but ff_no_bias=True leaves no place for it (x-transformers keeps this "
                "one bias); set ff_no_bias=False: the bias it does leave out is then zero"
            )
        return None
    return np.split(array, 2)[which].T


def _without_bias(place: Place) -> bool:
    branch = place.layer.branch if place.layer else None
    return isinstance(branch, FeedForwardOptions) and branch.ff_no_bias


def unless_alone(array: np.ndarray, place: Place) -> np.ndarray | None:
    """Nothing for a layer that sees no other: what would weigh its own reading against nothing else is left out."""
    layer, residual = place.layer, place.stack.residual
    if residual.integrate_layers:
        alone = layer is place.stack.layers[0] and residual.layer_integrate_use_softmax
    else:
        alone = layer is not None and layer.opens
    return None if alone else array


def unless_alone_transposed(array: np.ndarray, place: Place) -> np.ndarray | None:
    """(out, in) to (in, out), or nothing, likewise."""
    kept = unless_alone(array, place)
    return None if kept is None else kept.T


def rotary_frequencies(array: np.ndarray, place: Place) -> None:
    """Nothing to store: ours follow from the configuration, and must be the same."""
    position, head_dim = place.stack.position, place.stack.attention.attn_dim_head
    if not position.rotary_pos_emb:
        raise CheckpointError(
            f"the weights hold {place.source}, but rotary_pos_emb=False; set rotary_pos_emb=True as in training"
        )
    width = head_dim // 2 if position.rotary_emb_dim is None else position.rotary_emb_dim
    base = position.rotary_rescaled_base(width)
    ours = base ** (-np.arange(0, width, 2) / width)
    if array.shape != ours.shape or not np.allclose(array, ours, rtol=1e-4):
        raise CheckpointError(
            f"{place.source} holds {array.size} frequencies down to {array.min():g}, but rotary_emb_dim={width} and "
            f"rotary_base={base:g} give {ours.size} down to {ours.min():g}; set both as in training"
        )


def polar_frequencies(array: np.ndarray, place: Place) -> None:
    """Nothing to store: they follow from the width of a head; the configuration must ask for polar positions."""
    if not place.stack.position.polar_pos_emb:
        raise CheckpointError(
            f"the weights hold {place.source}, but polar_pos_emb=False; set polar_pos_emb=True as in training"
        )


def xpos_scales(array: np.ndarray, place: Place) -> None:
    """Nothing to store: they follow from the configuration, which must ask for xPos."""
    if not place.stack.position.rotary_xpos:
        raise CheckpointError(
            f"the weights hold {place.source}, but rotary_xpos=False; set rotary_xpos=True as in training"
        )


def of_extra_ids(array: np.ndarray, place: Place) -> np.ndarray | None:
    """A table of further ids, if the configuration has one of that name."""
    name = place.source.removeprefix("embeds.").removesuffix("_embed.weight")
    return array if name in (place.stack.extra_tokens.embed_num_tokens or ()) else None


def of_types(array: np.ndarray, place: Place) -> np.ndarray | None:
    """A table of further ids that is that of the token types, having no name in the configuration."""
    return array if of_extra_ids(array, place) is None else None
