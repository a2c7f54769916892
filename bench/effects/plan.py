"""Sizes of the measured runs: one set for every feature, so that figures can be compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What every run is made of.

    Attributes:
        dim: Width of the models.
        depth: Number of blocks.
        heads: Attention heads; each is dim / heads wide.
        rotary: Models of text have rotary positions: in a run so short, learned ones have hardly begun to help.
        window: Bytes in a window of the text task.
        segment: Bytes in a segment, where a text is read in pieces: half a source, half a target, or mems.
        batch: Windows in a training step of the text task; the other tasks have as many bytes.
        images: Images in a training step.
        steps: Training steps of a run.
        learning_rate: Its highest value.
        held_out_bytes: How much text no run trains on, but all are evaluated on.
        pairs: Timed steps of the reference and of the variant, in turn.
        seeds: Initial weights of a task's baseline, one run each; every other run has the first.
    """

    dim: int = 128
    depth: int = 4
    heads: int = 4
    rotary: bool = True
    window: int = 256
    segment: int = 64
    batch: int = 4
    images: int = 32
    steps: int = 160
    learning_rate: float = 3e-3
    held_out_bytes: int = 32 << 10
    pairs: int = 11
    seeds: tuple[int, ...] = (1, 2, 3)

    @property
    def sizes(self) -> dict[str, int]:
        """The fields that every model has, unless its variant says otherwise."""
        return {"dim": self.dim, "depth": self.depth, "heads": self.heads, "attn_dim_head": self.dim // self.heads}


# For tests: all that happens, in seconds.
SMOKE = Plan(
    dim=32,
    depth=2,
    heads=4,
    window=32,
    segment=8,
    batch=2,
    images=8,
    steps=2,
    held_out_bytes=1 << 10,
    pairs=2,
    seeds=(1, 2),
)
