"""From the flat values of a configuration to the frozen options that `nn` builds from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .field import FieldInfo, fields_of
from .layout import Layout, layer_layout
from .options import (
    AttentionOptions,
    ContinuousOptions,
    DecoderOptions,
    EmbeddingOptions,
    FeedForwardOptions,
    LayoutOptions,
    MemoryOptions,
    ModelOptions,
    NormOptions,
    PositionOptions,
    ResidualOptions,
    TokenOptions,
    VisionOptions,
)
from .schema import group_values, twin, value_in_force

# Longest sequence of a family that has no field for it.
ANY_LENGTH = 2**62


@dataclass(frozen=True)
class LayerOptions:
    """One layer of the stack.

    Args:
        kind: `a`, `c` or `f`.
        ordinal: How many layers of the same kind come before it.
        branch: Options of its attention or feed-forward branch.
        drop_rate: Probability that it is skipped in a training step.
        branch_scale: Constant factor on the branch output (macaron: one half of it).
        block: The block that it stands in, counted from 0.
        context_dim: Width of the keys' input, for cross attention; None: dim.
        shift: How many tokens its input is shifted by at most; 0: not at all.
    """

    kind: str
    ordinal: int
    branch: AttentionOptions | FeedForwardOptions
    drop_rate: float = 0.0
    branch_scale: float = 1.0
    block: int = 0
    context_dim: int | None = None
    shift: int = 0


@dataclass(frozen=True)
class StackOptions:
    """Everything a stack of layers is built from, and what stands around it.

    `tokens` is None without a vocabulary, `vision` without images, `continuous` without vectors.
    """

    model: ModelOptions
    embedding: EmbeddingOptions
    position: PositionOptions
    norm: NormOptions
    residual: ResidualOptions
    memory: MemoryOptions
    attention: AttentionOptions
    layers: tuple[LayerOptions, ...]
    order: tuple[int, ...]
    block_length: int
    causal: bool
    decoder: DecoderOptions = DecoderOptions()
    tokens: TokenOptions | None = None
    vision: VisionOptions | None = None
    continuous: ContinuousOptions | None = None

    @property
    def dim(self) -> int:
        """Width of the residual stream."""
        return self.model.dim

    @property
    def looks_ahead(self) -> bool:
        """Whether a token may see later ones."""
        return not self.causal or self.decoder.prefix_lm

    @property
    def has_cross_attention(self) -> bool:
        """Whether any layer attends to a context."""
        return any(layer.kind == "c" for layer in self.layers)


def stack_options(values: Mapping[str, Any], *, causal: bool) -> StackOptions:
    """Build the options of a stack.

    Args:
        values: Validated value of every field.
        causal: Whether self attention looks only backwards.
    """
    layout = layer_layout(LayoutOptions(**group_values(LayoutOptions, values)))
    layers = tuple(_layer(values, layout, index) for index in range(len(layout.kinds)))
    shared: dict[str, Any] = {
        name: None if isinstance(value, tuple) else value
        for name, value in group_values(AttentionOptions, values).items()
    }
    return StackOptions(
        model=ModelOptions(**group_values(ModelOptions, values)),
        embedding=EmbeddingOptions(**group_values(EmbeddingOptions, values)),
        position=_position(values),
        norm=NormOptions(**group_values(NormOptions, values)),
        residual=ResidualOptions(**group_values(ResidualOptions, values)),
        memory=MemoryOptions(**group_values(MemoryOptions, values)),
        attention=AttentionOptions(**shared),
        layers=layers,
        order=layout.order,
        block_length=layout.block_length,
        causal=causal,
        decoder=DecoderOptions(**group_values(DecoderOptions, values)),
        tokens=TokenOptions(**group_values(TokenOptions, values)) if "num_tokens" in values else None,
        vision=VisionOptions(**group_values(VisionOptions, values)) if "patch_size" in values else None,
        continuous=ContinuousOptions(**group_values(ContinuousOptions, values)) if "dim_in" in values else None,
    )


def _position(values: Mapping[str, Any]) -> PositionOptions:
    """The position fields; what follows from the width of the model is filled in."""
    width = values["dynamic_pos_bias_dim"] or max(values["dim"] // 4, 1)
    own = {"max_seq_len": ANY_LENGTH, **values, "dynamic_pos_bias_dim": width}
    return PositionOptions(**group_values(PositionOptions, own))


def _layer(values: Mapping[str, Any], layout: Layout, index: int) -> LayerOptions:
    kind = layout.kinds[index]
    ordinal = layout.kinds[:index].count(kind)
    return LayerOptions(
        kind=kind,
        ordinal=ordinal,
        branch=_branch(values, kind, ordinal),
        drop_rate=_of_layer(values["layer_dropout"], index),
        branch_scale=values["branch_scale"] * (0.5 if kind == "f" and values["macaron"] else 1.0),
        block=index // layout.block_length,
        context_dim=values["cross_attn_dim_context"] if kind == "c" else None,
        shift=_of_layer(values["shift_tokens"], index),
    )


def _of_layer(value: Any, index: int) -> Any:
    """One layer's entry of a field that may be a list over all layers."""
    return value[index] if isinstance(value, (list, tuple)) else value


def _branch(values: Mapping[str, Any], kind: str, ordinal: int) -> AttentionOptions | FeedForwardOptions:
    if kind == "f":
        return FeedForwardOptions(**_layer_values(FeedForwardOptions, values, ordinal))
    if kind == "a":
        return AttentionOptions(**_layer_values(AttentionOptions, values, ordinal))
    crossed = {info.name: _across(info, values) for info in fields_of(AttentionOptions)}
    return AttentionOptions(**_layer_values(AttentionOptions, crossed, ordinal))


def _across(info: FieldInfo, values: Mapping[str, Any]) -> Any:
    """What holds in cross attention for a field of attention."""
    value = value_in_force(twin(info.name), values)
    # A list of a field without a twin is one for the self attention layers.
    return info.default if twin(info.name) == info.name and isinstance(value, (list, tuple)) else value


def _layer_values(group: type, values: Mapping[str, Any], ordinal: int) -> dict[str, Any]:
    """A group's values for one layer: the layer's own entry of every per-layer list."""
    picked = group_values(group, values)
    return {
        info.name: picked[info.name][ordinal]
        if info.per_layer is not None and isinstance(picked[info.name], tuple)
        else picked[info.name]
        for info in fields_of(group)
    }
