"""What the worker asks of a system, and its form for models that follow PaddleNLP's interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import metadata
from typing import Any

import numpy as np

from bench.workload import DECODE_BATCH, Size, check_decoded

LEARNING_RATE = 3e-4
WEIGHT_DECAY = 0.01


class System(ABC):
    """A decoder with its optimizer. Each task does the whole of its work before it returns."""

    packages: tuple[str, ...] = ()

    def __init__(self, size: Size) -> None:
        """Keep the shapes; a subclass builds model, inputs and optimizer."""
        self.size = size

    @abstractmethod
    def parameter_count(self) -> int:
        """Returns the number of trainable numbers, shared ones counted once."""

    @abstractmethod
    def forward(self) -> float:
        """Run the training batch without gradients. Returns the mean magnitude of the logits."""

    @abstractmethod
    def train_step(self) -> float:
        """Do loss, backward, one AdamW step and clearing of gradients. Returns the loss."""

    @abstractmethod
    def decode(self, batch: int) -> np.ndarray:
        """Decode greedily with a cache. Returns the new tokens, (batch, new_tokens)."""

    def versions(self) -> dict[str, str]:
        """Returns the installed version of each package in `packages`."""
        return {name: metadata.version(name) for name in self.packages}

    def run(self, task: str) -> float:
        """Run one repetition.

        Args:
            task: One of `bench.workload.TASKS`.

        Returns:
            A number that depends on the result, so that no system can skip the work.

        Raises:
            ValueError: Decoding returned anything but the tokens that were asked for.
        """
        if task in DECODE_BATCH:
            tokens = self.decode(DECODE_BATCH[task])
            check_decoded(tokens, self.size, DECODE_BATCH[task])
            return float(tokens.sum())
        return {"forward": self.forward, "train_step": self.train_step}[task]()


class PaddleNLPSystem(System):
    """A causal language model with PaddleNLP's `forward` and `generate`.

    Args:
        model: Called as `model(ids)` and `model(ids, labels=ids)`.
        size: The shapes it is run on.
        call: Further arguments of every forward call outside decoding.
    """

    packages = ("paddlepaddle", "paddlenlp")

    def __init__(self, model: Any, size: Size, call: dict[str, Any] | None = None) -> None:
        """Put the inputs in place and make the optimizer."""
        import paddle

        super().__init__(size)
        self.paddle = paddle
        self.model = model
        self.call = call or {}
        self.ids = paddle.to_tensor(size.training_ids())
        self.optimizer = paddle.optimizer.AdamW(
            learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY, parameters=model.parameters()
        )

    def parameter_count(self) -> int:
        """Returns the number of trainable numbers; tied weights appear twice in the list and count once."""
        return sum(int(p.size) for p in {id(p): p for p in self.model.parameters()}.values())

    def forward(self) -> float:
        """Run the model in evaluation mode."""
        self.model.eval()
        with self.paddle.no_grad():
            output = self.model(self.ids, **self.call)
            logits = output[0] if isinstance(output, tuple) else output
            return float(logits.abs().mean())

    def train_step(self) -> float:
        """Do one step with the model's own loss; the labels are the inputs."""
        self.model.train()
        loss = self.model(self.ids, labels=self.ids, **self.call)[0]
        loss.backward()
        self.optimizer.step()
        self.optimizer.clear_grad()
        return float(loss)

    def decode(self, batch: int) -> np.ndarray:
        """Decode with PaddleNLP's `generate`."""
        self.model.eval()
        prompt = self.paddle.to_tensor(self.size.prompt_ids(batch))
        tokens, _scores = self.model.generate(
            prompt,
            decode_strategy="greedy_search",
            max_new_tokens=self.size.new_tokens,
            use_cache=True,
            **self.generation_arguments(prompt),
        )
        return tokens.numpy()

    def generation_arguments(self, prompt: Any) -> dict[str, Any]:
        """Returns what `generate` needs of this model besides the prompt; by default nothing."""
        return {}


def quiet_paddlenlp() -> None:
    """Import PaddleNLP through the package's own door, and keep its log to errors."""
    from paddle_xformers._compat import import_paddlenlp

    import_paddlenlp().utils.log.logger.set_level("ERROR")
