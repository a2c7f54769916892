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
    ExtraTokenOptions,
    FeedForwardOptions,
    LayoutOptions,
    MemoryOptions,
    ModelOptions,
    NormOptions,
    NumberOptions,
    OutputOptions,
    PositionOptions,
    ResidualOptions,
    RoundsOptions,
    StreamOptions,
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
        views: How many readings of the streams its branch wants: 1, or 3 for queries, keys and values.
        opens: Whether it runs first, and never again.
        skip_from: The layer whose input a U-Net skip brings to it, or None.
    """

    kind: str
    ordinal: int
    branch: AttentionOptions | FeedForwardOptions
    drop_rate: float = 0.0
    branch_scale: float = 1.0
    block: int = 0
    context_dim: int | None = None
    shift: int = 0
    views: int = 1
    opens: bool = False
    skip_from: int | None = None

    @property
    def lines_up(self) -> bool:
        """Whether it goes over the tokens of a row one after the other, padding left out."""
        return self.shift > 0 or getattr(self.branch, "attn_hybrid_module", None) is not None


@dataclass(frozen=True)
class StackOptions:
    """Everything a stack of layers is built from, and what stands around it.

    `tokens` is None without a vocabulary, `vision` without images, `continuous` without vectors, `numbers` without
    numbers among the tokens, `streams` without several vocabularies.
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
    extra_tokens: ExtraTokenOptions = ExtraTokenOptions()
    output: OutputOptions = OutputOptions()
    rounds: RoundsOptions = RoundsOptions()
    tokens: TokenOptions | None = None
    vision: VisionOptions | None = None
    continuous: ContinuousOptions | None = None
    numbers: NumberOptions | None = None
    streams: StreamOptions | None = None

    @property
    def dim(self) -> int:
        """Width of the residual stream."""
        return self.model.dim

    @property
    def needs_condition(self) -> bool:
        """Whether anything depends on a condition."""
        return self.norm.is_adaptive or self.residual.use_adaptive_layerscale

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
        extra_tokens=ExtraTokenOptions(**group_values(ExtraTokenOptions, values)),
        output=OutputOptions(**group_values(OutputOptions, values)),
        rounds=RoundsOptions(**group_values(RoundsOptions, values)),
        decoder=DecoderOptions(**group_values(DecoderOptions, values)),
        tokens=TokenOptions(**group_values(TokenOptions, values)) if "num_tokens" in values else None,
        vision=VisionOptions(**group_values(VisionOptions, values)) if "patch_size" in values else None,
        continuous=ContinuousOptions(**group_values(ContinuousOptions, values)) if "dim_in" in values else None,
        numbers=NumberOptions(**group_values(NumberOptions, values)) if "numerical_token_id" in values else None,
        streams=StreamOptions(**group_values(StreamOptions, values)) if "stream_names" in values else None,
    )


def _position(values: Mapping[str, Any]) -> PositionOptions:
    """The position fields; what follows from the width of the model is filled in."""
    width = values["dynamic_pos_bias_dim"] or max(values["dim"] // 4, 1)
    own = {"max_seq_len": ANY_LENGTH, **values, "dynamic_pos_bias_dim": width}
    return PositionOptions(**group_values(PositionOptions, own))


def _layer(values: Mapping[str, Any], layout: Layout, index: int) -> LayerOptions:
    kind = layout.kinds[index]
    ordinal = layout.kinds[:index].count(kind)
    residual = ResidualOptions(**group_values(ResidualOptions, values))
    opens = layout.order[0] == index and layout.order.count(index) == 1
    return LayerOptions(
        kind=kind,
        ordinal=ordinal,
        branch=_branch(values, kind, ordinal),
        drop_rate=_of_layer(values["layer_dropout"], index),
        branch_scale=values["branch_scale"] * (0.5 if kind == "f" and values["macaron"] else 1.0),
        block=index // layout.block_length,
        context_dim=values["cross_attn_dim_context"] if kind == "c" else None,
        shift=_of_layer(values["shift_tokens"], index),
        views=_views(residual, kind, ordinal, opens=opens),
        opens=opens,
        skip_from=layout.mirrored(index) if residual.unet_skips else None,
    )


def _views(residual: ResidualOptions, kind: str, ordinal: int, *, opens: bool) -> int:
    """How many readings a branch wants: several only where they can differ."""
    if kind != "a":
        return 1
    if residual.integrate_layers:
        return 3 if ordinal else 1
    return 3 if residual.qkv_receive_diff_residuals and not (residual.attn_aggregated_residuals and opens) else 1


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
    if not info.across:
        return info.default
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
