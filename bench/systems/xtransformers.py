"""x-transformers on PyTorch: the project whose options paddle_xformers brings to Paddle."""

from __future__ import annotations

import numpy as np

from bench.systems.base import LEARNING_RATE, WEIGHT_DECAY, System
from bench.workload import Size


class XTransformersSystem(System):
    """A `TransformerWrapper` inside an `AutoregressiveWrapper`, which shifts the labels and decodes.

    Args:
        size: The model and the shapes.
        flash: Use PyTorch's fused attention instead of the library's default.
    """

    packages = ("torch", "x-transformers")

    def __init__(self, size: Size, flash: bool) -> None:
        """Build model, inputs and optimizer."""
        import torch
        from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

        super().__init__(size)
        torch.manual_seed(0)
        layers = Decoder(dim=size.dim, depth=size.depth, heads=size.heads, rotary_pos_emb=True, attn_flash=flash)
        network = TransformerWrapper(num_tokens=size.vocab, max_seq_len=size.max_seq_len, attn_layers=layers)
        self.torch = torch
        self.model = AutoregressiveWrapper(network)
        self.ids = torch.from_numpy(size.training_ids())
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def parameter_count(self) -> int:
        """Returns the number of trainable numbers."""
        return sum(p.numel() for p in self.model.parameters())

    def forward(self) -> float:
        """Run the bare network in evaluation mode."""
        self.model.eval()
        with self.torch.no_grad():
            return float(self.model.net(self.ids).abs().mean())

    def train_step(self) -> float:
        """Do one step with the wrapper's own loss."""
        self.model.train()
        loss = self.model(self.ids)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(loss.detach())

    def decode(self, batch: int) -> np.ndarray:
        """Decode with the wrapper's `generate`; temperature 0 is greedy."""
        prompt = self.torch.from_numpy(self.size.prompt_ids(batch))
        tokens = self.model.generate(prompt, self.size.new_tokens, temperature=0.0, cache_kv=True)
        return tokens.numpy()


def build(size: Size, flash: bool) -> System:
    """Returns the system with or without fused attention."""
    return XTransformersSystem(size, flash)
