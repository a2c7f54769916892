"""From layout fields to the list of layers and the order they run in: a pure function.

Kinds: `a` self attention, `c` cross attention, `f` feed-forward.
"""

from __future__ import annotations

from dataclasses import dataclass

from .options.layout import LayoutOptions


@dataclass(frozen=True)
class Layout:
    """The layers of a stack.

    Args:
        kinds: Kind of each layer that is built.
        order: Indices into `kinds` in the order the layers run.
        block_length: Number of steps of the order that make one block; 1 where the order has no blocks.
    """

    kinds: tuple[str, ...]
    order: tuple[int, ...]
    block_length: int = 1

    def count(self, kind: str) -> int:
        """Number of built layers of a kind; `*` counts all."""
        return len(self.kinds) if kind == "*" else self.kinds.count(kind)

    def mirrored(self, index: int) -> int | None:
        """Return the layer that begins the mirror image of the block that a layer begins; None in the first half.

        Args:
            index: The layer.
        """
        block, blocks = index // self.block_length, len(self.kinds) // self.block_length
        if index % self.block_length or block < blocks / 2:
            return None
        return (blocks - 1 - block) * self.block_length


def block_of(options: LayoutOptions) -> tuple[str, ...]:
    """Return the layer kinds of one block."""
    block: tuple[str, ...] = ("a", "f")
    if options.cross_attend:
        block = ("c", "f") if options.only_cross else ("a", "c", "f")
    if options.macaron:
        block = ("f", *block)
    return block


def layer_layout(options: LayoutOptions) -> Layout:
    """Return the layers that the layout fields ask for.

    Args:
        options: The layout fields; assumed to have passed the rules.
    """
    block = block_of(options)
    regular = False
    if options.custom_layers is not None:
        kinds = tuple(options.custom_layers)
    elif options.par_ratio is not None:
        kinds = _par_order(block, options)
    elif options.sandwich_coef is not None:
        coef = options.sandwich_coef
        kinds = ("a",) * coef + block * (options.depth - coef) + ("f",) * coef
    else:
        kinds = block * (1 if options.weight_tie_layers else options.depth)
        regular = options.layers_execute_order is None
    if options.only_attn:
        kinds = tuple(kind for kind in kinds if kind != "f")
        block = tuple(kind for kind in block if kind != "f")
    if options.layers_execute_order is not None:
        order = tuple(options.layers_execute_order)
    else:
        repeats = options.depth if options.weight_tie_layers else 1
        order = tuple(range(len(kinds))) * repeats
    return Layout(kinds, order, len(block) if regular else 1)


def par_places(options: LayoutOptions) -> tuple[int, int]:
    """Return how many attention blocks a PAR order has, and how many layers each has room for.

    Args:
        options: The layout fields, with a `par_ratio`.
    """
    total = options.depth * len(block_of(options))
    blocks = total // (options.par_ratio or 1)
    cut = total * 2 // 3
    return blocks, (cut + cut // blocks) // blocks if blocks else 0


def _par_order(block: tuple[str, ...], options: LayoutOptions) -> tuple[str, ...]:
    """Attention blocks spread over the first two thirds, feed-forward layers everywhere else (2009.04534)."""
    blocks, width = par_places(options)
    attention_block = tuple(kind for kind in block if kind != "f")
    spread = (attention_block + ("f",) * (width - len(attention_block))) * blocks
    return spread + ("f",) * (options.depth * len(block) - len(spread))
